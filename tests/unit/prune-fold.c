/* Racing over folds: when it stops, each setting, odd values, and its level under the null. */
#include "tests/unit/prune-tools.h"

#define NAN_VALUE ((double)NAN)
#define INF ((double)INFINITY)

static HptPruneStudy study_of(int evaluations, int folds)
{
    return (HptPruneStudy){.n_objectives = 1,
                           .maximise = minimise,
                           .seed = 1,
                           .evaluations = evaluations,
                           .folds = folds};
}

static HptPruneDecision look(const HptPruner *pruner, const double *own, const double *incumbent)
{
    HptFoldValues a = {7, own}, b = {3, incumbent};
    HptPruneDecision decision;
    hpt_pruner_fold(pruner, &a, &b, &decision);
    check_decision(pruner, &decision);
    return decision;
}

static const double zero[10] = {0};

static void test_stops(void)
{
    HptPruneStudy study = study_of(5, 5);
    g_autoptr(HptPruner) race = pruner_of("race", &study);
    g_assert_cmpint(hpt_pruner_first_folds(race), ==, 3);
    double own[] = {1, 1.1, 0.9, NAN_VALUE, NAN_VALUE};
    /* mean 1, s 0.1, error 0.1 √(1/3 + 1/4), t 13.09; P(T2 > 13.09) = (1 − t / √(2 + t²)) / 2 */
    HptPruneDecision decision = look(race, own, zero);
    g_assert_true(decision.stop);
    double t = 1 / (0.1 * sqrt(1.0 / 3 + 0.25)), p = (1 - t / sqrt(2 + t * t)) / 2;
    g_assert_cmpfloat(fabs(decision.value - p), <, 1e-12);
    g_assert_cmpfloat(decision.threshold, ==, 0.025); /* two looks: after 3 and after 4 */
    g_assert_cmpint(decision.compared, ==, 3);
    g_assert_cmpstr(decision.reason, ==,
                    "worse than trial 3 by 1 on 3 of 5 evaluations, p 0.002891 below 0.025");
    own[2] = NAN_VALUE;
    g_assert_false(look(race, own, zero).stop); /* before the first look */
    own[2] = -9;
    g_assert_false(look(race, own, zero).stop);
    own[2] = 0.9;
    own[3] = own[4] = 1;
    g_assert_false(look(race, own, zero).stop); /* all are there: nothing to save */
    hpt_pruner_fold(race, &(HptFoldValues){7, own}, NULL, &decision);
    g_assert_false(decision.stop); /* no incumbent */
    HptPruneStudy up = study;
    up.maximise = maximise;
    g_autoptr(HptPruner) rising = pruner_of("race", &up);
    own[3] = own[4] = NAN_VALUE;
    g_assert_false(look(rising, own, zero).stop);
    for (size_t i = 0; i < 3; i++)
        own[i] = -own[i];
    g_assert_true(look(rising, own, zero).stop);
    /* Only evaluations that both have are pairs. */
    static const double gaps[] = {NAN_VALUE, 0, 0, 0, 0}, shifted[] = {1, 1.1, 0.9, 1, NAN_VALUE};
    decision = look(race, shifted, gaps);
    g_assert_cmpint(decision.compared, ==, 3);
    g_assert_true(decision.stop);
}

