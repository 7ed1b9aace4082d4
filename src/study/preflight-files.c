#include "study/preflight-internal.h"

#include "base/text.h"
#include "record/code.h"
#include "record/digestcache.h"
#include "record/program.h"
#include "run/place.h"
#include "store/bundle.h"
#include "study/identity.h"
#include "study/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMED 3          /* files that a note names */
#define WRITTEN_NAMED 20 /* files that have a line each */

/* ---- in the project, as it is ---- */

/* Where the command worked, in the project that is here; owned. */
static char *place_now(const HptPreflightInput *input)
{
    const GPtrArray *facts = input->recorded->facts;
    const char *recorded = hpt_items_get(facts, "process", "directory");
    const char *home = input->project != NULL ? input->project
                                              : hpt_items_get(facts, "process", "project");
    const char *wanted = recorded == NULL ? "." : recorded;
    return g_path_is_absolute(wanted) || home == NULL ? g_strdup(wanted)
                                                      : g_build_filename(home, wanted, NULL);
}

static void enter_place(HptPreflight *preflight, const HptPreflightInput *input)
{
    const char *recorded = hpt_items_get(input->recorded->facts, "process", "directory");
    const char *wanted = recorded == NULL ? "." : recorded;
    g_autofree char *path = place_now(input);
    if (chdir(path) != 0)
        preflight_add(preflight, "directory", wanted, HPT_CHECK_MISSING, wanted, NULL,
                      g_strerror(errno));
    else
        preflight_add(preflight, "directory", wanted,
                      recorded == NULL ? HPT_CHECK_UNKNOWN : HPT_CHECK_SAME, recorded, wanted,
                      recorded == NULL ? "the project's folder is used" : NULL);
}

/* ---- code as it is now ---- */

static bool keep_nothing(const HptDigest *digest G_GNUC_UNUSED, const void *bytes G_GNUC_UNUSED,
                         size_t length G_GNUC_UNUSED, void *user G_GNUC_UNUSED,
                         GError **error G_GNUC_UNUSED)
{
    return true;
}

/* An entry that outlives the walk. */
typedef struct {
    bool there;
    HptCodeEntry entry;
    char *path, *text;
} Held;

static bool next_held(HptCodeReader *reader, Held *held, GError **error)
{
    g_free(held->path);
    g_free(held->text);
    *held = (Held){0};
    held->there = hpt_code_next(reader, &held->entry, error);
    if (held->there) {
        held->path = g_strdup(held->entry.path);
        held->text = g_strdup(held->entry.text);
    }
    return held->there;
}

/* Where one of them was not captured (too large, as it was asked for then, or for now) its size is all there is. */
static bool same_entry(const Held *a, const Held *b)
{
    if (a->entry.kind == HPT_CODE_MISSING || b->entry.kind == HPT_CODE_MISSING)
        return a->entry.size < 0 || b->entry.size < 0 || a->entry.size == b->entry.size;
    if (a->entry.kind != b->entry.kind || a->entry.mode != b->entry.mode)
        return false;
    if (a->entry.kind == HPT_CODE_FILE)
        return memcmp(&a->entry.digest, &b->entry.digest, sizeof a->entry.digest) == 0;
    return a->entry.kind != HPT_CODE_LINK || strcmp(a->text, b->text) == 0;
}

static const char *entry_text(const Held *held, char *hex)
{
    if (held == NULL)
        return NULL;
    return held->entry.kind == HPT_CODE_FILE ? hpt_digest_hex(&held->entry.digest, hex)
                                             : held->text != NULL ? held->text : "";
}

/* Names of sources: a file of another name that is no program and was read is data. */
static bool is_source(const char *path)
{
    static const char *const endings[] = {".py", ".R",  ".r",  ".sh", ".c",  ".h",  ".cc", ".cpp",
                                          ".hpp", ".pl", ".jl", ".rs", ".go", ".js", ".lua", ".m",
                                          ".java", ".f90", ".so"};
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(path, endings[i]))
            return true;
    return false;
}

static bool was_used(const HptRecorded *recorded, const char *path)
{
    for (guint i = 0; i < recorded->inputs->len; i++)
        if (strcmp(g_array_index(recorded->inputs, HptRecordedInput, i).path, path) == 0)
            return true;
    return false;
}

/* Of a file of the tree. One that the trial did not use is no cause. */
static HptCauseKind cause_of_entry(const HptRecorded *recorded, const Held *held)
{
    bool program = held->entry.kind == HPT_CODE_FILE && (held->entry.mode & 0111) != 0;
    if (recorded->inputs->len == 0)
        return HPT_CAUSE_CODE;
    if (!was_used(recorded, held->path))
        return recorded->traced ? HPT_CAUSE_NONE : HPT_CAUSE_CODE;
    return program || is_source(held->path) ? HPT_CAUSE_CODE : HPT_CAUSE_INPUT;
}

