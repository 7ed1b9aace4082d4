#include "run/talk.h"

#include "base/text.h"

#include <string.h>

void hpt_talk_init(HptTalk *talk)
{
    *talk = (HptTalk){.unsent = g_string_new(NULL), .lines = {.max = HPT_TALK_LINE_MAX}};
}

void hpt_talk_clear(HptTalk *talk)
{
    g_string_free(talk->unsent, true);
    hpt_lines_clear(&talk->lines);
    g_free(talk->failure);
}

void hpt_talk_restart(HptTalk *talk)
{
    g_string_truncate(talk->unsent, 0);
    hpt_lines_clear(&talk->lines);
    talk->lines = (HptLines){.max = HPT_TALK_LINE_MAX};
    talk->ready = talk->handed = talk->over = talk->pruned = false;
    talk->base = talk->pending = 0;
}

void hpt_talk_about(HptTalk *talk, int64_t trial, HptScan *scan, HptReport *report,
                    HptReplies *replies)
{
    talk->trial = trial;
    talk->scan = scan;
    talk->report = report;
    talk->replies = replies;
    talk->base = talk->lines.total;
    talk->handed = talk->over = talk->pruned = false;
    talk->pending = 0;
    g_clear_pointer(&talk->failure, g_free);
}

/* ---- speaking ---- */

void hpt_talk_say(HptTalk *talk, const char *line)
{
    g_string_append(talk->unsent, line);
    g_string_append_c(talk->unsent, '\n');
}

void hpt_talk_hand_over(HptTalk *talk, const char *line)
{
    hpt_talk_say(talk, line);
    talk->handed = true;
}

static void say_go(HptTalk *talk, int64_t trial, bool stop)
{
    g_string_append_printf(talk->unsent,
                           "{\"continue\":%s,\"trial\":%" PRId64 ",\"type\":\"go\"}\n",
                           stop ? "false" : "true", trial);
}

void hpt_talk_answer(HptTalk *talk, bool stop)
{
    for (; talk->pending > 0; talk->pending--)
        say_go(talk, talk->trial, stop);
}

/* ---- listening ---- */

static void answer_report(HptTalk *talk, bool has_step)
{
    bool stop = false, wait = hpt_replies_must_wait(talk->replies, &stop);
    if (wait && (has_step || talk->pending > 0))
        talk->pending++;
    else
        say_go(talk, talk->trial, stop);
}

static char *on_report(HptTalk *talk, const HptReportLine *line, const char *text,
                       size_t length, int64_t offset)
{
    char *reason = NULL;
    if (line->problem != NULL)
        reason = g_strdup(line->problem);
    else if (!line->has_metrics)
        reason = g_strdup("no 'metrics'");
    else
        hpt_report_line_metrics(line, text, length, offset, talk->scan);
    answer_report(talk, line->has_step && reason == NULL);
    return reason;
}

/* Whatever else is wrong with the line, the trial is over by it. */
static void on_done(HptTalk *talk, const HptReportLine *line, const char *text, size_t length,
                    int64_t offset)
{
    HptScan *scan = talk->scan;
    talk->over = true;
    if (line->problem != NULL) {
        g_autofree char *reason = g_strdup_printf("the worker's 'done': %s", line->problem);
        hpt_scan_fail(scan, reason);
        return;
    }
    hpt_report_line_metrics(line, text, length, offset, scan);
    if (g_strcmp0(line->state, "failed") == 0) {
        hpt_scan_fail(scan, line->fail != NULL ? line->fail : "the worker said failed, not why");
    } else if (g_strcmp0(line->state, "pruned") == 0) {
        talk->pruned = true;
    } else if (line->state != NULL && strcmp(line->state, "complete") != 0) {
        g_autofree char *shown = hpt_text_printable(line->state, -1);
        g_autofree char *reason = g_strdup_printf("the worker's 'done': unknown state '%.100s'; it is "
                                                  "complete, pruned or failed", shown);
        hpt_scan_fail(scan, reason);
    }
}

static char *on_ready(HptTalk *talk, const HptReportLine *line)
{
    if (talk->ready)
        return g_strdup("'ready' twice");
    if (line->has_protocol && line->protocol != 1) {
        g_free(talk->failure);
        talk->failure = g_strdup_printf("the worker speaks protocol %" PRId64 "; this is 1",
                                        line->protocol);
        return NULL;
    }
    talk->ready = true;
    return NULL;
}

/* What is wrong with a line, owned, or NULL. */
static char *on_message(HptTalk *talk, const HptReportLine *line, const char *text,
                        size_t length, int64_t offset)
{
    bool report = g_strcmp0(line->type, "report") == 0, done = g_strcmp0(line->type, "done") == 0;
    if (line->type == NULL)
        return g_strdup("no 'type'");
    if (strcmp(line->type, "ready") == 0)
        return on_ready(talk, line);
    if (!report && !done) {
        g_autofree char *shown = hpt_text_printable(line->type, -1);
        return g_strdup_printf("unknown type '%.100s'", shown);
    }
    if (!talk->handed)
        return g_strdup(talk->ready ? "before the trial" : "before 'ready'");
    if (line->has_trial && line->trial != talk->trial) {
        if (report)
            say_go(talk, line->trial, true); /* it waits: nobody wants to know more of that one */
        return g_strdup_printf("about trial %" PRId64 ", not %" PRId64, line->trial,
                               talk->trial);
    }
    if (talk->over)
        return g_strdup("after 'done'");
    if (report)
        return on_report(talk, line, text, length, offset);
    on_done(talk, line, text, length, offset);
    return NULL;
}

/* A line that cannot be read, but was a message: who sent it waits for us, or has nothing more to say. */
static void on_unread(HptTalk *talk, const char *text, size_t length, char *reason)
{
    if (!talk->handed || talk->over)
        return;
    HptReportLine line = {.problem = reason};
    if (memmem(text, length, "\"done\"", 6) != NULL)
        on_done(talk, &line, text, length, 0);
    else if (memmem(text, length, "\"report\"", 8) != NULL)
        answer_report(talk, false);
}

static void on_line(const char *text, size_t length, int64_t offset, bool cut, void *user)
{
    HptTalk *talk = user;
    if (hpt_line_is_blank(text, length) && !cut && memchr(text, '\0', length) == NULL)
        return;
    g_autofree char *reason = NULL;
    HptReportLine line = {0};
    if (cut)
        reason = g_strdup("longer than 1 MiB");
    if (!cut && hpt_report_line_read(&line, HPT_LINE_WORKER, text, length, &reason))
        reason = on_message(talk, &line, text, length, offset - talk->base);
    else
        on_unread(talk, text, length, reason);
    hpt_report_line_clear(&line);
    hpt_report_count(talk->report, reason, text, length);
}

/* Who does not read, or reports without waiting for answers, is not listened to for a while. */
bool hpt_talk_listens(const HptTalk *talk)
{
    return talk->unsent->len < HPT_TALK_UNSENT_MAX && talk->pending < HPT_REPLIES_MAX;
}

void hpt_talk_hear(HptTalk *talk, const char *data, size_t length)
{
    hpt_report_add_bytes(talk->report, (int64_t)length);
    hpt_lines_add(&talk->lines, data, length, false, on_line, talk);
}
