/* Configurations: activity, forbidden clauses, JSON, hashes; and what widens what. */
#include "tests/unit/space-tools.h"

#include <string.h>

static HptConfig *config_of(const HptSpace *space, const char *json, bool fill, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(json, strlen(json), error);
    g_assert_nonnull(object);
    return hpt_config_from_json(space, object, fill, error);
}

/* json, read and written again. */
static void check_config(const char *text, const char *json, bool fill, const char *wanted)
{
    g_autoptr(HptSpace) space = space_of(text);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptConfig) config = config_of(space, json, fill, &error);
    g_assert_no_error(error);
    g_autofree char *canonical = hpt_config_canonical(space, config);
    g_assert_cmpstr(canonical, ==, wanted);
    g_autoptr(HptConfig) again = hpt_config_from_canonical(space, canonical, strlen(canonical));
    g_assert_true(again == NULL || hpt_config_equal(config, again));
    HptDigest digest = hpt_digest(canonical, strlen(canonical));
    HptDigest hash = hpt_config_hash(space, config);
    g_assert_true(memcmp(digest.bytes, hash.bytes, sizeof hash.bytes) == 0);
    g_autoptr(HptConfig) copy = hpt_config_copy(config);
    g_assert_true(hpt_config_equal(config, copy));
    hpt_space_deactivate(space, copy);
    g_assert_true(hpt_config_equal(config, copy));
}

static void check_refused(const char *text, const char *json, const char *message)
{
    g_autoptr(HptSpace) space = space_of(text);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptConfig) config = config_of(space, json, false, &error);
    g_assert_null(config);
    g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    g_assert_cmpstr(error->message, ==, message);
}

static const char svm[] = "kernel=linear,rbf,poly\n"
                          "C=0.01..1000:log:default=1\n"
                          "gamma=1e-5..10:log:if=kernel=rbf,poly\n"
                          "degree=2..5:if=kernel=poly\n"
                          "batch=1e-1,2.50\n"
                          "size=1,2.0,4e0\n"
                          "name='a b',ä\n";

static void test_json(void)
{
    check_config(svm,
                 "{\"kernel\":\"poly\",\"C\":1e0,\"gamma\":0.10,\"degree\":3,\"batch\":2.5,"
                 "\"size\":4,\"name\":\"a b\"}",
                 false,
                 "{\"C\":1,\"batch\":2.5,\"degree\":3,\"gamma\":0.1,\"kernel\":\"poly\","
                 "\"name\":\"a b\",\"size\":4}");
    /* Values may be spelled as text. */
    check_config(svm,
                 "{\"kernel\":\"linear\",\"C\":\"0.5\",\"batch\":\"0.1\",\"size\":\"1.0\","
                 "\"name\":\"\\u00e4\"}",
                 false,
                 "{\"C\":0.5,\"batch\":0.1,\"kernel\":\"linear\",\"name\":\"ä\",\"size\":1}");
    check_config(svm, "{\"kernel\":\"rbf\"}", true,
                 "{\"C\":1,\"batch\":0.1,\"gamma\":0.01,\"kernel\":\"rbf\",\"name\":\"a b\","
                 "\"size\":1}");
    check_config("seed=7\nmodel=gbm\nn=9007199254740992:int\n",
                 "{\"seed\":7,\"model\":\"gbm\",\"n\":9007199254740992}", false,
                 "{\"model\":\"gbm\",\"n\":9007199254740992,\"seed\":7}");
    check_config("flag=true,false\n", "{\"flag\":false}", false, "{\"flag\":\"false\"}");
    check_config("", "{}", false, "{}");
}

/* Whole numbers are integers to whoever takes the object instead of its text. */
static void test_json_types(void)
{
    g_autoptr(HptSpace) space = space_of("i=1..5\nr=1.0..5.0\nw=1,2.0\nf=1,2.5\nc=x\n");
    g_autoptr(HptConfig) config = hpt_space_default(space, NULL);
    g_autoptr(json_t) object = hpt_config_json(space, config);
    g_assert_true(json_is_integer(json_object_get(object, "i")));
    g_assert_true(json_is_real(json_object_get(object, "r")));
    g_assert_true(json_is_integer(json_object_get(object, "w")));
    g_assert_true(json_is_real(json_object_get(object, "f")));
    g_assert_true(json_is_string(json_object_get(object, "c")));
}

