/* Specs of pruners: what is read, what is refused and how, and which way each answers. */
#include "tests/unit/prune-tools.h"

static const HptPruneStudy plain = {
    .n_objectives = 1, .maximise = minimise, .seed = 1, .evaluations = 1};
static const HptPruneStudy rungs = {
    .n_objectives = 1, .maximise = minimise, .evaluations = 1, .budgets = budgets5, .n_budgets = 5};
static const HptPruneStudy folds = {
    .n_objectives = 1, .maximise = minimise, .evaluations = 10, .folds = 5};
static const HptPruneStudy both = {
    .n_objectives = 1, .maximise = minimise, .evaluations = 5, .budgets = budgets5, .n_budgets = 5};

static void test_spec(void)
{
    static const struct {
        const HptPruneStudy *study;
        const char *spec, *canonical;
    } good[] = {
        {&plain, "none", "none"},
        {&plain, "median", "median:startup=5,warmup=0,interval=1,reports=1"},
        {&plain, "median:reports=4,warmup=3", "median:startup=5,warmup=3,interval=1,reports=4"},
        {&plain, "percentile:percentile=12.5",
         "percentile:percentile=12.5,startup=5,warmup=0,interval=1,reports=1"},
        {&plain, "threshold:upper=1e21",
         "threshold:lower=none,upper=1e+21,objective=1,warmup=0,interval=1"},
        {&plain, "threshold:lower=-2,upper=none",
         "threshold:lower=-2,upper=none,objective=1,warmup=0,interval=1"},
        {&plain, "patience:patience=3", "patience:patience=3,delta=0,warmup=0"},
        {&plain, "asha", "asha:eta=3,min=1,max=none,grace=5"},
        {&rungs, "asha", "asha:eta=3"},
        {&plain, "asha:max=9,min=8", "asha:eta=3,min=8,max=9,grace=5"},
        {&plain, "hyperband:max=81", "hyperband:eta=3,min=1,max=81,grace=5"},
        {&rungs, "hyperband:eta=2", "hyperband:eta=2"},
        {&folds, "race", "race:alpha=0.05,first=3,delta=0,overlap=0.25"},
        {&both, "race:first=2", "race:alpha=0.05,first=2,delta=0,overlap=0"},
        {&rungs, "pbt", "pbt:population=10,quantile=0.2,factor=1.2,resample=0.25"},
        {&plain, "auto", "percentile:percentile=80,startup=10,warmup=0,interval=1,reports=10"},
        {&rungs, "auto", "asha:eta=1.73"},
        {&folds, "auto", "race:alpha=0.05,first=3,delta=0,overlap=0.25"},
        {&both, "auto", "asha:eta=1.73+race:alpha=0.05,first=3,delta=0,overlap=0"},
        {&plain, "threshold:upper=1e+21+asha+patience:patience=2",
         "threshold:lower=none,upper=1e+21,objective=1,warmup=0,interval=1+"
         "asha:eta=3,min=1,max=none,grace=5+patience:patience=2,delta=0,warmup=0"},
        {&rungs, "asha+median", "asha:eta=3+median:startup=5,warmup=0,interval=1,reports=1"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(HptPruner) pruner = pruner_of(good[i].spec, good[i].study);
        g_assert_cmpstr(hpt_pruner_get_spec(pruner), ==, good[i].canonical);
        g_assert_cmpint(hpt_pruner_get_version(pruner), ==, 1);
        g_autoptr(HptPruner) again = pruner_of(good[i].canonical, good[i].study);
        g_assert_cmpstr(hpt_pruner_get_spec(again), ==, good[i].canonical);
    }
}

static void test_bad_spec(void)
{
    static const struct {
        const HptPruneStudy *study;
        const char *spec, *message;
    } bad[] = {
        {&plain, "medain", "unknown pruner 'medain'; did you mean 'median'?"},
        {&plain, "",
         "unknown pruner ''; there are asha, auto, hyperband, median, none, patience, pbt, "
         "percentile, race, threshold"},
        {&plain, "median+", NULL},
        {&plain, "+median", NULL},
        {&plain, "auto:x=1", "pruner 'auto' stands alone and has no settings"},
        {&plain, "median+auto", "pruner 'auto' stands alone and has no settings"},
        {&plain, "none+median", "pruners 'none' and 'median': 'none' stands alone"},
        {&plain, "none:x=1", "pruner 'none' has no setting 'x'"},
        {&plain, "median:", "pruner 'median:': a setting is written KEY=VALUE, not ''"},
        {&plain, "median:startup",
         "pruner 'median:startup': a setting is written KEY=VALUE, not 'startup'"},
        {&plain, "median:warmup=1,warmup=1",
         "pruner 'median:warmup=1,warmup=1': 'warmup' is set twice"},
        {&plain, "median:startpu=3",
         "pruner 'median' has no setting 'startpu'; did you mean 'startup'?"},
        {&plain, "median:percentile=3", "pruner 'median' has no setting 'percentile'"},
        {&plain, "median:startup=2.5",
         "pruner 'median': 'startup' must be a whole number from 1 to 1000000000, not '2.5'"},
        {&plain, "percentile:percentile=101",
         "pruner 'percentile': 'percentile' must be a number from 0 to 100, not '101'"},
        {&plain, "percentile:percentile=nan", NULL},
        {&plain, "threshold", "pruner 'threshold': 'lower' or 'upper' must be given"},
        {&plain, "threshold:lower=2,upper=1", "pruner 'threshold': 'lower' is above 'upper'"},
        {&plain, "threshold:lower=x",
         "pruner 'threshold': 'lower' must be a number or 'none', not 'x'"},
        {&plain, "threshold:upper=1,objective=2", NULL},
        {&plain, "patience",
         "pruner 'patience': 'patience' must be given\n"
         "hint: patience:patience=10"},
        {&plain, "asha:max=5,min=5", "pruner 'asha': 'max' must be above 'min'"},
        {&plain, "asha:eta=1", "pruner 'asha': 'eta' must be a number from 1.01 to 1000, not '1'"},
        {&rungs, "asha:grace=3", "pruner 'asha' has no setting 'grace'"},
        {&plain, "hyperband", NULL},
        {&plain, "hyperband:min=9,max=3", NULL},
        {&plain, "race",
         "pruner 'race' needs several evaluations of a trial\n"
         "hint: give --folds or --repeats"},
        {&plain, "pbt", "pruner 'pbt' needs rungs\nhint: give --budget LO..HI"},
        {&folds, "race:first=11", NULL},
        {&plain, "asha+median",
         "pruners 'asha' and 'median': one rule at most may compare with other trials by step"},
        {&rungs, "asha+hyperband",
         "pruners 'asha' and 'hyperband': one rule at most may answer by rung"},
        {&plain, "patience:patience=2+patience:patience=3",
         "pruners 'patience' and 'patience': a rule may be given once"},
        {&folds, "race+race", NULL},
        {&plain, "none+none+none+none+none+none+none+none+none", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_pruner_new(bad[i].spec, bad[i].study, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
        if (bad[i].message != NULL)
            g_assert_cmpstr(error->message, ==, bad[i].message);
    }
}

static void test_ways(void)
{
    static const struct {
        const HptPruneStudy *study;
        const char *spec;
        bool step, rung, fold;
    } rows[] = {
        {&plain, "none", false, false, false}, {&plain, "median", true, false, false},
        {&plain, "asha", true, false, false},  {&rungs, "asha", false, true, false},
        {&rungs, "pbt", false, true, false},   {&rungs, "asha+median", true, true, false},
        {&both, "auto", false, true, true},    {&folds, "race+median", true, false, true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(HptPruner) pruner = pruner_of(rows[i].spec, rows[i].study);
        g_assert_true(hpt_pruner_by_step(pruner) == rows[i].step);
        g_assert_true(hpt_pruner_by_rung(pruner) == rows[i].rung);
        g_assert_true(hpt_pruner_by_fold(pruner) == rows[i].fold);
    }
    for (const char *const *name = hpt_pruner_get_names(); *name != NULL; name++)
        g_assert_true(name[1] == NULL || strcmp(name[0], name[1]) < 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prune/spec", test_spec);
    g_test_add_func("/prune/bad-spec", test_bad_spec);
    g_test_add_func("/prune/ways", test_ways);
    return g_test_run();
}
