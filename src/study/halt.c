#include "study/halt.h"

#include <math.h>
#include <string.h>

struct HptHalt {
    const HptRecorded *recorded;
    int64_t step;  /* the furthest that it has said on purpose, as in study/watch.h; -1: none */
    guint missing; /* curves that are not yet where they ended */
    bool *known;   /* one for each end */
    double *values;
    bool told, by_signal;
};

HptHalt *hpt_halt_new(const HptRecorded *recorded)
{
    if (recorded->stop_step < 0)
        return NULL;
    HptHalt *halt = g_new0(HptHalt, 1);
    halt->recorded = recorded;
    halt->step = -1;
    halt->missing = recorded->ends->len;
    halt->known = g_new0(bool, halt->missing + 1);
    halt->values = g_new0(double, halt->missing + 1);
    return halt;
}

void hpt_halt_free(HptHalt *halt)
{
    if (halt == NULL)
        return;
    g_free(halt->known);
    g_free(halt->values);
    g_free(halt);
}

static guint find_end(const HptHalt *halt, const char *name)
{
    const GArray *ends = halt->recorded->ends;
    guint i = 0;
    while (i < ends->len && strcmp(g_array_index(ends, HptRecordedPoint, i).name, name) != 0)
        i++;
    return i;
}

void hpt_halt_add(const HptPoint *point, void *user)
{
    HptHalt *halt = user;
    const GArray *ends = halt->recorded->ends;
    if (point->rule == HPT_RULE_REPORT || point->rule == HPT_RULE_RE)
        halt->step = MAX(halt->step, point->step);
    guint i = find_end(halt, point->name);
    if (i == ends->len || point->step != g_array_index(ends, HptRecordedPoint, i).step)
        return;
    halt->missing -= !halt->known[i];
    halt->known[i] = true;
    halt->values[i] = point->value;
}

void hpt_halt_look(HptHalt *halt, HptSlot *slot, int64_t now_us)
{
    const HptRecorded *recorded = halt->recorded;
    bool asking = hpt_run_is_asking(slot->run);
    if (halt->told || hpt_run_finished(slot->run) || halt->step < recorded->stop_step ||
        (!asking && halt->missing > 0))
        return;
    HptPruneDecision decision = {.stop = true, .rule = recorded->stop_rule, .threshold = NAN};
    g_strlcpy(decision.reason, recorded->stop_reason, sizeof decision.reason);
    halt->told = true;
    halt->by_signal = !asking;
    hpt_slot_prune(slot, &decision, now_us);
}

bool hpt_halt_by_signal(const HptHalt *halt)
{
    return halt->by_signal;
}

bool hpt_halt_value(const HptHalt *halt, const char *name, double *value)
{
    guint i = find_end(halt, name);
    if (i == halt->recorded->ends->len || !halt->known[i])
        return false;
    *value = halt->values[i];
    return true;
}
