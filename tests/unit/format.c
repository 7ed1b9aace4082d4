/* Rows in every data format; the rules of show/format.h one by one. */
#include "show/format.h"

#include "base/json.h"
#include "base/number.h"

#include <string.h>

static const HptColumn columns[] = {
    {.name = "trial", .type = HPT_COLUMN_INT},
    {.name = "acc", .type = HPT_COLUMN_REAL},
    {.name = "note", .type = HPT_COLUMN_TEXT},
};

/* The output for rows of n values each, in one string. */
static char *render(HptShow show, const HptColumn *cols, size_t n, const char *const *values,
                    size_t n_rows)
{
    GString *out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptWriter) rows = hpt_writer_new(&show, cols, n, hpt_sink_string, out);
    for (size_t r = 0; r < n_rows; r++)
        g_assert_true(hpt_writer_add(rows, values + r * n, &error));
    g_assert_cmpuint(hpt_writer_count(rows), ==, n_rows);
    g_assert_true(hpt_writer_end(rows, NULL, &error));
    g_assert_no_error(error);
    return g_string_free(out, FALSE);
}

static char *one(HptFormat format, HptColumnType type, const char *value)
{
    HptColumn column = {.name = "c", .type = type};
    return render((HptShow){.format = format, .no_header = true}, &column, 1, &value, 1);
}

#define ONE(format, type, value, expected)                                                         \
    do {                                                                                           \
        g_autofree char *got_ = one(HPT_FORMAT_##format, HPT_COLUMN_##type, value);                \
        g_assert_cmpstr(got_, ==, expected);                                                       \
    } while (0)

static void test_names(void)
{
    HptFormat format = HPT_FORMAT_ENV;
    for (int i = 0; hpt_format_names[i] != NULL; i++) {
        g_assert_true(hpt_format_parse(hpt_format_names[i], &format, NULL));
        g_assert_cmpint((int)format, ==, i);
    }
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_format_parse("tvs", &format, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
    g_assert_cmpstr(error->message, ==, "unknown format 'tvs'; did you mean 'tsv'?");
}

static void test_tsv(void)
{
    const char *values[] = {"1", "84.814814814814810", "a\tb\\c\nd", "2", NULL, ""};
    g_autofree char *out = render((HptShow){.format = HPT_FORMAT_TSV}, columns, 3, values, 2);
    g_assert_cmpstr(out, ==, "trial\tacc\tnote\n1\t84.81481481481481\ta\\tb\\\\c\\nd\n2\t\\N\t\n");
    ONE(TSV, TEXT, "\b\f\r\v", "\\b\\f\\r\\v\n");
    ONE(TSV, TEXT, "\\N", "\\\\N\n");
    ONE(TSV, TEXT, "\\.", "\\\\.\n");
    ONE(TSV, BOOL, "t", "true\n");
    ONE(TSV, REAL, "1e-05", "0.00001\n");
    ONE(TSV, NUMERIC, "1.50", "1.50\n");
    ONE(TSV, REAL, "NaN", "NaN\n");
    ONE(TSV, TIME, "2026-11-23 10:02:03.5+01", "2026-11-23T09:02:03.500000Z\n");
    ONE(TSV, TIME, "infinity", "infinity\n");
}

static void test_null_ends(void)
{
    GString *out = g_string_new(NULL);
    HptShow show = {.format = HPT_FORMAT_TSV, .no_header = true, .null_ends = true};
    HptWriter *rows = hpt_writer_new(&show, columns, 3, hpt_sink_string, out);
    const char *values[] = {"1", "2", "x"};
    g_assert_true(hpt_writer_add(rows, values, NULL));
    g_assert_true(hpt_writer_end(rows, NULL, NULL));
    hpt_writer_free(rows);
    g_assert_cmpuint(out->len, ==, 6); /* the last byte is NUL */
    g_assert_cmpstr(out->str, ==, "1\t2\tx");
    g_string_free(out, TRUE);
}

static void test_csv(void)
{
    const char *values[] = {"1", "-0.5", "say \"hi\", you", "2", NULL, NULL, "3", "1e21", ""};
    g_autofree char *out = render((HptShow){.format = HPT_FORMAT_CSV}, columns, 3, values, 3);
    g_assert_cmpstr(out, ==,
                    "trial,acc,note\r\n1,-0.5,\"say \"\"hi\"\", you\"\r\n2,,\r\n3,1e+21,\"\"\r\n");
    /* formulas; numbers stay what they are, also in text columns */
    ONE(CSV, TEXT, "=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0\r\n");
    ONE(CSV, TEXT, "@SUM(1,2)", "\"'@SUM(1,2)\"\r\n");
    ONE(CSV, TEXT, "+1+1", "'+1+1\r\n");
    ONE(CSV, TEXT, "-2+3", "'-2+3\r\n");
    ONE(CSV, TEXT, "-2.5", "-2.5\r\n");
    ONE(CSV, TEXT, "\t=1", "'\t=1\r\n");
    ONE(CSV, TEXT, "\r=1", "\"'\r=1\"\r\n");
    ONE(CSV, REAL, "-Infinity", "-Infinity\r\n");
    HptColumn evil = {.name = "=1", .type = HPT_COLUMN_TEXT};
    const char *value = "=2";
    g_autofree char *guarded = render((HptShow){.format = HPT_FORMAT_CSV}, &evil, 1, &value, 1);
    g_assert_cmpstr(guarded, ==, "'=1\r\n'=2\r\n");
    g_autofree char *open =
        render((HptShow){.format = HPT_FORMAT_CSV, .no_guard = true}, &evil, 1, &value, 1);
    g_assert_cmpstr(open, ==, "=1\r\n=2\r\n");
}

/* 50,000 doubles through csv: bit for bit. */
static void test_numbers_survive(void)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 50000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        double x, back;
        memcpy(&x, &state, sizeof x);
        if (x != x || x - x != 0)
            continue;
        char text[HPT_NUMBER_TEXT_SIZE];
        g_autofree char *line = one(HPT_FORMAT_CSV, HPT_COLUMN_REAL, hpt_number_text(x, text));
        g_strchomp(line);
        g_assert_true(hpt_number_parse(line, &back, NULL));
        g_assert_true(memcmp(&back, &x, sizeof x) == 0);
    }
}

