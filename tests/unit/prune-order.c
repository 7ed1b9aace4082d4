/* The order behind all rules, with one objective and several, and what no rule may depend on: the
 * order of peers, the scale and sign of values, what was asked before. */
#include "tests/unit/prune-tools.h"

static double drawn(const HptStream *stream, uint64_t i)
{
    static const double odd[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    uint64_t kind = hpt_stream_below(stream, 2 * i, 20);
    if (kind < 3)
        return odd[kind];
    return (double)hpt_stream_below(stream, 2 * i + 1, 12) - 4; /* many equal values */
}

/* ---- ranks ---- */

static HptPruneStudy study_of(size_t m, const bool *direction)
{
    return (HptPruneStudy){.n_objectives = m, .maximise = direction, .seed = 1, .evaluations = 1};
}

static bool dominates(const HptPruneStudy *study, const double *a, const double *b)
{
    bool better = false;
    for (size_t j = 0; j < study->n_objectives; j++) {
        int order =
            hpt_prune_compare(hpt_prune_cost(study, j, a[j]), hpt_prune_cost(study, j, b[j]));
        if (order > 0)
            return false;
        better |= order < 0;
    }
    return better;
}

/* Fronts by taking away what nothing left dominates. */
static void brute_fronts(const HptPruneStudy *study, const double *rows, size_t n, size_t *front)
{
    size_t m = study->n_objectives, left = n;
    for (size_t i = 0; i < n; i++)
        front[i] = SIZE_MAX;
    for (size_t k = 0; left > 0; k++) {
        for (size_t i = 0; i < n; i++) {
            bool free = front[i] == SIZE_MAX;
            for (size_t o = 0; free && o < n; o++)
                free = (front[o] != SIZE_MAX && front[o] != k) ||
                       !dominates(study, rows + o * m, rows + i * m);
            if (free)
                front[i] = k;
        }
        for (size_t i = 0; i < n; i++)
            left -= front[i] == k;
    }
}

static void test_fronts(void)
{
    for (int64_t run = 0; run < 600; run++) {
        HptStream stream = hpt_stream(5, run, "fronts", "");
        size_t n = 1 + (size_t)run % 40, m = 1 + (size_t)run % 3;
        HptPruneStudy study = study_of(m, run % 2 == 0 ? minimise : maximise);
        g_autofree double *rows = g_new(double, n *m);
        g_autofree size_t *front = g_new(size_t, n), *rank = g_new(size_t, n);
        for (size_t i = 0; i < n * m; i++)
            rows[i] = drawn(&stream, i);
        brute_fronts(&study, rows, n, front);
        hpt_prune_ranks(&study, rows, n, rank);
        for (size_t i = 0; i < n; i++) {
            size_t before = 0, with = 0;
            for (size_t o = 0; o < n; o++) {
                before += front[o] < front[i];
                with += front[o] == front[i];
                if (front[o] < front[i])
                    g_assert_cmpuint(rank[o], <, rank[i]);
                bool same = true;
                for (size_t j = 0; j < m; j++)
                    same = same && same_number(rows[o * m + j], rows[i * m + j]);
                if (same)
                    g_assert_cmpuint(rank[o], ==, rank[i]);
            }
            g_assert_cmpuint(rank[i], >=, before);
            g_assert_cmpuint(rank[i], <, before + with);
        }
    }
}

/* In a front the ends come first, then the loneliest. */
static void test_crowding(void)
{
    HptPruneStudy study = study_of(2, minimise);
    static const double rows[] = {0, 10, 1, 9, 2, 8, 7, 3, 8, 2, 10, 0, 11, 11};
    size_t rank[7];
    hpt_prune_ranks(&study, rows, 7, rank);
    g_assert_cmpuint(rank[0], ==, 0);
    g_assert_cmpuint(rank[5], ==, 0);
    for (size_t i = 1; i < 5; i++)
        g_assert_cmpuint(rank[i], ==, 2); /* by ranks of values all gaps inside are alike */
    g_assert_cmpuint(rank[6], ==, 6);
    static const double crowd[] = {0, 10, 1, 9, 1, 9, 2, 8, 5, 5, 10, 0};
    hpt_prune_ranks(&study, crowd, 6, rank);
    g_assert_cmpuint(rank[1], ==, rank[2]); /* duplicates */
    g_assert_cmpuint(rank[3], >=, 2);
}

/* Beyond 4,096 rows with three objectives only dominance by a sample counts: what dominates all is
 * first, and nothing is behind what it dominates. */
static void test_many(void)
{
    for (size_t m = 1; m <= 3; m++) {
        size_t n = 100001;
        HptPruneStudy study = study_of(m, minimise);
        HptStream stream = hpt_stream(6, (int64_t)m, "many", "");
        g_autofree double *rows = g_new(double, n *m);
        g_autofree size_t *rank = g_new(size_t, n);
        for (size_t i = 0; i < n * m; i++)
            rows[i] = hpt_stream_uniform(&stream, i);
        for (size_t j = 0; j < m; j++)
            rows[(n - 1) * m + j] = -1;
        hpt_prune_ranks(&study, rows, n, rank);
        g_assert_cmpuint(rank[n - 1], ==, 0);
        for (size_t i = 0; i + 1 < n; i += 997)
            g_assert_cmpuint(rank[i], >, 0);
        size_t chain = 0; /* a chain of dominance keeps its order */
        for (size_t i = 0; i + 1 < n; i++)
            if (dominates(&study, rows + i * m, rows + chain * m)) {
                g_assert_cmpuint(rank[i], <=, rank[chain]);
                chain = i;
            }
    }
}

/* ---- what decisions do not depend on ---- */

typedef struct {
    size_t n, m, n_own;
    double *own, *peers;
    int64_t *steps;
    HptPrunePeer *rows;
} Story;

static void story_free(Story *story)
{
    g_free(story->own);
    g_free(story->peers);
    g_free(story->steps);
    g_free(story->rows);
    g_free(story);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Story, story_free)

/* A random history; the values are small whole numbers, so scaling by powers of two is exact. */
static Story *story_of(int64_t run, size_t m)
{
    HptStream stream = hpt_stream(7, run, "story", "");
    Story *s = g_new0(Story, 1);
    s->n = (size_t)hpt_stream_below(&stream, 0, 40);
    s->m = m;
    s->n_own = 1 + (size_t)hpt_stream_below(&stream, 1, 6);
    s->own = g_new(double, s->n_own *m);
    s->peers = g_new(double, 2 * s->n * m);
    s->steps = g_new(int64_t, s->n_own);
    s->rows = g_new(HptPrunePeer, s->n);
    for (size_t i = 0; i < s->n_own; i++)
        s->steps[i] = (int64_t)(i + 1);
    for (size_t i = 0; i < s->n_own * m; i++)
        s->own[i] = drawn(&stream, 100 + i);
    for (size_t i = 0; i < 2 * s->n * m; i++)
        s->peers[i] = drawn(&stream, 1000 + i);
    for (size_t i = 0; i < s->n; i++)
        s->rows[i] = (HptPrunePeer){(int64_t)(i * 7 % 101), i % 4 != 0, s->peers + 2 * i * m,
                                    s->peers + (2 * i + 1) * m};
    return s;
}

static HptPruneDecision tell(const HptPruner *pruner, const Story *s)
{
    HptPruneCurve curve = {s->steps, s->own, s->n_own, s->n_own - 1};
    HptPruneDecision decision;
    hpt_pruner_step(pruner, 200, &curve, s->rows, s->n, &decision);
    check_decision(pruner, &decision);
    return decision;
}

static void scale(Story *s, double factor, double shift)
{
    for (size_t i = 0; i < s->n_own * s->m; i++)
        s->own[i] = s->own[i] * factor + shift;
    for (size_t i = 0; i < 2 * s->n * s->m; i++)
        s->peers[i] = s->peers[i] * factor + shift;
}

static const char *const specs[] = {"median:startup=3",
                                    "percentile:percentile=40,startup=2",
                                    "asha:grace=3",
                                    "asha:eta=1.5,grace=2",
                                    "hyperband:max=9",
                                    "patience:patience=2",
                                    "asha:grace=2+patience:patience=3"};

static void same_decision(const HptPruneDecision *a, const HptPruneDecision *b)
{
    g_assert_true(a->stop == b->stop);
    g_assert_true(same_number(a->value, b->value));
    g_assert_true(same_number(a->threshold, b->threshold));
    g_assert_cmpint(a->compared, ==, b->compared);
    g_assert_cmpstr(a->reason, ==, b->reason);
}

static void test_invariance(gconstpointer data)
{
    size_t m = GPOINTER_TO_SIZE(data);
    HptPruneStudy down = study_of(m, minimise), up = study_of(m, maximise);
    int stops = 0, all = 0;
    for (size_t k = 0; k < G_N_ELEMENTS(specs); k++) {
        g_autoptr(HptPruner) pruner = pruner_of(specs[k], &down), mirror = pruner_of(specs[k], &up);
        for (int64_t run = 0; run < 300; run++) {
            g_autoptr(Story) s = story_of(run, m);
            HptPruneDecision first = tell(pruner, s), again = tell(pruner, s);
            same_decision(&first, &again);
            stops += first.stop;
            all++;
            HptStream stream = hpt_stream(8, run, "shuffle", "");
            for (size_t i = s->n; i > 1; i--) { /* another order */
                size_t o = (size_t)hpt_stream_below(&stream, i, i);
                HptPrunePeer swap = s->rows[o];
                s->rows[o] = s->rows[i - 1];
                s->rows[i - 1] = swap;
            }
            HptPruneDecision shuffled = tell(pruner, s);
            same_decision(&first, &shuffled);
            scale(s, 4, 8); /* another scale */
            g_assert_true(tell(pruner, s).stop == first.stop);
            scale(s, -0.25, 2); /* maximised mirrors */
            HptPruneDecision mirrored = tell(mirror, s);
            g_assert_true(mirrored.stop == first.stop);
            g_assert_cmpint(mirrored.compared, ==, first.compared);
        }
    }
    g_assert_cmpint(stops, >, all / 20);
    g_assert_cmpint(stops, <, all * 19 / 20);
}

/* A trial that is dominated by all stops, one that dominates all goes on, in every rule. */
static void test_several_objectives(void)
{
    static const char *const rules[] = {"median:startup=3", "percentile:startup=3", "asha:grace=3",
                                        "hyperband:max=81,grace=2"};
    static const int64_t step[] = {1};
    for (size_t m = 2; m <= 3; m++) {
        HptPruneStudy study = study_of(m, minimise);
        double values[60];
        HptPrunePeer peers[20];
        for (size_t i = 0; i < 20; i++) {
            for (size_t j = 0; j < m; j++) /* a front: better in one, worse in another */
                values[i * m + j] = j == 0 ? (double)i : 20.0 - (double)i;
            peers[i] = (HptPrunePeer){(int64_t)i, true, values + i * m, values + i * m};
        }
        for (size_t k = 0; k < G_N_ELEMENTS(rules); k++) {
            g_autoptr(HptPruner) pruner = pruner_of(rules[k], &study);
            HptPruneDecision decision;
            static const double bad[] = {30, 30, 30}, good[] = {-1, -1, -1},
                                absent[] = {30, (double)NAN, 30};
            HptPruneCurve curve = {step, bad, 1, 0};
            hpt_pruner_step(pruner, 0, &curve, peers, 20, &decision);
            g_assert_true(decision.stop);
            g_assert_true(g_str_has_prefix(decision.reason, "rank "));
            curve.values = good;
            hpt_pruner_step(pruner, 0, &curve, peers, 20, &decision);
            g_assert_false(decision.stop);
            curve.values = absent; /* an objective that was never reported: nothing to compare */
            hpt_pruner_step(pruner, 0, &curve, peers, 20, &decision);
            g_assert_false(decision.stop);
        }
    }
    /* The latest value of each objective counts where a row lacks one. */
    HptPruneStudy study = study_of(2, minimise);
    static const int64_t steps[] = {1, 2, 3};
    static const double own[] = {9, 9, (double)NAN, 8, 7, (double)NAN};
    HptPruneCurve curve = {steps, own, 3, 2};
    HptPruneAsk ask = {&study, 0, &curve, NULL, 0, 3};
    double at[2];
    g_assert_true(hpt_prune_own_at(&ask, at));
    g_assert_cmpfloat(at[0], ==, 7);
    g_assert_cmpfloat(at[1], ==, 8);
    ask.level = 2;
    g_assert_true(hpt_prune_own_at(&ask, at));
    g_assert_cmpfloat(at[0], ==, 9);
}

/* 10^5 peers are decided, whatever the rule. */
static void test_large(void)
{
    size_t n = 100000;
    for (size_t m = 1; m <= 3; m++) {
        HptPruneStudy study = study_of(m, minimise);
        HptStream stream = hpt_stream(9, (int64_t)m, "large", "");
        g_autofree double *values = g_new(double, n *m);
        g_autofree HptPrunePeer *peers = g_new(HptPrunePeer, n);
        for (size_t i = 0; i < n * m; i++)
            values[i] = hpt_stream_uniform(&stream, i);
        for (size_t i = 0; i < n; i++)
            peers[i] = (HptPrunePeer){(int64_t)i, true, values + i * m, values + i * m};
        static const double own[] = {2, 2, 2};
        static const int64_t step[] = {1};
        for (size_t k = 0; k < 3; k++) {
            static const char *const rules[] = {"median", "asha", "hyperband:max=9"};
            g_autoptr(HptPruner) pruner = pruner_of(rules[k], &study);
            HptPruneCurve curve = {step, own, 1, 0};
            HptPruneDecision decision;
            hpt_pruner_step(pruner, 0, &curve, peers, n, &decision);
            g_assert_true(decision.stop);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prune/order/fronts", test_fronts);
    g_test_add_func("/prune/order/crowding", test_crowding);
    g_test_add_func("/prune/order/many", test_many);
    g_test_add_data_func("/prune/invariance/1", GSIZE_TO_POINTER(1), test_invariance);
    g_test_add_data_func("/prune/invariance/2", GSIZE_TO_POINTER(2), test_invariance);
    g_test_add_data_func("/prune/invariance/3", GSIZE_TO_POINTER(3), test_invariance);
    g_test_add_func("/prune/several-objectives", test_several_objectives);
    g_test_add_func("/prune/large", test_large);
    return g_test_run();
}
