/* A history as numbers: what is kept from one to the next is what would be made of the last alone. */
#include "tests/unit/sampler-tools.h"

#include "num/hash.h"
#include "search/sorted.h"
#include "search/told.h"

#include <math.h>
#include <string.h>

enum { TRIALS = 60, STEPS = 80, OBJECTIVES = 3, CONSTRAINTS = 2 };

/* ---- sorted numbers ---- */

static void test_keys(void)
{
    static const double ascending[] = {-(double)INFINITY, -1e308, -1, -1e-320, 0, 1e-320, 1, 1e308, (double)INFINITY};
    for (size_t i = 1; i < G_N_ELEMENTS(ascending); i++)
        g_assert_cmpuint(hpt_sorted_key(ascending[i - 1]), <, hpt_sorted_key(ascending[i]));
    g_assert_cmpuint(hpt_sorted_key(0.0), ==, hpt_sorted_key(-0.0));
    g_assert_cmpuint(hpt_sorted_key((double)INFINITY), <, UINT64_MAX);
}

static void test_hash(void)
{
    const double a[] = {0, (double)NAN, 1}, b[] = {-0.0, -(double)NAN, 1}, c[] = {0, 1, (double)NAN};
    g_assert_cmpuint(hpt_hash_doubles(1, a, 3), ==, hpt_hash_doubles(1, b, 3));
    g_assert_cmpuint(hpt_hash_doubles(1, a, 3), !=, hpt_hash_doubles(1, c, 3));
    g_assert_cmpuint(hpt_hash_doubles(1, a, 3), !=, hpt_hash_doubles(2, a, 3));
    /* The finaliser's published vector: the first output of SplitMix64 from state 0. */
    g_assert_cmphex(hpt_hash_word(0, 0), ==, UINT64_C(0xe220a8397b1dcdaf));
}

static void test_sorted(void)
{
    HptStream stream = hpt_stream(1, 0, "test", "sorted");
    HptSorted sorted = {0};
    uint64_t keys[200];
    size_t n = 0;
    for (uint64_t step = 0; step < 200; step++) {
        size_t cut = (size_t)hpt_stream_below(&stream, 2 * step, n + 1), more = (size_t)hpt_stream_below(&stream, 2 * step + 1, 9);
        if (step % 3 == 0 || n + more > G_N_ELEMENTS(keys))
            hpt_sorted_cut(&sorted, n = cut);
        for (size_t i = n; i < n + more; i++)
            keys[i] = hpt_stream_below(&stream, 1000 + 10 * step + i - n, 20);
        hpt_sorted_add(&sorted, keys + n, n, more);
        n += more;
        g_assert_cmpuint(sorted.n, ==, n);
        for (size_t i = 0; i < n; i++) {
            const HptSortedEntry *entry = &sorted.entries[i];
            g_assert_cmpuint(entry->key, ==, keys[entry->index]);
            g_assert_true(i == 0 || entry[-1].key < entry->key ||
                          (entry[-1].key == entry->key && entry[-1].index < entry->index));
        }
        for (uint64_t key = 0; key <= 20; key++) {
            size_t place = hpt_sorted_find(&sorted, key);
            g_assert_true(place == n || sorted.entries[place].key >= key);
            g_assert_true(place == 0 || sorted.entries[place - 1].key < key);
        }
    }
    hpt_sorted_clear(&sorted);
}

/* Against a sort of another kind, few and many, with failures and equal values. */
static void test_rank(void)
{
    static const size_t sizes[] = {0, 1, 2, 100, 255, 256, 257, 3000};
    HptStream stream = hpt_stream(2, 0, "test", "rank");
    for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
        size_t n = sizes[s];
        g_autofree double *values = g_new0(double, n + 1);
        g_autofree bool *failed = g_new0(bool, n + 1);
        for (size_t i = 0; i < n; i++) {
            double u = hpt_stream_uniform(&stream, s * 10000 + i);
            values[i] = i % 3 == 0 ? ldexp(u - 0.5, (int)(i % 100) - 50) : floor(20 * u) - 10;
            failed[i] = s % 2 == 0 && i % 7 == 3;
        }
        g_autofree HptRanked *ranked = hpt_rank(values, s % 2 == 0 ? failed : NULL, n);
        g_autofree bool *seen = g_new0(bool, n + 1);
        for (size_t k = 0; k < n; k++) {
            const HptRanked *a = &ranked[MAX(k, 1) - 1], *b = &ranked[k];
            g_assert_true(b->value == values[b->index] && b->failed == failed[b->index] && !seen[b->index]);
            seen[b->index] = true;
            g_assert_true(k == 0 || a->failed < b->failed ||
                          (a->failed == b->failed && (a->value < b->value || (a->value == b->value && a->index < b->index))));
        }
    }
}

