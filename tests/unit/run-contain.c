/* Limits of trials, their helper, and what is inside a containment. */
#include "tests/unit/run-lab.h"

/* The command itself, and one that its children reach only together. */
static void test_limit_mem(void)
{
    Lab lab;
    lab_begin(&lab, "");
    lab.limit_mem_bytes = 60 << 20;
    lab.timeout_us = 60000000; /* neither for ever nor all of the memory, should there be no limit */
    static const char *const scripts[] = {
        "{ head -c 200000000 /dev/zero; tail -f /dev/null; } | tail -n 1", /* holds it until it is ended */
        "for i in 1 2 3; do { head -c 25000000 /dev/zero; tail -f /dev/null; } | tail -n 1 & done; "
        "wait",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autoptr(HptRun) run = start(&lab, scripts[i]);
        const HptRunResult *result = wait_for(run);
        g_assert_cmpint(result->end->kind, ==, HPT_END_MEMORY);
        g_assert_cmpint(result->end->limit, ==, 60 << 20);
        g_assert_cmpint(result->end->seen, >, 60 << 20);
        g_assert_true(g_str_has_prefix(result->failure, "memory limit 60M exceeded ("));
        g_assert_false(result->end->survivors);
    }
    /* What processes share counts once: many that hold the same are within the limit. */
    lab.limit_mem_bytes = 16 << 20;
    lab.timeout_us = 600000000; /* thirteen at work, perhaps on one core with others */
    g_autoptr(HptRun) shared = start(
        &lab, "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do (while ! test -e \"$HPT_DIR/go\"; do :; done) & "
              "done; n=0; while test $n -lt 40000; do n=$((n + 1)); done; : >\"$HPT_DIR/go\"; wait");
    g_assert_cmpstr(wait_for(shared)->failure, ==, NULL);
    lab_end(&lab);
    check_no_children();
}

static void test_limit_cpu(void)
{
    Lab lab;
    lab_begin(&lab, "");
    lab.limit_cpu_us = 300000;
    lab.timeout_us = 60000000;
    g_autoptr(HptRun) run = start(&lab, "(while :; do :; done) & while :; do :; done");
    const HptRunResult *result = wait_for(run);
    g_assert_cmpint(result->end->kind, ==, HPT_END_CPU);
    g_assert_cmpint(result->end->seen, >, 300000);
    g_assert_cmpstr(result->failure, ==, "CPU limit 0.3s exceeded");
    /* What has ended counts as well. */
    g_autoptr(HptRun) many = start(&lab, "while :; do (n=0; while test $n -lt 999; do "
                                         "n=$((n + 1)); done); done");
    g_assert_cmpint(wait_for(many)->end->kind, ==, HPT_END_CPU);
    lab_end(&lab);
    check_no_children();
}

/* A command whose helper is killed is lost, never complete, and nothing of it stays. */
static void test_helper_killed(void)
{
    Lab lab;
    lab_begin(&lab, "");
    g_autofree char *file = g_strconcat(lab.root, "/followed", NULL);
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    g_autofree char *script = g_strdup_printf(
        "setsid tail -f %s & cd \"$HPT_DIR\" && : >ready; exec tail -f %s", file, file);
    for (int how = 0; how < 2; how++) {
        g_autofree char *ready = g_strdup_printf("%s/%d/ready", lab.root, lab.n);
        g_autoptr(HptRun) run = start(&lab, script);
        while (access(ready, F_OK) != 0 || count_marked(file) < 2)
            hpt_run_handle(run, hpt_time_monotonic_us());
        if (how == 0) {
            kill(hpt_run_get_pid(run), SIGKILL);
        } else { /* deaf to what it is told: the second KILL is for it */
            kill(hpt_run_get_pid(run), SIGSTOP);
            hpt_run_stop(run, SIGKILL, hpt_time_monotonic_us());
        }
        const HptRunResult *result = wait_for(run);
        g_assert_cmpint(result->end->kind, ==, how == 0 ? HPT_END_SIGNALLED : HPT_END_STOPPED);
        g_assert_cmpint(result->end->signal, ==, SIGKILL);
        g_assert_false(result->end->survivors);
        g_assert_cmpuint(count_marked(file), ==, 0);
    }
    lab_end(&lab);
    check_no_children();
}

/* One trial after the other has the same helper; one that was killed while it waited is replaced. */
static void test_helper_reused(void)
{
    Lab lab;
    lab_begin(&lab, "");
    pid_t helper[4];
    for (int i = 0; i < 4; i++) {
        g_autoptr(HptRun) run = start(&lab, i == 2 ? "kill -9 $$" : "setsid tail -f /dev/null & :");
        helper[i] = hpt_run_get_pid(run);
        const HptRunResult *result = wait_for(run);
        g_assert_cmpint(result->end->kind, ==, i == 2 ? HPT_END_SIGNALLED : HPT_END_EXITED);
        g_assert_cmpuint(result->end->left_behind, ==, i == 2 ? 0 : 1);
        if (i == 0) {
            g_assert_cmpint(kill(helper[0], SIGKILL), ==, 0);
            siginfo_t info;
            g_assert_cmpint(waitid(P_PID, (id_t)helper[0], &info, WEXITED | WNOWAIT), ==, 0);
        }
    }
    g_assert_cmpint(helper[1], !=, helper[0]);
    g_assert_cmpint(helper[2], ==, helper[1]);
    g_assert_cmpint(helper[3], ==, helper[1]);
    lab_end(&lab);
    check_no_children();
}