static void add_cause(HptPreflight *preflight, const HptRecorded *recorded, const Held *then,
                      const Held *now)
{
    char a[HPT_DIGEST_HEX_SIZE], b[HPT_DIGEST_HEX_SIZE];
    const Held *held = then != NULL ? then : now;
    HptCauseKind cause = cause_of_entry(recorded, held);
    hpt_causes_add(preflight->code, cause, cause == HPT_CAUSE_INPUT ? "input" : "code", held->path,
                   entry_text(then, a), entry_text(now, b));
}

/* The files in which the two snapshots differ, into preflight->code. */
static bool compare_code(HptPreflight *preflight, const HptRecorded *recorded,
                         HptCodeReader *then, HptCodeReader *now, GError **error)
{
    Held a = {0}, b = {0};
    GError *problem = NULL;
    next_held(then, &a, &problem);
    if (problem == NULL)
        next_held(now, &b, &problem);
    while (problem == NULL && (a.there || b.there)) {
        int order = !a.there ? 1 : !b.there ? -1 : strcmp(a.path, b.path);
        if (order != 0 || !same_entry(&a, &b))
            add_cause(preflight, recorded, order <= 0 ? &a : NULL, order >= 0 ? &b : NULL);
        if (order <= 0)
            next_held(then, &a, &problem);
        if (problem == NULL && order >= 0)
            next_held(now, &b, &problem);
    }
    g_free(a.path);
    g_free(a.text);
    g_free(b.path);
    g_free(b.text);
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

static bool look_at_code(HptPreflight *preflight, const HptPreflightInput *input,
                         const char *directory, GError **error)
{
    const HptRecorded *recorded = input->recorded;
    HptCodeSpec spec = {
        .directory = directory,
        .project = input->project,
        .environ = input->environment,
        .pass = hpt_bundle_is,
        .keep = keep_nothing,
    };
    g_autoptr(HptCodeTree) tree = hpt_code_tree_new(&spec);
    const HptCode *now = hpt_code_tree_look(tree);
    g_autoptr(HptCodeReader) a =
        hpt_code_reader_new(recorded->code_text, recorded->code_length, error);
    g_autoptr(HptCodeReader) b =
        a == NULL ? NULL : hpt_code_reader_new(now->canonical, now->length, error);
    return b != NULL && compare_code(preflight, recorded, a, b, error);
}

/* "train.py, lib/x.py and 3 more"; owned. */
static char *named(const GPtrArray *causes)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < MIN(causes->len, NAMED); i++)
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "",
                               ((const HptCause *)causes->pdata[i])->name);
    if (causes->len > NAMED)
        g_string_append_printf(out, " and %u more", causes->len - NAMED);
    return g_string_free(out, false);
}

/* ---- restored ---- */

static void on_restore(const char *what, const char *path, HptRestoreState state, const char *why,
                       void *user)
{
    if (state == HPT_RESTORE_CHANGED) {
        preflight_add(user, what, path, HPT_CHECK_DIFFERS, NULL, NULL,
                      "somebody changed it between the snapshot and its use: restored as it was used");
        return;
    }
    bool missing = state == HPT_RESTORE_MISSING;
    const char *now = missing                         ? ""
                      : state == HPT_RESTORE_UNREAD ? "): it was not read, and is not here"
                                                    : "): as it is here";
    g_autofree char *note = g_strconcat(missing ? "" : "not captured (", why, now, NULL);
    preflight_add(user, what, path, missing ? HPT_CHECK_MISSING : HPT_CHECK_UNKNOWN, NULL, NULL, note);
}

