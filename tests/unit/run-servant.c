/* Persistent workers, well-behaved and hostile. */
#include "run/trial.h"

#include "base/text.h"
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *root;
    const char *script;
    HptMetrics *metrics;
    HptServant *servant;
    int64_t timeout_us, grace_us;
    int64_t ahead_us; /* what the clock of its runs is ahead: an hour that passes at once */
    bool answers;
    int stop_after; /* of the questions: the next is answered with stop */
    int questions, trial;
    GString *points;
    HptRun *run;
} Lab;

#define HOUR_US INT64_C(3600000000)

/* A worker in sh: ready, then BODY for each trial, its number in $t. */
#define SAY "say() { printf '%s\\n' \"$1\" >&4; }; "
#define LOOP(body)                                                                                  \
    SAY "say '{\"type\":\"ready\",\"protocol\":1}'; "                                               \
        "while read -r job <&3; do case $job in *'\"bye\"'*) echo bye >&2; exit 0;; esac; "         \
        "t=${job#*\\\"trial\\\":}; t=${t%%[,\\}]*}; n=$((n+1)); " body "; done"
#define DONE "say \"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":$t,\\\"metrics\\\":{\\\"acc\\\":0.$n}}\""
#define REPORT(step)                                                                                \
    "say \"{\\\"type\\\":\\\"report\\\",\\\"trial\\\":$t,\\\"step\\\":" step                           \
    ",\\\"metrics\\\":{\\\"acc\\\":0.5}}\"; "

static void lab_begin(Lab *lab, const char *script, int max_restarts)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", NULL};
    *lab = (Lab){.grace_us = HPT_RUN_GRACE_US, .stop_after = -1, .script = script};
    lab->root = g_dir_make_tmp("hpt-servant-XXXXXX", NULL);
    g_assert_nonnull(lab->root);
    lab->metrics = hpt_metrics_new();
    g_assert_true(hpt_metrics_add(lab->metrics, "acc:max", NULL));
    lab->points = g_string_new(NULL);
    const char *const argv[] = {"sh", "-c", script, NULL};
    g_autofree char *marker = g_strconcat("HPT_WORKER=", lab->root, NULL);
    HptServantSpec spec = {
        .argv = argv, .env = env, .marker = marker, .max_restarts = max_restarts};
    lab->servant = hpt_servant_new(&spec);
}

static void lab_end(Lab *lab)
{
    g_clear_pointer(&lab->run, hpt_run_free);
    hpt_servant_free(lab->servant);
    g_autoptr(GError) error = NULL;
    bool removed = hpt_workdir_remove(lab->root, &error);
    g_assert_no_error(error);
    g_assert_true(removed);
    hpt_metrics_free(lab->metrics);
    g_string_free(lab->points, TRUE);
    g_free(lab->root);
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1); /* nothing of ours is left */
    g_assert_cmpint(errno, ==, ECHILD);
}

static void note_point(const HptPoint *point, void *user)
{
    Lab *lab = user;
    g_string_append_printf(lab->points, "%s %d;", point->name, (int)point->step);
}

static bool give(Lab *lab, GError **error)
{
    g_clear_pointer(&lab->run, hpt_run_free);
    int trial = ++lab->trial;
    g_autofree char *dir = g_strdup_printf("%s/%d", lab->root, trial);
    g_assert_cmpint(mkdir(dir, 0700), ==, 0);
    g_autofree char *message =
        g_strdup_printf("{\"dir\":\"%s\",\"trial\":%d,\"type\":\"trial\"}", dir, trial);
    HptRunSpec spec = {
        .trial_dir = dir,
        .metrics = lab->metrics,
        .timeout_us = lab->timeout_us,
        .grace_us = lab->grace_us,
        .output_cap = -1,
        .answers = lab->answers,
        .on_point = note_point,
        .user = lab,
        .servant = lab->servant,
        .trial = trial,
        .message = message,
    };
    lab->run = hpt_run_start(&spec, error);
    return lab->run != NULL;
}

