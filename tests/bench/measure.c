/* Times whole commands for the benchmarks.
 *
 *   measure pair N A... -- B...   runs A and B by turns N times; medians of wall and CPU, and the
 *                                 ratio of the medians (A to B)
 *   measure once A...             one run: wall, CPU (the command and all it waited for), peak memory
 *   measure spawn N A...          a bare posix_spawn and wait4 loop: what N starts of A cost
 * A line per figure, tab separated: NAME VALUE. Output of the commands goes to /dev/null.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    double wall, cpu;
    long maxrss_kib;
    int status;
} Sample;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static Sample run(char **argv, int quiet)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (quiet)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    double begin = now();
    int errnum = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    if (errnum != 0) {
        fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errnum));
        exit(127);
    }
    struct rusage usage;
    int status = 0;
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    posix_spawn_file_actions_destroy(&actions);
    return (Sample){now() - begin, seconds(usage.ru_utime) + seconds(usage.ru_stime),
                    usage.ru_maxrss, status};
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void pair(int n, char **a, char **b)
{
    double *values[4];
    for (int i = 0; i < 4; i++)
        values[i] = calloc((size_t)n, sizeof(double));
    for (int i = 0; i < n; i++) {
        Sample x = run(a, 1), y = run(b, 1);
        if (x.status != 0 || y.status != 0)
            fprintf(stderr, "measure: %s ended with a status\n", x.status ? a[0] : b[0]);
        values[0][i] = x.wall;
        values[1][i] = y.wall;
        values[2][i] = x.cpu;
        values[3][i] = y.cpu;
    }
    double wall_a = median(values[0], n), wall_b = median(values[1], n);
    double cpu_a = median(values[2], n), cpu_b = median(values[3], n);
    printf("wall_ms\t%.2f\nyardstick_wall_ms\t%.2f\nwall_ratio\t%.2f\n", wall_a * 1e3, wall_b * 1e3,
           wall_a / wall_b);
    printf("cpu_ms\t%.2f\nyardstick_cpu_ms\t%.2f\ncpu_ratio\t%.2f\n", cpu_a * 1e3, cpu_b * 1e3,
           cpu_a / cpu_b);
    for (int i = 0; i < 4; i++)
        free(values[i]);
}

static void spawn(int n, char **argv)
{
    double begin = now(), cpu = 0;
    for (int i = 0; i < n; i++)
        cpu += run(argv, 0).cpu;
    struct rusage self;
    getrusage(RUSAGE_SELF, &self);
    cpu += seconds(self.ru_utime) + seconds(self.ru_stime);
    printf("wall_s\t%.3f\ncpu_us_each\t%.0f\n", now() - begin, cpu * 1e6 / n);
}

int main(int argc, char **argv)
{
    if (argc > 4 && strcmp(argv[1], "pair") == 0) {
        int split = 3;
        while (split < argc && strcmp(argv[split], "--") != 0)
            split++;
        if (split + 1 >= argc)
            return 2;
        argv[split] = NULL;
        pair((int)strtol(argv[2], NULL, 10), argv + 3, argv + split + 1);
    } else if (argc > 3 && strcmp(argv[1], "spawn") == 0) {
        spawn((int)strtol(argv[2], NULL, 10), argv + 3);
    } else if (argc > 2 && strcmp(argv[1], "once") == 0) {
        Sample sample = run(argv + 2, 1);
        printf("wall_s\t%.3f\ncpu_s\t%.3f\nmaxrss_kib\t%ld\nstatus\t%d\n", sample.wall, sample.cpu,
               sample.maxrss_kib, WIFEXITED(sample.status) ? WEXITSTATUS(sample.status) : 128 + WTERMSIG(sample.status));
    } else {
        fprintf(stderr, "usage: measure pair N A... -- B... | once A... | spawn N A...\n");
        return 2;
    }
    return 0;
}
