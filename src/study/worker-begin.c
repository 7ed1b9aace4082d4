#include "study/worker-internal.h"

#include "base/path.h"
#include "base/text.h"
#include "study/reap.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool prepare_folders(Worker *worker, GError **error)
{
    const char *folder = hpt_project_peek_folder(worker->options->project);
    worker->place = hpt_intake_project(folder);
    worker->trials_folder = g_build_filename(folder, "trials", NULL);
    if (g_mkdir_with_parents(worker->trials_folder, 0700) != 0) {
        hpt_error_set_errno(error, errno, "cannot make '%s'", worker->trials_folder);
        return false;
    }
    g_autofree char *objects = g_build_filename(folder, "objects", NULL);
    worker->store = hpt_store_open(objects, error);
    return worker->store != NULL;
}

static bool prepare_environment(Worker *worker, GError **error)
{
    const HptDefinition *definition = worker->options->study->definition;
    HptEnvironmentSource source = {
        .environ = worker->options->environment,
        .command = definition->shell ? "sh" : definition->command[0],
        .process = true,
        .project = worker->place,
    };
    worker->environment = hpt_environment_collect(&source, error);
    worker->base_env = hpt_resources_environment(
        worker->options->resources, hpt_child_environment(worker->options->environment));
    return worker->environment != NULL;
}

/* Looked at once before any trial waits for it. */
static bool begin_code(Worker *worker, GError **error)
{
    HptCodebookSpec spec = {
        .project = hpt_project_peek_folder(worker->options->project),
        .store = worker->store,
        .max_bytes = worker->options->code_max,
        .off = worker->options->no_code,
        .allow_secrets = worker->options->allow_secrets,
        .environ = worker->options->environment,
    };
    worker->codebook = hpt_codebook_new(&spec);
    return hpt_codebook_begin(worker->codebook, worker->db, error);
}

static void begin_intake(Worker *worker)
{
    HptIntakeSpec spec = {
        .project = worker->place,
        .folder = hpt_project_peek_folder(worker->options->project),
        .host = worker->identity->host,
        .boot = worker->identity->boot_id,
        .store = worker->store,
        .patterns = worker->options->inputs,
        .max_bytes = worker->options->input_max,
        .environment = worker->environment,
        .path = g_environ_getenv((char **)worker->options->environment, "PATH"),
        .allow_secrets = worker->options->allow_secrets,
    };
    worker->intake = hpt_intake_new(&spec);
}

static bool register_worker(Worker *worker, GError **error)
{
    g_autoptr(HptArgs) args =
        hpt_identity_args(worker->identity, worker->context.study_id,
                          worker->options->tool_version, worker->environment);
    g_autoptr(HptRows) rows = hpt_db_row(worker->db, HPT_SQL_WORKER_START, args, error);
    return rows != NULL;
}

/* What dead workers of this machine held is free at once, so that typing the line again after a
 * crash does not wait for a lease to run out. */
static bool reap_now(Worker *worker, GError **error)
{
    g_autoptr(HptArgs) args = hpt_reap_peers_args(worker->context.study_id, worker->identity);
    g_autoptr(HptRows) peers = hpt_db_rows(worker->db, HPT_SQL_WORKER_PEERS, args, error);
    if (peers == NULL)
        return false;
    g_autoptr(HptArgs) dead =
        hpt_reap_dead(worker->context.study_id, peers, LEASE_S, worker_max_lost(worker));
    g_autoptr(HptRows) reaped = hpt_db_rows(worker->db, HPT_SQL_LEASE_REAP, dead, error);
    if (reaped == NULL)
        return false;
    worker_tell_reaped(worker, reaped);
    return true;
}

static bool retry_failed(Worker *worker, GError **error)
{
    if (worker->options->retry != HPT_RETRY_FAILED_TRIALS)
        return true;
    const char *const states[] = {"failed", "lost"};
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, worker->context.study_id);
    hpt_args_texts(args, states, 2);
    g_autoptr(HptRows) rows = hpt_db_row(worker->db, HPT_SQL_TRIAL_RETRY, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_int8(rows, 0, 0) > 0) {
        g_autofree char *text =
            g_strdup_printf("%" PRId64 " failed trials are run again", hpt_rows_int8(rows, 0, 0));
        worker_note(worker, text);
    }
    return true;
}

/* Results of a run that ended while the database was away, before their trials count as lost. */
static bool deliver_first(Worker *worker, GError **error)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    bool fine = hpt_outbox_begin(&worker->outbox, notes, error);
    worker_note_all(worker, notes);
    return fine;
}

/* Changes are kept in the project, or in the folder that we are in if that is not in it; .hpt is ours. */
static void prepare_trace(Worker *worker)
{
    if (worker->options->trace == HPT_WORKER_TRACE_OFF)
        return;
    g_autofree char *here = realpath(".", NULL); /* as the tracer sees it, whatever link we came by */
    if (here == NULL)
        here = g_get_current_dir();
    worker->traced_below = g_strdup(hpt_path_inside(worker->place, here) != NULL ? worker->place : here);
    worker->traced_not_below = realpath(hpt_project_peek_folder(worker->options->project), NULL);
    worker->trace = (HptTraceSpec){
        .below = worker->traced_below,
        .not_below = worker->traced_not_below,
        .spool = worker->trials_folder,
        .limit = worker->options->resources->via == NULL
                     ? NULL
                     : "a launcher (--via) may run it where nothing is traced",
        .preload = worker->options->trace == HPT_WORKER_TRACE_PRELOAD,
    };
    worker->context.trace = &worker->trace;
}

