/* Numbers as text and back, spans of time and sizes. */
#include "base/number.h"

#include "number-sequence.h"

#include <locale.h>

static void check_text(double value, const char *expected)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    g_assert_cmpstr(hpt_number_text(value, text), ==, expected);
}

static void test_text_forms(void)
{
    check_text(0.0, "0");
    check_text(-0.0, "0");
    check_text(1.0, "1");
    check_text(-1.5, "-1.5");
    check_text(0.1, "0.1");
    check_text(0.1 + 0.2, "0.30000000000000004");
    check_text(100, "100");
    check_text(123456789012345680.0, "123456789012345680");
    check_text(1e20, "100000000000000000000");
    check_text(999999999999999900000.0, "999999999999999900000");
    check_text(1e21, "1e+21");
    check_text(1.5e300, "1.5e+300");
    check_text(0.000001, "0.000001");
    check_text(0.00000123, "0.00000123");
    check_text(1e-7, "1e-7");
    check_text(-1.25e-9, "-1.25e-9");
    check_text(9007199254740991.0, "9007199254740991");
    check_text(9007199254740992.0, "9007199254740992");
    check_text(-9007199254740994.0, "-9007199254740994");
    check_text(9223372036854775808.0, "9223372036854776000");
    check_text(5e-324, "5e-324");
    check_text(2.2250738585072014e-308, "2.2250738585072014e-308");
    check_text(1.7976931348623157e308, "1.7976931348623157e+308");
    check_text((double)NAN, "NaN");
    check_text((double)INFINITY, "Infinity");
    check_text(-(double)INFINITY, "-Infinity");
    check_text(123456.789, "123456.789");
    check_text(0x1p-44, "5.684341886080802e-14"); /* only a neighbour of the 16 digits reads back */
}

/* RFC 8785, appendix B: bit pattern and text. */
static void test_text_rfc8785(void)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        check_text(number_sequence_of_bits(cases[i].bits), cases[i].text);
}

static void test_text_sequence(void)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    NumberSequence sequence = number_sequence_begin();
    char line[64], hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest;
    for (int i = 1; i <= 10000; i++) {
        hpt_digester_add(digester, line, (size_t)number_sequence_line(&sequence, line));
        if (i == 1000) {
            digest = hpt_digester_get(digester);
            g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==,
                            "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687");
        }
    }
    digest = hpt_digester_get(digester);
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==,
                    "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892");
}

/* The text of every value reads back as the value, and no shorter text does: for all powers of two
 * (the doubles below are closer than those above) and their neighbours. */
static void test_text_powers_of_two(void)
{
    for (int e = -1074; e <= 1023; e++)
        for (int64_t step = -1; step <= 1; step++) {
            double power = ldexp(1, e), back;
            uint64_t bits;
            memcpy(&bits, &power, sizeof bits);
            double value = number_sequence_of_bits(bits + (uint64_t)step);
            char text[HPT_NUMBER_TEXT_SIZE];
            if (value == 0)
                continue;
            g_assert_true(hpt_number_parse(hpt_number_text(value, text), &back, NULL));
            g_assert_true(back == value);
            size_t digits = 0, zeros = 0;
            for (const char *p = text; *p != '\0' && *p != 'e'; p++)
                if (g_ascii_isdigit(*p) && (digits > 0 || *p != '0')) {
                    digits++;
                    zeros = *p == '0' ? zeros + 1 : 0;
                }
            digits -= zeros;
            if (digits > 1) {
                char shorter[64];
                snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
                g_assert_true(hpt_number_parse(shorter, &back, NULL));
                g_assert_true(back != value);
            }
        }
}

static void test_snap(void)
{
    g_assert_true(hpt_number_snap(0.010000000000000002, 12) == 0.01);
    g_assert_true(hpt_number_snap(-999.9996, 6) == -1000);
    g_assert_true(hpt_number_snap(1.0 / 3, 3) == 0.333);
    g_assert_true(hpt_number_snap(0.1, 17) == 0.1);
    g_assert_true(hpt_number_snap(5e-324, 1) == 5e-324);
    g_assert_true(hpt_number_snap(0, 3) == 0);
    g_assert_true(isinf(hpt_number_snap((double)INFINITY, 3)));
}

static void test_text_locale(void)
{
    /* Only locales that are installed can be tried; C.UTF-8 always is, and is no test. */
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", NULL};
    locale_t comma = (locale_t)0;
    for (size_t i = 0; names[i] != NULL && comma == (locale_t)0; i++)
        comma = newlocale(LC_ALL_MASK, names[i], (locale_t)0);
    if (comma == (locale_t)0) {
        g_test_skip("no locale with a decimal comma is installed");
        return;
    }
    locale_t before = uselocale(comma);
    char text[HPT_NUMBER_TEXT_SIZE];
    double value = 0;
    hpt_number_text(1234.5, text);
    bool read = hpt_number_parse("0.25", &value, NULL);
    uselocale(before);
    freelocale(comma);
    g_assert_cmpstr(text, ==, "1234.5");
    g_assert_true(read && value == 0.25);
}

