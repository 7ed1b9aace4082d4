/* The command template: forms, refusals, expansion, and values that would like to be code. */
#include "run/template.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {"C", "gamma", "kernel", "degree", NULL};
static const bool conditional[] = {false, true, false, true};

typedef struct {
    const char *name, *value;
} Pair;

static const char *look_up(const char *name, void *user)
{
    for (const Pair *pair = user; pair->name != NULL; pair++)
        if (strcmp(pair->name, name) == 0)
            return pair->value;
    return NULL;
}

static HptTemplateRules rules(void)
{
    return (HptTemplateRules){.names = names, .conditional = conditional, .allow_unused = true};
}

/* Parses the words (blank-free, joined by "|") and expands them to the same form. */
static char *expand(const char *text, const Pair *values, const HptTemplateRules *with,
                    GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, "|", -1);
    g_autoptr(HptTemplate) template = hpt_template_parse((const char *const *)words, with, error);
    if (template == NULL)
        return NULL;
    g_auto(GStrv) argv = hpt_template_expand(template, look_up, (void *)values, error);
    return argv != NULL ? g_strjoinv("|", argv) : NULL;
}

static void check(const char *text, const Pair *values, const char *want)
{
    g_autoptr(GError) error = NULL;
    HptTemplateRules with = rules();
    g_autofree char *got = expand(text, values, &with, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(got, ==, want);
}

static void check_refused(const char *text, const HptTemplateRules *with, const char *want)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *got = expand(text, (Pair[]){{NULL, NULL}}, with, &error);
    g_assert_null(got);
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
    g_assert_cmpstr(error->message, ==, want);
}

static const Pair active[] = {{"C", "0.5"},          {"gamma", "1e-3"},   {"kernel", "rbf"},
                              {"degree", "3"},       {"hpt.trial", "17"}, {"hpt.dir", "/t/17"},
                              {"hpt.seed", "12345"}, {NULL, NULL}};
static const Pair inactive[] = {{"C", "0.5"}, {"kernel", "linear"}, {NULL, NULL}};

static void test_forms(void)
{
    check("svm|-c|{C}|{-g gamma}|{-d degree}", active, "svm|-c|0.5|-g|1e-3|-d|3");
    check("svm|-c|{C}|{-g gamma}|{-d degree}", inactive, "svm|-c|0.5");
    check("svm|{--gamma= gamma}|x", active, "svm|--gamma=1e-3|x");
    check("svm|{--gamma= gamma}|x", inactive, "svm|x");
    check("svm|{gamma= gamma}", active, "svm|gamma=1e-3");
    check("svm|--g={gamma:-auto}|{gamma:-}", active, "svm|--g=1e-3|1e-3");
    check("svm|--g={gamma:-auto}|{gamma:-}", inactive, "svm|--g=auto|");
    check("{kernel}/{kernel}-{C}", active, "rbf/rbf-0.5");
    check("t|{hpt.trial}|{hpt.dir}/x|{hpt.seed}", active, "t|17|/t/17/x|12345");
    check("t||x", active, "t||x");
}

static void test_literal_braces(void)
{
    check("awk|{print $1}|{}|{a,b}|{1..5}", active, "awk|{print $1}|{}|{a,b}|{1..5}");
    check("x{{C}}y", active, "x{C}y");
    check("{{{C}}}", active, "{0.5}");
    check("{\"a\":{\"b\":{C}}}", active, "{\"a\":{\"b\":0.5}}");
    check("{{\"C\":{C}}}", active, "{\"C\":0.5}");
    check("awk|{if(x){{print}}}", active, "awk|{if(x){print}}");
    check("awk|{if(x){print $1}}", active, "awk|{if(x){print $1}}");
    check("jq|{a:.b}", active, "jq|{a:.b}");
    check("sh|-c|echo ${HOME} ${x:-y}", active, "sh|-c|echo ${HOME} ${x:-y}");
    check("a}b|{|}|{x y}|{C", active, "a}b|{|}|{x y}|{C");
    check("find|-exec|{}|+", active, "find|-exec|{}|+");
}

