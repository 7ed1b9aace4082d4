/* Whole trials with real processes, the worst we could think of among them. */
#include "tests/unit/run-lab.h"
#include "tests/unit/sanitized.h"

/* ---- the ordinary case ---- */

static void test_complete(void)
{
    Lab lab;
    lab_begin(&lab, "acc:max ; t:track:time");
    static const char *const env[] = {"HPT_PARAM_C=0.5", "HPT_TRIAL=7", NULL};
    lab.env = env;
    lab.input = "{\"a\":1}";
    g_autoptr(HptRun) run =
        start(&lab, "echo $HPT_PARAM_C $HPT_TRIAL; cat; echo; pwd >&2; test -d \"$HPT_DIR\" && "
                    "test -p \"$HPT_REPORT\" && echo acc=0.75");
    g_assert_cmpint(hpt_run_get_pid(run), >, 0);
    const HptRunResult *result = wait_for(run);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpint(result->end->kind, ==, HPT_END_EXITED);
    g_assert_cmpuint(result->end->left_behind, ==, 0);
    g_assert_cmpint(result->end->wall_us, >, 0);
    g_assert_cmpint(result->end->maxrss_bytes, >=, result->end->maxrss_floor_bytes);
    g_autofree char *out = stored(result->out), *err = stored(result->err);
    g_assert_cmpstr(out, ==, "0.5 7\n{\"a\":1}\nacc=0.75\n");
    check_digest(result->out, out);
    g_assert_cmpint(result->out->total, ==, (int64_t)strlen(out));
    g_assert_cmpint(result->out->fd, ==, -1);
    g_autofree char *cwd = g_get_current_dir();
    g_assert_cmpstr(g_strchomp(err), ==, cwd);
    g_assert_cmpfloat(result->metrics->found[0].value, ==, 0.75);
    g_assert_cmpint(result->metrics->found[0].rule, ==, HPT_RULE_WORDS);
    g_autofree char *fifo = g_strconcat(lab.root, "/0/" HPT_RUN_REPORT_NAME, NULL);
    g_assert_cmpint(access(fifo, F_OK), !=, 0);
    lab_end(&lab);
    check_no_children();
}

static void check_failure(Lab *lab, const char *const *argv, HptEndKind kind, int status,
                          const char *failure)
{
    g_autoptr(HptRun) run = start_argv(lab, argv);
    const HptRunResult *result = wait_for(run);
    g_assert_cmpstr(result->failure, ==, failure);
    g_assert_cmpint(result->end->kind, ==, kind);
    g_assert_cmpint(result->end->status, ==, status);
}

static void test_ends(void)
{
    Lab lab;
    lab_begin(&lab, "");
    check_failure(&lab, (const char *const[]){"true", NULL}, HPT_END_EXITED, 0, NULL);
    check_failure(&lab, (const char *const[]){"sh", "-c", "exit 3", NULL}, HPT_END_EXITED, 3,
                  "exit status 3");
    check_failure(&lab, (const char *const[]){"sh", "-c", "ulimit -c 0; kill -SEGV $$", NULL},
                  HPT_END_SIGNALLED, 139, "signal 11 (SIGSEGV)");
    check_failure(&lab, (const char *const[]){"no-such-command-here", NULL}, HPT_END_START_FAILED,
                  127, "exec 'no-such-command-here': No such file or directory");
    check_failure(&lab, (const char *const[]){"/etc/passwd", NULL}, HPT_END_START_FAILED, 126,
                  "exec '/etc/passwd': Permission denied");
    check_failure(&lab, (const char *const[]){"train --fast", NULL}, HPT_END_START_FAILED, 127,
                  "exec 'train --fast': No such file or directory; write the words apart, or use "
                  "-S for a shell");
    g_autofree char *script = g_strconcat(lab.root, "/script", NULL);
    g_assert_true(g_file_set_contents(script, "#!/no/such/interpreter\n", -1, NULL));
    g_assert_cmpint(chmod(script, 0700), ==, 0);
    g_autofree char *missing = g_strdup_printf(
        "exec '%s': No such file or directory; the interpreter in its first line is missing",
        script);
    check_failure(&lab, (const char *const[]){script, NULL}, HPT_END_START_FAILED, 127, missing);
    lab.directory = "/no/such/place";
    check_failure(&lab, (const char *const[]){"true", NULL}, HPT_END_START_FAILED, 125,
                  "directory '/no/such/place': No such file or directory");
    lab_end(&lab);
    lab_begin(&lab, "code:exit");
    check_failure(&lab, (const char *const[]){"sh", "-c", "exit 3", NULL}, HPT_END_EXITED, 3, NULL);
    lab_end(&lab);
    lab_begin(&lab, "acc");
    check_failure(&lab, (const char *const[]){"echo", "acc: nan", NULL}, HPT_END_EXITED, 0,
                  "'acc' is not a number (NaN)");
    lab_end(&lab);
    check_no_children();
}

