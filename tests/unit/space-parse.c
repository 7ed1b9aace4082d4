/* The notation: every spelling, the canonical form, every message with its place. */
#include "space/space.h"

#include <string.h>

/* Statements are separated by newlines; as arguments they are numbered from 1. */
static HptSpace *parse_arguments(const char *const *arguments, GError **error)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    for (int i = 0; arguments[i] != NULL; i++) {
        if (!hpt_space_builder_add_argument(builder, i + 1, arguments[i], error)) {
            return NULL;
        }
    }
    return hpt_space_builder_end(builder, error);
}

static HptSpace *parse_file(const char *text, GError **error)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    if (!hpt_space_builder_add_text(builder, "x.pcs", text, error)) {
        return NULL;
    }
    return hpt_space_builder_end(builder, error);
}

static void check_canonical(const HptSpace *space, const char *wanted)
{
    g_assert_cmpstr(hpt_space_get_canonical(space), ==, wanted);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) again = hpt_space_parse(wanted, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(hpt_space_get_canonical(again), ==, wanted);
    HptDigest one = hpt_space_hash(space);
    HptDigest two = hpt_space_hash(again);
    g_assert_true(memcmp(one.bytes, two.bytes, sizeof one.bytes) == 0);
    g_assert_cmpuint(hpt_space_size(space), ==, hpt_space_size(again));
    for (size_t i = 0; i < hpt_space_size(space); i++) {
        g_assert_cmpstr(hpt_space_get(space, i)->name, ==, hpt_space_get(again, i)->name);
    }
}

static void check_file(const char *text, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = parse_file(text, &error);
    g_assert_no_error(error);
    check_canonical(space, wanted);
}

/* ---- the fifteen worked examples ---- */

typedef struct {
    const char *name;
    const char *arguments[16]; /* or one text with newlines: a file */
    const char *canonical;
} Example;