static void test_json(void)
{
    const HptColumn cols[] = {{"a", HPT_COLUMN_INT, 0, false},
                              {"a", HPT_COLUMN_REAL, 0, false},
                              {"b\"", HPT_COLUMN_TEXT, 0, false},
                              {"j", HPT_COLUMN_JSON, 0, false},
                              {"t", HPT_COLUMN_BOOL, 0, false}};
    const char *values[] = {"1",  "Infinity", "x\x1b\n\"<", "{\"k\": [1]}", "f",
                            NULL, "1e-05",    "\xff",       NULL,           NULL};
    g_autofree char *lines = render((HptShow){.format = HPT_FORMAT_JSONL}, cols, 5, values, 2);
    g_assert_cmpstr(lines, ==,
                    "{\"a\":1,\"a_2\":\"Infinity\",\"b\\\"\":\"x\\u001b\\n\\\"<\",\"j\":{\"k\": "
                    "[1]},\"t\":false}\n"
                    "{\"a\":null,\"a_2\":0.00001,\"b\\\"\":\"\xEF\xBF\xBD\",\"j\":null,"
                    "\"t\":null}\n");
    g_autofree char *array = render((HptShow){.format = HPT_FORMAT_JSON}, cols, 5, values, 2);
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) parsed = hpt_json_parse(array, strlen(array), &error);
    g_assert_no_error(error);
    g_assert_cmpuint(json_array_size(parsed), ==, 2);
    g_autofree char *none = render((HptShow){.format = HPT_FORMAT_JSON}, cols, 5, NULL, 0);
    g_assert_cmpstr(none, ==, "[]\n");
    ONE(JSONL, INT, "007", "{\"c\":\"007\"}\n"); /* not JSON's idea of a number */
    ONE(JSONL, NUMERIC, "-12345678901234567890.50", "{\"c\":-12345678901234567890.50}\n");
    ONE(JSONL, NUMERIC, "NaN", "{\"c\":\"NaN\"}\n");
}

