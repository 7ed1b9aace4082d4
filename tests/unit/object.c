/* Objects: what is put comes back, is stored once, and no damage goes unseen. */
#include "store/object.h"
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *dir;   /* a fresh folder */
    char *store; /* dir/objects */
    HptStore *objects;
} Place;

static void setup(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    place->dir = g_dir_make_tmp("hpt-object-XXXXXX", &error);
    g_assert_no_error(error);
    place->store = g_build_filename(place->dir, "objects", NULL);
    place->objects = hpt_store_open(place->store, &error);
    g_assert_no_error(error);
}

static void remove_tree(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_workdir_remove(path, &error));
}

static void teardown(Place *place, gconstpointer data)
{
    (void)data;
    hpt_store_close(place->objects);
    remove_tree(place->dir);
    g_free(place->store);
    g_free(place->dir);
}

/* Bytes that do not compress, the same in every run. */
static char *noise(size_t length)
{
    char *bytes = g_malloc(length + 1);
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (char)(state >> 24);
    }
    bytes[length] = '\0';
    return bytes;
}

static char *text(size_t length)
{
    char *bytes = g_malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        bytes[i] = "all work and no play "[i % 21];
    bytes[length] = '\0';
    return bytes;
}

static char *path_of(const Place *place, const HptDigest *digest, const char *ending)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(digest, hex);
    return g_strdup_printf("%s/sha256/%.2s/%s%s", place->store, hex, hex + 2, ending);
}

static size_t count_files(const char *path)
{
    size_t n = 0;
    GDir *folder = g_dir_open(path, 0, NULL);
    g_assert_nonnull(folder);
    for (const char *name; (name = g_dir_read_name(folder)) != NULL;) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        n += g_file_test(child, G_FILE_TEST_IS_DIR) ? count_files(child) : 1;
    }
    g_dir_close(folder);
    return n;
}

static void test_round_trip(Place *place, gconstpointer data)
{
    (void)data;
    static const size_t sizes[] = {0, 1, 4096, 4097, 65536, 65537, 300000};
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++)
        for (int dense = 0; dense < 2; dense++) {
            g_autoptr(GError) error = NULL;
            g_autofree char *bytes = dense ? noise(sizes[i]) : text(sizes[i]);
            HptObjectId id, expected = hpt_object_id(bytes, sizes[i]);
            g_assert_true(hpt_object_put_bytes(place->objects, bytes, sizes[i], &id, &error));
            g_assert_true(memcmp(&id.digest, &expected.digest, 32) == 0);
            g_assert_cmpint(id.size, ==, (int64_t)sizes[i]);
            /* only what is larger than 4 KiB and shrinks is compressed */
            bool packed = !dense && sizes[i] > HPT_OBJECT_COMPRESS_MIN;
            g_autofree char *path = path_of(place, &id.digest, packed ? ".zst" : "");
            g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
            size_t length = 0;
            g_autofree char *back = hpt_object_get(place->objects, &id, 1 << 20, &length, &error);
            g_assert_no_error(error);
            g_assert_cmpuint(length, ==, sizes[i]);
            g_assert_true(memcmp(back, bytes, length) == 0);
            id.size = -1;
            g_assert_true(hpt_object_check(place->objects, &id, &error));
        }
    g_autofree char *tmp = g_build_filename(place->store, "tmp", NULL);
    g_assert_cmpuint(count_files(tmp), ==, 0);
}