static void test_refused(void)
{
    check_refused(svm, "[]", "a configuration is a JSON object");
    check_refused(svm, "{\"kernal\":1}", "unknown parameter 'kernal'; did you mean 'kernel'?");
    check_refused("a=1..5\nb=x,y\n", "{\"a\":1}", "parameter 'b' has no value");
    check_refused("a=1..5\n", "{\"a\":6}", "parameter 'a': 6 is outside [1, 5]");
    check_refused("a=1..5\n", "{\"a\":null}",
                  "parameter 'a': the value is no number, string, true or false");
    check_refused("a=x,y\nb=1..2:if=a=y\n", "{\"a\":\"x\",\"b\":1}",
                  "parameter 'b' has a value but is inactive: a == y");
    check_refused("a=x,y\nb=1..2\n{a=x, b>1}\n", "{\"a\":\"x\",\"b\":2}",
                  "the configuration is forbidden by {a == x && b > 1}");
}

static void test_embedded_nul(void)
{
    g_autoptr(HptSpace) space = space_of("a=x,y\n");
    g_autoptr(json_t) object = json_object();
    g_assert_cmpint(json_object_set_new(object, "a", json_stringn("x\0y", 3)), ==, 0);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptConfig) config = hpt_config_from_json(space, object, false, &error);
    g_assert_null(config);
    g_assert_cmpstr(error->message, ==,
                    "parameter 'a': the value is no number, string, true or false");
}

/* Activity of c for each of a list of configurations of a and b: '1' active, '0' not. */
static void check_active(const char *condition, const char *wanted)
{
    g_autofree char *text = g_strdup_printf("a=x,y,z\n"
                                            "b=1..3:if=a=x,y\n"
                                            "s=small,mid,large:ord\n"
                                            "n=1,2,4,8\n"
                                            "r=0.0..1.0\n"
                                            "c=1..2\n"
                                            "c | %s\n",
                                            condition);
    static const char *const configs[] = {
        "{\"a\":\"x\",\"b\":1,\"s\":\"small\",\"n\":1,\"r\":0}",
        "{\"a\":\"x\",\"b\":2,\"s\":\"mid\",\"n\":2,\"r\":0.25}",
        "{\"a\":\"y\",\"b\":3,\"s\":\"large\",\"n\":4,\"r\":0.5}",
        "{\"a\":\"z\",\"s\":\"large\",\"n\":8,\"r\":1}",
    };
    g_autoptr(HptSpace) space = space_of(text);
    g_autoptr(GString) found = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(configs); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(HptConfig) config = config_of(space, configs[i], true, &error);
        g_assert_no_error(error);
        size_t c = hpt_space_find(space, "c");
        g_assert_true(config->values[c].active == hpt_space_active(space, config, c));
        g_string_append_c(found, config->values[c].active ? '1' : '0');
    }
    g_assert_cmpstr(found->str, ==, wanted);
}

static void test_conditions(void)
{
    check_active("a == x", "1100");
    check_active("a = x", "1100");
    check_active("a != x", "0011");
    check_active("a in {x, z}", "1101");
    check_active("b == 2", "0100");
    check_active("b != 2", "1010"); /* not where b is inactive */
    check_active("b in {1, 3}", "1010");
    check_active("b < 2", "1000");
    check_active("b <= 2", "1100");
    check_active("b > 2", "0010");
    check_active("b >= 2", "0110");
    check_active("s > small", "0111"); /* positions, not letters */
    check_active("s >= large", "0011");
    check_active("s < mid", "1000");
    check_active("n > 3", "0011"); /* between the members */
    check_active("n <= 2.0", "1100");
    check_active("n >= 2", "0111");
    check_active("n < 100", "1111");
    check_active("r > 0.25", "0011");
    check_active("r == 0.5", "0010");
    check_active("a == x && b == 2", "0100");
    check_active("a == x || b == 3", "1110");
    check_active("(a == x || b == 3) && r != 0", "0110");
    check_active("a == x || b == 3 && r == 0", "1100");
    check_active("a == z || a == y && (s == large && (n == 4 || n == 1))", "0011");
}