static bool restore_place(HptPreflight *preflight, const HptPreflightInput *input, GError **error)
{
    g_autofree char *folder = g_build_filename(input->folder, "files", NULL);
    if (mkdir(folder, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", folder);
        return false;
    }
    HptRestoreSpec spec = {
        .recorded = input->recorded,
        .objects = input->objects,
        .project = input->project,
        .folder = folder,
        .func = on_restore,
        .user = preflight,
    };
    if (!hpt_restore(&spec, &preflight->restored, error))
        return false;
    const HptRestored *restored = &preflight->restored;
    g_autofree char *others =
        preflight->code->len == 0 ? NULL : named(preflight->code);
    g_autofree char *note = g_strdup_printf(
        "restored: %" PRId64 " files, %" PRId64 " bytes%s%s", restored->files, restored->bytes,
        others != NULL ? "; other in the project now: " : "", others != NULL ? others : "");
    preflight_add(preflight, "code", NULL, HPT_CHECK_SAME, input->recorded->code,
                  input->recorded->code, note);
    /* It runs what was, so what is now is no cause. */
    g_ptr_array_set_size(preflight->code, 0);
    preflight->placed = restored->whole &&
                        hpt_place_enter(restored->base, restored->base_then, input->folder);
    g_autofree char *directory =
        preflight->placed
            ? hpt_restore_path(restored->directory, restored->base, restored->base_then)
            : g_strdup(restored->directory);
    if (chdir(directory) != 0) {
        hpt_error_set_errno(error, errno, "%s", directory);
        return false;
    }
    if (preflight->placed)
        return true;
    preflight_add(preflight, "place", NULL, HPT_CHECK_DIFFERS, restored->base_then, restored->base,
                  "the project cannot have the name that it had");
    preflight->definition =
        hpt_restore_definition(input->recorded->definition, restored->base_then, restored->base,
                               error);
    return preflight->definition != NULL;
}

/* ---- files elsewhere ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The digest of a regular file as it is now. */
static bool digest_of(HptDigestCache *cache, const char *path, HptDigest *out)
{
    HptFileDigest found = {0};
    struct stat before, after;
    if (stat(path, &before) != 0 || !S_ISREG(before.st_mode))
        return false;
    bool ok = hpt_digest_cache_find(cache, &before, &found);
    int fd = ok ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0) {
        HptProgramContent content = {0};
        g_autoptr(GError) ignored = NULL; /* as one that is not there */
        ok = hpt_program_read(fd, &content, &ignored) && fstat(fd, &after) == 0 &&
             is_same(&before, &after);
        g_free(content.interpreter);
        found.digest = content.digest;
        close(fd);
    }
    *out = found.digest;
    return ok;
}

/* What hpt-run knows of this machine's files; owned. */
static HptDigestCache *open_cache(const HptPreflightInput *input)
{
    static const char *const nobody[] = {NULL};
    g_autoptr(HptIdentity) identity = hpt_identity_new(nobody);
    g_autofree char *folder =
        input->project == NULL ? NULL : g_build_filename(input->project, ".hpt", NULL);
    g_autofree char *file = folder == NULL ? NULL : hpt_intake_cache(folder, identity->host);
    return hpt_digest_cache_new(file, identity->host, identity->boot_id);
}

/* A file that the trial itself made before it read it is none of its inputs. */
static bool is_read(const HptRecordedInput *input)
{
    return strcmp(input->role, "written") != 0;
}

static void file_differs(HptPreflight *preflight, const HptRecordedInput *input,
                         const HptDigest *now)
{
    char a[HPT_DIGEST_HEX_SIZE], b[HPT_DIGEST_HEX_SIZE];
    hpt_causes_add(preflight->code, hpt_cause_of_file(input->path, input->system), "input", input->path,
                   hpt_digest_hex(&input->digest, a), now == NULL ? NULL : hpt_digest_hex(now, b));
    bool missing = now == NULL && !input->system;
    preflight_add(preflight, "input", input->path, missing ? HPT_CHECK_MISSING : HPT_CHECK_DIFFERS,
                  a, now == NULL ? NULL : b, now == NULL ? "it is not here" : NULL);
}

/* Where a file of then lies now: those of the project are restored, or as they are. */
static char *input_now(const HptPreflightInput *input, const HptRecordedInput *file)
{
    if (g_path_is_absolute(file->path))
        return g_strdup(file->path);
    const char *home = input->project != NULL
                           ? input->project
                           : hpt_items_get(input->recorded->facts, "process", "project");
    return home == NULL ? NULL : g_build_filename(home, file->path, NULL);
}

void preflight_files(HptPreflight *preflight, const HptPreflightInput *input)
{
    const GArray *files = input->recorded->inputs;
    g_autoptr(HptDigestCache) cache = open_cache(input);
    int64_t same = 0;
    bool restored = preflight->restored.base != NULL;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < preflight->code->len; i++)
        g_hash_table_add(seen, ((HptCause *)preflight->code->pdata[i])->name);
    for (guint i = 0; i < files->len; i++) {
        const HptRecordedInput *file = &g_array_index(files, HptRecordedInput, i);
        HptDigest now;
        bool elsewhere = g_path_is_absolute(file->path);
        if (!is_read(file) || !file->has_digest || (restored && !elsewhere) ||
            !g_hash_table_add(seen, file->path))
            continue;
        g_autofree char *path = input_now(input, file);
        bool there = path != NULL && digest_of(cache, path, &now);
        if (there && memcmp(&now, &file->digest, sizeof now) == 0)
            same++;
        else
            file_differs(preflight, file, there ? &now : NULL);
        if (there && elsewhere) {
            HptSoftwareFile used = {file->path, now};
            g_array_append_val(preflight->software, used);
        }
    }
    g_autofree char *note = g_strdup_printf("%" PRId64 " files%s", same,
                                            restored ? " outside the project" : "");
    if (same > 0)
        preflight_add(preflight, "inputs", NULL, HPT_CHECK_SAME, NULL, NULL, note);
    if (files->len == 0)
        preflight_add(preflight, "inputs", NULL, HPT_CHECK_UNKNOWN, NULL, NULL,
                      "the files that it read were not recorded");
}