static void test_stored_once(Place *place, gconstpointer data)
{
    (void)data;
    g_autofree char *bytes = text(100000);
    g_autofree char *file = g_build_filename(place->dir, "file", NULL);
    g_assert_true(g_file_set_contents(file, bytes, 100000, NULL));
    HptObjectId a, b;
    struct stat first, second;
    g_assert_true(hpt_object_put_file(place->objects, AT_FDCWD, file, &a, NULL));
    g_autofree char *path = path_of(place, &a.digest, ".zst");
    g_assert_cmpint(stat(path, &first), ==, 0);
    g_assert_true(hpt_object_put_bytes(place->objects, bytes, 100000, &b, NULL));
    g_assert_true(hpt_object_put_file(place->objects, AT_FDCWD, file, &b, NULL));
    g_assert_cmpint(stat(path, &second), ==, 0);
    g_assert_true(memcmp(&a, &b, sizeof a) == 0);
    g_assert_cmpuint(first.st_ino, ==, second.st_ino);
    g_assert_cmpuint(count_files(place->store), ==, 1);
    g_assert_cmpint(first.st_mode & 0222, ==, 0);
    /* a stored file of another size is not taken for the object */
    g_assert_cmpint(chmod(path, 0644), ==, 0);
    g_assert_cmpint(truncate(path, 3), ==, 0);
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_object_put_bytes(place->objects, bytes, 100000, &b, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
}

/* Every single bit of the stored file, plain and compressed. A frame has a few bits that mean
 * nothing (other codes for the same sequences): the check passes only where the bytes are right. */
static void test_bit_flips(Place *place, gconstpointer data)
{
    (void)data;
    for (int dense = 0; dense < 2; dense++) {
        g_autofree char *bytes = dense ? noise(300) : text(6000);
        HptObjectId id;
        g_assert_true(hpt_object_put_bytes(place->objects, bytes, dense ? 300 : 6000, &id, NULL));
        g_autofree char *path = path_of(place, &id.digest, dense ? "" : ".zst");
        g_assert_cmpint(chmod(path, 0644), ==, 0);
        gsize length = 0;
        g_autofree char *stored = NULL;
        g_assert_true(g_file_get_contents(path, &stored, &length, NULL));
        size_t harmless = 0;
        for (size_t bit = 0; bit < length * 8; bit++) {
            g_autoptr(GError) error = NULL;
            FILE *file = fopen(path, "r+");
            fseek(file, (long)(bit / 8), SEEK_SET);
            fputc((unsigned char)stored[bit / 8] ^ (1 << bit % 8), file);
            fclose(file);
            if (hpt_object_check(place->objects, &id, &error)) {
                g_assert_false(dense);
                harmless++;
            } else {
                g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
                g_assert_true(g_str_has_prefix(error->message, "object sha256:"));
            }
            file = fopen(path, "r+");
            fseek(file, (long)(bit / 8), SEEK_SET);
            fputc(stored[bit / 8], file);
            fclose(file);
        }
        g_assert_cmpuint(harmless, <=, 8);
        for (size_t keep = 0; keep < length; keep++) {
            g_autoptr(GError) error = NULL;
            g_assert_cmpint(truncate(path, (off_t)keep), ==, 0);
            g_assert_false(hpt_object_check(place->objects, &id, &error));
            g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
            FILE *file = fopen(path, "w");
            fwrite(stored, 1, length, file);
            fclose(file);
        }
        FILE *file = fopen(path, "a");
        fputc(0, file);
        fclose(file);
        g_autoptr(GError) error = NULL;
        g_assert_false(hpt_object_check(place->objects, &id, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    }
}

static void test_missing(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId id = hpt_object_id("absent", 6);
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_object_check(place->objects, &id, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    g_assert_nonnull(strstr(error->message, " is missing in "));
    g_autoptr(GError) large = NULL;
    g_assert_true(hpt_object_put_bytes(place->objects, "absent", 6, &id, NULL));
    g_assert_null(hpt_object_get(place->objects, &id, 5, NULL, &large));
    g_assert_error(large, HPT_ERROR, HPT_ERROR_DATA);
}

/* What a trial may leave behind besides files. */
static void test_not_files(Place *place, gconstpointer data)
{
    (void)data;
    int dir = open(place->dir, O_RDONLY | O_DIRECTORY);
    g_assert_cmpint(mkfifoat(dir, "fifo", 0600), ==, 0);
    g_assert_cmpint(symlinkat("/etc/passwd", dir, "link"), ==, 0);
    g_assert_cmpint(symlinkat("nowhere", dir, "dangling"), ==, 0);
    g_assert_cmpint(mkdirat(dir, "folder", 0700), ==, 0);
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"fifo", "fifo: a FIFO, not a regular file"},
        {"link", "link: a symbolic link, not a regular file"},
        {"dangling", "dangling: a symbolic link, not a regular file"},
        {"folder", "folder: a folder, not a regular file"},
        {"/dev/null", "/dev/null: a device, not a regular file"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HptObjectId id;
        g_assert_false(hpt_object_put_file(place->objects, dir, cases[i].name, &id, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    HptObjectId id;
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_object_put_fd(place->objects, ends[0], "pipe", &id, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED);
    close(ends[0]);
    close(ends[1]);
    g_autoptr(GError) gone = NULL;
    g_assert_false(hpt_object_put_file(place->objects, dir, "none", &id, &gone));
    g_assert_error(gone, HPT_ERROR, HPT_ERROR_IO);
    close(dir);
    g_assert_cmpuint(count_files(place->store), ==, 0);
}

/* Names that mean something to a shell or a terminal are only names. */
static void test_hostile_names(Place *place, gconstpointer data)
{
    (void)data;
    static const char *const names[] = {"-rf", "a\nb", "\033[2J", "$(touch x)", "\xff\xfe", "' \""};
    int dir = open(place->dir, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        int fd = openat(dir, names[i], O_WRONLY | O_CREAT, 0600);
        g_assert_cmpint(write(fd, names[i], 2), ==, 2);
        close(fd);
        HptObjectId id, expected = hpt_object_id(names[i], 2);
        g_assert_true(hpt_object_put_file(place->objects, dir, names[i], &id, NULL));
        g_assert_true(memcmp(&id, &expected, sizeof id) == 0);
    }
    close(dir);
}

/* A file of /proc says size 0 and has content: it "changes" at every read. */
static void test_changing(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId id;
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_object_put_file(place->objects, AT_FDCWD, "/proc/self/status", &id, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_CONFLICT);
    g_assert_cmpuint(count_files(place->store), ==, 0);
}

static void test_sweep(Place *place, gconstpointer data)
{
    (void)data;
    g_autofree char *left = g_build_filename(place->store, "tmp", "left", NULL);
    g_assert_true(g_file_set_contents(left, "x", 1, NULL));
    size_t removed = 9;
    g_assert_true(hpt_store_sweep(place->objects, G_TIME_SPAN_HOUR, &removed, NULL));
    g_assert_cmpuint(removed, ==, 0);
    g_assert_true(hpt_store_sweep(place->objects, -G_TIME_SPAN_HOUR, &removed, NULL));
    g_assert_cmpuint(removed, ==, 1);
    g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
    /* opening does it for what is older than a day */
    g_assert_true(g_file_set_contents(left, "x", 1, NULL));
    g_autoptr(HptStore) young = hpt_store_open(place->store, NULL);
    g_assert_nonnull(young);
    g_assert_true(g_file_test(left, G_FILE_TEST_EXISTS));
    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    g_assert_cmpint(utimensat(AT_FDCWD, left, old, 0), ==, 0);
    g_autoptr(HptStore) again = hpt_store_open(place->store, NULL);
    g_assert_nonnull(again);
    g_assert_false(g_file_test(left, G_FILE_TEST_EXISTS));
}

/* Four processes put the same objects: each is stored once and whole. */
static void test_at_once(Place *place, gconstpointer data)
{
    (void)data;
    pid_t children[4];
    for (int c = 0; c < 4; c++) {
        children[c] = fork();
        for (size_t i = 0; children[c] == 0 && i < 60; i++) {
            g_autofree char *bytes = i % 2 == 0 ? text(5000 + i) : noise(5000 + i);
            HptObjectId id;
            if (!hpt_object_put_bytes(place->objects, bytes, 5000 + i, &id, NULL) ||
                !hpt_object_check(place->objects, &id, NULL))
                _exit(1);
        }
        if (children[c] == 0)
            _exit(0);
    }
    for (int c = 0; c < 4; c++) {
        int status = -1;
        g_assert_cmpint(waitpid(children[c], &status, 0), ==, children[c]);
        g_assert_cmpint(status, ==, 0);
    }
    g_assert_cmpuint(count_files(place->store), ==, 60);
}

/* In a namespace of its own with a volume of 64 KiB: 77 there cannot be one, 0 all as it should. */
static int full_volume(const char *dir)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("hpt", dir, "tmpfs", 0, "size=64k") != 0)
        return 77;
    g_autofree char *path = g_build_filename(dir, "objects", NULL);
    g_autofree char *bytes = noise(1 << 20);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptStore) store = hpt_store_open(path, NULL);
    HptObjectId id;
    if (store == NULL || hpt_object_put_bytes(store, bytes, 1 << 20, &id, &error))
        return 1;
    g_autofree char *expected = g_strdup_printf("no space left on the volume %s, ", dir);
    if (!g_error_matches(error, HPT_ERROR, HPT_ERROR_IO) ||
        strstr(error->message, expected) == NULL)
        return 2;
    if (count_files(path) != 0)
        return 3;
    return hpt_object_put_bytes(store, bytes, 5000, &id, NULL) ? 0 : 4; /* room is back */
}

static void test_full(Place *place, gconstpointer data)
{
    (void)data;
    pid_t child = fork();
    if (child == 0)
        _exit(full_volume(place->dir));
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        g_test_skip("no mount namespace here");
    else
        g_assert_cmpint(status, ==, 0);
}

static void test_cannot_open(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_store_open("/dev/null/objects", &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_IO);
}

#define ADD(name, function) g_test_add(name, Place, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/object/round-trip", test_round_trip);
    ADD("/object/stored-once", test_stored_once);
    ADD("/object/bit-flips", test_bit_flips);
    ADD("/object/missing", test_missing);
    ADD("/object/not-files", test_not_files);
    ADD("/object/hostile-names", test_hostile_names);
    ADD("/object/changing", test_changing);
    ADD("/object/sweep", test_sweep);
    ADD("/object/at-once", test_at_once);
    ADD("/object/full", test_full);
    g_test_add_func("/object/cannot-open", test_cannot_open);
    return g_test_run();
}
