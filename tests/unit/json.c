/* Strict reading and canonical writing of JSON. */
#include "base/json.h"

#include <math.h>
#include <string.h>

static char *canonical_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) value = hpt_json_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    char *result = hpt_json_canonical(value, &error);
    g_assert_no_error(error);
    return result;
}

static void test_canonical(void)
{
    static const struct {
        const char *text, *canonical;
    } cases[] = {
        /* RFC 8785 §3.2.2 and §3.2.4 */
        {"{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"
         "\"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
         "\"literals\":[null,true,false]}",
         "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
         "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"},
        /* RFC 8785 §3.2.3: by UTF-16 code units, so the pair of U+1F600 comes before U+FB33 */
        {"{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter\","
         "\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji\",\"\\u0080\":\"Control\","
         "\"\\u00f6\":\"Latin\"}",
         "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"ö\":\"Latin\","
         "\"€\":\"Euro Sign\",\"😀\":\"Emoji\",\"\uFB33\":\"Hebrew Letter\"}"},
        {" [ 1 , 1.0 , -0.0 , -0 , 1e2 ] ", "[1,1,0,0,100]"},
        {"\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\"", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\""},
        {"{}", "{}"},
        {"[]", "[]"},
        {"null", "null"},
        {"{\"b\":{\"d\":1,\"c\":2},\"a\":[{\"z\":1,\"y\":2}]}",
         "{\"a\":[{\"y\":2,\"z\":1}],\"b\":{\"c\":2,\"d\":1}}"},
        {"{\"\":1,\"aa\":2,\"a\":3}", "{\"\":1,\"a\":3,\"aa\":2}"},
        {"9007199254740992", "9007199254740992"},
        {"-9007199254740992", "-9007199254740992"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *first = canonical_of(cases[i].text);
        g_assert_cmpstr(first, ==, cases[i].canonical);
        g_autofree char *again = canonical_of(first);
        g_assert_cmpstr(again, ==, first);
    }
}

/* What ECMAScript writes without an exponent although it is beyond 2^53 or an int64 reads back. */
static void test_large_reals(void)
{
    static const char *const texts[] = {
        "9007199254740994",
        "1152921504606847000",
        "10000000000000000000",
        "100000000000000000000",
        "-100000000000000000000",
        "123456789012345680000",
        "999999999999999900000",
        "1e+21",
        "[100000000000000000000,\"1000000000\"]",
        "{\"\\\"100000000000000000001\":100000000000000000000}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *canonical = canonical_of(texts[i]);
        g_assert_cmpstr(canonical, ==, texts[i]);
    }
    g_autofree char *tiny = canonical_of("[1e-1000000000000000000,0.1000000000000000000]");
    g_assert_cmpstr(tiny, ==, "[0,0.1]");
}

static void test_refused(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "line 1, column 0: "},
        {"{\"a\":1,\n \"a\":2}", "line 2, column 4: duplicate object key"},
        {"[1,]", "line 1, column 4: "},
        {"[1] x", "line 1, column 5: end of file expected"},
        {"NaN", "line 1, column 3: invalid token"},
        {"[Infinity]", "line 1, column 9: invalid token"},
        {"1e400", "line 1, column 5: real number overflow"},
        {"12345678901234567890", "too big integer"},
        {"100000000000000000001", "too big integer"},
        {"01", "line 1"},
        {"\"\xff\"", "unable to decode byte 0xff"},
        {"\"\\ud800\"", "invalid Unicode"},
        {"\"a\\u0000b\"", "\\u0000"},
        {"'a'", "invalid token"},
        {"[1 /* no */]", "line 1"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_json_parse(cases[i].text, strlen(cases[i].text), &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        if (strstr(error->message, cases[i].message) == NULL)
            g_error("%s: %s", cases[i].text, error->message);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) deep = g_string_new(NULL);
    for (int i = 0; i < 100000; i++)
        g_string_append_c(deep, '[');
    g_assert_null(hpt_json_parse(deep->str, deep->len, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    g_clear_error(&error);
    g_assert_null(hpt_json_parse("1\0", 2, &error)); /* bytes after a NUL are not ignored */
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
}

static void test_not_canonical(void)
{
    g_autoptr(GString) out = g_string_new("kept");
    struct {
        json_t *value;
        const char *message;
    } cases[] = {
        {json_pack("[i,I]", 1, (json_int_t)9007199254740993), "integer 9007199254740993"},
        {json_pack("{s:I}", "a", (json_int_t)INT64_MAX), "integer 9223372036854775807"},
        {json_pack("[o]", json_stringn_nocheck("\xff", 1)), "UTF-8"},
        {json_pack("[o]", json_stringn_nocheck("a\0b", 3)), "NUL"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_nonnull(cases[i].value);
        g_assert_false(hpt_json_canonical_append(out, cases[i].value, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        g_assert_nonnull(strstr(error->message, cases[i].message));
        g_assert_cmpstr(out->str, ==, "kept");
        json_decref(cases[i].value);
    }
    g_autoptr(json_t) deep = json_array();
    for (int i = 0; i < 5000; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, g_steal_pointer(&deep));
        deep = outer;
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_json_canonical(deep, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
}

static void test_append_string(void)
{
    g_autoptr(GString) out = g_string_new("x");
    hpt_json_append_string(out, "a\"b\\ü\x1b");
    g_assert_cmpstr(out->str, ==, "x\"a\\\"b\\\\ü\\u001b\"");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/canonical", test_canonical);
    g_test_add_func("/json/large-reals", test_large_reals);
    g_test_add_func("/json/refused", test_refused);
    g_test_add_func("/json/not-canonical", test_not_canonical);
    g_test_add_func("/json/append-string", test_append_string);
    return g_test_run();
}
