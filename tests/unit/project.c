/* Settings files, connection strings without secrets, and finding .hpt. */
#include "db/project.h"

#include "db/settings.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_settings(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSettings) settings = hpt_settings_parse(
        "# a comment\n\n dsn = host=x dbname='a b' \nsafe_directory=/a\n"
        "safe_directory = /b\nempty =\nidle_stop=1s\ndsn = last # not a comment\n",
        "FILE", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(hpt_settings_peek(settings, "dsn"), ==, "last # not a comment");
    g_assert_cmpstr(hpt_settings_peek(settings, "empty"), ==, "");
    g_assert_null(hpt_settings_peek(settings, "missing"));
    g_autofree const char **all = hpt_settings_all(settings, "safe_directory");
    g_assert_cmpstr(all[0], ==, "/a");
    g_assert_cmpstr(all[1], ==, "/b");
    g_assert_null(all[2]);
    g_autofree char *place = hpt_settings_place(settings, "idle_stop");
    g_assert_cmpstr(place, ==, "FILE:7");
}

static void test_settings_wrong(void)
{
    static const char *const texts[] = {"dsn\n",    "= x\n",      "Dsn = x\n", "a b = c\n",
                                        "1a = b\n", "x = 1\ny\n", "\xff = 1\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_settings_parse(texts[i], "FILE", &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        g_assert_true(g_str_has_prefix(error->message, "FILE"));
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSettings) missing = hpt_settings_read("/nonexistent/file", &error);
    g_assert_no_error(error);
    g_assert_null(hpt_settings_peek(missing, "dsn"));
}

static void test_public(void)
{
    static const struct {
        const char *dsn, *public_dsn;
        bool secret;
    } cases[] = {
        {"service=lab", "service='lab'", false},
        {"postgresql://u:hunter2@h:5/d", "user='u' dbname='d' host='h' port='5'", true},
        {"host=h password=hunter2 dbname='it\\'s'", "dbname='it\\'s' host='h'", true},
        {"host=h sslpassword=hunter2", "host='h'", true},
        {"", "", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        bool secret = !cases[i].secret;
        g_autoptr(GError) error = NULL;
        g_autofree char *got = hpt_dsn_public(cases[i].dsn, &secret, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(got, ==, cases[i].public_dsn);
        g_assert_true(secret == cases[i].secret);
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_dsn_public("host", NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
}

static void make(const char *root, const char *path)
{
    g_autofree char *whole = g_build_filename(root, path, NULL);
    g_assert_cmpint(g_mkdir_with_parents(whole, 0700), ==, 0);
}

static void check_found(const char *root, const char *from, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *start = g_build_filename(root, from, NULL), *found = NULL;
    g_autofree char *folder = wanted == NULL ? NULL : g_build_filename(root, wanted, NULL);
    g_assert_true(hpt_project_find(start, &found, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(found, ==, folder);
}

static void test_find(void)
{
    g_autofree char *made = g_dir_make_tmp("hpt-unit-XXXXXX", NULL);
    g_autofree char *root = g_canonicalize_filename(made, NULL);
    g_autofree char *ceiling = g_build_filename(root, "a", "b", NULL);
    g_autofree char *list = g_strconcat("/nonexistent:", ceiling, NULL);
    g_setenv("HPT_CEILING", root, true);
    make(root, "a/b/c");
    check_found(root, "a/b/c", NULL);
    make(root, ".hpt");
    check_found(root, "a/b/c", ".hpt");
    make(root, "a/.hpt");
    check_found(root, "a/b/c", "a/.hpt");
    check_found(root, "a", "a/.hpt");
    check_found(root, ".", ".hpt");
    /* A ceiling is looked into, but not left upwards. */
    g_setenv("HPT_CEILING", list, true);
    check_found(root, "a/b/c", NULL);
    make(root, "a/b/.hpt");
    check_found(root, "a/b/c", "a/b/.hpt");
    /* A file of that name is no project. */
    g_autofree char *file = g_build_filename(root, "a", "b", "c", ".hpt", NULL);
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    check_found(root, "a/b/c", "a/b/.hpt");
    g_unsetenv("HPT_CEILING");

    g_autoptr(GError) error = NULL;
    char *found = NULL;
    g_assert_false(hpt_project_find("/nonexistent", &found, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);

    static const char *const gone[] = {"a/b/c/.hpt", "a/b/.hpt", "a/.hpt", ".hpt",
                                       "a/b/c",      "a/b",      "a"};
    for (size_t i = 0; i < G_N_ELEMENTS(gone); i++) {
        g_autofree char *path = g_build_filename(root, gone[i], NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_remove(root), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings/good", test_settings);
    g_test_add_func("/settings/wrong", test_settings_wrong);
    g_test_add_func("/project/public", test_public);
    g_test_add_func("/project/find", test_find);
    return g_test_run();
}
