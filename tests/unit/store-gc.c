/* Collecting beside a writer: whatever the writer does at any moment, what it was told is stored stays. */
#include "run/workdir.h"
#include "store/batch.h"
#include "store/gc.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE 100000

typedef enum { NOTHING, PUT, NAME, FAIL } Act;

typedef struct {
    char *dir;
    HptStore *objects;
    char bytes[LARGE];
    HptObjectId id;
    Act act[2]; /* in the first and in the second call of mark */
    int calls;
} Place;

static void grow_old(const Place *place, const HptDigest *digest)
{
    static const char *const endings[] = {"", ".zst"};
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(digest, hex);
    for (int i = 0; i < 2; i++) {
        g_autofree char *path =
            g_strdup_printf("%s/sha256/%.2s/%s%s", place->dir, hex, hex + 2, endings[i]);
        struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
        utimensat(AT_FDCWD, path, times, 0);
    }
}

static void setup(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    place->dir = g_dir_make_tmp("hpt-gc-XXXXXX", &error);
    g_assert_no_error(error);
    place->objects = hpt_store_open(place->dir, &error);
    g_assert_no_error(error);
    memset(place->bytes, 'x', LARGE);
    g_assert_true(hpt_object_put_bytes(place->objects, place->bytes, LARGE, &place->id, NULL));
    grow_old(place, &place->id.digest);
}

static void teardown(Place *place, gconstpointer data)
{
    (void)data;
    hpt_store_close(place->objects);
    g_assert_true(hpt_workdir_remove(place->dir, NULL));
    g_free(place->dir);
}

static bool mark(HptGc *gc, void *user, GError **error)
{
    Place *place = user;
    g_assert_cmpint(place->calls, <, 2);
    Act act = place->act[place->calls++];
    HptObjectId id;
    if (act == PUT) {
        g_assert_true(hpt_object_put_bytes(place->objects, place->bytes, LARGE, &id, NULL));
    } else if (act == NAME) {
        g_autofree char *around = g_malloc0(50);
        memcpy(around + 7, place->id.digest.bytes, HPT_DIGEST_SIZE);
        hpt_gc_keep_within(gc, around, 50);
    } else if (act == FAIL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "away");
    }
    /* At every moment it can be read. */
    g_autoptr(HptStore) other = hpt_store_open_reading(place->dir, NULL);
    g_assert_true(hpt_object_check(other, &place->id, NULL));
    return act != FAIL;
}

static void test_moments(Place *place, gconstpointer data)
{
    (void)data;
    for (int first = NOTHING; first <= FAIL; first++)
        for (int second = NOTHING; second <= FAIL; second++) {
            HptGcCount count;
            HptObjectId id;
            g_autoptr(GError) error = NULL;
            g_assert_true(hpt_object_put_bytes(place->objects, place->bytes, LARGE, &id, NULL));
            grow_old(place, &place->id.digest);
            place->act[0] = (Act)first;
            place->act[1] = (Act)second;
            place->calls = 0;
            bool done = hpt_store_collect(place->objects, G_USEC_PER_SEC, false, mark, place, &count,
                                          &error);
            Act last = place->calls == 2 ? (Act)second : NOTHING;
            g_assert_true(done == (first != FAIL && last != FAIL));
            bool there = hpt_object_check(place->objects, &id, NULL);
            g_assert_true(there == (first != NOTHING || last != NOTHING));
            if (done && !there)
                g_assert_cmpint(count.removed, ==, 1);
        }
}

static void test_dry_run(Place *place, gconstpointer data)
{
    (void)data;
    HptGcCount count;
    g_assert_true(
        hpt_store_collect(place->objects, G_USEC_PER_SEC, true, mark, place, &count, NULL));
    g_assert_cmpint(count.objects, ==, 1);
    g_assert_cmpint(count.removed, ==, 1);
    g_assert_true(hpt_object_check(place->objects, &place->id, NULL));
}

static void test_young(Place *place, gconstpointer data)
{
    (void)data;
    HptGcCount count;
    HptObjectId id;
    g_assert_true(hpt_object_put_bytes(place->objects, "young", 5, &id, NULL));
    g_assert_true(hpt_store_collect(place->objects, G_TIME_SPAN_HOUR, false, mark, place, &count,
                                    NULL));
    g_assert_cmpint(count.young, ==, 1);
    g_assert_true(hpt_object_check(place->objects, &id, NULL));
    g_assert_false(hpt_object_check(place->objects, &place->id, NULL));
}

