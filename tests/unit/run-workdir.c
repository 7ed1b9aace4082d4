/* What a trial left: odd things, odd names, things that change under our eyes. */
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    char *root; /* temporary; the trial's directory is root/t, beside it things to protect */
    char *trial;
    GString *seen; /* "path kind;" */
    const char *stop_at;
    bool leaked; /* a byte of root/secret was read */
    HptWorkdirCount count;
} Lab;

static void lab_begin(Lab *lab)
{
    *lab = (Lab){.seen = g_string_new(NULL)};
    lab->root = g_dir_make_tmp("hpt-workdir-XXXXXX", NULL);
    lab->trial = g_build_filename(lab->root, "t", NULL);
    g_assert_cmpint(mkdir(lab->trial, 0700), ==, 0);
    g_autofree char *secret = g_build_filename(lab->root, "secret", NULL);
    g_assert_true(g_file_set_contents(secret, "SECRET", -1, NULL));
    g_assert_cmpint(chdir(lab->trial), ==, 0);
}

static void lab_end(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(chdir("/"), ==, 0);
    bool removed = hpt_workdir_remove(lab->trial, &error);
    g_assert_no_error(error);
    g_assert_true(removed);
    g_assert_cmpint(access(lab->trial, F_OK), ==, -1);
    /* What was beside it is as it was. */
    g_autofree char *secret = g_build_filename(lab->root, "secret", NULL);
    g_autofree char *content = NULL;
    g_assert_true(g_file_get_contents(secret, &content, NULL, NULL));
    g_assert_cmpstr(content, ==, "SECRET");
    removed = hpt_workdir_remove(lab->root, &error);
    g_assert_no_error(error);
    g_assert_true(removed);
    g_string_free(lab->seen, TRUE);
    g_free(lab->trial);
    g_free(lab->root);
}

static bool note_entry(const HptEntry *entry, void *user, GError **error)
{
    static const char *const kinds[] = {"file", "link", "special", "refused"};
    Lab *lab = user;
    if (lab->seen->len < 100000)
        g_string_append_printf(lab->seen, "%s %s", entry->path, kinds[entry->kind]);
    if (entry->kind == HPT_ENTRY_FILE) {
        char text[64] = {0};
        g_assert_cmpint(read(entry->fd, text, sizeof text - 1), >=, 0);
        lab->leaked = lab->leaked || strstr(text, "SECRET") != NULL;
        g_assert_true(S_ISREG(entry->stat.st_mode));
    } else {
        g_assert_cmpint(entry->fd, ==, -1);
    }
    if (entry->kind == HPT_ENTRY_SYMLINK)
        g_string_append_printf(lab->seen, " %s", entry->target);
    g_string_append_c(lab->seen, ';');
    if (lab->stop_at != NULL && strcmp(entry->path, lab->stop_at) == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB, "enough");
        return false;
    }
    return true;
}

static void walk(Lab *lab, const char *const *skip, int64_t max_files, int64_t max_bytes)
{
    g_autoptr(GError) error = NULL;
    g_string_truncate(lab->seen, 0);
    bool ok = hpt_workdir_walk(lab->trial, skip, max_files, max_bytes, note_entry, lab, &lab->count,
                               &error);
    g_assert_no_error(error);
    g_assert_true(ok);
}

static void put(const char *path, const char *content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, content, strlen(content)), ==, (gssize)strlen(content));
    close(fd);
}

static void test_kinds(void)
{
    Lab lab;
    lab_begin(&lab);
    put("b", "two");
    put("a", "one");
    g_assert_cmpint(mkdir("d", 0700), ==, 0);
    put("d/x", "three");
    g_assert_cmpint(mkdir("d/empty", 0700), ==, 0);
    g_assert_cmpint(symlink("../secret", "link"), ==, 0);
    g_assert_cmpint(symlink("/", "rootlink"), ==, 0);
    g_assert_cmpint(symlink(".", "loop"), ==, 0);
    g_assert_cmpint(symlink("nowhere", "d/dangling"), ==, 0);
    g_assert_cmpint(mkfifo("fifo", 0600), ==, 0);
    g_assert_cmpint(link("a", "hard"), ==, 0);
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sock"};
    g_assert_cmpint(bind(sock, (struct sockaddr *)&address, sizeof address), ==, 0);
    close(sock);
    put("own", "ours");
    static const char *const skip[] = {"own", NULL};
    walk(&lab, skip, 0, 0);
    g_assert_cmpstr(lab.seen->str, ==,
                    "a file;b file;d/dangling link nowhere;d/x file;fifo special;hard file;"
                    "link link ../secret;loop link .;rootlink link /;sock special;");
    g_assert_cmpint(lab.count.files, ==, 4);
    g_assert_cmpint(lab.count.bytes, ==, 3 + 3 + 5 + 3);
    g_assert_cmpint(lab.count.symlinks, ==, 4);
    g_assert_cmpint(lab.count.others, ==, 2);
    g_assert_cmpint(lab.count.skipped, ==, 0);
    g_assert_false(lab.leaked);
    lab_end(&lab);
}

