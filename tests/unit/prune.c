/* Pruning by step: each rule and each setting, invariances, odd values. */
#include "tests/unit/prune-tools.h"

#define NAN_VALUE ((double)NAN)
#define INF ((double)INFINITY)

static const HptPruneStudy plain = {
    .n_objectives = 1, .maximise = minimise, .seed = 1, .evaluations = 1};
static const HptPruneStudy upward = {
    .n_objectives = 1, .maximise = maximise, .seed = 1, .evaluations = 1};
static const HptPruneStudy two = {.n_objectives = 2, .maximise = minimise, .evaluations = 1};

/* ---- asking ---- */

/* One trial with one objective at steps 1, 2 … against values of peers, all complete or not. */
static HptPruneDecision ask(const HptPruner *pruner, const double *own, size_t n_own,
                            const double *peers, size_t n, bool complete)
{
    g_autofree int64_t *steps = g_new(int64_t, n_own);
    g_autofree HptPrunePeer *rows = g_new(HptPrunePeer, n);
    for (size_t i = 0; i < n_own; i++)
        steps[i] = (int64_t)i + 1;
    for (size_t i = 0; i < n; i++)
        rows[i] = (HptPrunePeer){(int64_t)i, complete, &peers[i], &peers[i]};
    HptPruneCurve curve = {steps, own, n_own, n_own - 1};
    HptPruneDecision decision;
    hpt_pruner_step(pruner, 1000, &curve, rows, n, &decision);
    check_decision(pruner, &decision);
    return decision;
}

static bool stops(const char *spec, double own, const double *peers, size_t n)
{
    g_autoptr(HptPruner) pruner = pruner_of(spec, &plain);
    return ask(pruner, &own, 1, peers, n, true).stop;
}

static const double five[] = {5, 1, 4, 2, 3};

/* ---- median and percentile ---- */

static void test_median(void)
{
    g_autoptr(HptPruner) pruner = pruner_of("median", &plain);
    double own[] = {3.5, 9};
    HptPruneDecision decision = ask(pruner, own, 2, five, 5, true);
    g_assert_true(decision.stop);
    g_assert_cmpfloat(decision.value, ==, 3.5); /* the best so far, not the last */
    g_assert_cmpfloat(decision.threshold, ==, 3);
    g_assert_cmpint(decision.compared, ==, 5);
    g_assert_cmpstr(decision.reason, ==, "3.5 at step 2 is worse than the median 3 of 5");
    g_assert_cmpstr(decision.rule, ==, hpt_pruner_get_spec(pruner));
    own[0] = 3; /* equal is not worse */
    g_assert_false(ask(pruner, own, 2, five, 5, true).stop);
    own[0] = 2.5;
    g_assert_false(ask(pruner, own, 2, five, 5, true).stop);
    own[0] = 99;
    g_assert_false(ask(pruner, own, 2, five, 4, true).stop);  /* startup is 5 */
    g_assert_false(ask(pruner, own, 2, five, 5, false).stop); /* of complete trials */
    g_autoptr(HptPruner) up = pruner_of("median", &upward);
    own[0] = 1;
    own[1] = 2.5;
    decision = ask(up, own, 2, five, 5, true);
    g_assert_true(decision.stop);
    g_assert_cmpfloat(decision.value, ==, 2.5);
    g_assert_cmpfloat(decision.threshold, ==, 3);
    own[1] = 3.5;
    g_assert_false(ask(up, own, 2, five, 5, true).stop);
}

static void test_median_settings(void)
{
    g_assert_true(stops("median:startup=3", 9, five, 3));
    g_assert_false(stops("median:startup=4", 9, five, 3));
    g_autoptr(HptPruner) reports = pruner_of("median:reports=2", &plain);
    double own[] = {9, 9};
    g_assert_false(ask(reports, own, 1, five, 5, true).stop);
    g_assert_true(ask(reports, own, 2, five, 5, true).stop);
    g_autoptr(HptPruner) warm = pruner_of("median:warmup=10", &plain);
    g_assert_false(hpt_pruner_is_due(warm, 0, -1, 9));
    g_assert_true(hpt_pruner_is_due(warm, 0, 9, 10));
    g_autoptr(HptPruner) every = pruner_of("median:warmup=10,interval=5", &plain);
    g_assert_true(hpt_pruner_is_due(every, 0, -1, 10));
    g_assert_false(hpt_pruner_is_due(every, 0, 10, 14));
    g_assert_true(hpt_pruner_is_due(every, 0, 10, 15));
    g_assert_true(hpt_pruner_is_due(every, 0, 12, 22)); /* one was skipped */
    g_assert_cmpint(hpt_pruner_level(every, 0, 14), ==, 10);
    g_assert_cmpint(hpt_pruner_level(every, 0, 15), ==, 15);
    g_assert_cmpint(hpt_pruner_level(every, 0, 9), ==, -1);
    g_autoptr(HptPruner) each = pruner_of("median", &plain);
    g_assert_cmpint(hpt_pruner_level(each, 0, 7), ==, 7);
    g_assert_false(hpt_pruner_is_due(each, 0, 7, 7));
}

