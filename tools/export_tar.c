#include "export.h"

#include "config.h"

#include "base/text.h"

#include <string.h>

static const char readme[] =
    "This is the record of one study, made by hpt-export.\n"
    "\n"
    "To check it, unpack it into an empty folder and run\n"
    "\n"
    "    sha256sum -c SHA256SUMS\n"
    "    sha256sum MANIFEST.json\n"
    "\n"
    "The first compares every file with its digest. The second prints the identity of the bundle:\n"
    "whoever has it from a source they trust knows that nothing was changed, added or left out, "
    "as\n"
    "MANIFEST.json names every other file (SHA256SUMS too) with its size and SHA-256.\n"
    "\n"
    "study.json           name, seed, target number of trials, hash of the newest definition\n"
    "definitions/N.json   version N of the definition: command, metrics, sampler, search space;\n"
    "                     exactly the bytes that are hashed\n"
    "space.txt            the search space of the newest version, see hpt-space(5)\n"
    "trials.jsonl         a trial a line; config_hash is the SHA-256 of the text of config\n"
    "attempts.jsonl       an attempt at a trial a line, with lost and interrupted ones\n"
    "metrics.jsonl        a metric of a trial a line: value, the rule that found it, where\n"
    "points.jsonl         a point of a curve a line, in the order they were reported\n"
    "workers.jsonl        the hpt-run processes\n"
    "artefacts.jsonl      a file or an output stream of a trial a line; digest names the object\n"
    "objects/sha256/…     their bytes, named by their SHA-256: the first two digits are the "
    "folder\n"
    "environments/H.json  the machine and the software of attempts, and the parts that they name, by\n"
    "                     their digests; H is the SHA-256 of the file\n"
    "\n"
    "Words of argv, paths and link targets are bytes, not text. In the JSON lines a backslash "
    "stands\n"
    "as two and any byte outside ASCII as a backslash and three octal digits.\n"
    "Times are in UTC. Numbers are the shortest text that reads back to the same double.\n";

typedef struct {
    const Export *export;
    HptBundle *bundle;
    HptStore **store;
} Job;

static bool to_bundle(void *user, const char *bytes, size_t length, GError **error)
{
    return hpt_bundle_append(user, bytes, length, error);
}

/* The rows of a statement as a file of JSON lines. */
static bool add_lines(const Job *job, const char *path, HptSql sql, const HptArgs *args,
                      GError **error)
{
    static const char *const json[] = {"config", NULL};
    static const HptShow show = {.format = HPT_FORMAT_JSONL};
    return hpt_bundle_begin(job->bundle, path, error) &&
           export_stream(job->export, hpt_sql_statements[sql].text, args, &show, json, to_bundle,
                         job->bundle, error) &&
           hpt_bundle_end(job->bundle, error);
}

static bool add_definitions(const Job *job, const HptArgs *study, GError **error)
{
    g_autoptr(HptRows) rows = hpt_db_rows(job->export->db, HPT_SQL_EXPORT_DEFINITION, study, error);
    if (rows == NULL)
        return false;
    size_t n = hpt_rows_count(rows);
    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        const void *canonical = hpt_rows_peek_bytea(rows, i, 1, &length);
        g_autofree char *path = g_strdup_printf("definitions/%d.json", hpt_rows_int4(rows, i, 0));
        if (!hpt_bundle_add_bytes(job->bundle, path, canonical, length, error))
            return false;
    }
    const char *space = n > 0 ? hpt_rows_peek_text(rows, n - 1, 2) : NULL;
    return space == NULL ||
           hpt_bundle_add_bytes(job->bundle, "space.txt", space, strlen(space), error);
}

static bool damaged(const char *what, const char *digest, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                "%s sha256:%s in the database is damaged: its bytes have another digest", what,
                digest);
    return false;
}

/* Bytes that the database keeps, in hexadecimal, checked against their name. */
static char *checked_bytes(const char *what, const char *digest, const char *hex, size_t *length,
                           GError **error)
{
    HptDigest named;
    g_autofree char *bytes = export_unhex(hex, length);
    HptDigest found = hpt_digest(bytes, bytes != NULL ? *length : 0);
    if (bytes != NULL && hpt_digest_parse(digest, &named) &&
        memcmp(&named, &found, sizeof found) == 0)
        return g_steal_pointer(&bytes);
    (void)damaged(what, digest, error);
    return NULL;
}

