#include "study/rerun.h"

#include "base/path.h"
#include "base/text.h"
#include "record/secret.h"
#include "run/workdir.h"
#include "store/stream.h"
#include "study/halt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- memory ---- */

static void clear_metric(void *data)
{
    HptRecordedMetric *metric = data;
    g_free(metric->name);
    g_free(metric->rule);
}

static void clear_output(void *data)
{
    HptRerunOutput *output = data;
    g_free(output->kind);
    g_free(output->path);
    g_free(output->text);
    g_free(output->file);
    g_free(output->target);
}

void hpt_rerun_free(HptRerun *rerun)
{
    if (rerun == NULL)
        return;
    g_free(rerun->outcome);
    g_free(rerun->cause);
    g_strfreev(rerun->argv);
    g_clear_pointer(&rerun->metrics, g_array_unref);
    g_clear_pointer(&rerun->outputs, g_array_unref);
    g_clear_pointer(&rerun->reads, g_ptr_array_unref);
    g_clear_pointer(&rerun->index, g_hash_table_unref);
    g_free(rerun);
}

static HptRerun *rerun_new(void)
{
    HptRerun *rerun = g_new0(HptRerun, 1);
    rerun->metrics = g_array_new(false, false, sizeof(HptRecordedMetric));
    g_array_set_clear_func(rerun->metrics, clear_metric);
    rerun->outputs = g_array_new(false, false, sizeof(HptRerunOutput));
    g_array_set_clear_func(rerun->outputs, clear_output);
    rerun->index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return rerun;
}

static void add_output(HptRerun *rerun, const HptRerunOutput *steal)
{
    g_hash_table_insert(rerun->index, g_strdup_printf("%s %s", steal->kind, steal->path),
                        GUINT_TO_POINTER(rerun->outputs->len));
    g_array_append_vals(rerun->outputs, steal, 1);
}

const HptRerunOutput *hpt_rerun_find(const HptRerun *rerun, const char *kind, const char *path)
{
    gpointer at = NULL;
    g_autofree char *key = g_strdup_printf("%s %s", kind, path);
    return g_hash_table_lookup_extended(rerun->index, key, NULL, &at)
               ? &g_array_index(rerun->outputs, HptRerunOutput, GPOINTER_TO_UINT(at))
               : NULL;
}

/* ---- the slot ---- */

/* The recorded configuration and evaluation, ready to be started. */
static bool fill_slot(HptSlot *slot, const HptRecorded *recorded, const char *resume,
                      GError **error)
{
    slot->index = recorded->slot;
    slot->number = recorded->trial;
    slot->attempt = recorded->attempt;
    slot->definition = recorded->definition;
    slot->stop_us = INT64_MAX;
    slot->keep = true;
    slot->resume = g_strdup(resume);
    slot->part = (HptPart){
        .given = recorded->part,
        .evaluation = recorded->evaluation,
        .rung = recorded->rung,
        .fold = recorded->fold,
        .repeat = recorded->repeat,
        .budget = recorded->budget,
        .resume_trial = recorded->resume_trial,
        .resume_attempt = recorded->resume_attempt,
        .parent = -1,
    };
    if (!hpt_slot_propose(slot, NULL, NULL, NULL, recorded->config, strlen(recorded->config), error))
        return false;
    slot->seed = recorded->seed;
    if (recorded->part)
        slot->part.seed = recorded->part_seed;
    return true;
}

/* Not the files that are the caller's. */
static void clear_slot(HptSlot *slot)
{
    hpt_slot_dismiss(slot);
    g_clear_pointer(&slot->resume, g_free);
    hpt_slot_clear(slot);
    hpt_slot_release(slot);
}

