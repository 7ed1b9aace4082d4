/* hpt-verify: does the record hold together, and is everything there that it names? */
#include "tool.h"

#include "base/number.h"
#include "base/text.h"
#include "db/project.h"
#include "show/format.h"
#include "show/terminal.h"
#include "store/object.h"
#include "study/name.h"
#include "study/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* Younger than this, what lies about may be somebody's work under way. */
#define GRACE_US G_TIME_SPAN_DAY

static gboolean opt_store, opt_no_content, opt_no_header, opt_quiet;
static char *opt_study, *opt_format, *opt_dsn, *opt_directory;

static const GOptionEntry options[] = {
    {"store", 0, 0, G_OPTION_ARG_NONE, &opt_store,
     "check the database and the objects; what hpt-verify does when nothing is asked for", NULL},
    {"no-content", 0, 0, G_OPTION_ARG_NONE, &opt_no_content,
     "do not read the objects: only that they are there, and the size where it shows", NULL},
    {"study", 's', 0, G_OPTION_ARG_STRING, &opt_study, "only this study; without it all", "NAME"},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &opt_format,
     "table, tsv, csv, jsonl, json, md or env; table on a terminal, else tsv", "FORMAT"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &opt_no_header, "no line with the column names", NULL},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "the database, instead of the project's", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory,
     "look for the project from this folder upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "no summary on standard error", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
    HptDb *db;
    const char *folder; /* of the project */
    const char *study;  /* NULL: all */
    HptStore *store;    /* NULL: there is no folder of objects */
    HptWriter *writer;
    int64_t errors, notes, objects, read_bytes;
    bool damaged; /* stored bytes are not what was stored */
} Verify;

/* ---- findings ---- */

static const HptColumn columns[] = {
    {.name = "invariant", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "kind", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "study", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "trial", .type = HPT_COLUMN_INT, .keep = true},
    {.name = "attempt", .type = HPT_COLUMN_INT, .keep = true},
    {.name = "finding", .type = HPT_COLUMN_TEXT, .keep = true},
};

static bool add(Verify *verify, const char *const *values, GError **error)
{
    if (strcmp(values[1], "note") == 0)
        verify->notes++;
    else
        verify->errors++;
    return hpt_writer_add(verify->writer, values, error);
}

static bool add_debris(Verify *verify, const char *invariant, const char *kind, GError **error,
                       const char *format, ...) G_GNUC_PRINTF(5, 6);
static bool add_debris(Verify *verify, const char *invariant, const char *kind, GError **error,
                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    const char *values[] = {invariant, kind, NULL, NULL, NULL, text};
    return add(verify, values, error);
}

/* ---- the database ---- */

static bool check_record(Verify *verify, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, verify->study);
    g_autoptr(HptRows) rows = hpt_db_rows(verify->db, HPT_SQL_VERIFY_FINDINGS, args, error);
    for (size_t i = 0; rows != NULL && i < hpt_rows_count(rows); i++) {
        g_autofree char *trial = hpt_rows_null(rows, i, 3)
                                     ? NULL
                                     : g_strdup_printf("%" PRId64, hpt_rows_int8(rows, i, 3));
        g_autofree char *attempt =
            hpt_rows_null(rows, i, 4) ? NULL : g_strdup_printf("%d", hpt_rows_int4(rows, i, 4));
        const char *values[] = {hpt_rows_peek_text(rows, i, 0), hpt_rows_peek_text(rows, i, 1),
                                hpt_rows_peek_text(rows, i, 2), trial, attempt,
                                hpt_rows_peek_text(rows, i, 5)};
        if (!add(verify, values, error))
            return false;
    }
    return rows != NULL;
}

/* ---- objects ---- */

