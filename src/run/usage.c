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

static HptUsage measure(pid_t pid)
{
    HptUsage usage = {0};
    int64_t ticks[4] = {0};
    clockid_t clock;
    struct timespec time;
    if (!read_ticks(pid, ticks))
        return usage;
    int64_t tick_us = 1000000 / MAX(sysconf(_SC_CLK_TCK), 1);
    int64_t own_us = (ticks[0] + ticks[1]) * tick_us;
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &time) == 0)
        own_us = (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
    usage.total_us = own_us + (ticks[2] + ticks[3]) * tick_us;
    usage.system_us = (ticks[1] + ticks[3]) * tick_us;
    return usage;
}

void hpt_usage_begin(pid_t pid, HptUsage *before)
{
    char path[64];
    *before = measure(pid);
    g_snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "5", 1) != 1)
        g_debug("%s: the peak stays that of the process", path);
    close(fd);
}

static int64_t peak_bytes(pid_t pid)
{
    static const char key[] = "VmHWM:";
    char text[4096];
    const char *at = read_text(pid, "status", text, sizeof text) ? strstr(text, key) : NULL;
    return at == NULL ? 0 : g_ascii_strtoll(at + strlen(key), NULL, 10) * 1024;
}

void hpt_usage_end(pid_t pid, const HptUsage *before, HptEnd *end)
{
    HptUsage after = measure(pid);
    int64_t total_us = MAX(after.total_us - before->total_us, 0);
    end->system_us = CLAMP(after.system_us - before->system_us, 0, total_us);
    end->user_us = total_us - end->system_us;
    end->maxrss_bytes = peak_bytes(pid);
}

void hpt_usage_subtract(const HptUsage *before, HptEnd *end)
{
    int64_t total_us = MAX(end->user_us + end->system_us - before->total_us, 0);
    end->system_us = CLAMP(end->system_us - before->system_us, 0, total_us);
    end->user_us = total_us - end->system_us;
}
