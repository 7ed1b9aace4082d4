/* What scan.c gathers and scanend.c decides upon. Internal to run/. */
#ifndef HPT_RUN_SCANSTATE_H
#define HPT_RUN_SCANSTATE_H

#include "run/lines.h"
#include "run/scan.h"

/* The numbers seen under one name by one rule. */
typedef struct {
    int64_t count;
    double value; /* by the metric's aggregate; the last for all other rules */
    double sum;   /* for the mean */
    bool has_step;
    int64_t step, offset, length;
} HptCandidate;

typedef struct {
    char *name;
    const HptMetric *metric; /* or NULL */
    HptCandidate report, text, line;
    HptCandidate re_out, re_err;
} HptScanEntry;

struct HptScan {
    const HptMetrics *metrics;
    HptPointFunc on_point;
    void *user;
    GHashTable *entries; /* name → HptScanEntry */
    HptScanEntry **declared;
    HptLines out, err;
    bool regexes;                                /* some metric has a regular expression */
    GString *line;                               /* the one they are tried on */
    int64_t reports;                             /* numbers that came as reports */
    size_t report_names, text_names, line_names; /* undeclared ones so far */
    HptRule line_rule; /* what the last line turned out to be: JSON, WORDS, NUMBER or NONE */
    HptCandidate bare;

    const char *latest; /* last non-blank line of the bytes just fed; not ours */
    size_t latest_length;
    int64_t latest_offset;
    bool latest_cut;
    GString *last; /* a copy of it */
    int64_t last_offset;
    bool last_cut;

    bool long_line; /* of standard output, of which the end was not looked at */

    char *fail_reason;
    HptScanned result;
    char *problem;
    GArray *found; /* of HptFound */
    bool ended;
};

/* The entry of a name; NULL: undeclared and over the limit, which names counts up to. */
HptScanEntry *hpt_scan_entry(HptScan *scan, const char *name, size_t *names);
void hpt_candidate_put(HptCandidate *candidate, double value, const int64_t *step, int64_t offset,
                       int64_t length);

/* Gives the lines without an end to the rules. */
void hpt_scan_finish_lines(HptScan *scan);

#endif
