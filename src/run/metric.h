/* What a study measures: the texts of -m, NAME[:DIR][:SOURCE].
 *
 *   DIR     min (default)  max  track  le=V  ge=V
 *   SOURCE  auto (default)
 *           re=ERE  re.first=ERE  re.min=ERE  re.max=ERE  re.mean=ERE   (the rest of the text)
 *             one group is the value, two groups are step and value; standard output, or if nothing
 *             matches there, standard error; NUL bytes are ordinary bytes, no locale
 *           json=/POINTER         in the last non-blank line, else in the whole (≤ 64 KiB) output
 *           file=PATH[#/POINTER]  in the trial's directory, or absolute
 *           time cpu (seconds)  maxrss (bytes)  exit (status)           measured by hpt
 * A name is a letter or "_", then letters, digits and _ . / @ % + - ; at most 200 bytes.
 */
#ifndef HPT_RUN_METRIC_H
#define HPT_RUN_METRIC_H

#include "base/error.h"

#include <regex.h>

#define HPT_METRIC_NAME_MAX 200

typedef enum {
    HPT_METRIC_MIN,
    HPT_METRIC_MAX,
    HPT_METRIC_TRACK,
    HPT_METRIC_LE, /* constraint: value ≤ bound */
    HPT_METRIC_GE, /* constraint: value ≥ bound */
} HptMetricDirection;

typedef enum {
    HPT_SOURCE_AUTO,
    HPT_SOURCE_RE,
    HPT_SOURCE_JSON,
    HPT_SOURCE_FILE,
    HPT_SOURCE_TIME,
    HPT_SOURCE_CPU,
    HPT_SOURCE_MAXRSS,
    HPT_SOURCE_EXIT,
} HptMetricSource;

typedef enum {
    HPT_AGGREGATE_LAST,
    HPT_AGGREGATE_FIRST,
    HPT_AGGREGATE_MIN,
    HPT_AGGREGATE_MAX,
    HPT_AGGREGATE_MEAN,
} HptMetricAggregate;

typedef struct {
    char *name;
    HptMetricDirection direction;
    double bound; /* LE, GE */
    HptMetricSource source;
    HptMetricAggregate aggregate; /* RE */
    char *pattern;                /* RE: as written */
    char *path;                   /* FILE */
    char *pointer;                /* JSON, FILE (may be NULL): begins with "/" or is "" */
    char *canonical;              /* with every part spelled out: "acc:max:auto" */
    regex_t regex;                /* RE, compiled */
} HptMetric;

typedef struct HptMetrics HptMetrics;

HptMetrics *hpt_metrics_new(void);
void hpt_metrics_free(HptMetrics *metrics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptMetrics, hpt_metrics_free)

/* Adds one -m. Fails HPT_ERROR_USAGE; the message begins "metric 'TEXT': " and carries place and
 * suggestion. A name twice is an error. */
bool hpt_metrics_add(HptMetrics *metrics, const char *text, GError **error) HPT_WARN_UNUSED;

size_t hpt_metrics_size(const HptMetrics *metrics);
const HptMetric *hpt_metrics_get(const HptMetrics *metrics, size_t i); /* in the order given */
size_t hpt_metrics_find(const HptMetrics *metrics, const char *name);  /* or SIZE_MAX */
size_t hpt_metrics_objectives(const HptMetrics *metrics);              /* how many are min or max */

/* Are these bytes a name? */
bool hpt_metric_name_valid(const char *name, size_t length);

bool hpt_metric_is_objective(const HptMetric *metric);               /* min or max */
bool hpt_metric_is_constraint(const HptMetric *metric);              /* le or ge */
const char *hpt_metric_direction_name(HptMetricDirection direction); /* "min" … "ge" */

#endif