static void test_odd_names(void)
{
    Lab lab;
    lab_begin(&lab);
    char longest[256];
    memset(longest, 0xff, 255);
    longest[255] = '\0';
    const char *const names[] = {"\x01\n\x1b[2J", " ", "-rf", "\xc3\x28", longest, "..x", "*"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        put(names[i], "x");
    walk(&lab, NULL, 0, 0);
    g_assert_cmpint(lab.count.files, ==, (int64_t)G_N_ELEMENTS(names));
    g_assert_nonnull(strstr(lab.seen->str, longest));
    g_assert_nonnull(strstr(lab.seen->str, "\x01\n\x1b[2J file;"));
    lab_end(&lab);
}

static void test_caps(void)
{
    Lab lab;
    lab_begin(&lab);
    for (int i = 0; i < 20; i++) {
        char name[16];
        g_snprintf(name, sizeof name, "f%02d", i);
        put(name, "0123456789");
    }
    walk(&lab, NULL, 5, 0);
    g_assert_cmpint(lab.count.files, ==, 5);
    g_assert_cmpint(lab.count.skipped, ==, 15);
    walk(&lab, NULL, 0, 75);
    g_assert_cmpint(lab.count.bytes, ==, 70);
    g_assert_cmpint(lab.count.skipped, ==, 13);
    /* A sparse file counts by its length: nobody reads a terabyte of zeros. */
    int fd = open("a", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    g_assert_cmpint(ftruncate(fd, INT64_C(1) << 40), ==, 0);
    close(fd);
    walk(&lab, NULL, 0, 0);
    g_assert_cmpint(lab.count.files, ==, 20);
    g_assert_cmpint(lab.count.skipped, ==, 1);
    lab_end(&lab);
}

/* Deeper than any path can be long, walked and removed with few descriptors. */
static void test_deep(void)
{
    Lab lab;
    lab_begin(&lab);
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 1200; i++) {
        g_assert_cmpint(mkdirat(here, name, 0700), ==, 0);
        int next = openat(here, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        g_assert_cmpint(next, >=, 0);
        close(here);
        here = next;
    }
    int fd = openat(here, "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    g_assert_cmpint(fd, >=, 0);
    close(fd);
    close(here);
    walk(&lab, NULL, 0, 0);
    g_assert_cmpint(lab.count.files, ==, 1);
    g_assert_true(g_str_has_suffix(lab.seen->str, "/bottom file;"));
    g_assert_cmpuint(lab.seen->len, ==, 1200 * 201 + strlen("bottom file;"));
    lab_end(&lab);
}

static void test_closed_directories(void)
{
    Lab lab;
    lab_begin(&lab);
    g_assert_cmpint(mkdir("a", 0700), ==, 0);
    g_assert_cmpint(mkdir("a/b", 0700), ==, 0);
    put("a/b/f", "x");
    put("g", "x");
    g_assert_cmpint(chmod("g", 0), ==, 0);
    g_assert_cmpint(chmod("a/b", 0), ==, 0);
    g_assert_cmpint(chmod("a", 0500), ==, 0);
    walk(&lab, NULL, 0, 0); /* what an ordinary user may not read is refused, never fatal */
    g_assert_cmpint(lab.count.files + lab.count.others, ==, 2);
    g_assert_cmpstr(lab.seen->str, ==,
                    geteuid() == 0 ? "a/b/f file;g file;" : "a/b refused;g refused;");
    lab_end(&lab);
}

static void test_root_is_link(void)
{
    Lab lab;
    lab_begin(&lab);
    g_autofree char *alias = g_build_filename(lab.root, "alias", NULL);
    g_assert_cmpint(symlink(lab.trial, alias), ==, 0);
    put("f", "x");
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_workdir_walk(alias, NULL, 0, 0, note_entry, &lab, &lab.count, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_IO);
    g_clear_error(&error);
    g_assert_true(hpt_workdir_remove(alias, &error)); /* the link, and nothing behind it */
    g_assert_no_error(error);
    g_assert_cmpint(access(alias, F_OK), ==, -1);
    g_assert_cmpint(access("f", F_OK), ==, 0);
    g_autofree char *none = g_build_filename(lab.root, "none", NULL);
    g_assert_true(hpt_workdir_remove(none, &error));
    g_assert_no_error(error);
    lab_end(&lab);
}

static void test_stop(void)
{
    Lab lab;
    lab_begin(&lab);
    put("a", "x");
    put("b", "x");
    put("c", "x");
    lab.stop_at = "b";
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_workdir_walk(lab.trial, NULL, 0, 0, note_entry, &lab, &lab.count, &error));
    g_assert_cmpstr(error->message, ==, "enough");
    g_assert_cmpstr(lab.seen->str, ==, "a file;b file;");
    lab_end(&lab);
}

static bool change_entry(const HptEntry *entry, void *user, GError **error)
{
    (void)error;
    g_assert_false(hpt_entry_changed(entry));
    int fd = open(entry->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    g_assert_cmpint(write(fd, "more", 4), ==, 4);
    close(fd);
    g_assert_true(hpt_entry_changed(entry));
    *(bool *)user = true;
    return true;
}

static void test_changed(void)
{
    Lab lab;
    lab_begin(&lab);
    put("f", "x");
    bool called = false;
    g_assert_true(hpt_workdir_walk(".", NULL, 0, 0, change_entry, &called, &lab.count, NULL));
    g_assert_true(called);
    lab_end(&lab);
}

/* Somebody swaps files, links and directories all the time: nothing outside is ever read, nothing
 * blocks, and the removal takes away what is inside alone. */
#define PAIRS 20

static gint swapped_enough;

static gpointer swap(gpointer data)
{
    const char *trial = data;
    int fd = open(trial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (g_atomic_int_get(&swapped_enough) == 0) {
        for (int i = 0; i < PAIRS; i++) {
            char file[16], other[16];
            g_snprintf(file, sizeof file, "f%d", i);
            g_snprintf(other, sizeof other, "l%d", i);
            (void)renameat2(fd, file, fd, other, RENAME_EXCHANGE);
        }
        (void)renameat2(fd, "d", fd, "dl", RENAME_EXCHANGE);
        (void)renameat2(fd, "p", fd, "f0", RENAME_EXCHANGE);
    }
    close(fd);
    return NULL;
}

static void test_race(void)
{
    Lab lab;
    lab_begin(&lab);
    for (int i = 0; i < PAIRS; i++) {
        char file[16], other[16];
        g_snprintf(file, sizeof file, "f%d", i);
        g_snprintf(other, sizeof other, "l%d", i);
        put(file, "inside");
        g_assert_cmpint(symlink("../secret", other), ==, 0);
    }
    g_assert_cmpint(mkdir("d", 0700), ==, 0);
    put("d/secret", "inside");
    g_assert_cmpint(symlink("..", "dl"), ==, 0);
    g_assert_cmpint(mkfifo("p", 0600), ==, 0);
    GThread *thread = g_thread_new("swap", swap, lab.trial);
    for (int i = 0; i < 1500; i++)
        walk(&lab, NULL, 0, 0);
    g_atomic_int_set(&swapped_enough, 1);
    g_assert_false(lab.leaked);
    g_thread_join(thread);
    lab_end(&lab);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/workdir/kinds", test_kinds);
    g_test_add_func("/workdir/odd-names", test_odd_names);
    g_test_add_func("/workdir/caps", test_caps);
    g_test_add_func("/workdir/deep", test_deep);
    g_test_add_func("/workdir/closed-directories", test_closed_directories);
    g_test_add_func("/workdir/root-is-link", test_root_is_link);
    g_test_add_func("/workdir/stop", test_stop);
    g_test_add_func("/workdir/changed", test_changed);
    g_test_add_func("/workdir/race", test_race);
    return g_test_run();
}
