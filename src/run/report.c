#include "run/report.h"

#include "base/text.h"
#include "run/jsonscan.h"
#include "run/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_MAX 65536 /* bytes a call: about a millisecond of parsing */
#define EVENT_TEXT_MAX 200
#define REASON_MAX 2000

struct HptReport {
    HptScan *scan;
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
        hpt_error_set_errno(error, errno, "cannot make the report channel '%s'", path);
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

int hpt_report_get_fd(const HptReport *report)
{
    return report->closed ? -1 : report->fd;
}

/* ---- one line ---- */

typedef struct {
    HptReport *report;
    int64_t offset;
    bool check; /* the first of two passes: nothing is handed on */
    bool has_metrics, has_step, has_fail;
    int64_t step;
    char *fail;
    char *reason;
} Line;

static bool bad(Line *line, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool bad(Line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line->reason = g_strdup_vprintf(format, args);
    va_end(args);
    return false;
}

static bool metric_leaf(Line *line, const HptLeaf *leaf)
{
    static const char prefix[] = "/metrics";
    g_autofree char *name = hpt_json_path_name(leaf->path, prefix);
    if (leaf->kind == HPT_LEAF_OBJECT)
        return true;
    if (leaf->kind != HPT_LEAF_NUMBER && leaf->kind != HPT_LEAF_BOOL) {
        g_autofree char *shown = hpt_text_printable(name, -1);
        return bad(line, "metric '%.100s' is not a number", shown);
    }
    if (!hpt_metric_name_valid(name, strlen(name))) {
        g_autofree char *shown = hpt_text_printable(name, -1);
        return bad(line, "'%.100s' is not a metric's name", shown);
    }
    if (!line->check)
        hpt_scan_report(line->report->scan, name, line->has_step ? &line->step : NULL, leaf->number,
                        line->offset + (int64_t)leaf->offset, (int64_t)leaf->length);
    return true;
}

static bool step_leaf(Line *line, const HptLeaf *leaf)
{
    if (line->has_step)
        return bad(line, "'step' is there twice");
    if (leaf->kind != HPT_LEAF_NUMBER || !(fabs(leaf->number) <= 9007199254740992.0) ||
        leaf->number != floor(leaf->number))
        return bad(line, "'step' is not a whole number");
    line->step = (int64_t)leaf->number;
    line->has_step = true;
    return true;
}

static bool report_leaf(const HptLeaf *leaf, void *user)
{
    Line *line = user;
    if (*leaf->path == '\0')
        return leaf->kind == HPT_LEAF_OBJECT || bad(line, "not a JSON object");
    if (g_str_has_prefix(leaf->path, "/metrics/"))
        return metric_leaf(line, leaf);
    if (!line->check)
        return true;
    if (strcmp(leaf->path, "/metrics") == 0) {
        line->has_metrics = true;
        return leaf->kind == HPT_LEAF_OBJECT || bad(line, "'metrics' is not an object");
    }
    if (strcmp(leaf->path, "/step") == 0)
        return step_leaf(line, leaf);
    if (strcmp(leaf->path, "/fail") == 0 && leaf->kind == HPT_LEAF_STRING) {
        g_free(line->fail);
        line->fail = g_strndup(leaf->string, REASON_MAX);
        line->has_fail = true;
        return true;
    }
    g_autofree char *shown = hpt_text_printable(leaf->path + 1, -1);
    return bad(line, "unknown member '%.100s'", shown);
}

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

static void report_line(const char *text, size_t length, int64_t offset, bool cut, void *user)
{
    HptReport *report = user;
    if (cut) {
        bad_line(report, "longer than 64 KiB", text, length);
        return;
    }
    if (hpt_line_is_blank(text, length) && memchr(text, '\0', length) == NULL)
        return;
    const char *reason = NULL;
    Line line = {.report = report, .offset = offset, .check = true};
    bool ok = hpt_json_scan(text, length, report_leaf, &line, &reason);
    if (ok && !line.has_metrics && !line.has_fail)
        ok = bad(&line, "neither 'metrics' nor 'fail'");
    if (ok) {
        line.check = false;
        report->result.lines++;
        if (line.has_metrics)
            ok = hpt_json_scan(text, length, report_leaf, &line, &reason);
        if (line.has_fail)
            hpt_scan_fail(report->scan, line.fail);
    } else {
        bad_line(report, line.reason != NULL ? line.reason : reason, text, length);
    }
    g_free(line.fail);
    g_free(line.reason);
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
