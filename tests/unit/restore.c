/* Restoring code and inputs: a record that was made up writes nothing outside the fresh folder. */
#include "study/restore.h"

#include "run/workdir.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *root, *fresh, *project, *outside;
    HptRecorded *recorded;
    int missing;
} Place;

static void setup(Place *p, gconstpointer data)
{
    (void)data;
    p->root = g_dir_make_tmp("hpt-restore-XXXXXX", NULL);
    g_assert_nonnull(p->root);
    p->fresh = g_build_filename(p->root, "fresh", NULL);
    p->project = g_build_filename(p->root, "project", NULL);
    p->outside = g_build_filename(p->root, "outside", NULL);
    g_assert_cmpint(mkdir(p->fresh, 0700) | mkdir(p->project, 0700) | mkdir(p->outside, 0700), ==,
                    0);
    p->recorded = hpt_recorded_new();
}

static void teardown(Place *p, gconstpointer data)
{
    (void)data;
    hpt_recorded_free(p->recorded);
    g_assert_true(hpt_workdir_remove(p->root, NULL));
    g_free(p->root);
    g_free(p->fresh);
    g_free(p->project);
    g_free(p->outside);
}

/* name: "directory" or "project" */
static void set(Place *p, const char *name, const char *value)
{
    HptItem *item = g_new0(HptItem, 1);
    *item = (HptItem){g_strdup("process"), g_strdup(name), g_strdup(value)};
    g_ptr_array_add(p->recorded->facts, item);
}

static void tell(const char *what, const char *path, HptRestoreState state, const char *why,
                 void *user)
{
    (void)what, (void)path, (void)why;
    ((Place *)user)->missing += state == HPT_RESTORE_MISSING;
}

static bool restore(Place *p, const char *entries, GError **error)
{
    g_autofree char *text = g_strconcat("hpt-code/1\ndirectory\t.\n", entries, NULL);
    g_free(p->recorded->code_text);
    p->recorded->code_text = g_strdup(text);
    p->recorded->code_length = strlen(text);
    HptObjects objects = {0};
    HptRestoreSpec spec = {.recorded = p->recorded,
                           .objects = &objects,
                           .project = p->project,
                           .folder = p->fresh,
                           .func = tell,
                           .user = p};
    HptRestored out = {0};
    bool fine = hpt_restore(&spec, &out, error);
    hpt_restored_clear(&out);
    return fine;
}

static void assert_empty(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_nonnull(dir);
    g_assert_cmpstr(g_dir_read_name(dir), ==, NULL);
}

/* Files, folders and links come to their places, with the modes of the files. */
static void test_places(Place *p, gconstpointer data)
{
    (void)data;
    g_autofree char *run = g_build_filename(p->project, "run", NULL);
    g_autofree char *then = g_build_filename(p->fresh, "then/tree", NULL);
    g_autofree char *copy = g_build_filename(then, "run", NULL);
    g_autofree char *link = g_build_filename(then, "up", NULL);
    g_autofree char *empty = g_build_filename(then, "a/empty", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(run, "x", 1, NULL));
    g_assert_cmpint(chmod(run, 0750), ==, 0);
    set(p, "directory", "/then/tree");
    g_assert_true(restore(p,
                          "folder\t\t755\t\t\ta/empty\t\n"
                          "missing\t\t\t\t\tgone\tlarge\n"
                          "missing\t\t\t\t\trun\tlarge\n"
                          "link\t\t\t\t\tup\t../..\n",
                          &error));
    g_assert_no_error(error);
    g_assert_cmpint(p->missing, ==, 1);
    struct stat info;
    g_assert_cmpint(stat(copy, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 0777, ==, 0750);
    g_autofree char *target = g_file_read_link(link, NULL);
    g_assert_cmpstr(target, ==, "../..");
    assert_empty(empty);
}

/* A link and something behind it, in either order of writing. */
static void test_link(Place *p, gconstpointer data)
{
    (void)data;
    g_autofree char *entries = g_strdup_printf("link\t\t\t\t\ta\t%s\nlink\t\t\t\t\ta/b\tx\n"
                                               "link\t\t\t\t\ta/c/d\tx\nlink\t\t\t\t\te\t%s\n",
                                               p->outside, p->outside);
    g_autoptr(GError) error = NULL;
    HptRecordedInput input = {.path = g_strdup("/then/e/f"),
                              .role = g_strdup("read"),
                              .state = g_strdup("digest"),
                              .size = 1};
    g_array_append_val(p->recorded->inputs, input);
    set(p, "directory", "/then");
    g_assert_true(restore(p, entries, &error));
    g_assert_no_error(error);
    assert_empty(p->outside);
}

/* Folders of then whose names lead up, or begin without a slash. */
static void test_up(Place *p, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    set(p, "directory", "/../outside/new");
    g_assert_false(restore(p, "folder\t\t755\t\t\ta\t\n", &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    assert_empty(p->outside);
    g_clear_error(&error);
    g_ptr_array_set_size(p->recorded->facts, 0);
    set(p, "project", "er");
    set(p, "directory", "x");
    g_assert_false(restore(p, "folder\t\t755\t\t\ta\t\n", &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    g_autofree char *beside = g_strconcat(p->fresh, "er", NULL);
    g_assert_false(g_file_test(beside, G_FILE_TEST_EXISTS));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/restore/places", Place, NULL, setup, test_places, teardown);
    g_test_add("/restore/link", Place, NULL, setup, test_link, teardown);
    g_test_add("/restore/up", Place, NULL, setup, test_up, teardown);
    return g_test_run();
}
