/* Input sets, what patterns declare, and the digest cache. */
#include "record/declared.h"
#include "record/digestcache.h"
#include "record/inputs.h"

#include "base/text.h"
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- sets ---- */

static const HptInputFile files[] = {
    {.role = HPT_INPUT_WRITTEN, .state = HPT_INPUT_DIGEST, .size = 3, .path = "out/b"},
    {.role = HPT_INPUT_READ, .state = HPT_INPUT_UNSTABLE, .size = 7, .path = "a\tb\n\xff"},
    {.role = HPT_INPUT_DECLARED, .state = HPT_INPUT_STORED, .size = 0, .path = "data\\x", .ignored = true},
    {.role = HPT_INPUT_READ, .state = HPT_INPUT_SECRET, .size = -1, .path = "data\\x"},
};

static void test_set(void)
{
    g_autoptr(HptInputs) set = hpt_inputs_new(files, G_N_ELEMENTS(files));
    g_autofree char *zeros = g_strnfill(64, '0');
    g_autofree char *wanted =
        g_strdup_printf("hpt-inputs/1\n"
                        "read\tunstable\t7\t\t\ta\\011b\\012\\377\n"
                        "declared\tstored\t0\t%s\tignored\tdata\\\\x\n"
                        "read\tsecret\t\t\t\tdata\\\\x\n"
                        "written\tdigest\t3\t%s\t\tout/b\n",
                        zeros, zeros);
    g_assert_cmpstr(set->canonical, ==, wanted);
    HptDigest digest = hpt_digest(wanted, strlen(wanted));
    g_assert_true(memcmp(&digest, &set->digest, sizeof digest) == 0);
    g_assert_nonnull(hpt_inputs_find(set, "a\tb\n\xff", HPT_INPUT_READ));
    g_assert_null(hpt_inputs_find(set, "out/b", HPT_INPUT_READ));
    g_autoptr(GError) error = NULL;
    g_autoptr(HptInputs) read = hpt_inputs_parse(set->canonical, set->length, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(read->n, ==, 4);
    g_assert_cmpint(read->files[0].size, ==, 7);
    g_assert_cmpstr(read->files[0].path, ==, "a\tb\n\xff");
    g_assert_true(read->files[1].ignored);
    g_assert_cmpint(read->files[2].size, ==, -1);
    g_assert_true(memcmp(&read->digest, &set->digest, sizeof digest) == 0);
}

/* Two that say other things of one file: what is known counts, in whatever order they come. */
static void test_twice(void)
{
    HptInputFile both[] = {
        {.role = HPT_INPUT_READ, .state = HPT_INPUT_UNSTABLE, .size = 1, .path = "x"},
        {.role = HPT_INPUT_READ, .state = HPT_INPUT_DIGEST, .size = 2, .path = "x", .digest.bytes = {2}},
        {.role = HPT_INPUT_READ, .state = HPT_INPUT_DIGEST, .size = 1, .path = "x", .digest.bytes = {1}},
    };
    for (int turn = 0; turn < 3; turn++) {
        g_autoptr(HptInputs) set = hpt_inputs_new(both, G_N_ELEMENTS(both));
        g_assert_cmpuint(set->n, ==, 1);
        g_assert_cmpint(set->files[0].state, ==, HPT_INPUT_DIGEST);
        g_assert_cmpint(set->files[0].digest.bytes[0], ==, 1);
        HptInputFile first = both[0];
        both[0] = both[1];
        both[1] = both[2];
        both[2] = first;
    }
}

/* In any order, and a file twice: the same set. */
static void test_order(void)
{
    HptInputFile other[G_N_ELEMENTS(files) + 1];
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        other[i] = files[G_N_ELEMENTS(files) - 1 - i];
    other[G_N_ELEMENTS(files)] = files[0];
    g_autoptr(HptInputs) a = hpt_inputs_new(files, G_N_ELEMENTS(files));
    g_autoptr(HptInputs) b = hpt_inputs_new(other, G_N_ELEMENTS(other));
    g_assert_cmpstr(a->canonical, ==, b->canonical);
    g_autoptr(HptInputs) none = hpt_inputs_new(NULL, 0);
    g_assert_cmpstr(none->canonical, ==, "hpt-inputs/1\n");
    g_assert_null(hpt_inputs_find(none, "x", HPT_INPUT_READ));
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "", "hpt-inputs/1", "hpt-inputs/2\n", "hpt-inputs/1\nx\n", "hpt-inputs/1\n\n",
        "hpt-inputs/1\nread\tgone\n",
        "hpt-inputs/1\nread\tgone\t\t\t\t\n",           /* no path */
        "hpt-inputs/1\nread\tgone\t\t\t\ta\tb\n",       /* a field too many */
        "hpt-inputs/1\nread\tgone\t-1\t\t\ta\n",        /* a size below 0 */
        "hpt-inputs/1\nread\tgone\t01\t\t\ta\n",        /* not canonical */
        "hpt-inputs/1\nread\tstored\t1\t\t\ta\n",       /* no digest */
        "hpt-inputs/1\nread\tgone\t\t\tyes\ta\n",       /* a word that is none */
        "hpt-inputs/1\neaten\tgone\t\t\t\ta\n",         /* a role that is none */
        "hpt-inputs/1\nread\tgone\t\t\t\tb\nread\tgone\t\t\t\ta\n", /* not sorted */
        "hpt-inputs/1\nread\tgone\t\t\t\ta\nread\tgone\t\t\t\ta\n", /* twice */
        "hpt-inputs/1\nread\tgone\t\t\t\t\\a\n", "hpt-inputs/1\nread\tgone\t\t\t\t\\000\n",
        "hpt-inputs/1\nread\tgone\t\t\t\ta",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_inputs_parse(bad[i], strlen(bad[i]), &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        g_assert_true(g_str_has_prefix(error->message, "input set: line "));
    }
}

/* ---- a folder ---- */

typedef struct {
    char *root;
} Folder;

static char *put(const Folder *f, const char *path, const char *text)
{
    char *full = g_strdup_printf("%s/%s", f->root, path);
    g_autofree char *folder = g_path_get_dirname(full);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
    return full;
}

static void setup(Folder *f, gconstpointer data)
{
    (void)data;
    f->root = g_dir_make_tmp("hpt-inputs-[*]-XXXXXX", NULL); /* not a pattern */
    g_assert_nonnull(f->root);
    static const char *const paths[] = {"a.csv", "b.csv", ".hidden.csv", "data/1/x", "data/2",
                                        "data/.git/config", "data/.hpt/x", "data/.keep"};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
        g_free(put(f, paths[i], paths[i]));
    g_autofree char *loop = g_strconcat(f->root, "/data/loop", NULL);
    g_autofree char *link = g_strconcat(f->root, "/data/link", NULL);
    g_autofree char *fifo = g_strconcat(f->root, "/data/fifo", NULL);
    g_assert_cmpint(symlink("..", loop), ==, 0);
    g_assert_cmpint(symlink("2", link), ==, 0);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
}

static void teardown(Folder *f, gconstpointer data)
{
    (void)data;
    g_assert_true(hpt_workdir_remove(f->root, NULL));
    g_free(f->root);
}

static void expands(const Folder *f, const char *first, const char *second, const char *wanted)
{
    const char *const patterns[] = {first, second, NULL};
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) found = hpt_declared_expand(f->root, patterns, &error);
    if (wanted == NULL) {
        g_assert_null(found);
        g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
        return;
    }
    g_assert_no_error(error);
    g_autoptr(GString) text = g_string_new(NULL);
    for (char **path = found; *path != NULL; path++) {
        g_assert_true(g_str_has_prefix(*path, f->root));
        g_string_append_printf(text, "%s ", *path + strlen(f->root) + 1);
    }
    g_assert_cmpstr(text->str, ==, wanted);
}

