/* Tables: alignment, rounding, fitting a terminal, hostile text. */
#include "show/table.h"

#include "base/text.h"

#include <string.h>

static const HptColumn columns[] = {
    {.name = "trial", .type = HPT_COLUMN_INT, .keep = true},
    {.name = "acc", .type = HPT_COLUMN_REAL, .keep = true},
    {.name = "kernel", .type = HPT_COLUMN_TEXT, .rank = 1},
    {.name = "gamma", .type = HPT_COLUMN_REAL, .rank = 2},
    {.name = "command", .type = HPT_COLUMN_TEXT, .rank = 3},
};
#define N G_N_ELEMENTS(columns)

static const char *const rows[][N] = {
    {"63", "84.814814814814", "rbf", NULL, "svm-train -q -t 0 heart_scale"},
    {"7", "9.5", "rbf", "1.25e-09", "svm-train -q -t 2 -g 1.25e-9 heart_scale"},
};

static char *draw(HptShow show, char **note)
{
    GString *out = g_string_new(NULL);
    HptWriter *r = hpt_writer_new(&show, columns, N, hpt_sink_string, out);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_true(hpt_writer_add(r, rows[i], NULL));
    g_assert_true(hpt_writer_end(r, note, NULL));
    hpt_writer_free(r);
    return g_string_free(out, FALSE);
}

static void test_plain(void)
{
    g_autofree char *note = NULL;
    g_autofree char *out = draw((HptShow){.format = HPT_FORMAT_TABLE, .utf8 = true}, &note);
    g_assert_cmpstr(out, ==,
                    " trial      acc  kernel    gamma  command\n"
                    "    63  84.8148  rbf           –  svm-train -q -t 0 heart_scale\n"
                    "     7      9.5  rbf     1.25e-9  svm-train -q -t 2 -g 1.25e-9 heart_scale\n");
    g_assert_null(note);
    g_autofree char *bare =
        draw((HptShow){.format = HPT_FORMAT_TABLE, .no_header = true, .precision = 2}, NULL);
    g_assert_true(g_str_has_prefix(bare, " 63   85  rbf       -  svm"));
    g_autofree char *bold = draw((HptShow){.format = HPT_FORMAT_TABLE, .color = true}, NULL);
    g_assert_true(g_str_has_prefix(bold, "\033[1m trial"));
    g_assert_nonnull(strstr(bold, "command\033[0m\n"));
}

static size_t widest_line(const char *text)
{
    size_t widest = 0;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++)
        widest = MAX(widest, hpt_text_width(lines[i]));
    return widest;
}

static void test_fits(void)
{
    for (size_t width = 18; width < 90; width++) {
        g_autofree char *note = NULL;
        HptShow show = {.format = HPT_FORMAT_TABLE, .utf8 = true, .width = width};
        g_autofree char *out = draw(show, &note);
        g_assert_cmpuint(widest_line(out), <=, width);
        g_assert_true((note != NULL) == (strstr(out, "-g 1.25e-9 heart_scale") == NULL));
    }
    g_autofree char *note = NULL;
    HptShow show = {.format = HPT_FORMAT_TABLE, .utf8 = true, .width = 52};
    g_autofree char *shortened = draw(show, &note);
    g_assert_cmpstr(shortened, ==,
                    " trial      acc  kernel    gamma  command\n"
                    "    63  84.8148  rbf           –  svm-train -q -t 0…\n"
                    "     7      9.5  rbf     1.25e-9  svm-train -q -t 2…\n");
    g_assert_cmpstr(note, ==, "shortened: command");
    g_autofree char *second = NULL;
    show.width = 26;
    g_autofree char *dropped = draw(show, &second);
    g_assert_cmpstr(dropped, ==,
                    " trial      acc  kernel\n    63  84.8148  rbf\n     7      9.5  rbf\n");
    g_assert_cmpstr(second, ==, "no room for: gamma, command");
    /* columns that must stay stay, whatever the width */
    show.width = 3;
    g_autofree char *kept = draw(show, NULL);
    g_assert_cmpstr(kept, ==, " trial      acc\n    63  84.8148\n     7      9.5\n");
}

/* Columns of one rank go from the right. */
static void test_equal_ranks(void)
{
    const HptColumn cols[] = {{.name = "first", .type = HPT_COLUMN_INT},
                              {.name = "second", .type = HPT_COLUMN_INT},
                              {.name = "third", .type = HPT_COLUMN_INT}};
    const char *values[] = {"1", "2", "3"};
    HptShow show = {.format = HPT_FORMAT_TABLE, .width = 15};
    g_autoptr(HptTable) table = hpt_table_new(&show, cols, 3);
    hpt_table_add(table, values);
    g_autofree char *note = NULL;
    g_autofree char *text = hpt_table_text(table, &note);
    g_assert_cmpstr(text, ==, " first  second\n     1       2\n");
    g_assert_cmpstr(note, ==, "no room for: third");
}