static void test_md(void)
{
    const char *values[] = {"1", "0.123456789", "a|b*c_d`<i>&[x]\\\n"};
    g_autofree char *out = render((HptShow){.format = HPT_FORMAT_MD}, columns, 3, values, 1);
    g_assert_cmpstr(out, ==,
                    "| trial | acc | note |\n| ---: | ---: | --- |\n"
                    "| 1 | 0.123457 | a\\|b\\*c\\_d\\`&lt;i>&amp;\\[x\\]\\\\\\\\n |\n");
    ONE(MD, TEXT, NULL, "|  |\n");
}

static void test_env(void)
{
    const HptColumn cols[] = {{"hpt.trial", HPT_COLUMN_INT, 0, false},
                              {"2x", HPT_COLUMN_TEXT, 0, false},
                              {"hpt-trial", HPT_COLUMN_TEXT, 0, false}};
    const char *values[] = {"12", "a'; rm -rf /", NULL, "13", "", "x"};
    g_autofree char *out = render((HptShow){.format = HPT_FORMAT_ENV}, cols, 3, values, 2);
    g_assert_cmpstr(out, ==,
                    "hpt_trial=12\n_2x='a'\\''; rm -rf /'\nunset hpt_trial_2\n\n"
                    "hpt_trial=13\n_2x=''\nhpt_trial_2=x\n");
}

static void test_time(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"2026-11-23 09:02:03+00", "2026-11-23T09:02:03.000000Z"},
        {"2026-11-23 09:02:03.123456+05:30", "2026-11-23T03:32:03.123456Z"},
        {"2026-01-01 00:00:00+14", "2025-12-31T10:00:00.000000Z"},
        {"2024-02-29 23:59:59.9-02", "2024-03-01T01:59:59.900000Z"},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"},
        {"2000-03-01 00:00:00", "2000-03-01T00:00:00.000000Z"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *out = hpt_time_normalise(cases[i].in);
        g_assert_cmpstr(out, ==, cases[i].out);
    }
    static const char *const bad[] = {"infinity",
                                      "-infinity",
                                      "",
                                      "2026-11-23",
                                      "2026-13-01 00:00:00",
                                      "2026-11-23 09:02:03+0",
                                      "2026-11-23 9:02:03",
                                      "2026-11-23 09:02:03.+00",
                                      "0044-03-15 12:00:00 BC"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(hpt_time_normalise(bad[i]));
}

static bool full_sink(void *user, const char *bytes, size_t length, GError **error)
{
    (void)user, (void)bytes, (void)length;
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "full");
    return false;
}

static void test_sink_fails(void)
{
    HptShow show = {.format = HPT_FORMAT_TSV};
    g_autoptr(HptWriter) rows = hpt_writer_new(&show, columns, 3, full_sink, NULL);
    const char *values[] = {"1", "2", "3"};
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_writer_add(rows, values, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_IO);

    FILE *full = fopen("/dev/full", "w");
    g_assert_nonnull(full);
    setvbuf(full, NULL, _IONBF, 0);
    g_autoptr(GError) second = NULL;
    g_assert_false(hpt_sink_file(full, "x", 1, &second));
    g_assert_error(second, HPT_ERROR, HPT_ERROR_IO);
    fclose(full);
}

static void test_oids(void)
{
    g_assert_cmpint(hpt_column_type_of_oid(20), ==, HPT_COLUMN_INT);
    g_assert_cmpint(hpt_column_type_of_oid(701), ==, HPT_COLUMN_REAL);
    g_assert_cmpint(hpt_column_type_of_oid(700), ==, HPT_COLUMN_NUMERIC);
    g_assert_cmpint(hpt_column_type_of_oid(1184), ==, HPT_COLUMN_TIME);
    g_assert_cmpint(hpt_column_type_of_oid(3802), ==, HPT_COLUMN_JSON);
    g_assert_cmpint(hpt_column_type_of_oid(25), ==, HPT_COLUMN_TEXT);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/format/names", test_names);
    g_test_add_func("/format/tsv", test_tsv);
    g_test_add_func("/format/null-ends", test_null_ends);
    g_test_add_func("/format/csv", test_csv);
    g_test_add_func("/format/numbers-survive", test_numbers_survive);
    g_test_add_func("/format/json", test_json);
    g_test_add_func("/format/md", test_md);
    g_test_add_func("/format/env", test_env);
    g_test_add_func("/format/time", test_time);
    g_test_add_func("/format/sink-fails", test_sink_fails);
    g_test_add_func("/format/oids", test_oids);
    return g_test_run();
}
