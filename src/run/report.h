/* The reading end of $HPT_REPORT: a FIFO in the trial's directory, JSON lines in it.
 *
 *   {"metrics":{"loss":0.25,"acc":0.9},"step":10}      step optional, a whole number
 *   {"fail":"reason"}                                  the trial has failed
 *   {"reply":"NAME"}, also beside metrics              somebody waits for an answer, see reply.h
 * Numbers may be NaN, Infinity and -Infinity as Python writes them; true and false are 1 and 0;
 * objects in metrics are flattened with ".". Anything else is a bad line: counted, the first few
 * kept escaped, never fatal.
 */
#ifndef HPT_RUN_REPORT_H
#define HPT_RUN_REPORT_H

#include "run/reply.h"
#include "run/scan.h"

#define HPT_REPORT_LINE_MAX 65536
#define HPT_REPORT_EVENTS_MAX 8

typedef struct HptReport HptReport;

typedef struct {
    int64_t lines;      /* good ones */
    int64_t bad_lines;  /* not understood, or longer than 64 KiB */
    int64_t bytes;      /* read in all */
    int64_t cut_bytes;  /* of a last line without newline, discarded */
    int64_t late_bytes; /* written after the end, discarded */
    char **events; /* "line 3: reason: TEXT" of the first bad ones, NULL-terminated, printable */
} HptReported;

/* Makes the FIFO (mode 0600) and opens it; a name in the way is an error. The file goes with free
 * or end. Fails HPT_ERROR_IO. */
HptReport *hpt_report_open(const char *path, HptScan *scan, GError **error) HPT_WARN_UNUSED;
/* The same without a FIFO, fed by hand; for tests. */
HptReport *hpt_report_new(HptScan *scan);
void hpt_report_free(HptReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptReport, hpt_report_free)

/* Where those who wait for an answer are entered; borrowed, may be NULL: they are passed over. */
void hpt_report_set_replies(HptReport *report, HptReplies *replies);

int hpt_report_get_fd(const HptReport *report);
/* Reads what is there, a bounded amount, so that a flood holds up its writer and nobody else. */
void hpt_report_read(HptReport *report);
void hpt_report_add(HptReport *report, const char *data, size_t length);

/* The main process has ended: reads what it had written. What comes from now on is late. */
void hpt_report_close(HptReport *report);
/* Counts what came late, removes the FIFO. The result belongs to report. */
const HptReported *hpt_report_end(HptReport *report);

#endif