/* ---- histories ---- */

static double odd_value(const HptStream *stream, uint64_t index)
{
    static const double odd[] = {0, -0.0, 1, 1e308, -1e308, (double)INFINITY, -(double)INFINITY, (double)NAN};
    size_t i = (size_t)hpt_stream_below(stream, index, 2 * G_N_ELEMENTS(odd));
    return i < G_N_ELEMENTS(odd) ? odd[i] : hpt_stream_uniform(stream, index);
}

static void assert_same_doubles(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        g_assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

static void assert_same(const HptTold *a, const HptTold *b)
{
    g_assert_cmpuint(a->n, ==, b->n);
    g_assert_cmpuint(a->n_valued, ==, b->n_valued);
    g_assert_cmpuint(a->n_running, ==, b->n_running);
    assert_same_doubles(a->rows, b->rows, (a->n + a->n_running) * a->cube->n);
    assert_same_doubles(a->y, b->y, a->n);
    assert_same_doubles(a->beyond, b->beyond, a->n);
    g_assert_cmpuint(a->n_feasible, ==, b->n_feasible);
    g_assert_cmpuint(a->n_front, ==, b->n_front);
    for (size_t i = 0; i < a->n; i++) {
        g_assert_true(a->failed[i] == b->failed[i]);
        g_assert_cmpint(a->number[i], ==, b->number[i]);
        g_assert_cmpuint(a->order[i], ==, b->order[i]);
        g_assert_true(i == 0 || a->failed[a->order[i]] || a->y[a->order[i - 1]] <= a->y[a->order[i]]);
        g_assert_true(i == 0 || a->beyond[a->order[i - 1]] <= a->beyond[a->order[i]]);
    }
}

/* Has told exactly these? */
static void assert_has(const HptTold *told, HptConfig *const *configs, const HptHistory *history)
{
    g_autofree double *row = g_new(double, told->cube->n);
    for (size_t c = 0; c < TRIALS; c++) {
        bool there = false;
        for (size_t i = 0; i < history->n; i++)
            there = there || hpt_config_equal(history->observations[i].config, configs[c]);
        hpt_cube_encode(told->cube, configs[c], row);
        g_assert_true(hpt_told_has(told, row) == there);
    }
}

/* Each history is the one before with trials that began, ended, ended again, or are no longer there. Those of several
 * objectives have constraints as well. */
static void test_histories(gconstpointer objectives)
{
    size_t n_objectives = GPOINTER_TO_SIZE(objectives);
    g_autoptr(HptSpace) space = space_of(mixed);
    HptSearch search = {.space = space, .seed = 3};
    g_autoptr(HptSampler) sampler = sampler_of("random", &search);
    HptConfig *configs[TRIALS];
    size_t n_constraints = n_objectives > 1 ? CONSTRAINTS : 0;
    double values[TRIALS][OBJECTIVES], constraints[TRIALS][CONSTRAINTS];
    HptObservation all[TRIALS] = {{0}}, shown[TRIALS];
    for (int64_t i = 0; i < TRIALS; i++) {
        HptProposal proposal = {0};
        g_assert_true(hpt_sampler_propose(sampler, NULL, i, &proposal, NULL));
        configs[i] = g_steal_pointer(&proposal.config);
        hpt_proposal_clear(&proposal);
        all[i] = (HptObservation){.number = i, .config = configs[i % 50]};
    }
    HptCube cube;
    hpt_cube_init(&cube, space);
    g_autoptr(HptTold) kept = hpt_told_new(&cube);
    HptStream stream = hpt_stream(4, 0, "test", "histories");
    uint64_t at = 0;
    for (int64_t step = 0; step < STEPS; step++) {
        for (int change = 0; change < 4; change++) {
            size_t i = (size_t)hpt_stream_below(&stream, at++, TRIALS);
            size_t how = (size_t)hpt_stream_below(&stream, at++, 5);
            for (size_t k = 0; k < OBJECTIVES; k++)
                values[i][k] = odd_value(&stream, at++);
            for (size_t k = 0; k < CONSTRAINTS; k++)
                constraints[i][k] = odd_value(&stream, at++) - 0.5;
            all[i].finished = how > 0;
            all[i].values = how > 1 ? values[i] : NULL;
            all[i].constraints = i % 7 > 0 ? constraints[i] : NULL;
            all[i].digest = how > 2 ? hpt_observation_digest(&all[i], n_objectives, n_constraints) : 0;
        }
        size_t first = (size_t)hpt_stream_below(&stream, at++, 3) == 0 ? 7 : 0;
        HptHistory history = {.observations = shown, .n_objectives = step % 20 == 19 ? 1 : n_objectives};
        history.n_constraints = history.n_objectives == n_objectives ? n_constraints : 0;
        for (size_t i = first; i < TRIALS; i++)
            if (i % 11 != 3 || step % 2 == 0)
                shown[history.n++] = all[i];
        for (size_t i = 0; history.n_objectives != n_objectives && i < history.n; i++)
            shown[i].digest = 0;
        hpt_told_hear(kept, &history);
        g_autoptr(HptTold) fresh = hpt_told_new(&cube);
        hpt_told_hear(fresh, &history);
        assert_same(kept, fresh);
        assert_has(kept, configs, &history);
    }
    hpt_told_hear(kept, NULL);
    g_assert_cmpuint(kept->n + kept->n_running, ==, 0);
    hpt_cube_clear(&cube);
    for (int64_t i = 0; i < TRIALS; i++)
        hpt_config_free(configs[i]);
}

/* Failed ones have the worst value, -infinity the best, and neither spoils the others. */
static void test_values(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0, 1]\n");
    g_autoptr(HptConfig) config = hpt_space_default(space, NULL);
    static const double values[] = {3, (double)INFINITY, -(double)INFINITY, 1, (double)NAN, 2};
    HptObservation trials[G_N_ELEMENTS(values) + 1] = {{0}};
    for (size_t i = 0; i < G_N_ELEMENTS(trials); i++)
        trials[i] = (HptObservation){.number = (int64_t)i, .config = config, .finished = true, .values = &values[i]};
    trials[G_N_ELEMENTS(values)].values = NULL;
    HptCube cube;
    hpt_cube_init(&cube, space);
    g_autoptr(HptTold) told = hpt_told_new(&cube);
    HptHistory history = {.observations = trials, .n = G_N_ELEMENTS(trials)};
    hpt_told_hear(told, &history);
    static const double y[] = {3, 3, 1, 1, 3, 2, 3};
    static const size_t order[] = {2, 3, 5, 0, 1, 4, 6};
    assert_same_doubles(told->y, y, G_N_ELEMENTS(y));
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++)
        g_assert_cmpuint(told->order[i], ==, order[i]);
    g_assert_cmpuint(told->n_valued, ==, 4);
    hpt_cube_clear(&cube);
}