static const Example examples[] = {
    {"one-real", {"C=1e-3..1e3:log"}, "C real [0.001, 1000] log\n"},
    {"svm",
     {"kernel=linear,rbf,poly,sigmoid", "C=0.01..1000:log",
      "gamma=1e-5..10:log:if=kernel=rbf,poly,sigmoid", "degree=2..5:if=kernel=poly",
      "coef0=-1.0..1.0:if=kernel=poly,sigmoid"},
     "C real [0.01, 1000] log\n"
     "coef0 real [-1, 1]\n"
     "coef0 | kernel in {poly, sigmoid}\n"
     "degree integer [2, 5]\n"
     "degree | kernel == poly\n"
     "gamma real [0.00001, 10] log\n"
     "gamma | kernel in {rbf, poly, sigmoid}\n"
     "kernel categorical {linear, rbf, poly, sigmoid}\n"},
    {"xgboost",
     {"booster categorical {gbtree, dart} [gbtree]\n"
      "eta real [1e-3, 0.5] [0.3] log\n"
      "max_depth integer [1, 12] [6]\n"
      "min_child_weight real [0.1, 64] [1] log\n"
      "subsample real [0.3, 1] [1]\n"
      "colsample_bytree real [0.3, 1] [1] step=0.05\n"
      "lambda real [1e-4, 100] [1] log\n"
      "alpha real [1e-4, 100] log\n"
      "num_round integer [20, 2000] log\n"
      "rate_drop real [0, 0.5] | booster == dart\n"
      "skip_drop real [0, 0.5] | booster == dart\n"},
     "alpha real [0.0001, 100] log\n"
     "booster categorical {gbtree, dart} [gbtree]\n"
     "colsample_bytree real [0.3, 1] [1] step=0.05\n"
     "eta real [0.001, 0.5] [0.3] log\n"
     "lambda real [0.0001, 100] [1] log\n"
     "max_depth integer [1, 12] [6]\n"
     "min_child_weight real [0.1, 64] [1] log\n"
     "num_round integer [20, 2000] log\n"
     "rate_drop real [0, 0.5]\n"
     "rate_drop | booster == dart\n"
     "skip_drop real [0, 0.5]\n"
     "skip_drop | booster == dart\n"
     "subsample real [0.3, 1] [1]\n"},
    {"sgd",
     {"opt=sgd,adam", "lr=1e-5..1.0:log", "momentum=0.0..0.99:if=opt=sgd",
      "beta1=0.8..0.999:if=opt=adam", "weight_decay=1e-7..1e-2:log", "batch=32,64,128,256,512",
      "warmup=0..2000:step=100", "schedule=cosine,step,none", "gamma_lr=0.1..0.9:if=schedule=step"},
     "batch ordinal {32, 64, 128, 256, 512}\n"
     "beta1 real [0.8, 0.999]\n"
     "beta1 | opt == adam\n"
     "gamma_lr real [0.1, 0.9]\n"
     "gamma_lr | schedule == step\n"
     "lr real [0.00001, 1] log\n"
     "momentum real [0, 0.99]\n"
     "momentum | opt == sgd\n"
     "opt categorical {sgd, adam}\n"
     "schedule categorical {cosine, step, none}\n"
     "warmup integer [0, 2000] step=100\n"
     "weight_decay real [1e-7, 0.01] log\n"},
    {"layers",
     {"layers=1..3", "units1=16..512:log", "units2 integer [16, 512] log | layers > 1",
      "units3 integer [16, 512] log | layers > 2"},
     "layers integer [1, 3]\n"
     "units1 integer [16, 512] log\n"
     "units2 integer [16, 512] log\n"
     "units2 | layers > 1\n"
     "units3 integer [16, 512] log\n"
     "units3 | layers > 2\n"},
    {"pipeline",
     {"scaler=none,standard,minmax", "reduce=none,pca,select", "model=svm,forest,logit",
      "pca_var real [0.5, 0.999] | reduce == pca", "k_best integer [2, 30] | reduce == select",
      "C real [1e-3, 1e3] log | model in {svm, logit}",
      "svm_gamma real [1e-5, 10] log | model == svm",
      "n_trees integer [50, 1000] log | model == forest", "{reduce=pca, model=forest}"},
     "C real [0.001, 1000] log\n"
     "C | model in {svm, logit}\n"
     "k_best integer [2, 30]\n"
     "k_best | reduce == select\n"
     "model categorical {svm, forest, logit}\n"
     "n_trees integer [50, 1000] log\n"
     "n_trees | model == forest\n"
     "pca_var real [0.5, 0.999]\n"
     "pca_var | reduce == pca\n"
     "reduce categorical {none, pca, select}\n"
     "scaler categorical {none, standard, minmax}\n"
     "svm_gamma real [0.00001, 10] log\n"
     "svm_gamma | model == svm\n"
     "{model == forest && reduce == pca}\n"},
    {"solver",
     {"penalty=l1,l2,elasticnet", "solver=lbfgs,saga,liblinear", "C=1e-4..1e4:log",
      "l1_ratio real [0, 1] | penalty == elasticnet", "{solver == lbfgs && penalty != l2}",
      "{solver=liblinear, penalty=elasticnet}"},
     "C real [0.0001, 10000] log\n"
     "l1_ratio real [0, 1]\n"
     "l1_ratio | penalty == elasticnet\n"
     "penalty categorical {l1, l2, elasticnet}\n"
     "solver categorical {lbfgs, saga, liblinear}\n"
     "{penalty != l2 && solver == lbfgs}\n"
     "{penalty == elasticnet && solver == liblinear}\n"},
    {"algorithms",
     {"algo=knn,tree", "k integer [1, 51] step=2 | algo == knn",
      "metric categorical {euclidean, manhattan, cosine} | algo == knn",
      "depth integer [1, 20] | algo == tree"},
     "algo categorical {knn, tree}\n"
     "depth integer [1, 20]\n"
     "depth | algo == tree\n"
     "k integer [1, 51] step=2\n"
     "k | algo == knn\n"
     "metric categorical {euclidean, manhattan, cosine}\n"
     "metric | algo == knn\n"},
    {"ordinal-parent",
     {"size=tiny,small,base,large:ord", "dropout real [0, 0.5] | size >= base"},
     "dropout real [0, 0.5]\n"
     "dropout | size >= base\n"
     "size ordinal {tiny, small, base, large}\n"},
    {"compiler",
     {"CFLAGS=-O2,-O3,'-O3 -march=native'", "threads=1,2,4,8,16", "unroll=true,false"},
     "CFLAGS categorical {-O2, -O3, \"-O3 -march=native\"}\n"
     "threads ordinal {1, 2, 4, 8, 16}\n"
     "unroll categorical {true, false}\n"},
    {"branin", {"x=-5.0..10.0", "y=0.0..15.0"}, "x real [-5, 10]\ny real [0, 15]\n"},
    {"chain",
     {"a real [0, 1]", "b categorical {on, off} | a > 0.5", "c integer [1, 9] | b == on && a < 0.9",
      "d real [0, 1] | (b == off || a <= 0.75) && a != 0.6"},
     "a real [0, 1]\n"
     "b categorical {on, off}\n"
     "b | a > 0.5\n"
     "c integer [1, 9]\n"
     "c | a < 0.9 && b == on\n"
     "d real [0, 1]\n"
     "d | (a <= 0.75 || b == off) && a != 0.6\n"},
    {"constants",
     {"fold_seed=7", "model=gbm", "lr=0.01..0.3:log"},
     "fold_seed ordinal {7}\n"
     "lr real [0.01, 0.3] log\n"
     "model categorical {gbm}\n"},
    {"odd-strings",
     {"name categorical {\"random forest\", \"k, nn\", none} [\"random forest\"]\n"},
     "name categorical {\"random forest\", \"k, nn\", none} [\"random forest\"]\n"},
    {"old-pcs",
     {"k {a, b} [a]\nlr [1e-4, 0.1] [0.01]l\nn [1, 100] [10]il\n\nConditionals:\nlr | k in {a}\n"},
     "k categorical {a, b} [a]\n"
     "lr real [0.0001, 0.1] [0.01] log\n"
     "lr | k == a\n"
     "n integer [1, 100] [10] log\n"},
};

