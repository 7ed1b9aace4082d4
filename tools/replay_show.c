#include "tools/replay_show.h"

#include <stdio.h>
#include <string.h>

struct ReplayShow {
    ReplayShowOptions options;
    HptWriter *writer; /* NULL: none is begun */
    bool any;          /* a table has been printed */
};

static const HptColumn columns[] = {
    {.name = "evaluation", .type = HPT_COLUMN_INT, .keep = true},
    {.name = "part", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "what", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "verdict", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "then", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "now", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "note", .type = HPT_COLUMN_TEXT, .keep = true},
};

ReplayShow *replay_show_new(const ReplayShowOptions *options)
{
    ReplayShow *show = g_new0(ReplayShow, 1);
    show->options = *options;
    return show;
}

void replay_show_free(ReplayShow *show)
{
    if (show == NULL)
        return;
    hpt_writer_free(show->writer);
    g_free(show);
}

static bool add(ReplayShow *show, const HptRecorded *recorded, const char *part, const char *what,
                const char *verdict, const char *then, const char *now, const char *note,
                GError **error)
{
    size_t skip = show->options.parts ? 0 : 1;
    g_autofree char *evaluation = g_strdup_printf("%d", recorded->evaluation);
    const char *values[] = {evaluation, part, what, verdict, then, now, note};
    if (show->writer == NULL)
        show->writer = hpt_writer_new(&show->options.format, columns + skip,
                                      G_N_ELEMENTS(columns) - skip, hpt_sink_file, stdout);
    return hpt_writer_add(show->writer, values + skip, error);
}

static bool end(ReplayShow *show, GError **error)
{
    bool fine = hpt_writer_end(show->writer, NULL, error);
    g_clear_pointer(&show->writer, hpt_writer_free);
    show->any = true;
    return fine && fflush(stdout) == 0;
}

/* People see the checks before anything runs. */
static bool end_table(ReplayShow *show, GError **error)
{
    if (show->options.format.format != HPT_FORMAT_TABLE || show->writer == NULL)
        return true;
    return end(show, error);
}

static char *joined(const char *what, const char *item)
{
    return item == NULL || *item == '\0' || strcmp(what, item) == 0
               ? g_strdup(what)
               : g_strdup_printf("%s %s", what, item);
}

bool replay_show_checks(ReplayShow *show, const HptRecorded *recorded,
                        const HptPreflight *preflight, GError **error)
{
    for (guint i = 0; i < preflight->checks->len; i++) {
        const HptCheck *check = &g_array_index(preflight->checks, HptCheck, i);
        g_autofree char *what = joined(check->what, check->item);
        /* That variables without a recorded value are as they are here is so nearly always. */
        bool usual = check->state == HPT_CHECK_SAME ||
                     (check->state == HPT_CHECK_UNKNOWN && strcmp(check->what, "variables") == 0);
        if (usual && !show->options.verbose)
            continue;
        if (!add(show, recorded, "check", what, hpt_check_name(check->state), check->then,
                 check->now, check->note, error))
            return false;
    }
    return end_table(show, error);
}

bool replay_show_results(ReplayShow *show, const HptRecorded *recorded,
                         const HptVerdicts *verdicts, const GPtrArray *causes, GError **error)
{
    for (guint i = 0; i < verdicts->findings->len; i++) {
        const HptFinding *finding = &g_array_index(verdicts->findings, HptFinding, i);
        g_autofree char *what = joined(finding->kind, finding->name);
        if (!add(show, recorded, "result", what, hpt_replay_verdict_name(finding->verdict), finding->then,
                 finding->now, finding->note, error))
            return false;
    }
    for (guint i = 0; i < causes->len; i++) {
        const HptCause *cause = causes->pdata[i];
        g_autofree char *what = joined(cause->kind, cause->name);
        if (!add(show, recorded, "cause", what, "differs", cause->then, cause->now,
                 hpt_cause_name(cause->cause), error))
            return false;
    }
    return end_table(show, error);
}

bool replay_show_end(ReplayShow *show, GError **error)
{
    if (show->writer == NULL && show->any)
        return true;
    size_t skip = show->options.parts ? 0 : 1;
    if (show->writer == NULL)
        show->writer = hpt_writer_new(&show->options.format, columns + skip,
                                      G_N_ELEMENTS(columns) - skip, hpt_sink_file, stdout);
    return end(show, error);
}
