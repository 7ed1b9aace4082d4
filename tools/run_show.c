#include "tools/run_show.h"

#include "base/number.h"
#include "base/text.h"
#include "show/progress.h"
#include "show/table.h"
#include "show/terminal.h"
#include "tools/tool.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define REFRESH_US INT64_C(1000000) /* between looks at what other workers did */

struct RunShow {
    RunShowOptions options;
    HptTerminal terminal; /* of stderr */
    HptWriter *writer;
    HptProgress state;
    HptEta eta;
    int64_t begin_us, refresh_us;
    int64_t done_at_begin;
    HptDb *db; /* a connection of its own, so that the worker's pipeline is left alone */
    bool line_shown;
    int seen_interrupts, seen_requests;
    GError *error; /* the first failure of stdout */
    bool reader_left;
};

static void clear_line(RunShow *show)
{
    if (show->line_shown)
        fputs("\r\033[K", stderr);
    show->line_shown = false;
}

/* ---- records on stdout ---- */

static HptWriter *make_writer(const RunShow *show)
{
    const HptDefinition *definition = show->options.study->definition;
    g_autoptr(GArray) columns = g_array_new(false, false, sizeof(HptColumn));
    HptColumn trial = {.name = "trial", .type = HPT_COLUMN_INT};
    HptColumn state = {.name = "state", .type = HPT_COLUMN_TEXT};
    g_array_append_val(columns, trial);
    g_array_append_val(columns, state);
    for (size_t i = 0; i < hpt_metrics_size(definition->metrics); i++) {
        HptColumn metric = {.name = hpt_metrics_get(definition->metrics, i)->name,
                            .type = HPT_COLUMN_REAL};
        g_array_append_val(columns, metric);
    }
    for (char **name = definition->positions; *name != NULL; name++) {
        HptColumn param = {.name = *name, .type = HPT_COLUMN_TEXT};
        const HptParam *p =
            hpt_space_get(definition->space, hpt_space_find(definition->space, *name));
        if (p->type == HPT_PARAM_REAL || (p->type == HPT_PARAM_ORD && p->numbers != NULL))
            param.type = HPT_COLUMN_REAL;
        else if (p->type == HPT_PARAM_INT)
            param.type = HPT_COLUMN_INT;
        g_array_append_val(columns, param);
    }
    return hpt_writer_new(&show->options.format, (const HptColumn *)columns->data, columns->len,
                          hpt_sink_file, stdout);
}

static char *metric_text(const HptSlot *slot, size_t i)
{
    const HptRunResult *result = slot->run == NULL ? NULL : hpt_run_get_result(slot->run);
    if (result == NULL || result->metrics == NULL || i >= result->metrics->n ||
        !result->metrics->found[i].found)
        return NULL;
    char text[HPT_NUMBER_TEXT_SIZE];
    return g_strdup(hpt_number_text(result->metrics->found[i].value, text));
}

/* The scan gives the declared metrics first, in their order. */
static void print_record(RunShow *show, const HptWorkerEvent *event)
{
    const HptSlot *slot = event->slot;
    const HptDefinition *definition = show->options.study->definition;
    g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(values, g_strdup_printf("%" PRId64, slot->number));
    g_ptr_array_add(values, g_strdup(event->outcome));
    for (size_t i = 0; i < hpt_metrics_size(definition->metrics); i++)
        g_ptr_array_add(values, metric_text(slot, i));
    for (char **name = definition->positions; *name != NULL; name++) {
        size_t i = hpt_space_find(slot->definition->space, *name);
        bool active = i != SIZE_MAX && slot->config != NULL && slot->config->values[i].active;
        g_ptr_array_add(values,
                        active ? hpt_param_value_text(hpt_space_get(slot->definition->space, i),
                                                      slot->config->values[i])
                               : NULL);
    }
    if (show->error != NULL || show->reader_left)
        return;
    errno = 0;
    bool written = hpt_writer_add(show->writer, (const char *const *)values->pdata, &show->error) &&
                   fflush(stdout) == 0;
    if (written)
        return;
    show->reader_left = errno == EPIPE;
    if (show->reader_left)
        g_clear_error(&show->error);
    else if (show->error == NULL)
        hpt_error_set_errno(&show->error, errno, "standard output");
    raise(SIGTERM); /* nobody can see the records: end in good order */
}

/* ---- lines on stderr ---- */

static void print_plain(RunShow *show, const HptWorkerEvent *event)
{
    const HptMetrics *metrics = show->options.study->definition->metrics;
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_append_printf(line, "trial %" PRId64 ": %s", event->slot->number, event->outcome);
    if (strcmp(event->outcome, "complete") != 0)
        g_string_append_printf(line, " (%s)", event->cause);
    if (event->requeued)
        g_string_append(line, ", to be run again");
    for (size_t i = 0; i < hpt_metrics_size(metrics); i++) {
        g_autofree char *value = metric_text(event->slot, i);
        if (value != NULL)
            g_string_append_printf(line, "  %s=%s", hpt_metrics_get(metrics, i)->name, value);
    }
    g_autofree char *span = hpt_duration_text(event->duration_us);
    g_string_append_printf(line, "  %s", span);
    g_autofree char *printable = hpt_text_printable(line->str, -1);
    fprintf(stderr, "%s\n", printable);
}

static void take_counts(RunShow *show, HptDb *db)
{
    HptStudyCounts counts;
    int64_t best = -1;
    double value = 0;
    g_autoptr(GError) ignored = NULL; /* the line shows what it last knew */
    if (!hpt_study_counts(db, show->options.study->name, &counts, &ignored) ||
        !hpt_study_best(db, show->options.study, &best, &value, &ignored))
        return;
    show->state.done = counts.complete + counts.pruned + counts.failed + counts.lost;
    show->state.running = counts.running;
    show->state.pruned = counts.pruned;
    show->state.failed = counts.failed;
    show->state.has_best = best >= 0;
    show->state.best_trial = best;
    show->state.best = value;
}

