/* hpt-trace.so: what hpt-run --trace=preload puts in front of LD_PRELOAD of a trial.
 *
 * It stands before the functions of libc that name files, says to hpt-contain what they are about to do
 * (run/tracecall.h) and waits until that has looked. docs/design/tracing.md says what is not seen so.
 *
 * It runs in programs that know nothing of it. So there is no state but whether it speaks; a descriptor
 * lives for one call, since programs close what they do not know; nothing is allocated or locked; what
 * speaks are bare system calls, which are no points of cancellation; errno stays; and whatever goes
 * wrong, the program goes on. Only a helper that answers nobody costs time, once a process.
 */
#include "run/tracecall.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define WAIT_S 2

/* ---- speaking ---- */

enum { NEW, SPEAKS, SILENT };
static int state;
static struct sockaddr_un tracer = {.sun_family = AF_UNIX};
static socklen_t tracer_bytes;

static void be_silent(void)
{
    __atomic_store_n(&state, SILENT, __ATOMIC_RELEASE);
}

/* Is this process under more filters than the helper? Who ran it has forbidden calls then, sockets probably among them,
 * and it would be killed for one. */
static bool is_restrained(long filters)
{
    char status[8192];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
    long n = fd < 0 ? -1 : syscall(SYS_read, fd, status, sizeof status - 1);
    if (fd >= 0)
        syscall(SYS_close, fd);
    status[n < 0 ? 0 : n] = '\0';
    return hpt_trace_filters(status) > filters;
}

static bool speaks(void)
{
    int now = __atomic_load_n(&state, __ATOMIC_ACQUIRE);
    if (now != NEW)
        return now == SPEAKS;
    const char *name = getenv(HPT_TRACE_VARIABLE), *dot = name == NULL ? NULL : strrchr(name, '.');
    size_t length = dot == NULL ? 0 : (size_t)(dot - name);
    int saved = errno;
    bool known = length > 0 && length < sizeof tracer.sun_path && !is_restrained(strtol(dot + 1, NULL, 10));
    errno = saved;
    if (known) {
        memcpy(tracer.sun_path + 1, name, length);
        tracer_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    }
    __atomic_store_n(&state, known ? SPEAKS : SILENT, __ATOMIC_RELEASE);
    return known;
}

static long pause_until(struct pollfd *event, struct timespec limit)
{
    return syscall(SYS_ppoll, event, (long)(event != NULL), &limit, NULL, 0);
}

/* EAGAIN: so many at once that its queue is full. */
static bool reach(int fd)
{
    for (int round = 0; syscall(SYS_connect, fd, &tracer, tracer_bytes) != 0; round++) {
        if (errno != EAGAIN || round == WAIT_S * 1000)
            return false;
        (void)pause_until(NULL, (struct timespec){.tv_nsec = 1000000});
    }
    return true;
}

/* parts[0] is for the call. Handlers of signals come after it: the helper serves one after the other, and
 * they may have something to say themselves. */
static void say(HptTraceCall call, struct iovec *parts, size_t n)
{
    static const uint64_t all = ~UINT64_C(0); /* the kernel's own set */
    uint64_t before;
    int saved = errno;
    if (!speaks())
        return;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
    int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        call.pid = (int32_t)syscall(SYS_getpid);
        call.tid = (int32_t)syscall(SYS_gettid);
        parts[0] = (struct iovec){&call, sizeof call};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = n};
        struct pollfd end = {.fd = fd, .events = POLLIN};
        if (!reach(fd))
            be_silent();
        else if (syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL) > 0 &&
                 pause_until(&end, (struct timespec){.tv_sec = WAIT_S}) == 0)
            be_silent();
        syscall(SYS_close, fd);
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
    errno = saved;
}

/* The headers promise the compiler that names are not NULL. Programs do not. */
static bool is_null(const char *text)
{
    __asm__("" : "+r"(text));
    return text == NULL;
}

static struct iovec part_of(const char *text)
{
    return (struct iovec){(void *)(uintptr_t)text, strlen(text) + 1};
}

static void say_one(long call, int at, const char *path, int flags)
{
    if (is_null(path))
        return;
    struct iovec parts[2] = {[1] = part_of(path)};
    say((HptTraceCall){.call = (int32_t)call, .at = at, .flags = (uint32_t)flags}, parts, 2);
}

