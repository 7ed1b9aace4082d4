/* What a trial may write: metric texts, output, reports; and the command template.
 *
 * The input's first byte is the length of the pieces in which the rest is fed; then, up to the
 * first newline, metric texts between ";"; then the stream, which is taken for standard output,
 * standard error and the report channel alike. Fed whole and in pieces it must mean the same, every
 * number must be where it is said to be, and messages must be printable. */
#include "run/report.h"
#include "run/scan.h"
#include "run/template.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    HptScan *scan;
    HptReport *report;
    const HptScanned *scanned;
    const HptReported *reported;
    size_t points;
} Run;

static void count_point(const HptPoint *point, void *user)
{
    Run *run = user;
    g_assert(hpt_metric_name_valid(point->name, strlen(point->name)));
    run->points++;
}

static void feed(Run *run, const HptMetrics *metrics, const char *text, size_t length, size_t piece)
{
    static const HptEnd ended = {.wall_us = 1};
    run->scan = hpt_scan_new(metrics, count_point, run);
    run->report = hpt_report_new(run->scan);
    for (size_t at = 0; at < length; at += piece) {
        size_t n = MIN(piece, length - at);
        g_autofree char *copy = g_memdup2(text + at, n); /* so that reading beyond it is seen */
        hpt_scan_stdout(run->scan, copy, n);
        hpt_scan_stderr(run->scan, copy, n);
    }
    for (size_t at = 0; at < length; at += piece)
        hpt_report_add(run->report, text + at, MIN(piece, length - at));
    run->reported = hpt_report_end(run->report);
    run->scanned = hpt_scan_end(run->scan, &ended, text, length, -1);
}

static void clear(Run *run)
{
    hpt_report_free(run->report);
    hpt_scan_free(run->scan);
}

static void check_found(const HptFound *found, size_t length)
{
    g_assert(hpt_metric_name_valid(found->name, strlen(found->name)));
    if (!found->found || found->place == HPT_PLACE_NONE)
        return;
    g_assert(found->offset >= 0 && found->length > 0);
    g_assert((size_t)(found->offset + found->length) <= length);
}

static void check_same(const Run *a, const Run *b)
{
    g_assert(a->points == b->points);
    g_assert(a->scanned->n == b->scanned->n);
    g_assert(g_strcmp0(a->scanned->problem, b->scanned->problem) == 0);
    for (size_t i = 0; i < a->scanned->n; i++) {
        const HptFound *x = &a->scanned->found[i], *y = &b->scanned->found[i];
        g_assert(strcmp(x->name, y->name) == 0 && x->rule == y->rule && x->offset == y->offset &&
                 x->length == y->length && x->count == y->count);
        g_assert(x->value == y->value || (isnan(x->value) && isnan(y->value)));
    }
    g_assert(a->reported->lines == b->reported->lines);
    g_assert(a->reported->bad_lines == b->reported->bad_lines);
    g_assert(a->reported->cut_bytes == b->reported->cut_bytes);
    for (size_t i = 0; a->reported->events[i] != NULL; i++) {
        g_assert(strcmp(a->reported->events[i], b->reported->events[i]) == 0);
        for (const char *c = a->reported->events[i]; *c != '\0'; c++)
            g_assert((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
}

static const char *value_of(const char *name, void *user)
{
    (void)name;
    return user;
}

static void try_template(const char *text)
{
    static const char *const names[] = {"C", "gamma", "a.b", NULL};
    static const bool conditional[] = {false, true, false};
    for (int shell = 0; shell < 2; shell++) {
        HptTemplateRules rules = {
            .names = names, .conditional = conditional, .allow_unused = true, .shell = shell};
        g_auto(GStrv) words = g_strsplit(text, " ", 16);
        g_autoptr(GError) error = NULL;
        g_autoptr(HptTemplate) template =
            hpt_template_parse((const char *const *)words, &rules, &error);
        g_assert((template == NULL) == (error != NULL));
        if (template == NULL)
            continue;
        g_auto(GStrv) argv = hpt_template_expand(template, value_of, (void *)(uintptr_t) "v", NULL);
        /* An active value never makes a word disappear, and adds at most a flag of its own. */
        g_assert(argv != NULL);
        g_assert(shell || g_strv_length(argv) >= g_strv_length(words));
        g_assert(shell || g_strv_length(argv) <= 2 * g_strv_length(words));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t piece = data[0] == 0 ? 1 : data[0];
    const char *text = (const char *)data + 1;
    size_t length = size - 1;
    const char *newline = memchr(text, '\n', length);
    size_t head = newline != NULL ? (size_t)(newline - text) : length;
    g_autofree char *specs = g_strndup(text, head);
    try_template(specs);
    g_autoptr(HptMetrics) metrics = hpt_metrics_new();
    g_auto(GStrv) all = g_strsplit(specs, ";", 8);
    for (size_t i = 0; all[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;
        /* The time that a regular expression takes is its author's affair, and that is the user. */
        if (strstr(all[i], "re") == NULL || strlen(all[i]) < 40)
            g_assert(hpt_metrics_add(metrics, all[i], &error) == (error == NULL));
    }
    if (newline == NULL)
        return 0;
    const char *stream = newline + 1;
    size_t stream_length = length - head - 1;
    Run whole = {0}, cut = {0};
    feed(&whole, metrics, stream, stream_length, MAX(stream_length, 1));
    feed(&cut, metrics, stream, stream_length, piece);
    check_same(&whole, &cut);
    for (size_t i = 0; i < whole.scanned->n; i++)
        check_found(&whole.scanned->found[i], stream_length);
    clear(&whole);
    clear(&cut);
    return 0;
}