static void test_example(const void *data)
{
    const Example *example = data;
    g_autoptr(GError) error = NULL;
    bool file = strchr(example->arguments[0], '\n') != NULL;
    g_autoptr(HptSpace) space = file ? parse_file(example->arguments[0], &error)
                                     : parse_arguments(example->arguments, &error);
    g_assert_no_error(error);
    check_canonical(space, example->canonical);
    g_assert_null(hpt_space_get_notes(space)[0]);
}

/* ---- messages ---- */

typedef struct {
    const char *name;
    const char *statements[5];
    const char *message; /* after the place of the last statement; NULL: no error */
    const char *note;
} Message;

static const Message messages[] = {
    {"log-zero",
     {"C=0..100:log"},
     "parameter 'C': a log scale needs a lower bound above 0, not 0",
     NULL},
    {"above", {"C=5..1"}, "parameter 'C': lower bound 5 is above upper bound 1", NULL},
    {"unknown-parent",
     {"kernel=rbf,poly", "gamma=1..2:if=kernal=rbf"},
     "condition of 'gamma' names unknown parameter 'kernal'; did you mean 'kernel'?",
     NULL},
    {"unknown-value",
     {"kernel=rbf,poly", "g=1..2", "g | kernel == sigmoid"},
     "condition of 'g': 'sigmoid' is not a value of 'kernel' (rbf, poly)",
     NULL},
    {"default", {"a integer [1, 5] [9]"}, "parameter 'a': default 9 is outside [1, 5]", NULL},
    {"type", {"a reel [1, 5]"}, "parameter 'a': unknown type 'reel'; did you mean 'real'?", NULL},
    {"braces", {"a real {1, 5}"}, "parameter 'a': real takes [LOW, HIGH], not {...}", NULL},
    {"comma", {"a real [1 5]"}, "col 11: expected ',', found '5'", NULL},
    {"twice", {"a=x,y,x"}, "parameter 'a': value 'x' is listed twice", NULL},
    {"declared-twice", {"a=1..2", "a=1..2"}, "parameter 'a' is declared twice", NULL},
    {"categorical-order",
     {"a=x,y", "b real [0,1] | a > x"},
     "condition of 'b': 'a' is categorical, so '>' has no meaning",
     NULL},
    {"loop", {"b=1..2:if=a=1", "a=1..2:if=b=1"}, "conditions form a loop: a -> b -> a", NULL},
    {"brackets",
     {"C=[1,2]"},
     "a range is written C=LOW..HIGH and a list C=A,B,C (or use the long form in quotes)",
     NULL},
    {"log-step",
     {"lr real [0.1, 1] log step=0.1"},
     "parameter 'lr': 'log' and 'step' cannot be combined; list the values instead",
     NULL},
    {"whole", {"x=1.5..3:int"}, "parameter 'x': integer bound 1.5 is not a whole number", NULL},
    {"finite", {"x=1e400..2"}, "parameter 'x': bounds must be finite", NULL},
    {"note-binary",
     {"dropout=0..1"},
     NULL,
     "'dropout=0..1' searches the integers 0 and 1; write 0.0..1.0 for a real"},
    {"note-step",
     {"y=0..10:step=3"},
     NULL,
     "parameter 'y': step 3 does not reach 10; largest value is 9"},
    /* Beyond the reference's table. */
    {"note-pair",
     {"b=0.5,0.99"},
     NULL,
     "'b' searches the two values 0.5 and 0.99; write 0.5..0.99 for a range"},
    {"infinite", {"x real [-inf, 2]"}, "parameter 'x': bounds must be finite", NULL},
    {"self-loop", {"a integer [1, 2] | a == 1"}, "conditions form a loop: a -> a", NULL},
    {"dependent",
     {"a=1..5", "b=0..a"},
     "parameter 'b': bounds that depend on other parameters ('a') are not supported; bounds are "
     "numbers",
     NULL},
    {"dependent-long",
     {"a=1..5", "b real [0, a]"},
     "parameter 'b': bounds that depend on other parameters ('a') are not supported; bounds are "
     "numbers",
     NULL},
    {"arithmetic",
     {"a=1..5", "b=1..5", "{a + b > 3}"},
     "col 4: arithmetic is not supported; compare one parameter with a value",
     NULL},
    {"arithmetic-name",
     {"a=1..5", "b=1..5", "{a+b > 3}"},
     "forbidden clause: arithmetic is not supported; compare one parameter with a value",
     NULL},
    {"arithmetic-product",
     {"a=1..5", "{2*a > 3}"},
     "col 2: arithmetic is not supported; compare one parameter with a value",
     NULL},
    {"arithmetic-function",
     {"a=1..5", "{log(a) > 3}"},
     "col 5: arithmetic is not supported; compare one parameter with a value",
     NULL},
    {"arithmetic-right",
     {"a=1..5", "b=1..5", "{a > b*2}"},
     "forbidden clause: arithmetic is not supported; compare one parameter with a value",
     NULL},
    {"arithmetic-group",
     {"a=1..5", "b=1..5", "{(a == 1) + b > 2}"},
     "col 11: arithmetic is not supported; compare one parameter with a value",
     NULL},
    {"arithmetic-sum",
     {"a=1..5", "b=1..5", "{a > 1 + b}"},
     "col 8: arithmetic is not supported; compare one parameter with a value",
     NULL},
    {"two-parameters",
     {"a=1..5", "b=1..5", "{a < b}"},
     "forbidden clause: comparing two parameters ('a' and 'b') is not supported; compare one "
     "parameter with a value",
     NULL},
    {"not",
     {"a=x,y", "b=1..5", "b | !a == x"},
     "col 5: there is no '!'; write NAME != VALUE",
     NULL},
    {"reserved",
     {"hpt.seed=1..5"},
     "parameter 'hpt.seed': names that begin with 'hpt.' are reserved",
     NULL},
    {"option", {"a=1..5:lgo"}, "parameter 'a': unknown option 'lgo'; did you mean 'log'?", NULL},
    {"option-value", {"a=1..5:step"}, "parameter 'a': 'step' needs a value: step=…", NULL},
    {"option-no-value", {"a=1..5:log=2"}, "parameter 'a': 'log' takes no value", NULL},
    {"option-missing", {"a=1..5:"}, "col 8: expected an option after ':', found the end", NULL},
    {"option-twice", {"a=1..5:step=1:step=2"}, "parameter 'a': 'step' is given twice", NULL},
    {"type-twice", {"a=1..5:int:real"}, "parameter 'a': both 'int' and 'real' are given", NULL},
    {"flag", {"a real [1, 5] lgo"}, "parameter 'a': unknown flag 'lgo'; did you mean 'log'?", NULL},
    {"old-flag",
     {"a real [1, 5] [2] l"},
     "parameter 'a': flag 'l' belongs to the old form without a type; write 'log'",
     NULL},
    {"list-int", {"a=1,2,3:int"}, "parameter 'a': int takes LOW..HIGH, not a list", NULL},
    {"range-cat", {"a=1..3:cat"}, "parameter 'a': cat takes a list, not LOW..HIGH", NULL},
    {"log-cat", {"a=x,y:log"}, "parameter 'a': 'log' is for real and integer parameters", NULL},
    {"step-zero", {"a=1..3:step=0"}, "parameter 'a': step must be above 0, not 0", NULL},
    {"step-text", {"a=1..3:step=x"}, "parameter 'a': step 'x' is not a number", NULL},
    {"step-whole", {"a=1..3:step=0.5"}, "parameter 'a': step 0.5 is not a whole number", NULL},
    {"step-digits",
     {"a=1e-300..1.0:step=0.1"},
     "parameter 'a': bounds and step together need more than 18 digits",
     NULL},
    {"step-small",
     {"a=0.0..1e17:step=1"},
     "parameter 'a': step 1 is too small for these bounds",
     NULL},
    {"default-step",
     {"a real [0.3, 1] [0.31] step=0.05"},
     "parameter 'a': default 0.31 is between the steps of 0.05",
     NULL},
    {"default-value", {"a=x,y:default=z"}, "parameter 'a': default 'z' is none of x, y", NULL},
    {"default-whole",
     {"a=1..5:default=1.5"},
     "parameter 'a': default 1.5 is not a whole number",
     NULL},
    {"default-number", {"a=1..5:default=x"}, "parameter 'a': default 'x' is not a number", NULL},
    {"int-range", {"a=0..9007199254740993"}, NULL /* reads as 2^53 */, NULL},
    {"int-beyond",
     {"a=0..9007199254740994"},
     "parameter 'a': integer bound 9007199254740994 is beyond 9007199254740992",
     NULL},
    {"quote", {"a='x,y"}, "col 3: the quote ' is never closed", NULL},
    {"equals",
     {"a=-march=native"},
     "col 9: expected ',', ':' or the end (values with other characters need quotes), found '='",
     NULL},
    {"blanks", {"a = 1..2"}, "col 3: write a=DOMAIN without blanks around '='", NULL},
    {"empty", {"a="}, "col 3: expected a value, found the end", NULL},
    {"nothing", {"a"}, "col 2: expected a type, '[', '{', '=' or '|', found the end", NULL},
    {"no-name", {"1=x"}, "col 1: expected a parameter, found '1'", NULL},
    {"child",
     {"a=x,y", "gamma=1..2", "gama | a == x"},
     "condition of unknown parameter 'gama'; did you mean 'gamma'?",
     NULL},
    {"if",
     {"a=1..3", "b=1..2:if=a>1"},
     "parameter 'b': 'if' is written if=NAME=VALUE or if=NAME=VALUE,VALUE; for other conditions "
     "use the long form in quotes",
     NULL},
    {"outside",
     {"a=1..3", "b=1..2:if=a=7"},
     "condition of 'b': '7' is not a value of 'a' ([1, 3])",
     NULL},
    {"forbidden-unknown",
     {"kernel=x,y", "{kernal=x}"},
     "forbidden clause names unknown parameter 'kernal'; did you mean 'kernel'?",
     NULL},
    {"forbidden-end", {"a=x,y", "{a=x"}, "col 5: expected ',' or '}', found the end", NULL},
    {"control", {"a=\x01"}, "byte 3 is a control character", NULL},
    {"utf-8", {"a=\xff"}, "byte 3 is not valid UTF-8", NULL},
    {"collision",
     {"a.b=1..2", "a_b=1..2"},
     NULL,
     "parameters 'a.b' and 'a_b' share the environment variable HPT_PARAM_a_b"},
};

