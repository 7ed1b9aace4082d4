/* Helpers (tools/hpt-contain.c): started when there is none, given one child after the other.
 * Internal to run/; one thread only.
 *
 * A start takes as long as a start of two commands, so a helper that has nothing left below it waits
 * in its containment's pool for the next child. It never has two, and one that could not kill
 * everything, or has not been heard to the end, is not used again.
 */
#ifndef HPT_RUN_HELPER_H
#define HPT_RUN_HELPER_H

#include "run/child.h"
#include "run/orphan.h"
#include "run/wire.h"

typedef struct {
    pid_t pid;
    int pidfd, channel;
    HptOrphanOwner idle; /* what it is while it waits: nobody's orphan */
} HptHelper;

/* With the three standard streams (not below 3, stay ours) and spec's own, it starts spec->argv.
 * Fails HPT_ERROR_IO, _UNSUPPORTED. */
HptHelper *hpt_helper_begin(const HptChildSpec *spec, const int streams[3],
                            GError **error) HPT_WARN_UNUSED;
/* Whether the mode can be had: what a new helper says. It then waits in the pool. */
bool hpt_helper_try(const HptContain *contain, GError **error) HPT_WARN_UNUSED;

/* The next report, without waiting: 1, or 0: there is none yet, or -1: the helper has ended. fds: what
 * came with it, or -1; the caller's. */
int hpt_helper_hear(const HptHelper *helper, HptContainReport *report, int fds[2]);

/* After GONE or FAULT. */
void hpt_helper_give_back(const HptContain *contain, HptHelper *helper);
/* Ends it and all below it, and waits for it: two seconds, then with KILL. waited: somebody has. */
void hpt_helper_free(HptHelper *helper, bool waited);

#endif