static void test_parse(void)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0},         {"1", 1},      {"-1.5", -1.5},       {"1e-3", 1e-3},
        {".5", 0.5},      {"5.", 5},     {"-.5e1", -5},        {"1E5", 1e5},
        {"1e+5", 1e5},    {"007", 7},    {"1e-400", 0},        {"0e999999999999", 0},
        {"0.1", 0.1},     {"1.e2", 100}, {"4.9e-324", 5e-324}, {"9007199254740993", 0x1p53},
        {"1e308", 1e308}, {"00.00", 0},
    };
    static const char *const bad[] = {"",     "-",   ".",   "-.",  "e5",  "1e",  "1e+",     "+1",
                                      " 1",   "1 ",  "1,5", "0x1", "inf", "nan", "--1",     "1.2.3",
                                      "1e5.", "1_0", "1d5", "٣",   "1\n", "NaN", "Infinity"};
    double value;
    bool overflow = true;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(hpt_number_parse(good[i].text, &value, &overflow));
        g_assert_true(value == good[i].value);
        g_assert_false(overflow);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        value = 42;
        g_assert_false(hpt_number_parse(bad[i], &value, &overflow));
        g_assert_true(value == 42 && !overflow);
    }
    g_assert_false(hpt_number_parse("1e400", &value, &overflow));
    g_assert_true(value == 42 && overflow);
    g_assert_false(hpt_number_parse("-1e99999999999999999999", &value, NULL));
    g_assert_true(hpt_number_parse("-0", &value, NULL));
    g_assert_true(value == 0 && signbit(value));
}

static void test_integer(void)
{
    int64_t value;
    g_assert_true(hpt_integer_parse("0", &value) && value == 0);
    g_assert_true(hpt_integer_parse("-42", &value) && value == -42);
    g_assert_true(hpt_integer_parse("9223372036854775807", &value) && value == INT64_MAX);
    g_assert_true(hpt_integer_parse("-9223372036854775808", &value) && value == INT64_MIN);
    static const char *const bad[] = {
        "",    "-",  "+1", "1.0", "9223372036854775808", "-9223372036854775809",
        "1e3", " 1", "1 ", "0x1"};
    value = 42;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(hpt_integer_parse(bad[i], &value));
    g_assert_cmpint(value, ==, 42);
}

static void test_duration(void)
{
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"90", 90000000},      {"90s", 90000000},   {"1.5h", 5400000000}, {"2d", 172800000000},
        {"1h30m", 5400000000}, {"250ms", 250000},   {"7us", 7},           {"1m30s", 90000000},
        {"0.25", 250000},      {".5s", 500000},     {"1w", 604800000000}, {"1d2h3m4s", 93784000000},
        {"0.0000004s", 0},     {"1m5ms", 60005000},
    };
    static const char *const bad[] = {
        "",   "s",  "1x",  "1h30", "30m1h", "1s1s",  "-1s",          "1 s",
        "1S", "h1", "1e3", "0",    "0s",    "1..5s", "99999999999d", "99999999999999999999",
        "53375996d", "106751991d"}; /* a moment and these would be beyond 64 bits */
    int64_t us;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        if (good[i].us == 0) {
            g_assert_false(hpt_duration_parse(good[i].text, &us, &error));
            continue;
        }
        g_assert_true(hpt_duration_parse(good[i].text, &us, &error));
        g_assert_no_error(error);
        g_assert_cmpint(us, ==, good[i].us);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        us = 42;
        g_assert_false(hpt_duration_parse(bad[i], &us, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        g_assert_cmpint(us, ==, 42);
    }
}

static void test_size(void)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {
        {"4096", 4096},  {"64k", 65536}, {"64KiB", 65536},        {"1.5G", 1610612736},
        {"1M", 1 << 20}, {"10B", 10},    {"2TiB", 2199023255552}, {"0.5kB", 512},
    };
    static const char *const bad[] = {
        "", "k", "1.5", "1x", "-1", "1 k", "0k", "1KIB", "1kk", "64KiBB", "99999999999999G"};
    int64_t bytes;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(hpt_size_parse(good[i].text, &bytes, &error));
        g_assert_no_error(error);
        g_assert_cmpint(bytes, ==, good[i].bytes);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        bytes = 42;
        g_assert_false(hpt_size_parse(bad[i], &bytes, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        g_assert_cmpint(bytes, ==, 42);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/number/text/forms", test_text_forms);
    g_test_add_func("/number/text/rfc8785", test_text_rfc8785);
    g_test_add_func("/number/text/sequence", test_text_sequence);
    g_test_add_func("/number/text/powers-of-two", test_text_powers_of_two);
    g_test_add_func("/number/text/locale", test_text_locale);
    g_test_add_func("/number/snap", test_snap);
    g_test_add_func("/number/parse", test_parse);
    g_test_add_func("/number/integer", test_integer);
    g_test_add_func("/number/duration", test_duration);
    g_test_add_func("/number/size", test_size);
    return g_test_run();
}