static void say_two(long call, int at, const char *first, int to_at, const char *second, unsigned flags)
{
    if (is_null(first) || is_null(second))
        return;
    struct iovec parts[3] = {[1] = part_of(first), [2] = part_of(second)};
    say((HptTraceCall){.call = (int32_t)call, .at = at, .to_at = to_at, .flags = flags}, parts, 3);
}

/* ---- what the loader has mapped ---- */

typedef struct {
    struct iovec parts[32];
    size_t n;
    unsigned long long adds;
} Loaded;

static void say_loaded(Loaded *loaded)
{
    if (loaded->n > 1)
        say((HptTraceCall){.call = HPT_TRACE_CALL_LOADED, .at = AT_FDCWD}, loaded->parts, loaded->n);
    loaded->n = 1;
}

static int add_loaded(struct dl_phdr_info *info, size_t size, void *user)
{
    Loaded *loaded = user;
    const char *slash = strrchr(info->dlpi_name, '/');
    (void)size;
    loaded->adds = info->dlpi_adds;
    if (slash == NULL || strcmp(slash + 1, HPT_TRACE_LIBRARY) == 0)
        return 0; /* the program, the kernel's own, and this */
    loaded->parts[loaded->n++] = part_of(info->dlpi_name);
    if (loaded->n == sizeof loaded->parts / sizeof *loaded->parts)
        say_loaded(loaded);
    return 0;
}

/* ---- the functions behind ---- */

#define ALL(X)                                                                                               \
    X(open) X(open64) X(__open_2) X(__open64_2) X(openat) X(openat64) X(__openat_2) X(__openat64_2)          \
    X(creat) X(creat64) X(fopen) X(fopen64) X(freopen) X(freopen64) X(truncate) X(truncate64)                \
    X(rename) X(renameat) X(renameat2) X(unlink) X(unlinkat) X(remove) X(link) X(linkat) X(symlink)          \
    X(symlinkat) X(mkstemp) X(mkstemp64) X(mkostemp) X(mkostemp64) X(mkstemps) X(mkstemps64) X(mkostemps)    \
    X(mkostemps64) X(execve) X(execv) X(execvp) X(execvpe) X(posix_spawn) X(posix_spawnp) X(prctl)   \
    X(syscall)
#define NUMBER(name) AT_##name,
#define NAME(name) #name,
enum { ALL(NUMBER) N_NEXT };
static void *next_of[N_NEXT];

/* All at the beginning, for later may be in a handler; unless somebody's own beginning is before ours. */
static void *next(int number)
{
    static const char *const names[] = {ALL(NAME)};
    void *function = __atomic_load_n(&next_of[number], __ATOMIC_RELAXED);
    if (function == NULL) {
        function = dlsym(RTLD_NEXT, names[number]);
        __atomic_store_n(&next_of[number], function, __ATOMIC_RELAXED);
    }
    return function;
}
#define NEXT(name) ((__typeof__(&(name)))next(AT_##name))

static unsigned long long adds_at_start;

__attribute__((constructor)) static void begin(void)
{
    for (int i = 0; i < N_NEXT; i++)
        (void)next(i);
    if (!speaks())
        return;
    Loaded loaded = {.n = 1};
    /* For who starts programs without these functions. By the name that it has here: the helper may see this mount from
     * outside of its own root, where it has a longer one. */
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length < 0 ? 0 : length] = '\0';
    say_one(SYS_execve, AT_FDCWD, own[0] == '/' && access(own, F_OK) == 0 ? own : "/proc/self/exe", 0);
    dl_iterate_phdr(add_loaded, &loaded);
    say_loaded(&loaded);
    adds_at_start = loaded.adds;
}

/* What dlopen has brought. It cannot be stood before: it looks at who calls it. */
__attribute__((destructor)) static void end(void)
{
    Loaded loaded = {.n = 1};
    if (!speaks())
        return;
    dl_iterate_phdr(add_loaded, &loaded);
    if (loaded.adds != adds_at_start)
        say_loaded(&loaded);
}

/* ---- opening ---- */