void preflight_written(HptPreflight *preflight, const HptRecorded *recorded)
{
    const GArray *files = recorded->inputs;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    preflight->written = recorded->traced ? 0 : -1;
    for (guint i = 0; i < files->len; i++) {
        const HptRecordedInput *file = &g_array_index(files, HptRecordedInput, i);
        bool written = strcmp(file->role, "written") == 0 || strcmp(file->role, "changed") == 0;
        if (!written || !g_path_is_absolute(file->path) || !g_hash_table_add(seen, file->path))
            continue;
        preflight->written = MAX(preflight->written, 0) + 1;
        g_autofree char *shown = hpt_text_printable(file->path, -1);
        if (preflight->written <= WRITTEN_NAMED)
            preflight_add(preflight, "writes", shown, HPT_CHECK_DIFFERS, NULL, NULL,
                          "a file outside the project: it is written again");
        if (preflight->written == 1)
            preflight->written_first = g_steal_pointer(&shown);
    }
    if (preflight->written <= WRITTEN_NAMED)
        return;
    g_autofree char *note =
        g_strdup_printf("and %" PRId64 " more", preflight->written - WRITTEN_NAMED);
    preflight_add(preflight, "writes", NULL, HPT_CHECK_DIFFERS, NULL, NULL, note);
}

/* Why there is no code to compare with or to restore; NULL: there is. Owned. */
static char *why_no_code(const HptRecorded *recorded)
{
    if (recorded->code_text == NULL)
        return g_strdup(recorded->code == NULL ? "it was not recorded: as it is here"
                                               : "its snapshot is not in the record");
    g_autoptr(HptCodeReader) reader =
        hpt_code_reader_new(recorded->code_text, recorded->code_length, NULL);
    HptCodeEntry first;
    bool nothing = reader != NULL && hpt_code_next(reader, &first, NULL) &&
                   first.kind == HPT_CODE_MISSING && strcmp(first.path, ".") == 0;
    return nothing ? g_strdup(first.text) : NULL;
}

/* Has this file of the code had its line? */
static bool is_listed(const HptPreflight *preflight, const char *path)
{
    for (guint i = 0; i < preflight->checks->len; i++) {
        const HptCheck *check = &g_array_index(preflight->checks, HptCheck, i);
        if (strcmp(check->what, "code") == 0 && g_strcmp0(check->item, path) == 0)
            return true;
    }
    return false;
}

void preflight_changed(HptPreflight *preflight, const HptRecorded *recorded)
{
    for (guint i = 0; i < recorded->code_changed->len; i++)
        if (!is_listed(preflight, recorded->code_changed->pdata[i]))
            preflight_add(preflight, "code", recorded->code_changed->pdata[i], HPT_CHECK_UNKNOWN, NULL, NULL,
                          "somebody changed it between the snapshot and its use: what was used is not here");
}

bool preflight_place(HptPreflight *preflight, const HptPreflightInput *input, GError **error)
{
    const HptRecorded *recorded = input->recorded;
    g_autofree char *directory = place_now(input);
    g_autofree char *nothing = why_no_code(recorded);
    if (nothing != NULL && (recorded->code_text == NULL || input->in_place)) {
        enter_place(preflight, input);
        preflight_add(preflight, "code", NULL, HPT_CHECK_UNKNOWN, NULL, NULL, nothing);
        return true;
    }
    bool here = g_file_test(directory, G_FILE_TEST_IS_DIR);
    if (here && !look_at_code(preflight, input, directory, error))
        return false;
    bool same = here && preflight->code->len == 0;
    /* Without a trace nobody knows which other files it needs: they are best left where they are. */
    if (input->in_place || (same && !recorded->traced)) {
        g_autofree char *others = named(preflight->code);
        enter_place(preflight, input);
        preflight_add(preflight, "code", NULL, same ? HPT_CHECK_SAME : HPT_CHECK_DIFFERS, NULL,
                      NULL, same ? NULL : others);
        return true;
    }
    return restore_place(preflight, input, error);
}
