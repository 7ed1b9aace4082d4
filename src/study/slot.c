#include "study/slot.h"

#include "base/digest.h"
#include "num/random.h"
#include "record/environment.h"
#include "record/secret.h"
#include "run/workdir.h"

#include "base/json.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_US INT64_C(1000000)

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

bool hpt_slot_needs_past(const HptSlot *slot, const HptSampler *sampler)
{
    return hpt_sampler_learns(sampler) && slot->given == NULL &&
           (slot->part.parent_config == NULL || slot->part.parent < 0);
}

bool hpt_slot_propose(HptSlot *slot, HptSampler *sampler, HptPast *past, const HptPlan *plan,
                      const void *config, size_t length, GError **error)
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
        bool ordered = slot->definition->window > 0;
        const HptHistory *history = past == NULL ? NULL
                                    : ordered ? hpt_past_get_ordered(past, sampler, slot->number, error)
                                              : hpt_past_get(past);
        if ((past != NULL && history == NULL) ||
            !hpt_sampler_propose(sampler, history, slot->number, &proposal, error))
            return false;
        if (history != NULL)
            slot->proposal = hpt_past_describe(past, sampler);
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

void hpt_slot_add_part(const HptSlot *slot, GPtrArray *env)
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

/* The words with the prefix in front; borrowed strings. */
static char **with_prefix(char **argv, char **via)
{
    GPtrArray *words = g_ptr_array_new();
    for (char **word = via; word != NULL && *word != NULL; word++)
        g_ptr_array_add(words, *word);
    for (char **word = argv; *word != NULL; word++)
        g_ptr_array_add(words, *word);
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, false);
}

static char **trial_environment(const HptSlot *slot, const HptSlotContext *context)
{
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    g_ptr_array_add(env, g_strdup_printf("HPT_STUDY=%s", context->study_name));
    g_ptr_array_add(env, g_strdup_printf("HPT_TRIAL=%" PRId64, slot->number));
    g_ptr_array_add(env, g_strdup_printf("HPT_SEED=%" PRId64, run_seed(slot)));
    g_ptr_array_add(env, g_strdup_printf("HPT_SLOT=%d", slot->index));
    g_ptr_array_add(env, g_strdup_printf("HPT_PARAMS=%s/%s", slot->directory, HPT_PARAMS_FILE));
    hpt_slot_add_part(slot, env);
    const HptSpace *space = slot->definition->space;
    for (size_t i = 0; i < hpt_space_size(space); i++) {
        if (!slot->config->values[i].active)
            continue;
        const HptParam *param = hpt_space_get(space, i);
        g_autofree char *name = hpt_template_env_name(param->name);
        g_autofree char *text = hpt_param_value_text(param, slot->config->values[i]);
        g_ptr_array_add(env, g_strdup_printf("%s=%s", name, text));
    }
    if (context->resources->gpus != NULL)
        hpt_gpus_add_env(context->resources->gpus, slot->index, env);
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&env), false);
}

char *hpt_slot_params(const HptSlot *slot, const char *study)
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
    hpt_json_append_string(text, study);
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
    if (slot->definition->worker)
        return true; /* its message says it all */
    g_autofree char *path = g_build_filename(slot->directory, HPT_PARAMS_FILE, NULL);
    return write_file(path, params, error);
}

static void on_point(const HptPoint *point, void *user)
{
    HptSlot *slot = user;
    hpt_points_add(point, slot->points);
    if (slot->watch != NULL)
        hpt_watch_add(slot->watch, point);
    if (slot->on_point != NULL)
        slot->on_point(point, slot->user);
}

/* ---- persistent workers ---- */

char *hpt_slot_message(const HptSlot *slot, const char *params, GError **error)
{
    g_autoptr(json_t) message = hpt_json_parse(params, strlen(params), error);
    if (message == NULL)
        return NULL;
    json_object_set_new(message, "type", json_string("trial"));
    json_object_set_new(message, "attempt", json_integer(slot->attempt));
    if (json_object_set_new(message, "dir", json_string(slot->directory)) != 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "'%s' is not UTF-8, which a worker's messages are", slot->directory);
        return NULL;
    }
    return hpt_json_canonical(message, error);
}

