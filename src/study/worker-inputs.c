#include "study/worker-internal.h"

#include "base/text.h"

#define GATHER_US INT64_C(5000) /* at once, so that no other trial waits */

bool worker_gather_begin(Worker *worker, HptSlot *slot, GError **error)
{
    slot->gathering =
        hpt_gathering_new(worker->intake, slot->tracked, slot->looked_ns, error);
    return slot->gathering != NULL;
}

bool worker_gather(Worker *worker, HptSlot *slot)
{
    const HptRunResult *result = hpt_run_get_result(slot->run);
    if (slot->fenced)
        return true;
    if (result->trace != NULL && !slot->trace_taken)
        hpt_gathering_add_trace(slot->gathering, result->trace);
    slot->trace_taken = true;
    if (worker->seen_interrupts >= 2)
        hpt_gathering_cut(slot->gathering);
    slot->gathers = !hpt_gathering_step(slot->gathering, hpt_time_monotonic_us() + GATHER_US);
    return !slot->gathers;
}

static void note_untraced(Worker *worker, const HptSlot *slot)
{
    const HptRunResult *result = slot->run == NULL ? NULL : hpt_run_get_result(slot->run);
    if (result == NULL || result->trace == NULL || !result->trace->refused || worker->untraced_told)
        return;
    worker->untraced_told = true;
    g_autofree char *text = g_strdup_printf(
        "the files that trials use are not recorded: %s%s", result->trace->reason,
        worker->trace.preload ? "" : "\nhint: --trace=preload sees most of what dynamically linked programs open");
    worker_note(worker, text);
}

static void note_changed(Worker *worker, const HptSlot *slot)
{
    if (slot->code_changed->len == 0 || worker->changed_told)
        return;
    worker->changed_told = true;
    g_autofree char *name = hpt_text_printable(slot->code_changed->pdata[0], -1);
    g_autofree char *text = g_strdup_printf(
        "trial %" PRId64 ": '%s' was changed after its code was recorded and before it was read; see "
        "code_changed of the view trial",
        slot->number, name);
    worker_note(worker, text);
}

void worker_gather_end(Worker *worker, HptSlot *slot)
{
    HptGathered gathered = hpt_gathering_end(slot->gathering);
    if (gathered.put_common != NULL)
        hpt_outbox_post_with_end(&worker->outbox, HPT_SQL_INPUTS_PUT, gathered.put_common,
                                 &gathered.common->digest);
    if (gathered.put_own != NULL)
        hpt_outbox_post_with_end(&worker->outbox, HPT_SQL_INPUTS_PUT, gathered.put_own,
                                 &gathered.own->digest);
    if (gathered.put_environment != NULL)
        hpt_outbox_post_with_end(&worker->outbox, HPT_SQL_ENVIRONMENT_PUT, gathered.put_environment,
                                 gathered.environment);
    slot->environment = gathered.environment;
    slot->code_changed = gathered.changed;
    note_changed(worker, slot);
    slot->inputs = gathered.own == NULL ? NULL : &gathered.own->digest;
    slot->common = gathered.common == NULL ? NULL : &gathered.common->digest;
    note_untraced(worker, slot);
    const char *note = hpt_gathering_peek_note(slot->gathering);
    if (note == NULL || worker->intake_told)
        return;
    worker->intake_told = true;
    g_autofree char *text = g_strdup_printf("trial %" PRId64 ": %s", slot->number, note);
    worker_note(worker, text);
}