static int64_t now_us(const Lab *lab)
{
    return hpt_time_monotonic_us() + lab->ahead_us;
}

static bool turn(Lab *lab)
{
    if (hpt_run_finished(lab->run))
        return false;
    struct pollfd fds[HPT_RUN_FDS];
    size_t n = hpt_run_fds(lab->run, fds);
    int64_t deadline = hpt_run_deadline(lab->run);
    int64_t left = deadline == INT64_MAX ? 120000000 : deadline - now_us(lab);
    int ready = poll(fds, (nfds_t)n, left <= 0 ? 0 : (int)(MIN(left, 120000000) / 1000 + 1));
    g_assert_true(ready > 0 || left < 120000000); /* else it hangs */
    hpt_run_handle(lab->run, now_us(lab));
    if (hpt_run_is_asking(lab->run))
        hpt_run_answer(lab->run, lab->questions++ == lab->stop_after);
    return true;
}

static const HptRunResult *serve(Lab *lab)
{
    g_autoptr(GError) error = NULL;
    bool given = give(lab, &error);
    g_assert_no_error(error);
    g_assert_true(given);
    while (turn(lab))
        continue;
    return hpt_run_get_result(lab->run);
}

static const char *output(const HptCaptured *captured)
{
    static char text[4096];
    g_assert_nonnull(captured->data);
    g_strlcpy(text, captured->data, MIN(sizeof text, (size_t)captured->stored + 1));
    return text;
}

/* ---- the ordinary case ---- */

static void test_trials(void)
{
    Lab lab;
    lab_begin(&lab, "echo starting; " LOOP("echo trial $t; echo note >&2; " DONE),
              0);
    pid_t pid = 0;
    for (int i = 1; i <= 3; i++) {
        const HptRunResult *result = serve(&lab);
        g_assert_cmpstr(result->failure, ==, NULL);
        g_assert_cmpint(result->end->kind, ==, HPT_END_EXITED);
        g_assert_cmpint(result->end->wall_us, >, 0);
        g_assert_cmpint(result->end->maxrss_bytes, >, 0);
        g_assert_cmpint(result->served->trials, ==, i - 1);
        g_assert_false(result->served->pruned);
        g_assert_cmpint(result->metrics->found[0].rule, ==, HPT_RULE_REPORT);
        g_assert_cmpfloat(result->metrics->found[0].value, ==, (double)i / 10);
        g_assert_cmpint(result->reports->bad_lines, ==, 0);
        g_assert_cmpint(result->reports->lines, ==, i == 1 ? 2 : 1);
        g_autofree char *text = g_strdup_printf("%strial %d\n", i == 1 ? "starting\n" : "", i);
        g_assert_true(g_str_has_prefix(output(result->out), text));
        g_assert_nonnull(strstr(output(result->err), "note\n"));
        g_assert_true(pid == 0 || pid == hpt_run_get_pid(lab.run));
        pid = hpt_run_get_pid(lab.run);
    }
    lab_end(&lab);
}

/* Numbers in what it prints count as they do elsewhere, but for what came before the trial. */
static void test_text_metrics(void)
{
    Lab lab;
    lab_begin(&lab, "echo acc: 9; " LOOP("echo \"acc: 0.$n (step 3)\"; say "
                    "\"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":$t,\\\"state\\\":\\\"complete\\\","
                    "\\\"later\\\":{\\\"a\\\":[1,{}]}}\""), 0);
    for (int i = 1; i <= 2; i++) {
        const HptRunResult *result = serve(&lab);
        g_assert_cmpstr(result->failure, ==, NULL);
        g_assert_cmpfloat(result->metrics->found[0].value, ==, (double)i / 10);
        g_assert_cmpint(result->metrics->found[0].rule, ==, HPT_RULE_TEXT);
    }
    g_assert_cmpstr(lab.points->str, ==, "acc 3;acc 3;");
    lab_end(&lab);
}