/* Words that no packet would hold, and few after many. */
static void test_large_environment(void)
{
    enum { N = 5, LENGTH = 100000 };
    Lab lab;
    lab_begin(&lab, "");
    g_autofree char *value = g_strnfill(LENGTH, 'x');
    char *large[N + 1] = {NULL};
    for (int i = 0; i < N; i++)
        large[i] = g_strdup_printf("L%d=%s", i, value);
    static const char *const small[] = {"L0=1", NULL};
    for (int i = 0; i < 3; i++) {
        lab.env = i == 1 ? small : (const char *const *)large;
        g_autoptr(HptRun) run = start(&lab, "printf '%s %s' ${#L0} ${#L4}");
        g_autofree char *out = stored(wait_for(run)->out);
        g_assert_cmpstr(out, ==, i == 1 ? "1 0" : "100000 100000");
    }
    for (int i = 0; i < N; i++)
        g_free(large[i]);
    lab_end(&lab);
}

/* What root mounts in one trial is not there in the next. */
static void test_mounts(void)
{
    if (geteuid() != 0 || !in_namespace()) {
        g_test_skip("only root may mount, and only a namespace keeps it from others");
        return;
    }
    Lab lab;
    lab_begin(&lab, "");
    g_autofree char *place = g_strconcat(lab.root, "/place", NULL);
    g_assert_cmpint(mkdir(place, 0700), ==, 0);
    g_autofree char *script = g_strdup_printf(
        "cd %s && ls && mount -t tmpfs none . && cd . && : >mine && ls", place);
    for (int i = 0; i < 2; i++) {
        g_autoptr(HptRun) run = start(&lab, script);
        g_autofree char *out = stored(wait_for(run)->out);
        g_assert_cmpstr(out, ==, "mine\n");
    }
    lab_end(&lab);
}

/* PID 1 is the helper, numbers are not those of every other trial, and the user is the same. */
static void test_inside(void)
{
    Lab lab;
    lab_begin(&lab, "");
    g_autoptr(HptRun) run = start(&lab, "id -u; id -g; cat /proc/self/oom_score_adj; "
                                        "test $$ -gt 2 || test ! -e /proc/sys/kernel/ns_last_pid; "
                                        "echo $?; test -d /proc/$$ && cat /proc/1/comm");
    const HptRunResult *result = wait_for(run);
    g_autofree char *out = stored(result->out);
    g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 6);
    g_assert_cmpint(g_ascii_strtoll(lines[0], NULL, 10), ==, geteuid());
    g_assert_cmpint(g_ascii_strtoll(lines[1], NULL, 10), ==, getegid());
    g_assert_cmpint(g_ascii_strtoll(lines[2], NULL, 10), >=, 300);
    g_assert_cmpstr(lines[3], ==, "0");
    g_assert_true(!in_namespace() || strcmp(lines[4], "hpt-contain") == 0);
    g_assert_cmpstr(result->end->containment, ==,
                    hpt_contain_mode_name(hpt_contain_get_mode(containment)));
    lab_end(&lab);
}

static void test_cores(void)
{
    Lab lab;
    lab_begin(&lab, "");
    g_autoptr(HptCores) cores = hpt_cores_new(1, 1, NULL);
    g_assert_nonnull(cores);
    lab.cpus = hpt_cores_get(cores, 0);
    g_autoptr(HptRun) run = start(&lab, "sed -n 's/^Cpus_allowed_list:.//p' /proc/self/status");
    g_autofree char *out = stored(wait_for(run)->out);
    g_assert_cmpstr(g_strchomp(out), ==, hpt_cores_peek_text(cores, 0));
    lab_end(&lab);
}

int main(int argc, char **argv)
{
    static const TrialTest tests[] = {
        {"limit-mem", test_limit_mem, CONTAINED},
        {"limit-cpu", test_limit_cpu, CONTAINED},
        {"helper-killed", test_helper_killed, CONTAINED},
        {"helper-reused", test_helper_reused, CONTAINED},
        {"large-environment", test_large_environment, ALWAYS},
        {"mounts", test_mounts, CONTAINED},
        {"inside", test_inside, CONTAINED},
        {"cores", test_cores, ALWAYS},
        {NULL, NULL, ALWAYS},
    };
    return run_tests(argc, argv, tests);
}