/* Columns: digest, canonical. */
static bool environment_row(const HptDbText *values, size_t count, void *user, GError **error)
{
    g_assert(count == 2);
    const Job *job = user;
    size_t length = 0;
    g_autofree char *bytes =
        checked_bytes("environment", values[0].text, values[1].text, &length, error);
    g_autofree char *path = g_strdup_printf("environments/%s.json", values[0].text);
    return bytes != NULL && hpt_bundle_add_bytes(job->bundle, path, bytes, length, error);
}

static bool add_stored(const Job *job, const char *digest, const char *size, GError **error)
{
    HptObjectId id = {.size = g_ascii_strtoll(size, NULL, 10)};
    if (!hpt_digest_parse(digest, &id.digest))
        return damaged("object", digest, error);
    if (*job->store == NULL)
        *job->store = hpt_store_open(job->export->objects, error);
    if (*job->store == NULL)
        return false;
    g_autoptr(GError) missing = NULL;
    if (hpt_bundle_add_object(job->bundle, *job->store, &id, &missing))
        return true;
    g_set_error(error, missing->domain, missing->code,
                "%s\nhint: trials of another machine keep theirs in its own folder; "
                "--with=none leaves objects out",
                missing->message);
    return false;
}

/* Columns: digest, size, bytes. */
static bool object_row(const HptDbText *values, size_t count, void *user, GError **error)
{
    g_assert(count == 3);
    const Job *job = user;
    if (values[2].text == NULL)
        return add_stored(job, values[0].text, values[1].text, error);
    size_t length = 0;
    g_autofree char *bytes =
        checked_bytes("object", values[0].text, values[2].text, &length, error);
    return bytes != NULL && hpt_bundle_add_object_bytes(job->bundle, bytes, length, error);
}

static bool add_rows(const Job *job, HptSql sql, const HptArgs *args,
                     bool (*row)(const HptDbText *, size_t, void *, GError **), GError **error)
{
    HptDbStream query = {.sql = hpt_sql_statements[sql].text,
                         .args = args,
                         .row = row,
                         .user = (void *)(uintptr_t)job};
    return hpt_db_stream(job->export->db, &query, error);
}

static bool add_objects(const Job *job, GError **error)
{
    static const char *const kinds[] = {"file", "stdout", "stderr"};
    const Export *export = job->export;
    if (!export->artefacts && !export->logs)
        return true;
    g_autoptr(HptArgs) args = export_args(export);
    hpt_args_texts(args, kinds + (export->artefacts ? 0 : 1),
                   (export->artefacts ? 1u : 0u) + (export->logs ? 2u : 0u));
    return add_rows(job, HPT_SQL_EXPORT_OBJECTS, args, object_row, error);
}

static bool fill(const Job *job, GError **error)
{
    static const struct {
        const char *path;
        HptSql sql;
    } files[] = {
        {"trials.jsonl", HPT_SQL_EXPORT_TRIALS},       {"attempts.jsonl", HPT_SQL_EXPORT_ATTEMPTS},
        {"metrics.jsonl", HPT_SQL_EXPORT_METRICS},     {"points.jsonl", HPT_SQL_EXPORT_POINTS},
        {"artefacts.jsonl", HPT_SQL_EXPORT_ARTEFACTS},
    };
    g_autoptr(HptArgs) study = hpt_args_new(), args = export_args(job->export);
    hpt_args_text(study, job->export->study.study);
    if (!hpt_bundle_add_bytes(job->bundle, "README.txt", readme, strlen(readme), error) ||
        !add_lines(job, "study.json", HPT_SQL_EXPORT_STUDY, study, error) ||
        !add_lines(job, "workers.jsonl", HPT_SQL_EXPORT_WORKERS, study, error) ||
        !add_definitions(job, study, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        if (!add_lines(job, files[i].path, files[i].sql, args, error))
            return false;
    if (job->export->environments &&
        !add_rows(job, HPT_SQL_EXPORT_ENVIRONMENTS, args, environment_row, error))
        return false;
    return add_objects(job, error);
}

HptBundle *export_bundle(const Export *export, const char *spool_dir, HptStore **store,
                         GError **error)
{
    g_autoptr(HptBundle) bundle = hpt_bundle_new("study", spool_dir, error);
    Job job = {export, bundle, store};
    if (bundle == NULL || !fill(&job, error))
        return NULL;
    return g_steal_pointer(&bundle);
}
