#include "study/worker-internal.h"

#include "base/text.h"
#include "study/reap.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define TICK_US INT64_C(200000)
#define POLL_MIN_US INT64_C(500000) /* between looks for trials when there were none */
#define POLL_MAX_US INT64_C(5000000)
#define POLL_ORDERED_US INT64_C(20000) /* the least of an ordered study, whose workers wait for each other */
#define BATCHES_UNDER_WAY 4 /* of points, a trial */

static void tell(Worker *worker, HptWorkerEvent event)
{
    if (worker->options->on_event == NULL)
        return;
    for (int i = 0; i < worker->options->jobs; i++)
        event.running += worker->slots[i].state == HPT_SLOT_RUNNING;
    worker->options->on_event(&event, worker->options->user);
}

void worker_note(Worker *worker, const char *text)
{
    tell(worker, (HptWorkerEvent){.kind = HPT_WORKER_NOTE, .text = text});
}

void worker_note_all(Worker *worker, const GPtrArray *notes)
{
    for (guint i = 0; i < notes->len; i++)
        worker_note(worker, notes->pdata[i]);
}

static int count_state(const Worker *worker, HptSlotState state)
{
    int n = 0;
    for (int i = 0; i < worker->options->jobs; i++)
        n += worker->slots[i].state == state;
    return n;
}

static int max_failed(const Worker *worker)
{
    return worker->options->retry == HPT_RETRY_FAILED_TRIALS ? MAX_LOST : 1;
}

int worker_max_lost(const Worker *worker)
{
    return worker->options->retry == HPT_RETRY_NO_TRIALS ? 1 : MAX_LOST;
}

void worker_fail(Worker *worker, GError *steal_error)
{
    worker->no_more = true;
    if (worker->fatal == NULL)
        worker->fatal = steal_error;
    else
        g_error_free(steal_error);
}

/* ---- statements ---- */

static void add_total(const Worker *worker, HptArgs *args)
{
    if (worker->total < 0)
        hpt_args_null(args, HPT_TYPE_INT8);
    else
        hpt_args_int8(args, worker->total);
}

static void post_reserve_with(Worker *worker, HptSlot *slot, const HptPromotion *promotion)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, worker->context.study_id);
    hpt_args_uuid(args, worker->identity->worker);
    hpt_args_uuid(args, slot->attempt_id);
    add_total(worker, args);
    hpt_args_int4(args, LEASE_S);
    hpt_plan_add(worker->plan, promotion, args);
    hpt_outbox_post(&worker->outbox, HPT_SQL_TRIAL_RESERVE, args, slot);
}

static HptArgs *study_args(const Worker *worker)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, worker->context.study_id);
    return args;
}

/* Where trials are promoted, what the others have reached is looked at first. */
static void post_reserve(Worker *worker, HptSlot *slot)
{
    slot->attempt_id = hpt_uuid_new();
    slot->state = HPT_SLOT_RESERVING;
    slot->looked = worker->answers;
    if (hpt_plan_by_rung(worker->plan))
        hpt_outbox_post(&worker->outbox, HPT_SQL_RUNG_RESULTS, study_args(worker), slot);
    else
        post_reserve_with(worker, slot, NULL);
}

static void post_renew(Worker *worker)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, worker->context.study_id);
    hpt_args_uuid(args, worker->identity->worker);
    hpt_args_int4(args, LEASE_S);
    hpt_outbox_post(&worker->outbox, HPT_SQL_LEASE_RENEW, args, NULL);
}

void worker_tell_reaped(Worker *worker, const HptRows *reaped)
{
    for (size_t i = 0; i < hpt_rows_count(reaped); i++) {
        bool again = hpt_rows_bool(reaped, i, 2);
        hpt_reap_clear(&worker->context, hpt_rows_int8(reaped, i, 0), hpt_rows_int4(reaped, i, 1));
        g_autofree char *text =
            g_strdup_printf("trial %" PRId64 " was lost with its worker%s",
                            hpt_rows_int8(reaped, i, 0), again ? "; it is run again" : "");
        worker_note(worker, text);
    }
}

