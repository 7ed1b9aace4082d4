/* ConfigSpace's JSON, in and out. */
#include "num/random.h"
#include "space/configspace.h"

#include <string.h>

static char *join(GPtrArray *losses)
{
    g_ptr_array_add(losses, NULL);
    return g_strjoinv("\n", (char **)losses->pdata);
}

static HptSpace *read_space(const char *json, char **losses, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    if (!hpt_configspace_read(builder, "s.json", json, strlen(json), list, error)) {
        return NULL;
    }
    *losses = join(list);
    return hpt_space_builder_end(builder, error);
}

static void check_read(const char *json, const char *canonical, const char *wanted_losses)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *losses = NULL;
    g_autoptr(HptSpace) space = read_space(json, &losses, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(hpt_space_get_canonical(space), ==, canonical);
    g_assert_cmpstr(losses, ==, wanted_losses);
}

static void check_refused(const char *json, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *losses = NULL;
    g_autoptr(HptSpace) space = read_space(json, &losses, &error);
    g_assert_null(space);
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    g_assert_cmpstr(error->message, ==, message);
}

/* ---- reading ---- */

static void test_read_1_x(void)
{
    check_read(
        "{\"name\":\"svm\",\"hyperparameters\":["
        "{\"type\":\"categorical\",\"name\":\"kernel\",\"choices\":[\"linear\",\"rbf\",\"poly\"],"
        "\"weights\":null,\"default_value\":\"rbf\",\"meta\":null},"
        "{\"type\":\"uniform_float\",\"name\":\"C\",\"lower\":0.001,\"upper\":1000.0,"
        "\"default_value\":1.0,\"log\":true,\"meta\":null},"
        "{\"type\":\"uniform_int\",\"name\":\"degree\",\"lower\":2,\"upper\":5,"
        "\"default_value\":3,\"log\":false,\"meta\":{}},"
        "{\"type\":\"ordinal\",\"name\":\"cache\",\"sequence\":[64,128.0,256],"
        "\"default_value\":128},"
        "{\"type\":\"constant\",\"name\":\"seed\",\"value\":7},"
        "{\"type\":\"constant\",\"name\":\"model\",\"value\":\"svm one\"}],"
        "\"conditions\":["
        "{\"type\":\"EQ\",\"child\":\"degree\",\"parent\":\"kernel\",\"value\":\"poly\"},"
        "{\"type\":\"OR\",\"child\":\"cache\",\"conditions\":["
        "{\"type\":\"IN\",\"child\":\"cache\",\"parent\":\"kernel\",\"values\":[\"rbf\",\"poly\"]},"
        "{\"type\":\"AND\",\"conditions\":["
        "{\"type\":\"GT\",\"child\":\"cache\",\"parent\":\"C\",\"value\":10},"
        "{\"type\":\"LT\",\"child\":\"cache\",\"parent\":\"C\",\"value\":20.5}]},"
        "{\"type\":\"NEQ\",\"child\":\"cache\",\"parent\":\"C\",\"value\":30}]}],"
        "\"forbiddens\":["
        "{\"type\":\"EQUALS\",\"name\":\"degree\",\"value\":4},"
        "{\"type\":\"AND\",\"clauses\":["
        "{\"type\":\"IN\",\"name\":\"kernel\",\"values\":[\"linear\",\"rbf\"]},"
        "{\"type\":\"EQUALS\",\"name\":\"cache\",\"value\":256}]}],"
        "\"python_module_version\":\"1.2.0\",\"format_version\":0.4}",
        "C real [0.001, 1000] [1] log\n"
        "cache ordinal {64, 128, 256} [128]\n"
        "cache | C != 30 || C < 20.5 && C > 10 || kernel in {rbf, poly}\n"
        "degree integer [2, 5] [3]\n"
        "degree | kernel == poly\n"
        "kernel categorical {linear, rbf, poly} [rbf]\n"
        "model categorical {\"svm one\"}\n"
        "seed ordinal {7}\n"
        "{cache == 256 && kernel in {linear, rbf}}\n"
        "{degree == 4}\n",
        "");
}