/* The child's world: only three descriptors, default signals, an empty mask, its own group. */
static void test_clean_start(void)
{
    Lab lab;
    lab_begin(&lab, "");
    int null = open("/dev/null", O_RDONLY), stray = fcntl(null, F_DUPFD, 77); /* inherited */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* would lose us the status */
    sigset_t usr1, before;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &before);
    g_autoptr(HptRun) run =
        start(&lab, "test -e /proc/$$/fd/77 && echo leaked; "
                    "grep -E '^Sig(Blk|Ign)' /proc/$$/status | tr '\\n' ' '; "
                    "test \"$(ps -o pgid= -p $$ | tr -d ' ')\" = $$ && echo own;"
                    "cat");
    const HptRunResult *result = wait_for(run);
    g_autofree char *out = stored(result->out);
    g_assert_cmpstr(out, ==, "SigBlk:\t0000000000000000 SigIgn:\t0000000000000000 own\n");
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    close(stray);
    close(null);
    lab_end(&lab);
}

static void test_environment(void)
{
    static const char *const from[] = {"PATH=/bin",   "HPT_DSN=secret", "PGPASSWORD=x", "PGHOST=y",
                                       "PG_COLOR=no", "PGP=z",          "HOME=/h",      NULL};
    g_auto(GStrv) env = hpt_child_environment(from);
    g_autofree char *all = g_strjoinv(" ", env);
    g_assert_cmpstr(all, ==, "PATH=/bin PG_COLOR=no HOME=/h");
}

/* ---- output ---- */

/* 64 MiB here; tests/fault has the 4 GB. */
static void test_much_output(void)
{
    Lab lab;
    lab_begin(&lab, "acc");
    lab.cap = 1 << 20;
    g_autoptr(HptRun) run = start(&lab, "echo first; yes 'garbage 0123456789' | head -c 67108864; "
                                        "echo; echo 'acc: 0.5'; yes | head -c 1000000 >&2");
    const HptRunResult *result = wait_for(run);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpint(result->out->total, ==, 67108864 + 6 + 1 + 9);
    g_assert_cmpint(result->out->stored, ==, 1 << 20);
    g_assert_cmpint(result->out->dropped, ==, result->out->total - (1 << 20));
    g_autofree char *out = stored(result->out);
    g_assert_true(g_str_has_prefix(out, "first\ngarbage"));
    g_assert_true(g_str_has_suffix(out, "\nacc: 0.5\n"));
    g_assert_cmpint(result->metrics->found[0].offset, ==, result->out->total - 4);
    g_assert_cmpint(result->err->total, ==, 1000000);
    g_assert_cmpint(result->err->dropped, ==, 0); /* within the cap: whole, in a file */
    g_assert_cmpint(result->err->fd, >=, 0);
    g_autofree char *err = stored(result->err);
    check_digest(result->err, err);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (!SANITIZED && g_getenv("TEST_WRAP") == NULL)
        g_assert_cmpint(usage.ru_maxrss, <, 64 << 10);
    lab_end(&lab);
}

