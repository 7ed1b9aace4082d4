#include "run/helper.h"

#include "run/fd.h"
#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_LIMIT_MS 2000

/* One that the kernel cannot end stays what it is. */
static void end_process(const HptHelper *helper)
{
    struct pollfd end = {.fd = helper->pidfd, .events = POLLIN};
    for (int round = 0; round < 2 && waitpid(helper->pid, NULL, WNOHANG) == 0; round++) {
        if (round > 0)
            kill(helper->pid, SIGKILL);
        while (poll(&end, 1, END_LIMIT_MS) < 0 && errno == EINTR)
            continue;
    }
    (void)waitpid(helper->pid, NULL, WNOHANG);
}

void hpt_helper_free(HptHelper *helper, bool waited)
{
    if (helper == NULL)
        return;
    hpt_fd_close(&helper->channel); /* this is what it ends by */
    if (helper->pid > 0 && !waited)
        end_process(helper);
    hpt_fd_close(&helper->pidfd);
    hpt_orphan_leave(&helper->idle);
    g_free(helper);
}

/* ---- starting ---- */

static bool open_channel(HptHelper *helper, int *theirs)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    /* Not below what the helper puts to 0, 1, 2 and 3 before. */
    helper->channel = hpt_fd_raise(ends[0], HPT_CONTAIN_FD);
    *theirs = hpt_fd_raise(ends[1], HPT_CONTAIN_FD);
    return helper->channel >= 0 && *theirs >= 0 &&
           fcntl(helper->channel, F_SETFL, O_NONBLOCK) == 0;
}

static void set_error(GError **error, int errnum, const char *what)
{
    const char *many =
        errnum == ENOSPC ? "\nhint: too many namespaces; see /proc/sys/user, or --contain" : "";
    hpt_error_set_errno(error, errnum, "%s%s", what, many);
}

static HptHelper *helper_new(const HptContain *contain, GError **error)
{
    HptHelper *helper = g_new0(HptHelper, 1);
    helper->pidfd = helper->channel = -1;
    int theirs = -1;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const char *what = "cannot start a process";
    HptFault fault = {HPT_STEP_NONE, 0, NULL};
    pid_t pid = null < 0 || !open_channel(helper, &theirs)
                    ? -1
                    : hpt_launch_helper(contain, null, theirs, &fault);
    int saved = errno;
    hpt_fd_close(&null);
    hpt_fd_close(&theirs);
    bool ok = pid > 0 && fault.step == HPT_STEP_NONE;
    if (pid > 0 && !ok) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        saved = fault.errnum;
        what = fault.detail;
    } else if (pid > 0) {
        helper->pid = pid;
        helper->pidfd = pidfd_open(pid, 0);
        saved = errno;
        ok = helper->pidfd >= 0;
        what = "cannot watch a process (pidfd_open)";
    }
    if (!ok) {
        set_error(error, saved, what);
        hpt_helper_free(helper, false);
        return NULL;
    }
    helper->idle = (HptOrphanOwner){.pid = pid, .contained = true};
    return helper;
}

/* ---- orders ---- */

static void add_words(GByteArray *bytes, const char *const *words, int32_t *n)
{
    for (; *words != NULL; words++, ++*n)
        g_byte_array_append(bytes, (const guint8 *)*words, (guint)strlen(*words) + 1);
}

/* A file of them in memory, of which the order says how to read it; -1: errno. */
static int write_words(const HptChildSpec *spec, HptContainOrder *order)
{
    g_autoptr(GByteArray) bytes = g_byte_array_sized_new(4096);
    order->has_directory = spec->directory != NULL;
    if (spec->directory != NULL)
        g_byte_array_append(bytes, (const guint8 *)spec->directory,
                            (guint)strlen(spec->directory) + 1);
    add_words(bytes, spec->argv, &order->n_argv);
    add_words(bytes, spec->env, &order->n_env);
    order->is_traced = spec->trace != NULL;
    order->is_preloaded = spec->trace != NULL && spec->trace->preload;
    for (int i = 0; spec->trace != NULL && i < 3; i++) {
        const char *folders[] = {spec->trace->below, spec->trace->not_below, spec->trace->spool};
        const char *folder = folders[i] == NULL ? "" : folders[i];
        g_byte_array_append(bytes, (const guint8 *)folder, (guint)strlen(folder) + 1);
    }
    order->words_bytes = bytes->len;
    return hpt_fd_of_bytes("hpt-words", bytes->data, bytes->len);
}

