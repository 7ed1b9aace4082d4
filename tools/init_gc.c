#include "config.h"

#include "init.h"

#include "db/project.h"
#include "store/gc.h"
#include "study/spool.h"

#include <errno.h>
#include <string.h>

typedef struct {
    HptProject *project;
    HptGc *gc;
} Mark;

static bool keep_row(const HptDbText *values, size_t count G_GNUC_UNUSED, void *user,
                     GError **error)
{
    Mark *mark = user;
    HptDigest digest;
    if (!hpt_digest_parse(values[0].text, &digest)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "'%s' is not a digest", values[0].text);
        return false;
    }
    hpt_gc_keep(mark->gc, &digest);
    return true;
}

/* Results that wait for the database, also those that were put aside: their bytes hold the digests
 * as they will be sent. Whatever form a file has, an object that it names is found in it. */
static bool keep_spooled(const Mark *mark, GError **error)
{
    g_autoptr(HptSpool) spool = hpt_spool_new(hpt_project_peek_folder(mark->project));
    const char *folder = hpt_spool_peek_folder(spool);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (dir == NULL && g_file_test(folder, G_FILE_TEST_EXISTS)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "cannot read %s", folder);
        return false;
    }
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *bytes = NULL;
        g_autoptr(GError) failure = NULL;
        gsize length = 0;
        if (g_file_get_contents(path, &bytes, &length, &failure)) {
            hpt_gc_keep_within(mark->gc, bytes, length);
        } else if (!g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "%s", failure->message);
            return false;
        }
    }
    return true;
}

/* The spool first: a result that leaves it meanwhile is in the record before it leaves. */
static bool mark_all(HptGc *gc, void *user, GError **error)
{
    Mark *mark = user;
    mark->gc = gc;
    HptDbStream stream = {
        .sql = hpt_sql_statements[HPT_SQL_OBJECT_REFERENCES].text,
        .row = keep_row,
        .user = mark,
    };
    return keep_spooled(mark, error) &&
           hpt_db_stream(hpt_project_get_db(mark->project), &stream, error);
}

static void show_count(const char *name, int64_t value)
{
    g_autofree char *text = g_strdup_printf("%" PRId64, value);
    init_show(name, text);
}

bool init_gc(const char *directory, bool dry_run, GError **error)
{
    HptProjectOptions where = {
        .directory = directory, .application_name = "hpt-init", .role = HPT_ROLE_READER};
    g_autoptr(HptProject) project = hpt_project_open(&where, error);
    if (project == NULL)
        return false;
    g_autofree char *objects = g_build_filename(hpt_project_peek_folder(project), "objects", NULL);
    HptGcCount count = {0};
    Mark mark = {.project = project};
    if (g_file_test(objects, G_FILE_TEST_IS_DIR)) {
        g_autoptr(HptStore) store =
            dry_run ? hpt_store_open_reading(objects, error) : hpt_store_open(objects, error);
        if (store == NULL || !hpt_store_collect(store, HPT_GC_GRACE_US, dry_run, mark_all, &mark,
                                                &count, error))
            return false;
    }
    show_count("objects", count.objects);
    show_count("object_bytes", count.bytes);
    show_count("young", count.young);
    show_count(dry_run ? "removable" : "removed", count.removed);
    show_count(dry_run ? "removable_bytes" : "removed_bytes", count.removed_bytes);
    return true;
}