/* The process that this slot's trials share; the first of them starts it. */
static HptServant *make_servant(const HptSlot *slot, const HptSlotContext *context,
                                const HptRunSpec *run)
{
    g_autofree char *study = g_strconcat("HPT_STUDY=", context->study_name, NULL);
    g_autofree char *index = g_strdup_printf("HPT_SLOT=%d", slot->index);
    g_autofree char *marker = g_strdup_printf("HPT_WORKER=%s.%d", context->worker_id, slot->index);
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    for (const char *const *entry = context->base_env; *entry != NULL; entry++)
        g_ptr_array_add(env, (gpointer)*entry);
    g_ptr_array_add(env, study);
    g_ptr_array_add(env, index);
    g_ptr_array_add(env, NULL);
    HptServantSpec spec = {
        .argv = run->argv,
        .env = (const char *const *)env->pdata,
        .marker = marker,
        .contain = run->contain,
        .limit_mem_bytes = run->limit_mem_bytes,
        .cpus = run->cpus,
        .trace = run->trace,
        .max_restarts = context->max_restarts,
    };
    return hpt_servant_new(&spec);
}

/* What differs from a trial in a process of its own; *message is owned and outlives spec. */
static bool serve(HptSlot *slot, const HptSlotContext *context, const char *params, HptRunSpec *spec,
                  char **message, GError **error)
{
    if (!slot->definition->worker)
        return true;
    *message = hpt_slot_message(slot, params, error);
    if (*message == NULL)
        return false;
    if (slot->servant == NULL)
        slot->servant = make_servant(slot, context, spec);
    spec->servant = slot->servant;
    spec->trial = slot->number;
    spec->message = *message;
    return true;
}

void hpt_slot_dismiss(HptSlot *slot)
{
    if (slot->servant != NULL)
        hpt_servant_dismiss(slot->servant);
}

void hpt_slot_release(HptSlot *slot)
{
    g_clear_pointer(&slot->servant, hpt_servant_free);
}

bool hpt_slot_start(HptSlot *slot, const HptSlotContext *context, int64_t now_us, GError **error)
{
    const HptDefinition *definition = slot->definition;
    HptResources *resources = context->resources;
    const HptContain *contain = hpt_resources_contain(resources, definition->contain, error);
    g_autofree char *params = hpt_slot_params(slot, context->study_name);
    if (contain == NULL || !make_directory(slot, context, params, error))
        return false;
    slot->argv = hpt_slot_expand(slot, error);
    if (slot->argv == NULL)
        return false;
    slot->points = hpt_points_new(context->allow_secrets);
    slot->stop_us = INT64_MAX;
    if (hpt_plan_by_step(context->plan))
        slot->watch = hpt_watch_new(context->plan, slot->number,
                                    slot->part.repeat * definition->folds_run + slot->part.fold);
    g_auto(GStrv) env = trial_environment(slot, context);
    g_autofree char **argv = with_prefix(slot->argv, resources->via);
    HptRunSpec spec = {
        .argv = (const char *const *)argv,
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
        .contain = contain,
        .limit_mem_bytes = definition->limit_mem_bytes,
        .limit_cpu_us = definition->limit_cpu_us,
        .cpus = resources->cores == NULL ? NULL : hpt_cores_get(resources->cores, slot->index),
        .trace = context->trace,
        .on_point = on_point,
        .user = slot,
    };
    g_autofree char *message = NULL;
    if (!serve(slot, context, params, &spec, &message, error))
        return false;
    slot->started_us = now_us;
    slot->run = hpt_run_start(&spec, error);
    return slot->run != NULL;
}

/* ---- for the record ---- */

