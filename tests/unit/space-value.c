/* Values of one parameter: shares, levels, ends, text. */
#include "tests/unit/space-tools.h"

#include "num/random.h"

#include <math.h>
#include <string.h>

static void check_text(const HptParam *param, HptValue value, const char *wanted)
{
    g_autofree char *text = hpt_param_value_text(param, value);
    g_assert_cmpstr(text, ==, wanted);
}

static bool same_value(HptValue a, HptValue b)
{
    return a.active == b.active && a.index == b.index && a.number == b.number;
}

/* Every level has its text, is reached from the middle of its share and from no other, and the text
 * reads back. */
static void check_levels(const char *statement, const char *texts)
{
    g_autoptr(HptSpace) space = space_of(statement);
    const HptParam *param = hpt_space_get(space, 0);
    g_auto(GStrv) wanted = g_strsplit(texts, " ", -1);
    uint64_t n = g_strv_length(wanted);
    g_assert_cmpuint(hpt_param_levels(param), ==, n);
    g_assert_true(param->constant == (n == 1));
    for (uint64_t i = 0; i < n; i++) {
        HptValue value = hpt_param_level(param, i);
        g_assert_true(value.active);
        check_text(param, value, wanted[i]);
        double u = hpt_param_to_unit(param, value);
        g_assert_true(same_value(hpt_param_from_unit(param, u), value));
        g_autoptr(GError) error = NULL;
        HptValue read = {0};
        g_assert_true(hpt_param_value_parse(param, wanted[i], &read, &error));
        g_assert_true(same_value(read, value));
        if (!param->log) {
            g_assert_cmpfloat_with_epsilon(u, ((double)i + 0.5) / (double)n, 1e-15);
            g_assert_true(
                same_value(hpt_param_from_unit(param, (double)i / (double)n + 1e-12), value));
        }
    }
    g_assert_true(same_value(hpt_param_from_unit(param, 0), hpt_param_level(param, 0)));
    g_assert_true(same_value(hpt_param_from_unit(param, 1), hpt_param_level(param, n - 1)));
}

static void test_levels(void)
{
    check_levels("a=1..5", "1 2 3 4 5");
    check_levels("a=-2..2", "-2 -1 0 1 2");
    check_levels("a=1..9:step=2", "1 3 5 7 9");
    check_levels("a=0..10:step=3", "0 3 6 9");
    check_levels("a=0..1:step=5", "0");
    check_levels("a=7..7", "7");
    check_levels("a=0.5..0.5", "0.5");
    check_levels("a=1..4:log", "1 2 3 4");
    check_levels("a=x,y,z", "x y z");
    check_levels("a=1.0,2,4e0", "1.0 2 4e0");
    /* The values one expects, not sums of rounded steps. */
    check_levels("a real [0.3, 1] step=0.05",
                 "0.3 0.35 0.4 0.45 0.5 0.55 0.6 0.65 0.7 0.75 0.8 0.85 0.9 0.95 1");
    check_levels("a real [-0.3, 0.3] step=0.1", "-0.3 -0.2 -0.1 0 0.1 0.2 0.3");
    check_levels("a real [0, 1] step=0.3", "0 0.3 0.6 0.9");
    check_levels("a real [0, 0.35] step=0.1", "0 0.1 0.2 0.3");
    check_levels("a real [1e-7, 5e-7] step=1e-7", "1e-7 2e-7 3e-7 4e-7 5e-7");
    check_levels("a real [1e22, 3e22] step=1e22", "1e+22 2e+22 3e+22");
    check_levels("a real [0, 3e300] step=1e300", "0 1e+300 2e+300 3e+300");
    check_levels("a real [0, 3e-300] step=1e-300", "0 1e-300 2e-300 3e-300");
    check_levels("a real [-1.7e308, 1.7e308] step=1.7e308", "-1.7e+308 0 1.7e+308");
    check_levels("a real [0.1234567890123, 0.3] step=0.1", "0.1234567890123 0.2234567890123");
}

/* So many steps that the quotient is off by some. */
static void test_many_levels(void)
{
    g_autoptr(HptSpace) space = space_of("a real [0.05, 900000000000000] step=0.1");
    const HptParam *param = hpt_space_get(space, 0);
    HptStream stream = hpt_stream(1, 0, "level", "");
    for (uint64_t i = 0; i < 10000; i++) {
        HptValue value = hpt_param_level(param, hpt_stream_below(&stream, i, param->levels));
        g_autofree char *text = hpt_param_value_text(param, value);
        HptValue read = {0};
        g_autoptr(GError) error = NULL;
        g_assert_true(hpt_param_value_parse(param, text, &read, &error));
        g_assert_no_error(error);
        g_assert_true(same_value(read, value));
    }
}

