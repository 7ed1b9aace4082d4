/* Code snapshots: what a tree becomes, when it is looked at again, and what is no snapshot. */
#include "record/code.h"

#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *root;
    int kept; /* calls of keep */
} Tree;

static void put(const Tree *t, const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(t->root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(full);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    FILE *file = fopen(full, "w");
    g_assert_nonnull(file);
    g_assert_cmpint(fputs(text, file), >=, 0);
    g_assert_cmpint(fclose(file), ==, 0);
    g_assert_cmpint(chmod(full, 0644), ==, 0);
}

/* As if it had been changed long ago in this second. */
static void age(const Tree *t, const char *path, int64_t seconds)
{
    g_autofree char *full = g_build_filename(t->root, path, NULL);
    struct timespec times[2] = {{.tv_sec = seconds, .tv_nsec = 1}, {.tv_sec = seconds, .tv_nsec = 1}};
    g_assert_cmpint(utimensat(AT_FDCWD, full, times, AT_SYMLINK_NOFOLLOW), ==, 0);
}

static void setup(Tree *t, gconstpointer data)
{
    (void)data;
    t->root = g_dir_make_tmp("hpt-code-XXXXXX", NULL);
    g_assert_nonnull(t->root);
}

static void teardown(Tree *t, gconstpointer data)
{
    (void)data;
    g_assert_true(hpt_workdir_remove(t->root, NULL));
    g_free(t->root);
}

static bool count(const HptDigest *digest, const void *bytes, size_t length, void *user, GError **error)
{
    (void)digest, (void)bytes, (void)length, (void)error;
    ((Tree *)user)->kept++;
    return true;
}

static HptCodeTree *tree_of(Tree *t)
{
    static const char *const environ[] = {"GIT_CEILING_DIRECTORIES=/tmp", NULL};
    HptCodeSpec spec = {.directory = t->root, .environ = environ, .keep = count, .user = t};
    return hpt_code_tree_new(&spec);
}

static void assert_same(const HptDigest *a, const HptDigest *b)
{
    g_assert_cmpint(memcmp(a->bytes, b->bytes, HPT_DIGEST_SIZE), ==, 0);
}

/* "KIND STATE PATH TEXT;" of each entry; owned. */
static char *entries(const HptCode *code)
{
    static const char *const kinds[] = {"file", "link", "folder", "missing"};
    g_autoptr(GError) error = NULL;
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(code->canonical, code->length, &error);
    g_assert_no_error(error);
    GString *text = g_string_new(NULL);
    HptCodeEntry entry;
    while (hpt_code_next(reader, &entry, &error))
        g_string_append_printf(text, "%s %c %s %s;", kinds[entry.kind], entry.state == 0 ? '-' : entry.state,
                               entry.path, entry.text == NULL ? "" : entry.text);
    g_assert_no_error(error);
    return g_string_free(text, false);
}

static void test_entries(Tree *t, gconstpointer data)
{
    (void)data;
    put(t, "b/x.py", "x");
    put(t, "b.py", "y");
    put(t, "tab\tand\nline\\\xff\xc3\xa9", "");
    put(t, "__pycache__/x.pyc", "");
    put(t, ".hpt/config", "");
    put(t, "venv/pyvenv.cfg", "");
    put(t, "venv/lib/x", "");
    g_autofree char *link = g_build_filename(t->root, "link", NULL);
    g_assert_cmpint(symlink("/nowhere\n", link), ==, 0);
    g_autofree char *fifo = g_build_filename(t->root, "fifo", NULL);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_autoptr(HptCodeTree) tree = tree_of(t);
    const HptCode *code = hpt_code_tree_look(tree);
    g_autofree char *got = entries(code);
    g_assert_cmpstr(got, ==, "file - b.py ;file - b/x.py ;missing - fifo a FIFO;link - link /nowhere\n;"
                             "file - tab\tand\nline\\\xff\xc3\xa9 ;"
                             "missing - venv a virtual environment of Python;");
    HptDigest digest = hpt_digest(code->canonical, code->length);
    assert_same(&digest, &code->digest);
    g_assert_true(g_utf8_validate(code->canonical, (gssize)code->length, NULL));
}

/* The first that is found in a name or a target need not be the one that counts. */
static void test_secrets(Tree *t, gconstpointer data)
{
    static const char name[] = "api_token=abc12345,ghp_" "0123456789abcdefghijABCDEFGHIJ012345";
    (void)data;
    put(t, name, "x");
    put(t, "api_token=abc12345", "y");
    g_autofree char *link = g_build_filename(t->root, "link", NULL);
    g_assert_cmpint(symlink(name, link), ==, 0);
    g_autoptr(HptCodeTree) tree = tree_of(t);
    g_autofree char *got = entries(hpt_code_tree_look(tree));
    g_assert_cmpstr(got, ==, "missing - . 1 whose names hold a secret;file - api_token=abc12345 ;"
                             "missing - link holds a secret (GitHub token);");
}

/* What has not changed is not read again, unless it could have changed unseen. */
static void test_again(Tree *t, gconstpointer data)
{
    (void)data;
    put(t, "old", "1");
    g_autoptr(HptCodeTree) tree = tree_of(t);
    HptDigest first = hpt_code_tree_look(tree)->digest;
    g_assert_cmpint(t->kept, ==, 1);
    /* The time of change cannot be set: until it is past, the file is read again. */
    for (int before = 0; before != t->kept;) {
        before = t->kept;
        HptDigest same = hpt_code_tree_look(tree)->digest;
        assert_same(&first, &same);
    }
    int settled = t->kept;
    put(t, "old", "2");
    age(t, "old", 1000000000);
    HptDigest second = hpt_code_tree_look(tree)->digest;
    g_assert_cmpint(t->kept, ==, settled + 1);
    g_assert_cmpint(memcmp(first.bytes, second.bytes, HPT_DIGEST_SIZE), !=, 0);
    put(t, "old", "1");
    put(t, "new", "3");
    hpt_code_tree_look(tree);
    g_autofree char *full = g_build_filename(t->root, "new", NULL);
    g_assert_cmpint(unlink(full), ==, 0);
    HptDigest third = hpt_code_tree_look(tree)->digest;
    assert_same(&first, &third);
}

/* Same size, same time of change as far as a program can set it, within one tick: seen all the same. */
static void test_racy(Tree *t, gconstpointer data)
{
    (void)data;
    g_autoptr(HptCodeTree) tree = tree_of(t);
    for (int i = 0; i < 200; i++) {
        char text[2] = {(char)('a' + i % 26), '\0'};
        put(t, "f", text);
        const HptCode *code = hpt_code_tree_look(tree);
        g_autoptr(GError) error = NULL;
        g_autoptr(HptCodeReader) reader = hpt_code_reader_new(code->canonical, code->length, &error);
        HptCodeEntry entry;
        g_assert_true(hpt_code_next(reader, &entry, &error));
        HptDigest wanted = hpt_digest(text, 1);
        assert_same(&entry.digest, &wanted);
    }
}

#define HEX "0123456789012345678901234567890123456789012345678901234567890123"

static void test_refused(void)
{
    static const char *const texts[] = {
        "",
        "hpt-code/1",
        "hpt-code/1\n",
        "hpt-code/2\ndirectory\t.\n",
        "hpt-code/1\ndirectory\t.",
        "hpt-code/1\ndirectory\t..\n",
        "hpt-code/1\ndirectory\t/x\n",
        "hpt-code/1\ndirectory\ta//b\n",
        "hpt-code/1\ndirectory\t.\n\n",
        "hpt-code/1\ndirectory\t.\nrepo\txyz\t\t\t0\t.\t\n",
        "hpt-code/1\ndirectory\t.\nrepo\t\t\t\t0\tb\t\nrepo\t\t\t\t0\ta\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\t../x\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\t/x\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx/\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\t.\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t844\t1\t" HEX "\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t4755\t1\t" HEX "\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t01\t" HEX "\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t-1\t" HEX "\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t99999999999999999999\t" HEX "\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t00\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx\ttext\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx\t\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t?\t644\t1\t" HEX "\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx\\000y\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx\\141\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx\\\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx\x01\t\n",
        "hpt-code/1\ndirectory\t.\nfile\t=\t644\t1\t" HEX "\tx\xff\t\n",
        "hpt-code/1\ndirectory\t.\nlink\t=\t\t\t\tx\t\n",
        "hpt-code/1\ndirectory\t.\nfolder\t=\t\t\t\tx\t\n",
        "hpt-code/1\ndirectory\t.\nmissing\t=\t\t\t\tx\t\n",
        "hpt-code/1\ndirectory\t.\nother\t=\t\t\t\tx\ty\n",
        "hpt-code/1\ndirectory\t.\nmissing\t\t\t\t\tx\ty\nmissing\t\t\t\t\tx\ty\n",
        "hpt-code/1\ndirectory\t.\nmissing\t\t\t\t\tx\ty\nmissing\t\t\t\t\ta\ty\n",
        "hpt-code/1\ndirectory\t.\nmissing\t\t\t\t\tx\ty\nrepo\t\t\t\t0\t.\t\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(HptCodeReader) reader = hpt_code_reader_new(texts[i], strlen(texts[i]), &error);
        HptCodeEntry entry;
        while (reader != NULL && hpt_code_next(reader, &entry, &error))
            continue;
        if (!g_error_matches(error, HPT_ERROR, HPT_ERROR_DATA))
            g_error("taken: %s", texts[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/code/entries", Tree, NULL, setup, test_entries, teardown);
    g_test_add("/code/secrets", Tree, NULL, setup, test_secrets, teardown);
    g_test_add("/code/again", Tree, NULL, setup, test_again, teardown);
    g_test_add("/code/racy", Tree, NULL, setup, test_racy, teardown);
    g_test_add_func("/code/refused", test_refused);
    return g_test_run();
}
