/* Any bytes as a pruner: the first two choose the study, a line is the spec (or a budget), the rest
 * is a history. A spec is refused with a message or has a canonical form that is its own; every
 * question has a finite, well-formed answer, the same when it is asked again and when the peers
 * come in another order. */
#include "prune/prune.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes as they come; zeros when there are no more. */
typedef struct {
    const uint8_t *at, *end;
} Bytes;

static uint8_t byte(Bytes *bytes)
{
    return bytes->at < bytes->end ? *bytes->at++ : 0;
}

static double number(Bytes *bytes)
{
    uint8_t kind = byte(bytes);
    double x;
    uint64_t bits = 0;
    switch (kind) {
    case 255: /* any double */
        for (int i = 0; i < 8; i++)
            bits = bits << 8 | byte(bytes);
        memcpy(&x, &bits, sizeof x);
        return x;
    case 254:
        return (double)NAN;
    case 253:
        return (double)INFINITY;
    case 252:
        return -(double)INFINITY;
    default:
        return (double)kind / 16;
    }
}

static void check_decision(const HptPruner *pruner, const HptPruneDecision *decision)
{
    g_assert(decision->rule != NULL && strstr(hpt_pruner_get_spec(pruner), decision->rule) != NULL);
    g_assert(memchr(decision->reason, '\0', sizeof decision->reason) != NULL);
    g_assert(decision->compared >= 0);
}

static void same_decision(const HptPruneDecision *a, const HptPruneDecision *b)
{
    g_assert(a->stop == b->stop && a->compared == b->compared);
    g_assert(strcmp(a->reason, b->reason) == 0);
}

static double *numbers(Bytes *bytes, size_t n)
{
    double *values = g_new(double, n + 1);
    for (size_t i = 0; i < n; i++)
        values[i] = number(bytes);
    return values;
}

static void ask_step(const HptPruner *pruner, size_t m, Bytes *bytes)
{
    size_t n_own = 1 + byte(bytes) % 8, n = byte(bytes) % 40;
    int64_t steps[8], step = byte(bytes) - 1;
    for (size_t i = 0; i < n_own; i++)
        steps[i] = step += 1 + byte(bytes) % 16;
    g_autofree double *own = numbers(bytes, n_own * m), *values = numbers(bytes, 2 * n * m);
    g_autofree HptPrunePeer *peers = g_new(HptPrunePeer, n + 1),
                            *turned = g_new(HptPrunePeer, n + 1);
    for (size_t i = 0; i < n; i++) {
        peers[i] =
            (HptPrunePeer){(int64_t)i, i % 3 != 0, values + 2 * i * m, values + (2 * i + 1) * m};
        turned[n - 1 - i] = peers[i];
    }
    HptPruneCurve curve = {steps, own, n_own, byte(bytes) % (n_own + 1)};
    HptPruneDecision one, two;
    hpt_pruner_step(pruner, 1000 + byte(bytes), &curve, peers, n, &one);
    check_decision(pruner, &one);
    g_assert(one.stop == (one.reason[0] != '\0'));
    hpt_pruner_step(pruner, 1000, &curve, peers, n, &one);
    hpt_pruner_step(pruner, 1000, &curve, turned, n, &two);
    same_decision(&one, &two);
    int64_t level = hpt_pruner_level(pruner, 5, step);
    g_assert(level >= -1 && level <= MAX(step, -1));
}

static void ask_rung(const HptPruner *pruner, const HptPruneStudy *study, Bytes *bytes)
{
    enum { TRIALS = 24, RUNGS = 8 };
    size_t m = study->n_objectives, n = 0, trials = byte(bytes) % (TRIALS + 1);
    g_autofree double *values = numbers(bytes, trials * m);
    HptRungResult rows[TRIALS * RUNGS], turned[TRIALS * RUNGS];
    for (size_t t = 0; t < trials; t++) {
        uint8_t bits = byte(bytes);
        int first = hpt_pruner_first_rung(pruner, (int64_t)t);
        g_assert(first >= 0 && first < MAX(1, study->n_budgets));
        int last = MIN(study->n_budgets - 1, first + bits % 4);
        for (int rung = first; rung <= last && rung < first + RUNGS; rung++)
            rows[n++] = (HptRungResult){(int64_t)t, rung, rung < last || (bits & 16),
                                        bits & 32 ? NULL : values + t * m};
    }
    for (size_t i = 0; i < n; i++)
        turned[n - 1 - i] = rows[i];
    bool more = byte(bytes) % 2;
    HptPromotion one, two;
    hpt_pruner_promote(pruner, rows, n, more, &one);
    hpt_pruner_promote(pruner, turned, n, more, &two);
    check_decision(pruner, &one.why);
    same_decision(&one.why, &two.why);
    g_assert(one.kind == two.kind && one.trial == two.trial && one.rung == two.rung);
    if (one.kind == HPT_PROMOTE_NONE)
        return;
    g_assert(more || one.kind == HPT_PROMOTE_TRIAL);
    g_assert(one.rung > 0 && one.rung < study->n_budgets);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        found += rows[i].trial == one.replaces && rows[i].rung == one.rung - 1 && !rows[i].promoted;
        g_assert(rows[i].trial != one.trial || rows[i].values != NULL);
    }
    g_assert(found == 1);
}

