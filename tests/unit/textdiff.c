/* Outputs compared as what they say: numbers as numbers, times and places aside. */
#include "study/textdiff.h"

#include <string.h>

static HptTextDiff compare(const char *then, const char *now, bool stream, double absolute,
                           double relative)
{
    HptSide a = {then, strlen(then), "/srv/project"}, b = {now, strlen(now), "/tmp/replay"};
    HptTolerance tolerance = {NULL, absolute, relative};
    HptTextDiff diff = {0};
    hpt_text_diff(&a, &b, stream, &tolerance, &diff);
    return diff;
}

typedef struct {
    const char *then, *now;
    HptSame same;
    bool masked;
} Case;

static void check(const Case *cases, size_t n, bool stream)
{
    for (size_t i = 0; i < n; i++) {
        g_auto(HptTextDiff) diff = compare(cases[i].then, cases[i].now, stream, 0, 0);
        g_test_message("%s | %s", cases[i].then, cases[i].now);
        g_assert_cmpint(diff.same, ==, cases[i].same);
        g_assert_cmpint(diff.masked, ==, cases[i].masked);
    }
}

static void test_numbers(void)
{
    static const Case cases[] = {
        {"acc 0.5\n", "acc 0.5\n", HPT_SAME_IDENTICAL, false},
        {"", "", HPT_SAME_IDENTICAL, false},
        {"acc 0.5\n", "acc 0.50\n", HPT_SAME_EQUAL, false},
        {"acc 0.5", "acc  5e-1\r\n", HPT_SAME_EQUAL, false},
        {"+1 1:0.5 2:-1", "1 1:.5 2:-1.0", HPT_SAME_EQUAL, false},
        {"acc 0.5\n", "acc 0.6\n", HPT_SAME_DIFFERS, false},
        {"1,2,3.", "1.0,2,3", HPT_SAME_EQUAL, false},
        {"v1.0", "v1.00", HPT_SAME_DIFFERS, false},
        {"x1", "x01", HPT_SAME_DIFFERS, false},
        {"a b", "ab", HPT_SAME_DIFFERS, false},
        {"nan", "1", HPT_SAME_DIFFERS, false},
        {"1 2", "1 2 3", HPT_SAME_DIFFERS, false},
        {"1:05 2", "1:06 2", HPT_SAME_DIFFERS, false},
        {"a\nb\n", "a\n", HPT_SAME_DIFFERS, false},
    };
    check(cases, G_N_ELEMENTS(cases), false);
    check(cases, G_N_ELEMENTS(cases), true);
}

static void test_masks(void)
{
    static const Case everywhere[] = {
        {"at 2026-11-23T09:02:03.5Z", "at 2026-11-24 10:00:00", HPT_SAME_EQUAL, true},
        {"on Nov 23 09:02:03 2026 x", "on Nov  4 19:22:33 2026 x", HPT_SAME_EQUAL, true},
        {"at 09:02:03", "at 9:59:59.25", HPT_SAME_EQUAL, true},
        {"/a/.hpt/trials/1-7.1/model", "/b/c/trials/1-7.1/model", HPT_SAME_EQUAL, true},
        {"out=/a/trials/1-7.1", "out=/b/trials/22-7.13", HPT_SAME_EQUAL, true},
        {"/a/trials/1-7.1/model", "/a/trials/1-7.1/other", HPT_SAME_DIFFERS, false},
        {"read /srv/project/data", "read /tmp/replay/data", HPT_SAME_EQUAL, true},
        {"read /srv/projects/data", "read /tmp/replays/data", HPT_SAME_DIFFERS, false},
        {"loss 3:2:1", "loss 3:2:2", HPT_SAME_DIFFERS, false},
    };
    check(everywhere, G_N_ELEMENTS(everywhere), false);
    check(everywhere, G_N_ELEMENTS(everywhere), true);
    static const Case streams[] = {
        {"done in 0.02 s", "done in 1.5 s", HPT_SAME_EQUAL, true},
        {"took 12ms.", "took 9ms.", HPT_SAME_EQUAL, true},
        {"fit_time: 3.25, n 2", "fit_time: 4, n 2", HPT_SAME_EQUAL, true},
        {"elapsed=3", "elapsed=4", HPT_SAME_EQUAL, true},
        {"start 1764320000.25", "start 1764320001", HPT_SAME_EQUAL, true},
        {"<object at 0x7f12ab34cd56>", "<object at 0x7fffab34cd00>", HPT_SAME_EQUAL, true},
    };
    check(streams, G_N_ELEMENTS(streams), true);
    /* In a file they are data. */
    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        g_auto(HptTextDiff) diff = compare(streams[i].then, streams[i].now, false, 0, 0);
        g_assert_cmpint(diff.same, ==, HPT_SAME_DIFFERS);
    }
}

static void test_tolerance(void)
{
    g_auto(HptTextDiff) near = compare("loss 1.00 x\n", "loss 1.01 x\n", false, 0.02, 0);
    g_assert_cmpint(near.same, ==, HPT_SAME_WITHIN);
    g_assert_cmpfloat_with_epsilon(near.distance, 0.01, 1e-12);
    g_auto(HptTextDiff) relative = compare("200", "201", false, 0, 0.01);
    g_assert_cmpint(relative.same, ==, HPT_SAME_WITHIN);
    g_auto(HptTextDiff) far = compare("1 200", "1 203", false, 0, 0.01);
    g_assert_cmpint(far.same, ==, HPT_SAME_DIFFERS);
}

static void test_first_line(void)
{
    g_auto(HptTextDiff) diff =
        compare("a\nt 09:00:00\nb \x1b[1m1\nc\n", "a\nt 10:00:00\nb \x1b[1m2\nd\n", true, 0, 0);
    g_assert_cmpint(diff.same, ==, HPT_SAME_DIFFERS);
    g_assert_cmpint(diff.line, ==, 3);
    g_assert_cmpstr(diff.then, ==, "b \\x1b[1m1");
    g_assert_cmpstr(diff.now, ==, "b \\x1b[1m2");
    g_auto(HptTextDiff) more = compare("a\n", "a\nb\n", true, 0, 0);
    g_assert_cmpint(more.line, ==, 2);
    g_assert_null(more.then);
    g_assert_cmpstr(more.now, ==, "b");
    g_autofree char *line = g_strnfill(1000, 'x');
    g_auto(HptTextDiff) wide = compare(line, "y", true, 0, 0);
    g_assert_cmpuint(strlen(wide.then), <, 200);
    HptSide a = {"a\0b", 3, NULL}, b = {"a\0c", 3, NULL};
    HptTolerance none = {NULL, 0, 0};
    g_auto(HptTextDiff) bytes = {0};
    hpt_text_diff(&a, &b, false, &none, &bytes);
    g_assert_cmpint(bytes.same, ==, HPT_SAME_DIFFERS);
    g_assert_cmpint(bytes.line, ==, 0);
}

static void test_measured(void)
{
    g_assert_true(hpt_name_is_measured("seconds"));
    g_assert_true(hpt_name_is_measured("fit_time"));
    g_assert_true(hpt_name_is_measured("test.latency_ms"));
    g_assert_false(hpt_name_is_measured("timely"));
    g_assert_false(hpt_name_is_measured("loss"));
    g_assert_false(hpt_name_is_measured("mse"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/textdiff/numbers", test_numbers);
    g_test_add_func("/textdiff/masks", test_masks);
    g_test_add_func("/textdiff/tolerance", test_tolerance);
    g_test_add_func("/textdiff/first-line", test_first_line);
    g_test_add_func("/textdiff/measured", test_measured);
    return g_test_run();
}
