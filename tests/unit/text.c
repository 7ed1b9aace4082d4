/* Escaping, widths, quoting, clocks and paths as text. */
#include "base/path.h"
#include "base/text.h"

#include <string.h>

static void test_printable(void)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"plain ünïcode €", "plain ünïcode €"},
        {"a\nb\tc", "a\\nb\\tc"},
        {"\r\x1b[31m\x7f", "\\x0d\\x1b[31m\\x7f"},
        {"\xc2\x9b", "\\u{009b}"}, /* CSI as a C1 control */
        {"\x9b", "\\x9b"},         /* and as a bare byte */
        {"a\xff\xfe", "a\\xff\\xfe"},
        {"cut \xe2\x82", "cut \\xe2\\x82"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
        {"\xc0\xaf", "\\xc0\\xaf"},          /* overlong */
        {"\u202e abc\u2066\u2069\u200f\u061c", "\\u{202e} abc\\u{2066}\\u{2069}\\u{200f}\\u{061c}"},
        {"\u2028", "\\u{2028}"},
        {"", ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *got = hpt_text_printable(cases[i].text, -1);
        g_assert_cmpstr(got, ==, cases[i].expected);
    }
    g_autofree char *with_nul = hpt_text_printable("a\0b", 3);
    g_assert_cmpstr(with_nul, ==, "a\\x00b");
    g_autofree char *part = hpt_text_printable("€uro", 2); /* never reads beyond length */
    g_assert_cmpstr(part, ==, "\\xe2\\x82");
}

static void test_path(void)
{
    g_assert_cmpstr(hpt_path_inside("/a/b", "/a/b/c/d"), ==, "c/d");
    g_assert_cmpstr(hpt_path_inside("/a/b", "/a/b"), ==, "");
    g_assert_cmpstr(hpt_path_inside("/", "/a"), ==, "a");
    g_assert_cmpstr(hpt_path_inside("/a/", "/a/b"), ==, "b");
    const char *const others[] = {"/a/bc", "/a", "a/b/c", "/", ""};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        g_assert_null(hpt_path_inside("/a/b", others[i]));
    g_assert_null(hpt_path_inside("", "/a"));
    g_assert_null(hpt_path_inside(NULL, "/a"));
    g_assert_null(hpt_path_inside("/a", NULL));
    g_assert_true(hpt_path_is_below("/a", "/a/b"));
    g_assert_false(hpt_path_is_below("/a", "/a"));
    g_assert_false(hpt_path_is_below("/a", "/ab"));
    g_assert_false(hpt_path_is_below(NULL, "/ab"));
}

static void test_width(void)
{
    g_assert_cmpuint(hpt_text_width(""), ==, 0);
    g_assert_cmpuint(hpt_text_width("abc"), ==, 3);
    g_assert_cmpuint(hpt_text_width("über"), ==, 4);
    g_assert_cmpuint(hpt_text_width("u\u0308"), ==, 1);
    g_assert_cmpuint(hpt_text_width("日本"), ==, 4);
    g_assert_cmpuint(hpt_text_width("a\xff"), ==, 2);
}

static void test_shell_quote(void)
{
    static const struct {
        const char *word, *expected;
    } cases[] = {
        {"plain", "plain"},
        {"C=1e-3..1e3:log", "C=1e-3..1e3:log"},
        {"", "''"},
        {"a b", "'a b'"},
        {"it's", "'it'\\''s'"},
        {"$HOME", "'$HOME'"},
        {"a\nb", "'a\nb'"},
        {"*", "'*'"},
        {"~", "'~'"},
        {"{x}", "'{x}'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *got = hpt_text_shell_quote(cases[i].word);
        g_assert_cmpstr(got, ==, cases[i].expected);
    }
}

static void test_time(void)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {INT64_C(1795424523000000), "2026-11-23T09:02:03.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(951782400000001), "2000-02-29T00:00:00.000001Z"},
        {INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z"},
        {INT64_C(-62135596800000000), "0001-01-01T00:00:00.000000Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *got = hpt_time_text(cases[i].us);
        g_assert_cmpstr(got, ==, cases[i].text);
    }
    /* Every day of 800 years against GLib's calendar. */
    for (int64_t day = -150000; day < 150000; day += 1) {
        g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(day * 86400);
        g_autofree char *expected = g_date_time_format(date, "%Y-%m-%dT00:00:00.000000Z");
        g_autofree char *got = hpt_time_text(day * INT64_C(86400000000));
        g_assert_cmpstr(got, ==, expected);
    }
}

static void test_unhex(void)
{
    size_t length = 7;
    const char *const wrong[] = {"0", "0g", "0A", " 00", "0x00"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_null(hpt_text_unhex(wrong[i], &length));
    g_assert_cmpuint(length, ==, 7);
    g_autofree char *bytes = hpt_text_unhex("00ff7a", &length), *none = hpt_text_unhex("", &length);
    g_assert_true(memcmp(bytes, "\0\xffz", 4) == 0);
    g_assert_cmpuint(length, ==, 0);
    g_assert_cmpstr(none, ==, "");
}

static void test_clocks(void)
{
    g_assert_cmpint(hpt_time_now_us(), >, INT64_C(1700000000000000));
    int64_t before = hpt_time_monotonic_us();
    g_assert_cmpint(hpt_time_monotonic_us(), >=, before);
}

static void test_duration(void)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {0, "0.00 s"},
        {20000, "0.02 s"},
        {994999, "0.99 s"},
        {995000, "1.0 s"},
        {7400000, "7.4 s"},
        {59949999, "59.9 s"},
        {59950000, "1:00"},
        {185000000, "3:05"},
        {3599499999, "59:59"},
        {3599500000, "1:00:00"},
        {INT64_C(3723000000), "1:02:03"},
        {INT64_C(360000000000), "100:00:00"},
        {-7400000, "-7.4 s"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *got = hpt_duration_text(cases[i].us);
        g_assert_cmpstr(got, ==, cases[i].text);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/printable", test_printable);
    g_test_add_func("/text/path", test_path);
    g_test_add_func("/text/width", test_width);
    g_test_add_func("/text/shell-quote", test_shell_quote);
    g_test_add_func("/text/unhex", test_unhex);
    g_test_add_func("/text/time", test_time);
    g_test_add_func("/text/clocks", test_clocks);
    g_test_add_func("/text/duration", test_duration);
    return g_test_run();
}
