#include "study/slot.h"

#include "base/digest.h"
#include "num/random.h"
#include "record/environment.h"
#include "run/workdir.h"

#include "base/json.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the evaluation ---- */

static int64_t member(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool hpt_part_read(HptPart *out, const char *text, GError **error)
{
    if (text == NULL)
        return true;
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), error);
    if (object == NULL)
        return false;
    *out = (HptPart){
        .given = true,
        .evaluation = (int)member(object, "evaluation", 0),
        .rung = (int)member(object, "rung", 0),
        .fold = (int)member(object, "fold", 0),
        .repeat = (int)member(object, "repeat", 0),
        .budget = json_number_value(json_object_get(object, "budget")),
        .resume_trial = member(object, "resume_trial", -1),
        .resume_attempt = (int)member(object, "resume_attempt", 0),
        .parent = member(object, "parent", -1),
        .parent_config = g_strdup(json_string_value(json_object_get(object, "parent_config"))),
    };
    return true;
}

void hpt_part_clear(HptPart *part)
{
    g_free(part->parent_config);
    *part = (HptPart){0};
}

/* ---- the configuration ---- */

static HptConfig *read_config(const HptSlot *slot, const void *config, size_t length, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(config, length, error);
    HptConfig *read = object == NULL
                          ? NULL
                          : hpt_config_from_json(slot->definition->space, object, false, error);
    if (read == NULL)
        g_prefix_error(error, "trial %" PRId64 ": ", slot->number);
    return read;
}

/* A trial that begins from another one's checkpoint begins near its configuration. */
static bool explore(HptSlot *slot, const HptPlan *plan, GError **error)
{
    g_autoptr(HptConfig) parent =
        read_config(slot, slot->part.parent_config, strlen(slot->part.parent_config), error);
    if (parent == NULL)
        return false;
    slot->config =
        hpt_pbt_explore(plan->pruner, slot->definition->space, parent, slot->number, error);
    slot->origin = g_strdup("pbt");
    slot->reason = g_strdup_printf("explored from trial %" PRId64 ", whose checkpoint it goes on from",
                                   slot->part.parent);
    return slot->config != NULL;
}

bool hpt_slot_propose(HptSlot *slot, HptSampler *sampler, const HptPlan *plan, const void *config,
                      size_t length, GError **error)
{
    if (config != NULL) {
        slot->config = read_config(slot, config, length, error);
        if (slot->config == NULL)
            return false;
    } else if (slot->part.parent_config != NULL && slot->part.parent >= 0) {
        if (!explore(slot, plan, error))
            return false;
    } else {
        HptProposal proposal = {0};
        if (!hpt_sampler_propose(sampler, NULL, slot->number, &proposal, error))
            return false;
        slot->config = g_steal_pointer(&proposal.config);
        slot->origin = g_strdup(proposal.origin);
        slot->reason = g_steal_pointer(&proposal.reason);
        hpt_proposal_clear(&proposal);
    }
    slot->canonical = hpt_config_canonical(slot->definition->space, slot->config);
    slot->seed = hpt_trial_seed(slot->definition->seed, slot->number);
    if (slot->part.given)
        slot->part.seed = hpt_evaluation_seed(slot->definition->seed, slot->number, slot->part.fold,
                                              slot->part.repeat);
    return true;
}

/* ---- the command ---- */

typedef struct {
    const HptSlot *slot;
    char *text; /* of the last value asked for */
} Lookup;

/* The seed that the command gets: of its evaluation, where a trial has several. */
static int64_t run_seed(const HptSlot *slot)
{
    return slot->part.given ? slot->part.seed : slot->seed;
}

static char *budget_text(const HptSlot *slot)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    return g_strdup(hpt_number_text(slot->part.budget, text));
}

static char *split_text(const HptSlot *slot)
{
    return g_strdup_printf("%" PRId64, hpt_split_seed(slot->definition->seed, slot->part.repeat));
}

