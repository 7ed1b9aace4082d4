/* Spaces made at random from fixed seeds: whatever the parser accepts must keep its promises. */
#include "num/random.h"
#include "space/space.h"

#include <string.h>

/* Numbers by name of use, so that a change of one generator leaves the others. */
typedef struct {
    HptStream stream;
    uint64_t next;
} Source;

static uint64_t below(Source *source, uint64_t bound)
{
    return hpt_stream_below(&source->stream, source->next++, bound);
}

static double uniform(Source *source)
{
    return hpt_stream_uniform(&source->stream, source->next++);
}

static const char *const words[] = {"x", "y", "-O3", "a b", "k, nn", "#", "\"", "1.50", "ä", ""};

typedef struct {
    char kind; /* r, i, c, o */
    long low, high;
} Made;

static void append_word(GString *out, size_t i)
{
    if (strpbrk(words[i], " ,\"#") == NULL && words[i][0] != '\0') {
        g_string_append(out, words[i]);
    } else if (strchr(words[i], '"') != NULL) {
        g_string_append_printf(out, "'%s'", words[i]);
    } else {
        g_string_append_printf(out, "\"%s\"", words[i]);
    }
}

static void append_set(Source *source, GString *out, Made *made)
{
    /* Distinct words: a window of the list. */
    made->low = (long)below(source, 5);
    made->high = made->low + (long)below(source, 5);
    g_string_append_c(out, '{');
    for (long i = made->low; i <= made->high; i++) {
        g_string_append(out, i > made->low ? "," : "");
        append_word(out, (size_t)i);
    }
    g_string_append_c(out, '}');
}

static void append_param(Source *source, GString *out, size_t i, Made *made)
{
    made->kind = "rico"[below(source, 4)];
    g_string_append_printf(out, "p%zu ", i);
    if (made->kind == 'c' || made->kind == 'o') {
        g_string_append(out, made->kind == 'c' ? "categorical " : "ordinal ");
        append_set(source, out, made);
        return;
    }
    made->low = (long)below(source, 50) - 20;
    made->high = made->low + (long)below(source, 100);
    bool real = made->kind == 'r';
    g_string_append_printf(out, "%s [%ld%s, %ld%s]", real ? "real" : "integer", made->low,
                           real ? "e-1" : "", made->high, real ? "e-1" : "");
    uint64_t flag = below(source, 4);
    if (flag == 0 && made->low > 0) {
        g_string_append(out, " log");
    } else if (flag == 1) {
        g_string_append_printf(out, " step=%s%d", real ? "0." : "", (int)below(source, 9) + 1);
    }
}

/* A comparison with one of the first n parameters. */
static void append_atom(Source *source, GString *out, const Made *made, size_t n)
{
    static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};
    size_t parent = below(source, n);
    const Made *of = &made[parent];
    bool set = of->kind == 'c' || of->kind == 'o';
    g_string_append_printf(out, "p%zu", parent);
    if (set && below(source, 3) == 0) {
        g_string_append(out, " in {");
        append_word(out, (size_t)of->high);
        g_string_append_c(out, ',');
        append_word(out, (size_t)of->low);
        g_string_append_c(out, '}');
        return;
    }
    /* Numbers may lie between steps, so they are only compared by order. */
    uint64_t first = set ? 0 : 2;
    uint64_t last = of->kind == 'c' ? 2 : 6;
    g_string_append(out, operators[first + below(source, last - first)]);
    long at = of->low + (long)below(source, (uint64_t)(of->high - of->low) + 1);
    if (set) {
        append_word(out, (size_t)at);
    } else {
        g_string_append_printf(out, "%ld%s", at, of->kind == 'r' ? "e-1" : "");
    }
}

static void append_expr(Source *source, GString *out, const Made *made, size_t n, int depth)
{
    uint64_t kids = 1 + below(source, 3);
    for (uint64_t i = 0; i < kids; i++) {
        g_string_append(out, i == 0 ? "" : below(source, 2) == 0 ? " && " : "||");
        if (depth < 3 && below(source, 3) == 0) {
            g_string_append_c(out, '(');
            append_expr(source, out, made, n, depth + 1);
            g_string_append_c(out, ')');
        } else {
            append_atom(source, out, made, n);
        }
    }
}