static void test_refusals(void)
{
    HptTemplateRules with = rules();
    check_refused("t|{C}|{kernal}", &with,
                  "argument 3 '{kernal}': unknown placeholder {kernal}; did you mean {kernel}? "
                  "Write {{kernal}} for literal braces");
    check_refused("t|{zzz}", &with,
                  "argument 2 '{zzz}': unknown placeholder {zzz}: no such parameter. Write {{zzz}} "
                  "for literal braces");
    check_refused("t|-g|{gamma}", &with,
                  "argument 3 '{gamma}': {gamma} is not always active and would leave an option "
                  "without its value; write '{-g gamma}' or '{--gamma= gamma}'");
    check_refused("t|-g{gamma}", &with,
                  "argument 2 '-g{gamma}': {gamma} is not always active; write '{TEXT= gamma}' as "
                  "a word of its own, or {gamma:-TEXT}");
    check_refused("t|x{-g gamma}", &with,
                  "argument 2 'x{-g gamma}': {-g gamma} must be a word of its own");
    check_refused("t|{-g gama}", &with,
                  "argument 2 '{-g gama}': unknown placeholder {gama}; did you mean {gamma}? Write "
                  "{{gama}} for literal braces");
    check_refused(
        "t|{hpt.sed}", &with,
        "argument 2 '{hpt.sed}': unknown placeholder {hpt.sed}; did you mean {hpt.seed}?");
    check_refused("t|{hpt.foo}", &with, /* and not hpt.fold, which no study has */
                  "argument 2 '{hpt.foo}': unknown placeholder {hpt.foo}; one of hpt.trial "
                  "hpt.seed hpt.dir hpt.params hpt.slot");
    check_refused("t|{hpt.fold}", &with,
                  "argument 2 '{hpt.fold}': {hpt.fold} in a study without "
                  "--folds");
    check_refused("t|{hpt.budget}", &with,
                  "argument 2 '{hpt.budget}': {hpt.budget} in a study without --budget");
    check_refused("t|{hpt.resume}", &with,
                  "argument 2 '{hpt.resume}': {hpt.resume} in a study without --budget");
    check_refused("t|{hpt.repeat}", &with,
                  "argument 2 '{hpt.repeat}': {hpt.repeat} in a study without --repeats");
    check_refused("t|{hpt.split}", &with,
                  "argument 2 '{hpt.split}': {hpt.split} in a study without --folds or --repeats");
    check_refused("t|${C}", &with,
                  "argument 2 '${C}': ${C} may mean the shell's variable or the parameter; write "
                  "$C or {C}");
    check_refused("t|\xff", &with,
                  "argument 2 '\\xff': not UTF-8; the record of a command is text");
    check_refused("", &with, "the command is missing");
    with.folds = with.budget = true;
    check_refused("t|{hpt.resume}", &with,
                  "argument 2 '{hpt.resume}': {hpt.resume} is not always active and would leave an "
                  "option without its value; write '{-r hpt.resume}' or '{--resume= hpt.resume}'");
    g_autofree char *ok =
        expand("t|{hpt.fold}", (Pair[]){{"hpt.fold", "2"}, {NULL, NULL}}, &with, NULL);
    g_assert_cmpstr(ok, ==, "t|2");
}

static void test_unused(void)
{
    static const bool constant[] = {false, false, true, false};
    HptTemplateRules with = rules();
    with.allow_unused = false;
    with.constant = constant;
    check_refused("t|{C}|{-g gamma}", &with,
                  "parameter 'degree' is never used: no {degree} in the command; read "
                  "HPT_PARAM_degree or add --allow-unused");
    static const char *const used[] = {"t|{C}|{-g gamma}|$HPT_PARAM_degree", "t|{C}|{hpt.params}",
                                       "t|{C}|x $HPT_PARAMS", "t|{C}|{-g gamma}|{-d degree}", "t"};
    for (size_t i = 0; i < G_N_ELEMENTS(used); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) words = g_strsplit(used[i], "|", -1);
        g_autoptr(HptTemplate) template =
            hpt_template_parse((const char *const *)words, &with, &error);
        g_assert_no_error(error);
        g_assert_true((hpt_template_get_note(template) != NULL) == (i == 4));
    }
    check_refused("t|{C}|{-g gamma}|$HPT_PARAM_degree2", &with,
                  "parameter 'degree' is never used: no {degree} in the command; read "
                  "HPT_PARAM_degree or add --allow-unused");
}

/* Values are data: never a further word, never an option that hpt made. */
static void test_hostile_values(void)
{
    static const char *const payloads[] = {"a;touch x", "$(touch x)", "`touch x`", "a b",
                                           "'",         "\"",         "{C}",       "-O3",
                                           "-1.5",      "",           "\n",        "\\"};
    HptTemplateRules with = rules();
    for (size_t i = 0; i < G_N_ELEMENTS(payloads); i++) {
        Pair values[] = {{"kernel", payloads[i]}, {NULL, NULL}};
        g_autofree char *got = expand("t|{kernel}|k={kernel}|{-k kernel}", values, &with, NULL);
        g_autofree char *want =
            g_strdup_printf("t|%s|k=%s|-k|%s", payloads[i], payloads[i], payloads[i]);
        g_assert_cmpstr(got, ==, want);
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *got =
        expand("t|{hpt.dir}", (Pair[]){{"hpt.dir", "-rf"}, {NULL, NULL}}, &with, &error);
    g_assert_null(got);
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
}

static char *run_script(const char *text, const Pair *values)
{
    HptTemplateRules with = rules();
    with.shell = true;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = g_strsplit(text, "|", -1);
    g_autoptr(HptTemplate) template = hpt_template_parse((const char *const *)words, &with, &error);
    g_assert_no_error(error);
    g_auto(GStrv) argv = hpt_template_expand(template, look_up, (void *)values, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_strv_length(argv), ==, 3);
    g_assert_cmpstr(argv[0], ==, "sh");
    g_assert_cmpstr(argv[1], ==, "-c");
    char *out = NULL;
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL, &error);
    g_assert_no_error(error);
    return out;
}

