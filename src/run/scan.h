/* The ladder that finds a trial's metrics, with the rule and the place of every number.
 *
 * For metrics whose source is auto, and for numbers that nobody declared:
 *   a report  what came over $HPT_REPORT
 *   b json    the last non-blank line of stdout as a JSON object; nested names joined by "."
 *   c words   that line as NAME=VALUE words, all of this form
 *   d text    "key: number", "key: number (step N)", "key=number" anywhere in stdout; the last one
 *   e number  that line as a bare number: the first objective whose source is auto
 * A declared metric takes the first rule that has its name. Undeclared numbers are kept as track,
 * those of the first rule that found any (at most 1,000 names, then counted). true and false are 1
 * and 0 in rules a and b; null and strings are not numbers.
 *
 * A line counts up to 64 KiB; the rest of a longer line is passed over in constant memory.
 * Points (numbers with a step) are handed on as they come and are not kept here.
 */
#ifndef HPT_RUN_SCAN_H
#define HPT_RUN_SCAN_H

#include "run/child.h"
#include "run/metric.h"

#define HPT_SCAN_LINE_MAX 65536
#define HPT_SCAN_NAMES_MAX 1000
#define HPT_SCAN_POINTS_MAX 1000000

typedef enum {
    HPT_RULE_NONE,
    HPT_RULE_REPORT, /* a */
    HPT_RULE_JSON,   /* b, and json= */
    HPT_RULE_WORDS,  /* c */
    HPT_RULE_TEXT,   /* d */
    HPT_RULE_NUMBER, /* e */
    HPT_RULE_RE,
    HPT_RULE_FILE,
    HPT_RULE_MEASURED, /* time, cpu, maxrss, exit */
} HptRule;
const char *hpt_rule_name(HptRule rule); /* "report", "json", "words" … */

typedef enum {
    HPT_PLACE_NONE,
    HPT_PLACE_STDOUT,
    HPT_PLACE_STDERR,
    HPT_PLACE_REPORT,
    HPT_PLACE_FILE
} HptPlace;
const char *hpt_place_name(HptPlace place);

/* A number with a step, as it comes. name lives for the call only. A point of rule text can be
 * followed by reports under the same name; reports win, and no text point follows them. */
typedef struct {
    const char *name;
    int64_t step;
    double value; /* may be NaN or infinite */
    HptRule rule;
    int64_t offset;
} HptPoint;
typedef void (*HptPointFunc)(const HptPoint *point, void *user);

/* The final value of one name. */
typedef struct {
    char *name;
    const HptMetric *metric; /* as declared, or NULL */
    bool found;
    double value; /* NaN and infinities as printed */
    bool has_step;
    int64_t step; /* of the value */
    HptRule rule;
    HptPlace place;
    int64_t offset; /* of the number's first byte in the stream, the reports or the file */
    int64_t length; /* bytes of its text */
    int64_t count;  /* numbers seen under this name by this rule */
} HptFound;

typedef struct {
    const HptFound *found; /* the declared ones in their order, then the others by name */
    size_t n;
    /* Why the values cannot count as a result: the first objective or constraint that is missing,
     * not a number or infinite, or the reason given by hpt-report --fail; else NULL. */
    const char *problem;
    int64_t points, points_dropped; /* handed on; beyond HPT_SCAN_POINTS_MAX */
    int64_t names_dropped;          /* undeclared numbers whose name was one too many */
} HptScanned;

typedef struct HptScan HptScan;

/* metrics is borrowed and outlives the scan; on_point may be NULL. */
HptScan *hpt_scan_new(const HptMetrics *metrics, HptPointFunc on_point, void *user);
void hpt_scan_free(HptScan *scan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptScan, hpt_scan_free)

void hpt_scan_stdout(HptScan *scan, const char *data, size_t length);
void hpt_scan_stderr(HptScan *scan, const char *data, size_t length);

/* One number of a report; offset and length of its text in all bytes of the channel. */
void hpt_scan_report(HptScan *scan, const char *name, const int64_t *step, double value,
                     int64_t offset, int64_t length);
/* The trial said that it failed; the first reason counts. */
void hpt_scan_fail(HptScan *scan, const char *reason);
bool hpt_scan_has_failed(const HptScan *scan);

/* The end of everything. output is the whole of stdout if the caller has it in memory, else NULL
 * (for json= over several lines); directory_fd is the trial's directory for file=, or -1. The
 * result belongs to scan. */
const HptScanned *hpt_scan_end(HptScan *scan, const HptEnd *end, const char *output,
                               size_t output_length, int directory_fd);

#endif
