#include "run/usage.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool read_text(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* utime, stime, cutime, cstime in ticks: fields 14 to 17. */
static bool read_ticks(pid_t pid, int64_t ticks[4])
{
    enum { BEFORE = 12 }; /* blanks between the command's ")" and utime */
    char text[1024];
    if (!read_text(pid, "stat", text, sizeof text))
        return false;
    const char *next = strrchr(text, ')'); /* the command may hold anything */
    for (int i = 0; i < BEFORE && next != NULL; i++)
        next = strchr(next + 1, ' ');
    for (int i = 0; i < 4 && next != NULL; i++) {
        char *end = NULL;
        ticks[i] = g_ascii_strtoll(next, &end, 10);
        next = end;
    }
    return next != NULL;
}

/* Calls func for the process and those below it that live. Threads but the first are not asked for
 * children, and a tree deeper than any that means well is not followed. */
static void walk(pid_t pid, int depth, void (*func)(pid_t, void *), void *user)
{
    enum { DEEPEST = 8 };
    char name[64], text[4096];
    func(pid, user);
    g_snprintf(name, sizeof name, "task/%d/children", (int)pid);
    if (depth >= DEEPEST || !read_text(pid, name, text, sizeof text))
        return;
    char *last = strrchr(text, ' '); /* each number is followed by one: the rest may be cut */
    if (last == NULL)
        return;
    *last = '\0';
    for (char *next = text, *end; *next != '\0'; next = end + strspn(end, " ")) {
        pid_t child = (pid_t)g_ascii_strtoll(next, &end, 10);
        if (end == next)
            return;
        walk(child, depth + 1, func, user);
    }
}

static void add_usage(pid_t pid, void *user)
{
    HptUsage *usage = user;
    int64_t ticks[4] = {0};
    clockid_t clock;
    struct timespec time;
    if (!read_ticks(pid, ticks))
        return;
    int64_t tick_us = 1000000 / MAX(sysconf(_SC_CLK_TCK), 1);
    int64_t own_us = (ticks[0] + ticks[1]) * tick_us;
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0)
        own_us = (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
    usage->total_us += own_us + (ticks[2] + ticks[3]) * tick_us;
    usage->system_us += (ticks[1] + ticks[3]) * tick_us;
}

static void reset_peak(pid_t pid, void *user G_GNUC_UNUSED)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "5", 1) != 1)
        g_debug("%s: the peak stays that of the process", path);
    close(fd);
}

static void add_peak(pid_t pid, void *user)
{
    static const char key[] = "VmHWM:";
    int64_t *peak_bytes = user;
    char text[4096];
    const char *at = read_text(pid, "status", text, sizeof text) ? strstr(text, key) : NULL;
    if (at != NULL)
        *peak_bytes = MAX(*peak_bytes, g_ascii_strtoll(at + strlen(key), NULL, 10) * 1024);
}

void hpt_usage_base(pid_t pid, HptUsage *base)
{
    *base = (HptUsage){0};
    add_usage(pid, base);
}

void hpt_usage_begin(pid_t pid, HptUsage *before)
{
    *before = (HptUsage){0};
    walk(pid, 0, add_usage, before);
    walk(pid, 0, reset_peak, NULL);
}

void hpt_usage_end(pid_t pid, const HptUsage *before, HptEnd *end)
{
    HptUsage after = {0};
    walk(pid, 0, add_usage, &after);
    int64_t total_us = MAX(after.total_us - before->total_us, 0);
    end->system_us = CLAMP(after.system_us - before->system_us, 0, total_us);
    end->user_us = total_us - end->system_us;
    end->maxrss_bytes = 0;
    walk(pid, 0, add_peak, &end->maxrss_bytes);
}

void hpt_usage_subtract(const HptUsage *before, const HptUsage *base, HptEnd *end)
{
    int64_t earlier_us = before->total_us - base->total_us;
    int64_t total_us = MAX(end->user_us + end->system_us - earlier_us, 0);
    end->system_us = CLAMP(end->system_us - (before->system_us - base->system_us), 0, total_us);
    end->user_us = total_us - end->system_us;
}
