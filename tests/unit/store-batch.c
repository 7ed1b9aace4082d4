/* Batches: what is committed comes back from any process, chunks are stored once, and no damage goes
 * unseen. */
#include "run/workdir.h"
#include "store/batch.h"
#include "store/chunk.h"
#include "store/packwrite.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *dir;
    HptStore *store;
} Place;

static void setup(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    place->dir = g_dir_make_tmp("hpt-batch-XXXXXX", &error);
    g_assert_no_error(error);
    place->store = hpt_store_open(place->dir, &error);
    g_assert_no_error(error);
}

static void teardown(Place *place, gconstpointer data)
{
    (void)data;
    hpt_store_close(place->store);
    g_assert_true(hpt_workdir_remove(place->dir, NULL));
    g_free(place->dir);
}

/* Bytes that do not compress (dense) or do, the same in every run for a seed. */
static uint8_t *make(size_t length, bool dense, uint64_t seed)
{
    uint8_t *bytes = g_malloc(length + 1);
    uint64_t state = 88172645463325252u + seed * 7919;
    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = dense ? (uint8_t)(state >> 24) : (uint8_t)('a' + (state >> 24) % 3);
    }
    return bytes;
}

static int file_of(const void *bytes, size_t length)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    for (size_t done = 0; done < length;) {
        ssize_t n = write(fd, (const char *)bytes + done, length - done);
        g_assert_cmpint(n, >, 0);
        done += (size_t)n;
    }
    return fd;
}

static int64_t folder_size(const Place *place, const char *name, int *files)
{
    g_autofree char *path = g_build_filename(place->dir, name, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    int64_t sum = 0;
    *files = 0;
    for (const char *entry; dir != NULL && (entry = g_dir_read_name(dir)) != NULL; ++*files) {
        g_autofree char *file = g_build_filename(path, entry, NULL);
        struct stat info;
        g_assert_cmpint(stat(file, &info), ==, 0);
        sum += info.st_size;
    }
    return sum;
}

static void assert_back(HptStore *store, const HptObjectId *id, const void *bytes, size_t length)
{
    g_autoptr(GError) error = NULL;
    size_t got = 0;
    g_autofree char *back = hpt_object_get(store, id, 1 << 26, &got, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(got, ==, length);
    g_assert_true(memcmp(back, bytes, length) == 0);
    g_assert_true(hpt_object_check(store, id, &error));
}

static const size_t sizes[] = {0,     1,      100,     4096,    8193,        16383,       16384,  16385,
                               65536, 300000, 1048575, 1048576, 1048577, 5000000, 2097152};

static void test_round_trip(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autoptr(HptBatch) batch = hpt_batch_begin(place->store);
    HptObjectId ids[2][G_N_ELEMENTS(sizes)];
    for (int dense = 0; dense < 2; dense++)
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
            g_autofree uint8_t *bytes = make(sizes[i], dense, i);
            HptObjectId expected = hpt_object_id(bytes, sizes[i]);
            int fd = file_of(bytes, sizes[i]);
            bool ok = i % 3 == 0
                          ? hpt_batch_put_bytes(batch, bytes, sizes[i], &ids[dense][i], &error)
                          : hpt_batch_put_fd(batch, fd, "file", &ids[dense][i], &error);
            g_assert_no_error(error);
            g_assert_true(ok);
            close(fd);
            g_assert_true(memcmp(&ids[dense][i], &expected, sizeof expected) == 0);
        }
    g_assert_true(hpt_batch_commit(batch, &error));
    int files;
    folder_size(place, "pack", &files);
    g_assert_cmpint(files, ==, 1);
    folder_size(place, "tmp", &files);
    g_assert_cmpint(files, ==, 0);
    g_autoptr(HptStore) other = hpt_store_open_reading(place->dir, &error);
    for (int dense = 0; dense < 2; dense++)
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
            g_autofree uint8_t *bytes = make(sizes[i], dense, i);
            assert_back(i % 2 == 0 ? other : place->store, &ids[dense][i], bytes, sizes[i]);
        }
}

