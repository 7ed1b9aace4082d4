/* From a spec to a process: what happens between clone and exec. Internal to run/; one thread only.
 *
 * The new process shares our memory until it execs, so a large parent costs nothing, and what went
 * wrong is written where we read it. -1: errno. After a fault the process has ended and is to be
 * waited for.
 */
#ifndef HPT_RUN_LAUNCH_H
#define HPT_RUN_LAUNCH_H

#include "run/child.h"
#include "run/wire.h"

/* Written by the child; volatile as it does so behind the compiler's back. */
typedef struct {
    volatile HptStep step; /* NONE: it runs */
    volatile int errnum;
    const char *volatile detail; /* CONTAIN: what was refused; static */
} HptFault;

/* Starts spec->argv itself, with these as its standard streams. */
pid_t hpt_launch_bare(const HptChildSpec *spec, const int streams[3], HptFault *fault);

/* Starts the helper, in its namespaces: null is its standard streams, channel, not below
 * HPT_CONTAIN_FD, its end of the socket. */
pid_t hpt_launch_helper(const HptContain *contain, int null, int channel, HptFault *fault);

#endif
