/* Any bytes as statements: the first byte chooses between a file and the lines as arguments. What
 * is accepted must have a canonical form that is its own, a default that is legal or forbidden, and
 * legal configurations. */
#include "num/random.h"
#include "space/space.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text as it would be typed: lines are arguments. */
static HptSpace *parse_arguments(const char *text)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (int i = 0; lines[i] != NULL; i++) {
        (void)hpt_space_is_short(lines[i]);
        if (!hpt_space_builder_add_argument(builder, i + 1, lines[i], NULL)) {
            return NULL;
        }
    }
    return hpt_space_builder_end(builder, NULL);
}

static HptSpace *parse_file(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    HptSpace *space = NULL;
    if (hpt_space_builder_add_text(builder, "f", text, &error)) {
        space = hpt_space_builder_end(builder, &error);
    }
    /* Either a space or a message with its place. */
    g_assert((space == NULL) == (error != NULL));
    g_assert(error == NULL || g_str_has_prefix(error->message, "f:"));
    g_assert(error == NULL || g_utf8_validate(error->message, -1, NULL) ||
             strstr(error->message, "UTF-8") != NULL);
    return space;
}

/* A legal configuration survives JSON; a forbidden one is refused. */
static void check_config(const HptSpace *space, const HptConfig *config)
{
    g_autofree char *text = hpt_config_canonical(space, config);
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), NULL);
    g_autoptr(HptConfig) back = hpt_config_from_json(space, object, false, NULL);
    bool forbidden = hpt_space_forbidden(space, config) != SIZE_MAX;
    g_assert((back == NULL) == forbidden);
    g_assert(back == NULL || hpt_config_equal(back, config));
}

static void check_values(const HptSpace *space)
{
    for (int trial = 0; trial < 10; trial++) {
        g_autoptr(HptConfig) config = hpt_config_new(space);
        HptStream stream = hpt_stream(1, trial, "fuzz", "");
        for (size_t i = 0; i < config->n; i++) {
            const HptParam *param = hpt_space_get(space, i);
            double u = trial == 0 ? 0.0 : trial == 1 ? 1.0 : hpt_stream_uniform(&stream, i);
            HptValue value = hpt_param_from_unit(param, u);
            g_assert(value.active);
            g_assert(param->values != NULL ||
                     (value.number >= param->low && value.number <= param->high));
            double back = hpt_param_to_unit(param, value);
            g_assert(back >= 0 && back <= 1);
            config->values[i] = value;
        }
        hpt_space_deactivate(space, config);
        check_config(space, config);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    g_autoptr(HptSpace) space = data[0] == 'a' ? parse_arguments(text) : parse_file(text);
    if (space == NULL) {
        return 0;
    }
    const char *canonical = hpt_space_get_canonical(space);
    g_autoptr(HptSpace) again = hpt_space_parse(canonical, NULL);
    g_assert(again != NULL && strcmp(hpt_space_get_canonical(again), canonical) == 0);
    g_assert(hpt_space_widens(space, again, NULL));
    g_autoptr(GError) error = NULL;
    g_autoptr(HptConfig) config = hpt_space_default(space, &error);
    g_assert(config != NULL || g_error_matches(error, HPT_ERROR, HPT_ERROR_NO_ROOM));
    if (config != NULL) {
        check_config(space, config);
    }
    check_values(space);
    return 0;
}