static void test_percentile(void)
{
    static const double peers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    g_assert_true(stops("percentile", 3.1, peers, 9)); /* the best quarter ends at 3 */
    g_assert_false(stops("percentile", 3, peers, 9));
    g_assert_false(stops("percentile:percentile=75", 7, peers, 9));
    g_assert_true(stops("percentile:percentile=75", 7.1, peers, 9));
    g_assert_true(stops("percentile:percentile=10", 1.9, peers, 9)); /* 1.8, between two */
    g_assert_false(stops("percentile:percentile=10", 1.7, peers, 9));
    g_assert_true(stops("percentile:percentile=0", 1.1, peers, 9));
    g_assert_false(stops("percentile:percentile=100", 9, peers, 9));
    g_autoptr(HptPruner) up = pruner_of("percentile", &upward);
    double own = 6.9;
    g_assert_true(ask(up, &own, 1, peers, 9, true).stop); /* of a maximised one from the top */
    own = 7;
    g_assert_false(ask(up, &own, 1, peers, 9, true).stop);
}

static void test_percentile_odd(void)
{
    static const double same[] = {2, 2, 2, 2, 2}, lost[] = {1, NAN_VALUE, NAN_VALUE, NAN_VALUE, 2},
                        far[] = {-INF, INF, INF, INF, 1};
    g_assert_false(stops("median", 2, same, 5)); /* constant values stop nobody */
    g_assert_true(stops("median", NAN_VALUE, same, 5));
    g_assert_false(stops("median", 1e300, lost, 5)); /* most peers were lost: anything is better */
    g_assert_false(stops("median", NAN_VALUE, lost, 5));
    g_assert_false(stops("median", 1e300, far, 5));
    g_assert_true(stops("percentile:percentile=1", 0, far, 5) == false); /* between −∞ and 1: 1 */
    g_assert_true(stops("percentile:percentile=1", 1.5, far, 5));
    g_assert_true(stops("median", INF, same, 5));
    g_assert_false(stops("median:startup=1", -INF, five, 5));
    g_assert_false(stops("median:startup=1", 9, NULL, 0));
    g_assert_true(stops("median:startup=1", 9, five, 1));
}

/* ---- threshold ---- */

static void test_threshold(void)
{
    g_assert_true(stops("threshold:upper=1", 1.5, NULL, 0));
    g_assert_false(stops("threshold:upper=1", 1, NULL, 0));
    g_assert_false(stops("threshold:upper=1", -INF, NULL, 0));
    g_assert_true(stops("threshold:lower=0", -0.5, NULL, 0));
    g_assert_false(stops("threshold:lower=0", INF, NULL, 0));
    g_assert_true(stops("threshold:lower=0,upper=1", INF, NULL, 0));
    g_assert_true(stops("threshold:lower=0", NAN_VALUE, NULL, 0));
    g_autoptr(HptPruner) range = pruner_of("threshold:lower=0,upper=1,warmup=4,interval=2", &plain);
    double own[] = {9, 9, 9, 9};
    g_assert_false(ask(range, own, 3, NULL, 0, true).stop); /* not due */
    HptPruneDecision decision = ask(range, own, 4, NULL, 0, true);
    g_assert_cmpstr(decision.reason, ==, "9 at step 4 is above 1");
    own[3] = -2;
    decision = ask(range, own, 4, NULL, 0, true);
    g_assert_cmpstr(decision.reason, ==, "-2 at step 4 is below 0");
    g_assert_cmpfloat(decision.threshold, ==, 0);
    own[3] = NAN_VALUE;
    g_assert_cmpstr(ask(range, own, 4, NULL, 0, true).reason, ==, "NaN at step 4 is no number");
    own[3] = 0.5; /* the last counts, whatever was before */
    g_assert_false(ask(range, own, 4, NULL, 0, true).stop);
    g_assert_false(hpt_pruner_is_due(range, 0, 4, 5));
    g_assert_true(hpt_pruner_is_due(range, 0, 4, 6));
    g_autoptr(HptPruner) second = pruner_of("threshold:upper=1,objective=2", &two);
    static const int64_t step[] = {1};
    static const double first_only[] = {7, NAN_VALUE}, none[] = {NAN_VALUE, NAN_VALUE},
                        high[] = {0, 2}, low[] = {9, 1};
    const struct {
        const double *row;
        bool stop;
    } rows[] = {{first_only, false}, {none, true}, {high, true}, {low, false}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        HptPruneCurve curve = {step, rows[i].row, 1, 0};
        hpt_pruner_step(second, 0, &curve, NULL, 0, &decision);
        g_assert_true(decision.stop == rows[i].stop);
    }
}

