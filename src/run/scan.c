#include "run/scan.h"

#include "run/jsonscan.h"
#include "run/scanstate.h"
#include "run/textrule.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

static const char *const rule_names[] = {"none",   "report", "json", "words",   "text",
                                         "number", "re",     "file", "measured"};
static const char *const place_names[] = {"none", "stdout", "stderr", "report", "file"};

const char *hpt_rule_name(HptRule rule)
{
    return rule_names[rule];
}

const char *hpt_place_name(HptPlace place)
{
    return place_names[place];
}

static void entry_free(gpointer data)
{
    HptScanEntry *entry = data;
    g_free(entry->name);
    g_free(entry);
}

static HptScanEntry *add_entry(HptScan *scan, const char *name, const HptMetric *metric)
{
    HptScanEntry *entry = g_new0(HptScanEntry, 1);
    entry->name = g_strdup(name);
    entry->metric = metric;
    g_hash_table_insert(scan->entries, entry->name, entry);
    return entry;
}

HptScan *hpt_scan_new(const HptMetrics *metrics, HptPointFunc on_point, void *user)
{
    HptScan *scan = g_new0(HptScan, 1);
    scan->metrics = metrics;
    scan->on_point = on_point;
    scan->user = user;
    scan->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    scan->out.returns = scan->err.returns = true;
    scan->line = g_string_new(NULL);
    size_t n = hpt_metrics_size(metrics);
    scan->declared = g_new0(HptScanEntry *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const HptMetric *metric = hpt_metrics_get(metrics, i);
        scan->declared[i] = add_entry(scan, metric->name, metric);
        scan->regexes = scan->regexes || metric->source == HPT_SOURCE_RE;
    }
    return scan;
}

void hpt_scan_free(HptScan *scan)
{
    if (scan == NULL)
        return;
    hpt_lines_clear(&scan->out);
    hpt_lines_clear(&scan->err);
    if (scan->last != NULL)
        g_string_free(scan->last, TRUE);
    if (scan->found != NULL)
        g_array_free(scan->found, TRUE);
    g_string_free(scan->line, TRUE);
    g_hash_table_destroy(scan->entries);
    g_free(scan->declared);
    g_free(scan->fail_reason);
    g_free(scan->problem);
    g_free(scan);
}

HptScanEntry *hpt_scan_entry(HptScan *scan, const char *name, size_t *names)
{
    HptScanEntry *entry = g_hash_table_lookup(scan->entries, name);
    if (entry != NULL)
        return entry;
    if (*names >= HPT_SCAN_NAMES_MAX) {
        scan->result.names_dropped++;
        return NULL;
    }
    ++*names;
    return add_entry(scan, name, NULL);
}

void hpt_candidate_put(HptCandidate *candidate, double value, const int64_t *step, int64_t offset,
                       int64_t length)
{
    candidate->count++;
    candidate->value = value;
    candidate->has_step = step != NULL;
    candidate->step = step != NULL ? *step : 0;
    candidate->offset = offset;
    candidate->length = length;
}

static void give_point(HptScan *scan, const HptPoint *point)
{
    if (scan->result.points >= HPT_SCAN_POINTS_MAX) {
        scan->result.points_dropped++;
        return;
    }
    scan->result.points++;
    if (scan->on_point != NULL)
        scan->on_point(point, scan->user);
}

static bool is_auto(const HptScanEntry *entry)
{
    return entry->metric == NULL || entry->metric->source == HPT_SOURCE_AUTO;
}

void hpt_scan_report(HptScan *scan, const char *name, const int64_t *step, double value,
                     int64_t offset, int64_t length)
{
    HptScanEntry *entry = hpt_scan_entry(scan, name, &scan->report_names);
    if (entry == NULL || !is_auto(entry))
        return;
    scan->reports++;
    hpt_candidate_put(&entry->report, value, step, offset, length);
    if (step != NULL)
        give_point(scan, &(HptPoint){entry->name, *step, value, HPT_RULE_REPORT, offset});
}

void hpt_scan_fail(HptScan *scan, const char *reason)
{
    if (scan->fail_reason == NULL)
        scan->fail_reason = g_strdup(reason);
}

bool hpt_scan_has_failed(const HptScan *scan)
{
    return scan->fail_reason != NULL;
}

/* ---- rule d ---- */

typedef struct {
    HptScan *scan;
    int64_t offset; /* of the line */
} LineContext;

static void text_number(const HptTextNumber *number, void *user)
{
    LineContext *context = user;
    HptScan *scan = context->scan;
    if (number->tight && hpt_metrics_find(scan->metrics, number->name) == SIZE_MAX)
        return;
    HptScanEntry *entry = hpt_scan_entry(scan, number->name, &scan->text_names);
    if (entry == NULL || !is_auto(entry))
        return;
    int64_t offset = context->offset + (int64_t)number->offset;
    hpt_candidate_put(&entry->text, number->value, number->has_step ? &number->step : NULL, offset,
                      (int64_t)number->length);
    if (number->has_step && entry->report.count == 0)
        give_point(scan,
                   &(HptPoint){entry->name, number->step, number->value, HPT_RULE_TEXT, offset});
}

/* ---- regular expressions ---- */