/* ---- trials ---- */

/* A fourth of how long there was nothing to take, within bounds; and of many that wait each asks at
 * another moment. */
static int64_t next_poll_us(Worker *worker, int64_t now_us)
{
    if (worker->idle_us == 0)
        worker->idle_us = now_us;
    int64_t least_us = worker->plan->definition->window > 0 ? POLL_ORDERED_US : POLL_MIN_US;
    int64_t wait_us = CLAMP((now_us - worker->idle_us) / 4, least_us, POLL_MAX_US);
    return now_us + wait_us * (80 + now_us % 41) / 100;
}

/* "done" says that nothing may begin and nothing runs. But a run may have ended after the rungs were
 * looked at, and be worth a promotion: they must have been looked at after somebody was told so. */
static bool is_over(Worker *worker, const HptSlot *slot, bool done)
{
    worker->answers++;
    if (!done)
        worker->over = 0;
    else if (worker->over == 0)
        worker->over = worker->answers;
    return done && (!hpt_plan_by_rung(worker->plan) || slot->looked >= worker->over);
}

/* What trial_reserve, or trial_finish for the next trial, said; columns from the first on. */
static void take_reservation(Worker *worker, HptSlot *slot, const HptRows *rows, size_t first)
{
    const char *outcome = hpt_rows_peek_text(rows, 0, first);
    bool done = strcmp(outcome, "done") == 0, over = is_over(worker, slot, done);
    if (strcmp(outcome, "trial") == 0) {
        worker->idle_us = 0;
        slot->state = HPT_SLOT_RESERVING; /* until it starts, what else has to come first */
        slot->number = hpt_rows_int8(rows, 0, first + 1);
        slot->attempt = hpt_rows_int4(rows, 0, first + 2);
        slot->version = hpt_rows_int4(rows, 0, first + 3);
        size_t length = 0;
        const void *config = hpt_rows_peek_bytea(rows, 0, first + 4, &length);
        slot->given = config == NULL ? NULL : g_bytes_new(config, length);
        GError *error = NULL;
        if (!hpt_part_read(&slot->part, hpt_rows_peek_text(rows, 0, first + 5), &error))
            worker_abandon(worker, slot, error);
        else if (worker->seen_interrupts >= 2) /* what runs was told to end before this came */
            worker_give_back(worker, slot);
        else if (slot->part.given && slot->part.resume_trial >= 0)
            worker_post_files(worker, slot);
        else
            worker_propose_and_start(worker, slot);
        return;
    }
    hpt_slot_clear(slot);
    worker->done = over;
    if (done && !over) {
        worker->poll_us = hpt_time_monotonic_us(); /* at once, and once */
    } else if (!over) {
        /* Evaluations and promotions become due at any moment; retries seldom. */
        bool seldom = count_state(worker, HPT_SLOT_RUNNING) > 0 && worker->plan->parts == NULL;
        int64_t now_us = hpt_time_monotonic_us();
        worker->poll_us = seldom ? now_us + POLL_MAX_US : next_poll_us(worker, now_us);
        worker->reap_wanted = true;
    }
}

/* Monotonic: nothing new starts later. */
static int64_t last_start(const Worker *worker)
{
    return MIN(worker->options->stop_us, hpt_turn_last_start(&worker->turn));
}

static bool may_take_more(const Worker *worker, int64_t now_us)
{
    return !worker->no_more && !worker->done && worker->seen_interrupts == 0 &&
           now_us < last_start(worker);
}

static void note_withheld(Worker *worker, int64_t number, const char *what)
{
    if (worker->withheld_told)
        return;
    worker->withheld_told = true;
    g_autofree char *text = g_strdup_printf(
        "trial %" PRId64 ": %s and is not stored, nor are others like it; --allow-secrets keeps them",
        number, what);
    worker_note(worker, text);
}

/* The only copy of what could not be stored is not thrown away, and no more of it is made. */
static void keep_folder(Worker *worker, HptSlot *slot, const char *problem)
{
    slot->keep = true;
    worker->no_more = true;
    if (worker->storage == NULL)
        g_set_error(&worker->storage, HPT_ERROR, HPT_ERROR_IO,
                    "trial %" PRId64 ": not everything could be stored: %s\n"
                    "hint: the result is recorded; what is missing is kept in %s",
                    slot->number, problem, slot->directory);
}

