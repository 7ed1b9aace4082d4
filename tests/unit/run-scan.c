/* Metric texts, the ladder with its places, and the report grammar. */
#include "run/jsonscan.h"
#include "run/report.h"
#include "run/scan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static HptMetrics *metrics_of(const char *texts)
{
    HptMetrics *metrics = hpt_metrics_new();
    g_auto(GStrv) all = g_strsplit(texts, " ; ", -1);
    for (size_t i = 0; *texts != '\0' && all[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;
        bool ok = hpt_metrics_add(metrics, all[i], &error);
        g_assert_no_error(error);
        g_assert_true(ok);
    }
    return metrics;
}

static void check_spec(const char *text, const char *canonical)
{
    g_autoptr(HptMetrics) metrics = metrics_of(text);
    g_assert_cmpstr(hpt_metrics_get(metrics, 0)->canonical, ==, canonical);
    /* The canonical text means the same. */
    g_autoptr(HptMetrics) again = metrics_of(canonical);
    g_assert_cmpstr(hpt_metrics_get(again, 0)->canonical, ==, canonical);
}

static void check_bad_spec(const char *text, const char *want)
{
    g_autoptr(HptMetrics) metrics = hpt_metrics_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_metrics_add(metrics, text, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
    g_autofree char *all = g_strdup_printf("metric '%s': %s", text, want);
    g_assert_cmpstr(error->message, ==, all);
    g_assert_cmpuint(hpt_metrics_size(metrics), ==, 0);
}

static void test_spec(void)
{
    check_spec("loss", "loss:min:auto");
    check_spec("acc:max", "acc:max:auto");
    check_spec("size:track:file=out/m.json#/a/b", "size:track:file=out/m.json#/a/b");
    check_spec("size:file=out/../..m.json", "size:min:file=out/../..m.json");
    check_spec("size:file=/srv/../m.json", "size:min:file=/srv/../m.json");
    check_spec("t:time", "t:min:time");
    check_spec("ms:le=10", "ms:le=10:auto");
    check_spec("r:ge=-0.50:exit", "r:ge=-0.5:exit");
    check_spec("acc:max:re=Acc: ([0-9.]+)%", "acc:max:re=Acc: ([0-9.]+)%");
    check_spec("acc:re.max=(a):b", "acc:min:re.max=(a):b");
    check_spec("acc:max:re.mean=([0-9]+) ([0-9.]+)", "acc:max:re.mean=([0-9]+) ([0-9.]+)");
    check_spec("a/b.c:max:json=/x~1y/0", "a/b.c:max:json=/x~1y/0");
    check_spec("m:maxrss", "m:min:maxrss");
    check_spec("m:cpu", "m:min:cpu");
}

static void test_bad_spec(void)
{
    check_bad_spec("", "the name is missing");
    check_bad_spec("1acc", "'1acc' is not a name: a letter or '_', then letters, digits and "
                           "_ . / @ % + -, at most 200");
    check_bad_spec("acc:maxx", "unknown direction or source 'maxx'; did you mean 'max'?");
    check_bad_spec("acc:max:tiem", "unknown source 'tiem'; did you mean 'time'?");
    check_bad_spec("acc:le", "'le' needs a bound, as in le=0.5");
    check_bad_spec("acc:le=x", "the bound in 'le=x' is not a number");
    check_bad_spec("acc:le=1e999", "the bound in 'le=1e999' is not a finite number");
    check_bad_spec("acc:re=", "'re=' needs a regular expression");
    check_bad_spec("acc:re=(", "regular expression '(': Unmatched ( or \\(");
    check_bad_spec("acc:re=x", "regular expression 'x' has 0 groups; it takes one (the value) or "
                               "two (step and value)\nhint: put ( ) around the number, as in "
                               "'loss=([0-9.]+)'");
    check_bad_spec("acc:re.mid=(x)",
                   "unknown source 're.mid='; one of re= re.first= re.min= re.max= re.mean=");
    check_bad_spec("acc:json=a/b",
                   "JSON pointer 'a/b' does not begin with '/'; did you mean '/a/b'?");
    check_bad_spec("acc:json=/a~b", "JSON pointer '/a~b': '~' is written ~0");
    check_bad_spec("acc:file=", "'file=' needs a path");
    check_bad_spec("acc:file=../x.json#/a", "file '../x.json' is outside the trial's folder\n"
                                            "hint: a path elsewhere is written in full, from '/'");
    check_bad_spec("acc:file=a/./../../x", "file 'a/./../../x' is outside the trial's folder\n"
                                           "hint: a path elsewhere is written in full, from '/'");
    g_autoptr(HptMetrics) twice = metrics_of("acc:max");
    g_autoptr(GError) error = NULL;
    g_assert_false(hpt_metrics_add(twice, "acc", &error));
    g_assert_cmpstr(error->message, ==, "metric 'acc': 'acc' is declared twice");
}

/* ---- the ladder ---- */

typedef struct {
    HptMetrics *metrics;
    HptScan *scan;
    HptReport *report;
    GString *points; /* "NAME STEP RULE;" */
    const HptScanned *result;
    const char *out;
} Fixture;

static void note_point(const HptPoint *point, void *user)
{
    Fixture *f = user;
    g_string_append_printf(f->points, "%s %d %s;", point->name, (int)point->step,
                           hpt_rule_name(point->rule));
}

static void begin(Fixture *f, const char *specs)
{
    *f = (Fixture){.metrics = metrics_of(specs), .points = g_string_new(NULL)};
    f->scan = hpt_scan_new(f->metrics, note_point, f);
    f->report = hpt_report_new(f->scan);
}

/* Feeds out in pieces of every length up to that of piece. */
static void end(Fixture *f, const char *out, size_t length, size_t piece)
{
    static const HptEnd ended = {.status = 3,
                                 .wall_us = 1500000,
                                 .user_us = 200000,
                                 .system_us = 50000,
                                 .maxrss_bytes = 4096};
    f->out = out;
    for (size_t at = 0; at < length; at += piece)
        hpt_scan_stdout(f->scan, out + at, MIN(piece, length - at));
    (void)hpt_report_end(f->report);
    f->result = hpt_scan_end(f->scan, &ended, out, length, -1);
}

static void clear(Fixture *f)
{
    hpt_report_free(f->report);
    hpt_scan_free(f->scan);
    hpt_metrics_free(f->metrics);
    g_string_free(f->points, TRUE);
}

static const HptFound *get(const Fixture *f, const char *name)
{
    for (size_t i = 0; i < f->result->n; i++)
        if (strcmp(f->result->found[i].name, name) == 0)
            return &f->result->found[i];
    return NULL;
}

/* The value, the rule, and that the place says the text of the number. */
static void check_found(const Fixture *f, const char *name, double value, HptRule rule,
                        const char *text)
{
    const HptFound *found = get(f, name);
    g_assert_nonnull(found);
    g_assert_true(found->found);
    g_assert_cmpfloat(found->value, ==, value);
    g_assert_cmpstr(hpt_rule_name(found->rule), ==, hpt_rule_name(rule));
    if (found->place == HPT_PLACE_STDOUT) {
        g_autofree char *there = g_strndup(f->out + found->offset, (size_t)found->length);
        g_assert_cmpstr(there, ==, text);
    }
}

static void check_one(const char *specs, const char *out, const char *name, double value,
                      HptRule rule, const char *text)
{
    size_t length = strlen(out);
    for (size_t piece = 1; piece <= length + 1; piece++) {
        Fixture f;
        begin(&f, specs);
        end(&f, out, length, piece);
        check_found(&f, name, value, rule, text);
        g_assert_cmpstr(f.result->problem, ==, NULL);
        clear(&f);
    }
}

static void test_ladder(void)
{
    check_one("acc:max", "x\n{\"acc\": 0.75, \"n\": 3}\n\n", "acc", 0.75, HPT_RULE_JSON, "0.75");
    check_one("a.b", "{\"a\":{\"b\":1e-3}}", "a.b", 1e-3, HPT_RULE_JSON, "1e-3");
    check_one("ok", "{\"ok\":true}\n", "ok", 1, HPT_RULE_JSON, "true");
    check_one("acc", "junk\nacc=0.5 loss=2\n", "acc", 0.5, HPT_RULE_WORDS, "0.5");
    check_one("acc", "acc: 0.5\nbye\n", "acc", 0.5, HPT_RULE_TEXT, "0.5");
    check_one("acc", "acc: 0.4\nacc: 0.5\nbye\n", "acc", 0.5, HPT_RULE_TEXT, "0.5");
    check_one("Accuracy", "Cross Validation Accuracy = 84.4444%\n", "Accuracy", 84.4444,
              HPT_RULE_TEXT, "84.4444");
    check_one("loss", "1s - loss: 0.25 - acc: 0.5\n", "loss", 0.25, HPT_RULE_TEXT, "0.25");
    check_one("test-rmse", "[3]\ttest-rmse:0.125\n", "test-rmse", 0.125, HPT_RULE_TEXT, "0.125");
    check_one("loss", "10%\rloss: 0.5\r100%\rloss: 0.25\n", "loss", 0.25, HPT_RULE_TEXT, "0.25");
    check_one("x", "so it ends.\n 0.125 \n\n", "x", 0.125, HPT_RULE_NUMBER, "0.125");
    check_one("t:time ; x", "7\n", "x", 7, HPT_RULE_NUMBER, "7");
    /* A lower rule still serves a declared name that the higher one does not have. */
    check_one("loss", "loss: 0.5\n{\"acc\":1}\n", "loss", 0.5, HPT_RULE_TEXT, "0.5");
    check_one("acc:re=Acc ([0-9.]+)", "Acc 0.5\nAcc 0.75\n", "acc", 0.75, HPT_RULE_RE, "0.75");
    check_one("acc:re.first=([0-9.]+)", "0.5 0.7\n0.2\n", "acc", 0.5, HPT_RULE_RE, "0.5");
    check_one("acc:re.max=([0-9.]+)", "0.5 0.7\n0.2\n", "acc", 0.7, HPT_RULE_RE, "0.7");
    check_one("acc:re.min=([0-9.]+)", "0.5 0.7\n0.2\n", "acc", 0.2, HPT_RULE_RE, "0.2");
    check_one("acc:re.mean=^([0-9.]+)", "1\n2\n6\n", "acc", 3, HPT_RULE_RE, "6");
    check_one("acc:json=/a/1", "{\"a\":[1,\n 2.5]}\n", "acc", 2.5, HPT_RULE_JSON, "2.5");
    check_one("acc:json=/a", "log\n{\"a\":2}\n", "acc", 2, HPT_RULE_JSON, "2");
}

static void test_measured(void)
{
    Fixture f;
    begin(&f, "t:time ; c:track:cpu ; m:maxrss ; e:exit");
    end(&f, "", 0, 1);
    check_found(&f, "t", 1.5, HPT_RULE_MEASURED, "");
    check_found(&f, "c", 0.25, HPT_RULE_MEASURED, "");
    check_found(&f, "m", 4096, HPT_RULE_MEASURED, "");
    check_found(&f, "e", 3, HPT_RULE_MEASURED, "");
    clear(&f);
}

static void test_undeclared(void)
{
    static const char out[] = "epoch: 3\n{\"acc\":0.5,\"z\":1,\"b\":{\"c\":2},\"s\":\"x\"}\n";
    Fixture f;
    begin(&f, "acc:max");
    end(&f, out, strlen(out), 7);
    g_assert_cmpuint(f.result->n, ==, 3); /* the last line was found first: no epoch */
    g_assert_cmpstr(f.result->found[0].name, ==, "acc");
    g_assert_cmpstr(f.result->found[1].name, ==, "b.c");
    g_assert_cmpstr(f.result->found[2].name, ==, "z");
    g_assert_null(f.result->found[2].metric);
    clear(&f);
    /* Never more than the limit; what is too much is counted. */
    begin(&f, "acc");
    g_autoptr(GString) many = g_string_new("acc: 1\n");
    for (int i = 0; i < HPT_SCAN_NAMES_MAX + 5; i++)
        g_string_append_printf(many, "m%d: %d\n", i, i);
    g_string_append(many, "acc: 2\nend\n");
    end(&f, many->str, many->len, 4096);
    g_assert_cmpuint(f.result->n, ==, HPT_SCAN_NAMES_MAX + 1);
    g_assert_cmpint(f.result->names_dropped, ==, 5);
    check_found(&f, "acc", 2, HPT_RULE_TEXT, "2");
    clear(&f);
}

static void check_problem(const char *specs, const char *out, const char *want)
{
    Fixture f;
    begin(&f, specs);
    end(&f, out, strlen(out), 5);
    g_assert_cmpstr(f.result->problem, ==, want);
    clear(&f);
}

static void test_problems(void)
{
    check_problem("acc", "",
                  "no value for 'acc': no report, and nothing like 'acc: 0.5' or "
                  "'acc=0.5' in the output; the command printed nothing");
    check_problem("acc", "hello\n",
                  "no value for 'acc': no report, and nothing like 'acc: 0.5' or "
                  "'acc=0.5' in the output");
    check_problem("acc", "acc: nan\n", "'acc' is not a number (NaN)");
    check_problem("acc", "{\"acc\": NaN}\n", "'acc' is not a number (NaN)");
    check_problem("acc", "{\"acc\": -Infinity}\n", "'acc' is infinite");
    check_problem("acc", "acc=1e999\n", "'acc' is infinite");
    check_problem("acc:track", "acc: nan\n", NULL);
    check_problem("acc:track", "", NULL);
    check_problem("acc:le=3", "x\n",
                  "no value for 'acc': no report, and nothing like 'acc: 0.5' or "
                  "'acc=0.5' in the output");
    check_problem("acc:re=A([0-9])", "B\n",
                  "no value for 'acc': 'A([0-9])' matches no number in "
                  "the output");
    check_problem("acc:json=/a", "{\"b\":1}\n",
                  "no value for 'acc': the output has no JSON with a number at '/a'");
    check_problem("acc:file=m.json#/a", "x",
                  "no value for 'acc': file 'm.json' at /a: No such file or directory");
    check_problem("acc:re.max=(nan|[0-9]+)", "1 nan 2\n", "'acc' is not a number (NaN)");
}

static void test_points(void)
{
    static const char out[] = "loss: 0.5 (step 1)\nloss: 0.25 (step 2)\n#3 acc 0.5\n#4 acc 1\n";
    Fixture f;
    begin(&f, "loss ; acc:max:re=#([0-9]+) acc ([0-9.]+)");
    end(&f, out, strlen(out), 3);
    g_assert_cmpstr(f.points->str, ==, "loss 1 text;loss 2 text;acc 3 re;acc 4 re;");
    g_assert_cmpint(f.result->points, ==, 4);
    g_assert_cmpint(get(&f, "acc")->step, ==, 4);
    clear(&f);
}

/* Text that nobody can read as a metric, and what must not be mistaken for one. */
/* A comma that may belong to the number: neither 1 nor anything else is found. */
static void test_decimal_comma(void)
{
    static const char *const none[] = {"loss: 1,5\n",           "loss: 1,234\nx\n",
                                       "loss = 0,5 (step 3)\n", "loss=1,5\n",
                                       "loss=1,234,567\n",      "1,5\n",
                                       "acc=1 loss=2,5\n"};
    for (size_t i = 0; i < G_N_ELEMENTS(none); i++) {
        Fixture f;
        begin(&f, "loss:track");
        end(&f, none[i], strlen(none[i]), 3);
        const HptFound *found = get(&f, "loss");
        g_assert_false(found != NULL && found->found);
        clear(&f);
    }
    check_one("loss", "loss: 1.5, acc: 2\n", "loss", 1.5, HPT_RULE_TEXT, "1.5");
    check_one("loss", "loss: 1.5,acc: 2\n", "loss", 1.5, HPT_RULE_TEXT, "1.5");
    check_one("loss", "epoch 1, loss: 1.5,\n", "loss", 1.5, HPT_RULE_TEXT, "1.5");
    check_one("loss", "loss=1.5,acc=2\n", "loss", 1.5, HPT_RULE_WORDS, "1.5");
}

static void test_not_metrics(void)
{
    static const char out[] = "http://host:80/x\n12:30:45\na==5\nx >= 3\nfile.c:12: error\n"
                              "--lr=0.1\nname: value\nC:\\dir\n:5\n=5\nversion: 1.2.3\nk=\n";
    Fixture f;
    begin(&f, "acc:track");
    end(&f, out, strlen(out), 11);
    g_assert_cmpuint(f.result->n, ==, 1);
    clear(&f);
}

static void test_long_and_binary(void)
{
    Fixture f;
    begin(&f, "acc ; b:track:re=b([0-9])");
    g_autoptr(GString) out = g_string_new(NULL);
    for (int i = 0; i < 200000; i++)
        g_string_append_c(out, (char)(i % 251));
    for (int i = 0; i < 200000; i++)
        g_string_append_c(out, 'x');
    g_string_append(out, " acc: 0.5\n");               /* beyond the line's 64 KiB: not seen */
    g_string_append_len(out, "\0\0b7 acc: 2\0\n", 13); /* NUL bytes are bytes */
    end(&f, out->str, out->len, 1000);
    check_found(&f, "acc", 2, HPT_RULE_TEXT, "2");
    check_found(&f, "b", 7, HPT_RULE_RE, "7");
    clear(&f);
}

/* ---- reports ---- */

static void check_report(const char *lines, const char *points, const char *bad, double loss)
{
    for (size_t piece = 1; piece < 40; piece += 3) {
        Fixture f;
        begin(&f, "loss");
        for (size_t at = 0, n = strlen(lines); at < n; at += piece)
            hpt_report_add(f.report, lines + at, MIN(piece, n - at));
        const HptReported *reported = hpt_report_end(f.report);
        g_autofree char *events = g_strjoinv("\n", reported->events);
        g_assert_cmpstr(events, ==, bad);
        end(&f, "loss: 99\n", 9, 9);
        g_assert_cmpstr(f.points->str, ==, points);
        if (!isnan(loss))
            check_found(&f, "loss", loss, HPT_RULE_REPORT, "");
        clear(&f);
    }
}

static void test_reports(void)
{
    check_report("{\"metrics\":{\"loss\":0.25},\"step\":3}\n{\"step\":4,\"metrics\":{\"loss\":2,"
                 "\"v\":{\"a\":1}}}\n",
                 "loss 3 report;loss 4 report;v.a 4 report;", "", 2);
    check_report("{\"metrics\":{\"loss\":1}}\n\n \n{\"metrics\":{\"loss\":9}} x\n", "",
                 "line 2: something after the JSON value: {\"metrics\":{\"loss\":9}} x", 1);
    check_report("{\"metrics\":{\"loss\":1}}\nfoo\n[1]\n{}\n{\"metrics\":{\"a b\":1}}\n"
                 "{\"metrics\":{\"a\":\"1\"}}\n{\"metrics\":{},\"step\":1.5}\n{\"metric\":{}}\n",
                 "",
                 "line 2: not a JSON value: foo\n"
                 "line 3: not a JSON object: [1]\n"
                 "line 4: neither 'metrics' nor 'fail': {}\n"
                 "line 5: 'a b' is not a metric's name: {\"metrics\":{\"a b\":1}}\n"
                 "line 6: metric 'a' is not a number: {\"metrics\":{\"a\":\"1\"}}\n"
                 "line 7: 'step' is not a whole number: {\"metrics\":{},\"step\":1.5}\n"
                 "line 8: unknown member 'metric': {\"metric\":{}}",
                 1);
    check_report("{\"metrics\":{\"loss\":1}}\n\x1b[2J\n{\"metrics\":{\"loss\":5}}", "",
                 "line 2: not a JSON value: \\x1b[2J", 1);
}

static void test_report_limits(void)
{
    Fixture f;
    begin(&f, "loss");
    g_autoptr(GString) deep = g_string_new("{\"metrics\":");
    for (int i = 0; i < 10000; i++)
        g_string_append(deep, "{\"a\":");
    hpt_report_add(f.report, deep->str, deep->len);
    hpt_report_add(f.report, "\n", 1);
    g_autofree char *big = g_strnfill(1 << 20, 'x');
    hpt_report_add(f.report, big, 1 << 20);
    hpt_report_add(f.report, "\n", 1);
    g_autoptr(GString) exact = g_string_new("{\"metrics\":{\"loss\":4}}");
    while (exact->len < HPT_REPORT_LINE_MAX)
        g_string_append_c(exact, ' ');
    hpt_report_add(f.report, exact->str, exact->len); /* exactly as long as a line may be */
    hpt_report_add(f.report, "\n", 1);
    g_string_append_c(exact, ' ');
    hpt_report_add(f.report, exact->str, exact->len);
    hpt_report_add(f.report, "\n", 1);
    hpt_report_add(f.report, "{\"metrics\":{\"loss\":1e400}}\n", 27);
    hpt_report_add(f.report, "{\"metrics\":{\"loss\"", 18);
    const HptReported *reported = hpt_report_end(f.report);
    g_assert_cmpint(reported->lines, ==, 2);
    g_assert_cmpint(reported->bad_lines, ==, 3);
    g_assert_cmpint(reported->cut_bytes, ==, 18);
    g_assert_cmpuint(g_strv_length(reported->events), ==, 3);
    g_assert_true(
        g_str_has_prefix(reported->events[0], "line 1: nested too deep: {\"metrics\":{\"a\":"));
    g_assert_true(g_str_has_prefix(reported->events[1], "line 2: longer than 64 KiB: xxx"));
    end(&f, "", 0, 1);
    g_assert_cmpstr(f.result->problem, ==, "'loss' is infinite");
    clear(&f);
}

static void test_point_limit(void)
{
    Fixture f;
    begin(&f, "loss");
    HptScan *scan = hpt_scan_new(f.metrics, NULL, NULL);
    for (int64_t step = 0; step < HPT_SCAN_POINTS_MAX + 10; step++)
        hpt_scan_report(scan, "loss", &step, 0.5, 0, 1);
    HptEnd ended = {0};
    const HptScanned *result = hpt_scan_end(scan, &ended, NULL, 0, -1);
    g_assert_cmpint(result->points, ==, HPT_SCAN_POINTS_MAX);
    g_assert_cmpint(result->points_dropped, ==, 10);
    g_assert_cmpint(result->found[0].count, ==, HPT_SCAN_POINTS_MAX + 10);
    hpt_scan_free(scan);
    clear(&f);
}

static void test_fail_report(void)
{
    Fixture f;
    begin(&f, "loss");
    static const char lines[] = "{\"fail\":\"no \\u001b data\"}\n{\"fail\":\"later\"}\n";
    hpt_report_add(f.report, lines, strlen(lines));
    g_assert_true(hpt_scan_has_failed(f.scan));
    end(&f, "loss: 1\n", 8, 8);
    g_assert_cmpstr(f.result->problem, ==, "no \x1b data");
    clear(&f);
}

static bool ignore_leaf(const HptLeaf *leaf, void *user)
{
    (void)leaf;
    (void)user;
    return true;
}

static void test_json(void)
{
    static const char *const good[] = {
        "1",     "-0",  "[]",        "{}",      " {\"a\\u00e9\\ud83d\\ude00\":[1,2]} ",
        "\"x\"", "NaN", "-Infinity", "1.5E+10", "true",
        "null"};
    static const char *const bad[] = {"",         "01",       "+1",          ".5",
                                      "1.",       "1e",       "{",           "{\"a\"}",
                                      "{a:1}",    "[1,]",     "{\"a\":1,}",  "\"\\ud800\"",
                                      "\"\x01\"", "\"\xff\"", "\"\\u0000\"", "\"\\x\"",
                                      "nan",      "1 2",      "tru",         "\"a"};
    const char *reason;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(hpt_json_scan(good[i], strlen(good[i]), ignore_leaf, NULL, &reason));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        reason = NULL;
        g_assert_false(hpt_json_scan(bad[i], strlen(bad[i]), ignore_leaf, NULL, &reason));
        g_assert_nonnull(reason);
    }
    g_autofree char *name = hpt_json_path_name("/metrics/a~1b/c~0d/0", "/metrics");
    g_assert_cmpstr(name, ==, "a/b.c~d.0");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metric/spec", test_spec);
    g_test_add_func("/metric/bad-spec", test_bad_spec);
    g_test_add_func("/scan/ladder", test_ladder);
    g_test_add_func("/scan/measured", test_measured);
    g_test_add_func("/scan/undeclared", test_undeclared);
    g_test_add_func("/scan/problems", test_problems);
    g_test_add_func("/scan/points", test_points);
    g_test_add_func("/scan/decimal-comma", test_decimal_comma);
    g_test_add_func("/scan/not-metrics", test_not_metrics);
    g_test_add_func("/scan/long-and-binary", test_long_and_binary);
    g_test_add_func("/report/lines", test_reports);
    g_test_add_func("/report/limits", test_report_limits);
    g_test_add_func("/report/points-max", test_point_limit);
    g_test_add_func("/report/fail", test_fail_report);
    g_test_add_func("/report/json", test_json);
    return g_test_run();
}