static void test_read_old(void)
{
    check_read("{\"hyperparameters\":["
               "{\"name\":\"a\",\"type\":\"uniform_float\",\"log\":false,\"lower\":0.1,"
               "\"upper\":0.5,\"default\":0.3,\"q\":0.1},"
               "{\"name\":\"b\",\"type\":\"uniform_int\",\"log\":false,\"lower\":1,\"upper\":9,"
               "\"default\":3,\"q\":1},"
               "{\"name\":\"c\",\"type\":\"categorical\",\"choices\":[\"x\",\"y\"],"
               "\"default\":\"y\",\"probabilities\":[0.5,0.5]}],"
               "\"conditions\":[],\"forbiddens\":[],"
               "\"python_module_version\":\"0.4.17\",\"json_format_version\":0.2}",
               "a real [0.1, 0.5] [0.3] step=0.1\n"
               "b integer [1, 9] [3]\n"
               "c categorical {x, y} [y]\n",
               "");
}

static void test_read_losses(void)
{
    check_read(
        "{\"hyperparameters\":["
        "{\"name\":\"a\",\"type\":\"normal_float\",\"mu\":0,\"sigma\":1,\"lower\":-1,\"upper\":1,"
        "\"log\":false,\"default_value\":0},"
        "{\"name\":\"b\",\"type\":\"beta_int\",\"alpha\":2,\"beta\":2,\"lower\":1,\"upper\":9,"
        "\"log\":false,\"default_value\":5,\"meta\":{\"unit\":\"m\"}},"
        "{\"name\":\"c\",\"type\":\"categorical\",\"choices\":[true,false,null,1],"
        "\"default_value\":true,\"weights\":[1,2,1,1]},"
        "{\"name\":\"d\",\"type\":\"uniform_int\",\"log\":true,\"lower\":1,\"upper\":9,\"q\":2},"
        "{\"name\":\"my param\",\"type\":\"constant\",\"value\":true},"
        "{\"name\":\"2nd\",\"type\":\"ordinal\",\"sequence\":[3,2]}],"
        "\"conditions\":[{\"child\":\"a\",\"type\":\"EQ\",\"parent\":\"2nd\",\"value\":3}],"
        "\"forbiddens\":["
        "{\"type\":\"RELATION_LT\",\"left\":\"a\",\"right\":\"b\"},"
        "{\"type\":\"RELATION\",\"lambda\":\"EQ\",\"left\":\"a\",\"right\":\"b\"},"
        "{\"type\":\"EQUALS\",\"name\":\"my param\",\"value\":true}]}",
        "_2nd ordinal {3, 2}\n"
        "a real [-1, 1] [0]\n"
        "a | _2nd == 3\n"
        "b integer [1, 9] [5]\n"
        "c categorical {true, false, null, 1} [true]\n"
        "d integer [1, 9] log\n"
        "my_param categorical {true}\n"
        "{my_param == true}\n",
        "parameter 'a': normal_float becomes uniform between its bounds\n"
        "parameter 'b': its 'meta' is dropped\n"
        "parameter 'b': beta_int becomes uniform between its bounds\n"
        "parameter 'c': its values become texts\n"
        "parameter 'c': its weights are dropped\n"
        "parameter 'd': 'q' is dropped, since the scale is logarithmic\n"
        "parameter 'my param' is renamed 'my_param'\n"
        "parameter 'my param': its value becomes text\n"
        "parameter '2nd' is renamed '_2nd'\n"
        "parameter '2nd': its values become texts\n"
        "the forbidden relation between 'a' and 'b' is dropped\n"
        "the forbidden relation between 'a' and 'b' is dropped");
}

#define PARAM(member) "{\"hyperparameters\":[{" member "}]}"
#define CONDITION(member)                                                                          \
    "{\"hyperparameters\":[{\"name\":\"a\",\"type\":\"categorical\",\"choices\":[\"x\",\"y\"]},"   \
    "{\"name\":\"b\",\"type\":\"constant\",\"value\":1}],\"conditions\":[{" member "}]}"