static void test_declared(Folder *f, gconstpointer data)
{
    (void)data;
    expands(f, "a.csv", NULL, "a.csv ");
    expands(f, "*.csv", "a.csv", "a.csv b.csv ");
    expands(f, ".*.csv", NULL, ".hidden.csv ");
    expands(f, "data", NULL, "data/.keep data/1/x data/2 data/link ");
    expands(f, "./data/", "data/../data/2", "data/.keep data/1/x data/2 data/link ");
    expands(f, "data/fifo", NULL, NULL);
    expands(f, "a.csv", "c*", NULL);
    expands(f, "", NULL, NULL);
    g_autofree char *absolute = g_strdup_printf("%s/a.csv", f->root);
    for (char *at = absolute; (at = strpbrk(at, "[*")) != NULL; at++)
        *at = '?';
    expands(f, absolute, NULL, "a.csv ");
}

/* ---- the digest cache ---- */

static const HptFileDigest some = {.secret = true};

static void look(const char *path, struct stat *info, int *fd)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(*fd, >=, 0);
    g_assert_cmpint(fstat(*fd, info), ==, 0);
}

static int64_t changed_us(const struct stat *info)
{
    return MAX((int64_t)info->st_ctim.tv_sec * 1000000 + info->st_ctim.tv_nsec / 1000,
               (int64_t)info->st_mtim.tv_sec * 1000000 + info->st_mtim.tv_nsec / 1000);
}