/* ---- patience ---- */

static void test_patience(void)
{
    double own[] = {5, 4, 4, 4.5, 3.95, 3.9, 7, 8};
    g_autoptr(HptPruner) three = pruner_of("patience:patience=3", &plain);
    for (size_t n = 1; n <= 8; n++) /* the best is always at most two back */
        g_assert_false(ask(three, own, n, NULL, 0, true).stop);
    g_autoptr(HptPruner) two_reports = pruner_of("patience:patience=2", &plain);
    g_assert_false(ask(two_reports, own, 3, NULL, 0, true).stop);
    HptPruneDecision decision = ask(two_reports, own, 4, NULL, 0, true);
    g_assert_true(decision.stop);
    g_assert_cmpstr(decision.reason, ==, "no progress in 2 reports, since step 2");
    g_autoptr(HptPruner) delta = pruner_of("patience:patience=3,delta=0.08", &plain);
    g_assert_true(ask(delta, own, 5, NULL, 0, true).stop); /* 3.95 is not enough */
    own[4] = 3.9;
    g_assert_false(ask(delta, own, 5, NULL, 0, true).stop);
    g_autoptr(HptPruner) warm = pruner_of("patience:patience=2,warmup=5", &plain);
    g_assert_false(hpt_pruner_is_due(warm, 0, 3, 4));
    g_assert_true(hpt_pruner_is_due(warm, 0, 4, 5));
    double lost[] = {NAN_VALUE, NAN_VALUE, NAN_VALUE, 1};
    g_assert_true(ask(two_reports, lost, 3, NULL, 0, true).stop);
    g_assert_false(ask(two_reports, lost, 4, NULL, 0, true).stop);
    double down[] = {-INF, 0, INF};
    g_assert_true(ask(two_reports, down, 3, NULL, 0, true).stop);
    g_autoptr(HptPruner) up = pruner_of("patience:patience=2", &upward);
    double rising[] = {1, 2, 3, 3, 3};
    g_assert_false(ask(up, rising, 4, NULL, 0, true).stop);
    g_assert_true(ask(up, rising, 5, NULL, 0, true).stop);
    static const int64_t steps[] = {1, 2, 3};
    static const double pairs[] = {1, 1, 2, 1, 2, 0}; /* the second objective improves */
    g_autoptr(HptPruner) any = pruner_of("patience:patience=2", &two);
    HptPruneCurve curve = {steps, pairs, 3, 2};
    hpt_pruner_step(any, 0, &curve, NULL, 0, &decision);
    g_assert_false(decision.stop);
    static const double first[] = {1, 1, 1, 2, 0, 2}; /* or the first alone */
    curve.values = first;
    hpt_pruner_step(any, 0, &curve, NULL, 0, &decision);
    g_assert_false(decision.stop);
}

/* ---- asha and hyperband by step ---- */

