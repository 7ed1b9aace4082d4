/* Finding and killing what a child left behind. Internal to run/; one thread only.
 *
 * We are a subreaper, so every process whose parent died becomes our direct child. Such an orphan
 * belongs to the child
 *   - whose process group or session it is in, or
 *   - whose marker ("HPT_DIR=…") stands in its environment, or
 *   - by elimination: no running child is old enough to have started it.
 * A PostgreSQL server that hpt itself started carries HPT_KEEP=1 and is left alone.
 */
#ifndef HPT_RUN_ORPHAN_H
#define HPT_RUN_ORPHAN_H

#include "run/child.h"

typedef struct {
    pid_t pid;         /* the main process; 0: none */
    char *marker;      /* or NULL */
    uint64_t start;    /* of the main process, clock ticks since boot; 0: not yet asked for */
    GHashTable *known; /* orphans seen so far; NULL: none */
    bool entered;      /* among those that hpt_orphan_sweep knows of */
    bool contained;    /* a helper: it has no orphans while it lives */
    bool waited;       /* its number may be another process's by now */
    unsigned passes;   /* sweeps so far */
} HptOrphanOwner;

void hpt_orphan_enter(HptOrphanOwner *owner);
void hpt_orphan_leave(HptOrphanOwner *owner);

/* Collects dead orphans (their CPU time is added to end), kills the living ones of owner and counts
 * them in end->left_behind. True: none is left. Cost without orphans: one small read. */
bool hpt_orphan_sweep(HptOrphanOwner *owner, HptEnd *end);

#endif