static void test_read_refused(void)
{
    check_refused("{", "s.json: line 1, column 1: string or '}' expected near end of file");
    check_refused("[]", "s.json: no ConfigSpace JSON: 'hyperparameters' is missing or no list");
    check_refused("{\"hyperparameters\":[],\"conditions\":1}", "s.json: 'conditions' is no list");
    check_refused(PARAM("\"type\":\"constant\""),
                  "s.json: hyperparameters[0]: 'name' is missing or no text");
    check_refused(PARAM("\"name\":\"a\""),
                  "s.json: hyperparameters[0]: 'type' is missing or no text");
    check_refused(PARAM("\"name\":\"a\",\"type\":\"zipf\""),
                  "s.json: hyperparameters[0]: parameter 'a': type 'zipf' is not known");
    check_refused(PARAM("\"name\":\"a\",\"type\":\"uniform_int\",\"lower\":1"),
                  "s.json: hyperparameters[0]: parameter 'a': 'lower' and 'upper' must be numbers");
    check_refused(PARAM("\"name\":\"a\",\"type\":\"normal_int\",\"mu\":1"),
                  "s.json: hyperparameters[0]: parameter 'a': normal_int without 'lower' and "
                  "'upper' has no bounds");
    check_refused(
        PARAM("\"name\":\"a\",\"type\":\"uniform_int\",\"lower\":5,\"upper\":1"),
        "s.json: hyperparameters[0]: parameter 'a': lower bound 5 is above upper bound 1");
    check_refused(PARAM("\"name\":\"a\",\"type\":\"categorical\",\"choices\":[]"),
                  "s.json: hyperparameters[0]: parameter 'a': 'choices' is missing or no list of "
                  "values");
    check_refused(PARAM("\"name\":\"a\",\"type\":\"ordinal\",\"sequence\":[[1]]"),
                  "s.json: hyperparameters[0]: parameter 'a': 'sequence' is no plain value");
    check_refused(PARAM("\"name\":\"a\",\"type\":\"constant\""),
                  "s.json: hyperparameters[0]: parameter 'a': 'value' is missing");
    check_refused(PARAM("\"name\":\"a\",\"type\":\"categorical\",\"choices\":[1,\"1\"]"),
                  "s.json: hyperparameters[0]: parameter 'a': value '1' is listed twice");
    check_refused(CONDITION("\"type\":\"EQ\",\"parent\":\"a\",\"value\":\"x\""),
                  "s.json: conditions[0]: 'child' is missing or no text");
    check_refused(CONDITION("\"type\":\"EQ\",\"child\":\"b\",\"value\":\"x\""),
                  "s.json: conditions[0]: 'parent' is missing or no text");
    check_refused(CONDITION("\"type\":\"EQ\",\"child\":\"b\",\"parent\":\"a\""),
                  "s.json: conditions[0]: 'value' is missing");
    check_refused(CONDITION("\"type\":\"XOR\",\"child\":\"b\",\"parent\":\"a\""),
                  "s.json: conditions[0]: type 'XOR' is not known");
    check_refused(CONDITION("\"type\":\"AND\",\"child\":\"b\",\"conditions\":[]"),
                  "s.json: conditions[0]: AND has no parts");
    check_refused(CONDITION("\"type\":\"EQ\",\"child\":\"b\",\"parent\":\"a\",\"value\":\"z\""),
                  "s.json: conditions[0]: condition of 'b': 'z' is not a value of 'a' (x, y)");
}

/* ---- writing ---- */

static void check_written(const char *text, const char *wanted, const char *wanted_losses)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = hpt_space_parse(text, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *json = hpt_configspace_write(space, list);
    g_autofree char *losses = join(list);
    g_assert_cmpstr(json, ==, wanted);
    g_assert_cmpstr(losses, ==, wanted_losses);
}

