/* A laboratory for trials with real processes: for run-trial.c and run-contain.c, which run their tests
 * in every containment that can be had. */
#ifndef HPT_TESTS_RUN_LAB_H
#define HPT_TESTS_RUN_LAB_H

#include "run/trial.h"

#include "base/text.h"
#include "run/cores.h"
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

G_GNUC_UNUSED static void check_same(const void *a, size_t a_length, const void *b, size_t b_length)
{
    g_assert_cmpuint(a_length, ==, b_length);
    g_assert_true(a_length == 0 || memcmp(a, b, a_length) == 0);
}

static const HptContain *containment; /* of the test that runs; NULL: bare */

/* What the clock of the runs is ahead, so that a limit of an hour passes at once, and none by mistake on a slow machine. */
static int64_t ahead_us;

static int64_t now_us(void)
{
    return hpt_time_monotonic_us() + ahead_us;
}

G_GNUC_UNUSED static bool in_namespace(void)
{
    return containment != NULL && hpt_contain_get_mode(containment) == HPT_CONTAIN_NAMESPACE;
}

typedef struct {
    char *root; /* temporary */
    HptMetrics *metrics;
    int64_t timeout_us, grace_us, cap, limit_mem_bytes, limit_cpu_us;
    const cpu_set_t *cpus;
    const char *input, *directory;
    bool answers;
    const char *const *env;
    const HptTraceSpec *trace;
    int n;
    GString *points;
} Lab;

G_GNUC_UNUSED static void lab_begin(Lab *lab, const char *specs)
{
    *lab = (Lab){.cap = -1, .grace_us = HPT_RUN_GRACE_US};
    lab->root = g_dir_make_tmp("hpt-run-XXXXXX", NULL);
    g_assert_nonnull(lab->root);
    lab->metrics = hpt_metrics_new();
    lab->points = g_string_new(NULL);
    g_auto(GStrv) all = g_strsplit(specs, " ; ", -1);
    for (size_t i = 0; *specs != '\0' && all[i] != NULL; i++)
        g_assert_true(hpt_metrics_add(lab->metrics, all[i], NULL));
}

G_GNUC_UNUSED static void lab_end(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    bool removed = hpt_workdir_remove(lab->root, &error);
    g_assert_no_error(error);
    g_assert_true(removed);
    g_assert_cmpint(access(lab->root, F_OK), !=, 0);
    hpt_metrics_free(lab->metrics);
    g_string_free(lab->points, TRUE);
    g_free(lab->root);
}

G_GNUC_UNUSED static void note_point(const HptPoint *point, void *user)
{
    Lab *lab = user;
    if (lab->points->len < 200)
        g_string_append_printf(lab->points, "%s %d;", point->name, (int)point->step);
}

G_GNUC_UNUSED static HptRun *start_argv(Lab *lab, const char *const *argv)
{
    static const char *const base[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
    g_autofree char *dir = g_strdup_printf("%s/%d", lab->root, lab->n++);
    g_assert_cmpint(mkdir(dir, 0700), ==, 0);
    HptRunSpec spec = {
        .argv = argv,
        .base_env = base,
        .env = lab->env,
        .directory = lab->directory,
        .trial_dir = dir,
        .input = lab->input,
        .input_length = lab->input != NULL ? strlen(lab->input) : 0,
        .metrics = lab->metrics,
        .timeout_us = lab->timeout_us,
        .grace_us = lab->grace_us,
        .output_cap = lab->cap,
        .answers = lab->answers,
        .on_point = note_point,
        .user = lab,
        .contain = containment,
        .limit_mem_bytes = lab->limit_mem_bytes,
        .limit_cpu_us = lab->limit_cpu_us,
        .cpus = lab->cpus,
        .trace = lab->trace,
    };
    g_autoptr(GError) error = NULL;
    HptRun *run = hpt_run_start(&spec, &error);
    g_assert_no_error(error);
    return run;
}

G_GNUC_UNUSED static HptRun *start(Lab *lab, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    return start_argv(lab, argv);
}

/* One turn of the loop over some runs; true while any of them goes on. */
G_GNUC_UNUSED static bool turn(HptRun *const *runs, size_t n)
{
    struct pollfd fds[HPT_RUN_FDS * 16];
    size_t count = 0;
    int64_t deadline = INT64_MAX;
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        count += hpt_run_fds(runs[i], fds + count);
        deadline = MIN(deadline, hpt_run_deadline(runs[i]));
        any = any || !hpt_run_finished(runs[i]);
    }
    if (!any)
        return false;
    int64_t left = deadline == INT64_MAX ? 120000000 : deadline - now_us();
    int ready = poll(fds, (nfds_t)count, left <= 0 ? 0 : (int)(left / 1000 + 1));
    g_assert_true(ready >= 0 && (ready > 0 || deadline != INT64_MAX));
    for (size_t i = 0; i < n; i++)
        hpt_run_handle(runs[i], now_us());
    return true;
}

G_GNUC_UNUSED static const HptRunResult *wait_for(HptRun *run)
{
    while (turn(&run, 1))
        continue;
    return hpt_run_get_result(run);
}

