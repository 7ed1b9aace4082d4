/* From a spec to a process: what happens between clone and exec. Internal to run/; one thread only.
 *
 * The new process shares our memory until it execs, so a large parent costs nothing, and what went
 * wrong is written where we read it.
 */
#ifndef HPT_RUN_LAUNCH_H
#define HPT_RUN_LAUNCH_H

#include "run/child.h"
#include "run/wire.h"

typedef struct {
    const HptChildSpec *spec;
    int in, out, err;
    int channel; /* the helper's end; contained only */
} HptLaunch;

/* Written by the child; volatile as it does so behind the compiler's back. */
typedef struct {
    volatile HptStep step; /* NONE: it runs */
    volatile int errnum;
    const char *volatile detail; /* CONTAIN: what was refused; static */
} HptFault;

/* Starts spec->argv, or with spec->contain the helper in front of it. -1: errno. After a fault the
 * process has ended and is to be waited for. */
pid_t hpt_launch(const HptLaunch *launch, HptFault *fault);

/* The order for the helper, on our end of the channel, before it is started. */
bool hpt_launch_order(int channel, const HptChildSpec *spec, bool probe);

#endif