#define ANSWERED "read -r go <&3; echo \"$go\"; "

static void test_answers(void)
{
    Lab lab;
    lab_begin(&lab, LOOP(REPORT("1") ANSWERED REPORT("2") REPORT("3") ANSWERED ANSWERED
                         "say \"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":$t,\\\"state\\\":\\\"pruned\\\"}\""), 0);
    const HptRunResult *result = serve(&lab); /* nobody decides */
    g_assert_cmpstr(output(result->out), ==,
                    "{\"continue\":true,\"trial\":1,\"type\":\"go\"}\n"
                    "{\"continue\":true,\"trial\":1,\"type\":\"go\"}\n"
                    "{\"continue\":true,\"trial\":1,\"type\":\"go\"}\n");
    g_assert_cmpint(lab.questions, ==, 0);
    lab.answers = true;
    lab.stop_after = 1;
    result = serve(&lab);
    g_assert_cmpstr(output(result->out), ==,
                    "{\"continue\":true,\"trial\":2,\"type\":\"go\"}\n"
                    "{\"continue\":false,\"trial\":2,\"type\":\"go\"}\n"
                    "{\"continue\":false,\"trial\":2,\"type\":\"go\"}\n");
    g_assert_cmpint(lab.questions, ==, 2); /* the third report came with the second or after the stop */
    g_assert_true(result->served->pruned);
    g_assert_cmpstr(lab.points->str, ==, "acc 1;acc 2;acc 3;acc 1;acc 2;acc 3;");
    lab_end(&lab);
}

static void test_failed(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("case $n in "
        "1) say \"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":$t,\\\"state\\\":\\\"failed\\\",\\\"error\\\":\\\"no data\\\"}\";; "
        "2) say \"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":$t,\\\"metrics\\\":{\\\"acc\\\":null}}\";; "
        "3) say \"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":$t,\\\"state\\\":\\\"fine\\\"}\";; "
        "4) say \"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":$t,\\\"metrics\\\":{\\\"acc\\\":NaN}}\";; "
        "*) " DONE ";; esac"), 0);
    const char *const failures[] = {
        "no data", "the worker's 'done': metric 'acc' is not a number",
        "the worker's 'done': unknown state 'fine'; it is complete, pruned or failed",
        "'acc' is not a number (NaN)", NULL};
    for (int i = 0; i < 5; i++)
        g_assert_cmpstr(serve(&lab)->failure, ==, failures[i]);
    lab_end(&lab);
}

static void test_usage(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("if [ $n = 1 ]; then i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; fi; " DONE), 0);
    int64_t first_us = 0;
    for (int i = 0; i < 2; i++) {
        const HptEnd *end = serve(&lab)->end;
        int64_t cpu_us = end->user_us + end->system_us;
        g_assert_cmpint(cpu_us, >, 0);
        if (i == 0)
            first_us = cpu_us;
        else
            g_assert_cmpint(cpu_us, <, first_us / 2); /* its own alone */
    }
    lab_end(&lab);
}

/* A helper that lives on from trial to trial works for the one it works in. */
static void test_usage_below(void)
{
    Lab lab;
    lab_begin(&lab, "mkfifo \"$F.a\" \"$F.b\"; (exec 5<>\"$F.a\" 6<>\"$F.b\"; while read -r x <&5; do i=0; "
                    "while [ $i -lt 200000 ]; do i=$((i+1)); done; echo >&6; done) & exec 5<>\"$F.a\" 6<>\"$F.b\"; "
                    LOOP("if [ $n = 1 ]; then echo >&5; read -r x <&6; fi; " DONE), 0);
    g_autofree char *file = g_strconcat("F=", lab.root, "/fifo", NULL);
    const char *const argv[] = {"sh", "-c", lab.script, NULL};
    const char *const env[] = {"PATH=/usr/bin:/bin", file, NULL};
    hpt_servant_free(lab.servant);
    lab.servant =
        hpt_servant_new(&(HptServantSpec){.argv = argv, .env = env, .marker = "HPT_WORKER=below"});
    int64_t used_us[2];
    for (int i = 0; i < 2; i++) {
        const HptEnd *end = serve(&lab)->end;
        used_us[i] = end->user_us + end->system_us;
    }
    g_assert_cmpint(used_us[1], <, used_us[0] / 2);
    g_assert_cmpint(used_us[0], >, 20000);
    lab_end(&lab);
}