static void count_result(Worker *worker, const char *outcome)
{
    if (strcmp(outcome, "complete") == 0)
        worker->any_complete = true;
    else if (strcmp(outcome, "failed") == 0 || strcmp(outcome, "lost") == 0)
        worker->failures_in_row++;
    if (!worker->any_complete && worker->options->max_failures > 0 &&
        worker->failures_in_row >= worker->options->max_failures && !worker->no_more) {
        worker->no_more = true;
        worker->end = HPT_WORKER_FAILURES;
    }
}

static void finish_trial(Worker *worker, HptSlot *slot, int64_t now_us)
{
    if (slot->fenced) {
        hpt_slot_clear(slot);
        return;
    }
    g_autofree char *cause = NULL;
    const char *outcome = hpt_slot_verdict(slot, worker->interrupted, &cause);
    hpt_turn_add(&worker->turn, now_us - slot->started_us);
    count_result(worker, outcome); /* first: it may be the failure that ends the run */
    g_autofree char *problem = NULL, *withheld = NULL;
    worker_gather_end(worker, slot);
    /* The next of an ordered study is taken by whoever is idle, once this end is there for all. */
    bool fused = may_take_more(worker, now_us) && !hpt_plan_by_rung(worker->plan) &&
                 worker->plan->definition->window == 0;
    g_autofree char *next = fused ? hpt_uuid_new() : NULL;
    HptArgs *args = hpt_slot_finish_args(slot, &worker->context, outcome, cause, worker_max_lost(worker),
                                         max_failed(worker), next,
                                         worker->total, LEASE_S, &problem, &withheld);
    if (problem != NULL)
        keep_folder(worker, slot, problem);
    if (withheld != NULL)
        note_withheld(worker, slot->number, withheld);
    slot->state = HPT_SLOT_FINISHING;
    HptPending *pending = hpt_outbox_post_end(&worker->outbox, args, slot);
    pending->outcome = g_strdup(outcome);
    pending->cause = g_steal_pointer(&cause);
    pending->next_id = g_steal_pointer(&next);
}

/* The other evaluations of a trial that has ended are not worth going on. */
static void stop_others(Worker *worker, int64_t number)
{
    int64_t now_us = hpt_time_monotonic_us();
    for (int i = 0; i < worker->options->jobs; i++) {
        HptSlot *slot = &worker->slots[i];
        if (slot->state != HPT_SLOT_RUNNING || slot->number != number || slot->fenced)
            continue;
        slot->fenced = true;
        hpt_run_stop(slot->run, SIGKILL, now_us);
    }
}

static void decided(Worker *worker, const HptPending *pending, bool ended)
{
    worker->poll_us = worker->idle_us = 0; /* something may have become free to run */
    if (!ended)
        return;
    stop_others(worker, pending->number);
    tell(worker, (HptWorkerEvent){.kind = HPT_WORKER_TICK});
}

static void finish_answered(Worker *worker, const HptPending *pending, const HptRows *rows)
{
    HptSlot *slot = pending->slot;
    const char *finished = hpt_rows_peek_text(rows, 0, 0);
    if (strcmp(finished, "fenced") == 0 && slot->part.given) {
        /* Its trial has ended meanwhile, by a decision or by another of its evaluations. */
        tell(worker, (HptWorkerEvent){.kind = HPT_WORKER_TICK});
    } else if (strcmp(finished, "fenced") == 0) {
        g_autofree char *text = g_strdup_printf(
            "trial %" PRId64 " was taken over by another worker; this result is not recorded",
            slot->number);
        worker_note(worker, text);
    } else {
        tell(worker, (HptWorkerEvent){
                         .kind = HPT_WORKER_ENDED,
                         .slot = slot,
                         .outcome = pending->outcome,
                         .cause = pending->cause,
                         .requeued = strcmp(finished, "requeued") == 0,
                         .going_on = strcmp(finished, "more") == 0,
                         .duration_us = hpt_time_monotonic_us() - slot->started_us,
                     });
    }
    if (strcmp(finished, "more") == 0 && hpt_plan_by_fold(worker->plan))
        hpt_judge_ask_fold(&worker->judge, slot);
    if (strcmp(finished, "done") == 0 && slot->part.given)
        stop_others(worker, slot->number);
    hpt_slot_clear(slot);
    if (worker->plan->definition->window > 0)
        worker->poll_us = worker->idle_us = 0;
    if (hpt_rows_null(rows, 0, 1))
        return;
    slot->attempt_id = g_strdup(pending->next_id);
    take_reservation(worker, slot, rows, 1);
}

