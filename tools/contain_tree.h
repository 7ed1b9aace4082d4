/* The processes below this one: what they use, and their end. For hpt-contain; libc only. */
#ifndef HPT_TOOLS_CONTAIN_TREE_H
#define HPT_TOOLS_CONTAIN_TREE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t rss_bytes; /* shared pages once for each process */
    int64_t cpu_us;    /* of the living and of all that were waited for */
} TreeUse;

/* CPU time of all that were waited for since we began: those of earlier trials are among them. */
int64_t tree_ended_us(void);

/* Where to look: everything in /proc but us (is_pid_one), the processes of a cgroup (its folder, or
 * ""), or else our descendants. What ends meanwhile is left out. */
TreeUse tree_measure(bool is_pid_one, const char *cgroup);

/* The same processes' proportional set: a page shared by n counts 1/n for each. Where the kernel
 * does not tell, the resident set without shared pages. */
int64_t tree_proportional_bytes(bool is_pid_one, const char *cgroup);

/* SIGKILL to every child of ours; theirs become ours when they are dead. */
void tree_kill_children(void);

#endif