/* ---- ends ---- */

static void test_dies(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("echo $t; case $t in 2) exit 0;; 3) exit 4;; 4) ulimit -c 0; kill -SEGV $$;; "
                         "5) kill -KILL $$;; esac; " DONE), 3);
    const char *const failures[] = {NULL,
                                    "the worker ended (exit status 0) before it said 'done'",
                                    "the worker ended (exit status 4) before it said 'done'",
                                    "signal 11 (SIGSEGV)", "signal 9 (SIGKILL)", NULL};
    static const HptEndKind kinds[] = {HPT_END_EXITED, HPT_END_EXITED, HPT_END_EXITED,
                                       HPT_END_SIGNALLED, HPT_END_SIGNALLED};
    for (int i = 0; i < 5; i++) {
        if (i == 4) { /* one more death is one too many */
            g_autoptr(GError) error = NULL;
            const HptRunResult *result = serve(&lab);
            g_assert_cmpstr(result->failure, ==, failures[i]);
            g_assert_false(give(&lab, &error));
            g_assert_error(error, HPT_ERROR, HPT_ERROR_FAILURES);
            g_assert_true(g_str_has_prefix(error->message, "the worker has ended 4 times in a row "
                                           "without finishing a trial: signal 9 (SIGKILL)\nhint: "));
            break;
        }
        const HptRunResult *result = serve(&lab);
        g_assert_cmpstr(result->failure, ==, failures[i]);
        g_assert_cmpint(result->end->kind, ==, kinds[i]);
        g_autofree char *text = g_strdup_printf("%d\n", i + 1);
        g_assert_cmpstr(output(result->out), ==, text);
        g_assert_cmpint(result->served->trials, ==, i == 1);
    }
    lab_end(&lab);
}

/* A trial that is finished makes the deaths before it forgotten; last words count. */
static void test_last_words(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("echo out; " DONE "; exit 3"), 1);
    for (int i = 0; i < 4; i++) {
        const HptRunResult *result = serve(&lab);
        g_assert_cmpstr(result->failure, ==, NULL);
        g_assert_cmpstr(output(result->out), ==, "out\n");
    }
    lab_end(&lab);
}

static void check_start(const char *script, const char *failure)
{
    Lab lab;
    lab_begin(&lab, script, 0);
    const HptRunResult *result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, failure);
    g_autoptr(GError) error = NULL;
    g_assert_false(give(&lab, &error));
    g_assert_nonnull(strstr(error->message, "1 times in a row"));
    lab_end(&lab);
}

static void test_start(void)
{
    check_start("exit 2", "the worker ended (exit status 2) before it said "
                          "{\"type\":\"ready\",\"protocol\":1} on descriptor 4");
    check_start(SAY "say '{\"type\":\"ready\",\"protocol\":2}'; read -r x <&3",
                "the worker speaks protocol 2; this is 1");
    check_start("exec 4>&-; exec sleep 100", "the worker closed its descriptor 4");
    Lab lab;
    lab_begin(&lab, "exec sleep 100", 0);
    lab.timeout_us = 50000;
    const HptRunResult *result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, "the worker did not say {\"type\":\"ready\",\"protocol\":1} "
                                         "on descriptor 4 in time");
    g_assert_cmpint(result->end->kind, ==, HPT_END_TIMEOUT);
    lab_end(&lab);
    const char *const argv[] = {"no-such-worker", NULL}, *const env[] = {"PATH=/bin", NULL};
    lab_begin(&lab, "", 0);
    hpt_servant_free(lab.servant);
    lab.servant = hpt_servant_new(
        &(HptServantSpec){.argv = argv, .env = env, .marker = "HPT_WORKER=none"});
    result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, "exec 'no-such-worker': No such file or directory");
    g_assert_cmpint(result->end->kind, ==, HPT_END_START_FAILED);
    g_assert_cmpint(result->end->status, ==, 127);
    lab_end(&lab);
}