/* The value by the metric's aggregate, with the place of the number that gave it. */
static void aggregate(HptCandidate *candidate, HptMetricAggregate how, double value,
                      const int64_t *step, int64_t offset, int64_t length)
{
    int64_t count = candidate->count;
    double held = candidate->value;
    candidate->sum += value;
    bool take = count == 0 || how == HPT_AGGREGATE_LAST || how == HPT_AGGREGATE_MEAN ||
                (how == HPT_AGGREGATE_MIN && (isnan(value) || value < held)) ||
                (how == HPT_AGGREGATE_MAX && (isnan(value) || value > held));
    if (take && !(count > 0 && isnan(held) && how != HPT_AGGREGATE_LAST))
        hpt_candidate_put(candidate, value, step, offset, length);
    candidate->count = count + 1;
    if (how == HPT_AGGREGATE_MEAN)
        candidate->value = candidate->sum / (double)candidate->count;
}

static bool group_integer(const char *text, regmatch_t group, int64_t *out)
{
    char copy[24];
    if (group.rm_so < 0 || (size_t)(group.rm_eo - group.rm_so) >= sizeof copy)
        return false;
    size_t length = (size_t)(group.rm_eo - group.rm_so);
    memcpy(copy, text + group.rm_so, length);
    copy[length] = '\0';
    return hpt_integer_parse(copy, out);
}

static void regex_match(HptScan *scan, HptScanEntry *entry, const char *line,
                        const regmatch_t *groups, int64_t offset, bool is_err)
{
    const HptMetric *metric = entry->metric;
    bool stepped = metric->regex.re_nsub == 2;
    regmatch_t group = groups[stepped ? 2 : 1];
    double value;
    int64_t step = 0;
    if (group.rm_so < 0 ||
        !hpt_number_read(line + group.rm_so, (size_t)(group.rm_eo - group.rm_so), &value))
        return;
    bool has_step = stepped && group_integer(line, groups[1], &step);
    int64_t at = offset + group.rm_so;
    aggregate(is_err ? &entry->re_err : &entry->re_out, metric->aggregate, value,
              has_step ? &step : NULL, at, group.rm_eo - group.rm_so);
    if (has_step && !(is_err && entry->re_out.count > 0))
        give_point(scan, &(HptPoint){entry->name, step, value, HPT_RULE_RE, at});
}

/* All matches in a line; NUL bytes are no obstacle (REG_STARTEND). */
static void regex_line(HptScan *scan, HptScanEntry *entry, const char *line, size_t length,
                       int64_t offset, bool is_err)
{
    regmatch_t groups[3];
    for (size_t from = 0; from <= length;) {
        groups[0].rm_so = (regoff_t)from;
        groups[0].rm_eo = (regoff_t)length;
        int flags = REG_STARTEND | (from > 0 ? REG_NOTBOL : 0);
        if (regexec(&entry->metric->regex, line, 3, groups, flags) != 0)
            return;
        regex_match(scan, entry, line, groups, offset, is_err);
        size_t end = (size_t)groups[0].rm_eo;
        from = end > (size_t)groups[0].rm_so ? end : end + 1;
    }
}

/* On a copy with a NUL behind it: not every regexec (that of a sanitizer, say) knows REG_STARTEND
 * well enough to stay inside the line. */
static void regex_entries(HptScan *scan, const char *line, size_t length, int64_t offset,
                          bool is_err)
{
    if (!scan->regexes)
        return;
    g_string_truncate(scan->line, 0);
    g_string_append_len(scan->line, line, (gssize)length);
    for (size_t i = 0; scan->declared[i] != NULL; i++)
        if (scan->declared[i]->metric->source == HPT_SOURCE_RE)
            regex_line(scan, scan->declared[i], scan->line->str, length, offset, is_err);
}

/* ---- streams ---- */

static void out_line(const char *line, size_t length, int64_t offset, bool cut, void *user)
{
    HptScan *scan = user;
    scan->long_line |= cut;
    if (hpt_line_is_blank(line, length) && !cut)
        return;
    scan->latest = line;
    scan->latest_length = length;
    scan->latest_offset = offset;
    scan->latest_cut = cut;
    if (scan->out.partial != NULL && line == scan->out.partial->str) {
        /* The buffer of the unfinished line is used again before the caller can copy. */
        if (scan->last == NULL)
            scan->last = g_string_new(NULL);
        g_string_truncate(scan->last, 0);
        g_string_append_len(scan->last, line, (gssize)length);
        scan->latest = scan->last->str;
    }
    LineContext context = {scan, offset};
    hpt_text_numbers(line, length, text_number, &context);
    regex_entries(scan, line, length, offset, false);
}

static void keep_latest(HptScan *scan)
{
    if (scan->latest == NULL)
        return;
    if (scan->last == NULL)
        scan->last = g_string_new(NULL);
    if (scan->latest != scan->last->str) {
        g_string_truncate(scan->last, 0);
        g_string_append_len(scan->last, scan->latest, (gssize)scan->latest_length);
    }
    scan->last_offset = scan->latest_offset;
    scan->last_cut = scan->latest_cut;
    scan->latest = NULL;
}

void hpt_scan_stdout(HptScan *scan, const char *data, size_t length)
{
    /* Output in which no rule can find anything passes at memory speed. */
    bool quiet =
        !scan->regexes && memchr(data, ':', length) == NULL && memchr(data, '=', length) == NULL;
    hpt_lines_add(&scan->out, data, length, quiet, out_line, scan);
    keep_latest(scan);
}

static void err_line(const char *line, size_t length, int64_t offset, bool cut, void *user)
{
    (void)cut;
    regex_entries(user, line, length, offset, true);
}

void hpt_scan_stderr(HptScan *scan, const char *data, size_t length)
{
    if (scan->regexes)
        hpt_lines_add(&scan->err, data, length, false, err_line, scan);
}

void hpt_scan_finish_lines(HptScan *scan)
{
    hpt_lines_end(&scan->out, out_line, scan);
    keep_latest(scan);
    hpt_lines_end(&scan->err, err_line, scan);
}