/* Garbage with NUL and escape bytes, no newline at the end, no spool folder to write to. */
static void test_no_spool(void)
{
    HptCapture *capture = hpt_capture_new("/no/such/folder", 1 << 20);
    g_autoptr(GString) all = g_string_new(NULL);
    for (int i = 0; i < 400000; i++) {
        char piece[3] = {(char)i, (char)(i >> 8), '\0'};
        g_string_append_len(all, piece, 3);
        hpt_capture_add(capture, piece, 3);
    }
    const HptCaptured *got = hpt_capture_end(capture);
    g_assert_cmpint(got->total, ==, 1200000);
    g_assert_cmpint(got->spool_errno, ==, ENOENT);
    g_assert_cmpint(got->stored + got->dropped, ==, got->total);
    g_assert_nonnull(got->data);
    const char *data = got->data;
    check_same(data, (size_t)got->head, all->str, (size_t)got->head);
    size_t tail = (size_t)(got->stored - got->head);
    g_assert_cmpuint(tail, ==, 262144);
    check_same(data + got->head, tail, all->str + all->len - tail, tail);
    HptDigest want = hpt_digest(all->str, all->len);
    check_same(got->digest.bytes, HPT_DIGEST_SIZE, want.bytes, HPT_DIGEST_SIZE);
    hpt_capture_free(capture);
}

/* Every cap and every way of cutting the bytes gives head and tail of the same stream. */
static void test_caps(void)
{
    g_autoptr(GString) all = g_string_new(NULL);
    for (int i = 0; i < 150000; i++)
        g_string_append_c(all, (char)((i * 7 + i / 256) & 0xff));
    static const int64_t caps[] = {0, 1, 2, 3, 1000, 65536, 65537, 131072, 149999, 150000, 150001};
    static const size_t pieces[] = {1, 13, 4096, 65536, 150000};
    for (size_t c = 0; c < G_N_ELEMENTS(caps); c++)
        for (size_t p = 0; p < G_N_ELEMENTS(pieces); p++) {
            g_autoptr(HptCapture) capture = hpt_capture_new(g_get_tmp_dir(), caps[c]);
            for (size_t at = 0; at < all->len; at += pieces[p])
                hpt_capture_add(capture, all->str + at, MIN(pieces[p], all->len - at));
            const HptCaptured *got = hpt_capture_end(capture);
            g_assert_cmpint(got->stored, ==, MIN(caps[c], (int64_t)all->len));
            g_assert_cmpint(got->dropped, ==, (int64_t)all->len - got->stored);
            g_autofree char *text = stored(got);
            check_same(text, (size_t)got->head, all->str, (size_t)got->head);
            size_t tail = (size_t)(got->stored - got->head);
            check_same(text + got->head, tail, all->str + all->len - tail, tail);
        }
}

/* ---- time ---- */

#define HOUR_US INT64_C(3600000000)

static void test_timeout(void)
{
    Lab lab;
    lab_begin(&lab, "");
    lab.timeout_us = 50000;
    g_autoptr(HptRun) polite = start(&lab, "tail -f /dev/null");
    const HptRunResult *result = wait_for(polite);
    g_assert_cmpstr(result->failure, ==, "timeout");
    g_assert_cmpint(result->end->kind, ==, HPT_END_TIMEOUT);
    g_assert_cmpint(result->end->signal, ==, SIGTERM);
    lab.grace_us = lab.timeout_us = HOUR_US;
    HptRun *runs[] = {
        /* Deaf: killed after the grace. */
        start(&lab, "trap '' TERM HUP INT; : >\"$HPT_DIR/ready\"; while :; do :; done"),
        /* Stopped: TERM reaches it all the same. */
        start(&lab, "(until grep -q '^State:.T' /proc/$$/status; do :; done; : >\"$HPT_DIR/ready\") & "
                    "kill -STOP $$; echo woke; exit 0"),
        /* In peace: still a timeout. */
        start(&lab, "trap 'exit 0' TERM; : >\"$HPT_DIR/ready\"; while :; do :; done"),
    };
    static const int signals[] = {SIGKILL, SIGTERM, 0};
    for (int i = 0; i < 3; i++) {
        g_autofree char *ready = g_strdup_printf("%s/%d/ready", lab.root, i + 1);
        while (access(ready, F_OK) != 0) {
            hpt_run_handle(runs[i], now_us());
            poll(NULL, 0, 1);
        }
    }
    ahead_us += HOUR_US;
    while (!hpt_run_finished(runs[1]) || !hpt_run_finished(runs[2]))
        turn(runs, 3);
    g_assert_false(hpt_run_finished(runs[0]));
    ahead_us += HOUR_US;
    while (turn(runs, 3))
        continue;
    ahead_us = 0;
    for (int i = 0; i < 3; i++) {
        result = hpt_run_get_result(runs[i]);
        g_assert_cmpint(result->end->kind, ==, HPT_END_TIMEOUT);
        g_assert_cmpint(result->end->signal, ==, signals[i]);
        g_assert_cmpstr(result->failure, ==, "timeout");
        hpt_run_free(runs[i]);
    }
    lab_end(&lab);
    check_no_children();
}