/* What is wrong with an object of the folder; NULL: nothing. Owned. *failed: it could not be told. */
static char *object_problem(Verify *verify, const HptObjectId *id, bool *failed, GError **error)
{
    g_autoptr(GError) problem = NULL;
    char hex[HPT_DIGEST_HEX_SIZE];
    if (verify->store == NULL)
        return g_strdup_printf("object sha256:%s is missing", hpt_digest_hex(&id->digest, hex));
    bool fine;
    if (opt_no_content) {
        HptObjectReader *reader = hpt_object_open(verify->store, id, &problem);
        fine = reader != NULL;
        hpt_object_close(reader);
    } else {
        fine = hpt_object_check(verify->store, id, &problem);
        verify->read_bytes += id->size;
    }
    if (fine)
        return NULL;
    if (problem->code == HPT_ERROR_INTEGRITY)
        return g_strdup(problem->message);
    *failed = true;
    g_propagate_error(error, g_steal_pointer(&problem));
    return NULL;
}

static bool check_object(const HptDbText *values, size_t count G_GNUC_UNUSED, void *user,
                         GError **error)
{
    Verify *verify = user;
    HptObjectId id;
    bool in_database = values[2].text[0] == 't';
    g_autofree char *problem = NULL;
    verify->objects++;
    if (!hpt_digest_parse(values[0].text, &id.digest) ||
        !hpt_integer_parse(values[1].text, &id.size)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "object '%s' has no digest or size",
                    values[0].text);
        return false;
    }
    if (in_database) {
        verify->read_bytes += opt_no_content ? 0 : id.size;
        if (values[3].text != NULL && values[3].text[0] == 'f')
            problem = g_strdup_printf("object sha256:%s: the bytes in the database are others",
                                      values[0].text);
    } else {
        bool failed = false;
        problem = object_problem(verify, &id, &failed, error);
        if (failed)
            return false;
    }
    if (problem == NULL)
        return true;
    verify->damaged = true;
    const char *line[] = {"I2", "error", values[4].text, values[5].text, values[6].text, problem};
    return add(verify, line, error);
}

static bool check_objects(Verify *verify, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, verify->study);
    hpt_args_bool(args, !opt_no_content);
    HptDbStream stream = {
        .sql = hpt_sql_statements[HPT_SQL_VERIFY_OBJECTS].text,
        .args = args,
        .row = check_object,
        .user = verify,
    };
    return hpt_db_stream(verify->db, &stream, error);
}

static bool add_damaged_pack(const char *message, void *user, GError **error)
{
    Verify *verify = user;
    verify->damaged = true;
    return add_debris(verify, "I2", "error", error, "%s", message);
}

static bool check_packs(Verify *verify, GError **error)
{
    return verify->store == NULL ||
           hpt_store_check_packs(verify->store, add_damaged_pack, verify, error);
}

/* ---- folders ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in a folder that were last changed before the grace period; sorted, so that the output does
 * not depend on the file system. A folder that is not there has none. */