static void test_write(void)
{
    check_written(
        "kernel=linear,rbf,poly:default=rbf\n"
        "C=1e-3..1e3:log\n"
        "degree=2..5:if=kernel=poly\n"
        "cache=64,128.5,256:default=64\n"
        "size=small,large:ord\n"
        "seed=7\n"
        "gamma real [0, 1] | kernel != linear && (C < 10 || size > small)\n"
        "{degree=4}\n{kernel in {linear, rbf}, cache=256}\n",
        "{\n"
        "  \"name\": null,\n"
        "  \"hyperparameters\": [\n"
        "    {\"log\":true,\"lower\":0.001,\"meta\":null,\"name\":\"C\",\"type\":\"uniform_float\","
        "\"upper\":1000},\n"
        "    {\"default_value\":64,\"meta\":null,\"name\":\"cache\",\"sequence\":[64,128.5,256],"
        "\"type\":\"ordinal\"},\n"
        "    {\"choices\":[\"linear\",\"rbf\",\"poly\"],\"default_value\":\"rbf\",\"meta\":null,"
        "\"name\":\"kernel\",\"type\":\"categorical\",\"weights\":null},\n"
        "    {\"meta\":null,\"name\":\"seed\",\"type\":\"constant\",\"value\":7},\n"
        "    {\"meta\":null,\"name\":\"size\",\"sequence\":[\"small\",\"large\"],\"type\":"
        "\"ordinal\"},\n"
        "    {\"log\":false,\"lower\":2,\"meta\":null,\"name\":\"degree\",\"type\":\"uniform_int\","
        "\"upper\":5},\n"
        "    {\"log\":false,\"lower\":0,\"meta\":null,\"name\":\"gamma\",\"type\":"
        "\"uniform_float\",\"upper\":1}\n"
        "  ],\n"
        "  \"conditions\": [\n"
        "    {\"child\":\"degree\",\"parent\":\"kernel\",\"type\":\"EQ\",\"value\":\"poly\"},\n"
        "    {\"child\":\"gamma\",\"conditions\":[{\"child\":\"gamma\",\"conditions\":["
        "{\"child\":\"gamma\",\"parent\":\"C\",\"type\":\"LT\",\"value\":10},"
        "{\"child\":\"gamma\",\"parent\":\"size\",\"type\":\"GT\",\"value\":\"small\"}],"
        "\"type\":\"OR\"},{\"child\":\"gamma\",\"parent\":\"kernel\",\"type\":\"NEQ\",\"value\":"
        "\"linear\"}],\"type\":\"AND\"}\n"
        "  ],\n"
        "  \"forbiddens\": [\n"
        "    {\"clauses\":[{\"name\":\"cache\",\"type\":\"EQUALS\",\"value\":256},"
        "{\"name\":\"kernel\",\"type\":\"IN\",\"values\":[\"linear\",\"rbf\"]}],\"type\":\"AND\"},"
        "\n"
        "    {\"name\":\"degree\",\"type\":\"EQUALS\",\"value\":4}\n"
        "  ],\n"
        "  \"format_version\": 0.4\n"
        "}\n",
        "");
    check_written("",
                  "{\n"
                  "  \"name\": null,\n"
                  "  \"hyperparameters\": [],\n"
                  "  \"conditions\": [],\n"
                  "  \"forbiddens\": [],\n"
                  "  \"format_version\": 0.4\n"
                  "}\n",
                  "");
}

static void check_losses(const char *text, const char *wanted)
{
    g_autoptr(HptSpace) space = hpt_space_parse(text, NULL);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *json = hpt_configspace_write(space, list);
    g_autofree char *losses = join(list);
    g_assert_nonnull(json);
    g_assert_cmpstr(losses, ==, wanted);
}

static void test_write_losses(void)
{
    check_losses("a real [0.3, 0.5] step=0.05",
                 "parameter 'a': the range with its step becomes an ordinal of 5 values");
    check_losses("a=0..3000:step=2", "parameter 'a': its step is dropped");
    check_losses("a=1e-3,0.010,1", "parameter 'a': value '1e-3' becomes 0.001\n"
                                   "parameter 'a': value '0.010' becomes 0.01");
    check_losses("a=0.0..1.0\n{a > 0.5}", "the forbidden clause {a > 0.5} is dropped, or in part");
    check_losses("a=0.0..1.0\nb=x,y\n{a = 0.5, b=x}", "");
    check_losses("a=1..9\nb=x,y\n{a > 5, b!=x}", "");
}

