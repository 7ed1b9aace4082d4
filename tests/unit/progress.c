/* The progress line, the estimate of what is left, and what a descriptor is. */
#include "show/progress.h"
#include "show/terminal.h"

#include "base/text.h"

#include <string.h>
#include <unistd.h>

static const HptProgress state = {.study = "svm",
                                  .done = 63,
                                  .total = 100,
                                  .has_best = true,
                                  .best = 84.81,
                                  .best_trial = 21,
                                  .running = 2,
                                  .pruned = 12,
                                  .rate = 7.42,
                                  .eta_us = (int64_t)5 * G_USEC_PER_SEC};

static void test_line(void)
{
    g_autofree char *line = hpt_progress_line(&state, 0, true);
    g_assert_cmpstr(line, ==,
                    "svm  ▕█████▋   ▏ 63/100  best 84.81 #21  running 2  pruned 12  failed 0  "
                    "7.4/s  ETA 0:05");
    g_autofree char *ascii = hpt_progress_line(&state, 0, false);
    g_assert_cmpstr(ascii, ==,
                    "svm  [#####....] 63/100  best 84.81 #21  running 2  pruned 12  failed 0  "
                    "7.4/s  ETA 0:05");
    HptProgress open = {.study = "a\033b", .done = 3, .total = -1, .eta_us = -1};
    g_autofree char *unbounded = hpt_progress_line(&open, 0, true);
    g_assert_cmpstr(unbounded, ==, "a\\x1bb  3  running 0  pruned 0  failed 0");
    HptProgress full = state;
    full.done = 100;
    full.eta_us = (int64_t)3723 * G_USEC_PER_SEC;
    g_autofree char *end = hpt_progress_line(&full, 0, true);
    g_assert_nonnull(strstr(end, "▕█████████▏ 100/100"));
    g_assert_true(g_str_has_suffix(end, "ETA 1:02:03"));
    full.done = 150; /* widened elsewhere: the bar does not run over */
    g_autofree char *over = hpt_progress_line(&full, 0, true);
    g_assert_nonnull(strstr(over, "▕█████████▏ 150/100"));
    full.total = full.done = 0;
    g_autofree char *none = hpt_progress_line(&full, 0, true);
    g_assert_nonnull(strstr(none, "svm  0/0"));
}

static void test_width(void)
{
    for (size_t width = 1; width < 120; width++)
        for (int utf8 = 0; utf8 < 2; utf8++) {
            g_autofree char *line = hpt_progress_line(&state, width, utf8);
            g_assert_cmpuint(hpt_text_width(line), <=, width);
            g_assert_true(g_utf8_validate(line, -1, NULL));
        }
    g_autofree char *narrow = hpt_progress_line(&state, 72, true);
    g_assert_cmpstr(narrow, ==,
                    "svm  63/100  best 84.81 #21  running 2  pruned 12  failed 0  ETA 0:05");
}

static void test_eta(void)
{
    HptEta eta = {0};
    for (int i = 0; i < HPT_ETA_MIN - 1; i++)
        hpt_eta_add(&eta, 1000);
    g_assert_cmpint(hpt_eta_left_us(&eta, 10, 2), ==, -1);
    hpt_eta_add(&eta, 1000000); /* one slow trial does not move the median */
    g_assert_cmpint(hpt_eta_left_us(&eta, 10, 2), ==, 5000);
    g_assert_cmpint(hpt_eta_left_us(&eta, 0, 2), ==, 0);
    g_assert_cmpint(hpt_eta_left_us(&eta, -1, 2), ==, -1);
    for (int i = 0; i < HPT_ETA_KEPT; i++)
        hpt_eta_add(&eta, 4000); /* only recent ones count */
    g_assert_cmpint(hpt_eta_left_us(&eta, 3, 1), ==, 12000);
    g_assert_cmpint(hpt_eta_left_us(&eta, INT64_MAX, 1), ==, -1);
}

static void test_terminal(void)
{
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    const char *const utf8[] = {"LC_ALL=", "LC_CTYPE=de_DE.utf8", "LANG=C", "TERM=xterm", NULL};
    HptTerminal terminal = hpt_terminal_look(ends[1], utf8, HPT_COLOR_AUTO);
    g_assert_false(terminal.tty);
    g_assert_cmpuint(terminal.width, ==, 0);
    g_assert_true(terminal.utf8);
    g_assert_false(terminal.color);
    g_assert_true(hpt_terminal_look(ends[1], utf8, HPT_COLOR_ALWAYS).color);
    const char *const c[] = {"LC_ALL=C", "LANG=en_GB.UTF-8", NULL};
    g_assert_false(hpt_terminal_look(ends[1], c, HPT_COLOR_NEVER).utf8);
    close(ends[0]);
    close(ends[1]);
    HptColor color = HPT_COLOR_AUTO;
    g_assert_true(hpt_color_parse("never", &color, NULL));
    g_assert_cmpint(color, ==, HPT_COLOR_NEVER);
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_color_parse("red", &color, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/progress/line", test_line);
    g_test_add_func("/progress/width", test_width);
    g_test_add_func("/progress/eta", test_eta);
    g_test_add_func("/progress/terminal", test_terminal);
    return g_test_run();
}
