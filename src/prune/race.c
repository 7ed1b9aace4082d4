/* race: stop evaluating a trial whose folds show that it is worse than the incumbent.
 *
 * The idea is Maron & Moore, "Hoeffding races", NIPS 1993, and López-Ibáñez et al., "The irace
 * package", 2016; the test is ours: a one-sided paired t test of the differences to the incumbent,
 * looked at after every evaluation from `first` on, each look at alpha divided by the number of
 * looks there can be (Bonferroni), so that the chance of stopping a trial that is as good stays
 * below alpha over all looks, however they depend on each other. irace tests each time at the full
 * level; Optuna's Wilcoxon pruner too.
 *
 * Folds of one split share training data, so their differences are not independent and a plain t
 * test is too sure. Nadeau & Bengio, "Inference for the generalization error", Machine Learning 52,
 * 2003, §5: the variance of the mean of n differences is s² (1/n + n2/n1), n2/n1 the test set over
 * the training set, 1/(folds − 1). That factor is the setting `overlap`.
 *
 * Several objectives: a trial stops only if it is worse in every one, each tested at the full level
 * (an intersection-union test, Berger 1982: the level holds without correction).
 *
 * What is not a number: pairs are the evaluations of which both have a value. An infinite bad value
 * where the incumbent's is finite ends the trial at once in that objective, as its mean is infinite
 * then; any other infinity lets it go on. Differences that are all the same have no variance to
 * test with and let it go on: equal steps of a coarse metric are no proof.
 *
 * Settings: alpha    chance to stop a trial that is as good as the incumbent; 0.05
 *           first    evaluations before the first look; 3, or fewer if there are not as many
 *           delta    stop only what is worse by more than this; 0
 *           overlap  n2/n1; 1/(folds − 1), or 0 without folds
 */
#include "prune/internal.h"

#include "base/number.h"
#include "num/student.h"

typedef struct {
    double alpha, first, delta, overlap;
} Race;

static void *race_open(const HptPruneStudy *study, const HptSetting *settings, size_t n,
                       GString *spec, GError **error)
{
    if (study->evaluations < 2) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "pruner 'race' needs several evaluations of a trial\n"
                    "hint: give --folds or --repeats");
        return NULL;
    }
    double overlap = study->folds > 1 ? 1.0 / (study->folds - 1) : 0;
    Race race = {0.05, MIN(3, study->evaluations), 0, overlap};
    const HptSettingRule known[] = {
        {"alpha", &race.alpha, 1e-9, 0.5, false, false, NULL},
        {"first", &race.first, MIN(2, study->evaluations), study->evaluations, true, false, NULL},
        {"delta", &race.delta, 0, G_MAXDOUBLE, false, false, NULL},
        {"overlap", &race.overlap, 0, 1000, false, false, NULL},
    };
    if (!hpt_settings_apply("pruner", "race", settings, n, known, G_N_ELEMENTS(known), spec, error))
        return NULL;
    return hpt_prune_keep(&race, sizeof race);
}

static int race_first_folds(const void *state)
{
    const Race *race = state;
    return (int)race->first;
}

/* ---- the test ---- */

typedef enum { FINITE, WORST, UNCLEAR } Pairs;

/* Mean and variance (n − 1) of the differences in objective j, both to be minimised, in two passes;
 * WORST: the trial has an infinite bad value where the incumbent has a finite one. */
static Pairs differences(const HptPruneStudy *study, size_t j, const HptFoldValues *own,
                         const HptFoldValues *incumbent, size_t *n, double *mean, double *variance)
{
    size_t m = study->n_objectives;
    double sum = 0, squares = 0, scale = 0;
    *n = 0;
    Pairs pairs = FINITE;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < study->evaluations; i++) {
            double a = own->values[(size_t)i * m + j], b = incumbent->values[(size_t)i * m + j];
            if (isnan(a) || isnan(b))
                continue;
            double d = hpt_prune_cost(study, j, a) - hpt_prune_cost(study, j, b);
            if (!isfinite(d)) {
                bool worst = isinf(a) && hpt_prune_cost(study, j, a) > 0 && isfinite(b);
                pairs = worst && pairs != UNCLEAR ? WORST : UNCLEAR;
                continue;
            }
            if (pass == 0) {
                sum += d;
                ++*n;
            } else {
                squares += (d - *mean) * (d - *mean);
            }
            scale = MAX(scale, MAX(fabs(a), fabs(b)));
        }
        if (pass == 0)
            *mean = *n > 0 ? sum / (double)*n : 0;
    }
    *variance = *n > 1 ? squares / (double)(*n - 1) : 0;
    /* What rounding leaves of equal differences is no variance. */
    if (!(sqrt(*variance) > 1e-12 * scale))
        *variance = 0;
    return pairs;
}

/* The one-sided p-value of "not worse by more than delta" in objective j. */
static double p_value(const Race *race, const HptPruneStudy *study, size_t j,
                      const HptFoldValues *own, const HptFoldValues *incumbent, size_t *n,
                      double *mean)
{
    double variance;
    switch (differences(study, j, own, incumbent, n, mean, &variance)) {
    case WORST:
        *mean = (double)INFINITY;
        return 0;
    case UNCLEAR:
        return 1;
    case FINITE:
        break;
    }
    double beyond = *mean - race->delta;
    if (*n < 2 || !(beyond > 0) || !(variance > 0) || !isfinite(variance))
        return 1;
    double error = sqrt(variance * (1 / (double)*n + race->overlap));
    return hpt_student_above(beyond / error, (int)*n - 1);
}

static void race_fold(const void *state, const HptPruneStudy *study, const HptFoldValues *own,
                      const HptFoldValues *incumbent, HptPruneDecision *out)
{
    const Race *race = state;
    double worst = 0, mean = 0;
    size_t fewest = SIZE_MAX;
    bool infinite = true;
    for (size_t j = 0; j < study->n_objectives; j++) {
        size_t n = 0;
        double difference = 0, p = p_value(race, study, j, own, incumbent, &n, &difference);
        infinite = infinite && isinf(difference);
        fewest = MIN(fewest, n);
        if (p >= worst) {
            worst = p;
            mean = difference;
        }
    }
    /* Looks are at first, first + 1 … evaluations − 1: at the last nothing is left to save. */
    int looks = MAX(1, study->evaluations - (int)race->first);
    out->value = worst;
    out->threshold = race->alpha / looks;
    out->compared = (int64_t)fewest;
    bool look = infinite || (double)fewest >= race->first;
    if (!look || fewest >= (size_t)study->evaluations || !(worst < out->threshold))
        return;
    char by[HPT_NUMBER_TEXT_SIZE], p[HPT_NUMBER_TEXT_SIZE], share[HPT_NUMBER_TEXT_SIZE];
    out->stop = true;
    g_snprintf(out->reason, sizeof out->reason,
               "worse than trial %" PRId64 " by %s on %zu of %d evaluations, p %s below %s",
               incumbent->trial, hpt_prune_text(mean, by), fewest, study->evaluations,
               hpt_prune_text(worst, p), hpt_prune_text(out->threshold, share));
}

const HptPruneKind hpt_prune_race = {
    .name = "race",
    .version = 1,
    .open = race_open,
    .first_folds = race_first_folds,
    .fold = race_fold,
};