/* Where losses are none, and for steps too, the space read back holds the same configurations. */
static void check_same(const char *text, uint64_t seed)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpace) space = hpt_space_parse(text, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *json = hpt_configspace_write(space, list);
    g_autofree char *losses = NULL;
    g_autoptr(HptSpace) back = read_space(json, &losses, &error);
    if (error != NULL) {
        g_error("%s\n%s\n%s", error->message, text, json);
    }
    g_assert_cmpstr(losses, ==, "");
    for (int trial = 0; trial < 30; trial++) {
        g_autoptr(HptConfig) config = hpt_config_new(space);
        HptStream stream = hpt_stream(seed, trial, "draw", "");
        for (size_t i = 0; i < config->n; i++) {
            config->values[i] =
                hpt_param_from_unit(hpt_space_get(space, i), hpt_stream_uniform(&stream, i));
        }
        hpt_space_deactivate(space, config);
        g_autoptr(json_t) object = hpt_config_json(space, config);
        g_autoptr(GError) refused = NULL;
        g_autoptr(HptConfig) other = hpt_config_from_json(back, object, false, &refused);
        if ((other == NULL) != (hpt_space_forbidden(space, config) != SIZE_MAX)) {
            g_error("%s\n%s\n%s", refused != NULL ? refused->message : "not refused", text, json);
        }
    }
}

static void test_round_trip(void)
{
    check_same("a=x,y,z\nb=1..9:if=a=x,y\nc integer [0, 5] | b >= 3 && b <= 7 || a != x\n"
               "d real [0, 1] | b > 2.5 && b < 6.5 || b <= -5 || b >= 100\n"
               "e real [-1, 1] | b > 0.5 && b < 20 && d != 0.5\n"
               "{b > 7, c < 2}\n{c = 4 || a = z, b != 3}\n",
               1);
    check_same("n=1,2,4,8\ns=p,q,r:ord\na=1..2\na | n > 3 || s >= q && n <= 2\nb=1..2\nb | n > 9\n"
               "k=7\nc=1..2\nc | k > 8\nd=1..2\nd | k >= 6\n{n < 3 || s > p, a != 2}\n{n > "
               "100}\n{n > 100, a=1}\n",
               2);
    check_same("a real [0, 1] step=0.1\nb=1..2\nb | a > 0.55\nc=1..2\nc | a <= 0.3\n{a >= 0.9}\n",
               3);
    check_same("a=-9..-1\nb=1..2\nb | a > -2.5\nc=1..2\nc | a < -2.5\nd=1..2\nd | a >= -9\n", 4);
    check_same("a=0.25..0.75\nb=1..2\nb | a >= 0.5\nc=1..2\nc | a < 0.25\nd=1..2\nd | a <= 0.75\n"
               "e=1..2\ne | a > 1\nf=1..2\nf | a < 1\ng=1..2\ng | a >= 0\n",
               5);
}

/* Their constants know no order. */
static void test_constant_parent(void)
{
    g_autoptr(HptSpace) space =
        hpt_space_parse("k=7\na=1..2\na | k > 8\nb=1..2\nb | k > 6\n", NULL);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *json = hpt_configspace_write(space, list);
    g_assert_nonnull(
        strstr(json, "{\"child\":\"a\",\"parent\":\"k\",\"type\":\"NEQ\",\"value\":7}"));
    g_assert_nonnull(
        strstr(json, "{\"child\":\"b\",\"parent\":\"k\",\"type\":\"EQ\",\"value\":7}"));
}

/* A clause that would become more alternatives than anybody wants. */
static void test_many_alternatives(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 60; i++) {
        g_string_append_printf(text, "p%d=x,y\n", i);
    }
    g_string_append(text, "{p0 == x");
    for (int i = 0; i < 60; i += 2) {
        g_string_append_printf(text, " && (p%d == x || p%d == y)", i, i + 1);
    }
    g_string_append(text, "}\n");
    g_autoptr(HptSpace) space = hpt_space_parse(text->str, NULL);
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *json = hpt_configspace_write(space, list);
    g_assert_cmpuint(list->len, ==, 1);
    g_assert_nonnull(strstr(json, "\"forbiddens\": [],"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/configspace/read/1.x", test_read_1_x);
    g_test_add_func("/configspace/read/old", test_read_old);
    g_test_add_func("/configspace/read/losses", test_read_losses);
    g_test_add_func("/configspace/read/refused", test_read_refused);
    g_test_add_func("/configspace/write/space", test_write);
    g_test_add_func("/configspace/write/losses", test_write_losses);
    g_test_add_func("/configspace/write/many-alternatives", test_many_alternatives);
    g_test_add_func("/configspace/write/constant-parent", test_constant_parent);
    g_test_add_func("/configspace/round-trip", test_round_trip);
    return g_test_run();
}
