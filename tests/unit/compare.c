/* Facts side by side: keys, verdicts, intervals, numbers in text, the first line that differs. */
#include "num/student.h"
#include "study/compare.h"

#include <math.h>
#include <string.h>

/* ---- sections and tolerances ---- */

static void test_sections(void)
{
    unsigned bits = 0;
    g_assert_true(hpt_sections_parse("params,env", &bits, NULL));
    g_assert_cmpuint(bits, ==, 1u << HPT_SECTION_PARAMETERS | 1u << HPT_SECTION_ENVIRONMENT);
    bits = 0;
    g_assert_true(hpt_sections_parse("files", &bits, NULL));
    g_assert_true(hpt_sections_parse("logs", &bits, NULL));
    g_assert_cmpuint(bits, ==, 1u << HPT_SECTION_ARTEFACTS | 1u << HPT_SECTION_STREAMS);
    static const char *const wrong[] = {"", "s", "metricks", "metrics,", "nothing at all"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        bits = 7;
        g_assert_false(hpt_sections_parse(wrong[i], &bits, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
        g_assert_cmpuint(bits, ==, 7);
    }
}

static void test_tolerances(void)
{
    HptTolerance t;
    g_assert_true(hpt_tolerance_parse("a=b=1e-3", &t, NULL));
    g_assert_cmpstr(t.name, ==, "a=b");
    g_assert_cmpfloat(t.absolute, ==, 1e-3);
    g_assert_cmpfloat(t.relative, ==, 0);
    g_assert_cmpint(hpt_compare_numbers(1, 1.0009, &t), ==, HPT_VERDICT_WITHIN);
    g_assert_cmpint(hpt_compare_numbers(1, 1.0011, &t), ==, HPT_VERDICT_DIFFERS);
    hpt_tolerance_clear(&t);
    g_assert_true(hpt_tolerance_parse("*=5%", &t, NULL));
    g_assert_cmpfloat(t.relative, ==, 0.05);
    g_assert_cmpint(hpt_compare_numbers(-100, -104, &t), ==, HPT_VERDICT_WITHIN);
    g_assert_cmpint(hpt_compare_numbers(-100, -106, &t), ==, HPT_VERDICT_DIFFERS);
    g_assert_cmpint(hpt_compare_numbers(1, (double)NAN, &t), ==, HPT_VERDICT_DIFFERS);
    g_assert_cmpint(hpt_compare_numbers((double)NAN, (double)NAN, NULL), ==, HPT_VERDICT_SAME);
    g_assert_cmpint(hpt_compare_numbers((double)INFINITY, (double)INFINITY, NULL), ==,
                    HPT_VERDICT_SAME);
    g_assert_cmpint(hpt_compare_numbers((double)INFINITY, -(double)INFINITY, &t), ==,
                    HPT_VERDICT_DIFFERS);
    hpt_tolerance_clear(&t);
    static const char *const wrong[] = {"acc", "=1", "acc=", "acc=-1", "acc=x", "acc=%", "acc=nan"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(hpt_tolerance_parse(wrong[i], &t, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
    }
}

/* ---- intervals ---- */

/* Two-sided 95 % points of Student's t, from any table. */
static void test_quantile(void)
{
    static const struct {
        int nu;
        double t;
    } table[] = {{1, 12.7062}, {2, 4.30265},  {4, 2.77645},
                 {9, 2.26216}, {30, 2.04227}, {120, 1.97993}};
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        g_assert_cmpfloat(fabs(hpt_student_quantile(0.025, table[i].nu) - table[i].t), <, 5e-5);
    g_assert_cmpfloat(hpt_student_quantile(0.5, 3), <, 1e-12);
}

static void test_interval(void)
{
    static const double d[] = {1, 2, 3, 4, 5};
    double low = 0, high = 0;
    g_assert_true(hpt_compare_interval(d, 5, 0, &low, &high));
    g_assert_cmpfloat(fabs(low - (3 - 2.776445105 * sqrt(0.5))), <, 1e-8);
    g_assert_cmpfloat(fabs(high - (3 + 2.776445105 * sqrt(0.5))), <, 1e-8);
    g_assert_true(hpt_compare_interval(d, 5, 0.25, &low, &high)); /* five folds of one split */
    g_assert_cmpfloat(fabs(high - (3 + 2.776445105 * sqrt(2.5 * 0.45))), <, 1e-8);
    static const double same[] = {0.1, 0.1, 0.1 + 1e-17};
    g_assert_false(hpt_compare_interval(same, 3, 0, &low, &high));
    g_assert_false(hpt_compare_interval(d, 1, 0, &low, &high));
}

/* ---- numbers in text ---- */

static void test_texts(void)
{
    static const struct {
        const char *a, *b;
        HptVerdict verdict;
    } cases[] = {
        {"loss 0.5\n", "loss 0.5\n", HPT_VERDICT_SAME},
        {"loss 0.50\n", "loss 5e-1\n", HPT_VERDICT_EQUAL},
        {"loss 0.5\r\n", "loss 0.5\n", HPT_VERDICT_EQUAL},
        {"a=+1,b=-.5", "a=1.0,b=-0.5", HPT_VERDICT_EQUAL},
        {"loss 0.5", "loss 0.5000001", HPT_VERDICT_WITHIN},
        {"loss 0.5", "loss 0.6", HPT_VERDICT_DIFFERS},
        {"v1.0", "v1.00", HPT_VERDICT_DIFFERS}, /* a name, not a number */
        {"x_1", "x_1.0", HPT_VERDICT_DIFFERS},
        {"1.0 ", "1", HPT_VERDICT_DIFFERS},
        {"", "1", HPT_VERDICT_DIFFERS},
        {"-", "+", HPT_VERDICT_DIFFERS},
        {"1e", "1.0e", HPT_VERDICT_EQUAL},
        {"1e999", "2e999", HPT_VERDICT_DIFFERS}, /* beyond a double: not known to be equal */
        {"nan", "NaN", HPT_VERDICT_DIFFERS},
        {"1 - 2", "1 -2", HPT_VERDICT_DIFFERS},
    };
    HptTolerance t = {.name = (char *)"*", .absolute = 1e-6};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("'%s' '%s'", cases[i].a, cases[i].b);
        g_assert_cmpint(
            hpt_compare_texts(cases[i].a, strlen(cases[i].a), cases[i].b, strlen(cases[i].b), &t),
            ==, cases[i].verdict);
        g_assert_cmpint(
            hpt_compare_texts(cases[i].b, strlen(cases[i].b), cases[i].a, strlen(cases[i].a), &t),
            ==, cases[i].verdict);
    }
    g_assert_false(hpt_compare_is_text("a\0b", 3));
    g_assert_false(hpt_compare_is_text("\xff", 1));
    g_assert_true(hpt_compare_is_text("\xc3\xa9\n", 3));
}

/* ---- side by side ---- */

static GPtrArray *compare(const HptFacts *a, const HptFacts *b, const HptCompareOptions *options)
{
    const HptFacts *operands[] = {a, b};
    GPtrArray *rows = hpt_compare(operands, 2, options, NULL);
    g_assert_nonnull(rows);
    return rows;
}

static const HptDifference *row_of(const GPtrArray *rows, const char *name)
{
    for (guint i = 0; i < rows->len; i++) {
        const HptDifference *row = rows->pdata[i];
        if (strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

static void test_rows(void)
{
    g_autoptr(HptFacts) a = hpt_facts_new("a", HPT_SECTIONS_TRIAL);
    g_autoptr(HptFacts) b = hpt_facts_new("b", HPT_SECTIONS_TRIAL);
    hpt_facts_add(a, HPT_SECTION_ENVIRONMENT, "os", "libc", "2.36");
    hpt_facts_add(b, HPT_SECTION_ENVIRONMENT, "os", "libc", "2.37");
    hpt_facts_add(a, HPT_SECTION_ENVIRONMENT, "host", "libc", "same name, other kind");
    hpt_facts_add(a, HPT_SECTION_COMMAND, "", "word 10", "x");
    hpt_facts_add(a, HPT_SECTION_COMMAND, "", "word 9", "y");
    hpt_facts_add(a, HPT_SECTION_COMMAND, "", HPT_FACT_LINE, "y x");
    hpt_facts_add(b, HPT_SECTION_COMMAND, "", "word 10", "y");
    hpt_facts_add(b, HPT_SECTION_COMMAND, "", "word 9", "z");
    hpt_facts_add(b, HPT_SECTION_COMMAND, "", HPT_FACT_LINE, "z y");
    hpt_facts_add_number(a, HPT_SECTION_PARAMETERS, "", "C", 1);
    hpt_facts_add_number(b, HPT_SECTION_PARAMETERS, "", "C", 1);
    hpt_facts_add_number(b, HPT_SECTION_PARAMETERS, "", "gamma", 2);
    g_assert_null(hpt_facts_add(b, HPT_SECTION_PARAMETERS, "", "none", NULL));
    hpt_facts_add_number(a, HPT_SECTION_USAGE, "", "seconds", 1);
    hpt_facts_add_number(b, HPT_SECTION_USAGE, "", "seconds", 2);
    hpt_facts_end(a);
    hpt_facts_end(b);
    HptCompareOptions options = {0};
    g_autoptr(GPtrArray) rows = compare(a, b, &options);
    static const char *const wanted[] = {"gamma", "word 9", "word 10", "libc", "libc"};
    g_assert_cmpuint(rows->len, ==, G_N_ELEMENTS(wanted));
    for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
        g_assert_cmpstr(((HptDifference *)rows->pdata[i])->name, ==, wanted[i]);
    const HptDifference *first = rows->pdata[0], *last = rows->pdata[4];
    g_assert_null(first->facts[0]);
    g_assert_cmpstr(first->facts[1]->value, ==, "2");
    g_assert_cmpstr(last->group, ==, "os");
    g_assert_cmpint(last->verdict, ==, HPT_VERDICT_DIFFERS);
    const HptFacts *operands[] = {a, b};
    g_assert_cmpuint(hpt_compare_count(operands, 2, HPT_SECTION_PARAMETERS), ==, 2);
    g_assert_cmpstr(hpt_facts_find(a, HPT_SECTION_ENVIRONMENT, "os", "libc")->value, ==, "2.36");
    g_assert_null(hpt_facts_find(a, HPT_SECTION_ENVIRONMENT, "os", "kernel"));
    options = (HptCompareOptions){.sections = 1u << HPT_SECTION_USAGE};
    g_autoptr(GPtrArray) usage = compare(a, b, &options);
    g_assert_cmpuint(usage->len, ==, 1);
    g_assert_cmpfloat(((HptDifference *)usage->pdata[0])->delta, ==, 1);
    options = (HptCompareOptions){.sections = 1u << HPT_SECTION_PARAMETERS, .all = true};
    g_autoptr(GPtrArray) all = compare(a, b, &options);
    g_assert_cmpuint(all->len, ==, 2);
    g_assert_cmpint(row_of(all, "C")->verdict, ==, HPT_VERDICT_SAME);
}

/* Commands that differ in length have no words that belong together. */
static void test_words(void)
{
    g_autoptr(HptFacts) a = hpt_facts_new("a", HPT_SECTIONS_TRIAL);
    g_autoptr(HptFacts) b = hpt_facts_new("b", HPT_SECTIONS_TRIAL);
    hpt_facts_add(a, HPT_SECTION_COMMAND, "", "word 0", "x");
    hpt_facts_add(a, HPT_SECTION_COMMAND, "", HPT_FACT_LINE, "x");
    hpt_facts_add(b, HPT_SECTION_COMMAND, "", "word 0", "x");
    hpt_facts_add(b, HPT_SECTION_COMMAND, "", "word 1", "y");
    hpt_facts_add(b, HPT_SECTION_COMMAND, "", HPT_FACT_LINE, "x y");
    hpt_facts_end(a);
    hpt_facts_end(b);
    HptCompareOptions options = {0};
    g_autoptr(GPtrArray) rows = compare(a, b, &options);
    g_assert_cmpuint(rows->len, ==, 1);
    g_assert_cmpstr(((HptDifference *)rows->pdata[0])->name, ==, HPT_FACT_LINE);
    const HptFacts *operands[] = {a, b};
    g_assert_cmpuint(hpt_compare_count(operands, 2, HPT_SECTION_COMMAND), ==, 1);
}

/* Three operands: the worst of any with the first. */
static void test_three(void)
{
    HptFacts *operands[3];
    static const double values[] = {1, 1.05, 2};
    for (size_t i = 0; i < 3; i++) {
        operands[i] = hpt_facts_new("x", HPT_SECTIONS_TRIAL);
        hpt_facts_add_number(operands[i], HPT_SECTION_METRICS, "", "acc", values[i]);
        hpt_facts_end(operands[i]);
    }
    HptTolerance t = {.name = (char *)"acc", .absolute = 0.1};
    HptCompareOptions options = {.tolerances = &t, .n_tolerances = 1};
    g_autoptr(GPtrArray) two = hpt_compare((const HptFacts *const *)operands, 2, &options, NULL);
    g_assert_cmpuint(two->len, ==, 0);
    g_autoptr(GPtrArray) three = hpt_compare((const HptFacts *const *)operands, 3, &options, NULL);
    g_assert_cmpuint(three->len, ==, 1);
    g_assert_false(((HptDifference *)three->pdata[0])->has_delta);
    for (size_t i = 0; i < 3; i++)
        hpt_facts_free(operands[i]);
}

static void add_folds(HptFacts *facts, int first, size_t n, const double *values)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    HptFact *fact = hpt_facts_add_number(facts, HPT_SECTION_METRICS, "", "acc", sum / (double)n);
    fact->parts = g_new0(HptPartValue, n);
    fact->n_parts = n;
    fact->folds = 5;
    for (size_t i = 0; i < n; i++)
        fact->parts[i] = (HptPartValue){.fold = first + (int)i, .value = values[i]};
    hpt_facts_end(facts);
}

static void test_folds(void)
{
    static const struct {
        int first;
        size_t n;
        double values[5];
        size_t pairs;
        bool interval;
        const char *note;
    } cases[] = {
        {0, 5, {11.1, 12.2, 13.1, 14.2, 15.1}, 5, true, NULL},
        {0, 5, {11, 12, 13, 14, 15}, 5, false, "the same difference in each evaluation"},
        {0, 5, {10.9, 11.2, 11.9, 13.2, 14}, 5, true, "not distinguishable"},
        {3, 2, {20, 21.5}, 2, true, NULL}, /* 3 and 4 are in both: 7 and 7.5, t of one degree */
        {4, 5, {1, 1, 1, 1, 1}, 1, false, "no evaluations in common"},
    };
    static const double base[] = {10, 11, 12, 13, 14};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(HptFacts) a = hpt_facts_new("a", HPT_SECTIONS_TRIAL);
        g_autoptr(HptFacts) b = hpt_facts_new("b", HPT_SECTIONS_TRIAL);
        add_folds(a, 0, 5, base);
        add_folds(b, cases[i].first, cases[i].n, cases[i].values);
        HptCompareOptions options = {0};
        g_autoptr(GPtrArray) rows = compare(a, b, &options);
        const HptDifference *row = row_of(rows, "acc");
        g_assert_nonnull(row);
        g_assert_cmpuint(row->pairs, ==, cases[i].pairs);
        g_assert_cmpint(row->has_interval, ==, cases[i].interval);
        g_assert_cmpstr(row->note, ==, cases[i].note);
        if (row->has_interval)
            g_assert_true(row->low < row->delta && row->delta < row->high);
    }
}

/* ---- files ---- */

static char *read_text(void *source, const HptObjectId *id, size_t *length, GError **error)
{
    (void)error;
    const char *text = source;
    g_assert_cmpint(id->size, ==, (int64_t)strlen(text));
    *length = strlen(text);
    return g_strdup(text);
}

static HptFacts *file_facts(const char *text, bool stored)
{
    HptFacts *facts = hpt_facts_new("x", HPT_SECTIONS_TRIAL);
    facts->read = read_text;
    facts->source = (void *)(uintptr_t)text;
    HptFact *fact = hpt_facts_add(facts, HPT_SECTION_STREAMS, "", "stdout", text);
    fact->is_file = true;
    fact->has_digest = true;
    fact->digest = hpt_digest(text, strlen(text));
    if (stored)
        fact->stored = (HptObjectId){fact->digest, (int64_t)strlen(text)};
    hpt_facts_end(facts);
    return facts;
}

static void test_files(void)
{
    g_autofree char *x = g_strnfill(300, 'x'), *long_a = g_strconcat("one\n", x, "A\n", NULL);
    g_autofree char *long_b = g_strconcat("one\n", x, "B\n", NULL);
    static const char tail[] = "…xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    g_autofree char *cut_a = g_strconcat(tail, "A", NULL), *cut_b = g_strconcat(tail, "B", NULL);
    const struct {
        const char *a, *b;
        size_t line;
        const char *line_a, *line_b;
        HptVerdict verdict;
        const char *note;
    } cases[] = {
        {"a\nb\n", "a\nc\n", 2, "b", "c", HPT_VERDICT_DIFFERS, NULL},
        {"a\n", "a\nb\n", 2, NULL, "b", HPT_VERDICT_DIFFERS, NULL},
        {"a\n", "a", 1, "a", "a (no newline at the end)", HPT_VERDICT_DIFFERS, NULL},
        {"a\n\033[31m\n", "a\n\n", 2, "\\x1b[31m", "", HPT_VERDICT_DIFFERS, NULL},
        {"v 1\n", "v 1.0\n", 1, "v 1", "v 1.0", HPT_VERDICT_EQUAL,
         "equal numbers, written in another way"},
        {"\xff"
         "12",
         "\xff"
         "13",
         0, NULL, NULL, HPT_VERDICT_DIFFERS, "not text; from byte 2 on"},
        {long_a, long_b, 2, cut_a, cut_b, HPT_VERDICT_DIFFERS, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(HptFacts) a = file_facts(cases[i].a, true), b = file_facts(cases[i].b, true);
        HptCompareOptions options = {0};
        g_autoptr(GPtrArray) rows = compare(a, b, &options);
        g_assert_cmpuint(rows->len, ==, 1);
        const HptDifference *row = rows->pdata[0];
        g_assert_cmpuint(row->line, ==, cases[i].line);
        g_assert_cmpint(row->verdict, ==, cases[i].verdict);
        g_assert_cmpstr(row->note, ==, cases[i].note);
        if (row->line == 0)
            continue;
        g_assert_cmpstr(row->lines[0], ==, cases[i].line_a);
        g_assert_cmpstr(row->lines[1], ==, cases[i].line_b);
    }
    g_autoptr(HptFacts) a = file_facts("a", false), b = file_facts("b", true),
                        c = file_facts("a", true);
    HptCompareOptions options = {0};
    g_autoptr(GPtrArray) rows = compare(a, b, &options);
    g_assert_cmpstr(((HptDifference *)rows->pdata[0])->note, ==, "not stored");
    g_autoptr(GPtrArray) same = compare(a, c, &options);
    g_assert_cmpuint(same->len, ==, 0);
    options.no_content = true;
    g_autoptr(GPtrArray) digests = compare(b, c, &options);
    g_assert_cmpuint(((HptDifference *)digests->pdata[0])->line, ==, 0);
}

/* Neither has a digest: the same size is no proof. */
static void test_unknown(void)
{
    g_autoptr(HptFacts) a = hpt_facts_new("a", HPT_SECTIONS_TRIAL),
                        b = hpt_facts_new("b", HPT_SECTIONS_TRIAL);
    HptFacts *both[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        HptFact *fact =
            hpt_facts_add(both[i], HPT_SECTION_ARTEFACTS, "", "model", "3 bytes, too large");
        fact->is_file = true;
        hpt_facts_end(both[i]);
    }
    HptCompareOptions options = {0};
    g_autoptr(GPtrArray) rows = compare(a, b, &options);
    g_assert_cmpuint(rows->len, ==, 1);
    g_assert_cmpint(((HptDifference *)rows->pdata[0])->verdict, ==, HPT_VERDICT_UNKNOWN);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/compare/sections", test_sections);
    g_test_add_func("/compare/tolerances", test_tolerances);
    g_test_add_func("/compare/quantile", test_quantile);
    g_test_add_func("/compare/interval", test_interval);
    g_test_add_func("/compare/texts", test_texts);
    g_test_add_func("/compare/rows", test_rows);
    g_test_add_func("/compare/words", test_words);
    g_test_add_func("/compare/three", test_three);
    g_test_add_func("/compare/folds", test_folds);
    g_test_add_func("/compare/files", test_files);
    g_test_add_func("/compare/unknown", test_unknown);
    return g_test_run();
}