/* ---- answers ---- */

static void fence(Worker *worker, HptSlot *slot, int64_t now_us)
{
    if (slot->state != HPT_SLOT_RUNNING || slot->fenced)
        return;
    slot->fenced = true;
    g_autofree char *text = g_strdup_printf(
        "trial %" PRId64 " %s; it is stopped here", slot->number,
        slot->part.given ? "has ended elsewhere or was taken over by another worker"
                         : "was taken over by another worker");
    worker_note(worker, text);
    hpt_run_stop(slot->run, SIGKILL, now_us);
}

/* A lease that we do not hold any more means that somebody declared us dead. */
static void check_leases(Worker *worker, const HptRows *held, int64_t now_us)
{
    for (int i = 0; i < worker->options->jobs; i++) {
        HptSlot *slot = &worker->slots[i];
        bool found = slot->state != HPT_SLOT_RUNNING;
        for (size_t row = 0; row < hpt_rows_count(held) && !found; row++)
            found = hpt_rows_int8(held, row, 0) == slot->number &&
                    hpt_rows_int4(held, row, 1) == slot->attempt;
        if (!found)
            fence(worker, slot, now_us);
    }
}

static void answered(Worker *worker, const HptPending *pending, const HptRows *rows)
{
    int64_t now_us = hpt_time_monotonic_us();
    bool current = pending->slot != NULL &&
                   g_strcmp0(pending->slot->attempt_id, pending->attempt_id) == 0;
    HptPromotion promotion;
    switch (pending->sql) {
    case HPT_SQL_RUNG_RESULTS:
        hpt_judge_promote(&worker->judge, rows, worker->total, &promotion);
        post_reserve_with(worker, pending->slot, &promotion);
        break;
    case HPT_SQL_TRIAL_RESERVE:
        take_reservation(worker, pending->slot, rows, 0);
        break;
    case HPT_SQL_HISTORY_READ:
        worker_take_history(worker, pending->slot, rows);
        break;
    case HPT_SQL_ATTEMPT_FILES:
        worker_resume_trial(worker, pending->slot, rows);
        break;
    case HPT_SQL_PRUNE_OBSERVE:
        if (current)
            hpt_judge_step(&worker->judge, pending->slot, rows, now_us);
        break;
    case HPT_SQL_FOLD_VALUES:
        hpt_judge_fold(&worker->judge, pending, rows);
        break;
    case HPT_SQL_PRUNE_DECIDE:
        decided(worker, pending, hpt_rows_bool(rows, 0, 0));
        break;
    case HPT_SQL_TRIAL_POINTS:
        if (current)
            pending->slot->batches--;
        if (current && !hpt_rows_bool(rows, 0, 0))
            fence(worker, pending->slot, now_us);
        break;
    case HPT_SQL_TRIAL_START:
        if (current && !hpt_rows_bool(rows, 0, 0))
            fence(worker, pending->slot, now_us);
        break;
    case HPT_SQL_TRIAL_FINISH:
        finish_answered(worker, pending, rows);
        break;
    case HPT_SQL_LEASE_RENEW:
        check_leases(worker, rows, now_us);
        break;
    case HPT_SQL_WORKER_PEERS:
        hpt_outbox_post(&worker->outbox, HPT_SQL_LEASE_REAP,
             hpt_reap_dead(worker->context.study_id, rows, LEASE_S, worker_max_lost(worker)), NULL);
        break;
    case HPT_SQL_LEASE_REAP:
        worker_tell_reaped(worker, rows);
        break;
    case HPT_SQL_CODE_PUT:
    case HPT_SQL_INPUTS_PUT:
    case HPT_SQL_HISTORY_BLOCK_PUT:
    case HPT_SQL_ENVIRONMENT_PUT:
        break;
    default:
        g_assert_not_reached();
    }
}