/* Gives a trial that says by a file in the root when it hangs; its time is over then. */
static const HptRunResult *serve_late(Lab *lab)
{
    g_autofree char *hangs = g_strconcat(lab->root, "/hangs", NULL);
    lab->timeout_us = HOUR_US;
    g_assert_true(give(lab, NULL));
    while (access(hangs, F_OK) != 0) {
        struct pollfd fds[HPT_RUN_FDS];
        poll(fds, (nfds_t)hpt_run_fds(lab->run, fds), 1);
        hpt_run_handle(lab->run, now_us(lab));
        g_assert_false(hpt_run_finished(lab->run));
    }
    g_assert_cmpint(unlink(hangs), ==, 0);
    lab->ahead_us += HOUR_US;
    while (turn(lab))
        continue;
    lab->timeout_us = lab->ahead_us = 0;
    return hpt_run_get_result(lab->run);
}

/* A limit ends the trial and the process, and is nothing against a new one. */
static void test_timeout(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("d=${job#*\\\"dir\\\":\\\"}; d=${d%%\\\"*}; case $t in 1|3) : >\"$d/../hangs\"; sleep 100;; "
                         "4) trap '' TERM; : >\"$d/../hangs\"; while :; do sleep 1; done;; esac; " DONE), 0);
    const HptRunResult *result = serve_late(&lab);
    g_assert_cmpstr(result->failure, ==, "timeout");
    g_assert_cmpint(result->end->kind, ==, HPT_END_TIMEOUT);
    g_assert_cmpstr(serve(&lab)->failure, ==, NULL);
    g_assert_cmpstr(serve_late(&lab)->failure, ==, "timeout");
    lab.grace_us = 50000;
    result = serve_late(&lab);
    g_assert_cmpstr(result->failure, ==, "timeout");
    g_assert_cmpint(result->end->signal, ==, SIGKILL);
    lab_end(&lab);
}

static void test_stop(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("echo begun; sleep 100; " DONE), 0);
    for (int i = 0; i < 2; i++) {
        g_assert_true(give(&lab, NULL));
        struct pollfd fds[HPT_RUN_FDS];
        poll(fds, (nfds_t)hpt_run_fds(lab.run, fds), 1000);
        if (i == 0)
            hpt_run_stop(lab.run, SIGTERM, hpt_time_monotonic_us());
        while (i == 0 && turn(&lab))
            continue;
        g_assert_cmpint(i == 0 ? (int)hpt_run_get_result(lab.run)->end->kind : HPT_END_STOPPED, ==,
                        HPT_END_STOPPED);
    } /* the second is freed while it runs */
    lab_end(&lab);
}

/* ---- hostile workers ---- */

