#include "run/report.h"

#include "base/text.h"
#include "run/lines.h"
#include "run/reportline.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX 65536 /* bytes a call: about a millisecond of parsing */
#define EVENT_TEXT_MAX 200

struct HptReport {
    HptScan *scan;
    HptReplies *replies;
    char *path;
    int fd;
    HptLines lines;
    GPtrArray *events;
    HptReported result;
    bool closed, ended;
};

HptReport *hpt_report_new(HptScan *scan)
{
    HptReport *report = g_new0(HptReport, 1);
    report->scan = scan;
    report->fd = -1;
    report->events = g_ptr_array_new_with_free_func(g_free);
    return report;
}

HptReport *hpt_report_open(const char *path, HptScan *scan, GError **error)
{
    g_autoptr(HptReport) report = hpt_report_new(scan);
    if (mkfifo(path, 0600) != 0) {
        int errnum = errno; /* FUSE and its like say one thing or another */
        if (errnum == EPERM || errnum == EIO || errnum == ENOSYS || errnum == EOPNOTSUPP)
            g_set_error(error, HPT_ERROR, HPT_ERROR_IO,
                        "cannot make the report channel '%s': %s\n"
                        "hint: its file system has no FIFOs: keep .hpt on a disk, and only .hpt/objects there",
                        path, g_strerror(errnum));
        else
            hpt_error_set_errno(error, errnum, "cannot make the report channel '%s'", path);
        return NULL;
    }
    report->path = g_strdup(path);
    /* Open for writing too: writers never wait for a reader, and there is no end of file when the
     * last of them goes. */
    report->fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (report->fd < 0) {
        hpt_error_set_errno(error, errno, "cannot open the report channel '%s'", path);
        return NULL;
    }
    return g_steal_pointer(&report);
}

static void shut(HptReport *report)
{
    if (report->fd >= 0)
        close(report->fd);
    report->fd = -1;
    if (report->path != NULL)
        unlink(report->path);
    g_clear_pointer(&report->path, g_free);
}

void hpt_report_free(HptReport *report)
{
    if (report == NULL)
        return;
    shut(report);
    hpt_lines_clear(&report->lines);
    g_ptr_array_free(report->events, TRUE);
    g_free(report);
}

void hpt_report_set_replies(HptReport *report, HptReplies *replies)
{
    report->replies = replies;
}

int hpt_report_get_fd(const HptReport *report)
{
    return report->closed ? -1 : report->fd;
}

/* ---- one line ---- */

static void bad_line(HptReport *report, const char *reason, const char *text, size_t length)
{
    int64_t number = report->result.lines + report->result.bad_lines + 1;
    report->result.bad_lines++;
    if (report->events->len >= HPT_REPORT_EVENTS_MAX)
        return;
    g_autofree char *shown = hpt_text_printable(text, (gssize)MIN(length, EVENT_TEXT_MAX));
    g_ptr_array_add(report->events,
                    g_strdup_printf("line %" G_GINT64_FORMAT ": %s: %s%s", number, reason, shown,
                                    length > EVENT_TEXT_MAX ? "…" : ""));
}

void hpt_report_count(HptReport *report, const char *reason, const char *text, size_t length)
{
    if (reason == NULL)
        report->result.lines++;
    else
        bad_line(report, reason, text, length);
}

void hpt_report_add_bytes(HptReport *report, int64_t bytes)
{
    report->result.bytes += bytes;
}

static void report_line(const char *text, size_t length, int64_t offset, bool cut, void *user)
{
    HptReport *report = user;
    if (cut) {
        bad_line(report, "longer than 64 KiB", text, length);
        return;
    }
    if (hpt_line_is_blank(text, length) && memchr(text, '\0', length) == NULL)
        return;
    HptReportLine line;
    g_autofree char *reason = NULL;
    bool ok = hpt_report_line_read(&line, HPT_LINE_REPORT, text, length, &reason);
    if (ok && !line.has_metrics && line.fail == NULL && line.reply == NULL)
        reason = g_strdup("neither 'metrics' nor 'fail'");
    else if (ok && line.reply != NULL && !hpt_reply_name_valid(line.reply))
        reason = g_strdup("'reply' is not the name of a reply channel");
    hpt_report_count(report, reason, text, length);
    if (reason == NULL) {
        hpt_report_line_metrics(&line, text, length, offset, report->scan);
        if (line.fail != NULL)
            hpt_scan_fail(report->scan, line.fail);
        if (line.reply != NULL && report->replies != NULL)
            hpt_replies_add(report->replies, line.reply);
    }
    hpt_report_line_clear(&line);
}

void hpt_report_add(HptReport *report, const char *data, size_t length)
{
    report->result.bytes += (int64_t)length;
    hpt_lines_add(&report->lines, data, length, false, report_line, report);
}

/* ---- the channel ---- */

/* Reads up to limit bytes; late ones are only counted. */
static void drain(HptReport *report, int64_t limit, bool late)
{
    char buffer[16384];
    while (report->fd >= 0 && limit > 0) {
        ssize_t n = read(report->fd, buffer, MIN(sizeof buffer, (size_t)limit));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        limit -= n;
        if (late)
            report->result.late_bytes += n;
        else
            hpt_report_add(report, buffer, (size_t)n);
    }
}

void hpt_report_read(HptReport *report)
{
    if (!report->closed)
        drain(report, READ_MAX, false);
}

void hpt_report_close(HptReport *report)
{
    if (report->closed)
        return;
    int waiting = 0;
    if (report->fd >= 0 && ioctl(report->fd, FIONREAD, &waiting) == 0)
        drain(report, waiting, false);
    report->closed = true;
}

const HptReported *hpt_report_end(HptReport *report)
{
    HptReported *result = &report->result;
    if (report->ended)
        return result;
    report->ended = true;
    hpt_report_close(report);
    drain(report, 1 << 20, true);
    shut(report);
    if (report->lines.partial != NULL && report->lines.partial->len > 0)
        result->cut_bytes = report->lines.total - report->lines.offset;
    g_ptr_array_add(report->events, NULL);
    result->events = (char **)report->events->pdata;
    return result;
}
