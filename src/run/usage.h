/* What a process that lives on, and those below it, used between two moments. Internal to run/.
 *
 * CPU time is the clock of each living process (all its threads, to the microsecond) and, in steps
 * of the kernel's tick (10 ms), that of children that were waited for; how the sum divides into user
 * and system is known by ticks only. The peaks of memory are set back at the beginning where the
 * kernel allows it (Linux 4.0), else they are those since each process started; the largest counts.
 */
#ifndef HPT_RUN_USAGE_H
#define HPT_RUN_USAGE_H

#include "run/child.h"

typedef struct {
    int64_t total_us, system_us;
} HptUsage;

/* Right after a child's start, of its process alone: a helper has served others before. */
void hpt_usage_base(pid_t pid, HptUsage *base);
void hpt_usage_begin(pid_t pid, HptUsage *before);
/* user_us, system_us and maxrss_bytes of end, for a process that runs. */
void hpt_usage_end(pid_t pid, const HptUsage *before, HptEnd *end);
/* From the usage of a whole life, what it was before: since base. */
void hpt_usage_subtract(const HptUsage *before, const HptUsage *base, HptEnd *end);

#endif