/* Each placeholder gives the value's very bytes, in whatever quotes it stands. */
static void test_shell(void)
{
    static const char *const payloads[] = {"plain", "a;echo x",  "$(echo x)", "`echo x`", "a  b",
                                           "it's",  "say \"x\"", "$HOME",     "\\n",      "*"};
    for (size_t i = 0; i < G_N_ELEMENTS(payloads); i++) {
        Pair values[] = {{"kernel", payloads[i]}, {"C", "0.5"}, {NULL, NULL}};
        g_autofree char *got = run_script(
            "printf '<%s>' {kernel} \"{kernel}\" '{kernel}' {-k kernel}| x{C} {-g gamma}", values);
        g_autofree char *want = g_strdup_printf("<%s><%s><%s><-k><%s><x0.5>", payloads[i],
                                                payloads[i], payloads[i], payloads[i]);
        g_assert_cmpstr(got, ==, want);
    }
    /* Inside a command substitution inside quotes the quoting is misjudged: still no code runs. */
    Pair evil[] = {{"kernel", "'; echo OWNED; '"}, {NULL, NULL}};
    g_autofree char *got = run_script("printf %s \"$(printf %s '{kernel}')\"", evil);
    g_assert_null(strstr(got, "OWNED\n"));
}

static void test_texts(void)
{
    static const char *const words[] = {"/usr/bin/svm-train", "-c", "{C}", "é\"", NULL};
    HptTemplateRules with = rules();
    g_autoptr(HptTemplate) plain = hpt_template_parse(words, &with, NULL);
    g_assert_cmpstr(hpt_template_get_canonical(plain), ==,
                    "[\"/usr/bin/svm-train\",\"-c\",\"{C}\",\"é\\\"\"]");
    with.shell = true;
    g_autoptr(HptTemplate) shell = hpt_template_parse(words, &with, NULL);
    g_assert_cmpstr(hpt_template_get_canonical(shell), ==,
                    "{\"shell\":true,\"words\":[\"/usr/bin/svm-train\",\"-c\",\"{C}\",\"é\\\"\"]}");
    g_autofree char *env = hpt_template_env_name("a.b-c:D1");
    g_assert_cmpstr(env, ==, "HPT_PARAM_a_b_c_D1");
    g_autofree char *name = hpt_template_study_name(words);
    g_assert_cmpstr(name, ==, "svm-train");
    static const char *const script[] = {"./train.sh -c {C} | tee log", NULL};
    g_autofree char *script_name = hpt_template_study_name(script);
    g_assert_cmpstr(script_name, ==, "train.sh");
}

/* A value that needs quotes would bring them into the document, or its variable's name. */
static void test_here_document(void)
{
    static const char *const refused[] = {"cat <<X\n%s\nX\n", "cat <<-'X' >f\n\ta\n\tb %s\n\tX\n",
                                          "cat <<A - << \"B\"\nA\n%s\nB\n",
                                          ": $((1<<2)) # don't\ncat <<X\nX y\n%s"};
    static const char *const allowed[] = {"cat <<X %s\na\nX\n",
                                          "cat <<X\na\nX\necho %s",
                                          "cat <<-X\n\tX\n: %s",
                                          ": $((1<<X))\n: %s",
                                          "grep '<<X' <f \\<<\\\\\n\\\n: \"<<Y\"\n: %s",
                                          "cat <<<X\n: %s",
                                          "# <<X\n: %s"};
    HptTemplateRules with = rules();
    with.shell = with.allow_unused = true;
    for (size_t i = 0; i < G_N_ELEMENTS(refused) + G_N_ELEMENTS(allowed); i++) {
        bool bad = i < G_N_ELEMENTS(refused);
        g_auto(GStrv) parts =
            g_strsplit(bad ? refused[i] : allowed[i - G_N_ELEMENTS(refused)], "%s", 2);
        g_autofree char *script = g_strjoinv("{C}", parts);
        const char *const words[] = {script, NULL};
        g_autoptr(GError) error = NULL;
        g_autoptr(HptTemplate) template = hpt_template_parse(words, &with, &error);
        g_test_message("%s", script);
        g_assert_true((template == NULL) == bad);
        if (bad)
            g_assert_nonnull(strstr(error->message, "': {C} stands in a here-document"));
    }
    with.shell = false; /* then "<<" means nothing */
    static const char *const plain[] = {"python", "-c", "<<X\n{C}", NULL};
    g_autoptr(HptTemplate) template = hpt_template_parse(plain, &with, NULL);
    g_assert_nonnull(template);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/template/forms", test_forms);
    g_test_add_func("/template/literal-braces", test_literal_braces);
    g_test_add_func("/template/refusals", test_refusals);
    g_test_add_func("/template/unused", test_unused);
    g_test_add_func("/template/hostile-values", test_hostile_values);
    g_test_add_func("/template/shell", test_shell);
    g_test_add_func("/template/here-document", test_here_document);
    g_test_add_func("/template/texts", test_texts);
    return g_test_run();
}