/* Most programs look for much that is not there: what only reads is said when it has been found. */
static bool only_reads(int flags)
{
    return (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY;
}

static void say_open(int at, const char *path, int flags)
{
    if ((flags & (O_DIRECTORY | O_PATH)) == 0)
        say_one(SYS_openat, at, path, flags);
}

static void before(int at, const char *path, int flags)
{
    if (!only_reads(flags))
        say_open(at, path, flags);
}

static int after(int fd, int at, const char *path, int flags)
{
    if (fd >= 0 && only_reads(flags))
        say_open(at, path, flags);
    return fd;
}

#define GET_MODE                                                                                             \
    mode_t mode = 0;                                                                                         \
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {                                        \
        va_list list;                                                                                        \
        va_start(list, flags);                                                                               \
        mode = va_arg(list, mode_t);                                                                         \
        va_end(list);                                                                                        \
    }

#define OPEN(name, parameters, get_mode, at, arguments)                                                      \
    int name parameters;                                                                                     \
    EXPORT int name parameters                                                                               \
    {                                                                                                        \
        get_mode before(at, path, flags);                                                                    \
        return after(NEXT(name) arguments, at, path, flags);                                                 \
    }
OPEN(open, (const char *path, int flags, ...), GET_MODE, AT_FDCWD, (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), GET_MODE, AT_FDCWD, (path, flags, mode))
OPEN(openat, (int at, const char *path, int flags, ...), GET_MODE, at, (at, path, flags, mode))
OPEN(openat64, (int at, const char *path, int flags, ...), GET_MODE, at, (at, path, flags, mode))
/* What _FORTIFY_SOURCE makes of them. */
OPEN(__open_2, (const char *path, int flags), , AT_FDCWD, (path, flags))
OPEN(__open64_2, (const char *path, int flags), , AT_FDCWD, (path, flags))
OPEN(__openat_2, (int at, const char *path, int flags), , at, (at, path, flags))
OPEN(__openat64_2, (int at, const char *path, int flags), , at, (at, path, flags))

static int flags_of(const char *mode)
{
    int flags = *mode == 'w' ? O_CREAT | O_TRUNC : *mode == 'a' ? O_CREAT : 0;
    int way = *mode == 'r' ? O_RDONLY : O_WRONLY;
    for (; *mode != '\0' && *mode != ','; mode++) {
        way = *mode == '+' ? O_RDWR : way;
        flags |= *mode == 'x' ? O_EXCL : 0;
    }
    return flags | way;
}

#define FOPEN(name, parameters, arguments)                                                                   \
    EXPORT FILE *name parameters                                                                             \
    {                                                                                                        \
        before(AT_FDCWD, path, flags_of(mode));                                                              \
        FILE *file = NEXT(name) arguments;                                                                   \
        (void)after(file == NULL ? -1 : 0, AT_FDCWD, path, flags_of(mode));                                  \
        return file;                                                                                         \
    }
FOPEN(fopen, (const char *path, const char *mode), (path, mode))
FOPEN(fopen64, (const char *path, const char *mode), (path, mode))
FOPEN(freopen, (const char *path, const char *mode, FILE *old), (path, mode, old))
FOPEN(freopen64, (const char *path, const char *mode, FILE *old), (path, mode, old))

/* mkstemp and the like: (parameters), (arguments). */
#define MKSTEMP(name, parameters, arguments)                                                                 \
    EXPORT int name parameters                                                                               \
    {                                                                                                        \
        int fd = NEXT(name) arguments;                                                                       \
        if (fd >= 0)                                                                                         \
            say_one(HPT_TRACE_CALL_MADE, AT_FDCWD, path, 0);                                                 \
        return fd;                                                                                           \
    }
MKSTEMP(mkstemp, (char *path), (path))
MKSTEMP(mkstemp64, (char *path), (path))
MKSTEMP(mkostemp, (char *path, int flags), (path, flags))
MKSTEMP(mkostemp64, (char *path, int flags), (path, flags))
MKSTEMP(mkstemps, (char *path, int suffix), (path, suffix))
MKSTEMP(mkstemps64, (char *path, int suffix), (path, suffix))
MKSTEMP(mkostemps, (char *path, int suffix, int flags), (path, suffix, flags))
MKSTEMP(mkostemps64, (char *path, int suffix, int flags), (path, suffix, flags))

/* ---- cutting, renaming, removing, linking: a name, its parameters, what is said, arguments ---- */

#define FIRST(name, parameters, said, arguments)                                                             \
    EXPORT int name parameters                                                                               \
    {                                                                                                        \
        said;                                                                                                \
        return NEXT(name) arguments;                                                                         \
    }
FIRST(creat, (const char *path, mode_t mode), say_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC), (path, mode))
FIRST(creat64, (const char *path, mode_t mode), say_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC), (path, mode))
FIRST(truncate, (const char *path, off_t size), say_one(SYS_truncate, AT_FDCWD, path, 0), (path, size))
FIRST(truncate64, (const char *path, off64_t size), say_one(SYS_truncate, AT_FDCWD, path, 0), (path, size))
FIRST(unlink, (const char *path), say_one(SYS_unlinkat, AT_FDCWD, path, 0), (path))
FIRST(remove, (const char *path), say_one(SYS_unlinkat, AT_FDCWD, path, 0), (path))
FIRST(unlinkat, (int at, const char *path, int flags), say_one(SYS_unlinkat, at, path, flags), (at, path, flags))
FIRST(rename, (const char *from, const char *to), say_two(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), (from, to))
FIRST(renameat, (int at, const char *from, int to_at, const char *to),
      say_two(SYS_renameat2, at, from, to_at, to, 0), (at, from, to_at, to))