/* Of a placeholder that only some studies have; NULL: it is another, or there is none now. */
static char *part_text(const HptSlot *slot, const char *name)
{
    if (strcmp(name, "hpt.fold") == 0)
        return g_strdup_printf("%d", slot->part.fold);
    if (strcmp(name, "hpt.repeat") == 0)
        return g_strdup_printf("%d", slot->part.repeat);
    if (strcmp(name, "hpt.split") == 0)
        return split_text(slot);
    if (strcmp(name, "hpt.budget") == 0)
        return budget_text(slot);
    return strcmp(name, "hpt.resume") == 0 ? g_strdup(slot->resume) : NULL;
}

static const char *look_up(const char *name, void *user)
{
    Lookup *lookup = user;
    const HptSlot *slot = lookup->slot;
    g_clear_pointer(&lookup->text, g_free);
    if (strcmp(name, "hpt.trial") == 0)
        lookup->text = g_strdup_printf("%" PRId64, slot->number);
    else if (strcmp(name, "hpt.seed") == 0)
        lookup->text = g_strdup_printf("%" PRId64, run_seed(slot));
    else if (strcmp(name, "hpt.dir") == 0)
        lookup->text = g_strdup(slot->directory);
    else if (strcmp(name, "hpt.params") == 0)
        lookup->text = g_build_filename(slot->directory, HPT_PARAMS_FILE, NULL);
    else if (strcmp(name, "hpt.worker") == 0 || strcmp(name, "hpt.slot") == 0)
        lookup->text = g_strdup_printf("%d", slot->index);
    else if (g_str_has_prefix(name, "hpt."))
        lookup->text = part_text(slot, name);
    else {
        size_t i = hpt_space_find(slot->definition->space, name);
        if (i != SIZE_MAX && slot->config->values[i].active)
            lookup->text = hpt_param_value_text(hpt_space_get(slot->definition->space, i),
                                                slot->config->values[i]);
    }
    return lookup->text;
}

char **hpt_slot_expand(const HptSlot *slot, GError **error)
{
    Lookup lookup = {.slot = slot};
    char **argv = hpt_template_expand(slot->definition->template, look_up, &lookup, error);
    g_free(lookup.text);
    return argv;
}

static void add_part_environment(const HptSlot *slot, GPtrArray *env)
{
    const HptDefinition *definition = slot->definition;
    if (definition->evaluations > 1) {
        g_autofree char *split = split_text(slot);
        g_ptr_array_add(env, g_strdup_printf("HPT_FOLD=%d", slot->part.fold));
        g_ptr_array_add(env, g_strdup_printf("HPT_FOLDS=%d", definition->folds));
        g_ptr_array_add(env, g_strdup_printf("HPT_REPEAT=%d", slot->part.repeat));
        g_ptr_array_add(env, g_strconcat("HPT_SPLIT=", split, NULL));
    }
    if (definition->budget != NULL) {
        g_autofree char *budget = budget_text(slot);
        g_ptr_array_add(env, g_strconcat("HPT_BUDGET=", budget, NULL));
    }
    if (slot->resume != NULL)
        g_ptr_array_add(env, g_strconcat("HPT_RESUME=", slot->resume, NULL));
}

static char **trial_environment(const HptSlot *slot, const HptSlotContext *context)
{
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    g_ptr_array_add(env, g_strdup_printf("HPT_STUDY=%s", context->study_name));
    g_ptr_array_add(env, g_strdup_printf("HPT_TRIAL=%" PRId64, slot->number));
    g_ptr_array_add(env, g_strdup_printf("HPT_SEED=%" PRId64, run_seed(slot)));
    g_ptr_array_add(env, g_strdup_printf("HPT_SLOT=%d", slot->index));
    g_ptr_array_add(env, g_strdup_printf("HPT_PARAMS=%s/%s", slot->directory, HPT_PARAMS_FILE));
    add_part_environment(slot, env);
    const HptSpace *space = slot->definition->space;
    for (size_t i = 0; i < hpt_space_size(space); i++) {
        if (!slot->config->values[i].active)
            continue;
        const HptParam *param = hpt_space_get(space, i);
        g_autofree char *name = hpt_template_env_name(param->name);
        g_autofree char *text = hpt_param_value_text(param, slot->config->values[i]);
        g_ptr_array_add(env, g_strdup_printf("%s=%s", name, text));
    }
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&env), false);
}