static void test_asha_rungs(void)
{
    g_autoptr(HptPruner) asha = pruner_of("asha:min=2,eta=3,max=54", &plain);
    static const int64_t rung_steps[] = {2, 6, 18}; /* 54 is the end, not a rung */
    int64_t level = -1;
    size_t next = 0;
    for (int64_t step = 0; step <= 200; step++) {
        bool new_rung = next < 3 && step == rung_steps[next];
        g_assert_true(hpt_pruner_is_due(asha, 7, step - 1, step) == new_rung);
        if (new_rung)
            level = rung_steps[next++];
        g_assert_cmpint(hpt_pruner_level(asha, 7, step), ==, level);
    }
    g_assert_true(hpt_pruner_is_due(asha, 7, 5, 100)); /* skipped, still to be decided */
    g_assert_true(hpt_pruner_is_due(asha, 7, -1, 3));
    g_autoptr(HptPruner) half = pruner_of("asha:eta=1.5", &plain);
    static const int64_t halves[] = {1, 2, 3, 5, 8, 12};
    for (size_t i = 0; i < G_N_ELEMENTS(halves); i++)
        g_assert_true(hpt_pruner_is_due(half, 0, halves[i] - 1, halves[i]));
    g_assert_false(hpt_pruner_is_due(half, 0, 3, 4));
    g_assert_cmpint(hpt_pruner_level(half, 0, INT64_MAX), >, INT64_C(1) << 60);
}

static void test_asha_step(void)
{
    static const double peers[] = {1, 2, 3, 4, 5, 6, 7, 8};
    g_assert_false(stops("asha", 2.5, peers, 8)); /* third of nine */
    g_assert_true(stops("asha", 3.5, peers, 8));
    g_assert_false(stops("asha:eta=2", 4.5, peers, 8)); /* the best five of nine */
    g_assert_true(stops("asha:eta=2", 5.5, peers, 8));
    g_assert_false(stops("asha", 3, peers, 8)); /* equal to the third is among the three */
    g_assert_true(stops("asha", 9, peers, 4));  /* grace is five with one's own */
    g_assert_false(stops("asha", 9, peers, 3));
    g_assert_false(stops("asha:grace=6", 9, peers, 4));
    g_assert_true(stops("asha:grace=2", 9, peers, 1));
    g_assert_false(stops("asha:grace=2", 9, NULL, 0));
    static const double same[] = {2, 2, 2, 2, 2, 2};
    g_assert_false(stops("asha", 2, same, 6));
    g_assert_true(stops("asha", NAN_VALUE, same, 6));
    static const double lost[] = {NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE};
    g_assert_false(stops("asha", NAN_VALUE, lost, 6));
    g_assert_false(stops("asha", INF, lost, 6));
    g_autoptr(HptPruner) asha = pruner_of("asha", &plain);
    double own = 3.5;
    HptPruneDecision decision = ask(asha, &own, 1, peers, 8, false);
    g_assert_cmpfloat(decision.threshold, ==, 3);
    g_assert_cmpstr(decision.reason, ==,
                    "3.5 at step 1 is not among the best 3 of 9, which end at 3");
    /* A rung that was skipped is decided by the first report that reached it. */
    static const int64_t steps[] = {2, 3, 4};
    static const double late[] = {9, 2.5, 9};
    HptPruneCurve curve = {steps, late, 3, 0};
    HptPrunePeer rows[8];
    for (size_t i = 0; i < 8; i++)
        rows[i] = (HptPrunePeer){(int64_t)i, false, &peers[i], &peers[i]};
    hpt_pruner_step(asha, 1000, &curve, rows, 8, &decision);
    g_assert_false(decision.stop);
    g_assert_cmpfloat(decision.value, ==, 2.5);
}