bool worker_begin(Worker *worker, GError **error)
{
    HptStudy *study = worker->options->study;
    worker->sampler = hpt_definition_sampler(study->definition, &worker->search, error);
    worker->plan = hpt_plan_new(study->definition, error);
    if (worker->sampler == NULL || worker->plan == NULL ||
        !hpt_study_check_sampler(study, worker->sampler, error) || !prepare_folders(worker, error) ||
        !prepare_environment(worker, error))
        return false;
    if (hpt_sampler_learns(worker->sampler))
        worker->past = hpt_past_new(study->definition);
    begin_intake(worker);
    int64_t limit = hpt_sampler_total(worker->sampler);
    worker->total = worker->options->total;
    if (limit >= 0 && (worker->total < 0 || limit < worker->total))
        worker->total = limit;
    worker->context = (HptSlotContext){
        .study_name = study->name,
        .trials_folder = worker->trials_folder,
        .base_env = (const char *const *)worker->base_env,
        .store = worker->store,
        .resources = worker->options->resources,
        .study_id = study->id,
        .worker_id = worker->identity->worker,
        .environment = &worker->environment->digest,
        .plan = worker->plan,
        .max_restarts = worker->options->max_restarts,
        .allow_secrets = worker->options->allow_secrets,
    };
    prepare_trace(worker);
    worker->judge = (HptJudge){worker->plan, &worker->outbox, study->id};
    worker->slots = g_new0(HptSlot, worker->options->jobs);
    for (int i = 0; i < worker->options->jobs; i++)
        worker->slots[i].index = i;
    HptStudyCounts counts;
    if (!hpt_study_load_versions(worker->db, study, error) || !deliver_first(worker, error) ||
        !register_worker(worker, error) || !begin_code(worker, error) || !reap_now(worker, error) ||
        !retry_failed(worker, error) ||
        !hpt_study_counts(worker->db, study->name, &counts, error))
        return false;
    bool more = worker->total < 0 || counts.trials < worker->total || counts.waiting > 0;
    if (worker->past != NULL && more && !hpt_past_load(worker->past, worker->db, study->id, error))
        return false;
    worker->any_complete = counts.complete > 0;
    worker->renew_us = hpt_time_monotonic_us() + RENEW_US;
    return true;
}

void worker_finish(Worker *worker)
{
    if (!hpt_outbox_is_away(&worker->outbox) && worker->identity != NULL && worker->slots != NULL) {
        g_autoptr(HptArgs) args = hpt_args_new();
        hpt_args_uuid(args, worker->identity->worker);
        g_autoptr(GError) ignored = NULL; /* only a courtesy: the leases are what counts */
        g_autoptr(HptRows) rows = hpt_db_row(worker->db, HPT_SQL_WORKER_END, args, &ignored);
        if (rows == NULL)
            g_debug("%s", ignored->message);
    }
    for (int i = 0; worker->slots != NULL && i < worker->options->jobs; i++) {
        hpt_slot_clear(&worker->slots[i]);
        hpt_tracked_unref(worker->slots[i].tracked);
        hpt_slot_dismiss(&worker->slots[i]);
    }
    for (int i = 0; worker->slots != NULL && i < worker->options->jobs; i++)
        hpt_slot_release(&worker->slots[i]);
    g_free(worker->slots);
    hpt_outbox_clear(&worker->outbox);
    hpt_sampler_free(worker->sampler);
    hpt_past_free(worker->past);
    hpt_plan_free(worker->plan);
    hpt_codebook_free(worker->codebook);
    hpt_intake_free(worker->intake);
    hpt_store_close(worker->store);
    hpt_environment_free(worker->environment);
    hpt_identity_free(worker->identity);
    g_free(worker->place);
    g_free(worker->trials_folder);
    g_free(worker->traced_below);
    g_free(worker->traced_not_below);
    g_strfreev(worker->base_env);
    g_free(worker->interrupted);
}

void worker_learn(Worker *worker, const HptRows *rows)
{
    hpt_past_add(worker->past, rows);
    HptArgs *block = hpt_past_pack_args(worker->past, worker->context.study_id);
    if (block != NULL)
        hpt_outbox_post(&worker->outbox, HPT_SQL_HISTORY_BLOCK_PUT, block, NULL);
    for (int i = 0; i < worker->options->jobs; i++) {
        const HptSlot *own = &worker->slots[i];
        hpt_past_own(worker->past, own->number);
        if ((own->state == HPT_SLOT_RUNNING || own->state == HPT_SLOT_FINISHING) && own->canonical != NULL)
            hpt_past_add_one(worker->past, own->number, 0, own->canonical, strlen(own->canonical), NULL);
    }
}
