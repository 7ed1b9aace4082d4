/* What tracing costs a command: it is run by turns untraced, traced in both ways, and under other tracers.
 *
 *   trace-cost ROUNDS[xTIMES] NAME COMMAND [ARG]... [--beside NAME COMMAND [ARG]...]...
 *
 * A run is TIMES (1) commands in a helper of its own, whose CPU time counts, as does that of the
 * other tracers; the figures are those of one command. A line for each way, tab separated: NAME,
 * way, the least CPU seconds and wall seconds, and beside those untraced: the ratio of the least,
 * and the median of the ratios within a round; CPU, then wall.
 */
#include "base/text.h"
#include "run/child.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WAYS_MAX = 8, ROUNDS_MAX = 1000 };

typedef struct {
    const char *name;
    const char *const *argv;
    bool traced, preload;
    double cpu[ROUNDS_MAX], wall[ROUNDS_MAX];
} Way;

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static double used(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static void drain(int fd)
{
    char buffer[65536];
    while (fd >= 0 && read(fd, buffer, sizeof buffer) > 0)
        continue;
}

/* A preloaded library's is never complete. */
static bool is_fine(const Way *way, const HptTrace *seen)
{
    return !way->traced || (way->preload ? !seen->refused : seen->complete);
}

static void run_once(const Way *way, const HptContain *contain, const HptTraceSpec *given)
{
    HptTraceSpec trace = *given;
    trace.preload = way->preload;
    g_autoptr(GError) error = NULL;
    HptChildSpec spec = {
        .argv = way->argv,
        .env = (const char *const *)environ,
        .contain = contain,
        .trace = way->traced ? &trace : NULL,
    };
    HptChild *child = hpt_child_start(&spec, &error);
    if (child == NULL) {
        fprintf(stderr, "trace-cost: %s\n", error->message);
        exit(1);
    }
    int out = hpt_child_steal_stdout(child), err = hpt_child_steal_stderr(child);
    while (!hpt_child_reap(child) || !hpt_child_sweep(child)) {
        struct pollfd fds[] = {{.fd = hpt_child_get_fd(child), .events = POLLIN},
                               {.fd = out, .events = POLLIN},
                               {.fd = err, .events = POLLIN}};
        poll(fds, 3, 1000);
        if ((fds[1].revents | fds[2].revents) & POLLIN) {
            drain(out);
            drain(err);
        }
        for (int i = 1; i < 3; i++)
            if ((fds[i].revents & (POLLHUP | POLLIN)) == POLLHUP)
                *(i == 1 ? &out : &err) = -1;
    }
    const HptEnd *end = hpt_child_get_end(child);
    g_autoptr(HptTrace) seen = hpt_child_steal_trace(child);
    if (end->kind != HPT_END_EXITED || end->status != 0 || !is_fine(way, seen)) {
        g_autofree char *text = hpt_end_text(end);
        fprintf(stderr, "trace-cost: %s: %s\n", way->name,
                is_fine(way, seen) ? text : seen->reason);
        exit(1);
    }
    hpt_child_free(child);
}

static void run(Way *way, int round, int times, const HptTraceSpec *trace)
{
    g_autoptr(GError) error = NULL;
    double before = used();
    g_autofree char *helper = g_strconcat(g_getenv("TEST_BUILD"), "/hpt-contain", NULL);
    HptContain *contain = hpt_contain_new(HPT_CONTAIN_AUTO, helper, &error);
    if (contain == NULL) {
        fprintf(stderr, "trace-cost: %s\n", error->message);
        exit(1);
    }
    int64_t begun = hpt_time_monotonic_us();
    for (int i = 0; i < times; i++)
        run_once(way, contain, trace);
    way->wall[round] = 1e-6 * (double)(hpt_time_monotonic_us() - begun) / times;
    hpt_contain_free(contain); /* and waits for the helper */
    way->cpu[round] = (used() - before) / times;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double least(const double *values, int n)
{
    double best = values[0];
    for (int i = 1; i < n; i++)
        best = values[i] < best ? values[i] : best;
    return best;
}

static double paired(const double *values, const double *others, int n)
{
    double ratios[ROUNDS_MAX];
    for (int i = 0; i < n; i++)
        ratios[i] = values[i] / others[i];
    qsort(ratios, (size_t)n, sizeof *ratios, by_value);
    return n % 2 == 1 ? ratios[n / 2] : (ratios[n / 2 - 1] + ratios[n / 2]) / 2;
}

int main(int argc, char **argv)
{
    static Way ways[WAYS_MAX];
    char *rest = NULL;
    int n = 3, rounds = argc > 3 ? (int)strtol(argv[1], &rest, 10) : 0;
    int times = rounds > 0 && *rest == 'x' ? (int)strtol(rest + 1, NULL, 10) : 1;
    if (rounds < 1 || rounds > ROUNDS_MAX || times < 1 || g_getenv("TEST_BUILD") == NULL) {
        fputs("usage: trace-cost ROUNDS[xTIMES] NAME COMMAND [ARG]... [--beside NAME "
              "COMMAND...]...\n",
              stderr);
        return 2;
    }
    ways[0] = (Way){.name = "untraced", .argv = (const char *const *)argv + 3};
    ways[1] = (Way){.name = "hpt", .argv = (const char *const *)argv + 3, .traced = true};
    ways[2] = (Way){.name = "preload", .argv = (const char *const *)argv + 3, .traced = true, .preload = true};
    for (int i = 3; i < argc; i++)
        if (strcmp(argv[i], "--beside") == 0 && i + 2 < argc && n < WAYS_MAX) {
            argv[i] = NULL;
            ways[n].name = argv[i + 1];
            ways[n++].argv = (const char *const *)argv + i + 2;
        }
    HptTraceSpec trace = {.below = g_get_current_dir(), .spool = "."};
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < n; i++) /* who begins changes */
            run(&ways[(i + round) % n], round, times, &trace);
    for (int i = 0; i < n; i++)
        printf("%s\t%s\t%.4f\t%.4f\t%.3f\t%.3f\t%.3f\t%.3f\n", argv[2], ways[i].name,
               least(ways[i].cpu, rounds), least(ways[i].wall, rounds),
               least(ways[i].cpu, rounds) / least(ways[0].cpu, rounds),
               paired(ways[i].cpu, ways[0].cpu, rounds),
               least(ways[i].wall, rounds) / least(ways[0].wall, rounds),
               paired(ways[i].wall, ways[0].wall, rounds));
    return 0;
}