/* The statement was refused: nothing that sending it again would cure. */
static void refused(Worker *worker, HptPending *pending, GError *steal_error)
{
    if (pending->slot != NULL) {
        g_prefix_error(&steal_error, "trial %" PRId64 ": ", pending->slot->number);
        bool running = pending->slot->state == HPT_SLOT_RUNNING;
        if (running && (pending->sql == HPT_SQL_TRIAL_START || pending->sql == HPT_SQL_TRIAL_POINTS))
            hpt_run_stop(pending->slot->run, SIGKILL, hpt_time_monotonic_us());
        else
            hpt_slot_clear(pending->slot);
    }
    worker_fail(worker, steal_error);
}

static void take_answers(Worker *worker)
{
    for (;;) {
        g_auto(HptReply) reply = {0};
        g_autoptr(HptPending) pending = hpt_outbox_next(&worker->outbox, &reply);
        if (pending == NULL)
            return;
        if (reply.error != NULL)
            refused(worker, pending, g_steal_pointer(&reply.error));
        else
            answered(worker, pending, reply.rows);
    }
}

/* ---- the loop ---- */

/* Owned. */
static char *reason(const Worker *worker)
{
    if (worker->fatal != NULL) {
        g_auto(GStrv) lines = g_strsplit(worker->fatal->message, "\n", 2);
        return g_strdup_printf("cancelled: %s", lines[0]);
    }
    return worker->options->interrupted_by != NULL ? worker->options->interrupted_by()
                                                   : g_strdup("interrupted");
}

static void heed_interrupts(Worker *worker, int64_t now_us)
{
    int level = worker->options->interrupts == NULL ? 0 : (int)*worker->options->interrupts;
    if (worker->fatal != NULL && level < 2)
        level = 2; /* what runs cannot be recorded by a worker that ends */
    if (level <= worker->seen_interrupts)
        return;
    worker->seen_interrupts = level;
    if (worker->fatal == NULL)
        worker->end = HPT_WORKER_INTERRUPTED;
    g_free(worker->interrupted);
    worker->interrupted = reason(worker);
    worker->no_more = true;
    tell(worker, (HptWorkerEvent){.kind = HPT_WORKER_TICK});
    for (int i = 0; level >= 2 && i < worker->options->jobs; i++)
        if (worker->slots[i].state == HPT_SLOT_RUNNING)
            hpt_run_stop(worker->slots[i].run, level == 2 ? SIGTERM : SIGKILL, now_us);
}

/* The GPUs of a slot that does nothing are for others; false: one that is to begin gets none now. */
static bool take_gpus(Worker *worker, const HptSlot *slot)
{
    HptGpus *gpus = worker->context.resources->gpus;
    if (gpus == NULL || hpt_gpus_take(gpus, slot->index))
        return true;
    if (!worker->gpus_awaited)
        worker_note(worker, "waiting for a GPU: others hold them");
    worker->gpus_awaited = true;
    return false;
}

static void leave_gpus(Worker *worker)
{
    HptGpus *gpus = worker->context.resources->gpus;
    for (int i = 0; gpus != NULL && i < worker->options->jobs; i++)
        if (worker->slots[i].state == HPT_SLOT_IDLE)
            hpt_gpus_leave(gpus, i);
}