static void test_inactive_chain(void)
{
    g_autoptr(HptSpace) space =
        space_of("a=x,y\nb=1..2:if=a=x\nc=1..2:if=b=1\nd integer [1, 2] | c != 2\n");
    g_autoptr(HptConfig) config = hpt_config_new(space);
    for (size_t i = 0; i < config->n; i++) {
        config->values[i] = hpt_space_get(space, i)->fallback;
        g_assert_true(hpt_space_get(space, i)->conditional == (i > 0));
    }
    config->values[0].index = 1;
    hpt_space_deactivate(space, config);
    g_autofree char *text = hpt_config_canonical(space, config);
    g_assert_cmpstr(text, ==, "{\"a\":\"y\"}");
    g_assert_cmpfloat(config->values[1].number, ==, 0);
}

/* What is read from canonical text is what is read from JSON; what is not is left to that. */
static void test_canonical(void)
{
    g_autoptr(HptSpace) space = space_of("k=a,\"b c\",ä\nx=0.5..20000:if=k=a\ni=1..9\no=low,mid,high\nd=1,2,4\n{i=9}\n");
    static const struct {
        const char *text;
        bool read;
    } cases[] = {
        {"{\"i\":3,\"k\":\"a\",\"o\":\"mid\",\"x\":0.75}", false}, /* d has no value */
        {"{\"d\":2,\"i\":3,\"k\":\"ä\",\"o\":\"mid\"}", false},   /* an ordinal of numbers */
        {"{\"d\":\"2\",\"i\":3,\"k\":\"ä\",\"o\":\"mid\"}", true},
        {"{\"k\":\"b c\",\"i\":3,\"d\":\"4\",\"o\":\"high\"}", true}, /* in any order */
        {"{\"d\":\"2\",\"i\":3,\"k\":\"a\",\"o\":\"mid\",\"x\":1.5e3}", true},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"a\",\"o\":\"mid\",\"x\":0.25}", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"a\",\"o\":\"mid\",\"x\":01}", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"a\",\"o\":\"mid\",\"x\":1.}", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"a\",\"o\":\"mid\",\"x\":+1}", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"a\",\"o\":\"mid\",\"x\":}", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"ä\",\"o\":\"mid\",\"x\":1}", false},          /* x is inactive */
        {"{\"d\":\"2\",\"i\":9,\"k\":\"ä\",\"o\":\"mid\"}", false},                   /* forbidden */
        {"{\"d\":\"2\",\"i\":3.5,\"k\":\"ä\",\"o\":\"mid\"}", false},
        {"{\"d\":\"2\",\"i\":3,\"i\":3,\"k\":\"ä\",\"o\":\"mid\"}", false},         /* twice */
        {"{\"d\":\"2\",\"i\":3,\"k\":\"\\u00e4\",\"o\":\"mid\"}", false},            /* an escape */
        {"{\"d\":\"2\",\"i\":3,\"k\":\"ä\",\"o\":\"none\"}", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"ä\",\"o\":\"mid\",}", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"ä\",\"o\":\"mid\"} ", false},
        {"{\"d\":\"2\",\"i\":3,\"k\":\"ä\",\"o\":\"mid\"", false},
        {"{\"d\":\"2\"\"i\":3,\"k\":\"ä\",\"o\":\"mid\"}", false},
        {"{\"d\":\"2\",\"i\":3,\"z\":3,\"k\":\"ä\",\"o\":\"mid\"}", false},
        {"{}", false},
        {"", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        size_t length = strlen(cases[i].text);
        g_autofree char *exact = g_memdup2(cases[i].text, length + 1); /* so that a checker sees what is read beyond */
        g_autoptr(HptConfig) config = hpt_config_from_canonical(space, exact, length);
        g_assert_true((config != NULL) == cases[i].read);
        if (config != NULL) {
            g_autoptr(HptConfig) other = config_of(space, cases[i].text, true, NULL);
            g_assert_true(hpt_config_equal(config, other));
        }
    }
}

