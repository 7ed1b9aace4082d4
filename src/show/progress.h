/* The progress line, and the time that is left. Both pure: state in, text out.
 *
 *   svm  ▕█████████▏ 63/100  best 84.81 #21  running 2  pruned 12  failed 0  7.4/s  ETA 0:05
 *
 * Callers redraw at most five times a second, on a terminal only.
 */
#ifndef HPT_SHOW_PROGRESS_H
#define HPT_SHOW_PROGRESS_H

#include "base/error.h"

typedef struct {
    const char *study;
    int64_t done;  /* trials that count towards total */
    int64_t total; /* -1: no end known */
    bool has_best;
    double best;
    int64_t best_trial;
    int64_t running, pruned, failed;
    double rate;    /* trials a second; ≤ 0: not known */
    int64_t eta_us; /* -1: not known */
} HptProgress;

/* One line without line end, at most width columns (0: no limit); parts that do not fit are left
 * out whole: the bar, the rate, pruned when 0, running; then the line is cut. Owned. */
char *hpt_progress_line(const HptProgress *progress, size_t width, bool utf8);

#define HPT_ETA_KEPT 64 /* recent durations that count */
#define HPT_ETA_MIN 5   /* durations before there is an estimate */

typedef struct {
    int64_t durations_us[HPT_ETA_KEPT];
    size_t n; /* ever added */
} HptEta;

void hpt_eta_add(HptEta *eta, int64_t duration_us);
/* Median of the recent durations × remaining / workers, or -1 before HPT_ETA_MIN. */
int64_t hpt_eta_left_us(const HptEta *eta, int64_t remaining, int64_t workers);

#endif