/* ---- packs ---- */

#define FILES 12
#define VERSION 600000

/* Packs of versions of a file, each leaning on those before, with a file of its own beside. */
static void put_versions(HptStore *store, HptObjectId ids[FILES][2])
{
    g_autofree uint8_t *bytes = g_malloc(VERSION);
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < VERSION; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 24);
    }
    for (size_t f = 0; f < FILES; f++) {
        g_autoptr(HptBatch) batch = hpt_batch_begin(store);
        memset(bytes + f * 45000, (int)f, 20000);
        g_assert_true(hpt_batch_put_bytes(batch, bytes, VERSION, &ids[f][0], NULL));
        g_assert_true(hpt_batch_put_bytes(batch, bytes + f * 20000, 50000, &ids[f][1], NULL));
        g_assert_true(hpt_batch_commit(batch, NULL));
    }
}

static int64_t packs_of(const Place *place, const char *name, int *count, bool grow)
{
    g_autofree char *path = g_build_filename(place->dir, name, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    int64_t sum = 0;
    *count = 0;
    for (const char *entry; dir != NULL && (entry = g_dir_read_name(dir)) != NULL; ++*count) {
        g_autofree char *file = g_build_filename(path, entry, NULL);
        struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
        struct stat info;
        g_assert_cmpint(stat(file, &info), ==, 0);
        sum += info.st_size;
        if (grow)
            utimensat(AT_FDCWD, file, times, 0);
    }
    return sum;
}

typedef struct {
    HptObjectId (*ids)[2];
    unsigned keep; /* bits: which are named */
    int calls, fail_at;
    HptStore *writer; /* puts version 3 again in this call */
    int put_at;
} Wish;

static bool mark_wish(HptGc *gc, void *user, GError **error)
{
    Wish *wish = user;
    wish->calls++;
    if (wish->calls == wish->put_at) {
        HptObjectId ids[FILES][2];
        put_versions(wish->writer, ids);
    }
    for (unsigned i = 0; i < 2 * FILES; i++)
        if (wish->keep >> i & 1)
            hpt_gc_keep(gc, &wish->ids[i / 2][i % 2].digest);
    if (wish->calls == wish->fail_at)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "away");
    return wish->calls != wish->fail_at;
}

static void assert_kept(const Place *place, HptObjectId ids[FILES][2], unsigned keep)
{
    g_autoptr(HptStore) other = hpt_store_open_reading(place->dir, NULL);
    for (unsigned i = 0; i < 2 * FILES; i++) {
        g_autoptr(GError) error = NULL;
        if ((keep >> i & 1) != 0 && !hpt_object_check(other, &ids[i / 2][i % 2], &error))
            g_error("%u of %x: %s", i, keep, error->message);
        /* And by a store that knew where they were before. */
        if ((keep >> i & 1) != 0)
            g_assert_true(hpt_object_check(place->objects, &ids[i / 2][i % 2], NULL));
    }
}

/* Fewer and fewer are named: all of them can be read after each collection, whatever was rewritten,
 * and little more is left than they need. */
static void test_packs(Place *place, gconstpointer data)
{
    (void)data;
    static const unsigned keeps[] = {0xffffff, 0x555555, 0x500555, 0x400111, 0x400010, 0x000010, 0};
    HptObjectId ids[FILES][2];
    put_versions(place->objects, ids);
    int64_t size = 0;
    for (size_t k = 0; k < G_N_ELEMENTS(keeps); k++) {
        Wish wish = {.ids = ids, .keep = keeps[k]};
        HptGcCount count, would;
        int packs, aside;
        int64_t before = packs_of(place, "pack", &packs, true);
        g_assert_true(hpt_store_collect(place->objects, G_USEC_PER_SEC, true, mark_wish, &wish,
                                        &would, NULL));
        g_assert_true(hpt_store_collect(place->objects, G_USEC_PER_SEC, false, mark_wish, &wish,
                                        &count, NULL));
        size = packs_of(place, "pack", &packs, false);
        g_assert_cmpint(would.removed, ==, count.removed);
        g_assert_cmpint(size, <=, before);
        packs_of(place, "gc", &aside, false);
        g_assert_cmpint(aside, ==, 0);
        assert_kept(place, ids, keeps[k]);
        if (keeps[k] == 0x400010)
            g_assert_cmpint(size, <, 2 * VERSION + VERSION / 4);
        if (keeps[k] == 0x000010)
            g_assert_cmpint(size, <, 2 * VERSION); /* half of a pack may be dead */
    }
    g_assert_cmpint(size, ==, 0);
}