static char *random_text(uint64_t seed)
{
    Source source = {.stream = hpt_stream(seed, 0, "space", "")};
    Made made[12];
    size_t n = 1 + below(&source, G_N_ELEMENTS(made));
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < n; i++) {
        append_param(&source, text, i, &made[i]);
        g_string_append_c(text, '\n');
        if (i > 0 && below(&source, 2) == 0) {
            g_string_append_printf(text, "p%zu | ", i);
            append_expr(&source, text, made, i, 0);
            g_string_append_c(text, '\n');
        }
    }
    if (below(&source, 3) == 0) {
        g_string_append_c(text, '{');
        append_expr(&source, text, made, n, 0);
        g_string_append_c(text, ',');
        append_expr(&source, text, made, n, 0);
        g_string_append(text, "}\n");
    }
    return g_string_free(text, FALSE);
}

static void check_value(const HptParam *param, HptValue value)
{
    double u = hpt_param_to_unit(param, value);
    g_assert_true(u >= 0 && u <= 1);
    HptValue back = hpt_param_from_unit(param, u);
    g_assert_cmpuint(back.index, ==, value.index);
    if (param->levels > 0) {
        g_assert_cmpfloat(back.number, ==, value.number);
    } else {
        g_assert_cmpfloat_with_epsilon(back.number, value.number, 1e-9);
    }
    if (param->values == NULL) {
        g_assert_true(value.number >= param->low && value.number <= param->high);
    }
    g_autofree char *text = hpt_param_value_text(param, value);
    HptValue read = {0};
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_param_value_parse(param, text, &read, &error));
    g_assert_no_error(error);
    g_assert_true(read.number == value.number && read.index == value.index);
}

/* One configuration, drawn parents first; JSON and back. */
static void check_draw(const HptSpace *space, Source *source)
{
    g_autoptr(HptConfig) config = hpt_config_new(space);
    g_autoptr(HptConfig) full = hpt_config_new(space);
    for (size_t i = 0; i < config->n; i++) {
        const HptParam *param = hpt_space_get(space, i);
        full->values[i] = hpt_param_from_unit(param, uniform(source));
        check_value(param, full->values[i]);
        if (hpt_space_active(space, config, i)) {
            config->values[i] = full->values[i];
        }
    }
    /* Drawing parents first and drawing all, then dropping what is inactive, are one. */
    hpt_space_deactivate(space, full);
    g_assert_true(hpt_config_equal(full, config));
    g_autoptr(json_t) object = hpt_config_json(space, config);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptConfig) back = hpt_config_from_json(space, object, false, &error);
    if (hpt_space_forbidden(space, config) != SIZE_MAX) {
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        return;
    }
    g_assert_no_error(error);
    g_assert_true(hpt_config_equal(back, config));
}

static void test_random(void)
{
    unsigned int conditional = 0;
    unsigned int forbidden = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        g_autofree char *text = random_text(seed);
        g_autoptr(GError) error = NULL;
        g_autoptr(HptSpace) space = hpt_space_parse(text, &error);
        if (error != NULL) {
            g_error("seed %d: %s\n%s", (int)seed, error->message, text);
        }
        const char *canonical = hpt_space_get_canonical(space);
        g_autoptr(HptSpace) again = hpt_space_parse(canonical, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(hpt_space_get_canonical(again), ==, canonical);
        g_assert_true(hpt_space_widens(space, again, NULL));
        g_assert_true(hpt_space_widens(again, space, NULL));
        Source source = {.stream = hpt_stream(seed, 0, "draw", "")};
        for (int i = 0; i < 20; i++) {
            check_draw(space, &source);
        }
        for (size_t i = 0; i < hpt_space_size(space); i++) {
            conditional += hpt_space_get(space, i)->conditional;
        }
        forbidden += (unsigned int)hpt_space_n_forbidden(space);
    }
    /* The generator does what it is for. */
    g_assert_cmpuint(conditional, >, 1000);
    g_assert_cmpuint(forbidden, >, 300);
}

/* The order of statements means nothing. */
static void test_order(void)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        g_autofree char *text = random_text(seed);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        Source source = {.stream = hpt_stream(seed, 0, "shuffle", "")};
        for (size_t i = g_strv_length(lines) - 1; i > 0; i--) {
            size_t j = below(&source, i + 1);
            char *line = lines[i];
            lines[i] = lines[j];
            lines[j] = line;
        }
        g_autofree char *shuffled = g_strjoinv("\n", lines);
        g_autoptr(HptSpace) one = hpt_space_parse(text, NULL);
        g_autoptr(HptSpace) two = hpt_space_parse(shuffled, NULL);
        g_assert_cmpstr(hpt_space_get_canonical(one), ==, hpt_space_get_canonical(two));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/space/random/promises", test_random);
    g_test_add_func("/space/random/order", test_order);
    return g_test_run();
}