static void fill_slots(Worker *worker, int64_t now_us)
{
    leave_gpus(worker);
    if (!may_take_more(worker, now_us) || now_us < worker->poll_us || hpt_outbox_is_away(&worker->outbox))
        return;
    bool polling = worker->poll_us > 0;
    if (worker->reap_wanted) {
        worker->reap_wanted = false;
        g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
        hpt_outbox_deliver(&worker->outbox, notes);
        worker_note_all(worker, notes);
        hpt_outbox_post(&worker->outbox, HPT_SQL_WORKER_PEERS,
             hpt_reap_peers_args(worker->context.study_id, worker->identity), NULL);
    }
    for (int i = 0; i < worker->options->jobs; i++)
        if (worker->slots[i].state == HPT_SLOT_IDLE) {
            if (!take_gpus(worker, &worker->slots[i])) {
                worker->poll_us = next_poll_us(worker, now_us);
                return;
            }
            post_reserve(worker, &worker->slots[i]);
            if (polling)
                break; /* one question is enough */
        }
    worker->poll_us = polling ? next_poll_us(worker, now_us) : 0;
}

static int64_t next_deadline(const Worker *worker, int64_t now_us)
{
    int64_t next = MIN(MIN(worker->renew_us, worker->tick_us), hpt_outbox_deadline(&worker->outbox));
    if (may_take_more(worker, now_us)) {
        next = MIN(next, last_start(worker));
        if (worker->poll_us > 0 && count_state(worker, HPT_SLOT_IDLE) > 0)
            next = MIN(next, worker->poll_us);
    }
    for (int i = 0; i < worker->options->jobs; i++)
        if (worker->slots[i].state == HPT_SLOT_RUNNING) {
            const HptSlot *slot = &worker->slots[i];
            next = MIN(next, MIN(hpt_run_deadline(slot->run), slot->stop_us));
            if (slot->settle_us > 0)
                next = MIN(next, slot->settle_us);
            if (slot->gathers)
                next = now_us;
        }
    return next;
}

/* A slot whose batches the database has not taken yet reads no further: the trial waits for it. */
static bool is_held_up(const HptSlot *slot)
{
    return slot->batches >= BATCHES_UNDER_WAY;
}

static void wait_for_events(Worker *worker, struct pollfd *fds, int64_t now_us)
{
    nfds_t n = 0;
    if (!hpt_outbox_is_away(&worker->outbox) && hpt_db_fd(worker->db) >= 0)
        fds[n++] = (struct pollfd){.fd = hpt_db_fd(worker->db), .events = hpt_db_events(worker->db)};
    for (int i = 0; i < worker->options->jobs; i++)
        if (worker->slots[i].state == HPT_SLOT_RUNNING && !is_held_up(&worker->slots[i]))
            n += hpt_run_fds(worker->slots[i].run, fds + n);
    int64_t wait_us = MAX(next_deadline(worker, now_us) - now_us, 0);
    struct timespec timeout = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    /* EINTR is a signal: heed_interrupts sees it in the next round. */
    if (ppoll(fds, n, &timeout, worker->options->sigmask) < 0 && errno != EINTR)
        g_error("ppoll: %s", g_strerror(errno));
}

/* Lets in what has come, without waiting. */
static void take_signals(Worker *worker, int64_t now_us)
{
    struct timespec none = {0};
    (void)ppoll(NULL, 0, &none, worker->options->sigmask);
    heed_interrupts(worker, now_us); /* it may have come in the wait before */
}

static void send_points(Worker *worker, HptSlot *slot)
{
    if (slot->points == NULL || !hpt_points_full(slot->points) || slot->fenced)
        return;
    slot->batches++;
    hpt_outbox_post(&worker->outbox, HPT_SQL_TRIAL_POINTS, hpt_points_take(slot->points, slot->attempt_id), slot);
}

static void handle_runs(Worker *worker)
{
    int64_t now_us = hpt_time_monotonic_us();
    for (int i = 0; i < worker->options->jobs; i++) {
        HptSlot *slot = &worker->slots[i];
        if (slot->state != HPT_SLOT_RUNNING)
            continue;
        if (!is_held_up(slot) || now_us >= hpt_run_deadline(slot->run))
            hpt_run_handle(slot->run, now_us);
        send_points(worker, slot);
        hpt_judge_look_after(&worker->judge, slot);
        if (now_us >= slot->stop_us) {
            slot->stop_us = INT64_MAX;
            hpt_run_stop(slot->run, SIGTERM, now_us);
        }
        if (hpt_run_finished(slot->run))
            take_signals(worker, now_us); /* which may be why it has ended */
        if (hpt_run_finished(slot->run) &&
            hpt_slot_settle(slot, worker->interrupted != NULL, now_us) &&
            worker_gather(worker, slot))
            finish_trial(worker, slot, now_us);
    }
}