static void test_garbage(void)
{
    Lab lab;
    lab_begin(&lab,
              "printf 'Hello\\n\\n' >&4; printf '{\"type\":\"report\",\"trial\":1}\\n' >&4; "
              LOOP("say '[1]'; say '{}'; say '{\"type\":\"dance\"}'; say '{\"type\":\"ready\"}'; "
                   "say \"{\\\"type\\\":\\\"report\\\",\\\"trial\\\":99,\\\"metrics\\\":{\\\"acc\\\":5}}\"; " ANSWERED
                   "say \"{\\\"type\\\":\\\"report\\\",\\\"trial\\\":$t,\\\"metrics\\\":{\\\"a b\\\":5}}\"; " ANSWERED
                   "say \"{\\\"type\\\":\\\"report\\\",\\\"trial\\\":$t}\"; " ANSWERED
                   "say \"{\\\"type\\\":\\\"done\\\",\\\"trial\\\":99}\"; " DONE "; " DONE), 0);
    const HptRunResult *result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpfloat(result->metrics->found[0].value, ==, 0.1);
    g_assert_cmpstr(output(result->out), ==,
                    "{\"continue\":false,\"trial\":99,\"type\":\"go\"}\n"
                    "{\"continue\":true,\"trial\":1,\"type\":\"go\"}\n"
                    "{\"continue\":true,\"trial\":1,\"type\":\"go\"}\n");
    g_autofree char *events = g_strjoinv("\n", result->reports->events);
    const char *const wanted[] = {"line 1: not a JSON value: Hello", "before 'ready'", "no 'type'",
                                  "not a JSON object: [1]", "unknown type 'dance'", "'ready' twice",
                                  "about trial 99, not 1"};
    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
        if (strstr(events, wanted[i]) == NULL)
            g_error("'%s' is not in:\n%s", wanted[i], events);
    g_assert_cmpint(result->reports->bad_lines, >=, 10);
    g_assert_cmpstr(lab.points->str, ==, "");
    /* The second "done" came with the first or is of a trial that has ended. */
    result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpfloat(result->metrics->found[0].value, ==, 0.2);
    lab_end(&lab);
}

/* Said while nobody asked: it is not the next trial's, even one of the same number. */
static void test_done_between(void)
{
    Lab lab;
    lab_begin(&lab, LOOP(DONE "; " DONE "; d=${job#*\\\"dir\\\":\\\"}; : >\"${d%%\\\"*}.late\""), 0);
    g_autofree char *dir = g_strconcat(lab.root, "/1", NULL);
    g_autofree char *late = g_strconcat(dir, ".late", NULL);
    g_assert_cmpstr(serve(&lab)->failure, ==, NULL);
    while (access(late, F_OK) != 0)
        poll(NULL, 0, 1);
    g_assert_true(hpt_workdir_remove(dir, NULL));
    lab.trial = 0; /* the same number again, as the evaluations of one trial have it */
    const HptRunResult *result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpfloat(result->metrics->found[0].value, ==, 0.2);
    lab_end(&lab);
}

static void test_long_lines(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("head -c 10000000 /dev/zero | tr '\\0' x >&4; echo >&4; "
                         "printf '{\"x\":\"' >&4; head -c 1000000 /dev/zero | tr '\\0' y >&4; "
                         "printf '\",\"type\":\"done\",\"trial\":%s,\"metrics\":{\"acc\":0.5}}\\n' $t >&4"), 0);
    const HptRunResult *result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpint(result->reports->bad_lines, ==, 1);
    g_assert_true(g_str_has_prefix(result->reports->events[0], "line 2: longer than 1 MiB: xxx"));
    g_assert_cmpfloat(result->metrics->found[0].value, ==, 0.5);
    g_assert_cmpint(result->reports->bytes, >, 11000000);
    lab_end(&lab);
}

/* It never reads, reports for ever, and is held up by that alone. */
static void test_never_reads(void)
{
    Lab lab;
    lab_begin(&lab, SAY "say '{\"type\":\"ready\"}'; t=1; exec 3<&-; while :; do " REPORT("1") "done", 0);
    lab.timeout_us = 5000000; /* for being ready and filling the pipes */
    lab.grace_us = 0;
    const HptRunResult *result = serve(&lab);
    g_assert_cmpstr(result->failure, ==, "timeout");
    /* 64 KiB in the pipe, 64 KiB with us, 42 bytes an answer. */
    g_assert_cmpint(result->reports->lines, <, 8000);
    g_assert_cmpint(result->reports->lines, >, 1);
    lab.answers = true; /* and nobody decides */
    g_assert_true(give(&lab, NULL));
    while (!hpt_run_finished(lab.run)) {
        struct pollfd fds[HPT_RUN_FDS];
        poll(fds, (nfds_t)hpt_run_fds(lab.run, fds), 50);
        hpt_run_handle(lab.run, hpt_time_monotonic_us());
    }
    lab_end(&lab);
}