/* Which statement the message is about: the last one, but a loop is shown from its first name. */
static int place_of(const Message *message)
{
    int n = 0;
    while (message->statements[n] != NULL) {
        n++;
    }
    return n;
}

static void test_message(const void *data)
{
    const Message *message = data;
    int last = place_of(message);
    g_autoptr(GError) in_arguments = NULL;
    g_autoptr(GError) in_file = NULL;
    g_autoptr(HptSpace) one = parse_arguments(message->statements, &in_arguments);
    g_autofree char *text = g_strjoinv("\n", (char **)message->statements);
    g_autoptr(HptSpace) two = parse_file(text, &in_file);
    if (message->message == NULL) {
        g_assert_no_error(in_arguments);
        g_assert_no_error(in_file);
        if (message->note == NULL) {
            g_assert_null(hpt_space_get_notes(one)[0]);
            return;
        }
        bool whole = g_str_equal(message->name, "collision");
        g_autofree char *from_argument = g_strdup_printf(
            "argument %d '%s': %s", last, message->statements[last - 1], message->note);
        g_autofree char *from_file = g_strdup_printf("x.pcs:%d: %s", last, message->note);
        g_assert_cmpstr(hpt_space_get_notes(one)[0], ==, whole ? message->note : from_argument);
        g_assert_cmpstr(hpt_space_get_notes(two)[0], ==, whole ? message->note : from_file);
        g_assert_null(hpt_space_get_notes(one)[1]);
        return;
    }
    g_assert_null(one);
    g_assert_null(two);
    g_autofree char *from_argument = g_strdup_printf(
        "argument %d '%s': %s", last, message->statements[last - 1], message->message);
    g_autofree char *from_file = g_strdup_printf("x.pcs:%d: %s", last, message->message);
    g_assert_error(in_arguments, HPT_ERROR, HPT_ERROR_DATA);
    g_assert_cmpstr(in_arguments->message, ==, from_argument);
    g_assert_cmpstr(in_file->message, ==, from_file);
}