static void refresh(RunShow *show)
{
    int64_t now_us = hpt_time_monotonic_us();
    if (now_us < show->refresh_us)
        return;
    show->refresh_us = now_us + REFRESH_US;
    g_autoptr(GError) ignored = NULL;
    if (show->db == NULL || !hpt_db_alive(show->db)) {
        g_clear_pointer(&show->db, hpt_db_close);
        show->db = hpt_project_connect(show->options.project, &ignored);
    }
    if (show->db != NULL)
        take_counts(show, show->db);
}

static char *progress_text(RunShow *show, size_t width)
{
    int64_t elapsed_us = hpt_time_monotonic_us() - show->begin_us;
    int64_t done = show->state.done - show->done_at_begin;
    show->state.rate = elapsed_us > 0 && done > 0 ? (double)done * 1e6 / (double)elapsed_us : 0;
    show->state.eta_us =
        show->state.total < 0
            ? -1
            : hpt_eta_left_us(&show->eta, show->state.total - show->state.done,
                              MAX(show->options.jobs, show->state.running));
    return hpt_progress_line(&show->state, width, show->terminal.utf8);
}

static void draw(RunShow *show, bool on_demand)
{
    if (!on_demand && show->options.progress != RUN_PROGRESS_BAR)
        return;
    refresh(show);
    g_autofree char *line = progress_text(show, show->terminal.tty ? show->terminal.width : 0);
    if (show->options.progress == RUN_PROGRESS_BAR) {
        fprintf(stderr, "\r%s\033[K", line);
        show->line_shown = true;
    } else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
}

static void announce_interrupts(RunShow *show, int running)
{
    int level = show->options.interrupts == NULL ? 0 : (int)*show->options.interrupts;
    if (level <= show->seen_interrupts)
        return;
    show->seen_interrupts = level;
    if (running == 0)
        return;
    clear_line(show);
    if (level == 1)
        hpt_tool_note("no new trials; waiting for %d running (again: TERM, a third time: KILL; they "
                      "go back to the queue)",
                      running);
    else
        hpt_tool_note("%s sent to %d running trials", level == 2 ? "TERM" : "KILL", running);
}

void run_show_event(const HptWorkerEvent *event, void *user)
{
    RunShow *show = user;
    if (event->kind == HPT_WORKER_NOTE) {
        clear_line(show);
        hpt_tool_note("%s", event->text);
    } else if (event->kind == HPT_WORKER_ENDED) {
        hpt_eta_add(&show->eta, event->duration_us);
        if (show->options.print_all)
            print_record(show, event);
        if (show->options.progress == RUN_PROGRESS_PLAIN)
            print_plain(show, event);
        return;
    }
    announce_interrupts(show, event->running);
    int requests = show->options.requested == NULL ? 0 : (int)*show->options.requested;
    bool on_demand = requests != show->seen_requests;
    show->seen_requests = requests;
    draw(show, on_demand);
}

/* ---- beginning and end ---- */

RunShow *run_show_new(const RunShowOptions *options)
{
    RunShow *show = g_new0(RunShow, 1);
    show->options = *options;
    show->terminal = hpt_terminal_look(STDERR_FILENO, (const char *const *)environ, HPT_COLOR_AUTO);
    show->state = (HptProgress){
        .study = options->study->name,
        .total = options->total,
        .eta_us = -1,
    };
    show->begin_us = hpt_time_monotonic_us();
    take_counts(show, hpt_project_get_db(options->project));
    show->done_at_begin = show->state.done;
    if (options->print_all)
        show->writer = make_writer(show);
    return show;
}

/* "svm-train  100/100  best 84.8148 #63  failed 0  0:04" */
static void print_summary(const RunShow *show)
{
    const HptProgress *state = &show->state;
    g_autoptr(GString) line = g_string_new(state->study);
    g_string_append_printf(line, "  %" PRId64, state->done);
    if (state->total >= 0)
        g_string_append_printf(line, "/%" PRId64, state->total);
    if (state->has_best) {
        g_autofree char *best = hpt_number_round(state->best, 6);
        g_string_append_printf(line, "  best %s #%" PRId64, best, state->best_trial);
    }
    if (state->pruned > 0)
        g_string_append_printf(line, "  pruned %" PRId64, state->pruned);
    g_autofree char *span = hpt_duration_text(hpt_time_monotonic_us() - show->begin_us);
    g_string_append_printf(line, "  failed %" PRId64 "  %s", state->failed, span);
    g_autofree char *printable = hpt_text_printable(line->str, -1);
    fprintf(stderr, "%s\n", printable);
}

bool run_show_end(RunShow *show, GError **error)
{
    clear_line(show);
    if (show->writer != NULL && show->error == NULL && !show->reader_left) {
        g_autofree char *left_out = NULL;
        if (hpt_writer_end(show->writer, &left_out, &show->error) && left_out != NULL)
            hpt_tool_note("%s", left_out);
    }
    take_counts(show, hpt_project_get_db(show->options.project));
    if (!show->options.quiet)
        print_summary(show);
    if (show->error != NULL) {
        g_propagate_error(error, g_steal_pointer(&show->error));
        return false;
    }
    return true;
}

bool run_show_reader_left(const RunShow *show)
{
    return show->reader_left;
}

void run_show_free(RunShow *show)
{
    if (show == NULL)
        return;
    g_clear_pointer(&show->writer, hpt_writer_free);
    hpt_db_close(show->db);
    g_clear_error(&show->error);
    g_free(show);
}