char **hpt_rerun_words(const HptRecorded *recorded, const char *folder, const char *resume,
                       GError **error)
{
    HptSlot slot = {0};
    HptSlotContext context = {.trials_folder = folder};
    char **words = NULL;
    if (fill_slot(&slot, recorded, resume, error)) {
        slot.directory = hpt_slot_directory(&context, slot.number, slot.attempt);
        words = hpt_slot_expand(&slot, error);
    }
    g_clear_pointer(&slot.directory, g_free);
    clear_slot(&slot);
    return words;
}

/* Does word, with the part between before and after replaced by anything, agree with recorded? */
static bool same_but_folder(const char *word, const char *recorded, const char *folder)
{
    const char *at = strstr(word, folder);
    if (at == NULL)
        return strcmp(word, recorded) == 0;
    /* ".../ID-": what follows is the trial's number and attempt, as it was. */
    const char *rest = strchr(at + strlen(folder) + 1, '-');
    size_t before = (size_t)(at - word);
    if (rest == NULL || strncmp(word, recorded, before) != 0)
        return false;
    size_t length = strlen(rest), there = strlen(recorded);
    return there >= before + length && strcmp(recorded + there - length, rest) == 0;
}

bool hpt_rerun_same_words(const HptRecorded *recorded, char **words, const char *folder)
{
    g_auto(GStrv) clean = hpt_secret_cut_argv((const char *const *)words);
    if (recorded->argv == NULL || recorded->argv->len != g_strv_length(words))
        return false;
    for (guint i = 0; i < recorded->argv->len; i++) {
        size_t length = 0;
        const char *bytes = g_bytes_get_data(recorded->argv->pdata[i], &length);
        g_autofree char *word = g_strndup(bytes, length);
        if (!same_but_folder(words[i], word, folder) && !same_but_folder(clean[i], word, folder))
            return false;
    }
    return true;
}

/* ---- the loop ---- */

static void interrupt(HptRun *run, int level, int *seen, int64_t now_us)
{
    if (level <= *seen)
        return;
    *seen = level;
    hpt_run_stop(run, level >= 3 ? SIGKILL : SIGTERM, now_us);
}

/* Where it was stopped it is told so, as a worker's judge would. */
static void look_after(HptHalt *halt, HptSlot *slot, int64_t now_us)
{
    if (halt != NULL)
        hpt_halt_look(halt, slot, now_us);
    if (slot->pruned == NULL && hpt_run_is_asking(slot->run))
        hpt_run_answer(slot->run, false);
    if (now_us >= slot->stop_us) {
        slot->stop_us = INT64_MAX;
        hpt_run_stop(slot->run, SIGTERM, now_us);
    }
}

static void run_to_end(const HptRerunSpec *spec, HptSlot *slot, HptHalt *halt)
{
    int seen = 0;
    while (!hpt_run_finished(slot->run)) {
        struct pollfd fds[HPT_RUN_FDS];
        size_t n = hpt_run_fds(slot->run, fds);
        int64_t now_us = hpt_time_monotonic_us(), deadline = MIN(hpt_run_deadline(slot->run), slot->stop_us);
        int64_t wait_us = deadline == INT64_MAX ? INT64_C(1000000) : MAX(deadline - now_us, 0);
        wait_us = MIN(wait_us, INT64_C(1000000));
        struct timespec timeout = {wait_us / 1000000, wait_us % 1000000 * 1000};
        if (*spec->interrupts <= seen)
            (void)ppoll(fds, n, &timeout, spec->sigmask);
        now_us = hpt_time_monotonic_us();
        hpt_run_handle(slot->run, now_us);
        interrupt(slot->run, *spec->interrupts, &seen, now_us);
        look_after(halt, slot, now_us);
        if (hpt_points_full(slot->points))
            hpt_args_free(hpt_points_take(slot->points, slot->attempt_id));
    }
}

/* ---- what it left ---- */