/* {"params":{…},"seed":…,"study":"…","trial":…}, and of an evaluation what it is: canonical, like all
 * JSON we write. */
static char *params_text(const HptSlot *slot, const HptSlotContext *context)
{
    const HptDefinition *definition = slot->definition;
    GString *text = g_string_new("{");
    if (definition->budget != NULL) {
        g_autofree char *budget = budget_text(slot);
        g_string_append_printf(text, "\"budget\":%s,", budget);
    }
    if (definition->evaluations > 1)
        g_string_append_printf(text, "\"fold\":%d,\"folds\":%d,", slot->part.fold,
                               definition->folds);
    g_string_append_printf(text, "\"params\":%s", slot->canonical);
    if (definition->evaluations > 1)
        g_string_append_printf(text, ",\"repeat\":%d", slot->part.repeat);
    if (slot->resume != NULL) {
        g_string_append(text, ",\"resume\":");
        hpt_json_append_string(text, slot->resume);
    }
    g_string_append_printf(text, ",\"seed\":%" PRId64, run_seed(slot));
    if (definition->evaluations > 1)
        g_string_append_printf(text, ",\"split\":%" PRId64,
                               hpt_split_seed(definition->seed, slot->part.repeat));
    g_string_append(text, ",\"study\":");
    hpt_json_append_string(text, context->study_name);
    g_string_append_printf(text, ",\"trial\":%" PRId64 "}\n", slot->number);
    return g_string_free(text, false);
}

static bool write_file(const char *path, const char *text, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    bool written = fd >= 0 && write(fd, text, length) == (ssize_t)length;
    int errnum = fd >= 0 && errno == 0 ? EIO : errno;
    if (fd >= 0 && close(fd) != 0 && written) {
        written = false;
        errnum = errno;
    }
    if (!written)
        hpt_error_set_errno(error, errnum, "cannot write '%s'", path);
    return written;
}

char *hpt_slot_directory(const HptSlotContext *context, int64_t number, int attempt)
{
    return g_strdup_printf("%s/%" PRId64 "-%" PRId64 ".%d", context->trials_folder,
                           context->study_id, number, attempt);
}

static bool make_directory(HptSlot *slot, const HptSlotContext *context, const char *params,
                           GError **error)
{
    slot->directory = hpt_slot_directory(context, slot->number, slot->attempt);
    /* What a killed worker of ours left under this name is in the way and worth nothing. */
    if (mkdir(slot->directory, 0700) != 0 &&
        (errno != EEXIST || !hpt_workdir_remove(slot->directory, error) ||
         mkdir(slot->directory, 0700) != 0)) {
        if (error == NULL || *error == NULL)
            hpt_error_set_errno(error, errno, "cannot make '%s'", slot->directory);
        return false;
    }
    g_autofree char *path = g_build_filename(slot->directory, HPT_PARAMS_FILE, NULL);
    return write_file(path, params, error);
}

static void on_point(const HptPoint *point, void *user)
{
    HptSlot *slot = user;
    hpt_points_add(point, slot->points);
    if (slot->watch != NULL)
        hpt_watch_add(slot->watch, point);
}

bool hpt_slot_start(HptSlot *slot, const HptSlotContext *context, int64_t now_us, GError **error)
{
    const HptDefinition *definition = slot->definition;
    g_autofree char *params = params_text(slot, context);
    if (!make_directory(slot, context, params, error))
        return false;
    slot->argv = hpt_slot_expand(slot, error);
    if (slot->argv == NULL)
        return false;
    slot->points = hpt_points_new();
    slot->stop_us = INT64_MAX;
    if (hpt_plan_by_step(context->plan))
        slot->watch = hpt_watch_new(context->plan, slot->number,
                                    slot->part.repeat * definition->folds_run + slot->part.fold);
    g_auto(GStrv) env = trial_environment(slot, context);
    HptRunSpec spec = {
        .argv = (const char *const *)slot->argv,
        .base_env = context->base_env,
        .env = (const char *const *)env,
        .directory = definition->chdir_trial ? slot->directory : NULL,
        .trial_dir = slot->directory,
        .input = definition->stdin_json ? params : NULL,
        .input_length = definition->stdin_json ? strlen(params) : 0,
        .metrics = definition->metrics,
        .timeout_us = definition->timeout_us,
        .grace_us = definition->grace_us,
        .output_cap = definition->output_cap,
        .answers = slot->watch != NULL,
        .on_point = on_point,
        .user = slot,
    };
    slot->started_us = now_us;
    slot->run = hpt_run_start(&spec, error);
    return slot->run != NULL;
}

