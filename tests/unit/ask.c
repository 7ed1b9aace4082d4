/* Asking programs that answer, and some that do not. */
#include "record/ask.h"

#include "base/text.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_US (INT64_C(60) * 1000000)

static HptAnswer *ask(const char *program, const char *script, int64_t time_us, size_t output_max)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    static const char *const env[] = {"PATH=/usr/bin:/bin", "WORD=given", NULL};
    return hpt_ask(&(HptAsk){.program = program,
                             .argv = argv,
                             .env = env,
                             .until_us = hpt_time_monotonic_us() + time_us,
                             .output_max = output_max});
}

static void assert_said(const HptAnswer *answer, const char *out, const char *err)
{
    g_assert_cmpstr((const char *)answer->out->data, ==, out);
    g_assert_cmpuint(answer->out->len, ==, strlen(out));
    g_assert_cmpstr((const char *)answer->err->data, ==, err);
}

/* Is it said who cannot be started? Not where a child is made that shares no memory, as valgrind has it. */
static bool spawn_says(void)
{
    char *argv[] = {"/no/such/program", NULL};
    pid_t pid = 0;
    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return true;
    waitpid(pid, NULL, 0);
    return false;
}

static void test_answers(void)
{
    g_autoptr(HptAnswer) answer = ask("sh", "read x; echo \"$WORD$x\"; echo bad >&2; exit 3", LONG_US, 100);
    assert_said(answer, "given\n", "bad\n");
    g_assert_cmpint(answer->start_errno, ==, 0);
    g_assert_true(answer->complete);
    g_assert_cmpint(answer->status, ==, 3);
    g_autoptr(HptAnswer) killed = ask("sh", "kill -9 $$", LONG_US, 100);
    g_assert_true(killed->complete);
    g_assert_cmpint(killed->status, ==, -1);
    if (!spawn_says())
        return;
    g_autoptr(HptAnswer) missing = ask("/no/such/program", "", LONG_US, 100);
    g_assert_cmpint(missing->start_errno, ==, ENOENT);
    g_assert_false(missing->complete);
    assert_said(missing, "", "");
}

static void test_limits(void)
{
    static const char *const scripts[] = {
        "echo begun; tail -f /dev/null & tail -f /dev/null", /* its children have its output, too */
        "echo begun; exec >/dev/null 2>&1; tail -f /dev/null", /* has said all and does not end */
        "echo begun; trap '' TERM; while :; do :; done",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autoptr(HptAnswer) answer = ask("sh", scripts[i], 2000000, 100);
        g_assert_false(answer->complete);
        g_assert_cmpint(answer->status, ==, -1);
        assert_said(answer, "begun\n", "");
    }
    g_autoptr(HptAnswer) flood = ask("sh", "while :; do echo noise >&2; done", LONG_US, 100);
    g_assert_false(flood->complete);
    g_assert_cmpuint(flood->err->len, >, 100);
}

/* What it leaves behind with its output elsewhere is gone as well: a pipe that it holds comes to its end. */
static void test_leftover(void)
{
    int ends[2];
    char byte;
    g_assert_cmpint(pipe(ends), ==, 0);
    g_autoptr(HptAnswer) answer = ask("sh", "tail -f /dev/null >/dev/null 2>&1 & echo begun", LONG_US, 100);
    g_assert_true(answer->complete);
    assert_said(answer, "begun\n", "");
    close(ends[1]);
    g_assert_cmpint(read(ends[0], &byte, 1), ==, 0);
    close(ends[0]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ask/answers", test_answers);
    g_test_add_func("/ask/limits", test_limits);
    g_test_add_func("/ask/leftover", test_leftover);
    return g_test_run();
}
