/* What our process hands down to the commands it starts: the kind "process" of the environment
 * record.
 *
 * directory   where it works, relative to the project ("." is the project itself), absolute outside
 * project     the folder of the project; absent where there is none
 * umask       four octal digits
 * nice        where it is not 0
 * aslr        "off" where addresses are not randomised (personality(2) or the kernel's setting)
 * limit_NAME  soft limits that are set: as, core, cpu, data, fsize, memlock, nofile, nproc, stack;
 *             bytes, seconds or a count, as getrlimit(2) has them
 */
#ifndef HPT_RECORD_PROCESS_H
#define HPT_RECORD_PROCESS_H

#include "base/error.h"

/* name and value live for the call. */
typedef void (*HptProcessFunc)(const char *name, const char *value, void *user);

/* project: an existing folder, or NULL. What cannot be told is left out. */
void hpt_process_describe(const char *project, HptProcessFunc func, void *user);

/* Sets the soft limit of that name ("stack") to value as it is recorded, as far as the hard limit
 * allows. False: no such limit, no number, or not allowed. */
bool hpt_process_set_limit(const char *name, const char *value) HPT_WARN_UNUSED;

/* The processes that this one starts get their addresses at the same places every time. False: not
 * on this kernel. */
bool hpt_process_fix_addresses(void) HPT_WARN_UNUSED;

#endif