static void put_and_commit(HptStore *store, const void *bytes, size_t length, HptObjectId *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptBatch) batch = hpt_batch_begin(store);
    int fd = file_of(bytes, length);
    bool ok = hpt_batch_put_fd(batch, fd, "file", id, &error);
    close(fd);
    g_assert_no_error(error);
    g_assert_true(ok && hpt_batch_commit(batch, &error));
}

/* Versions of a file: bytes that are changed, inserted and removed cost little more than themselves. */
static void test_versions(Place *place, gconstpointer data)
{
    (void)data;
    size_t length = 4000000;
    g_autofree uint8_t *bytes = make(length + 1000, true, 1);
    HptObjectId ids[20];
    for (int i = 0; i < 20; i++) {
        size_t at = (size_t)(i * 187349) % (length - 1000);
        if (i % 3 == 1)
            memset(bytes + at, i, 1000); /* changed */
        else if (i % 3 == 2)
            memmove(bytes + at, bytes + at + 10, length - at - 10); /* removed */
        put_and_commit(place->store, bytes, length, &ids[i]);
    }
    int files;
    int64_t size = folder_size(place, "pack", &files);
    g_assert_cmpint(files, ==, 14); /* every third is the same again */
    g_assert_cmpint(size, >, 4000000);
    g_assert_cmpint(size, <, 4000000 + 20 * 250000);
    assert_back(place->store, &ids[19], bytes, length);
    g_autoptr(HptStore) other = hpt_store_open_reading(place->dir, NULL);
    assert_back(other, &ids[19], bytes, length);
    g_assert_true(hpt_object_check(other, &ids[0], NULL));
}

/* The same object again costs nothing, whichever way it was stored, and within a batch too. */
static void test_once(Place *place, gconstpointer data)
{
    (void)data;
    g_autofree uint8_t *bytes = make(3000000, true, 5), *file = make(100000, true, 6);
    HptObjectId id, first;
    int files;
    g_assert_true(hpt_object_put_bytes(place->store, file, 100000, &first, NULL));
    put_and_commit(place->store, bytes, 3000000, &id);
    int64_t before = folder_size(place, "pack", &files);
    g_autoptr(HptBatch) batch = hpt_batch_begin(place->store);
    g_assert_true(hpt_batch_put_bytes(batch, bytes, 3000000, &id, NULL));
    g_assert_true(hpt_batch_put_bytes(batch, file, 100000, &id, NULL));
    g_assert_true(memcmp(&id, &first, sizeof id) == 0);
    g_assert_true(hpt_batch_commit(batch, NULL));
    g_assert_cmpint(folder_size(place, "pack", &files), ==, before);
    g_assert_cmpint(files, ==, 1);
    /* An object of other objects' chunks, twice, and new bytes in between. */
    g_autoptr(HptBatch) more = hpt_batch_begin(place->store);
    g_autofree uint8_t *twice = g_malloc(6000000);
    memcpy(twice, bytes, 3000000);
    memcpy(twice + 3000000, bytes, 3000000);
    for (int i = 0; i < 3; i++)
        g_assert_true(hpt_batch_put_bytes(more, twice, 6000000, &id, NULL));
    g_assert_true(hpt_batch_commit(more, NULL));
    assert_back(place->store, &id, twice, 6000000);
    g_assert_cmpint(folder_size(place, "pack", &files), <, before + 300000);
}

/* Chunks of this batch are found again wherever they are by then: in the pack's file, in memory, or begun in
 * the one and ended in the other. */
static void test_chunks_once(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *bytes = make(1500000, true, 11);
    g_autoptr(HptBatch) batch = hpt_batch_begin(place->store);
    HptObjectId ids[100];
    size_t ends[G_N_ELEMENTS(ids)], count = 0;
    for (size_t at = 0; at < 1500000;) {
        at += hpt_chunk_cut(bytes + at, 1500000 - at);
        ends[count] = at;
        g_assert_true(hpt_batch_put_bytes(batch, bytes, at, &ids[count++], &error));
    }
    g_assert_cmpuint(count, >, 15);
    g_assert_true(hpt_batch_commit(batch, &error));
    int files;
    int64_t size = folder_size(place, "pack", &files);
    g_assert_cmpint(size, <, 1500000 + 16000); /* the smallest chunk has more */
    for (size_t i = 0; i < count; i++)
        assert_back(place->store, &ids[i], bytes, ends[i]);
}

