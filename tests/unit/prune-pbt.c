/* Population based training: who is replaced by whose child, and the children's configurations. */
#include "tests/unit/prune-tools.h"
#include "tests/unit/space-tools.h"

static const HptPruneStudy study = {.n_objectives = 1,
                                    .maximise = minimise,
                                    .seed = 1,
                                    .evaluations = 1,
                                    .budgets = budgets5,
                                    .n_budgets = 5};

/* ---- populations ---- */

static void test_pbt_promote(void)
{
    g_autoptr(HptPruner) pbt = pruner_of("pbt", &study);
    double values[20];
    HptRungResult rows[20];
    for (int i = 0; i < 10; i++) {
        values[i] = i;
        rows[i] = (HptRungResult){i, 0, false, &values[i]};
    }
    HptPromotion got;
    hpt_pruner_promote(pbt, rows, 9, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_NONE); /* the population is not there yet */
    hpt_pruner_promote(pbt, rows, 9, false, &got);
    g_assert_true(got.kind == HPT_PROMOTE_TRIAL); /* and never will be */
    int children = 0;
    for (int i = 0; i < 10; i++) {
        hpt_pruner_promote(pbt, rows, 10, true, &got);
        g_assert_cmpint(got.replaces, ==, i);
        g_assert_cmpint(got.rung, ==, 1);
        if (i < 8) {
            g_assert_true(got.kind == HPT_PROMOTE_TRIAL);
            g_assert_cmpint(got.trial, ==, i);
        } else { /* the worst fifth are replaced by the best fifth */
            g_assert_true(got.kind == HPT_PROMOTE_CHILD);
            g_assert_cmpint(got.trial, <, 2);
            g_assert_true(strstr(got.why.reason, "takes its place") != NULL);
            children++;
        }
        rows[got.replaces].promoted = true;
    }
    g_assert_cmpint(children, ==, 2);
    hpt_pruner_promote(pbt, rows, 10, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
    rows[0].promoted = false;
    rows[0].values = NULL; /* failed: replaced while trials may begin, and stuck when not */
    hpt_pruner_promote(pbt, rows, 10, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_CHILD && got.replaces == 0 && got.trial != 0);
    hpt_pruner_promote(pbt, rows, 10, false, &got);
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
    for (int i = 0; i < 10; i++)
        rows[i] = (HptRungResult){i, 0, false, NULL};
    hpt_pruner_promote(pbt, rows, 10, true, &got); /* all failed: nobody is worth a child */
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
    for (int i = 0; i < 3; i++)
        rows[i] = (HptRungResult){i, 1, false, &values[i]};
    hpt_pruner_promote(pbt, rows, 3, true, &got); /* later rungs wait for nobody */
    g_assert_true(got.kind == HPT_PROMOTE_TRIAL && got.trial == 0 && got.rung == 2);
    for (int i = 0; i < 10; i++)
        rows[i] = (HptRungResult){i, 4, false, &values[i]};
    hpt_pruner_promote(pbt, rows, 10, true, &got); /* the last rung ends */
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
}

static void test_pbt_settings(void)
{
    double values[20];
    HptRungResult rows[20];
    for (int i = 0; i < 20; i++) {
        values[i] = 20 - i;
        rows[i] = (HptRungResult){i, 0, false, &values[i]};
    }
    HptPromotion got;
    g_autoptr(HptPruner) small = pruner_of("pbt:population=4", &study);
    hpt_pruner_promote(small, rows, 4, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_TRIAL);
    g_autoptr(HptPruner) half = pruner_of("pbt:quantile=0.5", &study);
    hpt_pruner_promote(half, rows, 20, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_CHILD);
    g_assert_cmpint(got.trial, >=, 10);
    g_autoptr(HptPruner) none = pruner_of("pbt:quantile=0", &study);
    hpt_pruner_promote(none, rows, 20, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_TRIAL);
}

/* ---- children ---- */

static HptConfig *random_config(const HptSpace *space, int64_t number)
{
    for (uint64_t attempt = 0;; attempt++) {
        HptConfig *config = hpt_config_new(space);
        for (size_t i = 0; i < config->n; i++) {
            const HptParam *param = hpt_space_get(space, i);
            HptStream stream = hpt_stream(3, number, "config", param->name);
            config->values[i] =
                param->constant ? param->fallback
                                : hpt_param_from_unit(param, hpt_stream_uniform(&stream, attempt));
        }
        hpt_space_deactivate(space, config);
        if (hpt_space_forbidden(space, config) == SIZE_MAX)
            return config;
        hpt_config_free(config);
    }
}

static HptConfig *child_of(const HptPruner *pbt, const HptSpace *space, const HptConfig *parent,
                           int64_t number)
{
    g_autoptr(GError) error = NULL;
    HptConfig *child = hpt_pbt_explore(pbt, space, parent, number, &error);
    g_assert_no_error(error);
    return child;
}

static const char mixed[] = "C real [0.001, 1000] log\n"
                            "kernel categorical {linear, rbf, poly}\n"
                            "gamma real [1e-5, 10] log | kernel in {rbf, poly}\n"
                            "degree integer [2, 5] | kernel == poly\n"
                            "trees integer [10, 1000] log\n"
                            "rate real [0, 1] step=0.05\n"
                            "shift real [-3, 3]\n"
                            "size ordinal {tiny, small, big}\n"
                            "fixed integer [7, 7]\n"
                            "wide real [-1e308, 1e308]\n"
                            "{size == big, kernel == linear}\n"
                            "{rate > 0.9}\n";

/* Every child is legal: it survives JSON, which checks domains, steps, conditions and clauses. */
static void test_children_legal(void)
{
    g_autoptr(HptSpace) space = space_of(mixed);
    static const char *const specs[] = {"pbt", "pbt:resample=0", "pbt:resample=1",
                                        "pbt:factor=100,resample=0.1", "pbt:factor=1,resample=0"};
    for (size_t k = 0; k < G_N_ELEMENTS(specs); k++) {
        g_autoptr(HptPruner) pbt = pruner_of(specs[k], &study);
        int moved = 0;
        for (int64_t number = 0; number < 400; number++) {
            g_autoptr(HptConfig) parent = random_config(space, number);
            g_autoptr(HptConfig) child = child_of(pbt, space, parent, number);
            g_autoptr(HptConfig) again = child_of(pbt, space, parent, number);
            g_assert_true(hpt_config_equal(child, again));
            g_autoptr(json_t) object = hpt_config_json(space, child);
            g_autoptr(GError) error = NULL;
            g_autoptr(HptConfig) back = hpt_config_from_json(space, object, false, &error);
            g_assert_no_error(error);
            g_assert_true(hpt_config_equal(back, child));
            moved += !hpt_config_equal(child, parent);
        }
        g_assert_cmpint(moved, >, k == 4 ? 200 : 395); /* factor 1 moves ordinals alone */
    }
}

static void test_children_moves(void)
{
    g_autoptr(HptSpace) space = space_of("a real [1, 100]\nb integer [1, 100]\nc real [-1, 1]\n"
                                         "d categorical {x, y}\ne ordinal {p, q, r}\n"
                                         "f integer [1, 3]\n");
    g_autoptr(HptPruner) pbt = pruner_of("pbt:resample=0", &study);
    g_autoptr(HptConfig) parent = hpt_space_default(space, NULL);
    size_t a = hpt_space_find(space, "a"), b = hpt_space_find(space, "b"),
           c = hpt_space_find(space, "c"), d = hpt_space_find(space, "d"),
           e = hpt_space_find(space, "e"), f = hpt_space_find(space, "f");
    parent->values[a].number = 10;
    parent->values[b].number = 20;
    parent->values[c].number = 0;
    parent->values[e].index = 1;
    parent->values[f].number = 2;
    int up[6] = {0};
    for (int64_t number = 0; number < 400; number++) {
        g_autoptr(HptConfig) child = child_of(pbt, space, parent, number);
        const HptValue *v = child->values;
        g_assert_true(same_number(v[a].number, 12) || same_number(v[a].number, 10 / 1.2));
        g_assert_true(same_number(v[b].number, 24) || same_number(v[b].number, 17));
        g_assert_cmpfloat(fabs(fabs(v[c].number) - 0.2), <, 1e-15);
        g_assert_cmpuint(v[d].index, ==, parent->values[d].index);
        g_assert_true(v[e].index == 0 || v[e].index == 2);
        g_assert_true(same_number(v[f].number, 1) || same_number(v[f].number, 3));
        up[0] += v[a].number > 10;
        up[1] += v[b].number > 20;
        up[2] += v[c].number > 0;
        up[3] += v[e].index > 1;
        up[4] += v[f].number > 2;
    }
    for (size_t i = 0; i < 5; i++) { /* either way with chance 1/2, within five deviations */
        g_assert_cmpint(up[i], >, 150);
        g_assert_cmpint(up[i], <, 250);
    }
    g_autoptr(HptPruner) wild = pruner_of("pbt:resample=0.25,factor=3", &study);
    int drawn = 0;
    for (int64_t number = 0; number < 1000; number++) {
        g_autoptr(HptConfig) child = child_of(wild, space, parent, number);
        double x = child->values[a].number;
        drawn += !same_number(x, 30) && !same_number(x, 10 / 3.0);
    }
    g_assert_cmpint(drawn, >, 180);
    g_assert_cmpint(drawn, <, 320);
}

/* A parameter that the parent did not have is drawn from all of its domain. */
static void test_children_new_parameter(void)
{
    g_autoptr(HptSpace) space = space_of("e ordinal {p, q}\nx real [0.1, 1] | e == q\n");
    g_autoptr(HptPruner) pbt = pruner_of("pbt:resample=0", &study);
    g_autoptr(HptConfig) parent = hpt_config_new(space);
    parent->values[0] = (HptValue){.active = true};
    int low = 0, high = 0;
    for (int64_t number = 0; number < 200; number++) {
        g_autoptr(HptConfig) child = child_of(pbt, space, parent, number);
        if (!child->values[1].active)
            continue;
        low += child->values[1].number < 0.4;
        high += child->values[1].number > 0.7;
    }
    g_assert_cmpint(low, >, 15);
    g_assert_cmpint(high, >, 15);
}

/* The draws of a parameter do not move when another is added; seed and number change them. */
static void test_children_addressed(void)
{
    g_autoptr(HptSpace) narrow = space_of("a real [0, 1]\nb real [0, 1]\n");
    g_autoptr(HptSpace) wide = space_of("a real [0, 1]\naa real [0, 1]\nb real [0, 1]\n");
    g_autoptr(HptPruner) pbt = pruner_of("pbt", &study);
    HptPruneStudy other = study;
    other.seed = 2;
    g_autoptr(HptPruner) seeded = pruner_of("pbt", &other);
    g_autoptr(HptConfig) small = hpt_space_default(narrow, NULL),
                         large = hpt_space_default(wide, NULL);
    int differ = 0, numbers = 0;
    for (int64_t number = 0; number < 50; number++) {
        g_autoptr(HptConfig) x = child_of(pbt, narrow, small, number);
        g_autoptr(HptConfig) y = child_of(pbt, wide, large, number);
        g_autoptr(HptConfig) z = child_of(seeded, narrow, small, number);
        g_autoptr(HptConfig) next = child_of(pbt, narrow, small, number + 1);
        g_assert_true(same_number(x->values[0].number, y->values[0].number));
        g_assert_true(same_number(x->values[1].number, y->values[2].number));
        differ += !hpt_config_equal(x, z);
        numbers += !hpt_config_equal(x, next);
    }
    g_assert_cmpint(differ, >, 30);
    g_assert_cmpint(numbers, >, 30);
}

static void test_children_no_room(void)
{
    g_autoptr(HptSpace) tight = space_of("a integer [1, 1000]\nb integer [1, 1000]\n"
                                         "{a != 500}\n{b != 500}\n");
    g_autoptr(HptPruner) pbt = pruner_of("pbt:resample=0", &study);
    g_autoptr(HptConfig) parent = hpt_config_new(tight);
    for (size_t i = 0; i < 2; i++)
        parent->values[i] = (HptValue){.active = true, .number = 500};
    g_autoptr(HptConfig) child = child_of(pbt, tight, parent, 3);
    g_assert_true(hpt_config_equal(child, parent)); /* nothing else is allowed */
    parent->values[0].number = 3;                   /* and if not even that is */
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_pbt_explore(pbt, tight, parent, 3, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_NO_ROOM);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prune/pbt/promote", test_pbt_promote);
    g_test_add_func("/prune/pbt/settings", test_pbt_settings);
    g_test_add_func("/prune/pbt/children/legal", test_children_legal);
    g_test_add_func("/prune/pbt/children/moves", test_children_moves);
    g_test_add_func("/prune/pbt/children/new-parameter", test_children_new_parameter);
    g_test_add_func("/prune/pbt/children/addressed", test_children_addressed);
    g_test_add_func("/prune/pbt/children/no-room", test_children_no_room);
    return g_test_run();
}