/* A collector that is stopped between moving and settling, a writer that wants everything again at
 * each moment: nothing that is named or was just stored is lost. */
static void test_pack_moments(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId ids[FILES][2];
    for (int round = 0; round < 6; round++) {
        unsigned keep = 0x400010u >> (round % 2);
        int packs;
        HptGcCount count;
        put_versions(place->objects, ids);
        packs_of(place, "pack", &packs, true);
        g_autoptr(HptStore) writer = hpt_store_open(place->dir, NULL);
        Wish wish = {.ids = ids,
                     .keep = keep,
                     .writer = writer,
                     .fail_at = round < 2 ? 2 : 0,
                     .put_at = round < 2 ? 0 : round / 2};
        g_autoptr(HptStore) collector = hpt_store_open(place->dir, NULL);
        bool done = hpt_store_collect(collector, G_USEC_PER_SEC, false, mark_wish, &wish, &count,
                                      NULL);
        g_assert_true(done == (round >= 2));
        assert_kept(place, ids, round < 2 ? keep : 0xffffff);
        Wish after = {.ids = ids, .keep = round < 2 ? keep : 0xffffff};
        g_assert_true(hpt_store_collect(collector, G_USEC_PER_SEC, false, mark_wish, &after, &count,
                                        NULL));
        assert_kept(place, ids, after.keep);
        packs_of(place, "gc", &packs, false);
        g_assert_cmpint(packs, ==, 0);
    }
}

static bool mark_ids(HptGc *gc, void *user, GError **error)
{
    (void)error;
    const GArray *ids = user;
    for (guint i = 0; i < ids->len; i++)
        hpt_gc_keep(gc, &g_array_index(ids, HptObjectId, i).digest);
    return true;
}

/* Puts small packs until there are so many ids, and makes all packs old. */
static void put_small_packs(const Place *place, GArray *ids, guint until)
{
    int packs;
    while (ids->len < until) {
        g_autofree char *bytes = g_strdup_printf("%u", ids->len);
        HptObjectId id;
        g_autoptr(HptBatch) batch = hpt_batch_begin(place->objects);
        g_assert_true(hpt_batch_put_bytes(batch, bytes, strlen(bytes), &id, NULL));
        g_assert_true(hpt_batch_commit(batch, NULL));
        g_array_append_val(ids, id);
    }
    packs_of(place, "pack", &packs, true);
}

/* Sixty-four small packs become one; sixty-three stay as they are. */
static void test_small_packs(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GArray) ids = g_array_new(false, false, sizeof(HptObjectId));
    HptGcCount count;
    int packs;
    put_small_packs(place, ids, 100);
    g_array_set_size(ids, 63);
    g_assert_true(hpt_store_collect(place->objects, G_USEC_PER_SEC, false, mark_ids, ids, &count,
                                    NULL));
    packs_of(place, "pack", &packs, false);
    g_assert_cmpint(packs, ==, 63);
    g_assert_cmpint(count.removed, ==, 100 - 63 + 1);
    put_small_packs(place, ids, 64);
    g_assert_true(hpt_store_collect(place->objects, G_USEC_PER_SEC, false, mark_ids, ids, &count,
                                    NULL));
    packs_of(place, "pack", &packs, false);
    g_assert_cmpint(packs, ==, 1);
    g_assert_cmpint(count.removed, ==, 0);
    g_autoptr(HptStore) other = hpt_store_open_reading(place->dir, NULL);
    for (guint i = 0; i < ids->len; i++)
        g_assert_true(hpt_object_check(other, &g_array_index(ids, HptObjectId, i), NULL));
}