/* As hpt.path_text has it. */
static char *path_text(const char *path)
{
    GString *out = g_string_new(NULL);
    bool text = g_utf8_validate(path, -1, NULL);
    for (const char *at = path; *at != '\0'; at++)
        if (*at == '\\')
            g_string_append(out, "\\\\");
        else if (!text && (*at & 0x80) != 0)
            g_string_append_printf(out, "\\%03o", (unsigned char)*at);
        else
            g_string_append_c(out, *at);
    return g_string_free(out, false);
}

/* Without secrets, as the record has it. */
static char *clean_path(const char *path)
{
    g_autofree char *cut = hpt_secret_in_name(path) ? hpt_secret_cut(path) : NULL;
    return path_text(cut != NULL ? cut : path);
}

static bool digest_fd(int fd, HptDigest *out, int64_t *size)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    char buffer[65536];
    int64_t at = 0;
    gssize n;
    while ((n = hpt_stream_read_at(fd, buffer, sizeof buffer, at)) > 0) {
        hpt_digester_add(digester, buffer, (size_t)n);
        at += n;
    }
    if (n < 0)
        return false;
    *out = hpt_digester_get(digester);
    *size = at;
    return true;
}

static char *read_stored(const HptCaptured *captured)
{
    char *text = g_malloc((size_t)captured->stored + 1);
    gssize n = hpt_stream_read_at(captured->fd, text, (size_t)captured->stored, 0);
    memset(text + MAX(n, 0), 0, (size_t)(captured->stored - MAX(n, 0)) + 1);
    return text;
}

static void add_stream(HptRerun *rerun, const char *kind, const HptCaptured *captured)
{
    if (captured == NULL || captured->total == 0)
        return;
    HptRerunOutput output = {
        .kind = g_strdup(kind),
        .path = g_strdup(kind),
        .size = captured->total,
        .digest = captured->digest,
    };
    g_autoptr(GError) ignored = NULL; /* what cannot be masked is compared as it is */
    size_t secrets = 0;
    int64_t size = 0;
    if (captured->data == NULL &&
        !hpt_secret_mask_fd(captured->fd, captured->stored, &secrets, NULL, &ignored))
        g_debug("%s", ignored->message);
    if (captured->stored <= HPT_RERUN_TEXT_MAX) {
        output.length = (size_t)captured->stored;
        output.text = captured->data != NULL ? g_malloc(output.length + 1) : read_stored(captured);
        if (captured->data != NULL) {
            memcpy(output.text, captured->data, output.length);
            output.text[output.length] = '\0';
            hpt_secret_mask(output.text, output.length, NULL);
        }
        output.masked = hpt_digest(output.text, output.length);
    } else if (!digest_fd(captured->fd, &output.masked, &size)) {
        output.masked = captured->digest;
    }
    add_output(rerun, &output);
}

typedef struct {
    HptRerun *rerun;
    const char *directory;
} Walk;

static bool add_entry(const HptEntry *entry, void *user, GError **error G_GNUC_UNUSED)
{
    Walk *walk = user;
    HptRerunOutput output = {
        .kind = g_strdup(entry->kind == HPT_ENTRY_SYMLINK   ? "link"
                         : entry->kind == HPT_ENTRY_SPECIAL ? "special"
                                                            : "file"),
        .path = clean_path(entry->path),
        .size = -1,
    };
    if (entry->kind == HPT_ENTRY_FILE) {
        output.file = g_build_filename(walk->directory, entry->path, NULL);
        if (!digest_fd(entry->fd, &output.digest, &output.size))
            output.size = -1;
    } else if (entry->kind == HPT_ENTRY_SYMLINK) {
        output.target = clean_path(entry->target);
    }
    add_output(walk->rerun, &output);
    return true;
}