/* ---- details of the notation ---- */

static void test_file_form(void)
{
    check_file("\xEF\xBB\xBF# a comment\r\n"
               "  a real [0, 1]   # another\r\n"
               "\r\n"
               "b categorical{x,y#z,\"#\"}[y#z]\r\n"
               "Conditionals:\r\n"
               "a|b==x\r\n"
               "Forbidden:\r\n"
               "{b=x,a>0.5}",
               "a real [0, 1]\n"
               "a | b == x\n"
               "b categorical {x, y#z, \"#\"} [y#z]\n"
               "{a > 0.5 && b == x}\n");
    check_file("", "");
    check_file("# nothing\n\n", "");
}

static void test_types(void)
{
    check_file("a=1..2\nb=1..2.0\nc=1e0..2\nd=1..2:real\ne=1e1..2e1:int\nf=x\ng=1\nh=5:int\n"
               "i=5:cat\nj=2,1\nk=1,x\nl=1,2,3\nm='1','2'\nn=1,2:cat\no=b,a:ord\np=-2..-1\n",
               "a integer [1, 2]\n"
               "b real [1, 2]\n"
               "c real [1, 2]\n"
               "d real [1, 2]\n"
               "e integer [10, 20]\n"
               "f categorical {x}\n"
               "g ordinal {1}\n"
               "h integer [5, 5]\n"
               "i categorical {5}\n"
               "j categorical {2, 1}\n"
               "k categorical {1, x}\n"
               "l ordinal {1, 2, 3}\n"
               "m categorical {1, 2}\n"
               "n categorical {1, 2}\n"
               "o ordinal {b, a}\n"
               "p integer [-2, -1]\n");
    check_file("a float [1, 2]\nb int [1, 2]\nc cat {x, y}\nd ord {x, y}\n",
               "a real [1, 2]\nb integer [1, 2]\nc categorical {x, y}\nd ordinal {x, y}\n");
}

