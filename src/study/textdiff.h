/* Two outputs of one command, compared as what they say and not as bytes.
 *
 * Lines are compared word by word. Words that are numbers are compared as numbers ("0.10" is "1e-1"),
 * runs of blanks count as one, and what cannot be the same twice is masked: the folder of a trial, and
 * the projects' folders, dates and times of day; in streams also durations ("0.02 s", "elapsed: 3.1"),
 * seconds since 1970 and addresses in memory.
 *
 * Bytes with a NUL among the first 8000 are no text, and are only the same or not.
 *
 * Cost: one pass over both; a copy of each line.
 */
#ifndef HPT_STUDY_TEXTDIFF_H
#define HPT_STUDY_TEXTDIFF_H

#include "study/compare.h"

typedef enum {
    HPT_SAME_IDENTICAL, /* the same bytes */
    HPT_SAME_EQUAL,     /* the same numbers and words in other bytes */
    HPT_SAME_WITHIN,    /* numbers that differ by no more than is tolerated */
    HPT_SAME_DIFFERS,
} HptSame;

typedef struct {
    const char *text;
    size_t length;
    const char *project; /* the folder that is masked; NULL: none */
} HptSide;

typedef struct {
    HptSame same;
    int64_t line;     /* DIFFERS: the first, from 1; 0: no text */
    char *then, *now; /* DIFFERS: that line, masked, fit for a terminal; NULL: there is none */
    bool masked;      /* EQUAL, WITHIN: something was masked that differs */
    double distance;  /* EQUAL, WITHIN: the largest of numbers */
} HptTextDiff;

void hpt_text_diff_clear(HptTextDiff *diff);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HptTextDiff, hpt_text_diff_clear)

/* stream: what was printed, not a file. *out must be clear. */
void hpt_text_diff(const HptSide *then, const HptSide *now, bool stream,
                   const HptTolerance *tolerance, HptTextDiff *out);

/* Does a metric of this name measure time or memory, and so differ every time? "seconds", "fit_time",
 * "elapsed.s". */
bool hpt_name_is_measured(const char *name);

#endif
