/* One child process: what is started, how it ended, and that nothing of it is left.
 *
 * With a containment (run/contain.h) the child is a helper that starts the command and answers for
 * everything below it, also when we are killed. Without one it is the command itself, and the rest
 * of this comment is about that.
 *
 * The child gets its own process group, default signals and an empty mask, stdin from null or from
 * given bytes, stdout and stderr on pipes, and no other descriptor of ours but those named for it. It shares our memory
 * until it execs (vfork), so a large parent costs nothing.
 *
 * SIGCHLD must not be ignored; where it is, the first start sets it to its default.
 * We are made a subreaper at the first start: what a child leaves behind becomes ours, is found,
 * killed and counted, including double forks, new sessions and cleared environments.
 *
 * If we are killed the child's main process is killed with us (PR_SET_PDEATHSIG).
 *
 * Life: hpt_child_start; poll hpt_child_get_fd; hpt_child_reap when it is readable; hpt_child_sweep
 * until it says done; hpt_child_free. A child that is freed early is killed and waited for.
 */
#ifndef HPT_RUN_CHILD_H
#define HPT_RUN_CHILD_H

#include "run/contain.h"
#include "run/trace.h"

#include <sched.h>
#include <sys/types.h>

typedef enum {
    HPT_END_EXITED,       /* by itself, with status */
    HPT_END_SIGNALLED,    /* by a signal that we did not send */
    HPT_END_TIMEOUT,      /* we ended it: time was up */
    HPT_END_STOPPED,      /* we ended it: interrupted */
    HPT_END_MEMORY,       /* it was ended: over its limit of memory */
    HPT_END_CPU,          /* it was ended: over its limit of CPU time */
    HPT_END_START_FAILED, /* never ran: step and errnum say why; status is 125 to 127 */
} HptEndKind;

typedef struct {
    HptEndKind kind;
    int status;       /* what env(1) would say: the exit status, 128 + signal, 125, 126, 127 */
    int signal;       /* that ended the main process, or 0, whatever the kind */
    bool core_dumped; /* only with signal */
    const char *step; /* START_FAILED: "directory 'x'", "exec 'y'"…; owned by the child */
    int errnum;       /* START_FAILED */
    const char *hint; /* START_FAILED: what may be meant, or NULL; static */

    int64_t wall_us, user_us, system_us; /* user and system include the waited-for descendants */
    int64_t maxrss_bytes;                /* of the largest process */
    int64_t maxrss_floor_bytes; /* our own peak at the start, which Linux counts as the child's: a
                                   maxrss at the floor only says "not more than that" */
    int64_t minor_faults, major_faults, voluntary_switches, involuntary_switches;
    int64_t blocks_in, blocks_out; /* 512 bytes each */

    size_t left_behind; /* processes alive when the main one had ended; killed */
    bool survivors;     /* some could not be killed within ten seconds */

    int64_t limit, seen;     /* MEMORY: bytes, CPU: µs; what was allowed and what was there */
    const char *containment; /* the mode's name; NULL: none; static */
} HptEnd;

/* What a traced child's trace (run/trace.h) keeps: the content of files below below and not below
 * not_below that the child changes, in unnamed files in spool. NULL: nothing, or in memory. */
typedef struct {
    const char *below, *not_below, *spool;
    const char *limit; /* why it cannot be complete; NULL: it can */
    bool preload;      /* by a library that is loaded before others: never complete */
} HptTraceSpec;

/* Everything borrowed for the time of the call. */
typedef struct {
    const char *const *argv; /* argv[0] is looked for in PATH unless it has a slash */
    const char *const *env;  /* the whole environment */
    const char *directory;   /* NULL: ours */
    const void *input;       /* bytes for stdin; NULL: /dev/null */
    size_t input_length;
    const int *extra; /* what the child gets as 3, 4 …; each above them by two or more, all stay ours */
    size_t n_extra;
    const HptContain *contain;             /* outlives the child; NULL: bare */
    int64_t limit_mem_bytes, limit_cpu_us; /* of all its processes; 0: none; contained only */
    const cpu_set_t *cpus;                 /* where it may run; NULL: where we may */
    const char *marker; /* an entry of env that no other running child has ("HPT_DIR=…"): by it
                           descendants are told apart; NULL: by process group and session only */
    const HptTraceSpec *trace; /* NULL: not traced; contained only */
} HptChildSpec;

typedef struct HptChild HptChild;

/* Starts a child. Fails HPT_ERROR_IO or _UNSUPPORTED only for faults of ours (no descriptors, no
 * memory, no processes or namespaces left, no pidfd); a command that cannot be run is a child that
 * has ended, or will at once. */
HptChild *hpt_child_start(const HptChildSpec *spec, GError **error) HPT_WARN_UNUSED;
void hpt_child_free(HptChild *child);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptChild, hpt_child_free)

/* -1 when there is none. The pid is the helper's if there is one. The descriptor changes during the
 * child's life and is readable when reap or sweep have something to do. The stream descriptors are
 * non-blocking and are the child object's until steal takes them. */
pid_t hpt_child_get_pid(const HptChild *child);
int hpt_child_get_fd(const HptChild *child);
int hpt_child_steal_stdout(HptChild *child);
int hpt_child_steal_stderr(HptChild *child);

/* Sends a signal to the command's process group; false once the main process was reaped. A KILL that
 * has done nothing and is repeated after a second ends the helper, too. */
bool hpt_child_signal(HptChild *child, int signal);
/* How the end will be named if it comes now (TIMEOUT or STOPPED); the first call counts. */
void hpt_child_blame(HptChild *child, HptEndKind kind);

/* Kills the leftovers and takes the status if the main process has ended; false: it has not.
 * After true, call hpt_child_sweep now and then (a millisecond apart) until it is true: nothing of
 * this child is alive any more, or ten seconds have passed. Neither ever blocks. */
bool hpt_child_reap(HptChild *child);
bool hpt_child_sweep(HptChild *child);

/* Kills every process that may be seen whose environment has the entry marker, or one that begins so:
 * what the child of an hpt-run that was killed has left. How many; 0 where /proc is not there. */
size_t hpt_child_kill_marked(const char *marker, bool beginning);

/* Complete after sweep said true. Borrowed. */
const HptEnd *hpt_child_get_end(const HptChild *child);

/* The files that it used, once sweep said true; NULL: it was not traced. Owned; a second call gives
 * NULL. */
HptTrace *hpt_child_steal_trace(HptChild *child);
/* Of a traced child that goes on: what it used since the last mark. ask, then take when the
 * descriptor is readable, until it is not NULL or the child has ended. */
void hpt_child_ask_trace(HptChild *child);
HptTrace *hpt_child_take_trace(HptChild *child);

/* One line for people and the record: "exit status 3", "signal 11 (SIGSEGV), core dumped",
 * "timeout", "CPU limit 10s exceeded", "exec 'trian': No such file or directory". Owned. */
char *hpt_end_text(const HptEnd *end);

/* The environment for children: inherited without hpt's own (HPT_*) and without what leads to a
 * database (PG*). Owned (g_strfreev). */
char **hpt_child_environment(const char *const *inherited);

#endif