/* Floods of output do not hide its "done". */
static void test_flood(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("(while :; do echo noise; done) & p=$!; " DONE "; kill $p; wait $p"), 0);
    for (int i = 0; i < 2; i++)
        g_assert_cmpstr(serve(&lab)->failure, ==, NULL);
    lab_end(&lab);
}

/* What comes between trials is nobody's. The worker waits at a fifo until its trial is over, and we
 * wait there until it has printed. */
static void test_between(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("d=${job#*\\\"dir\\\":\\\"}; d=${d%%\\\"*}; echo trial $t; " DONE
                         "; read -r x <\"$d/../gate\"; echo late; : >\"$d/../gate\""), 0);
    g_autofree char *gate = g_strconcat(lab.root, "/gate", NULL);
    g_assert_cmpint(mkfifo(gate, 0600), ==, 0);
    static const int ways[] = {O_WRONLY, O_RDONLY};
    for (int i = 0; i < 2; i++) {
        const HptRunResult *result = serve(&lab);
        g_assert_cmpstr(result->failure, ==, NULL);
        g_assert_cmpstr(output(result->out), ==, i == 0 ? "trial 1\n" : "trial 2\n");
        g_assert_cmpint(result->served->stray_bytes, ==, i == 0 ? 0 : strlen("late\n"));
        for (int k = 0; k < 2; k++) {
            int fd = open(gate, ways[k] | O_CLOEXEC);
            g_assert_cmpint(fd, >=, 0);
            close(fd);
        }
    }
    lab_end(&lab);
}

/* What the process has started is gone with it. */
static void test_leftovers(void)
{
    Lab lab;
    lab_begin(&lab, LOOP("setsid sleep 100 & setsid sh -c 'sleep 100 & exec sleep 100' & exit 1"), 0);
    const HptRunResult *result = serve(&lab);
    g_assert_cmpuint(result->end->left_behind, >=, 2);
    lab_end(&lab);
}

static void test_bye(void)
{
    Lab lab;
    lab_begin(&lab, LOOP(DONE), 0);
    g_autofree char *file = g_strconcat(lab.root, "/bye", NULL);
    g_assert_cmpstr(serve(&lab)->failure, ==, NULL);
    lab_end(&lab);
    /* One that does not go is killed. */
    lab_begin(&lab, "trap '' TERM; " LOOP(DONE "; sleep 100"), 0);
    g_assert_cmpstr(serve(&lab)->failure, ==, NULL);
    lab_end(&lab);
}

int main(int argc, char **argv)
{
    int own = pidfd_open(getpid(), 0);
    if (own < 0) {
        puts("1..0 # SKIP no pidfd here");
        return 0;
    }
    close(own);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/servant/trials", test_trials);
    g_test_add_func("/servant/text-metrics", test_text_metrics);
    g_test_add_func("/servant/answers", test_answers);
    g_test_add_func("/servant/failed", test_failed);
    g_test_add_func("/servant/usage", test_usage);
    g_test_add_func("/servant/usage-below", test_usage_below);
    g_test_add_func("/servant/dies", test_dies);
    g_test_add_func("/servant/last-words", test_last_words);
    g_test_add_func("/servant/start", test_start);
    g_test_add_func("/servant/timeout", test_timeout);
    g_test_add_func("/servant/stop", test_stop);
    g_test_add_func("/servant/garbage", test_garbage);
    g_test_add_func("/servant/done-between", test_done_between);
    g_test_add_func("/servant/long-lines", test_long_lines);
    g_test_add_func("/servant/never-reads", test_never_reads);
    g_test_add_func("/servant/flood", test_flood);
    g_test_add_func("/servant/between", test_between);
    g_test_add_func("/servant/leftovers", test_leftovers);
    g_test_add_func("/servant/bye", test_bye);
    return g_test_run();
}