static void test_forbidden(void)
{
    g_autoptr(HptSpace) space =
        space_of("a=x,y\nb=1..3:if=a=x\nc=1..3\n{b != 2, c > 1}\n{a=y, c=1}\n");
    g_assert_cmpuint(hpt_space_n_forbidden(space), ==, 2);
    g_assert_cmpstr(hpt_space_get_forbidden(space, 0), ==, "{a == y && c == 1}");
    g_assert_cmpstr(hpt_space_get_forbidden(space, 1), ==, "{b != 2 && c > 1}");
    static const struct {
        const char *json;
        size_t clause;
    } cases[] = {{"{\"a\":\"x\",\"b\":1,\"c\":2}", 1},
                 {"{\"a\":\"x\",\"b\":2,\"c\":2}", SIZE_MAX},
                 {"{\"a\":\"x\",\"b\":1,\"c\":1}", SIZE_MAX},
                 {"{\"a\":\"y\",\"c\":2}", SIZE_MAX}, /* b is inactive: no match */
                 {"{\"a\":\"y\",\"c\":1}", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(HptConfig) config = config_of(space, cases[i].json, false, &error);
        g_assert_true((config == NULL) == (cases[i].clause != SIZE_MAX));
        if (config == NULL) {
            g_autofree char *message =
                g_strdup_printf("the configuration is forbidden by %s",
                                hpt_space_get_forbidden(space, cases[i].clause));
            g_assert_cmpstr(error->message, ==, message);
        }
    }
}

static void test_default(void)
{
    g_autoptr(HptSpace) space = space_of(svm);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptConfig) config = hpt_space_default(space, &error);
    g_assert_no_error(error);
    g_autofree char *text = hpt_config_canonical(space, config);
    g_assert_cmpstr(text, ==,
                    "{\"C\":1,\"batch\":0.1,\"kernel\":\"linear\",\"name\":\"a b\",\"size\":1}");
    g_autoptr(HptSpace) tight = space_of("a=x,y\nb=x,y\n{a=x, b=x}\n");
    g_assert_null(hpt_space_default(tight, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_NO_ROOM);
    g_assert_cmpstr(error->message, ==,
                    "the default configuration is forbidden by {a == x && b == x}");
}

static void test_equal(void)
{
    g_autoptr(HptSpace) space = space_of("a=1..3\nb=x,y\n");
    g_autoptr(HptConfig) one = config_of(space, "{\"a\":1,\"b\":\"x\"}", false, NULL);
    g_autoptr(HptConfig) two = config_of(space, "{\"a\":2,\"b\":\"x\"}", false, NULL);
    g_autoptr(HptConfig) three = config_of(space, "{\"a\":1,\"b\":\"y\"}", false, NULL);
    g_autoptr(HptConfig) none = hpt_config_new(space);
    g_assert_true(hpt_config_equal(one, one));
    g_assert_false(hpt_config_equal(one, two));
    g_assert_false(hpt_config_equal(one, three));
    g_assert_false(hpt_config_equal(one, none));
}

static void test_shared(void)
{
    HptSpace *space = space_of("a=1..3\n");
    HptSpace *same = hpt_space_ref(space);
    hpt_space_free(space);
    g_assert_cmpstr(hpt_space_get(same, 0)->name, ==, "a");
    hpt_space_free(same);
}

/* ---- widening ---- */

static void check_widens(const char *narrow, const char *wider, const char *wanted)
{
    g_autoptr(HptSpace) one = space_of(narrow);
    g_autoptr(HptSpace) two = space_of(wider);
    g_autofree char *why = NULL;
    bool yes = hpt_space_widens(one, two, &why);
    g_assert_cmpstr(why, ==, wanted);
    g_assert_true(yes == (wanted == NULL));
    g_assert_true(hpt_space_widens(one, two, NULL) == yes);
    g_assert_true(hpt_space_widens(one, one, NULL));
}

static void test_widens_domains(void)
{
    check_widens("a=1..5", "a=0..9\nb=x,y", NULL);
    check_widens("a=1..5:log", "a=1..5", NULL);
    check_widens("a=1.0..5.0", "a=1.0..6.0:log", NULL);
    check_widens("a=x,y", "a=z,y,x", NULL);
    check_widens("a=7", "a=7,8", NULL);
    check_widens("a=1,4", "a=1,2,4,8", NULL);
    check_widens("a=0..9:step=3", "a=0..9", NULL);
    check_widens("a=3..9:step=6", "a=0..12:step=3", NULL);
    check_widens("a real [0.1, 0.5] step=0.2", "a real [0, 1] step=0.1", NULL);
    check_widens("a=1..5", "b=1..5", "parameter 'a' is gone");
    check_widens("a=1..5", "a=1.0..5.0", "parameter 'a' was integer and is now real");
    check_widens("a=1..5", "a=1..4",
                 "parameter 'a': not every value of \"a integer [1, 5]\" is one of \"a integer "
                 "[1, 4]\"");
    check_widens("a=1..5", "a=1..5:step=2",
                 "parameter 'a': not every value of \"a integer [1, 5]\" is one of \"a integer "
                 "[1, 5] step=2\"");
    check_widens("a=0..8:step=4", "a=0..9:step=3",
                 "parameter 'a': not every value of \"a integer [0, 8] step=4\" is one of \"a "
                 "integer [0, 9] step=3\"");
    check_widens("a=1.0..2.0", "a=1.0..2.0:step=0.1",
                 "parameter 'a': not every value of \"a real [1, 2]\" is one of \"a real [1, 2] "
                 "step=0.1\"");
    check_widens("a=x,y", "a=x,z",
                 "parameter 'a': not every value of \"a categorical {x, y}\" is one of \"a "
                 "categorical {x, z}\"");
    check_widens("a=x,y:ord", "a=y,x:ord",
                 "parameter 'a': not every value of \"a ordinal {x, y}\" is one of \"a ordinal "
                 "{y, x}\"");
    check_widens("a=1,2", "a=1,2,x:ord",
                 "parameter 'a': not every value of \"a ordinal {1, 2}\" is one of \"a ordinal "
                 "{1, 2, x}\"");
}

static void test_widens_rules(void)
{
    check_widens("k=p,q\na=1..5:if=k=q", "k=p,q,r\na=1..5:if=k=q,r", NULL);
    check_widens("k=p,q\na integer [1, 5] | k != p", "k=p,q,r\na=1..5:if=k=q", NULL);
    check_widens("k=p,q\na=1..5", "k=p,q,r\na=1..5:if=k=p,q", NULL);
    check_widens("k=p,q\na=1..5\n{k=p,a>3}", "k=p,q\na=1..5", NULL);
    check_widens("k=p,q\na=1..5", "k=p,q,r\na=1..5\n{k=r, a=1}\n{n=x, a=2}\nn=x,y", NULL);
    check_widens("s=1,4\na integer [1, 2] | s > 1", "s=1,2,4\na integer [1, 2] | s > 2", NULL);
    check_widens("k=p,q\na=1..5", "k=p,q\na=1..5:if=k=q",
                 "parameter 'a': the condition was \"\" and is now \"k == q\"");
    check_widens("k=p,q\na=1..5:if=k=q", "k=p,q\na=1..5",
                 "parameter 'a': the condition was \"k == q\" and is now \"\"");
    check_widens("a=1..5", "k=p,q\na=1..5:if=k=q",
                 "parameter 'a': the condition was \"\" and is now \"k == q\"");
    check_widens("k=p,q\na=1..5", "k=p,q\na=1..5\n{k=p, a>3}",
                 "the forbidden clause {a > 3 && k == p} is new");
    check_widens("k=p,q\na=1..5", "k=p,q,r\na=1..5\n{k != r}",
                 "the forbidden clause {k != r} is new");
    /* What an older configuration lacks decides nothing about it, so this is not judged. */
    check_widens("k=p,q\na=1..5:if=k=q", "k=p,q\nn=x,y\na integer [1, 5] | k == q || n == x",
                 "parameter 'a': the condition was \"k == q\" and is now \"k == q || n == x\"");
    /* The condition names a parameter whose domain changed its kind: no crash, one reason. */
    check_widens("z=p,q\na=1..5", "z=1..5\na=1..5:if=z=1",
                 "parameter 'z' was categorical and is now integer");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/config/json", test_json);
    g_test_add_func("/space/config/json-types", test_json_types);
    g_test_add_func("/space/config/refused", test_refused);
    g_test_add_func("/space/config/embedded-nul", test_embedded_nul);
    g_test_add_func("/space/config/conditions", test_conditions);
    g_test_add_func("/space/config/inactive-chain", test_inactive_chain);
    g_test_add_func("/space/config/canonical", test_canonical);
    g_test_add_func("/space/config/forbidden", test_forbidden);
    g_test_add_func("/space/config/default", test_default);
    g_test_add_func("/space/config/equal", test_equal);
    g_test_add_func("/space/config/shared", test_shared);
    g_test_add_func("/space/widens/domains", test_widens_domains);
    g_test_add_func("/space/widens/rules", test_widens_rules);
    return g_test_run();
}
