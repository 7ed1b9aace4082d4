/* Rows as lines: what each type looks like there and on the wire, and what is refused for which
 * reason. */
#include "db/sql.h"
#include "store/table.h"

#include <string.h>

static const char list[] =
    "CREATE VIEW x\n"
    "('thing', 'study* n*:int4 big:int8? real:real? yes:bool? at:time? id:uuid? raw:bytes? "
    "hash:digest?>blob any:json? proof:canonical? mine! made=json(proof) reals:real[]? "
    "words:bytes[]?'),\n"
    "('blob', 'digest*:digest canonical:canonical bytes:content'),\n"
    "('named', 'path*:bytes'),\n"
    "('gone', '! of no use')\n";

static HptTables *tables(void)
{
    GError *error = NULL;
    HptTables *made = hpt_tables_new(list, &error);
    g_assert_no_error(error);
    return made;
}

static void test_list(void)
{
    g_autoptr(HptTables) all = tables();
    g_assert_cmpuint(hpt_tables_count(all), ==, 3);
    g_assert_null(hpt_tables_find(all, "gone"));
    const HptTable *thing = hpt_tables_find(all, "thing");
    g_assert_true(thing == hpt_tables_peek(all, 0));
    g_assert_null(hpt_table_field(thing, "mine"));
    g_assert_null(hpt_table_field(thing, "made"));
    g_assert_cmpstr(hpt_table_field(thing, "hash")->refers, ==, "blob");
    g_assert_true(hpt_table_field(thing, "hash")->nullable);
    g_assert_true(hpt_table_field(thing, "study")->key);
    g_assert_true(hpt_table_field(thing, "words")->array);
    static const char *const bad[] = {"('t', 'a:intt')", "('t', ':int4')", "('t', 'a?')",
                                      "('t', 'a:int4 ')"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_tables_new(bad[i], &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    }
}

/* The list that hpt uses is one. */
static void test_real_list(void)
{
    for (const HptSqlScript *view = hpt_sql_views; view->name != NULL; view++)
        if (strcmp(view->name, "aa_bundle_table") == 0) {
            g_autoptr(GError) error = NULL;
            g_autoptr(HptTables) all = hpt_tables_new(view->text, &error);
            g_assert_no_error(error);
            g_assert_cmpuint(hpt_tables_count(all), >=, 15);
            return;
        }
    g_assert_not_reached();
}

static void test_values(void)
{
    static const struct {
        const char *wire, *line; /* of a member each */
    } cases[] = {
        {"\"big\":9007199254740992", "\"big\":9007199254740992"},
        {"\"big\":9007199254740993", "\"big\":\"9007199254740993\""},
        {"\"big\":-9223372036854775808", "\"big\":\"-9223372036854775808\""},
        {"\"real\":\"0.1\"", "\"real\":0.1"},
        {"\"real\":\"5\"", "\"real\":5"},
        {"\"real\":\"1e+22\"", "\"real\":1e+22"},
        {"\"real\":\"1e+20\"", "\"real\":100000000000000000000"},
        {"\"real\":\"4.94065645841247e-324\"", "\"real\":5e-324"},
        {"\"real\":\"-0\"", "\"real\":\"-0\""},
        {"\"real\":\"NaN\"", "\"real\":\"NaN\""},
        {"\"real\":\"-Infinity\"", "\"real\":\"-Infinity\""},
        {"\"yes\":false", "\"yes\":false"},
        {"\"at\":0", "\"at\":\"1970-01-01T00:00:00.000000Z\""},
        {"\"at\":1709164799999999", "\"at\":\"2024-02-28T23:59:59.999999Z\""},
        {"\"at\":1709164800000000", "\"at\":\"2024-02-29T00:00:00.000000Z\""},
        {"\"at\":-1", "\"at\":\"1969-12-31T23:59:59.999999Z\""},
        {"\"raw\":\"\"", "\"raw\":\"\""},
        {"\"raw\":\"c3a90a\"", "\"raw\":\"é\\n\""},
        {"\"raw\":\"c3\"", "\"raw\":{\"hex\":\"c3\"}"},
        {"\"raw\":\"6100\"", "\"raw\":{\"hex\":\"6100\"}"},
        {"\"proof\":\"7b2261223a317d\"", "\"proof\":{\"a\":1}"},
        {"\"proof\":\"7b2261223a20317d\"", "\"proof\":\"7b2261223a20317d\""}, /* a blank */
        {"\"proof\":\"226122\"", "\"proof\":\"226122\""},                     /* a string */
        {"\"any\":{\"b\":[1.5,null],\"a\":\"x\"}", "\"any\":{\"a\":\"x\",\"b\":[1.5,null]}"},
        {"\"reals\":[]", "\"reals\":[]"},
        {"\"reals\":[\"1\",null,\"NaN\"]", "\"reals\":[1,null,\"NaN\"]"},
        {"\"words\":[\"61\",\"ff\"]", "\"words\":[\"a\",{\"hex\":\"ff\"}]"},
        {"\"real\":null", ""},
    };
    g_autoptr(HptTables) all = tables();
    const HptTable *table = hpt_tables_find(all, "thing");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *wire = g_strdup_printf("{\"n\":1,\"study\":\"s\",%s}", cases[i].wire);
        g_autoptr(json_t) row = hpt_table_from_wire(table, wire, strlen(wire), NULL, &error);
        g_assert_no_error(error);
        g_autofree char *line = hpt_json_canonical(row, &error);
        g_assert_no_error(error);
        g_assert_nonnull(strstr(line, cases[i].line));
        g_autoptr(json_t) again = hpt_table_read(table, line, strlen(line), &error);
        g_assert_no_error(error);
        g_autofree char *same = hpt_json_canonical(again, NULL);
        g_assert_cmpstr(same, ==, line);
        /* To the wire and back is the same. */
        g_autoptr(GString) back = g_string_new(NULL);
        hpt_table_to_wire(table, row, back);
        if (strstr(cases[i].wire, "big") != NULL) /* large numbers are strings there */
            continue;
        g_autoptr(json_t) third = hpt_table_from_wire(table, back->str, back->len, NULL, &error);
        g_assert_no_error(error);
        g_autofree char *once_more = hpt_json_canonical(third, NULL);
        g_assert_cmpstr(once_more, ==, line);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"", "column 0"},
        {"{", "column 1"},
        {"[]", "not a JSON object"},
        {"3", "not a JSON object"},
        {"{}", "the member 'study' is missing"},
        {"{\"n\":1,\"study\":null}", "'study' is not a text"},
        {"{\"study\":\"s\"}", "the member 'n' is missing"},
        {"{\"n\":1,\"study\":\"s\",\"x\":1}", "the member 'x' is unknown"},
        {"{\"mine\":1,\"n\":1,\"study\":\"s\"}", "the member 'mine' is unknown"},
        {"{\"n\":1,\"n\":1,\"study\":\"s\"}", "duplicate"},
        {"{\"n\":1, \"study\":\"s\"}", "not canonical JSON"},
        {"{\"study\":\"s\",\"n\":1}", "not canonical JSON"},
        {"{\"n\":1.0,\"study\":\"s\"}", "'n' is not a whole number of 32 bits"},
        {"{\"n\":2147483648,\"study\":\"s\"}", "'n' is not a whole number of 32 bits"},
        {"{\"n\":\"1\",\"study\":\"s\"}", "'n' is not a whole number of 32 bits"},
        {"{\"n\":true,\"study\":\"s\"}", "'n' is not a whole number of 32 bits"},
        {"{\"n\":1,\"study\":3}", "'study' is not a text"},
        {"{\"n\":1,\"study\":\"a\\u0000b\"}", "column"},
        {"{\"big\":\"1\",\"n\":1,\"study\":\"s\"}", "'big' is not a whole number of 64 bits"},
        {"{\"big\":\"9223372036854775808\",\"n\":1,\"study\":\"s\"}",
         "'big' is not a whole number"},
        {"{\"big\":\"09007199254740993\",\"n\":1,\"study\":\"s\"}", "'big' is not a whole number"},
        {"{\"n\":1,\"real\":\"1\",\"study\":\"s\"}", "'real' is not a number"},
        {"{\"n\":1,\"real\":\"nan\",\"study\":\"s\"}", "'real' is not a number"},
        {"{\"n\":1,\"real\":-0,\"study\":\"s\"}", "not canonical JSON"},
        {"{\"n\":1,\"real\":0.10,\"study\":\"s\"}", "not canonical JSON"},
        {"{\"n\":1,\"real\":1e999,\"study\":\"s\"}", "column"},
        {"{\"n\":1,\"study\":\"s\",\"yes\":1}", "'yes' is not true or false"},
        {"{\"at\":\"2024-02-30T00:00:00.000000Z\",\"n\":1,\"study\":\"s\"}", "'at' is not a time"},
        {"{\"at\":\"2024-13-01T00:00:00.000000Z\",\"n\":1,\"study\":\"s\"}", "'at' is not a time"},
        {"{\"at\":\"2024-01-01T24:00:00.000000Z\",\"n\":1,\"study\":\"s\"}", "'at' is not a time"},
        {"{\"at\":\"2024-01-01 00:00:00.000000Z\",\"n\":1,\"study\":\"s\"}", "'at' is not a time"},
        {"{\"at\":1,\"n\":1,\"study\":\"s\"}", "'at' is not a time"},
        {"{\"id\":\"F1C3E4F3-A3FC-4296-BDFB-AC5CE204E5C5\",\"n\":1,\"study\":\"s\"}",
         "'id' is not a UUID"},
        {"{\"n\":1,\"raw\":{\"hex\":\"61\"},\"study\":\"s\"}", "'raw' is not bytes"},
        {"{\"n\":1,\"raw\":{\"hex\":\"f\"},\"study\":\"s\"}", "'raw' is not bytes"},
        {"{\"n\":1,\"raw\":{\"hex\":\"FF\"},\"study\":\"s\"}", "'raw' is not bytes"},
        {"{\"n\":1,\"raw\":{\"hex\":\"ff\",\"x\":1},\"study\":\"s\"}", "'raw' is not bytes"},
        {"{\"hash\":\"ab\",\"n\":1,\"study\":\"s\"}", "'hash' is not a SHA-256"},
        {"{\"n\":1,\"proof\":\"7b7d\",\"study\":\"s\"}", "'proof' is not canonical JSON"},
        {"{\"n\":1,\"proof\":\"xyz\",\"study\":\"s\"}", "'proof' is not canonical JSON"},
        {"{\"n\":1,\"reals\":3,\"study\":\"s\"}", "'reals' is not a number in an array"},
        {"{\"n\":1,\"reals\":[[1]],\"study\":\"s\"}", "'reals' is not a number in an array"},
        {"{\"n\":1,\"study\":\"s\",\"words\":[\"a\",null]}", "'words' is not bytes in an array"},
    };
    g_autoptr(HptTables) all = tables();
    const HptTable *table = hpt_tables_find(all, "thing");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("%s", cases[i].line);
        g_assert_null(hpt_table_read(table, cases[i].line, strlen(cases[i].line), &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        if (strstr(error->message, cases[i].reason) == NULL)
            g_error("%s: '%s', not '%s'", cases[i].line, error->message, cases[i].reason);
    }
}

