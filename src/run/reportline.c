#include "run/reportline.h"

#include "base/text.h"
#include "run/jsonscan.h"

#include <math.h>
#include <string.h>

#define REASON_MAX 2000
#define METRICS "/metrics"

typedef struct {
    HptReportLine *line;
    HptLineKind kind;
    char *reason;
} Reading;

/* The first thing wrong ends the reading of a report; a worker's line is read on for its type. */
static bool bad(Reading *reading, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool bad(Reading *reading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char **to = reading->kind == HPT_LINE_WORKER ? &reading->line->problem : &reading->reason;
    if (*to == NULL)
        *to = g_strdup_vprintf(format, args);
    va_end(args);
    return reading->kind == HPT_LINE_WORKER;
}

static bool metric_leaf(Reading *reading, const HptLeaf *leaf)
{
    if (leaf->kind == HPT_LEAF_OBJECT)
        return true;
    g_autofree char *name = hpt_json_path_name(leaf->path, METRICS);
    if (leaf->kind != HPT_LEAF_NUMBER && leaf->kind != HPT_LEAF_BOOL) {
        g_autofree char *shown = hpt_text_printable(name, -1);
        return bad(reading, "metric '%.100s' is not a number", shown);
    }
    if (!hpt_metric_name_valid(name, strlen(name))) {
        g_autofree char *shown = hpt_text_printable(name, -1);
        return bad(reading, "'%.100s' is not a metric's name", shown);
    }
    return true;
}

static bool whole_leaf(Reading *reading, const HptLeaf *leaf, bool *has, int64_t *value)
{
    const char *name = leaf->path + 1;
    if (*has)
        return bad(reading, "'%s' is there twice", name);
    if (leaf->kind != HPT_LEAF_NUMBER || !(fabs(leaf->number) <= 9007199254740992.0) ||
        leaf->number != floor(leaf->number))
        return bad(reading, "'%s' is not a whole number", name);
    *value = (int64_t)leaf->number;
    *has = true;
    return true;
}

/* The last one counts, as with JSON readers everywhere. */
static bool text_leaf(Reading *reading, const HptLeaf *leaf, char **text)
{
    if (leaf->kind != HPT_LEAF_STRING)
        return bad(reading, "'%s' is not a string", leaf->path + 1);
    g_free(*text);
    *text = g_strndup(leaf->string, REASON_MAX);
    if (!g_utf8_validate(*text, -1, NULL)) { /* cut inside a character */
        char *whole = g_utf8_make_valid(*text, -1);
        g_free(*text);
        *text = whole;
    }
    return true;
}

/* Members that only a worker's lines have. */
static bool worker_leaf(Reading *reading, const HptLeaf *leaf)
{
    HptReportLine *line = reading->line;
    if (strcmp(leaf->path, "/type") == 0)
        return text_leaf(reading, leaf, &line->type);
    if (strcmp(leaf->path, "/state") == 0)
        return text_leaf(reading, leaf, &line->state);
    if (strcmp(leaf->path, "/trial") == 0)
        return whole_leaf(reading, leaf, &line->has_trial, &line->trial);
    if (strcmp(leaf->path, "/protocol") == 0)
        return whole_leaf(reading, leaf, &line->has_protocol, &line->protocol);
    if (strcmp(leaf->path, "/error") == 0 && leaf->kind != HPT_LEAF_NULL)
        return text_leaf(reading, leaf, &line->fail);
    return true;
}

static bool first_leaf(const HptLeaf *leaf, void *user)
{
    Reading *reading = user;
    HptReportLine *line = reading->line;
    if (*leaf->path == '\0') {
        if (leaf->kind == HPT_LEAF_OBJECT)
            return true;
        g_clear_pointer(&reading->reason, g_free);
        reading->reason = g_strdup("not a JSON object");
        return false;
    }
    if (g_str_has_prefix(leaf->path, METRICS "/"))
        return metric_leaf(reading, leaf);
    if (strcmp(leaf->path, METRICS) == 0) {
        line->has_metrics = true;
        return leaf->kind == HPT_LEAF_OBJECT || bad(reading, "'metrics' is not an object");
    }
    if (strcmp(leaf->path, "/step") == 0) {
        if (reading->kind == HPT_LINE_WORKER && leaf->kind == HPT_LEAF_NULL)
            return true;
        return whole_leaf(reading, leaf, &line->has_step, &line->step);
    }
    if (reading->kind == HPT_LINE_WORKER)
        return worker_leaf(reading, leaf);
    if (strcmp(leaf->path, "/fail") == 0 && leaf->kind == HPT_LEAF_STRING)
        return text_leaf(reading, leaf, &line->fail);
    if (strcmp(leaf->path, "/reply") == 0 && leaf->kind == HPT_LEAF_STRING)
        return text_leaf(reading, leaf, &line->reply);
    g_autofree char *shown = hpt_text_printable(leaf->path + 1, -1);
    return bad(reading, "unknown member '%.100s'", shown);
}

bool hpt_report_line_read(HptReportLine *line, HptLineKind kind, const char *text, size_t length,
                          char **reason)
{
    *line = (HptReportLine){0};
    Reading reading = {.line = line, .kind = kind};
    const char *why = NULL;
    if (hpt_json_scan(text, length, first_leaf, &reading, &why))
        return true;
    *reason = reading.reason != NULL ? reading.reason : g_strdup(why);
    return false;
}

typedef struct {
    const HptReportLine *line;
    int64_t offset;
    HptScan *scan;
} Giving;

static bool second_leaf(const HptLeaf *leaf, void *user)
{
    const Giving *giving = user;
    if (leaf->kind == HPT_LEAF_OBJECT || !g_str_has_prefix(leaf->path, METRICS "/"))
        return true;
    g_autofree char *name = hpt_json_path_name(leaf->path, METRICS);
    hpt_scan_report(giving->scan, name, giving->line->has_step ? &giving->line->step : NULL,
                    leaf->number, giving->offset + (int64_t)leaf->offset, (int64_t)leaf->length);
    return true;
}

void hpt_report_line_metrics(const HptReportLine *line, const char *text, size_t length,
                             int64_t offset, HptScan *scan)
{
    Giving giving = {line, offset, scan};
    const char *ignored = NULL;
    bool whole = !line->has_metrics || hpt_json_scan(text, length, second_leaf, &giving, &ignored);
    g_assert(whole); /* it was read before */
}

void hpt_report_line_clear(HptReportLine *line)
{
    g_free(line->fail);
    g_free(line->reply);
    g_free(line->type);
    g_free(line->state);
    g_free(line->problem);
    *line = (HptReportLine){0};
}
