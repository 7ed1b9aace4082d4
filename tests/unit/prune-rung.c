/* Pruning by rung: budgets, asynchronous promotion against a plain reference, hyperband's brackets.
 */
#include "tests/unit/prune-tools.h"

#include "base/number.h"

static const HptPruneStudy study = {.n_objectives = 1,
                                    .maximise = minimise,
                                    .seed = 1,
                                    .evaluations = 1,
                                    .budgets = budgets5,
                                    .n_budgets = 5};

/* ---- budgets ---- */

static void test_budgets(void)
{
    static const struct {
        const char *text, *canonical, *rungs;
    } good[] = {
        {"1..81", "1..81:3", "1 3 9 27 81"},
        {"1..81:3", "1..81:3", "1 3 9 27 81"},
        {"1..100:4", "1..100:4", "1 4 16 64 100"},
        {"2..50:2.5", "2..50:2.5", "2 5 13 31 50"},
        {"1..10:1.2", "1..10:1.2", "1 2 3 4 5 6 7 9 10"},
        {"0.1..0.9:3", "0.1..0.9:3", "0.1 0.3 0.9"},
        {"0.5..4:2", "0.5..4:2", "0.5 1 2 4"},
        {"7..7", "7..7:3", "7"},
        {"5..6:3", "5..6:3", "5 6"},
        {".5...75", "0.5..0.75:3", "0.5 0.75"},
        {"1e3..1e5:10", "1000..100000:10", "1000 10000 100000"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        int n = 0;
        g_autofree char *canonical = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree double *budgets = hpt_rungs_parse(good[i].text, &n, &canonical, &error);
        g_assert_no_error(error);
        g_autoptr(GString) text = g_string_new(NULL);
        for (int k = 0; k < n; k++) {
            char number[HPT_NUMBER_TEXT_SIZE];
            g_string_append_printf(text, "%s%s", k > 0 ? " " : "",
                                   hpt_number_text(budgets[k], number));
        }
        g_assert_cmpstr(text->str, ==, good[i].rungs);
        g_assert_cmpstr(canonical, ==, good[i].canonical);
    }
    static const char *const bad[] = {"",        "1",       "1..",         "..3",    "3..1",
                                      "0..9",    "-1..9",   "1..9:1",      "1..9:",  "1..9:x",
                                      "1:3..9",  "1..9:-3", "a..b",        "1..inf", "1..9:0.5",
                                      "1..2..3", "1 .. 9",  "1..1e300:1.5"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        int n = -7;
        char *canonical = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_rungs_parse(bad[i], &n, &canonical, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
        g_assert_cmpint(n, ==, -7);
        g_assert_null(canonical);
        g_assert_true(g_str_has_prefix(error->message, "budget '"));
    }
}

/* ---- histories ---- */

typedef struct {
    HptRungResult *rows;
    double *values;
    size_t n;
} History;

static void history_free(History *history)
{
    g_free(history->rows);
    g_free(history->values);
    g_free(history);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)

/* Up to 40 trials, each with rows for its first rungs, promoted from all but perhaps the last;
 * equal values, failures and odd numbers among them; shuffled. */
static History *history_of(int64_t run, int top, size_t m)
{
    HptStream stream = hpt_stream(4, run, "history", "");
    History *h = g_new0(History, 1);
    uint64_t i = 0, trials = hpt_stream_below(&stream, i++, 40);
    h->rows = g_new(HptRungResult, trials * (uint64_t)top + 1);
    h->values = g_new(double, (trials * (uint64_t)top + 1) * m);
    for (uint64_t t = 0; t < trials; t++) {
        uint64_t ended = 0;
        while (ended + 1 < (uint64_t)top && hpt_stream_below(&stream, i++, 3) == 0)
            ended++;
        for (uint64_t rung = 0; rung <= ended; rung++) {
            double *values = h->values + h->n * m;
            for (size_t j = 0; j < m; j++)
                values[j] = (double)hpt_stream_below(&stream, i++, 9);
            uint64_t odd = hpt_stream_below(&stream, i++, 30);
            if (odd < 2)
                values[0] = odd == 0 ? (double)NAN : (double)INFINITY;
            bool gone = rung < ended || hpt_stream_below(&stream, i++, 4) == 0;
            h->rows[h->n++] = (HptRungResult){(int64_t)t, (int)rung, gone,
                                              odd == 3 && rung == ended ? NULL : values};
        }
    }
    for (size_t k = h->n; k > 1; k--) {
        size_t o = (size_t)hpt_stream_below(&stream, i++, k);
        HptRungResult swap = h->rows[o];
        h->rows[o] = h->rows[k - 1];
        h->rows[k - 1] = swap;
    }
    return h;
}

/* ---- asha ---- */

static bool lost(const HptRungResult *row)
{
    return row->values == NULL || isnan(row->values[0]);
}

/* Is a before b among the results of a rung: lower value, lost ones last, then lower number? */
static bool before(const HptRungResult *a, const HptRungResult *b)
{
    if (lost(a) != lost(b))
        return lost(b);
    if (!lost(a) && (a->values[0] < b->values[0] || a->values[0] > b->values[0]))
        return a->values[0] < b->values[0];
    return a->trial < b->trial;
}

/* Algorithm 2 as it is written, by counting. */
static const HptRungResult *reference(const History *h, double eta, bool more)
{
    for (int rung = 3; rung >= 0; rung--) {
        size_t size = 0;
        for (size_t i = 0; i < h->n; i++)
            size += h->rows[i].rung == rung;
        size_t keeps = (size_t)((double)size / eta);
        if (!more && size > 0)
            keeps = MAX(keeps, 1);
        const HptRungResult *best = NULL;
        for (size_t i = 0; i < h->n; i++) {
            const HptRungResult *row = &h->rows[i];
            if (row->rung != rung || row->promoted || lost(row))
                continue;
            size_t place = 0;
            for (size_t o = 0; o < h->n; o++)
                place += h->rows[o].rung == rung && before(&h->rows[o], row);
            if (place < keeps && (best == NULL || before(row, best)))
                best = row;
        }
        if (best != NULL)
            return best;
    }
    return NULL;
}

static void test_asha_reference(void)
{
    static const double etas[] = {3, 2, 1.5};
    static const char *const specs[] = {"asha", "asha:eta=2", "asha:eta=1.5"};
    int promoted = 0;
    for (int64_t run = 0; run < 3000; run++) {
        g_autoptr(HptPruner) asha = pruner_of(specs[run % 3], &study);
        g_autoptr(History) h = history_of(run, 5, 1);
        for (int more = 0; more < 2; more++) {
            HptPromotion got, again;
            hpt_pruner_promote(asha, h->rows, h->n, more == 1, &got);
            const HptRungResult *want = reference(h, etas[run % 3], more == 1);
            g_assert_true((got.kind == HPT_PROMOTE_TRIAL) == (want != NULL));
            g_assert_cmpint(got.trial, ==, want != NULL ? want->trial : -1);
            g_assert_cmpint(got.replaces, ==, got.trial);
            if (want != NULL)
                g_assert_cmpint(got.rung, ==, want->rung + 1);
            g_assert_true((want != NULL) == (got.why.reason[0] != '\0'));
            g_assert_false(got.why.stop);
            promoted += want != NULL;
            for (size_t i = 0; i < h->n / 2; i++) { /* in another order the same */
                HptRungResult swap = h->rows[i];
                h->rows[i] = h->rows[h->n - 1 - i];
                h->rows[h->n - 1 - i] = swap;
            }
            hpt_pruner_promote(asha, h->rows, h->n, more == 1, &again);
            g_assert_cmpint(again.trial, ==, got.trial);
            g_assert_cmpstr(again.why.reason, ==, got.why.reason);
        }
    }
    g_assert_cmpint(promoted, >, 1000);
    g_assert_cmpint(promoted, <, 5900);
}

static void test_asha_reason(void)
{
    g_autoptr(HptPruner) asha = pruner_of("asha", &study);
    double values[] = {4, 2, 3, 1, 7, 9};
    HptRungResult rows[6];
    for (int i = 0; i < 6; i++)
        rows[i] = (HptRungResult){i, 0, i == 3, &values[i]};
    HptPromotion got;
    hpt_pruner_promote(asha, rows, 6, true, &got);
    g_assert_cmpint(got.trial, ==, 1);
    g_assert_cmpstr(got.why.reason, ==, "2 is number 2 of 6 at rung 0, the best 2 go on");
    g_assert_cmpfloat(got.why.value, ==, 2);
    g_assert_cmpfloat(got.why.threshold, ==, 2);
    g_assert_cmpint(got.why.compared, ==, 5);
    hpt_pruner_promote(asha, rows, 2, true, &got); /* fewer than eta: nobody, and no end */
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
    hpt_pruner_promote(asha, rows, 2, false, &got);
    g_assert_cmpint(got.trial, ==, 1);
    hpt_pruner_promote(asha, NULL, 0, false, &got);
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
    g_assert_cmpint(hpt_pruner_first_rung(asha, 12), ==, 0);
    HptPruneStudy up = study;
    up.maximise = maximise;
    g_autoptr(HptPruner) rising = pruner_of("asha", &up);
    hpt_pruner_promote(rising, rows, 6, true, &got);
    g_assert_cmpint(got.trial, ==, 5);
    g_autoptr(HptPruner) median = pruner_of("median", &study);
    hpt_pruner_promote(median, rows, 6, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
    g_assert_cmpint(hpt_pruner_first_rung(median, 12), ==, 0);
}

/* A study runs to its end with any number of workers: one job for each rung of a trial, some trial
 * gets the whole budget, nothing is promoted twice. */
static void run_study(const HptPruner *pruner, int workers, int trials, bool fail)
{
    HptRungResult *rows = g_new(HptRungResult, (size_t)(5 * trials));
    double *values = g_new(double, (size_t)trials);
    int begun = 0, top = 0, running[8] = {0}, rung[8], n = 0, jobs = 0;
    bool busy[8] = {false};
    HptStream stream = hpt_stream(2, workers, "study", "");
    for (;;) {
        int active = 0;
        for (int w = 0; w < workers; w++) {
            HptPromotion next;
            if (!busy[w]) {
                hpt_pruner_promote(pruner, rows, (size_t)n, begun < trials, &next);
                if (next.kind == HPT_PROMOTE_TRIAL) {
                    running[w] = (int)next.trial;
                    rung[w] = next.rung;
                    bool found = false;
                    for (int i = 0; i < n; i++)
                        if (rows[i].trial == next.trial && rows[i].rung == next.rung - 1) {
                            g_assert_false(rows[i].promoted);
                            rows[i].promoted = found = true;
                        }
                    g_assert_true(found);
                } else if (begun < trials) {
                    rung[w] = hpt_pruner_first_rung(pruner, begun);
                    values[begun] = hpt_stream_uniform(&stream, (uint64_t)begun);
                    running[w] = begun++;
                } else {
                    continue;
                }
                busy[w] = true;
                g_assert_cmpint(++jobs, <=, 5 * trials);
            }
            active++;
        }
        if (active == 0)
            break;
        int ends = (int)hpt_stream_below(&stream, (uint64_t)(1000 + jobs), (uint64_t)workers);
        while (!busy[ends])
            ends = (ends + 1) % workers;
        busy[ends] = false;
        rows[n++] = (HptRungResult){running[ends], rung[ends], false,
                                    fail && running[ends] % 3 == 0 ? NULL : &values[running[ends]]};
        top += rung[ends] == 4;
    }
    g_assert_cmpint(top, >, 0);
    g_assert_cmpint(begun, ==, trials);
    g_free(rows);
    g_free(values);
}

static void test_whole_studies(void)
{
    static const char *const specs[] = {"auto", "asha", "hyperband", "asha:eta=4"};
    for (size_t i = 0; i < G_N_ELEMENTS(specs); i++) {
        g_autoptr(HptPruner) pruner = pruner_of(specs[i], &study);
        for (int workers = 1; workers <= 8; workers++) {
            run_study(pruner, workers, 2, false);
            run_study(pruner, workers, 60, false);
            run_study(pruner, workers, 60, true);
        }
    }
}

/* Several objectives: the best of a front is promoted, what is dominated stays. */
static void test_asha_objectives(void)
{
    HptPruneStudy two = study;
    two.n_objectives = 2;
    g_autoptr(HptPruner) asha = pruner_of("asha", &two);
    static const double values[] = {5, 5, 1, 9, 9, 1, 6, 6, 7, 7, 8, 8};
    HptRungResult rows[6];
    for (int i = 0; i < 6; i++)
        rows[i] = (HptRungResult){i, 0, false, values + 2 * i};
    HptPromotion got;
    hpt_pruner_promote(asha, rows, 6, true, &got);
    g_assert_cmpint(got.trial, ==, 1);
    rows[1].promoted = true;
    hpt_pruner_promote(asha, rows, 6, true, &got);
    g_assert_cmpint(got.trial, ==, 2);
    rows[2].promoted = true;
    hpt_pruner_promote(asha, rows, 6, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
}

/* ---- hyperband ---- */

static void test_hyperband(void)
{
    g_autoptr(HptPruner) h = pruner_of("hyperband", &study);
    int count[5] = {0};
    for (int64_t trial = 0; trial < 143; trial++)
        count[hpt_pruner_first_rung(h, trial)]++;
    static const int paper[] = {81, 34, 15, 8, 5};
    for (size_t i = 0; i < 5; i++)
        g_assert_cmpint(ABS(count[i] - paper[i]), <=, 2);
    /* Of each bracket a third goes on, whatever the others have. */
    double values[200];
    HptRungResult rows[200];
    size_t n = 0, bracket_size = 0;
    for (int64_t trial = 0; trial < 100; trial++) {
        values[n] = (double)((trial * 37) % 100);
        if (hpt_pruner_first_rung(h, trial) == 1) {
            rows[n] = (HptRungResult){trial, 1, false, &values[n]};
            n++;
            bracket_size++;
        }
    }
    size_t promoted = 0;
    for (HptPromotion got;; promoted++) {
        hpt_pruner_promote(h, rows, n, true, &got);
        if (got.kind == HPT_PROMOTE_NONE)
            break;
        for (size_t i = 0; i < n; i++)
            if (rows[i].trial == got.trial)
                rows[i].promoted = true;
        g_assert_cmpint(got.rung, ==, 2);
    }
    g_assert_cmpuint(promoted, ==, bracket_size / 3);
    /* Good results of another bracket at the same rung do not take the places. */
    for (int64_t trial = 0; n < 150; trial++)
        if (hpt_pruner_first_rung(h, trial) == 0) {
            values[n] = -1;
            rows[n] = (HptRungResult){trial, 1, true, &values[n]};
            n++;
        }
    HptPromotion got;
    hpt_pruner_promote(h, rows, n, true, &got);
    g_assert_true(got.kind == HPT_PROMOTE_NONE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prune/budgets", test_budgets);
    g_test_add_func("/prune/asha/reference", test_asha_reference);
    g_test_add_func("/prune/asha/reason", test_asha_reason);
    g_test_add_func("/prune/asha/objectives", test_asha_objectives);
    g_test_add_func("/prune/whole-studies", test_whole_studies);
    g_test_add_func("/prune/hyperband/rungs", test_hyperband);
    return g_test_run();
}