static void add_environment(HptArgs *args, const HptSlot *slot, const HptSlotContext *context)
{
    const HptDigest *environment =
        slot->environment != NULL ? slot->environment : context->environment;
    hpt_args_bytea(args, environment->bytes, HPT_DIGEST_SIZE);
}

/* The words as they were run, secrets cut unless they are to stay. */
static void add_argv(HptArgs *args, char **argv, bool allow_secrets)
{
    size_t n = argv == NULL ? 0 : g_strv_length(argv);
    g_auto(GStrv) clean =
        allow_secrets ? g_strdupv(argv) : hpt_secret_cut_argv((const char *const *)argv);
    g_autofree size_t *lengths = g_new0(size_t, n + 1);
    for (size_t i = 0; i < n; i++)
        lengths[i] = strlen(clean[i]);
    hpt_args_byteas(args, (const void *const *)clean, lengths, n);
}

static void add_facts(HptArgs *args, const HptSlot *slot, const HptSlotContext *context)
{
    bool proposed = slot->canonical != NULL; /* else the version and seed are of an earlier trial */
    if (proposed)
        hpt_args_int4(args, slot->version);
    else
        hpt_args_null(args, HPT_TYPE_INT4);
    hpt_args_text(args, slot->origin);
    hpt_args_text(args, slot->reason);
    hpt_args_bytea(args, slot->canonical, slot->canonical == NULL ? 0 : strlen(slot->canonical));
    if (proposed)
        hpt_args_int8(args, slot->seed);
    else
        hpt_args_null(args, HPT_TYPE_INT8);
    hpt_args_int4(args, slot->index);
    add_argv(args, slot->argv, context->allow_secrets);
    add_environment(args, slot, context);
}

static void add_part_seed(HptArgs *args, const HptSlot *slot)
{
    if (slot->part.given)
        hpt_args_int8(args, slot->part.seed);
    else
        hpt_args_null(args, HPT_TYPE_INT8);
}

static void add_code(HptArgs *args, const HptSlot *slot)
{
    hpt_args_bytea(args, slot->has_code ? slot->code.bytes : NULL, HPT_DIGEST_SIZE);
}

static void add_proposal(HptArgs *args, const HptSlot *slot)
{
    hpt_args_bytea(args, slot->proposal, slot->proposal == NULL ? 0 : strlen(slot->proposal));
}

/* Its files, and whether all were seen. */
static void add_inputs(HptArgs *args, const HptSlot *slot, bool allow_secrets)
{
    const HptRunResult *result = slot->run == NULL ? NULL : hpt_run_get_result(slot->run);
    const HptTrace *trace = result == NULL ? NULL : result->trace;
    g_autofree char *missing = trace == NULL || trace->complete ? NULL
                               : allow_secrets                  ? g_strdup(trace->reason)
                                                                : hpt_secret_cut(trace->reason);
    hpt_args_bytea(args, slot->inputs == NULL ? NULL : slot->inputs->bytes, HPT_DIGEST_SIZE);
    hpt_args_bytea(args, slot->common == NULL ? NULL : slot->common->bytes, HPT_DIGEST_SIZE);
    hpt_args_text(args, result == NULL   ? NULL
                        : trace == NULL  ? "off"
                        : trace->complete ? "complete"
                                          : "incomplete");
    hpt_args_text(args, missing);
}

