#include "tools/contain_preload.h"

#include "run/tracecall.h"
#include "tools/contain_files.h"
#include "tools/contain_later.h"
#include "tools/contain_note.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define SLOW_MS 100 /* between a caller's connecting and its call: it may be stopped just then */

/* ---- before the start ---- */

/* Beside us; NULL: why. */
static const char *find_library(char path[PATH_MAX], const char **why)
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof HPT_TRACE_LIBRARY);
    char *slash = n < 0 ? NULL : memrchr(path, '/', (size_t)n);
    *why = "its own folder is not known";
    if (slash == NULL)
        return NULL;
    memcpy(slash + 1, HPT_TRACE_LIBRARY, sizeof HPT_TRACE_LIBRARY);
    *why = "a space or colon in its name";
    if (strpbrk(path, " :") != NULL)
        return NULL;
    *why = strerror(ENOENT);
    return access(path, R_OK) == 0 ? path : NULL;
}

/* Until the next one: putenv keeps the text itself. False: no memory. */
static bool set_variable(char **kept, const char *name, const char *value, const char *rest)
{
    char *old = *kept;
    bool fine = asprintf(kept, "%s=%s%s%s", name, value, *rest == '\0' ? "" : ":", rest) >= 0 && putenv(*kept) == 0;
    free(old);
    return fine;
}

static int refuse(int fd, const char *what, const char *why)
{
    files_incomplete(true, "trials cannot be traced by a preloaded library (%s: %s)", what, why);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The library compares: a process under more of them is not to speak. */
static long own_filters(void)
{
    char status[8192];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, status, sizeof status - 1);
    if (fd >= 0)
        close(fd);
    status[n < 0 ? 0 : n] = '\0';
    long filters = hpt_trace_filters(status);
    return filters < 0 ? LONG_MAX : filters; /* not known: nobody is taken for restrained */
}

int preload_open(void)
{
    static char *load, *name;
    char path[PATH_MAX];
    const char *why, *library = find_library(path, &why), *users = getenv("LD_PRELOAD");
    if (library == NULL)
        return refuse(-1, HPT_TRACE_LIBRARY, why);
    /* Bound to no name, it gets one of its own. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t bytes = sizeof address;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address.sun_family) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
        return refuse(fd, "socket", strerror(errno));
    int length = (int)(bytes - offsetof(struct sockaddr_un, sun_path)) - 1;
    char given[sizeof address.sun_path + 32];
    snprintf(given, sizeof given, "%.*s", length, address.sun_path + 1);
    size_t used = strlen(given);
    snprintf(given + used, sizeof given - used, ".%ld", own_filters());
    if (!set_variable(&name, HPT_TRACE_VARIABLE, given, "") ||
        !set_variable(&load, "LD_PRELOAD", library, users == NULL ? "" : users))
        return refuse(fd, "environment", strerror(ENOMEM));
    files_incomplete(false, "preload: static programs, direct system calls and what clears LD_PRELOAD are not seen");
    return fd;
}

/* ---- calls ---- */

static uint64_t address_of(const char *text)
{
    return (uint64_t)(uintptr_t)text;
}

/* texts: one NUL after the other, up to end. */
static void see(const HptTraceCall *call, pid_t tid, const char *texts, const char *end)
{
    const char *second = texts + strlen(texts) + 1;
    uint64_t path = address_of(texts), to = address_of(second < end ? second : "");
    later_settle(tid);
    switch (call->call) {
    case SYS_openat:
        note_openat(tid, call->at, path, call->flags);
        break;
    case SYS_truncate:
        note_open(tid, call->at, path, NOTE_WRITES);
        break;
    case SYS_unlinkat:
        if ((call->flags & AT_REMOVEDIR) == 0)
            note_unlink(tid, call->at, path);
        break;
    case SYS_renameat2:
        note_rename(tid, call->at, path, call->to_at, to, call->flags);
        break;
    case SYS_linkat:
        note_link(tid, call->at, path, call->to_at, to, call->flags);
        break;
    case SYS_symlinkat:
        note_symlink(tid, call->at, path);
        break;
    case SYS_execve:
        note_exec(tid, call->at, path, 0, false);
        break;
    case HPT_TRACE_CALL_SEARCH:
        note_search(tid, path, to);
        break;
    case HPT_TRACE_CALL_MADE:
        note_made(tid, path);
        break;
    case HPT_TRACE_CALL_LOADED:
        for (; texts < end; texts += strlen(texts) + 1)
            note_open(tid, AT_FDCWD, address_of(texts), NOTE_READS);
        break;
    case HPT_TRACE_CALL_FORBIDS:
        files_incomplete_too("a program forbade itself calls (seccomp, no_new_privs): what came after may not be seen");
        break;
    default:
        break;
    }
}

/* Its caller is killed, or waited long enough: what it was about to do it may do already. */
static bool has_left(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    return poll(&end, 1, 0) != 0;
}

/* Names below another root mean something else. */
static bool has_our_root(pid_t pid)
{
    char root[32];
    struct stat theirs, ours;
    snprintf(root, sizeof root, "/proc/%d/root", (int)pid);
    return stat(root, &theirs) == 0 && stat("/", &ours) == 0 && theirs.st_dev == ours.st_dev &&
           theirs.st_ino == ours.st_ino;
}

static void hear(int fd, pid_t pid)
{
    static struct {
        HptTraceCall call;
        char texts[HPT_TRACE_CALL_MAX];
    } heard;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (poll(&ready, 1, SLOW_MS) != 1)
        return;
    ssize_t n = recv(fd, &heard, sizeof heard, MSG_TRUNC);
    if (n <= (ssize_t)sizeof heard.call || n > (ssize_t)sizeof heard)
        return;
    const char *end = (const char *)&heard + n;
    if (end[-1] != '\0' || has_left(fd) || !has_our_root(pid))
        return;
    int64_t kept = files_kept_bytes();
    /* In a PID namespace of its own it does not know what we call it. */
    see(&heard.call, heard.call.pid == pid ? heard.call.tid : pid, heard.texts, end);
    if (files_kept_bytes() != kept && has_left(fd))
        files_doubt(kept);
}

void preload_serve(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer;
    socklen_t bytes = sizeof peer;
    if (fd < 0)
        return;
    /* Whoever is on this machine may connect. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 && peer.uid == geteuid())
        hear(fd, peer.pid);
    close(fd);
}