static void test_names_and_values(void)
{
    check_file("classifier:svm:C=1..3\nb=1..2:if=classifier:svm:C=3\n_@a-b/c+d=1..2\n",
               "_@a-b/c+d integer [1, 2]\n"
               "b integer [1, 2]\n"
               "b | classifier:svm:C == 3\n"
               "classifier:svm:C integer [1, 3]\n");
    /* Paths and versions are no ranges; quotes keep anything. */
    check_file("a=../x,./y\nb='1..2'\nc=/usr/../bin\nd=\"a\\\"b\\\\c\"\ne=''\nf='a:b',c\n"
               "g=\"x\\\" # y\" # comment\n",
               "a categorical {../x, ./y}\n"
               "b categorical {1..2}\n"
               "c categorical {/usr/../bin}\n"
               "d categorical {\"a\\\"b\\\\c\"}\n"
               "e categorical {\"\"}\n"
               "f categorical {a:b, c}\n"
               "g categorical {\"x\\\" # y\"}\n");
    check_file("a=x,y:default=y:if=b=p,q:if=c=1\nb=p,q,r\nc=0,1,2\n", "a categorical {x, y} [y]\n"
                                                                      "a | b in {p, q} && c == 1\n"
                                                                      "b categorical {p, q, r}\n"
                                                                      "c ordinal {0, 1, 2}\n");
}

static void test_expressions(void)
{
    /* Nested, doubled and reordered: one form. */
    const char *wanted = "a categorical {x, y, z}\n"
                         "b real [0, 1]\n"
                         "c integer [1, 9]\n"
                         "c | (a == x || b > 0.5) && a != z\n";
    check_file("a=x,y,z\nb=0.0..1.0\nc=1..9\nc | ((b > .5 || (a in {x}))) && a != z && a != z\n",
               wanted);
    check_file("c integer [1, 9] | a != z\nb real [0, 1]\nc | (a = x || b > 5e-1 || a == x)\n"
               "a categorical {x, y, z}\n",
               wanted);
    /* Numbers between the members of a numeric ordinal, members by their number, sets in order. */
    check_file("n=1,2,4,8\nm=1..2:if=n=4.0,1,4\nk integer [1, 2] | n > 3 && n <= 8.0\n",
               "k integer [1, 2]\n"
               "k | n <= 8 && n > 3\n"
               "m integer [1, 2]\n"
               "m | n in {1, 4}\n"
               "n ordinal {1, 2, 4, 8}\n");
    check_file("a=x,y\nb=p,q\n{a=x || b=q, b != p}\n{b!=p&&(b==q||a==x)}\n",
               "a categorical {x, y}\n"
               "b categorical {p, q}\n"
               "{(a == x || b == q) && b != p}\n");
}