/* Found while nothing about it has changed; not kept when it was changed a moment before. */
static void test_cache(Folder *f, gconstpointer data)
{
    (void)data;
    g_autofree char *path = put(f, "file", "one");
    g_autoptr(HptDigestCache) cache = hpt_digest_cache_new(NULL, "host", "boot");
    struct stat info;
    int fd;
    HptFileDigest found = {0};
    look(path, &info, &fd);
    g_assert_false(hpt_digest_cache_find(cache, &info, &found));
    hpt_digest_cache_add(cache, fd, &info, changed_us(&info) + 1000000, &some);
    g_assert_false(hpt_digest_cache_find(cache, &info, &found));
    hpt_digest_cache_add(cache, fd, &info, changed_us(&info) - 5000000, &some); /* of the future */
    g_assert_false(hpt_digest_cache_find(cache, &info, &found));
    hpt_digest_cache_add(cache, fd, &info, changed_us(&info) + 2000000, &some);
    g_assert_true(hpt_digest_cache_find(cache, &info, &found));
    g_assert_true(found.secret);
    struct stat other = info;
    other.st_size++;
    g_assert_false(hpt_digest_cache_find(cache, &other, &found));
    other = info;
    other.st_mtim.tv_nsec ^= 1;
    g_assert_false(hpt_digest_cache_find(cache, &other, &found));
    other = info;
    other.st_ctim.tv_nsec ^= 1;
    g_assert_false(hpt_digest_cache_find(cache, &other, &found));
    other = info;
    other.st_ino++;
    g_assert_false(hpt_digest_cache_find(cache, &other, &found));
    other = info;
    other.st_dev++;
    g_assert_false(hpt_digest_cache_find(cache, &other, &found));
    close(fd);
    int proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC); /* inodes are made up there */
    if (proc >= 0) {
        g_assert_cmpint(fstat(proc, &info), ==, 0);
        hpt_digest_cache_add(cache, proc, &info, changed_us(&info) + 3600000000, &some);
        g_assert_false(hpt_digest_cache_find(cache, &info, &found));
        close(proc);
    }
}

