/* Collecting beside a writer: whatever the writer does at any moment, what it was told is stored stays. */
#include "run/workdir.h"
#include "store/gc.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/gc/moments", Place, NULL, setup, test_moments, teardown);
    g_test_add("/gc/dry-run", Place, NULL, setup, test_dry_run, teardown);
    g_test_add("/gc/young", Place, NULL, setup, test_young, teardown);
    return g_test_run();
}