/* A damaged pack is left alone. */
static void test_damaged_pack(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId ids[FILES][2];
    put_versions(place->objects, ids);
    g_autofree char *path = g_build_filename(place->dir, "pack", NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autofree char *file = g_build_filename(path, g_dir_read_name(dir), NULL);
    g_assert_cmpint(g_chmod(file, 0644), ==, 0);
    struct stat info;
    g_assert_cmpint(stat(file, &info), ==, 0);
    int fd = open(file, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    g_assert_cmpint(pread(fd, &byte, 1, info.st_size - 100), ==, 1);
    byte ^= 0xff;
    g_assert_cmpint(pwrite(fd, &byte, 1, info.st_size - 100), ==, 1);
    close(fd);
    int packs;
    packs_of(place, "pack", &packs, true);
    Wish wish = {.ids = ids};
    HptGcCount count;
    g_autoptr(HptStore) collector = hpt_store_open(place->dir, NULL);
    g_assert_true(
        hpt_store_collect(collector, G_USEC_PER_SEC, false, mark_wish, &wish, &count, NULL));
    packs_of(place, "pack", &packs, false);
    g_assert_cmpint(packs, ==, 1);
    g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
}

/* A piece of the first pack is damaged, and the packs are to be rewritten: that one stays, and what else is
 * named can be read. */
static void test_damaged_piece(Place *place, gconstpointer data)
{
    (void)data;
    HptObjectId ids[FILES][2], first;
    g_autofree uint8_t *bytes = g_malloc0(VERSION);
    g_autofree char *path = g_build_filename(place->dir, "pack", NULL);
    int packs;
    for (size_t i = 0; i < VERSION; i++)
        bytes[i] = (uint8_t)(i * i * i >> 7);
    g_autoptr(HptBatch) batch = hpt_batch_begin(place->objects);
    g_assert_true(hpt_batch_put_bytes(batch, bytes, 10000, &first, NULL));
    g_assert_true(hpt_batch_put_bytes(batch, bytes + 10000, VERSION - 10000, &ids[0][1], NULL));
    g_assert_true(hpt_batch_commit(batch, NULL));
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autofree char *file = g_build_filename(path, g_dir_read_name(dir), NULL);
    g_assert_cmpint(g_chmod(file, 0644), ==, 0);
    int fd = open(file, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    g_assert_cmpint(pread(fd, &byte, 1, 5000), ==, 1);
    byte ^= 0xff;
    g_assert_cmpint(pwrite(fd, &byte, 1, 5000), ==, 1);
    close(fd);
    put_versions(place->objects, ids);
    packs_of(place, "pack", &packs, true);
    g_assert_cmpint(packs, ==, FILES + 1);
    g_autoptr(GArray) named = g_array_new(false, false, sizeof(HptObjectId));
    g_array_append_val(named, first);
    g_array_append_val(named, ids[FILES - 1][1]);
    HptGcCount count;
    g_assert_true(hpt_store_collect(place->objects, G_USEC_PER_SEC, false, mark_ids, named, &count,
                                    NULL));
    g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
    packs_of(place, "pack", &packs, false);
    g_assert_cmpint(packs, ==, 2);
    g_autoptr(HptStore) other = hpt_store_open_reading(place->dir, NULL);
    g_assert_true(hpt_object_check(other, &ids[FILES - 1][1], NULL));
    g_assert_false(hpt_object_check(other, &first, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/gc/moments", Place, NULL, setup, test_moments, teardown);
    g_test_add("/gc/dry-run", Place, NULL, setup, test_dry_run, teardown);
    g_test_add("/gc/young", Place, NULL, setup, test_young, teardown);
    g_test_add("/gc/packs", Place, NULL, setup, test_packs, teardown);
    g_test_add("/gc/pack-moments", Place, NULL, setup, test_pack_moments, teardown);
    g_test_add("/gc/small-packs", Place, NULL, setup, test_small_packs, teardown);
    g_test_add("/gc/damaged-pack", Place, NULL, setup, test_damaged_pack, teardown);
    g_test_add("/gc/damaged-piece", Place, NULL, setup, test_damaged_piece, teardown);
    return g_test_run();
}