static void test_cache_file(Folder *f, gconstpointer data)
{
    (void)data;
    g_autofree char *path = put(f, "file", "one");
    g_autofree char *store = g_strconcat(f->root, "/digests/host", NULL);
    g_autoptr(GError) error = NULL;
    struct stat info;
    int fd;
    look(path, &info, &fd);
    HptFileDigest found = {.digest = hpt_digest("one", 3)}, again = {0};
    g_autoptr(HptDigestCache) one = hpt_digest_cache_new(store, "host", "boot");
    g_assert_true(hpt_digest_cache_save(one, &error));
    g_assert_cmpint(g_access(store, F_OK), ==, -1); /* there was nothing to write */
    hpt_digest_cache_add(one, fd, &info, changed_us(&info) + 3000000, &found);
    g_assert_true(hpt_digest_cache_save(one, &error));
    /* Two at once: neither loses what the other found. */
    g_autoptr(HptDigestCache) two = hpt_digest_cache_new(store, "host", "boot");
    g_autoptr(HptDigestCache) three = hpt_digest_cache_new(store, "host", "boot");
    g_assert_true(hpt_digest_cache_find(two, &info, &again));
    g_assert_true(memcmp(&again, &found, sizeof found) == 0);
    info.st_ino += 1;
    hpt_digest_cache_add(two, fd, &info, changed_us(&info) + 3000000, &found);
    info.st_ino += 1;
    hpt_digest_cache_add(three, fd, &info, changed_us(&info) + 3000000, &found);
    g_assert_true(hpt_digest_cache_save(two, &error) && hpt_digest_cache_save(three, &error));
    g_autoptr(HptDigestCache) four = hpt_digest_cache_new(store, "host", "boot");
    g_assert_cmpuint(hpt_digest_cache_count(four), ==, 3);
    /* Of another host or boot nothing is believed. */
    g_autoptr(HptDigestCache) host = hpt_digest_cache_new(store, "other", "boot");
    g_autoptr(HptDigestCache) boot = hpt_digest_cache_new(store, "host", "later");
    g_assert_cmpuint(hpt_digest_cache_count(host) + hpt_digest_cache_count(boot), ==, 0);
    struct stat file;
    g_assert_cmpint(stat(store, &file), ==, 0);
    g_assert_cmpint(file.st_mode & 0777, ==, 0600);
    g_assert_cmpint(chmod(store, 0604), ==, 0);
    g_autoptr(HptDigestCache) open_to_all = hpt_digest_cache_new(store, "host", "boot");
    g_assert_cmpuint(hpt_digest_cache_count(open_to_all), ==, 0);
    close(fd);
}

/* Cut anywhere, or with any bit changed, it is as none. */
static void test_cache_damaged(Folder *f, gconstpointer data)
{
    (void)data;
    g_autofree char *path = put(f, "file", "one");
    g_autofree char *store = g_strconcat(f->root, "/digests", NULL);
    g_autofree char *bytes = NULL;
    gsize length = 0;
    struct stat info;
    int fd;
    look(path, &info, &fd);
    g_autoptr(HptDigestCache) cache = hpt_digest_cache_new(store, "host", "boot");
    hpt_digest_cache_add(cache, fd, &info, changed_us(&info) + 3000000, &some);
    g_assert_true(hpt_digest_cache_save(cache, NULL));
    g_assert_true(g_file_get_contents(store, &bytes, &length, NULL));
    g_autoptr(HptDigestCache) empty = hpt_digest_cache_new(NULL, "host", "boot");
    for (gsize cut = 0; cut < length; cut++)
        g_assert_false(hpt_digest_cache_parse(empty, bytes, cut));
    for (gsize bit = 0; bit < length * 8; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        g_assert_false(hpt_digest_cache_parse(empty, bytes, length));
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    g_assert_cmpuint(hpt_digest_cache_count(empty), ==, 0);
    g_assert_true(hpt_digest_cache_parse(empty, bytes, length));
    g_assert_cmpuint(hpt_digest_cache_count(empty), ==, 1);
    close(fd);
}

#define ADD(name, function) g_test_add(name, Folder, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inputs/set", test_set);
    g_test_add_func("/inputs/order", test_order);
    g_test_add_func("/inputs/twice", test_twice);
    g_test_add_func("/inputs/refused", test_refused);
    ADD("/inputs/declared", test_declared);
    ADD("/inputs/cache", test_cache);
    ADD("/inputs/cache-file", test_cache_file);
    ADD("/inputs/cache-damaged", test_cache_damaged);
    return g_test_run();
}