G_GNUC_UNUSED static char *stored(const HptCaptured *captured)
{
    char *text = g_malloc0((size_t)captured->stored + 1);
    if (captured->data != NULL)
        memcpy(text, captured->data, (size_t)captured->stored);
    else
        g_assert_cmpint(pread(captured->fd, text, (size_t)captured->stored, 0), ==,
                        captured->stored);
    return text;
}

G_GNUC_UNUSED static void check_digest(const HptCaptured *captured, const char *text)
{
    HptDigest want = hpt_digest(text, strlen(text));
    check_same(captured->digest.bytes, HPT_DIGEST_SIZE, want.bytes, HPT_DIGEST_SIZE);
}

/* The first child of pid, or -1, whose name is (or, with other, is not) name. */
static pid_t find_child(const char *pid, const char *name, bool other)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/task/%s/children", pid, pid), *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) children = g_strsplit(g_strchomp(text), " ", -1);
    for (char **child = children; *child != NULL; child++) {
        g_autofree char *file = g_strdup_printf("/proc/%s/comm", *child), *found = NULL;
        g_assert_true(g_file_get_contents(file, &found, NULL, NULL));
        if ((strcmp(g_strchomp(found), name) == 0) != other)
            return (pid_t)g_ascii_strtoll(*child, NULL, 10);
    }
    return -1;
}

G_GNUC_UNUSED static pid_t child_named(const char *name)
{
    g_autofree char *own = g_strdup_printf("%d", (int)getpid());
    return find_child(own, name, false);
}

/* Nothing of ours is running or waiting to be collected, but helpers that wait for the next trial. */
G_GNUC_UNUSED static void check_no_children(void)
{
    g_autofree char *own = g_strdup_printf("%d", (int)getpid());
    g_assert_cmpint(find_child(own, "hpt-contain", true), ==, -1);
    g_autofree char *path = g_strdup_printf("/proc/self/task/%s/children", own), *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_auto(GStrv) helpers = g_strsplit(g_strchomp(text), " ", -1);
    for (char **helper = helpers; *helper != NULL; helper++)
        g_assert_cmpint(find_child(*helper, "", true), ==, -1);
}

/* How many processes have mark among their words. */
G_GNUC_UNUSED static size_t count_marked(const char *mark)
{
    size_t n = 0;
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    for (const char *name; (name = g_dir_read_name(proc)) != NULL;) {
        g_autofree char *path = g_strdup_printf("/proc/%s/cmdline", name), *words = NULL;
        gsize length = 0;
        if (!g_ascii_isdigit(*name) || !g_file_get_contents(path, &words, &length, NULL))
            continue;
        for (size_t i = 0; i < length; i++)
            words[i] = words[i] == '\0' ? ' ' : words[i];
        n += strstr(words, mark) != NULL;
    }
    return n;
}

/* ---- in every mode ---- */

typedef struct {
    const char *name;
    void (*test)(void);
    enum { ALWAYS, BARE, CONTAINED } when;
} TrialTest;

typedef struct {
    const HptContain *containment;
    void (*test)(void);
} Case;

static void run_case(const void *data)
{
    const Case *given = data;
    containment = given->containment;
    given->test();
}

/* Everything in every mode that can be had here; bare, too, which is what is left when a helper was
 * killed. */
static void add_mode(const char *mode, const HptContain *contain, const TrialTest *tests,
                     GPtrArray *cases)
{
    for (size_t i = 0; tests[i].name != NULL; i++) {
        if (tests[i].when == (contain == NULL ? CONTAINED : BARE))
            continue;
        g_autofree char *path = g_strdup_printf("/%s/%s", mode, tests[i].name);
        Case *one = g_new(Case, 1);
        *one = (Case){contain, tests[i].test};
        g_ptr_array_add(cases, one);
        g_test_add_data_func(path, one, run_case);
    }
}

static HptContain *new_containment(HptContainChoice choice, GError **error)
{
    const char *build = g_getenv("TEST_BUILD");
    g_autofree char *helper = g_strconcat(build != NULL ? build : ".", "/hpt-contain", NULL);
    return hpt_contain_new(choice, helper, error);
}

/* The last of tests has no name. */
static int run_tests(int argc, char **argv, const TrialTest *tests)
{
    int own = pidfd_open(getpid(), 0);
    if (own < 0) { /* valgrind does not know it, and its vfork shares no memory */
        puts("1..0 # SKIP no pidfd here");
        return 0;
    }
    close(own);
    g_test_init(&argc, &argv, NULL);
    g_autoptr(GPtrArray) cases = g_ptr_array_new_with_free_func(g_free);
    add_mode("bare", NULL, tests, cases);
    HptContain *modes[HPT_CONTAIN_AS_CGROUP + 1] = {NULL};
    for (int choice = HPT_CONTAIN_AS_NAMESPACE; choice <= HPT_CONTAIN_AS_CGROUP; choice++) {
        g_autoptr(GError) why = NULL;
        modes[choice] = new_containment((HptContainChoice)choice, &why);
        if (modes[choice] != NULL)
            add_mode(hpt_contain_words[choice], modes[choice], tests, cases);
        else
            printf("# not here: %s\n", why->message);
    }
    int status = g_test_run();
    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
        hpt_contain_free(modes[i]);
    return status;
}

#endif