static void test_loop_of_three(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = parse_file("r=1..2:if=c=1\n"
                                           "z=x,y\n"
                                           "c=1..2:if=b=1\n"
                                           "b=1..2:if=a=1\n"
                                           "a integer [1, 2] | z == x && c == 1\n",
                                           &error);
    g_assert_null(space);
    g_assert_cmpstr(error->message, ==, "x.pcs:5: conditions form a loop: a -> c -> b -> a");
}

static void test_order(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space =
        parse_file("a=1..2:if=b=1\nb=1..2:if=c=1\nc=1..2\nd=1..2\n", &error);
    g_assert_no_error(error);
    g_autofree char *names = g_strjoinv(" ", (char **)hpt_space_get_names(space));
    g_assert_cmpstr(names, ==, "c d b a");
    g_assert_cmpuint(hpt_space_find(space, "b"), ==, 2);
    g_assert_true(hpt_space_find(space, "e") == SIZE_MAX);
}

static void test_is_short(void)
{
    g_assert_true(hpt_space_is_short("C=1..2"));
    g_assert_true(hpt_space_is_short("a.b:c="));
    g_assert_false(hpt_space_is_short("C"));
    g_assert_false(hpt_space_is_short("--opt=1"));
    g_assert_false(hpt_space_is_short("./train=x"));
    g_assert_false(hpt_space_is_short("a b=1"));
    g_assert_false(hpt_space_is_short(""));
}

/* ---- limits ---- */

static void test_depth(void)
{
    for (int depth = 64; depth <= 65; depth++) {
        g_autoptr(GString) text = g_string_new("a=x,y\nb=1..2\nb | ");
        for (int i = 0; i < depth; i++) {
            g_string_append_c(text, '(');
        }
        g_string_append(text, "a == x");
        for (int i = 0; i < depth; i++) {
            g_string_append_c(text, ')');
        }
        g_autoptr(GError) error = NULL;
        g_autoptr(HptSpace) space = parse_file(text->str, &error);
        g_assert_true((space != NULL) == (depth <= 64));
        if (space == NULL) {
            g_assert_cmpstr(error->message, ==,
                            "x.pcs:3: col 69: more than 64 parentheses within each other");
        }
    }
}

/* Two conditions of one child become one, in which the first stands in parentheses. */
static void test_joined_depth(void)
{
    for (int depth = 63; depth <= 64; depth++) {
        g_autoptr(GString) text = g_string_new("a=x,y\nc=x,y\nb=1..2\nb | ");
        for (int i = 0; i < depth; i++) {
            g_string_append(text, "a == x || c == x && (");
        }
        g_string_append(text, "a == y || c == y");
        for (int i = 0; i < depth; i++) {
            g_string_append_c(text, ')');
        }
        g_string_append(text, "\nb | c == y\n");
        g_autoptr(GError) error = NULL;
        g_autoptr(HptSpace) space = parse_file(text->str, &error);
        g_assert_true((space != NULL) == (depth == 63));
        if (space != NULL) {
            check_canonical(space, hpt_space_get_canonical(space));
        } else {
            g_assert_cmpstr(
                error->message, ==,
                "x.pcs:4: the conditions of 'b' have more than 64 parentheses within each other");
        }
    }
}

static void check_limit(const char *text, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = parse_file(text, &error);
    g_assert_null(space);
    g_assert_cmpstr(error->message, ==, message);
}

static void test_comparisons(void)
{
    g_autoptr(GString) text = g_string_new("a=x,y\n");
    for (int i = 0; i < 10; i++) {
        g_string_append(text, "{a=x");
        for (int k = 1; k < 10000; k++) {
            g_string_append(text, ",a=y");
        }
        g_string_append(text, "}\n");
    }
    g_autoptr(HptSpace) space = hpt_space_parse(text->str, NULL);
    g_assert_cmpstr(hpt_space_get_canonical(space), ==,
                    "a categorical {x, y}\n{a == x && a == y}\n");
    g_string_append(text, "{a=x}");
    check_limit(text->str, "x.pcs:12: col 3: more than 100000 comparisons in all");
}

static void test_long_list(void)
{
    g_autoptr(GString) text = g_string_new("a=x,y\nb=1..2\nb | a in {x");
    for (int i = 0; i < 10000; i++) {
        g_string_append(text, ",x");
    }
    g_string_append(text, "}");
    check_limit(text->str, "x.pcs:3: col 20013: more than 10000 values in a list");
}