HptArgs *hpt_slot_start_args(const HptSlot *slot, const HptSlotContext *context)
{
    HptArgs *args = hpt_args_new();
    hpt_args_uuid(args, slot->attempt_id);
    add_facts(args, slot, context);
    add_part_seed(args, slot);
    add_code(args, slot);
    add_proposal(args, slot);
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

/* The signals by which schedulers, terminals and people end what they did not start. Shells and
 * launchers that get one often say so by their status. */
static bool ended_from_outside(const HptEnd *end)
{
    int signal = end->kind == HPT_END_SIGNALLED                    ? end->signal
                 : end->kind == HPT_END_EXITED && end->status > 128 ? end->status - 128
                                                                    : 0;
    return signal == SIGTERM || signal == SIGINT || signal == SIGKILL || signal == SIGHUP;
}

bool hpt_slot_settle(HptSlot *slot, bool interrupted, int64_t now_us)
{
    const HptRunResult *result = hpt_run_get_result(slot->run);
    if (interrupted || slot->fenced || result->failure == NULL || !ended_from_outside(result->end))
        return true;
    if (slot->settle_us == 0)
        slot->settle_us = now_us + SETTLE_US;
    return now_us >= slot->settle_us;
}

const char *hpt_slot_verdict(const HptSlot *slot, const char *interrupted, char **cause)
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
    if (result->served != NULL && result->served->pruned) {
        *cause = g_strdup("the worker stopped early by itself");
        return "pruned";
    }
    g_autofree char *end = hpt_end_text(result->end);
    /* So it had the signal too, and its handler may have given any status. */
    bool stopped = result->end->kind == HPT_END_STOPPED ||
                   (interrupted != NULL && (result->end->kind == HPT_END_EXITED ||
                                            ended_from_outside(result->end)));
    if (result->failure == NULL) {
        *cause = g_utf8_make_valid(end, -1);
        return "complete";
    }
    if (stopped) {
        *cause = g_utf8_make_valid(interrupted != NULL ? interrupted : "interrupted", -1);
        return "cancelled";
    }
    *cause = g_utf8_make_valid(result->failure, -1);
    bool lost = result->end->kind == HPT_END_SIGNALLED && !own_fault(result->end->signal);
    return lost ? "lost" : "failed";
}

HptArgs *hpt_slot_finish_args(const HptSlot *slot, const HptSlotContext *context,
                              const char *outcome, const char *cause, int max_lost,
                              int max_failed, const char *next, int64_t total, int lease_s, char **note,
                              char **withheld)
{
    const HptResources *resources = context->resources;
    g_autofree char *gpus =
        resources->gpus == NULL ? NULL : hpt_gpus_text(resources->gpus, slot->index);
    g_autofree char *via =
        resources->via_text == NULL ? NULL : hpt_secret_cut(resources->via_text);
    HptRunPlace place = {
        .cores = resources->cores == NULL ? NULL : hpt_cores_peek_text(resources->cores, slot->index),
        .gpus = gpus,
        .via = via,
        .code_changed = slot->code_changed,
    };
    g_autoptr(HptOutcome) left =
        hpt_outcome_collect(slot->run == NULL ? NULL : hpt_run_get_result(slot->run), slot->points,
                            &place, context->store, slot->directory, context->allow_secrets, note);
    if (withheld != NULL)
        *withheld = g_strdup(hpt_outcome_peek_withheld(left));
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, context->study_id);
    hpt_args_uuid(args, context->worker_id);
    hpt_args_uuid(args, slot->attempt_id);
    hpt_args_text(args, outcome);
    hpt_args_int4(args, max_lost);
    hpt_args_int4(args, max_failed);
    g_autofree char *said =
        cause == NULL || context->allow_secrets ? g_strdup(cause) : hpt_secret_cut(cause);
    hpt_args_text(args, said);
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
    add_part_seed(args, slot);
    add_code(args, slot);
    add_proposal(args, slot);
    add_inputs(args, slot, context->allow_secrets);
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
    g_clear_pointer(&slot->proposal, g_free);
    g_clear_pointer(&slot->argv, g_strfreev);
    g_clear_pointer(&slot->attempt_id, g_free);
    slot->fenced = false;
    slot->keep = slot->has_code = slot->gathers = slot->trace_taken = false;
    slot->inputs = slot->common = slot->environment = NULL;
    slot->code_changed = NULL;
    g_clear_pointer(&slot->gathering, hpt_gathering_free);
    slot->batches = 0;
    slot->settle_us = 0;
    slot->state = HPT_SLOT_IDLE;
}
