/* Trials read from a bundle: what is in it does not have to fit into memory. */
#include "study/recorded-bundle.h"

#include "run/workdir.h"
#include "store/bundle.h"
#include "study/compare-bundle-internal.h"
#include "study/rerun.h"
#include "tests/unit/sanitized.h"

#include <string.h>
#include <sys/resource.h>

typedef struct {
    char *dir, *objects, *path;
} Place;

static void setup(Place *place, gconstpointer data)
{
    (void)data;
    place->dir = g_dir_make_tmp("hpt-recorded-XXXXXX", NULL);
    g_assert_nonnull(place->dir);
    place->objects = g_build_filename(place->dir, "objects", NULL);
    place->path = g_build_filename(place->dir, "x.tar.zst", NULL);
}

static void teardown(Place *place, gconstpointer data)
{
    (void)data;
    g_assert_true(hpt_workdir_remove(place->dir, NULL));
    g_free(place->dir);
    g_free(place->objects);
    g_free(place->path);
}

static int64_t peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024;
}

/* Adds an entry of count times 64 KiB of zeros. */
static void append_zeros(HptBundle *bundle, const char *path, int count)
{
    static const char zeros[65536];
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_bundle_begin(bundle, path, &error));
    for (int i = 0; i < count; i++)
        g_assert_true(hpt_bundle_append(bundle, zeros, sizeof zeros, &error));
    g_assert_true(hpt_bundle_end(bundle, &error));
}

static HptDigest digest_of_zeros(int count)
{
    static const char zeros[65536];
    g_autoptr(HptDigester) digester = hpt_digester_new();
    for (int i = 0; i < count; i++)
        hpt_digester_add(digester, zeros, sizeof zeros);
    return hpt_digester_get(digester);
}

/* Its code holds "code", it read input, and it left output, of which so much is stored. */
static HptRecorded *run_of(const HptObjectId *input, const HptObjectId *output, int64_t stored_size)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    HptRecorded *run = hpt_recorded_new();
    HptObjectId code = hpt_object_id("code", 4);
    run->code_text = g_strdup_printf("hpt-code/1\ndirectory\t.\nrepo\t\t\t\t0\t.\t\nfile\t+\t644\t4\t%s\tfit.py\t\n",
                                     hpt_digest_hex(&code.digest, hex));
    run->code_length = strlen(run->code_text);
    HptRecordedInput read = {.path = g_strdup("data"), .has_digest = true, .digest = input->digest, .size = input->size};
    HptRecordedOutput left = {.kind = g_strdup("file"), .path = g_strdup("out"), .stored = true,
                              .digest = output->digest, .stored_size = stored_size, .size = stored_size};
    g_array_append_val(run->inputs, read);
    g_array_append_val(run->outputs, left);
    return run;
}

/* What a replay of these runs may ask for, and nothing of the others in the bundle. */
static void test_unpack(Place *place, gconstpointer data)
{
    (void)data;
    enum { COUNT = 1600 }; /* 100 MiB */
    g_autoptr(GError) error = NULL;
    HptObjectId large = {digest_of_zeros(COUNT), (int64_t)COUNT * 65536}, other;
    static const struct {
        const char *text;
        bool needed;
    } objects[] = {{"code", true}, {"output", true}, {"too large to be compared", false}, {"of another trial", false}};
    g_autofree char *name = hpt_bundle_object_path(&large.digest);
    g_autoptr(HptBundle) bundle = hpt_bundle_new("study", place->dir, &error);
    g_assert_no_error(error);
    append_zeros(bundle, name, COUNT);
    for (size_t i = 0; i < G_N_ELEMENTS(objects); i++)
        g_assert_true(hpt_bundle_add_object_bytes(bundle, objects[i].text, strlen(objects[i].text), &error));
    g_assert_true(hpt_bundle_add_bytes(bundle, "README.txt", "no object", 9, &error));
    g_assert_true(hpt_bundle_write(bundle, place->path, true, NULL, &error));
    g_autoptr(HptStore) store = hpt_store_open(place->objects, &error);
    g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func((GDestroyNotify)hpt_recorded_free);
    other = hpt_object_id(objects[1].text, strlen(objects[1].text));
    g_ptr_array_add(runs, run_of(&large, &other, other.size));
    other = hpt_object_id(objects[2].text, strlen(objects[2].text));
    g_ptr_array_add(runs, run_of(&large, &other, HPT_RERUN_TEXT_MAX + INT64_C(1)));
    int64_t before = peak_bytes();
    g_assert_true(hpt_recorded_unpack(place->path, runs, store, &error));
    g_assert_cmpint(peak_bytes() - before, <, (SANITIZED ? 512 : 32) * 1024 * 1024);
    g_assert_true(hpt_object_check(store, &large, &error));
    for (size_t i = 0; i < G_N_ELEMENTS(objects); i++) {
        other = hpt_object_id(objects[i].text, strlen(objects[i].text));
        g_assert_true(hpt_object_check(store, &other, NULL) == objects[i].needed);
    }
    other = hpt_object_id("no object", 9);
    g_assert_false(hpt_object_check(store, &other, NULL));
}

static HptFactsBundle *open_tables(const Place *place, int64_t room, GError **error)
{
    g_autoptr(HptBundle) bundle = hpt_bundle_new("study", place->dir, NULL);
    append_zeros(bundle, "record/artefact.jsonl", 2);
    append_zeros(bundle, "record/attempt.jsonl", 2);
    append_zeros(bundle, "record/metric_chunk.jsonl", 9);
    g_assert_true(hpt_bundle_add_bytes(bundle, "record/format.json", "{\"format\":\"" HPT_RECORD_FORMAT "\"}",
                                       sizeof "{\"format\":\"" HPT_RECORD_FORMAT "\"}" - 1, NULL));
    g_assert_true(hpt_bundle_write(bundle, place->path, true, NULL, NULL));
    return hpt_facts_bundle_open_within(place->path, room, error);
}

/* What tables hold together is bounded, not only each of them, and so is what is kept of curves. */
static void test_tables(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL, curves = NULL;
    g_assert_null(open_tables(place, 4 * 65536 - 1, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED);
    g_autoptr(HptFactsBundle) bundle = open_tables(place, 12 * 65536, &curves);
    g_assert_no_error(curves);
    g_assert_false(hpt_bundle_read_curves(bundle, "s", 0, &curves)); /* a line without an end */
    g_assert_error(curves, HPT_ERROR, HPT_ERROR_UNSUPPORTED);
}

#define ADD(name, function) g_test_add(name, Place, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/recorded-bundle/unpack", test_unpack);
    ADD("/recorded-bundle/tables", test_tables);
    return g_test_run();
}