static void test_constant(void)
{
    g_autofree char *note = NULL;
    HptShow show = {.format = HPT_FORMAT_TABLE, .utf8 = true, .hide_constant = true};
    g_autofree char *out = draw(show, &note);
    g_assert_null(strstr(out, "kernel"));
    g_assert_cmpstr(note, ==, "same in all rows: kernel=rbf");
    /* one row: nothing varies, everything is shown */
    HptTable *table = hpt_table_new(&show, columns, N);
    hpt_table_add(table, rows[0]);
    g_autofree char *single = hpt_table_text(table, NULL);
    g_assert_nonnull(strstr(single, "kernel"));
    hpt_table_free(table);
}

static void test_expanded(void)
{
    g_autofree char *out = draw((HptShow){.format = HPT_FORMAT_TABLE, .expanded = true}, NULL);
    g_assert_true(g_str_has_prefix(out, "-[ 1 ]------------------\n"
                                        "trial    63\n"
                                        "acc      84.8148\n"
                                        "kernel   rbf\n"
                                        "gamma    -\n"
                                        "command  svm-train -q -t 0 heart_scale\n"
                                        "-[ 2 ]"));
}

/* No byte that a terminal acts on comes through, whatever the type of the column. */
static void test_hostile(void)
{
    const HptColumn evil[] = {{.name = "na\033]0;x\007me\n", .type = HPT_COLUMN_TEXT},
                              {.name = "n", .type = HPT_COLUMN_REAL},
                              {.name = "t", .type = HPT_COLUMN_TIME}};
    static const char *const values[] = {"\033[2Jx\r\n\t\x7f\xff\xc2\x9b m\xe2\x80\xae", "\033[0m",
                                         "\033]52;c;AA\007"};
    for (int expanded = 0; expanded < 2; expanded++) {
        GString *out = g_string_new(NULL);
        HptShow show = {.format = HPT_FORMAT_TABLE, .utf8 = true, .expanded = expanded};
        HptWriter *r = hpt_writer_new(&show, evil, 3, hpt_sink_string, out);
        g_assert_true(hpt_writer_add(r, values, NULL));
        g_assert_true(hpt_writer_end(r, NULL, NULL));
        hpt_writer_free(r);
        g_assert_true(g_utf8_validate(out->str, (gssize)out->len, NULL));
        for (const char *p = out->str; *p != '\0'; p = g_utf8_next_char(p)) {
            gunichar c = g_utf8_get_char(p);
            g_assert_true(c == '\n' ||
                          (c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0) && c != 0x202e));
        }
        g_string_free(out, TRUE);
    }
}

static void test_wide(void)
{
    const HptColumn cols[] = {{.name = "名前", .type = HPT_COLUMN_TEXT},
                              {.name = "x", .type = HPT_COLUMN_INT, .keep = true}};
    const char *first[] = {"日本語の長い名前です", "1"}, *second[] = {"e\u0301", "22"};
    HptShow show = {.format = HPT_FORMAT_TABLE, .utf8 = true, .width = 18};
    g_autoptr(HptTable) table = hpt_table_new(&show, cols, 2);
    hpt_table_add(table, first);
    hpt_table_add(table, second);
    g_autofree char *out = hpt_table_text(table, NULL);
    g_assert_cmpuint(widest_line(out), <=, 18);
    g_assert_nonnull(strstr(out, " 日本語の長い…   1\n"));
    g_assert_nonnull(strstr(out, " e\u0301              22\n"));
}

static void test_round(void)
{
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {
        {84.81481481481481, 6, "84.8148"},
        {0.00012, 6, "0.00012"},
        {1.5e-9, 6, "1.5e-9"},
        {0, 6, "0"},
        {-0.0, 6, "0"},
        {9.9999996, 6, "10"},
        {0.99999949, 6, "0.999999"},
        {123456789.6, 6, "123456790"},
        {-2.5, 1, "-3"},
        {2.5, 1, "3"},
        {1e21, 6, "1e+21"},
        {1.23456789e300, 6, "1.23457e+300"},
        {123456.5, 6, "123457"},
        {999999999999999.9, 6, "1e+15"},
        {0.1, 17, "0.1"},
        {1e-5, 6, "0.00001"},
        {1.23456789e-7, 3, "1.23e-7"},
        {100, 2, "100"},
        {0.05, 1, "0.05"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = hpt_number_round(cases[i].value, cases[i].digits);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
    g_autofree char *nan = hpt_number_round(__builtin_nan(""), 6);
    g_assert_cmpstr(nan, ==, "NaN");
    g_autofree char *inf = hpt_number_round(-__builtin_inf(), 6);
    g_assert_cmpstr(inf, ==, "-Infinity");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/plain", test_plain);
    g_test_add_func("/table/fits", test_fits);
    g_test_add_func("/table/equal-ranks", test_equal_ranks);
    g_test_add_func("/table/constant", test_constant);
    g_test_add_func("/table/expanded", test_expanded);
    g_test_add_func("/table/hostile", test_hostile);
    g_test_add_func("/table/wide", test_wide);
    g_test_add_func("/table/round", test_round);
    return g_test_run();
}
