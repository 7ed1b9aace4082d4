/* One JSON line of a trial or a persistent worker, read in two passes: first understood, then its
 * metrics handed on, so that a line that is wrong anywhere leaves nothing behind. Internal to run/.
 */
#ifndef HPT_RUN_REPORTLINE_H
#define HPT_RUN_REPORTLINE_H

#include "run/scan.h"

typedef enum {
    HPT_LINE_REPORT, /* of $HPT_REPORT: an unknown member is an error, a mistake should be seen */
    HPT_LINE_WORKER, /* of a worker: unknown members are passed over, a newer one may know more */
} HptLineKind;

typedef struct {
    bool has_metrics, has_step, has_trial, has_protocol;
    int64_t step, trial, protocol;
    char *fail;         /* "fail", or a worker's "error" */
    char *reply;        /* who waits for an answer */
    char *type, *state; /* a worker's */
    /* What is wrong with a line of a worker that is JSON all the same, so that its type and trial
     * still count: printable, or NULL. */
    char *problem;
} HptReportLine;

/* False: *reason (owned) says what is wrong, printable. line is to be cleared in either case. */
bool hpt_report_line_read(HptReportLine *line, HptLineKind kind, const char *text, size_t length,
                          char **reason) HPT_WARN_UNUSED;
/* Hands the metrics of a line that was read without a problem to scan; offset is the line's. */
void hpt_report_line_metrics(const HptReportLine *line, const char *text, size_t length,
                             int64_t offset, HptScan *scan);
void hpt_report_line_clear(HptReportLine *line);

#endif