/* ---- for the record ---- */

static void add_environment(HptArgs *args, const HptSlotContext *context)
{
    hpt_args_bytea(args, context->environment->bytes, HPT_DIGEST_SIZE);
}

/* The words as they were run, credentials in URLs cut. */
static void add_argv(HptArgs *args, char **argv)
{
    size_t n = argv == NULL ? 0 : g_strv_length(argv);
    g_auto(GStrv) clean = g_new0(char *, n + 1);
    g_autofree size_t *lengths = g_new0(size_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        clean[i] = hpt_redact_urls(argv[i]);
        lengths[i] = strlen(clean[i]);
    }
    hpt_args_byteas(args, (const void *const *)clean, lengths, n);
}

static void add_facts(HptArgs *args, const HptSlot *slot, const HptSlotContext *context)
{
    hpt_args_int4(args, slot->version);
    hpt_args_text(args, slot->origin);
    hpt_args_text(args, slot->reason);
    hpt_args_bytea(args, slot->canonical, slot->canonical == NULL ? 0 : strlen(slot->canonical));
    hpt_args_int8(args, slot->seed);
    if (slot->part.given)
        hpt_args_int8(args, slot->part.seed);
    else
        hpt_args_null(args, HPT_TYPE_INT8);
    hpt_args_int4(args, slot->index);
    add_argv(args, slot->argv);
    add_environment(args, context);
}

HptArgs *hpt_slot_start_args(const HptSlot *slot, const HptSlotContext *context)
{
    HptArgs *args = hpt_args_new();
    hpt_args_uuid(args, slot->attempt_id);
    add_facts(args, slot, context);
    return args;
}

/* A signal that a command gives itself by a fault of its own; any other came from outside. */
static bool own_fault(int signal)
{
    switch (signal) {
    case SIGSEGV:
    case SIGABRT:
    case SIGFPE:
    case SIGILL:
    case SIGBUS:
    case SIGSYS:
    case SIGTRAP:
    case SIGPIPE:
    case SIGXFSZ:
    case SIGXCPU:
    case SIGALRM:
        return true;
    default:
        return false;
    }
}

int64_t hpt_slot_deadline(const HptSlot *slot)
{
    int64_t deadline_us = MIN(hpt_run_deadline(slot->run), slot->stop_us);
    return slot->signal_us > 0 ? MIN(deadline_us, slot->signal_us) : deadline_us;
}

bool hpt_slot_was_signalled(const HptSlot *slot)
{
    const HptEnd *end = hpt_run_get_result(slot->run)->end;
    if (end->kind == HPT_END_SIGNALLED)
        return !own_fault(end->signal);
    /* A shell, or a handler that cleans up, says it by its status. */
    return end->kind == HPT_END_EXITED &&
           (end->status == HPT_EXIT_SIGNAL + SIGHUP || end->status == HPT_EXIT_SIGNAL + SIGINT ||
            end->status == HPT_EXIT_SIGNAL + SIGTERM);
}

const char *hpt_slot_verdict(const HptSlot *slot, int interrupts, char **cause)
{
    const HptRunResult *result = slot->run == NULL ? NULL : hpt_run_get_result(slot->run);
    if (result == NULL) {
        *cause = g_strdup("not started");
        return "cancelled";
    }
    if (slot->pruned != NULL) {
        *cause = g_strdup(slot->pruned);
        return "pruned";
    }
    g_autofree char *end = hpt_end_text(result->end);
    if (result->failure == NULL) {
        *cause = g_steal_pointer(&end);
        return "complete";
    }
    *cause = g_utf8_make_valid(result->failure, -1);
    switch (result->end->kind) {
    case HPT_END_STOPPED:
        g_free(*cause);
        *cause = g_strdup("interrupted");
        return "cancelled";
    case HPT_END_SIGNALLED:
        if (own_fault(result->end->signal))
            return "failed";
        /* A scheduler that ends the job signals everybody in it at one moment. */
        return interrupts > 0 ? "cancelled" : "lost";
    case HPT_END_EXITED:
        /* So it had the signal too, and its handler gave a status. */
        return interrupts > 1 ? "cancelled" : "failed";
    case HPT_END_TIMEOUT:
    case HPT_END_START_FAILED:
        break;
    }
    return "failed";
}