/* What could not be read back is refused: quotes and blanks make this one longer than allowed. */
static void test_long_canonical(void)
{
    g_autoptr(GString) text = g_string_new("abc=");
    g_autofree char *word = g_strnfill(90, 'x');
    for (int i = 0; i < 9999; i++) {
        g_string_append_printf(text, "%s%s%d", i > 0 ? "," : "", word, 10000 + i % 10000);
    }
    while (text->len < (1u << 20)) {
        g_string_append_c(text, 'y');
    }
    check_limit(text->str, "the canonical form is too long at 'abc…'");
}

static void test_many(void)
{
    for (int n = 10000; n <= 10001; n++) {
        g_autoptr(GString) params = g_string_new(NULL);
        g_autoptr(GString) values = g_string_new("v=");
        for (int i = 0; i < n; i++) {
            g_string_append_printf(params, "p%d=1..2%s\n", i, i % 2 == 1 ? ":if=p0=1" : "");
            g_string_append_printf(values, "%sx%d", i > 0 ? "," : "", i);
        }
        g_autoptr(GError) of_params = NULL;
        g_autoptr(GError) of_values = NULL;
        g_autoptr(HptSpace) one = parse_file(params->str, &of_params);
        g_autoptr(HptSpace) two = parse_file(values->str, &of_values);
        g_assert_true((one != NULL) == (n == 10000));
        g_assert_true((two != NULL) == (n == 10000));
        if (n > 10000) {
            g_assert_cmpstr(of_params->message, ==,
                            "x.pcs:10001: parameter 'p10000': more than 10000 parameters");
            g_assert_cmpstr(of_values->message, ==,
                            "x.pcs:1: parameter 'v': more than 10000 values");
        }
    }
}

static void test_long_chain(void)
{
    g_autoptr(GString) text = g_string_new("p9999=1..2\n");
    for (int i = 9998; i >= 0; i--) {
        g_string_append_printf(text, "p%d=1..2:if=p%d=1\n", i, i + 1);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = parse_file(text->str, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(hpt_space_get(space, 9999)->name, ==, "p0");
    g_string_append(text, "p9999 | p0 == 1\n");
    g_autoptr(HptSpace) loop = parse_file(text->str, &error);
    g_assert_null(loop);
    g_assert_true(g_str_has_prefix(error->message, "x.pcs:"));
}

static void test_sizes(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *blanks = g_strnfill((1 << 20) + 1, ' ');
    g_autoptr(HptSpace) space = parse_file(blanks, &error);
    g_assert_null(space);
    g_assert_cmpstr(error->message, ==, "x.pcs:1: the statement is longer than 1048576 bytes");
    blanks[1 << 20] = '\0';
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    for (int i = 0; i < 16; i++) {
        g_assert_true(hpt_space_builder_add_text(builder, "f", blanks, NULL));
    }
    g_clear_error(&error);
    g_assert_false(hpt_space_builder_add_text(builder, "f", "a=1", &error));
    g_assert_cmpstr(error->message, ==, "f:1: the space is larger than 16777216 bytes");
}

static void test_long_argument(void)
{
    g_autoptr(GError) error = NULL;
    const char *const arguments[] = {
        "äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää", NULL};
    g_autoptr(HptSpace) space = parse_arguments(arguments, &error);
    g_assert_null(space);
    g_assert_cmpstr(error->message, ==,
                    "argument 1 'ääääääääääääääääääääääääääääää…': col 1: expected a parameter, "
                    "found 'ääääääääääääääääääää'");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *path = g_strconcat("/space/example/", examples[i].name, NULL);
        g_test_add_data_func(path, &examples[i], test_example);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
        g_autofree char *path = g_strconcat("/space/message/", messages[i].name, NULL);
        g_test_add_data_func(path, &messages[i], test_message);
    }
    g_test_add_func("/space/file-form", test_file_form);
    g_test_add_func("/space/types", test_types);
    g_test_add_func("/space/names-and-values", test_names_and_values);
    g_test_add_func("/space/expressions", test_expressions);
    g_test_add_func("/space/loop-of-three", test_loop_of_three);
    g_test_add_func("/space/order", test_order);
    g_test_add_func("/space/is-short", test_is_short);
    g_test_add_func("/space/limit/depth", test_depth);
    g_test_add_func("/space/limit/joined-depth", test_joined_depth);
    g_test_add_func("/space/limit/comparisons", test_comparisons);
    g_test_add_func("/space/limit/long-list", test_long_list);
    g_test_add_func("/space/limit/long-canonical", test_long_canonical);
    g_test_add_func("/space/limit/many", test_many);
    g_test_add_func("/space/limit/long-chain", test_long_chain);
    g_test_add_func("/space/limit/sizes", test_sizes);
    g_test_add_func("/space/limit/long-argument", test_long_argument);
    return g_test_run();
}