FIRST(renameat2, (int at, const char *from, int to_at, const char *to, unsigned flags),
      say_two(SYS_renameat2, at, from, to_at, to, flags), (at, from, to_at, to, flags))
FIRST(link, (const char *from, const char *to), say_two(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0), (from, to))
FIRST(linkat, (int at, const char *from, int to_at, const char *to, int flags),
      say_two(SYS_linkat, at, from, to_at, to, (unsigned)flags), (at, from, to_at, to, flags))
FIRST(symlink, (const char *target, const char *path), say_one(SYS_symlinkat, AT_FDCWD, path, 0), (target, path))
FIRST(symlinkat, (const char *target, int at, const char *path), say_one(SYS_symlinkat, at, path, 0),
      (target, at, path))

/* ---- running ---- */

static void say_run(const char *program)
{
    const char *path = getenv("PATH");
    if (is_null(program) || strchr(program, '/') != NULL)
        say_one(SYS_execve, AT_FDCWD, program, 0);
    else
        say_two(HPT_TRACE_CALL_SEARCH, AT_FDCWD, program, AT_FDCWD, path == NULL ? "/bin:/usr/bin" : path, 0);
}

FIRST(execve, (const char *path, char *const *argv, char *const *env),
      say_one(SYS_execve, AT_FDCWD, path, 0), (path, argv, env))
FIRST(execv, (const char *path, char *const *argv), say_one(SYS_execve, AT_FDCWD, path, 0), (path, argv))
FIRST(execvp, (const char *file, char *const *argv), say_run(file), (file, argv))
FIRST(execvpe, (const char *file, char *const *argv, char *const *env), say_run(file), (file, argv, env))
#define SPAWN                                                                                                \
    (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions,                               \
     const posix_spawnattr_t *attributes, char *const *argv, char *const *env)
FIRST(posix_spawn, SPAWN, say_one(SYS_execve, AT_FDCWD, file, 0), (pid, file, actions, attributes, argv, env))
FIRST(posix_spawnp, SPAWN, say_run(file), (pid, file, actions, attributes, argv, env))

/* ---- for who would not bear it ---- */

/* Before a program forbids itself calls, sockets probably among them, and would be killed for one. */
static void fall_silent(void)
{
    say_one(HPT_TRACE_CALL_FORBIDS, AT_FDCWD, "", 0);
    be_silent();
}

EXPORT int prctl(int option, ...)
{
    va_list list;
    unsigned long args[4];
    va_start(list, option);
    for (int i = 0; i < 4; i++)
        args[i] = va_arg(list, unsigned long);
    va_end(list);
    if (option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS)
        fall_silent();
    return NEXT(prctl)(option, args[0], args[1], args[2], args[3]);
}

/* libc has no function for seccomp. */
EXPORT long syscall(long call, ...)
{
    va_list list;
    long args[6];
    va_start(list, call);
    for (int i = 0; i < 6; i++)
        args[i] = va_arg(list, long);
    va_end(list);
    if (call == SYS_seccomp && (args[0] == SECCOMP_SET_MODE_STRICT || args[0] == SECCOMP_SET_MODE_FILTER))
        fall_silent();
    return NEXT(syscall)(call, args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* AddressSanitizer as a shared library ends a program in which another library comes before it. What it
 * stands before is called by ours, so that the order does no harm. */
const char *__asan_default_options(void);
EXPORT const char *__asan_default_options(void)
{
    return "verify_asan_link_order=0";
}