static void ask_fold(const HptPruner *pruner, const HptPruneStudy *study, Bytes *bytes)
{
    size_t n = (size_t)study->evaluations * study->n_objectives;
    g_autofree double *own = numbers(bytes, n), *other = numbers(bytes, n);
    HptFoldValues a = {1, own}, b = {2, other};
    HptPruneDecision decision;
    int first = hpt_pruner_first_folds(pruner);
    g_assert(first >= 1 && first <= study->evaluations);
    hpt_pruner_fold(pruner, &a, NULL, &decision);
    g_assert(!decision.stop);
    hpt_pruner_fold(pruner, &a, &b, &decision);
    check_decision(pruner, &decision);
    g_assert(!hpt_pruner_by_fold(pruner) || (decision.value >= 0 && decision.value <= 1));
    hpt_pruner_fold(pruner, &b, &b, &decision);
    g_assert(!decision.stop); /* never worse than itself */
}

static void ask_child(const HptPruner *pruner, Bytes *bytes)
{
    g_autoptr(HptSpace) space = hpt_space_parse("a real [0.001, 10] log\nb integer [-5, 20]\n"
                                                "c categorical {x, y, z}\nd real [0, 1] step=0.05\n"
                                                "e ordinal {p, q, r} | c == x\n{c == y, b > 10}\n",
                                                NULL);
    g_autoptr(HptConfig) parent = hpt_space_default(space, NULL);
    for (int i = 0; i < 4; i++) {
        g_autoptr(HptConfig) child = hpt_pbt_explore(pruner, space, parent, byte(bytes), NULL);
        g_assert(child != NULL && hpt_space_forbidden(space, child) == SIZE_MAX);
        g_autoptr(json_t) object = hpt_config_json(space, child);
        g_autoptr(HptConfig) back = hpt_config_from_json(space, object, false, NULL);
        g_assert(back != NULL && hpt_config_equal(back, child));
        hpt_config_free(g_steal_pointer(&parent));
        parent = g_steal_pointer(&child);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const bool minimise[] = {false, false, false}, maximise[] = {true, false, true};
    const uint8_t *line = size > 2 ? memchr(data + 2, '\n', size - 2) : NULL;
    if (line == NULL)
        return 0;
    g_autofree char *spec = g_strndup((const char *)data + 2, (size_t)(line - data) - 2);
    HptPruneStudy study = {.n_objectives = 1 + data[0] % 3,
                           .maximise = data[0] & 64 ? maximise : minimise,
                           .seed = data[0],
                           .evaluations = 1 + data[1] % 12,
                           .folds = data[1] % 5};
    g_autofree double *budgets = NULL;
    g_autofree char *canonical = NULL;
    int n_budgets = 0;
    if (data[0] & 128)
        budgets = hpt_rungs_parse(data[1] & 128 ? spec : "1..81:3", &n_budgets, &canonical, NULL);
    study.budgets = budgets;
    study.n_budgets = n_budgets;
    for (int i = 0; i < n_budgets; i++)
        g_assert(budgets[i] > 0 && isfinite(budgets[i]) && (i == 0 || budgets[i] > budgets[i - 1]));
    g_autoptr(GError) error = NULL;
    g_autoptr(HptPruner) pruner = hpt_pruner_new(data[1] & 128 ? "auto" : spec, &study, &error);
    g_assert((pruner == NULL) == (error != NULL));
    if (pruner == NULL) {
        g_assert(error->code == HPT_ERROR_USAGE);
        return 0;
    }
    g_autoptr(HptPruner) again = hpt_pruner_new(hpt_pruner_get_spec(pruner), &study, NULL);
    g_assert(again != NULL && strcmp(hpt_pruner_get_spec(again), hpt_pruner_get_spec(pruner)) == 0);
    Bytes bytes = {line + 1, data + size};
    ask_step(pruner, study.n_objectives, &bytes);
    ask_rung(pruner, &study, &bytes);
    ask_fold(pruner, &study, &bytes);
    if (strstr(hpt_pruner_get_spec(pruner), "pbt:") != NULL)
        ask_child(pruner, &bytes);
    return 0;
}
