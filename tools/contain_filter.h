/* The filter that sends a trial's system calls with names of files to its tracer. For hpt-contain;
 * libc only. */
#ifndef HPT_TOOLS_CONTAIN_FILTER_H
#define HPT_TOOLS_CONTAIN_FILTER_H

#include <linux/audit.h>
#include <stdint.h>

#if defined __x86_64__
#define FILTER_ARCH AUDIT_ARCH_X86_64
#define FILTER_OTHER_ABI 0x40000000 /* x32: a bit of the number */
#elif defined __aarch64__
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

/* Puts the calling process, and all that will come of it, under the filter. The execve whose
 * environment is at free_env goes through unseen: it is that of the command itself, which the
 * parent waits for. *no_new_privs: the process and its children get no rights by set-uid programs
 * any more, which is asked of those that are not root.
 *
 * The tracer's end, close-on-exec; when the last copy of it is closed the calls fail with ENOSYS.
 * -1: errno, and nothing was done. No allocation. */
int filter_attach(uintptr_t free_env, int *no_new_privs);

/* What all of it can do begins with Linux 5.5. */
int filter_supported(void);

#endif
