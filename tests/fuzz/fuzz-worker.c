/* What a persistent worker may say, whole and in pieces: the same must come of it.
 *
 * The input's first byte is the length of the pieces, of the second the lowest bit says whether
 * somebody decides and the next whether the trial was handed over before anything is heard; the rest
 * is what comes over descriptor 4. Every answer must be a line of ours, reports that wait and answers
 * that are due must be bounded, and reasons printable. */
#include "base/json.h"
#include "run/talk.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRIAL = 7 };

typedef struct {
    HptScan *scan;
    HptReport *report;
    HptReplies *replies;
    HptTalk talk;
    const HptScanned *scanned;
    const HptReported *reported;
    size_t points;
} Side;

static void count_point(const HptPoint *point, void *user)
{
    Side *side = user;
    g_assert(hpt_metric_name_valid(point->name, strlen(point->name)));
    side->points++;
}

static void hear(Side *side, const HptMetrics *metrics, int mode, const char *text, size_t length,
                 size_t piece)
{
    static const HptEnd ended = {.wall_us = 1};
    side->scan = hpt_scan_new(metrics, count_point, side);
    side->report = hpt_report_new(side->scan);
    side->replies = hpt_replies_new(-1, (mode & 1) != 0);
    hpt_talk_init(&side->talk);
    hpt_talk_about(&side->talk, TRIAL, side->scan, side->report, side->replies);
    if ((mode & 2) != 0) {
        side->talk.ready = true;
        hpt_talk_hand_over(&side->talk, "{\"type\":\"trial\"}");
    }
    for (size_t at = 0; at < length; at += piece) {
        size_t n = MIN(piece, length - at);
        g_autofree char *copy = g_memdup2(text + at, n); /* so that reading beyond it is seen */
        hpt_talk_hear(&side->talk, copy, n);
    }
    hpt_talk_answer(&side->talk, false);
    side->reported = hpt_report_end(side->report);
    side->scanned = hpt_scan_end(side->scan, &ended, NULL, 0, -1);
}

static void clear(Side *side)
{
    hpt_talk_clear(&side->talk);
    hpt_report_free(side->report);
    hpt_replies_free(side->replies);
    hpt_scan_free(side->scan);
}

static void check_printable(const char *text)
{
    g_assert(g_utf8_validate(text, -1, NULL));
    for (const char *c = text; *c != '\0'; c++)
        g_assert((unsigned char)*c >= 0x20 && *c != 0x7f);
}

/* A line of JSON each, no more than there were lines to answer. */
static void check_said(const Side *side)
{
    g_auto(GStrv) said = g_strsplit(side->talk.unsent->str, "\n", -1);
    size_t n = g_strv_length(said);
    g_assert(n == 0 || *said[n - 1] == '\0');
    g_assert((int64_t)n - 1 - ((side->talk.handed && n > 0) ? 1 : 0) <= side->reported->lines + side->reported->bad_lines);
    for (size_t i = 0; i + 1 < n; i++) {
        g_autoptr(json_t) object = hpt_json_parse(said[i], strlen(said[i]), NULL);
        g_assert(json_is_object(object));
    }
}

static void check_same(const Side *a, const Side *b)
{
    g_assert(a->points == b->points && a->scanned->n == b->scanned->n);
    g_assert(g_strcmp0(a->scanned->problem, b->scanned->problem) == 0);
    g_assert(g_strcmp0(a->talk.failure, b->talk.failure) == 0);
    g_assert(g_string_equal(a->talk.unsent, b->talk.unsent));
    g_assert(a->talk.over == b->talk.over && a->talk.pruned == b->talk.pruned &&
             a->talk.ready == b->talk.ready);
    g_assert(a->reported->lines == b->reported->lines &&
             a->reported->bad_lines == b->reported->bad_lines);
    for (size_t i = 0; i < a->scanned->n; i++) {
        const HptFound *x = &a->scanned->found[i], *y = &b->scanned->found[i];
        g_assert(strcmp(x->name, y->name) == 0 && x->offset == y->offset && x->length == y->length);
        g_assert(x->value == y->value || (isnan(x->value) && isnan(y->value)));
    }
    for (size_t i = 0; a->reported->events[i] != NULL; i++) {
        g_assert(strcmp(a->reported->events[i], b->reported->events[i]) == 0);
        check_printable(a->reported->events[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = data[0] == 0 ? 1 : data[0];
    const char *text = (const char *)data + 2;
    size_t length = size - 2;
    g_autoptr(HptMetrics) metrics = hpt_metrics_new();
    g_assert(hpt_metrics_add(metrics, "loss", NULL));
    Side whole = {0}, cut = {0};
    hear(&whole, metrics, data[1], text, length, MAX(length, 1));
    hear(&cut, metrics, data[1], text, length, piece);
    check_same(&whole, &cut);
    check_said(&whole);
    for (size_t i = 0; i < whole.scanned->n; i++)
        g_assert(!whole.scanned->found[i].found ||
                 (size_t)(whole.scanned->found[i].offset + whole.scanned->found[i].length) <= length);
    clear(&whole);
    clear(&cut);
    return 0;
}