/* False: errno; EPIPE and ECONNRESET: the helper is not there any more. */
static bool send_order(int channel, HptContainOrder *order, const int *fds, size_t n_fds)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(HPT_CONTAIN_FDS_MAX * sizeof(int))];
    } control = {.space = {0}};
    struct iovec part = {order, sizeof *order};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (n_fds > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
    }
    return sendmsg(channel, &message, MSG_NOSIGNAL) >= 0;
}

int hpt_helper_hear(const HptHelper *helper, HptContainReport *report, int fds[2])
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec part = {report, sizeof *report};
    struct msghdr message;
    ssize_t n;
    do {
        message = (struct msghdr){.msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof control};
        n = recvmsg(helper->channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    fds[0] = fds[1] = -1;
    const struct cmsghdr *got = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (got != NULL && got->cmsg_type == SCM_RIGHTS)
        memcpy(fds, CMSG_DATA(got), MIN(got->cmsg_len - CMSG_LEN(0), 2 * sizeof(int)));
    if (n < 0 && errno == EAGAIN)
        return 0;
    return n == (ssize_t)sizeof *report ? 1 : -1;
}

/* ---- the pool ---- */

static HptHelper *take(const HptContain *contain, bool *is_new, GError **error)
{
    GPtrArray *pool = hpt_contain_peek_pool(contain);
    *is_new = pool->len == 0;
    if (*is_new)
        return helper_new(contain, error);
    HptHelper *helper = g_ptr_array_steal_index_fast(pool, pool->len - 1);
    hpt_orphan_leave(&helper->idle);
    return helper;
}

void hpt_helper_give_back(const HptContain *contain, HptHelper *helper)
{
    hpt_orphan_enter(&helper->idle);
    g_ptr_array_add(hpt_contain_peek_pool(contain), helper);
}

/* One that somebody has killed while it waited is passed over. */
static HptHelper *order_any(const HptContain *contain, HptContainOrder *order, const int *fds,
                            size_t n_fds, GError **error)
{
    for (;;) {
        bool is_new = false;
        HptHelper *helper = take(contain, &is_new, error);
        if (helper == NULL || send_order(helper->channel, order, fds, n_fds))
            return helper;
        int saved = errno;
        hpt_helper_free(helper, false);
        if (is_new || (saved != EPIPE && saved != ECONNRESET)) {
            set_error(error, saved, "cannot order a start");
            return NULL;
        }
    }
}

HptHelper *hpt_helper_begin(const HptChildSpec *spec, const int streams[3], GError **error)
{
    HptContainOrder order = {
        .has_cpus = spec->cpus != NULL,
        .limit_mem_bytes = spec->limit_mem_bytes,
        .limit_cpu_us = spec->limit_cpu_us,
    };
    if (spec->cpus != NULL)
        order.cpus = *spec->cpus;
    int fds[HPT_CONTAIN_FDS_MAX] = {streams[0], streams[1], streams[2]};
    g_assert(spec->n_extra <= HPT_CONTAIN_FDS_MAX - 4);
    if (spec->n_extra > 0)
        memcpy(fds + 3, spec->extra, spec->n_extra * sizeof *fds);
    int *words = &fds[3 + spec->n_extra];
    *words = write_words(spec, &order);
    if (*words < 0) {
        hpt_error_set_errno(error, errno, "cannot write a command's words");
        return NULL;
    }
    HptHelper *helper = order_any(spec->contain, &order, fds, 4 + spec->n_extra, error);
    close(*words);
    return helper;
}

bool hpt_helper_try(const HptContain *contain, GError **error)
{
    HptContainOrder question = {.n_argv = 0};
    HptContainReport report = {0};
    HptHelper *helper = order_any(contain, &question, NULL, 0, error);
    if (helper == NULL)
        return false;
    struct pollfd answer = {.fd = helper->channel, .events = POLLIN};
    while (poll(&answer, 1, -1) < 0 && errno == EINTR)
        continue;
    ssize_t n = recv(helper->channel, &report, sizeof report, 0);
    if (n == (ssize_t)sizeof report && report.what == HPT_CONTAIN_GONE) {
        hpt_helper_give_back(contain, helper);
        return true;
    }
    if (n == (ssize_t)sizeof report)
        hpt_error_set_errno(error, report.errnum, "not allowed here");
    else
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_IO, "its helper has ended at once");
    hpt_helper_free(helper, false);
    return false;
}