HptArgs *hpt_slot_finish_args(const HptSlot *slot, const HptSlotContext *context,
                              const char *outcome, const char *cause, int max_lost,
                              int max_failed, const char *next, int64_t total, int lease_s, char **note)
{
    g_autoptr(HptOutcome) left = hpt_outcome_collect(
        slot->run == NULL ? NULL : hpt_run_get_result(slot->run), slot->points, context->store,
        slot->directory, note);
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, context->study_id);
    hpt_args_uuid(args, context->worker_id);
    hpt_args_uuid(args, slot->attempt_id);
    hpt_args_text(args, outcome);
    hpt_args_int4(args, max_lost);
    hpt_args_int4(args, max_failed);
    hpt_args_text(args, cause);
    hpt_outcome_add_usage(left, args);
    add_facts(args, slot, context);
    hpt_outcome_add_results(left, args);
    hpt_args_uuid(args, next);
    if (total < 0)
        hpt_args_null(args, HPT_TYPE_INT8);
    else
        hpt_args_int8(args, total);
    hpt_args_int4(args, lease_s);
    hpt_plan_add(context->plan, NULL, args);
    return args;
}

char *hpt_slot_decision_text(const HptPruneDecision *decision)
{
    int length = (int)strcspn(decision->rule, ":");
    return g_strdup_printf("%.*s: %s", length, decision->rule, decision->reason);
}

/* Who reports and asks is told and has the grace to end by itself; any other gets TERM. */
void hpt_slot_prune(HptSlot *slot, const HptPruneDecision *decision, int64_t now_us)
{
    slot->pruned = hpt_slot_decision_text(decision);
    bool asking = hpt_run_is_asking(slot->run);
    hpt_run_answer(slot->run, true);
    if (asking)
        slot->stop_us = now_us + slot->definition->grace_us;
    else
        hpt_run_stop(slot->run, SIGTERM, now_us);
}

void hpt_slot_clear(HptSlot *slot)
{
    g_clear_pointer(&slot->run, hpt_run_free);
    g_clear_pointer(&slot->points, hpt_points_free);
    g_clear_pointer(&slot->watch, hpt_watch_free);
    g_clear_pointer(&slot->pruned, g_free);
    if (slot->resume != NULL) {
        g_autoptr(GError) ignored = NULL; /* a copy of what is in the record */
        if (!hpt_workdir_remove(slot->resume, &ignored))
            g_debug("%s", ignored->message);
    }
    g_clear_pointer(&slot->resume, g_free);
    hpt_part_clear(&slot->part);
    g_clear_pointer(&slot->given, g_bytes_unref);
    if (slot->directory != NULL && !slot->keep) {
        /* Best effort: the record is complete without it, and the next attempt clears the name. */
        g_autoptr(GError) ignored = NULL;
        if (!hpt_workdir_remove(slot->directory, &ignored))
            g_debug("%s", ignored->message);
    }
    g_clear_pointer(&slot->directory, g_free);
    g_clear_pointer(&slot->config, hpt_config_free);
    g_clear_pointer(&slot->canonical, g_free);
    g_clear_pointer(&slot->origin, g_free);
    g_clear_pointer(&slot->reason, g_free);
    g_clear_pointer(&slot->argv, g_strfreev);
    g_clear_pointer(&slot->attempt_id, g_free);
    slot->fenced = false;
    slot->keep = false;
    slot->batches = 0;
    slot->signal_us = 0;
    slot->state = HPT_SLOT_IDLE;
}