static void test_settings(void)
{
    HptPruneStudy study = study_of(10, 0);
    double own[] = {1,         1.6,       0.4,       NAN_VALUE, NAN_VALUE,
                    NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE};
    static const struct {
        const char *spec;
        bool stop;
    } rows[] = {
        {"race", false}, /* p 0.051 of 0.05 / 7 */
        {"race:alpha=0.5", true},
        {"race:alpha=0.5,first=4", false},
        {"race:alpha=0.5,first=2", true},
        {"race:alpha=0.5,delta=0.5", false},
        {"race:alpha=0.5,overlap=2", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(HptPruner) race = pruner_of(rows[i].spec, &study);
        g_assert_true(look(race, own, zero).stop == rows[i].stop);
    }
    g_autoptr(HptPruner) four = pruner_of("race:first=4", &study);
    g_assert_cmpint(hpt_pruner_first_folds(four), ==, 4);
    g_autoptr(HptPruner) none = pruner_of("none", &study);
    g_assert_cmpint(hpt_pruner_first_folds(none), ==, 10);
    g_assert_false(look(none, own, zero).stop);
    HptPruneStudy pair = study_of(2, 2);
    g_autoptr(HptPruner) two = pruner_of("race", &pair);
    g_assert_cmpint(hpt_pruner_first_folds(two), ==, 2);
}

static void test_odd(void)
{
    HptPruneStudy study = study_of(5, 0);
    g_autoptr(HptPruner) race = pruner_of("race", &study);
    static const struct {
        double own[5], incumbent[5];
        bool stop;
    } rows[] = {
        {{0, 0, 0, NAN_VALUE, NAN_VALUE}, {0}, false}, /* the same */
        {{1, 1, 1, NAN_VALUE, NAN_VALUE}, {0}, false}, /* all differ by the same */
        {{0.3, 0.4, 0.5, NAN_VALUE, NAN_VALUE},
         {0.2, 0.3, 0.4, 0, 0},
         false}, /* but for rounding */
        {{INF, NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE}, {0}, true},
        {{-INF, 1, 1.1, 0.9, NAN_VALUE}, {0}, false},
        {{INF, 1, 1.1, 0.9, NAN_VALUE}, {INF, 0, 0, 0, 0}, false},
        {{INF, -INF, 1, 0.9, NAN_VALUE}, {0}, false},
        {{-INF, INF, 1, 0.9, NAN_VALUE}, {0}, false},
        {{1, 1.1, 0.9, 1, NAN_VALUE}, {INF, 0, 0, 0, 0}, false},
        {{NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE}, {0}, false},
        {{1e308, 1.1e308, 1.7e308, NAN_VALUE, NAN_VALUE}, {-1e308, -1e308, -1e308, 0, 0}, false},
        {{1, 1.1, 0.9, NAN_VALUE, NAN_VALUE}, {0}, true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_true(look(race, rows[i].own, rows[i].incumbent).stop == rows[i].stop);
}

/* Several objectives: worse in every one, or it goes on. */
static void test_objectives(void)
{
    HptPruneStudy study = study_of(5, 0);
    study.n_objectives = 2;
    g_autoptr(HptPruner) race = pruner_of("race", &study);
    double own[] = {1, 1, 1.1, 1.1, 0.9, 0.9, NAN_VALUE, NAN_VALUE, NAN_VALUE, NAN_VALUE};
    g_assert_true(look(race, own, zero).stop);
    own[1] = own[3] = own[5] = 0; /* as good in the second */
    g_assert_false(look(race, own, zero).stop);
    own[1] = INF;
    own[0] = -1;
    g_assert_false(look(race, own, zero).stop); /* infinite in one is not worse in the other */
    own[0] = INF;
    g_assert_true(look(race, own, zero).stop);
}

/* Order of folds, scale and shift of the metric do not matter. */
static void test_invariance(void)
{
    HptPruneStudy study = study_of(8, 4);
    g_autoptr(HptPruner) race = pruner_of("race:alpha=0.3", &study);
    int stops = 0;
    for (int64_t run = 0; run < 500; run++) {
        HptStream stream = hpt_stream(3, run, "race", "");
        double own[8], incumbent[8], turned[8], other[8];
        for (size_t i = 0; i < 8; i++) {
            own[i] = (double)hpt_stream_below(&stream, 3 * i, 32);
            incumbent[i] = (double)hpt_stream_below(&stream, 3 * i + 1, 10);
            if (i > 4 && hpt_stream_below(&stream, 3 * i + 2, 2) == 0)
                own[i] = NAN_VALUE;
        }
        bool stop = look(race, own, incumbent).stop;
        stops += stop;
        g_assert_true(look(race, own, incumbent).stop == stop);
        for (size_t i = 0; i < 8; i++) {
            turned[i] = own[7 - i] * 4 + 64;
            other[i] = incumbent[7 - i] * 4 + 64;
        }
        g_assert_true(look(race, turned, other).stop == stop);
    }
    g_assert_cmpint(stops, >, 30);
    g_assert_cmpint(stops, <, 400);
}

/* Trials as good as the incumbent: no more than alpha of them are stopped at any look. The folds
 * correlate as the overlap supposes; the draws are a sum of twelve uniforms, near enough normal. */
static double normal(const HptStream *stream, uint64_t i)
{
    double sum = -6;
    for (uint64_t k = 0; k < 12; k++)
        sum += hpt_stream_uniform(stream, 12 * i + k);
    return sum;
}

static void test_level(gconstpointer data)
{
    int k = GPOINTER_TO_INT(data), runs = 4000, stops = 0;
    HptPruneStudy study = study_of(k, k);
    g_autoptr(HptPruner) race = pruner_of("race:alpha=0.1", &study);
    double rho = 1.0 / k;
    for (int64_t run = 0; run < runs; run++) {
        HptStream stream = hpt_stream(11, run, "level", "");
        double own[20], incumbent[20];
        for (int i = 0; i < k; i++) {
            own[i] = NAN_VALUE;
            incumbent[i] = 0;
        }
        bool stop = false;
        for (int i = 0; i < k && !stop; i++) {
            own[i] =
                sqrt(rho) * normal(&stream, 0) + sqrt(1 - rho) * normal(&stream, (uint64_t)i + 1);
            stop = look(race, own, incumbent).stop;
        }
        stops += stop;
    }
    g_assert_cmpint(stops, <=, runs / 10);
    g_assert_cmpint(stops, >, runs / 100); /* and it does stop some */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prune/race/stops", test_stops);
    g_test_add_func("/prune/race/settings", test_settings);
    g_test_add_func("/prune/race/odd", test_odd);
    g_test_add_func("/prune/race/objectives", test_objectives);
    g_test_add_func("/prune/race/invariance", test_invariance);
    g_test_add_data_func("/prune/race/level/5", GINT_TO_POINTER(5), test_level);
    g_test_add_data_func("/prune/race/level/10", GINT_TO_POINTER(10), test_level);
    g_test_add_data_func("/prune/race/level/20", GINT_TO_POINTER(20), test_level);
    return g_test_run();
}
