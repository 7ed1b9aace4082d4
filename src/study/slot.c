#include "study/slot.h"

#include "base/digest.h"
#include "num/random.h"
#include "record/environment.h"
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_US INT64_C(1000000)

/* ---- the configuration ---- */

bool hpt_slot_propose(HptSlot *slot, HptSampler *sampler, const void *config, size_t length,
                      GError **error)
{
    if (config != NULL) {
        g_autoptr(json_t) object = hpt_json_parse(config, length, error);
        if (object == NULL)
            return false;
        slot->config = hpt_config_from_json(slot->definition->space, object, false, error);
        if (slot->config == NULL) {
            g_prefix_error(error, "trial %" PRId64 ": ", slot->number);
            return false;
        }
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
    return true;
}

/* ---- the command ---- */

typedef struct {
    const HptSlot *slot;
    char *text; /* of the last value asked for */
} Lookup;

static const char *look_up(const char *name, void *user)
{
    Lookup *lookup = user;
    const HptSlot *slot = lookup->slot;
    g_clear_pointer(&lookup->text, g_free);
    if (strcmp(name, "hpt.trial") == 0)
        lookup->text = g_strdup_printf("%" PRId64, slot->number);
    else if (strcmp(name, "hpt.seed") == 0)
        lookup->text = g_strdup_printf("%" PRId64, slot->seed);
    else if (strcmp(name, "hpt.dir") == 0)
        lookup->text = g_strdup(slot->directory);
    else if (strcmp(name, "hpt.params") == 0)
        lookup->text = g_build_filename(slot->directory, HPT_PARAMS_FILE, NULL);
    else if (strcmp(name, "hpt.worker") == 0 || strcmp(name, "hpt.slot") == 0)
        lookup->text = g_strdup_printf("%d", slot->index);
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
    g_ptr_array_add(env, g_strdup_printf("HPT_SEED=%" PRId64, slot->seed));
    g_ptr_array_add(env, g_strdup_printf("HPT_SLOT=%d", slot->index));
    g_ptr_array_add(env, g_strdup_printf("HPT_PARAMS=%s/%s", slot->directory, HPT_PARAMS_FILE));
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

/* {"params":{…},"seed":…,"study":"…","trial":…}: canonical, like all JSON we write. */
static char *params_text(const HptSlot *slot, const HptSlotContext *context)
{
    GString *text = g_string_new("{\"params\":");
    g_string_append(text, slot->canonical);
    g_string_append_printf(text, ",\"seed\":%" PRId64 ",\"study\":", slot->seed);
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

bool hpt_slot_start(HptSlot *slot, const HptSlotContext *context, int64_t now_us, GError **error)
{
    const HptDefinition *definition = slot->definition;
    HptResources *resources = context->resources;
    const HptContain *contain = hpt_resources_contain(resources, definition->contain, error);
    g_autofree char *params = params_text(slot, context);
    if (contain == NULL || !make_directory(slot, context, params, error))
        return false;
    slot->argv = hpt_slot_expand(slot, error);
    if (slot->argv == NULL)
        return false;
    slot->points = hpt_points_new();
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
        .contain = contain,
        .limit_mem_bytes = definition->limit_mem_bytes,
        .limit_cpu_us = definition->limit_cpu_us,
        .cpus = resources->cores == NULL ? NULL : hpt_cores_get(resources->cores, slot->index),
        .on_point = hpt_points_add,
        .user = slot->points,
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
    g_autofree char *end = hpt_run_end_text(slot->run);
    bool stopped = result->end->kind == HPT_END_STOPPED ||
                   (interrupted != NULL && ended_from_outside(result->end));
    if (result->failure == NULL || result->end->kind == HPT_END_PRUNED) {
        *cause = g_utf8_make_valid(end, -1);
        return result->failure == NULL ? "complete" : "pruned";
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
                              int max_failed, const char *next, int64_t total, int lease_s, char **note)
{
    const HptResources *resources = context->resources;
    g_autofree char *gpus =
        resources->gpus == NULL ? NULL : hpt_gpus_text(resources->gpus, slot->index);
    g_autofree char *via =
        resources->via_text == NULL ? NULL : hpt_redact_urls(resources->via_text);
    HptRunPlace place = {
        .cores = resources->cores == NULL ? NULL : hpt_cores_peek_text(resources->cores, slot->index),
        .gpus = gpus,
        .via = via,
    };
    g_autoptr(HptOutcome) left =
        hpt_outcome_collect(slot->run == NULL ? NULL : hpt_run_get_result(slot->run), slot->points,
                            &place, context->store, slot->directory, note);
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
    return args;
}

void hpt_slot_clear(HptSlot *slot)
{
    g_clear_pointer(&slot->run, hpt_run_free);
    g_clear_pointer(&slot->points, hpt_points_free);
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
    slot->settle_us = 0;
    slot->state = HPT_SLOT_IDLE;
}