static void test_abandoned(Place *place, gconstpointer data)
{
    (void)data;
    g_autofree uint8_t *bytes = make(3000000, true, 5);
    HptObjectId id;
    HptBatch *batch = hpt_batch_begin(place->store);
    g_assert_true(hpt_batch_put_bytes(batch, bytes, 3000000, &id, NULL));
    hpt_batch_free(batch);
    int files;
    folder_size(place, "pack", &files);
    g_assert_cmpint(files, ==, 0);
    folder_size(place, "tmp", &files);
    g_assert_cmpint(files, ==, 0);
    g_assert_false(hpt_object_check(place->store, &id, NULL));
}

/* A put that fails, or finds the object at its end, takes back what it wrote and nothing else. */
static void test_taken_back(Place *place, gconstpointer data)
{
    (void)data;
    enum { N = 40 };
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *there = make(2000000, true, 500);
    g_autofree uint8_t *large = make(3000000, true, 501);
    HptObjectId id, ids[N];
    g_autoptr(HptBatch) batch = hpt_batch_begin(place->store);
    g_assert_true(hpt_object_put_bytes(place->store, there, 2000000, &id, NULL));
    for (size_t i = 0; i < N; i++) {
        size_t length = i % 7 == 3 ? 40000 : 1000 * i + 1;
        g_autofree uint8_t *bytes = make(length, i % 2, i);
        g_assert_true(hpt_batch_put_bytes(batch, bytes, length, &ids[i], &error));
        if (i % 3 == 0) { /* found at its end */
            int fd = file_of(there, 2000000);
            g_assert_true(hpt_batch_put_fd(batch, fd, "there", &id, &error));
            close(fd);
        }
        if (i % 4 == 0) { /* it grows while it is read: the size says less than there is */
            int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
            g_assert_false(hpt_batch_put_fd(batch, fd, "maps", &id, &error));
            g_assert_error(error, HPT_ERROR, HPT_ERROR_CONFLICT);
            g_clear_error(&error);
            close(fd);
        }
    }
    g_assert_true(hpt_batch_commit(batch, &error));
    g_autoptr(HptStore) other = hpt_store_open_reading(place->dir, NULL);
    for (size_t i = 0; i < N; i++) {
        size_t length = i % 7 == 3 ? 40000 : 1000 * i + 1;
        g_autofree uint8_t *bytes = make(length, i % 2, i);
        assert_back(other, &ids[i], bytes, length);
    }
    int files;
    g_assert_cmpint(folder_size(place, "pack", &files), <, 1500000);
}

/* Small objects share a frame, which is written when a later put needs it to be: if that put fails for want
 * of room, they are still there when there is room again. filled: bytes before them, so that it is this frame
 * or the large object that finds no room. */
static void full_for_a_while(Place *place, size_t filled)
{
    enum { N = 8 };
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *large = make(600000, true, 100), *first = make(filled, true, 101);
    struct rlimit before, none;
    HptObjectId id, first_id, ids[N];
    g_autoptr(HptBatch) batch = hpt_batch_begin(place->store);
    g_assert_true(hpt_batch_put_bytes(batch, first, filled, &first_id, &error));
    for (size_t i = 0; i < N; i++) {
        g_autofree uint8_t *bytes = make(3000, true, i);
        g_assert_true(hpt_batch_put_bytes(batch, bytes, 3000, &ids[i], &error));
    }
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &before), ==, 0);
    none = (struct rlimit){.rlim_cur = 30000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &none), ==, 0);
    g_assert_false(hpt_batch_put_bytes(batch, large, 600000, &id, &error));
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    g_assert_error(error, HPT_ERROR, HPT_ERROR_IO);
    g_clear_error(&error);
    g_assert_true(hpt_batch_commit(batch, &error));
    assert_back(place->store, &first_id, first, filled);
    for (size_t i = 0; i < N; i++) {
        g_autofree uint8_t *bytes = make(3000, true, i);
        assert_back(place->store, &ids[i], bytes, 3000);
    }
}