static void test_large_integers(void)
{
    g_autoptr(HptSpace) space = space_of("a=-9007199254740992..9007199254740992\n"
                                         "b=1..9007199254740992:log\n");
    const HptParam *a = hpt_space_get(space, 0);
    const HptParam *b = hpt_space_get(space, 1);
    g_assert_cmpuint(hpt_param_levels(a), ==, 18014398509481985u);
    check_text(a, hpt_param_from_unit(a, 0), "-9007199254740992");
    check_text(a, hpt_param_from_unit(a, 1), "9007199254740992");
    check_text(a, hpt_param_from_unit(a, 0.5), "0");
    check_text(b, hpt_param_from_unit(b, 0), "1");
    check_text(b, hpt_param_from_unit(b, 1), "9007199254740992");
    check_text(a, hpt_param_level(a, 18014398509481984u), "9007199254740992");
}

/* Both ends and everything between, monotone, never outside. */
static void check_real(const char *statement)
{
    g_autoptr(HptSpace) space = space_of(statement);
    const HptParam *param = hpt_space_get(space, 0);
    g_assert_cmpuint(hpt_param_levels(param), ==, 0);
    double last = param->low;
    for (int i = 0; i <= 1000; i++) {
        double u = i / 1000.0;
        HptValue value = hpt_param_from_unit(param, u);
        g_assert_true(isfinite(value.number));
        g_assert_cmpfloat(value.number, >=, last);
        g_assert_cmpfloat(value.number, <=, param->high);
        g_assert_cmpfloat_with_epsilon(hpt_param_to_unit(param, value), u, 1e-9);
        last = value.number;
        g_autofree char *text = hpt_param_value_text(param, value);
        HptValue read = {0};
        g_assert_true(hpt_param_value_parse(param, text, &read, NULL));
        g_assert_true(same_value(read, value));
    }
    g_assert_cmpfloat(hpt_param_from_unit(param, 0).number, ==, param->low);
    g_assert_cmpfloat(hpt_param_from_unit(param, 1).number, ==, param->high);
    g_assert_cmpfloat(hpt_param_from_unit(param, 0x1.fffffffffffffp-1).number, <=, param->high);
}

static void test_reals(void)
{
    check_real("a=0.0..1.0");
    check_real("a=-5.0..10.0");
    check_real("a=-1.7e308..1.7e308");
    check_real("a=1e-3..1e3:log");
    check_real("a=1e-300..1e300:log");
    check_real("a=2.2250738585072014e-308..1.7976931348623157e308:log");
    check_real("a=0.1..0.3:log");
    check_real("a=0.02..0.04:log"); /* exp of the sum ends above */
}

static void test_unit_is_clamped(void)
{
    g_autoptr(HptSpace) space = space_of("a=1.0..2.0\nb=1..3\n");
    for (size_t i = 0; i < 2; i++) {
        const HptParam *param = hpt_space_get(space, i);
        g_assert_cmpfloat(hpt_param_from_unit(param, -1).number, ==, param->low);
        g_assert_cmpfloat(hpt_param_from_unit(param, 2).number, ==, param->high);
        g_assert_cmpfloat(hpt_param_from_unit(param, (double)NAN).number, ==, param->low);
    }
}

/* Integers on a log scale own [v - 1/2, v + 1/2) in log space: so both ends weigh in full. */
static void test_log_integers(void)
{
    g_autoptr(HptSpace) space = space_of("a=1..100:log");
    const HptParam *param = hpt_space_get(space, 0);
    int count[101] = {0};
    const int n = 1000000;
    for (int i = 0; i < n; i++) {
        double number = hpt_param_from_unit(param, (i + 0.5) / n).number;
        g_assert_true(number >= 1 && number <= 100);
        count[(int)number]++;
    }
    double width = log(100.5 / 0.5);
    for (int v = 1; v <= 100; v++) {
        double wanted = log((v + 0.5) / (v - 0.5)) / width * n;
        g_assert_cmpfloat_with_epsilon(count[v], wanted, 2);
    }
}

/* Bounds whose logarithms are the same: a scale without them. */
static void test_narrow_log(void)
{
    check_levels("a=1555555555555555..1555555555555557:log", "1555555555555555 1555555555555556 1555555555555557");
    g_autoptr(HptSpace) space = space_of("a=1555555555555555.0..1555555555555555.5:log");
    const HptParam *param = hpt_space_get(space, 0);
    for (int i = 0; i <= 2; i++) {
        HptValue value = hpt_param_from_unit(param, i / 2.0);
        g_assert_cmpfloat(value.number, ==, 1555555555555555.0 + 0.25 * i);
        g_assert_cmpfloat(hpt_param_to_unit(param, value), ==, i / 2.0);
    }
}