static GPtrArray *old_names(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    DIR *handle = opendir(folder);
    if (handle == NULL && errno != ENOENT) {
        hpt_error_set_errno(error, errno, "cannot read '%s'", folder);
        return NULL;
    }
    int64_t limit_us = hpt_time_now_us() - GRACE_US;
    for (struct dirent *entry; handle != NULL && (entry = readdir(handle)) != NULL;) {
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(handle), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (info.st_mtim.tv_sec * G_USEC_PER_SEC < limit_us)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    if (handle != NULL)
        closedir(handle);
    g_ptr_array_sort(names, by_name);
    return g_steal_pointer(&names);
}

/* Unfinished writes and folders of trials that nobody removed: they cost room and nothing else. */
static bool list_debris(Verify *verify, const char *relative, const char *what, GError **error)
{
    g_autofree char *folder = g_build_filename(verify->folder, relative, NULL);
    g_autoptr(GPtrArray) names = old_names(folder, error);
    for (guint i = 0; names != NULL && i < names->len; i++)
        if (!add_debris(verify, "I4", "note", error, "%s: %s/%s", what, relative,
                        (const char *)names->pdata[i]))
            return false;
    return names != NULL;
}

static bool check_spool(Verify *verify, GError **error)
{
    size_t waiting = 0, aside = 0;
    g_autoptr(HptSpool) spool = hpt_spool_new(verify->folder);
    if (!hpt_spool_count(spool, &waiting, &aside, error))
        return false;
    if (waiting > 0 &&
        !add_debris(verify, "I6", "note", error,
                    "%zu results wait in %s; the next hpt-run, hpt-ask or hpt-tell of this project delivers them",
                    waiting, hpt_spool_peek_folder(spool)))
        return false;
    return aside == 0 ||
           add_debris(verify, "I6", "error", error,
                      "%zu results in %s could not be delivered; they are called *.damaged or "
                      "*.refused",
                      aside, hpt_spool_peek_folder(spool));
}

/* ---- the tool ---- */

static bool check_all(Verify *verify, GError **error)
{
    return check_record(verify, error) && check_objects(verify, error) &&
           check_packs(verify, error) &&
           list_debris(verify, "objects/tmp", "an unfinished object", error) &&
           list_debris(verify, "trials", "a folder that a trial left", error) &&
           check_spool(verify, error);
}

static bool read_show(HptShow *show, GError **error)
{
    HptTerminal terminal =
        hpt_terminal_look(STDOUT_FILENO, (const char *const *)environ, HPT_COLOR_AUTO);
    *show = (HptShow){
        .format = terminal.tty ? HPT_FORMAT_TABLE : HPT_FORMAT_TSV,
        .no_header = opt_no_header,
        .width = terminal.tty ? terminal.width : 0,
        .utf8 = terminal.utf8,
        .color = terminal.color,
    };
    return opt_format == NULL || hpt_format_parse(opt_format, &show->format, error);
}

static void summarise(const Verify *verify)
{
    g_autofree char *bytes =
        opt_no_content ? g_strdup("their content was not read")
                       : g_strdup_printf("%" PRId64 " bytes read", verify->read_bytes);
    hpt_tool_note("%" PRId64 " errors, %" PRId64 " notes; %" PRId64 " objects, %s", verify->errors,
                  verify->notes, verify->objects, bytes);
}

static int run(int argc, char **argv, GError **error)
{
    HptShow show;
    if (argc > 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "argument %d '%s': there are no arguments",
                    hpt_tool_position(argv), argv[0]);
        return HPT_EXIT_USAGE;
    }
    if (!read_show(&show, error))
        return HPT_EXIT_USAGE;
    HptProjectOptions where = {.dsn = opt_dsn,
                               .directory = opt_directory,
                               .application_name = "hpt-verify",
                               .role = HPT_ROLE_READER};
    g_autoptr(HptProject) project = hpt_project_open(&where, error);
    if (project == NULL)
        return HPT_EXIT_DATABASE;
    Verify verify = {.db = hpt_project_get_db(project),
                     .folder = hpt_project_peek_folder(project)};
    hpt_db_set_timeout(verify.db, 0);
    g_auto(HptStudyName) study = {0};
    if (opt_study != NULL && !hpt_study_name_find(verify.db, opt_study, &study, error))
        return HPT_EXIT_NOT_FOUND;
    verify.study = study.study;
    g_autofree char *objects = g_build_filename(verify.folder, "objects", NULL);
    g_autoptr(HptStore) store = NULL;
    if (g_file_test(objects, G_FILE_TEST_IS_DIR)) {
        store = verify.store = hpt_store_open_reading(objects, error);
        if (store == NULL)
            return HPT_EXIT_TOOL;
    }
    g_autoptr(HptWriter) writer =
        hpt_writer_new(&show, columns, G_N_ELEMENTS(columns), hpt_sink_file, stdout);
    verify.writer = writer;
    if (!check_all(&verify, error) || !hpt_writer_end(writer, NULL, error))
        return HPT_EXIT_TOOL;
    if (!opt_quiet)
        summarise(&verify);
    return verify.damaged ? HPT_EXIT_INTEGRITY : verify.errors > 0 ? HPT_EXIT_NO : HPT_EXIT_OK;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-verify", "[OPTION]...",
                                 "check that the record holds together and nothing is missing",
                                 options, run};
    return hpt_tool_main(&tool, argc, argv);
}
