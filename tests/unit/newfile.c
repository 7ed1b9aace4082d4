/* Files that appear complete or not at all. */
#include "store/newfile.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *dir, *path;
} Place;

static void setup(Place *place, gconstpointer data)
{
    (void)data;
    place->dir = g_dir_make_tmp("hpt-newfile-XXXXXX", NULL);
    g_assert_nonnull(place->dir);
    place->path = g_build_filename(place->dir, "out", NULL);
}

static void teardown(Place *place, gconstpointer data)
{
    (void)data;
    g_assert_true(g_remove(place->path) == 0 || !g_file_test(place->path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(rmdir(place->dir), ==, 0); /* nothing else may be there */
    g_free(place->path);
    g_free(place->dir);
}

static void content_is(const Place *place, const char *wanted)
{
    g_autofree char *got = NULL;
    g_assert_true(g_file_get_contents(place->path, &got, NULL, NULL));
    g_assert_cmpstr(got, ==, wanted);
}

static void test_publish(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    mode_t mask = umask(027);
    for (int i = 0; i < 2; i++) { /* the second replaces the first */
        g_auto(HptNewFile) file = HPT_NEW_FILE_NONE;
        g_assert_true(hpt_new_file_open(&file, place->path, &error));
        g_assert_cmpint(write(file.fd, i == 0 ? "one" : "two", 3), ==, 3);
        if (i == 0)
            g_assert_false(g_file_test(place->path, G_FILE_TEST_EXISTS));
        else
            content_is(place, "one");
        g_assert_true(hpt_new_file_publish(&file, &error));
        g_assert_no_error(error);
        content_is(place, i == 0 ? "one" : "two");
    }
    umask(mask);
    struct stat info;
    g_assert_cmpint(stat(place->path, &info), ==, 0);
    g_assert_cmpint(info.st_mode & 07777, ==, 0640);
}

static void test_given_up(Place *place, gconstpointer data)
{
    (void)data;
    g_assert_true(g_file_set_contents(place->path, "before", -1, NULL));
    HptNewFile file = HPT_NEW_FILE_NONE;
    g_assert_true(hpt_new_file_open(&file, place->path, NULL));
    g_assert_cmpint(write(file.fd, "half", 4), ==, 4);
    hpt_new_file_clear(&file);
    hpt_new_file_clear(&file); /* harmless */
    content_is(place, "before");
}

static void test_killed(Place *place, gconstpointer data)
{
    (void)data;
    pid_t child = fork();
    if (child == 0) {
        HptNewFile file = HPT_NEW_FILE_NONE;
        bool ok = hpt_new_file_open(&file, place->path, NULL);
        if (ok && !file.unnamed)
            _exit(unlink(file.tmp) == 0 ? 77 : 1);
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("this file system has no unnamed files");
    else
        g_assert_true(WIFSIGNALED(status));
    g_assert_false(g_file_test(place->path, G_FILE_TEST_EXISTS));
}

static void test_refused(Place *place, gconstpointer data)
{
    (void)data;
    HptNewFile file = HPT_NEW_FILE_NONE;
    g_autoptr(GError) error = NULL, folder = NULL;
    g_assert_false(hpt_new_file_open(&file, "/dev/null/x", &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_IO);
    g_assert_true(g_str_has_prefix(error->message, "cannot write /dev/null/x: "));
    /* a folder stands in the way: nothing is left beside it */
    g_assert_cmpint(mkdir(place->path, 0700), ==, 0);
    g_assert_true(hpt_new_file_open(&file, place->path, NULL));
    g_assert_false(hpt_new_file_publish(&file, &folder));
    g_assert_error(folder, HPT_ERROR, HPT_ERROR_IO);
    hpt_new_file_clear(&file);
    g_assert_true(hpt_new_file_is_special("/dev/null"));
    g_assert_true(hpt_new_file_is_special(place->dir));
    g_assert_false(hpt_new_file_is_special("/nowhere/x"));
    g_assert_cmpint(rmdir(place->path), ==, 0);
    g_assert_true(g_file_set_contents(place->path, "", -1, NULL));
    g_assert_false(hpt_new_file_is_special(place->path));
}

#define ADD(name, function) g_test_add(name, Place, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/newfile/publish", test_publish);
    ADD("/newfile/given-up", test_given_up);
    ADD("/newfile/killed", test_killed);
    ADD("/newfile/refused", test_refused);
    return g_test_run();
}
