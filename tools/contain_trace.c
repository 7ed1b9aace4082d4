#include "tools/contain_trace.h"

#include "tools/contain_files.h"
#include "tools/contain_filter.h"
#include "tools/contain_later.h"
#include "tools/contain_note.h"
#include "tools/contain_preload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Headers before Linux 6.6. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static struct {
    int listener;     /* -1: none */
    int attach_errno; /* why */
    int no_new_privs;
    bool preload; /* listener is a socket */
    bool deserted;
    bool blind; /* names do not mean any more what they mean to us */
} trace = {.listener = -1};

void trace_begin(const char *below, const char *not_below, const char *spool, bool preload)
{
    files_begin(below, not_below, spool);
    note_begin(preload);
    trace.preload = preload;
    if (preload)
        trace.listener = preload_open();
    trace.blind = trace.deserted = false;
    trace.attach_errno = 0;
}

void trace_attach(uintptr_t free_env)
{
    errno = ENOSYS;
    trace.listener = filter_supported() ? filter_attach(free_env, &trace.no_new_privs) : -1;
    trace.attach_errno = errno;
}

int trace_get_fd(void)
{
    return trace.deserted ? -1 : trace.listener;
}

void trace_deserted(void)
{
    trace.deserted = true;
}

void trace_started(pid_t pid, const char *program, const char *directory, const char *path)
{
    if (trace.preload) {
        if (trace.listener >= 0)
            note_command(pid, program, directory, path, false);
        return;
    }
    if (trace.listener < 0) {
        files_incomplete(true, "this system does not let trials be traced (seccomp: %s)",
                         trace.attach_errno == EBUSY ? "somebody else traces already"
                                                     : strerror(trace.attach_errno));
        return;
    }
    /* The one who is woken takes over this CPU: both wait for each other anyway. */
    (void)ioctl(trace.listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
    note_command(pid, program, directory, path, trace.no_new_privs != 0);
}

/* ---- calls ---- */

static void go_blind(const char *why)
{
    files_incomplete(false, "%s: what it opened after that is not known", why);
    trace.blind = true;
}

static void see_openat2(pid_t tid, int at, uint64_t path, uint64_t how_at)
{
    struct open_how how;
    if (!note_read(tid, how_at, &how, sizeof how))
        return;
    if ((how.resolve & RESOLVE_IN_ROOT) != 0 && (how.flags & (O_DIRECTORY | O_PATH)) == 0)
        files_incomplete(false, "a program opened a file below a root of its own (openat2)");
    else
        note_openat(tid, at, path, how.flags);
}

#ifdef FILTER_ARCH
static void see(const struct seccomp_notif *call)
{
    pid_t tid = (pid_t)call->pid;
    const __u64 *args = call->data.args;
    int number = call->data.nr;
    if (call->data.arch != FILTER_ARCH) {
        files_incomplete(false,
                         "a program for another machine (32 bits) ran, whose files are not seen");
        return;
    }
#ifdef FILTER_OTHER_ABI
    if ((number & FILTER_OTHER_ABI) != 0) {
        files_incomplete(false,
                         "a program for another machine (x32) ran, whose files are not seen");
        return;
    }
#endif
    later_settle(tid);
    switch (number) {
    case SYS_openat:
        note_openat(tid, (int)args[0], args[1], args[2]);
        break;
#ifdef SYS_open
    case SYS_open:
        note_openat(tid, AT_FDCWD, args[0], args[1]);
        break;
    case SYS_creat:
        note_openat(tid, AT_FDCWD, args[0], O_CREAT | O_WRONLY | O_TRUNC);
        break;
    case SYS_unlink:
        note_unlink(tid, AT_FDCWD, args[0]);
        break;
    case SYS_rename:
        note_rename(tid, AT_FDCWD, args[0], AT_FDCWD, args[1], 0);
        break;
    case SYS_link:
        note_link(tid, AT_FDCWD, args[0], AT_FDCWD, args[1], 0);
        break;
    case SYS_symlink:
        note_symlink(tid, AT_FDCWD, args[1]);
        break;
#endif
#ifdef SYS_renameat
    case SYS_renameat:
        note_rename(tid, (int)args[0], args[1], (int)args[2], args[3], 0);
        break;
#endif
    case SYS_openat2:
        see_openat2(tid, (int)args[0], args[1], args[2]);
        break;
    case SYS_unlinkat:
        if ((args[2] & AT_REMOVEDIR) == 0)
            note_unlink(tid, (int)args[0], args[1]);
        break;
    case SYS_renameat2:
        note_rename(tid, (int)args[0], args[1], (int)args[2], args[3], (unsigned)args[4]);
        break;
    case SYS_linkat:
        note_link(tid, (int)args[0], args[1], (int)args[2], args[3], (unsigned)args[4]);
        break;
    case SYS_symlinkat:
        note_symlink(tid, (int)args[1], args[2]);
        break;
    case SYS_truncate:
        note_open(tid, AT_FDCWD, args[0], NOTE_WRITES);
        break;
    case SYS_execve:
        note_exec(tid, AT_FDCWD, args[0], 0, trace.no_new_privs != 0);
        break;
    case SYS_execveat:
        note_exec(tid, (int)args[0], args[1], (unsigned)args[4], trace.no_new_privs != 0);
        break;
    case SYS_chdir:
    case SYS_fchdir:
        note_chdir(tid);
        break;
    case SYS_io_uring_setup:
        files_incomplete(false, "a program used io_uring, which can open files unseen");
        break;
    case SYS_open_by_handle_at:
        files_incomplete(false, "a program opened a file by handle, without a name");
        break;
    case SYS_chroot:
    case SYS_pivot_root:
        go_blind("a program changed its root");
        break;
    case SYS_mount:
    case SYS_umount2:
    case SYS_move_mount:
    case SYS_setns:
        go_blind("a program changed what is mounted where");
        break;
    default:
        break;
    }
}
#else
static void see(const struct seccomp_notif *call)
{
    (void)call;
}
#endif

void trace_serve(void)
{
    /* A later kernel may say more. */
    static union {
        struct seccomp_notif notif;
        char space[1024];
    } call;
    union {
        struct seccomp_notif_resp response;
        char space[256];
    } answer = {.space = {0}};
    if (trace.preload) {
        preload_serve(trace.listener);
        return;
    }
    memset(&call, 0, sizeof call);
    if (ioctl(trace.listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
        return; /* killed meanwhile */
    if (!trace.blind)
        see(&call.notif);
    answer.response.id = call.notif.id;
    answer.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    (void)ioctl(trace.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

int trace_hand_over(bool goes_on, int *kept)
{
    later_settle(0);
    int fd = files_write(kept);
    if (goes_on) {
        files_mark();
        return fd;
    }
    later_end();
    files_end();
    if (trace.listener >= 0)
        close(trace.listener);
    trace.listener = -1;
    return fd;
}