static void test_digest(void)
{
    g_autoptr(HptTables) all = tables();
    const HptTable *table = hpt_tables_find(all, "blob");
    static const char wire[] =
        "{\"bytes\":\"6162\",\"canonical\":\"7b7d\",\"digest\":"
        "\"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"}";
    g_autofree char *content = NULL, *bad = g_strdup(wire);
    g_autoptr(GError) error = NULL, second = NULL;
    g_autoptr(json_t) row = hpt_table_from_wire(table, wire, strlen(wire), &content, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(content, ==, "6162");
    g_assert_null(json_object_get(row, "bytes"));
    *strstr(bad, "441") = '5';
    g_assert_null(hpt_table_from_wire(table, bad, strlen(bad), NULL, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    g_autofree char *line = hpt_json_canonical(row, NULL);
    *strstr(line, "441") = '5';
    g_assert_null(hpt_table_read(table, line, strlen(line), &second));
    g_assert_error(second, HPT_ERROR, HPT_ERROR_DATA);
}

static void test_order(void)
{
    /* Ascending. */
    static const char *const things[] = {
        "{\"n\":3,\"study\":\"a\"}",
        "{\"n\":10,\"study\":\"a\"}",
        "{\"n\":-1,\"study\":\"b\"}",
        "{\"n\":2,\"study\":\"\xc3\xa9\"}",
    };
    static const char *const named[] = {
        "{\"path\":\"\"}",   "{\"path\":\"a\"}",        "{\"path\":{\"hex\":\"6100\"}}",
        "{\"path\":\"aa\"}", "{\"path\":\"\xc3\xa9\"}", "{\"path\":{\"hex\":\"ff\"}}"};
    g_autoptr(HptTables) all = tables();
    const char *const *lists[] = {things, named};
    const HptTable *of[] = {hpt_tables_find(all, "thing"), hpt_tables_find(all, "named")};
    const size_t counts[] = {G_N_ELEMENTS(things), G_N_ELEMENTS(named)};
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < counts[l]; i++)
            for (size_t j = 0; j < counts[l]; j++) {
                g_autoptr(json_t) a = json_loads(lists[l][i], 0, NULL),
                                  b = json_loads(lists[l][j], 0, NULL);
                int order = hpt_table_compare(of[l], a, b);
                g_assert_cmpint((order > 0) - (order < 0), ==, (i > j) - (i < j));
            }
    g_autoptr(json_t) row = json_loads(things[0], 0, NULL);
    g_autofree char *text = hpt_table_key_text(of[0], row);
    g_assert_cmpstr(text, ==, "study 'a', n 3");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bundle-table/list", test_list);
    g_test_add_func("/bundle-table/real-list", test_real_list);
    g_test_add_func("/bundle-table/values", test_values);
    g_test_add_func("/bundle-table/refused", test_refused);
    g_test_add_func("/bundle-table/digest", test_digest);
    g_test_add_func("/bundle-table/order", test_order);
    return g_test_run();
}