static void handle_clock(Worker *worker)
{
    int64_t now_us = hpt_time_monotonic_us();
    if (now_us >= worker->renew_us) {
        worker->renew_us = now_us + RENEW_US;
        if (!hpt_outbox_is_away(&worker->outbox) && count_state(worker, HPT_SLOT_RUNNING) > 0)
            post_renew(worker);
    }
    if (now_us >= worker->tick_us) {
        worker->tick_us = now_us + TICK_US;
        tell(worker, (HptWorkerEvent){.kind = HPT_WORKER_TICK});
    }
    if (now_us >= last_start(worker) && !worker->no_more && !worker->done) {
        worker->no_more = true;
        worker->end = HPT_WORKER_TIME;
        g_autofree char *text = hpt_turn_over_text(&worker->turn, now_us);
        if (now_us < worker->options->stop_us)
            worker_note(worker, text);
    }
}

static bool finished(const Worker *worker)
{
    bool idle = count_state(worker, HPT_SLOT_IDLE) == worker->options->jobs;
    bool away_for_good = (worker->fatal != NULL || worker->seen_interrupts >= 2) &&
                         hpt_outbox_is_away(&worker->outbox) &&
                         count_state(worker, HPT_SLOT_RUNNING) == 0;
    return away_for_good || (idle && (worker->done || worker->no_more) &&
                             hpt_outbox_is_empty(&worker->outbox));
}

/* While a trial runs, its result is worth waiting for. */
static void reopen(Worker *worker, int64_t now_us)
{
    g_autoptr(GError) gone = NULL;
    if (!hpt_outbox_reopen(&worker->outbox, now_us, &gone) &&
        (hpt_timeline_is_refusal(gone) || count_state(worker, HPT_SLOT_RUNNING) == 0))
        worker_fail(worker, g_steal_pointer(&gone));
}

static void loop(Worker *worker)
{
    g_autofree struct pollfd *fds =
        g_new(struct pollfd, (size_t)worker->options->jobs * HPT_RUN_FDS + 1);
    for (;;) {
        int64_t now_us = hpt_time_monotonic_us();
        heed_interrupts(worker, now_us);
        reopen(worker, now_us);
        fill_slots(worker, now_us);
        if (finished(worker))
            return;
        hpt_outbox_send_ended(&worker->outbox);
        wait_for_events(worker, fds, now_us);
        hpt_outbox_pump(&worker->outbox);
        take_answers(worker);
        handle_runs(worker);
        handle_clock(worker);
    }
}

/* ---- a whole run ---- */

bool hpt_worker_run(const HptWorkerOptions *options, HptWorkerEnd *end, GError **error)
{
    Worker worker = {
        .options = options,
        .db = hpt_project_get_db(options->project),
        .identity = hpt_identity_new(options->environment),
        .end = HPT_WORKER_DONE,
        .turn.end_us = options->end_us,
    };
    hpt_outbox_init(&worker.outbox, options->project, options->patience_us);
    bool begun = worker_begin(&worker, error);
    if (begun)
        loop(&worker);
    if (begun && hpt_outbox_is_away(&worker.outbox) && worker.fatal == NULL)
        worker.fatal = hpt_outbox_reason(&worker.outbox);
    if (worker.fatal != NULL)
        hpt_outbox_explain(&worker.outbox, worker.fatal);
    worker_finish(&worker);
    if (worker.fatal != NULL) {
        g_clear_error(&worker.storage);
        g_propagate_error(error, worker.fatal);
        return false;
    }
    if (worker.storage != NULL) {
        g_propagate_error(error, worker.storage);
        return false;
    }
    if (begun)
        *end = worker.end;
    return begun;
}