static int by_name(const void *a, const void *b)
{
    const HptRecordedMetric *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Of one that was stopped: its curves as far as they went then. */
static void add_metrics(HptRerun *rerun, const HptScanned *scanned, const HptHalt *halt)
{
    for (size_t i = 0; scanned != NULL && i < scanned->n; i++) {
        const HptFound *found = &scanned->found[i];
        if (!found->found || hpt_secret_in_name(found->name))
            continue;
        HptRecordedMetric metric = {
            .name = g_strdup(found->name),
            .rule = g_strdup(hpt_rule_name(found->rule)),
            .value = found->value,
        };
        if (halt != NULL && found->has_step)
            (void)hpt_halt_value(halt, found->name, &metric.value);
        g_array_append_val(rerun->metrics, metric);
    }
    g_array_sort(rerun->metrics, by_name);
}

/* But for those in the trial's own folder. */
static void add_reads(HptRerun *rerun, const HptTrace *trace, const char *own)
{
    if (trace == NULL || trace->refused)
        return;
    rerun->reads = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < trace->n; i++) {
        const char *path = trace->files[i].path;
        if ((trace->files[i].roles & HPT_TRACE_READ) != 0 &&
            !hpt_path_is_below(own, path))
            g_ptr_array_add(rerun->reads, g_strdup(path));
    }
}

static bool collect(HptRerun *rerun, const HptSlot *slot, const HptHalt *halt, GError **error)
{
    const HptRunResult *result = hpt_run_get_result(slot->run);
    rerun->outcome = g_strdup(hpt_slot_verdict(slot, NULL, &rerun->cause));
    rerun->exit_status = result->end->signal == 0 ? result->end->status : -1;
    rerun->signal = result->end->signal;
    rerun->wall_us = result->end->wall_us;
    rerun->user_us = result->end->user_us;
    rerun->system_us = result->end->system_us;
    rerun->maxrss_bytes = result->end->maxrss_bytes;
    rerun->argv = g_strdupv(slot->argv);
    rerun->cut_short = halt != NULL && hpt_halt_by_signal(halt);
    add_metrics(rerun, result->metrics, halt);
    add_reads(rerun, result->trace, slot->directory);
    Walk walk = {rerun, slot->directory};
    HptWorkdirCount counted = {0};
    if (g_file_test(slot->directory, G_FILE_TEST_IS_DIR) &&
        !hpt_workdir_walk(slot->directory, hpt_outcome_own_files, 0, 0, add_entry, &walk, &counted,
                          error))
        return false;
    add_stream(rerun, "stdout", result->out);
    add_stream(rerun, "stderr", result->err);
    return true;
}

HptRerun *hpt_rerun(const HptRerunSpec *spec, GError **error)
{
    HptSlot slot = {0};
    g_autoptr(HptPlan) plan = hpt_plan_new(spec->recorded->definition, error);
    g_autofree char *worker_id = hpt_uuid_new();
    g_autoptr(HptRerun) rerun = rerun_new();
    static const HptTraceSpec trace = {0};
    HptSlotContext context = {
        /* As it was then, and to see what else is read. */
        .trace = spec->recorded->traced ? &trace : NULL,
        .study_name = spec->recorded->study,
        .trials_folder = spec->folder,
        .base_env = spec->env,
        .resources = spec->resources,
        .worker_id = worker_id,
        .plan = plan,
    };
    bool fine = plan != NULL && fill_slot(&slot, spec->recorded, spec->resume, error);
    g_autoptr(HptHalt) halt = hpt_halt_new(spec->recorded);
    slot.on_point = halt == NULL ? NULL : hpt_halt_add;
    slot.user = halt;
    slot.attempt_id = hpt_uuid_new();
    rerun->started_us = hpt_time_now_us();
    if (spec->definition != NULL)
        slot.definition = spec->definition;
    fine = fine && hpt_slot_start(&slot, &context, hpt_time_monotonic_us(), error);
    if (fine) {
        run_to_end(spec, &slot, halt);
        rerun->ended_us = hpt_time_now_us();
        fine = collect(rerun, &slot, halt, error);
    }
    clear_slot(&slot);
    return fine ? g_steal_pointer(&rerun) : NULL;
}