static void test_hyperband_step(void)
{
    g_autoptr(HptPruner) h = pruner_of("hyperband:max=81", &plain);
    int64_t count[5] = {0};
    static const int64_t rung_steps[] = {1, 3, 9, 27, INT64_MAX};
    for (int64_t trial = 0; trial < 14300; trial++) {
        size_t first = 0;
        while (first < 4 && !hpt_pruner_is_due(h, trial, rung_steps[first] - 1, rung_steps[first]))
            first++;
        count[first]++;
        for (size_t k = first; k < 4; k++) /* and all those after */
            g_assert_cmpint(hpt_pruner_level(h, trial, rung_steps[k]), ==, rung_steps[k]);
        g_assert_cmpint(hpt_pruner_level(h, trial, rung_steps[first] - 1), ==,
                        first < 4 ? -1 : hpt_pruner_level(h, trial, 1000));
    }
    /* The paper's 81, 34, 15, 8, 5 of 143, in any run of numbers. */
    static const int64_t share[] = {8100, 3400, 1500, 800, 500};
    for (size_t i = 0; i < 5; i++)
        g_assert_cmpint(ABS(count[i] - share[i]), <=, 10);
    /* Trials of other brackets do not count: with all peers in another bracket nothing happens. */
    double values[60], own = 99;
    HptPrunePeer mine[60], other[60];
    size_t n_mine = 0, n_other = 0;
    for (int64_t trial = 1; trial < 60; trial++) {
        values[trial] = (double)trial;
        HptPrunePeer peer = {trial, false, &values[trial], &values[trial]};
        if (hpt_pruner_is_due(h, trial, 0, 1))
            mine[n_mine++] = peer;
        else
            other[n_other++] = peer;
    }
    static const int64_t step[] = {1};
    HptPruneCurve curve = {step, &own, 1, 0};
    HptPruneDecision decision;
    g_assert_true(hpt_pruner_is_due(h, 0, 0, 1));
    hpt_pruner_step(h, 0, &curve, other, n_other, &decision);
    g_assert_false(decision.stop);
    g_assert_cmpint(decision.compared, ==, 0);
    hpt_pruner_step(h, 0, &curve, mine, n_mine, &decision);
    g_assert_true(decision.stop);
    g_autoptr(HptPruner) two_rungs = pruner_of("hyperband:min=10,max=40,eta=4", &plain);
    g_assert_true(hpt_pruner_is_due(two_rungs, 0, 9, 10));
    g_autoptr(HptPruner) late = pruner_of("hyperband:max=9,grace=50", &plain);
    hpt_pruner_step(late, 0, &curve, mine, n_mine, &decision);
    g_assert_false(decision.stop); /* grace */
}

/* ---- several rules ---- */

static void test_several(void)
{
    g_autoptr(HptPruner) pruner = pruner_of("asha:grace=2+threshold:upper=10", &plain);
    static const int64_t steps[] = {1, 2};
    double own[] = {5, 5};
    static const double better[] = {1, 2, 3};
    HptPrunePeer peers[3];
    for (size_t i = 0; i < 3; i++)
        peers[i] = (HptPrunePeer){(int64_t)i, false, &better[i], &better[i]};
    HptPruneDecision decision;
    HptPruneCurve first = {steps, own, 1, 0}, second = {steps, own, 2, 1};
    hpt_pruner_step(pruner, 9, &first, peers, 3, &decision);
    g_assert_true(decision.stop);
    g_assert_cmpstr(decision.rule, ==, "asha:eta=3,min=1,max=none,grace=2");
    /* Step 2 is no rung: what was decided at step 1 is not asked again. */
    hpt_pruner_step(pruner, 9, &second, peers, 3, &decision);
    g_assert_false(decision.stop);
    own[1] = 11;
    hpt_pruner_step(pruner, 9, &second, peers, 3, &decision);
    g_assert_true(decision.stop);
    g_assert_cmpstr(decision.rule, ==,
                    "threshold:lower=none,upper=10,objective=1,warmup=0,interval=1");
    second.n_decided = 0; /* the rung was skipped: now it is */
    hpt_pruner_step(pruner, 9, &second, peers, 3, &decision);
    g_assert_cmpstr(decision.rule, ==, "asha:eta=3,min=1,max=none,grace=2");
    g_assert_true(hpt_pruner_is_due(pruner, 9, 1, 2));
    g_assert_cmpint(hpt_pruner_level(pruner, 9, 2), ==, 1);
    g_autoptr(HptPruner) none = pruner_of("none", &plain);
    g_assert_false(hpt_pruner_is_due(none, 0, -1, 1000));
    hpt_pruner_step(none, 9, &second, peers, 3, &decision);
    g_assert_false(decision.stop);
    g_assert_cmpstr(decision.rule, ==, "none");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prune/median", test_median);
    g_test_add_func("/prune/median/settings", test_median_settings);
    g_test_add_func("/prune/percentile", test_percentile);
    g_test_add_func("/prune/percentile/odd", test_percentile_odd);
    g_test_add_func("/prune/threshold", test_threshold);
    g_test_add_func("/prune/patience", test_patience);
    g_test_add_func("/prune/asha/rungs", test_asha_rungs);
    g_test_add_func("/prune/asha/step", test_asha_step);
    g_test_add_func("/prune/hyperband/step", test_hyperband_step);
    g_test_add_func("/prune/several", test_several);
    return g_test_run();
}
