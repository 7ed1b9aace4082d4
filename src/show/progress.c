#include "show/progress.h"

#include "base/number.h"
#include "base/text.h"
#include "show/table.h"
#include "show/value.h"

#include <string.h>

#define BAR 9 /* cells */

/* What a line shows, from most to least. */
typedef enum { WITH_ALL, NO_BAR, NO_RATE, NO_PRUNED, NO_RUNNING, STEPS } Step;

static void append_bar(GString *out, const HptProgress *p, bool utf8)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int64_t done = CLAMP(p->done, 0, p->total);
    int64_t filled = p->total > 0 ? (int64_t)((double)done / (double)p->total * BAR * 8) : 0;
    g_string_append(out, utf8 ? "▕" : "[");
    for (int i = 0; i < BAR; i++) {
        int64_t here = CLAMP(filled - i * 8, 0, 8);
        if (here == 8)
            g_string_append(out, utf8 ? "█" : "#");
        else if (here > 0 && utf8)
            g_string_append(out, eighths[here]);
        else
            g_string_append_c(out, utf8 ? ' ' : '.');
    }
    g_string_append(out, utf8 ? "▏" : "]");
    g_string_append_c(out, ' ');
}

static char *line_at(const HptProgress *p, Step step, bool utf8)
{
    GString *out = g_string_new(NULL);
    g_autofree char *study = hpt_text_printable(p->study, -1);
    g_string_append_printf(out, "%s  ", study);
    if (step < NO_BAR && p->total > 0)
        append_bar(out, p, utf8);
    g_string_append_printf(out, "%" G_GINT64_FORMAT, p->done);
    if (p->total >= 0)
        g_string_append_printf(out, "/%" G_GINT64_FORMAT, p->total);
    if (p->has_best) {
        g_autofree char *best = hpt_number_round(p->best, 6);
        g_string_append_printf(out, "  best %s #%" G_GINT64_FORMAT, best, p->best_trial);
    }
    if (step < NO_RUNNING)
        g_string_append_printf(out, "  running %" G_GINT64_FORMAT, p->running);
    if (step < NO_PRUNED || p->pruned > 0)
        g_string_append_printf(out, "  pruned %" G_GINT64_FORMAT, p->pruned);
    g_string_append_printf(out, "  failed %" G_GINT64_FORMAT, p->failed);
    if (step < NO_RATE && p->rate > 0) {
        g_autofree char *rate = hpt_number_round(p->rate, 2);
        g_string_append_printf(out, "  %s/s", rate);
    }
    if (p->eta_us >= 0) {
        int64_t s = (p->eta_us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
        g_string_append(out, "  ETA ");
        if (s >= 3600)
            g_string_append_printf(out, "%" G_GINT64_FORMAT ":%02d:%02d", s / 3600,
                                   (int)(s / 60 % 60), (int)(s % 60));
        else
            g_string_append_printf(out, "%d:%02d", (int)(s / 60), (int)(s % 60));
    }
    return g_string_free(out, FALSE);
}

char *hpt_progress_line(const HptProgress *progress, size_t width, bool utf8)
{
    for (Step step = WITH_ALL; step < STEPS; step++) {
        g_autofree char *line = line_at(progress, step, utf8);
        if (width == 0 || hpt_text_width(line) <= width)
            return g_steal_pointer(&line);
        if (step + 1 == STEPS)
            return hpt_show_cut(line, width, utf8 ? "…" : "~");
    }
    g_assert_not_reached();
}

void hpt_eta_add(HptEta *eta, int64_t duration_us)
{
    eta->durations_us[eta->n++ % HPT_ETA_KEPT] = duration_us;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t hpt_eta_left_us(const HptEta *eta, int64_t remaining, int64_t workers)
{
    if (eta->n < HPT_ETA_MIN || remaining < 0)
        return -1;
    int64_t sorted[HPT_ETA_KEPT];
    size_t n = MIN(eta->n, (size_t)HPT_ETA_KEPT);
    memcpy(sorted, eta->durations_us, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    double median = ((double)sorted[(n - 1) / 2] + (double)sorted[n / 2]) / 2;
    double left = median * (double)remaining / (double)MAX(workers, 1);
    return left < 9e15 ? (int64_t)left : -1;
}