static void test_stop(void)
{
    Lab lab;
    lab_begin(&lab, "");
    g_autoptr(HptRun) run = start(&lab, "tail -f /dev/null");
    hpt_run_stop(run, SIGTERM, hpt_time_monotonic_us());
    const HptRunResult *result = wait_for(run);
    g_assert_cmpint(result->end->kind, ==, HPT_END_STOPPED);
    g_assert_cmpstr(result->failure, ==, "stopped");
    g_autoptr(HptRun) killed = start(&lab, "trap '' TERM; tail -f /dev/null");
    hpt_run_stop(killed, SIGKILL, hpt_time_monotonic_us());
    g_assert_cmpint(wait_for(killed)->end->signal, ==, SIGKILL);
    /* Freed while it runs: gone, and all it started. */
    HptRun *dropped = start(&lab, "tail -f /dev/null & tail -f /dev/null");
    hpt_run_free(dropped);
    lab_end(&lab);
    check_no_children();
}

/* ---- what is left behind ---- */

/* Starts script, which leaves processes behind that follow FILE, and prints their numbers; all of
 * them must be gone. */
static void check_leftovers(const char *script, size_t least)
{
    Lab lab;
    lab_begin(&lab, "");
    g_autofree char *file = g_strconcat(lab.root, "/followed", NULL);
    g_assert_true(g_file_set_contents(file, "", 0, NULL));
    g_auto(GStrv) pieces = g_strsplit(script, "FILE", -1);
    g_autofree char *whole = g_strjoinv(file, pieces);
    g_autoptr(HptRun) run = start(&lab, whole);
    const HptRunResult *result = wait_for(run);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpuint(result->end->left_behind, >=, least);
    g_assert_false(result->end->survivors);
    g_assert_cmpuint(count_marked(file), ==, 0);
    g_autofree char *out = stored(result->out);
    g_auto(GStrv) pids = g_strsplit(g_strchomp(out), "\n", -1);
    g_assert_cmpuint(g_strv_length(pids), >=, least);
    for (size_t i = 0; pids[i] != NULL; i++) {
        pid_t pid = (pid_t)g_ascii_strtoll(pids[i], NULL, 10);
        g_assert_cmpint(pid, >, 0);
        if (!in_namespace())
            g_assert_cmpint(kill(pid, 0), ==, -1);
    }
    lab_end(&lab);
    check_no_children();
}

static void test_leftovers(void)
{
    check_leftovers("tail -f FILE & echo $!", 1); /* holds our pipes, too */
    check_leftovers("tail -f FILE >/dev/null 2>&1 & echo $!", 1);
    check_leftovers("setsid sh -c 'echo $$; exec tail -f FILE' & wait_for=$!; "
                    "while ! ps -o args= -p $wait_for | grep -q '^tail'; do :; done",
                    1);
    check_leftovers("(setsid sh -c '(tail -f FILE >/dev/null & echo $!)') | cat", 1);
    check_leftovers(
        "sh -c 'trap \"\" TERM HUP INT QUIT; tail -f FILE & echo $!; kill -STOP $!'", 1);
    /* A daemon that forgets where it came from: own session, empty environment. */
    check_leftovers("setsid env -i sh -c 'echo $$; exec tail -f FILE' & p=$!; "
                    "while ! ps -o args= -p $p | grep -q '^tail'; do :; done",
                    1);
    check_leftovers("for i in 1 2 3 4 5 6 7 8 9 10; do tail -f FILE & echo $!; done", 10);
}