static void test_full_for_a_while(Place *place, gconstpointer data)
{
    (void)data;
    full_for_a_while(place, 0);
}

static void test_full_in_a_frame(Place *place, gconstpointer data)
{
    (void)data;
    full_for_a_while(place, 60000);
}

static char *a_pack(const Place *place)
{
    g_autofree char *path = g_build_filename(place->dir, "pack", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name = g_dir_read_name(dir);
    if (name == NULL)
        return NULL;
    char *file = g_build_filename(path, name, NULL);
    g_assert_cmpint(g_chmod(file, 0644), ==, 0);
    return file;
}

static size_t count_damaged(const Place *place, const HptObjectId *ids, size_t n, char **message)
{
    size_t damaged = 0;
    g_autoptr(HptStore) store = hpt_store_open_reading(place->dir, NULL);
    for (size_t i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;
        if (hpt_object_check(store, &ids[i], &error))
            continue;
        g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
        damaged++;
        if (*message == NULL)
            *message = g_strdup(error->message);
    }
    return damaged;
}

/* Every bit of a pack, and every length that it may be cut to. */
static void test_damage(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId ids[4];
    g_autoptr(HptBatch) batch = hpt_batch_begin(place->store);
    for (size_t i = 0; i < 4; i++) {
        size_t length = i < 3 ? 300 + i : 17000;
        g_autofree uint8_t *bytes = make(length, i % 2, i);
        g_assert_true(hpt_batch_put_bytes(batch, bytes, length, &ids[i], NULL));
    }
    g_assert_true(hpt_batch_commit(batch, NULL));
    g_autofree char *file = a_pack(place), *content = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(file, &content, &length, NULL));
    int fd = open(file, O_RDWR | O_CLOEXEC);
    g_autofree char *before = NULL;
    g_assert_cmpuint(count_damaged(place, ids, 4, &before), ==, 0);
    size_t step = g_test_thorough() ? 1 : 7;
    for (size_t bit = 0; bit < 8 * length; bit += step) {
        char byte = (char)(content[bit / 8] ^ (1 << bit % 8));
        g_autofree char *message = NULL;
        g_assert_cmpint(pwrite(fd, &byte, 1, (off_t)(bit / 8)), ==, 1);
        if (count_damaged(place, ids, 4, &message) == 0)
            g_error("bit %zu of %zu can be flipped unseen", bit, 8 * length);
        g_assert_cmpint(pwrite(fd, &content[bit / 8], 1, (off_t)(bit / 8)), ==, 1);
    }
    for (size_t cut = length - 1; cut > 0; cut -= MIN(cut, 3)) {
        g_autofree char *message = NULL;
        g_assert_cmpint(ftruncate(fd, (off_t)cut), ==, 0);
        g_assert_cmpuint(count_damaged(place, ids, 4, &message), ==, 4);
    }
    close(fd);
}

