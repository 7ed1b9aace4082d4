#include "study/recommend.h"

#include "base/number.h"
#include "show/table.h"

#include <math.h>

HptArgs *hpt_recommend_args(const char *study)
{
    HptArgs *args = hpt_args_new();
    hpt_args_text(args, study);
    return args;
}

void hpt_recommend_add(HptPast *past, const HptRows *rows)
{
    for (size_t row = 0; row < hpt_rows_count(rows); row++)
        hpt_past_add_row(past, rows, row);
}

/* ---- which trial ---- */

/* The first objective, borrowed. */
static const HptMetric *objective_of(const HptDefinition *definition)
{
    const HptMetric *metric = NULL;
    for (size_t i = 0; metric == NULL || !hpt_metric_is_objective(metric); i++)
        metric = hpt_metrics_get(definition->metrics, i);
    return metric;
}

bool hpt_recommend_study(HptDb *db, const char *study, const HptDefinition *definition, const int64_t *among,
                         size_t n_among, HptRecommendation *out, bool *found, GError **error)
{
    g_autoptr(HptArgs) args = hpt_recommend_args(study);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_TRIAL_RESULTS, args, error);
    if (rows == NULL)
        return false;
    g_autoptr(HptPast) past = hpt_past_new(definition);
    hpt_recommend_add(past, rows);
    *found = hpt_recommend(definition->space, hpt_past_get(past), among, n_among, out);
    if (*found && objective_of(definition)->direction == HPT_METRIC_MAX) {
        out->of_number.mean = -out->of_number.mean;
        out->of_lowest.mean = -out->of_lowest.mean;
    }
    return true;
}

/* ---- in words ---- */

void hpt_expected_interval(HptExpected expected, double *low, double *high)
{
    *low = expected.mean - HPT_RECOMMEND_95 * expected.deviation;
    *high = expected.mean + HPT_RECOMMEND_95 * expected.deviation;
}

/* The place of the first digit: 0 of 1 to 9. */
static int place_of(double x)
{
    return x == 0 || !isfinite(x) ? 0 : (int)floor(log10(fabs(x)));
}

/* To a tenth of the first digit of step. */
static char *rounded(double x, double step)
{
    return hpt_number_round(x, CLAMP(place_of(x) - place_of(step) + 2, 1, 17));
}

/* "0.0912 (0.0893 to 0.0931)" */
static char *expected_text(HptExpected expected)
{
    double low, high, step = expected.deviation;
    hpt_expected_interval(expected, &low, &high);
    g_autofree char *mean = rounded(expected.mean, step), *from = rounded(low, step), *to = rounded(high, step);
    return g_strdup_printf("%s (%s to %s)", mean, from, to);
}

/* Are the two so much alike that either may be the better one? */
static bool are_alike(HptExpected a, HptExpected b)
{
    double difference = a.mean - b.mean, variance = a.deviation * a.deviation + b.deviation * b.deviation;
    return difference * difference <= HPT_RECOMMEND_95 * HPT_RECOMMEND_95 * variance;
}

/* Of what is noisy. */
static char *noisy_text(const HptRecommendation *r, const HptMetric *objective)
{
    g_autofree char *noise = hpt_number_round(r->noise, 2);
    return g_strdup_printf("%s looks noisy (standard deviation %s)", objective->name, noise);
}

char *hpt_recommendation_text(const HptRecommendation *recommendation, const HptDefinition *definition)
{
    const HptRecommendation *r = recommendation;
    const HptMetric *objective = objective_of(definition);
    if (!(r->noise > 0))
        return g_strdup_printf("%s does not look noisy: trial %" PRId64 " has the best value", objective->name, r->number);
    g_autofree char *noisy = noisy_text(r, objective), *ours = expected_text(r->of_number);
    if (r->number == r->lowest)
        return g_strdup_printf("%s: of trial %" PRId64 ", which has the best value, %s is expected", noisy, r->number,
                               ours);
    g_autofree char *other = expected_text(r->of_lowest);
    return g_strdup_printf("%s: trial %" PRId64 " is preferred, of which %s is expected; of trial %" PRId64
                           ", which has the best value, %s%s",
                           noisy, r->number, ours, r->lowest, other,
                           are_alike(r->of_number, r->of_lowest) ? ", so either may be the better one" : "");
}

char *hpt_recommendation_hint(const HptRecommendation *recommendation, const HptDefinition *definition)
{
    const HptRecommendation *r = recommendation;
    if (!(r->noise > 0))
        return NULL;
    g_autofree char *noisy = noisy_text(r, objective_of(definition));
    return r->number == r->lowest ? g_strdup_printf("%s: the best value may be luck", noisy)
                                  : g_strdup_printf("%s: trial %" PRId64 " is preferred", noisy, r->number);
}