/* A server of ours that a trial happened to start is not the trial's. */
static void test_kept(void)
{
    Lab lab;
    lab_begin(&lab, "");
    g_autoptr(HptRun) run =
        start(&lab, "cp \"$(command -v tail)\" \"$HPT_DIR/postgres\" && cd / && "
                    "HPT_KEEP=1 setsid \"$HPT_DIR/postgres\" -f /dev/null & "
                    "until readlink /proc/$!/exe | grep -q '/postgres$'; do :; done; "
                    "HPT_KEEP=1 tail -f /dev/null & echo $!");
    const HptRunResult *result = wait_for(run);
    g_assert_cmpuint(result->end->left_behind, ==, 1); /* the name alone protects nobody */
    int status = 0;
    g_assert_cmpint(waitpid(-1, &status, WNOHANG), ==, 0); /* the server lives, and is ours now */
    pid_t server = child_named("postgres");
    g_assert_cmpint(kill(server, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(server, &status, 0), ==, server);
    lab_end(&lab);
    check_no_children();
}

/* Two trials at once: one ends with its daemons, and the other's are not touched, not even the one
 * that cleared its environment and could be anybody's. */
static void test_two_trials(void)
{
    Lab lab;
    lab_begin(&lab, "");
    HptRun *runs[2] = {
        start(&lab, "cd \"$HPT_DIR\"; (setsid sh -c 'echo $$ >a; exec tail -f /dev/null' &); "
                    "(setsid env -i sh -c 'echo $$ >b; exec tail -f /dev/null' &); "
                    "until test -s a && test -s b; do :; done; echo ready >&2; "
                    "until test -e go; do :; done; kill -0 $(cat a) $(cat b) && echo both"),
        start(&lab, "cd \"$HPT_DIR/../0\"; until test -s a && test -s b; do :; done; "
                    "tail -f /dev/null & exit 0"),
    };
    while (!hpt_run_finished(runs[1]))
        turn(runs, 2);
    g_assert_cmpuint(hpt_run_get_result(runs[1])->end->left_behind, ==, 1);
    g_assert_false(hpt_run_finished(runs[0]));
    g_autofree char *go = g_strconcat(lab.root, "/0/go", NULL);
    g_assert_true(g_file_set_contents(go, "", 0, NULL));
    while (turn(runs, 2))
        continue;
    const HptRunResult *result = hpt_run_get_result(runs[0]);
    g_autofree char *out = stored(result->out);
    g_assert_cmpstr(out, ==, "both\n");
    g_assert_cmpuint(result->end->left_behind, ==, 2);
    for (int i = 0; i < 2; i++)
        hpt_run_free(runs[i]);
    lab_end(&lab);
    check_no_children();
}

/* ---- descriptors and reports ---- */

static void test_closed_streams(void)
{
    Lab lab;
    lab_begin(&lab, "acc");
    g_autoptr(HptRun) run = start(&lab, "exec <&- >&- 2>&-; "
                                        "printf '{\"metrics\":{\"acc\":1}}\\n' >\"$HPT_REPORT\"");
    const HptRunResult *result = wait_for(run);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpint(result->out->total, ==, 0);
    g_assert_cmpfloat(result->metrics->found[0].value, ==, 1);
    lab_end(&lab);
}

static void test_reports(void)
{
    Lab lab;
    lab_begin(&lab, "loss");
    g_autoptr(HptRun) run = start(
        &lab, "for i in 1 2 3; do printf '{\"metrics\":{\"loss\":0.%d},\"step\":%d}\\n' $i $i "
              ">>\"$HPT_REPORT\"; done; echo garbage >>\"$HPT_REPORT\"; "
              "printf '{\"metrics\":' >>\"$HPT_REPORT\"; echo loss=9");
    const HptRunResult *result = wait_for(run);
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_cmpstr(lab.points->str, ==, "loss 1;loss 2;loss 3;");
    g_assert_cmpfloat(result->metrics->found[0].value, ==, 0.3);
    g_assert_cmpint(result->metrics->found[0].place, ==, HPT_PLACE_REPORT);
    g_assert_cmpint(result->reports->lines, ==, 3);
    g_assert_cmpint(result->reports->bad_lines, ==, 1);
    g_assert_cmpstr(result->reports->events[0], ==, "line 4: not a JSON value: garbage");
    g_assert_cmpint(result->reports->cut_bytes, ==, 11);
    /* A failure that the trial reports counts, whatever its status; both are told. */
    g_autoptr(HptRun) failed =
        start(&lab, "echo '{\"fail\":\"diverged\"}' >>\"$HPT_REPORT\"; exit 4");
    g_assert_cmpstr(wait_for(failed)->failure, ==, "diverged (exit status 4)");
    g_autoptr(HptRun) lied = start(&lab, "echo '{\"fail\":\"diverged\"}' >>\"$HPT_REPORT\"");
    g_assert_cmpstr(wait_for(lied)->failure, ==, "diverged");
    lab_end(&lab);
}

/* A flood of reports: held up by back-pressure, its points limited and counted, nobody else waits.
 */
static void test_report_flood(void)
{
    Lab lab;
    lab_begin(&lab, "loss");
    HptRun *runs[2] = {
        start(&lab,
              "yes '{\"metrics\":{\"loss\":1},\"step\":1}' | head -c 38400000 >\"$HPT_REPORT\""),
        start(&lab, "echo '{\"metrics\":{\"loss\":2}}' >\"$HPT_REPORT\""),
    };
    while (turn(runs, 2))
        continue;
    const HptRunResult *flood = hpt_run_get_result(runs[0]);
    g_assert_cmpstr(flood->failure, ==, NULL);
    g_assert_cmpint(flood->reports->bytes, ==, 38400000);
    g_assert_cmpint(flood->reports->lines, ==, 1200000);
    g_assert_cmpint(flood->metrics->points, ==, HPT_SCAN_POINTS_MAX);
    g_assert_cmpint(flood->metrics->points_dropped, ==, 200000);
    g_assert_cmpfloat(hpt_run_get_result(runs[1])->metrics->found[0].value, ==, 2);
    for (int i = 0; i < 2; i++)
        hpt_run_free(runs[i]);
    lab_end(&lab);
}

/* The channel replaced, removed, held open by a survivor that goes on writing. */
static void test_report_abuse(void)
{
    Lab lab;
    lab_begin(&lab, "loss:track");
    static const char *const scripts[] = {
        "rm \"$HPT_REPORT\"; mkdir \"$HPT_REPORT\"",
        "rm \"$HPT_REPORT\"; ln -s /etc/passwd \"$HPT_REPORT\"",
        "while :; do echo x; done >\"$HPT_REPORT\" & exit 0",
        "cat \"$HPT_REPORT\" & exec 3>\"$HPT_REPORT\"; echo '{' >&3; kill $!",
        "yes >&2 & exit 0",
        "cd \"$HPT_DIR\" && rm -f .hpt-report && cd / && rmdir \"$HPT_DIR\"",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autoptr(HptRun) run = start(&lab, scripts[i]);
        g_assert_cmpstr(wait_for(run)->failure, ==, NULL);
    }
    g_assert_cmpint(access("/etc/passwd", F_OK), ==, 0);
    lab_end(&lab);
    check_no_children();
}

/* ---- answers ---- */

/* As hpt-report does it, in shell: asks NAME prints the answer. */
#define ASKS                                                                                        \
    "asks() { mkfifo \"$HPT_DIR/$1\"; exec 4<>\"$HPT_DIR/$1\"; "                                   \
    "echo \"{\\\"metrics\\\":{\\\"loss\\\":1},\\\"step\\\":1,\\\"reply\\\":\\\"$1\\\"}\" "                \
    ">>\"$HPT_REPORT\"; read -r answer <&4; echo \"$answer\"; }; "

static char *answers_of(Lab *lab, const char *script, bool stop, int *questions)
{
    g_autoptr(HptRun) run = start(lab, script);
    *questions = 0;
    while (turn(&run, 1))
        if (hpt_run_is_asking(run)) {
            ++*questions;
            hpt_run_answer(run, stop);
            g_assert_false(hpt_run_is_asking(run));
        }
    const HptRunResult *result = hpt_run_get_result(run);
    g_assert_cmpstr(result->failure, ==, NULL);
    return stored(result->out);
}

static void test_answers(void)
{
    Lab lab;
    int questions = 0;
    lab_begin(&lab, "");
    g_autofree char *at_once = answers_of(&lab, ASKS "asks .hpt-reply-1", true, &questions);
    g_assert_cmpstr(at_once, ==, "go\n"); /* nobody decides here */
    g_assert_cmpint(questions, ==, 0);
    lab.answers = true;
    g_autofree char *go = answers_of(
        &lab, ASKS "echo $HPT_PRUNING; asks .hpt-reply-1; asks .hpt-reply-2", false, &questions);
    g_assert_cmpstr(go, ==, "1\ngo\ngo\n");
    g_assert_cmpint(questions, ==, 2);
    g_autofree char *stop =
        answers_of(&lab, ASKS "asks .hpt-reply-1; asks .hpt-reply-2", true, &questions);
    g_assert_cmpstr(stop, ==, "stop\nstop\n");
    g_assert_cmpint(questions, ==, 1); /* the second is answered by the first decision */
    lab_end(&lab);
    check_no_children();
}

/* Names that lead elsewhere, things that are no FIFO, and many that nobody made. */
static void test_answer_abuse(void)
{
    Lab lab;
    lab_begin(&lab, "");
    lab.answers = true;
    g_autofree char *outside = g_strconcat(lab.root, "/.hpt-reply-out", NULL);
    g_assert_cmpint(mkfifo(outside, 0600), ==, 0);
    int watch = open(outside, O_RDWR | O_NONBLOCK);
    g_autoptr(HptRun) run = start(
        &lab, "ask() { printf '{\"reply\":\"%s\"}\\n' \"$1\" >>$HPT_REPORT; }; cd $HPT_DIR; "
              "ask ../.hpt-reply-out; ask .hpt-reply-/../../.hpt-reply-out; ask .hpt-report; ask ''; "
              "ask .hpt-reply-; ln -s ../.hpt-reply-out .hpt-reply-link; ask .hpt-reply-link; "
              "ln ../.hpt-reply-out .hpt-reply-hard; ask .hpt-reply-hard; "
              "echo mine >.hpt-reply-file; ask .hpt-reply-file; mkdir .hpt-reply-dir; "
              "ask .hpt-reply-dir; i=0; while [ $i -lt 400 ]; do ask .hpt-reply-$i; i=$((i+1)); done; "
              "mkfifo .hpt-reply-left; ask .hpt-reply-left; until test -e go; do :; done; exit 0");
    int asked = 0;
    g_autofree char *go = g_strconcat(lab.root, "/0/go", NULL);
    while (turn(&run, 1))
        if (hpt_run_is_asking(run) && ++asked == 1) /* it does not end before that was seen */
            g_assert_true(g_file_set_contents(go, "", 0, NULL));
    const HptRunResult *result = hpt_run_get_result(run);
    g_assert_cmpint(asked, >, 0);
    g_assert_cmpint(result->reports->lines, ==, 405);
    g_assert_cmpint(result->reports->bad_lines, ==, 5);
    g_assert_true(g_str_has_prefix(result->reports->events[0],
                                   "line 1: 'reply' is not the name of a reply channel: "));
    char byte;
    g_assert_cmpint(read(watch, &byte, 1), ==, -1); /* nothing was written there */
    g_assert_cmpint(errno, ==, EAGAIN);
    g_autofree char *file = g_strconcat(lab.root, "/0/.hpt-reply-file", NULL);
    g_autofree char *content = NULL;
    g_assert_true(g_file_get_contents(file, &content, NULL, NULL));
    g_assert_cmpstr(content, ==, "mine\n");
    g_autofree char *left = g_strconcat(lab.root, "/0/.hpt-reply-left", NULL);
    g_assert_cmpint(access(left, F_OK), !=, 0); /* a channel is not something the trial has left */
    close(watch);
    lab_end(&lab);
}

static void test_file_metric(void)
{
    Lab lab;
    lab_begin(&lab, "a:file=m.json#/x/a ; b:file=sub/v ; b2:file=m.json ; c:track:file=out ; "
                    "d:track:file=fifo");
    g_autoptr(HptRun) run =
        start(&lab, "cd \"$HPT_DIR\"; echo '{\"x\":{\"a\":0.5},\"b2\":3}' >m.json; "
                    "mkdir sub; echo 7 >sub/v; echo 1 >../leak; "
                    "ln -s ../leak out; mkfifo fifo");
    const HptRunResult *result = wait_for(run);
    g_assert_cmpstr(result->failure, ==, NULL);
    const HptFound *found = result->metrics->found;
    g_assert_cmpfloat(found[0].value, ==, 0.5);
    g_assert_cmpint(found[0].offset, ==, 10);
    g_assert_cmpfloat(found[1].value, ==, 7);
    g_assert_cmpfloat(found[2].value, ==, 3);
    g_assert_false(found[3].found); /* a link out of the directory is not followed */
    g_assert_false(found[4].found);
    lab_end(&lab);
}

static size_t count_descriptors(void)
{
    size_t n = 0;
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fd", 0, NULL);
    while (g_dir_read_name(folder) != NULL)
        n++;
    return n;
}

/* Many at once, and no descriptor stays open. */
static void test_many(void)
{
    Lab lab;
    lab_begin(&lab, "acc");
    size_t before = 0; /* after the first round: there are as many helpers as there will be */
    for (int round = 0; round < 20; round++) {
        HptRun *runs[16];
        for (int i = 0; i < 16; i++)
            runs[i] = start(&lab, "echo acc=1");
        while (turn(runs, 16))
            continue;
        for (int i = 0; i < 16; i++) {
            g_assert_cmpstr(hpt_run_get_result(runs[i])->failure, ==, NULL);
            hpt_run_free(runs[i]);
        }
        if (round == 0)
            before = count_descriptors();
    }
    g_assert_cmpuint(count_descriptors(), ==, before);
    lab_end(&lab);
    check_no_children();
}

int main(int argc, char **argv)
{
    static const TrialTest tests[] = {
        {"complete", test_complete, ALWAYS},
        {"ends", test_ends, ALWAYS},
        {"clean-start", test_clean_start, ALWAYS},
        {"environment", test_environment, BARE},
        {"much-output", test_much_output, ALWAYS},
        {"no-spool", test_no_spool, BARE},
        {"caps", test_caps, BARE},
        {"timeout", test_timeout, ALWAYS},
        {"stop", test_stop, ALWAYS},
        {"leftovers", test_leftovers, ALWAYS},
        {"kept", test_kept, BARE},
        {"two-trials", test_two_trials, ALWAYS},
        {"closed-streams", test_closed_streams, ALWAYS},
        {"reports", test_reports, ALWAYS},
        {"report-flood", test_report_flood, ALWAYS},
        {"report-abuse", test_report_abuse, ALWAYS},
        {"file-metric", test_file_metric, ALWAYS},
        {"answers", test_answers, ALWAYS},
        {"answer-abuse", test_answer_abuse, ALWAYS},
        {"many", test_many, ALWAYS},
        {NULL, NULL, ALWAYS},
    };
    return run_tests(argc, argv, tests);
}