static void test_equal_shares(void)
{
    static const char *const statements[] = {"a=1..7", "a=p,q,r,s,t,u,v", "a=1,2,4,8,16,32,64",
                                             "a real [0, 0.6] step=0.1"};
    for (size_t s = 0; s < G_N_ELEMENTS(statements); s++) {
        g_autoptr(HptSpace) space = space_of(statements[s]);
        const HptParam *param = hpt_space_get(space, 0);
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        for (int i = 0; i < 7000; i++) {
            HptValue value = hpt_param_from_unit(param, (i + 0.5) / 7000);
            char *text = hpt_param_value_text(param, value);
            gpointer before = g_hash_table_lookup(seen, text);
            g_hash_table_insert(seen, text, GINT_TO_POINTER(GPOINTER_TO_INT(before) + 1));
        }
        g_assert_cmpuint(g_hash_table_size(seen), ==, 7);
        GHashTableIter iter;
        gpointer key = NULL;
        gpointer value = NULL;
        g_hash_table_iter_init(&iter, seen);
        while (g_hash_table_iter_next(&iter, &key, &value)) {
            g_assert_cmpint(GPOINTER_TO_INT(value), ==, 1000);
        }
    }
}

static void check_fallback(const char *statement, const char *wanted, bool given)
{
    g_autoptr(HptSpace) space = space_of(statement);
    const HptParam *param = hpt_space_get(space, 0);
    g_assert_true(param->default_given == given);
    g_assert_true(hpt_space_any_default(space) == given);
    check_text(param, param->fallback, wanted);
}

static void test_defaults(void)
{
    check_fallback("a=0.3..1.0", "0.65", false);
    check_fallback("a=1e-3..1e3:log", "1", false);
    check_fallback("a=1e-300..1e-300:log", "1e-300", false);
    check_fallback("a=1e300..1e302:log", "1e+301", false);
    check_fallback("a=-1.7e308..1.7e308", "0", false);
    check_fallback("a=1.7e308..1.7e308", "1.7e+308", false);
    check_fallback("a=1e308..1.5e308", "1.25e+308", false);
    check_fallback("a=1..4", "2", false);
    check_fallback("a=1..100:log", "10", false);
    check_fallback("a=0..10:step=3", "3", false);
    check_fallback("a=x,y", "x", false);
    check_fallback("a=x,y:default=y", "y", true);
    check_fallback("a=1,2,4:default=4.0", "4", true);
    check_fallback("a integer [1, 5] [3.0]", "3", true);
    check_fallback("a real [0.3, 1] [0.65] step=0.05", "0.65", true);
}

static void check_refused(const char *statement, const char *text, const char *message)
{
    g_autoptr(HptSpace) space = space_of(statement);
    g_autoptr(GError) error = NULL;
    HptValue value = {.index = 77};
    g_assert_false(hpt_param_value_parse(hpt_space_get(space, 0), text, &value, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_cmpuint(value.index, ==, 77);
}

static void test_refused_texts(void)
{
    check_refused("a=1..5", "6", "6 is outside [1, 5]");
    check_refused("a=1..5", "0.999", "0.999 is outside [1, 5]");
    check_refused("a=1..5", "1.5", "1.5 is not a whole number");
    check_refused("a=1..5", "", "'' is not a number");
    check_refused("a=1.0..5.0", "nan", "'nan' is not a number");
    check_refused("a=1.0..5.0", "1e400", "'1e400' is not a number");
    check_refused("a=x,y", "z", "'z' is none of x, y");
    check_refused("a=1,2", "3", "'3' is none of 1, 2");
    check_refused("a=01,1:cat", "1.0", "'1.0' is none of 01, 1");
    check_refused("a=0..9:step=3", "4", "4 is between the steps of 3");
    check_refused("a=1,2,3,4,5,6,7,8,9,10,11,12,13", "0",
                  "'0' is none of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, … (13 in all)");
}

/* Texts of numeric ordinals are passed as written, and read by number. */
static void test_numeric_ordinals(void)
{
    g_autoptr(HptSpace) space = space_of("a=1e-3,0.010,1");
    const HptParam *param = hpt_space_get(space, 0);
    HptValue value = {0};
    g_assert_true(hpt_param_value_parse(param, "0.001", &value, NULL));
    check_text(param, value, "1e-3");
    g_assert_true(hpt_param_value_parse(param, "1.0", &value, NULL));
    check_text(param, value, "1");
    g_assert_cmpfloat(param->numbers[1], ==, 0.01);
    g_assert_false(param->whole);
    g_autoptr(HptSpace) whole = space_of("a=1,2.0,4e0");
    g_assert_true(hpt_space_get(whole, 0)->whole);
    g_autoptr(HptSpace) words = space_of("a=4,2,1:ord");
    g_assert_null(hpt_space_get(words, 0)->numbers);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/value/levels", test_levels);
    g_test_add_func("/space/value/many-levels", test_many_levels);
    g_test_add_func("/space/value/large-integers", test_large_integers);
    g_test_add_func("/space/value/reals", test_reals);
    g_test_add_func("/space/value/unit-is-clamped", test_unit_is_clamped);
    g_test_add_func("/space/value/log-integers", test_log_integers);
    g_test_add_func("/space/value/narrow-log", test_narrow_log);
    g_test_add_func("/space/value/equal-shares", test_equal_shares);
    g_test_add_func("/space/value/defaults", test_defaults);
    g_test_add_func("/space/value/refused-texts", test_refused_texts);
    g_test_add_func("/space/value/numeric-ordinals", test_numeric_ordinals);
    return g_test_run();
}
