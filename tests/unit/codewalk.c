/* Walks of a tree: whatever a walk would see otherwise, hpt_walk_holds says so without walking. */
#include "record/codewalk.h"

#include "run/workdir.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    char *root;
    int fd;
} Tree;

static char *full_path(const Tree *t, const char *path)
{
    return g_build_filename(t->root, path, NULL);
}

static void folder(const Tree *t, const char *path)
{
    g_autofree char *full = full_path(t, path);
    g_assert_cmpint(g_mkdir(full, 0755), ==, 0);
}

static void put(const Tree *t, const char *path, const char *text)
{
    g_autofree char *full = full_path(t, path);
    g_assert_true(g_file_set_contents_full(full, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
}

static void setup(Tree *t, gconstpointer data)
{
    (void)data;
    t->root = g_dir_make_tmp("hpt-walk-XXXXXX", NULL);
    g_assert_nonnull(t->root);
    g_assert_cmpint(chmod(t->root, 0755), ==, 0);
    t->fd = open(t->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(t->fd, >=, 0);
    static const char *const folders[] = {"a", "a/b", "a/b/c", "empty", "venv", "d", "ignored"};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
        folder(t, folders[i]);
    static const char *const files[] = {"0", "a/1", "a/b/2", "a/b/c/3", "a/z", "venv/pyvenv.cfg", "d/4", "ignored/5", "y"};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        put(t, files[i], files[i]);
    g_assert_cmpint(symlinkat("1", t->fd, "a/link"), ==, 0);
}

static void teardown(Tree *t, gconstpointer data)
{
    (void)data;
    close(t->fd);
    g_assert_true(hpt_workdir_remove(t->root, NULL));
    g_free(t->root);
}

static GHashTable *ignored(void)
{
    GHashTable *set = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_add(set, (gpointer)"ignored");
    return set;
}

/* A walk of a tree that has not changed for an hour. */
static HptWalk *walk_settled(const Tree *t, GHashTable *names)
{
    HptWalk *walk = hpt_walk(t->fd, names);
    walk->begun_ns += INT64_C(3600000000000);
    return walk;
}

/* Each of these is a change; the walk before it does not hold, one after it does. */
static const char *const changes[] = {
    "printf X >0",                       /* as long as it was */
    "printf X >a/b/c/3",
    "touch -d @1000000000 y",
    "chmod 600 a/b/2",
    ": >new",
    ": >a/b/c/new",
    ": >empty/new",
    "rm a/b/c/3",
    "rm -r a/b",
    "mkdir a/b/more",
    "mv 0 a/1",
    "mv a/b/2 a/b/c/2",
    "ln -sf 2 a/link",
    "rm a/link && ln -s 1 a/link",
    "rm d/4 && mkfifo d/4",
    "rm venv/pyvenv.cfg",
    ": >a/pyvenv.cfg",
    "mkdir d/.git",
    "mv a elsewhere && ln -s elsewhere a",
    "rmdir empty",
    "rmdir empty && : >empty",
    "chmod 700 empty",
    "mv d D",
};

static void test_changes(void)
{
    g_autoptr(GHashTable) names = ignored();
    for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
        Tree fresh;
        setup(&fresh, NULL);
        g_autoptr(HptWalk) before = walk_settled(&fresh, names);
        if (!before->sure) {
            g_test_skip("this file system may not date its folders");
            teardown(&fresh, NULL);
            return;
        }
        g_assert_true(hpt_walk_holds(before, fresh.fd));
        g_autofree char *command = g_strdup_printf("cd '%s' && %s", fresh.root, changes[i]);
        g_assert_cmpint(system(command), ==, 0);
        if (hpt_walk_holds(before, fresh.fd))
            g_error("not seen: %s", changes[i]);
        g_autoptr(HptWalk) after = walk_settled(&fresh, names);
        g_assert_false(hpt_walk_equal(before, after));
        g_assert_true(hpt_walk_holds(after, fresh.fd));
        teardown(&fresh, NULL);
    }
}

/* What the walk passes over may change. */
static void test_passed_over(Tree *t, gconstpointer data)
{
    (void)data;
    g_autoptr(GHashTable) names = ignored();
    folder(t, "a/__pycache__");
    g_autoptr(HptWalk) walk = walk_settled(t, names);
    put(t, "ignored/5", "other");
    put(t, "ignored/new", "x");
    put(t, "a/__pycache__/new", "x");
    g_assert_true(!walk->sure || hpt_walk_holds(walk, t->fd));
}

/* A folder that had only just changed could do so again within the tick of its clock. */
static void test_racy(Tree *t, gconstpointer data)
{
    (void)data;
    g_autoptr(HptWalk) walk = hpt_walk(t->fd, NULL);
    g_assert_false(hpt_walk_holds(walk, t->fd));
}

/* What could not be looked at may become readable without a trace. */
static void test_unsure(Tree *t, gconstpointer data)
{
    (void)data;
    g_autofree char *closed = full_path(t, "a/b");
    g_assert_cmpint(chmod(closed, 0), ==, 0);
    bool root = geteuid() == 0;
    if (root)
        g_assert_cmpint(seteuid(65534), ==, 0);
    g_autoptr(HptWalk) walk = walk_settled(t, NULL);
    bool holds = hpt_walk_holds(walk, t->fd);
    if (root)
        g_assert_cmpint(seteuid(0), ==, 0);
    g_assert_cmpint(chmod(closed, 0755), ==, 0);
    g_assert_false(holds);
    g_assert_false(walk->sure);
}

#define ADD(name, function) g_test_add(name, Tree, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codewalk/changes", test_changes);
    ADD("/codewalk/passed-over", test_passed_over);
    ADD("/codewalk/racy", test_racy);
    ADD("/codewalk/unsure", test_unsure);
    return g_test_run();
}