/* Many rows mean one configuration: each of them was tried. */
static void test_near_rows(void)
{
    g_autoptr(HptSpace) space = space_of("x real [0.001, 10] log\ny real [0, 1]\n");
    HptCube cube;
    hpt_cube_init(&cube, space);
    size_t apart = 0;
    for (uint64_t i = 0; i < 200; i++) {
        HptStream stream = hpt_stream(i, 0, "test", "near");
        double row[2] = {hpt_stream_uniform(&stream, 0), hpt_stream_uniform(&stream, 1)}, near[2], encoded[2];
        g_autoptr(HptConfig) config = hpt_cube_config(&cube, row);
        const double value = 1;
        HptObservation trial = {.config = config, .finished = i % 2 == 0, .values = i % 2 == 0 ? &value : NULL};
        HptHistory history = {.observations = &trial, .n = 1};
        g_autoptr(HptTold) told = hpt_told_new(&cube);
        hpt_told_hear(told, &history);
        hpt_cube_encode(&cube, config, encoded);
        apart += encoded[0] != row[0];
        g_assert_true(hpt_told_has(told, row));
        near[0] = row[0] < 0.5 ? row[0] + 1e-9 : row[0] - 1e-9;
        near[1] = row[1];
        g_assert_false(hpt_told_has(told, near));
    }
    g_assert_cmpuint(apart, >, 20);
    hpt_cube_clear(&cube);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/told/keys", test_keys);
    g_test_add_func("/told/hash", test_hash);
    g_test_add_func("/told/sorted", test_sorted);
    g_test_add_func("/told/rank", test_rank);
    g_test_add_func("/told/near-rows", test_near_rows);
    for (size_t n = 1; n <= OBJECTIVES; n += 2) {
        g_autofree char *path = g_strdup_printf("/told/histories/%zu", n);
        g_test_add_data_func(path, GSIZE_TO_POINTER(n), test_histories);
    }
    g_test_add_func("/told/values", test_values);
    return g_test_run();
}