/* A pack whose second reference into another leads nowhere: said, and not looked for again and again. */
static void test_leads_nowhere(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *bytes = make(10000, true, 3);
    HptObjectId id, wrong = hpt_object_id("wrong", 5);
    wrong.size = 20000;
    put_and_commit(place->store, bytes, 10000, &id);
    g_autofree char *file = a_pack(place), *name = g_path_get_basename(file);
    HptPackId other;
    g_assert_true(hpt_pack_parse_name(name, &other));
    g_autoptr(HptPackWriter) writer = hpt_pack_writer_new(place->store);
    hpt_pack_writer_ref(writer, &other, 0);
    hpt_pack_writer_ref(writer, &other, 1);
    hpt_pack_writer_end_object(writer, &wrong);
    g_autoptr(HptPack) pack = hpt_pack_writer_publish(writer, &error);
    g_assert_no_error(error);
    g_assert_false(hpt_object_check(place->store, &wrong, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    g_assert_nonnull(strstr(error->message, "a piece is not in its pack"));
}

/* Bytes in the middle of a large object: the message names the pack and the place. */
static void test_named(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId id;
    g_autofree uint8_t *bytes = make(3000000, true, 3);
    put_and_commit(place->store, bytes, 3000000, &id);
    g_autofree char *file = a_pack(place), *message = NULL;
    g_autofree char *name = g_path_get_basename(file);
    int fd = open(file, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(pwrite(fd, "x", 1, 1500000), ==, 1);
    close(fd);
    g_assert_cmpuint(count_damaged(place, &id, 1, &message), ==, 1);
    g_assert_nonnull(strstr(message, name));
    g_assert_nonnull(strstr(message, "damaged at byte 14"));
    /* Whoever stores it again leans only on what is sound. */
    g_autoptr(HptStore) other = hpt_store_open(place->dir, NULL);
    bytes[0] ^= 1;
    put_and_commit(other, bytes, 3000000, &id);
    assert_back(other, &id, bytes, 3000000);
}

/* Many packs get an index; without it, or with a damaged one, everything is found as well. */
static void test_index(Place *place, gconstpointer data)
{
    (void)data;
    enum { N = 140 };
    HptObjectId ids[N];
    for (size_t i = 0; i < N; i++) {
        g_autofree uint8_t *bytes = make(20000, true, i);
        /* A store of its own each time, so that it looks what is there. */
        g_autoptr(HptStore) store = hpt_store_open(place->dir, NULL);
        put_and_commit(store, bytes, 20000, &ids[i]);
    }
    int files, indexes;
    int64_t size = folder_size(place, "pack", &files);
    folder_size(place, "index", &indexes);
    g_assert_cmpint(files, ==, N);
    g_assert_cmpint(indexes, >=, 1);
    g_assert_cmpint(indexes, <=, 3);
    for (int round = 0; round < 3; round++) {
        g_autofree char *path = g_build_filename(place->dir, "index", NULL), *message = NULL;
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        for (const char *name; (name = g_dir_read_name(dir)) != NULL && round > 0;) {
            g_autofree char *file = g_build_filename(path, name, NULL);
            if (round == 1) { /* entries, not their form */
                g_chmod(file, 0644);
                int fd = open(file, O_RDWR | O_CLOEXEC);
                g_autofree uint8_t *noise = make(1000, true, 1);
                g_assert_cmpint(pwrite(fd, noise, 1000, 16 + 16 * 65 + 100), ==, 1000);
                close(fd);
            } else {
                g_unlink(file);
            }
        }
        g_assert_cmpuint(count_damaged(place, ids, N, &message), ==, 0);
        g_autoptr(HptStore) store = hpt_store_open(place->dir, NULL);
        g_autofree uint8_t *bytes = make(20000, true, 0);
        HptObjectId id;
        put_and_commit(store, bytes, 20000, &id);
        if (round != 1)
            g_assert_cmpint(folder_size(place, "pack", &files), ==, size);
        else
            size = folder_size(place, "pack", &files);
    }
}

/* No index can be made: more packs are looked into, and what is put is put. */
static void test_index_refused(Place *place, gconstpointer data)
{
    (void)data;
    enum { N = 70 };
    g_autofree char *index = g_build_filename(place->dir, "index", NULL), *message = NULL;
    g_assert_true(g_file_set_contents(index, "", 0, NULL));
    HptObjectId ids[N];
    for (size_t i = 0; i < N; i++) {
        g_autofree uint8_t *bytes = make(9000, true, i);
        g_autoptr(HptStore) store = hpt_store_open(place->dir, NULL);
        put_and_commit(store, bytes, 9000, &ids[i]);
    }
    g_assert_cmpuint(count_damaged(place, ids, N, &message), ==, 0);
}

static int open_indexes(void)
{
    int count = 0;
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *link = g_build_filename("/proc/self/fd", name, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);
        count += target != NULL && strstr(target, ".index") != NULL;
    }
    return count;
}

/* One that only looks does not hold on to the indexes that others merge. */
static void test_index_merged(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId id = hpt_object_id("none", 4);
    int indexes, merged = 0;
    for (size_t i = 0; i < 140; i++) {
        g_autofree uint8_t *bytes = make(10000, true, i);
        HptObjectId each;
        {
            g_autoptr(HptStore) store = hpt_store_open(place->dir, NULL);
            put_and_commit(store, bytes, 10000, &each);
        }
        g_assert_false(hpt_object_check(place->store, &id, NULL));
        folder_size(place, "index", &indexes);
        g_assert_cmpint(open_indexes(), ==, indexes);
        merged += indexes == 1;
    }
    g_assert_cmpint(merged, >, 70);
}

/* Two that made an index of the same packs at once: when it is merged, each pack is in it once. */
static void test_index_twice(Place *place, gconstpointer data)
{
    (void)data;
    enum { N = 140, PACK_BYTES = 16 + 2 * 24 }; /* its id, a piece and an object */
    g_autofree char *path = g_build_filename(place->dir, "index", NULL);
    int indexes = 0;
    for (size_t i = 0; i < N; i++) {
        g_autofree uint8_t *bytes = make(10000, true, i);
        g_autoptr(HptStore) store = hpt_store_open(place->dir, NULL);
        HptObjectId id;
        int before = indexes;
        put_and_commit(store, bytes, 10000, &id);
        folder_size(place, "index", &indexes);
        if (before == 0 && indexes == 1) {
            g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
            g_autofree char *first = g_build_filename(path, g_dir_read_name(dir), NULL);
            g_autofree char *second = g_build_filename(path, "second.index", NULL);
            g_assert_cmpint(link(first, second), ==, 0);
        }
    }
    int64_t size = folder_size(place, "index", &indexes);
    g_assert_cmpint(indexes, ==, 1);
    g_assert_cmpint(size, >, 100 * PACK_BYTES);
    g_assert_cmpint(size, <, N * PACK_BYTES);
}

/* Packs that a collector has removed are left out when their index is merged. */
static void test_index_removed(Place *place, gconstpointer data)
{
    (void)data;
    enum { OLD = 66, NEW = 66, PACK_BYTES = 16 + 2 * 24 }; /* its id, a piece and an object */
    int indexes;
    for (size_t i = 0; i < OLD + NEW; i++) {
        g_autofree uint8_t *bytes = make(10000, true, i);
        g_autoptr(HptStore) store = hpt_store_open(place->dir, NULL);
        HptObjectId id;
        put_and_commit(store, bytes, 10000, &id);
        folder_size(place, "index", &indexes);
        g_assert_cmpint(indexes, ==, i >= OLD - 1);
        for (char *old; i == OLD - 1 && (old = a_pack(place)) != NULL; g_free(old))
            g_assert_cmpint(g_unlink(old), ==, 0);
    }
    g_assert_cmpint(folder_size(place, "index", &indexes), <, (NEW + 1) * PACK_BYTES);
}

/* Eight processes store the same and different things at once, and look at what the others stored. */
static void test_at_once(Place *place, gconstpointer data)
{
    (void)data;
    pid_t children[8];
    for (size_t c = 0; c < 8; c++) {
        children[c] = fork();
        if (children[c] != 0)
            continue;
        g_autoptr(HptStore) store = hpt_store_open(place->dir, NULL);
        for (size_t i = 0; i < 20; i++) {
            g_autofree uint8_t *same = make(200000, true, i), *own = make(30000, true, 1000 + c * 50 + i);
            HptObjectId ids[2];
            g_autoptr(HptBatch) batch = hpt_batch_begin(store);
            if (!hpt_batch_put_bytes(batch, same, 200000, &ids[0], NULL) ||
                !hpt_batch_put_bytes(batch, own, 30000, &ids[1], NULL) ||
                !hpt_batch_commit(batch, NULL) || !hpt_object_check(store, &ids[0], NULL) ||
                !hpt_object_check(store, &ids[1], NULL))
                _exit(1);
        }
        _exit(0);
    }
    for (size_t c = 0; c < 8; c++) {
        int status;
        g_assert_cmpint(waitpid(children[c], &status, 0), ==, children[c]);
        g_assert_cmpint(status, ==, 0);
    }
    for (size_t i = 0; i < 20; i++) {
        g_autofree uint8_t *same = make(200000, true, i);
        HptObjectId id = hpt_object_id(same, 200000);
        assert_back(place->store, &id, same, 200000);
    }
}

/* The cuts as the header describes them. */
static size_t cut_by_bytes(const uint64_t *gear, const uint8_t *bytes, size_t length)
{
    uint64_t h = 0;
    for (size_t i = HPT_CHUNK_MIN; i < MIN(length, HPT_CHUNK_MAX); i++) {
        h = 2 * h + gear[bytes[i]];
        if (h >> (i < HPT_CHUNK_NORMAL ? 64 - 17 : 64 - 15) == 0)
            return i + 1;
    }
    return MIN(length, HPT_CHUNK_MAX);
}

static void test_cuts_as_described(void)
{
    uint64_t gear[256], state = UINT64_C(0x6870742067656172); /* "hpt gear" */
    for (int i = 0; i < 256; i++) {
        uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        gear[i] = z ^ (z >> 31);
    }
    size_t length = 8000000;
    g_autofree uint8_t *bytes = make(length, true, 10);
    for (size_t at = 0; at < length;) {
        size_t n = cut_by_bytes(gear, bytes + at, length - at);
        g_assert_cmpuint(hpt_chunk_cut(bytes + at, length - at), ==, n);
        /* With the end of the data just there, and one byte before or after. */
        for (size_t end = n - 1; end <= MIN(n + 1, length - at); end++)
            g_assert_cmpuint(hpt_chunk_cut(bytes + at, end), ==, MIN(n, end));
        at += n;
    }
}

/* Cuts: in their bounds, the same wherever a chunk begins, and on average where they ought to be. */
static void test_cuts(void)
{
    size_t length = 20000000, chunks = 0;
    g_autofree uint8_t *bytes = make(length, true, 9);
    for (size_t at = 0; at < length; chunks++) {
        size_t n = hpt_chunk_cut(bytes + at, length - at);
        g_assert_true(n >= HPT_CHUNK_MIN || at + n == length);
        g_assert_true(n <= HPT_CHUNK_MAX);
        g_assert_cmpuint(hpt_chunk_cut(bytes + at, MIN(length - at, HPT_CHUNK_MAX)), ==, n);
        at += n;
    }
    g_assert_cmpuint(length / chunks, >, 50 * 1024);
    g_assert_cmpuint(length / chunks, <, 66 * 1024);
    memset(bytes, 0, length);
    g_assert_cmpuint(hpt_chunk_cut(bytes, length), ==, HPT_CHUNK_MAX);
    g_assert_cmpuint(hpt_chunk_cut(bytes, 0), ==, 0);
    /* The form of the store: this may not change. */
    g_autofree uint8_t *fixed = make(1000000, true, 0);
    g_assert_cmpuint(hpt_chunk_cut(fixed, 1000000), ==, 52805);
}

#define ADD(name, function) g_test_add(name, Place, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/batch/round-trip", test_round_trip);
    ADD("/batch/versions", test_versions);
    ADD("/batch/once", test_once);
    ADD("/batch/chunks-once", test_chunks_once);
    ADD("/batch/abandoned", test_abandoned);
    ADD("/batch/taken-back", test_taken_back);
    ADD("/batch/full-for-a-while", test_full_for_a_while);
    ADD("/batch/full-in-a-frame", test_full_in_a_frame);
    ADD("/batch/damage", test_damage);
    ADD("/batch/leads-nowhere", test_leads_nowhere);
    ADD("/batch/named", test_named);
    ADD("/batch/index", test_index);
    ADD("/batch/index-refused", test_index_refused);
    ADD("/batch/index-merged", test_index_merged);
    ADD("/batch/index-twice", test_index_twice);
    ADD("/batch/index-removed", test_index_removed);
    ADD("/batch/at-once", test_at_once);
    g_test_add_func("/batch/cuts", test_cuts);
    g_test_add_func("/batch/cuts-as-described", test_cuts_as_described);
    return g_test_run();
}
