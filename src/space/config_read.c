/* Configurations from canonical text, without a tree of JSON: a process that is new to a study reads very many. */
#include "space/internal.h"

#include "base/number.h"

#include <string.h>

enum { MOST_TOKEN = 128 };

typedef struct {
    const char *at, *end;
} Text;

static bool take(Text *text, char c)
{
    bool there = text->at < text->end && *text->at == c;
    text->at += there;
    return there;
}

/* A string without escapes. */
static bool take_string(Text *text, char *out)
{
    if (!take(text, '"')) {
        return false;
    }
    for (size_t n = 0; n + 1 < MOST_TOKEN && text->at < text->end; text->at++) {
        if (*text->at == '"') {
            out[n] = '\0';
            return take(text, '"');
        }
        if (*text->at == '\\' || (unsigned char)*text->at < ' ') {
            return false;
        }
        out[n++] = *text->at;
    }
    return false;
}

/* JSON's grammar is narrower than hpt_number_parse's: a digit before and behind the point, and no 0 in front. */
static bool take_number(Text *text, double *out)
{
    char token[MOST_TOKEN];
    size_t n = 0;
    while (n + 1 < sizeof token && text->at < text->end &&
           (g_ascii_isdigit(*text->at) || *text->at == '.' || *text->at == '-' || *text->at == '+' ||
            *text->at == 'e' || *text->at == 'E')) {
        token[n++] = *text->at++;
    }
    token[n] = '\0';
    const char *digits = token + (token[0] == '-'), *point = strchr(token, '.');
    return g_ascii_isdigit(digits[0]) && !(digits[0] == '0' && g_ascii_isdigit(digits[1])) &&
           (point == NULL || g_ascii_isdigit(point[1])) && hpt_number_parse(token, out, NULL);
}

static bool take_value(Text *text, const HptParam *param, HptValue *out)
{
    char token[MOST_TOKEN];
    double number = 0;
    if (param->values == NULL) {
        return take_number(text, &number) && hpt_param_number_fits(param, number, out);
    }
    size_t index = take_string(text, token) ? hpt_param_find_value(param, token) : SIZE_MAX;
    if (index == SIZE_MAX) {
        return false;
    }
    *out = (HptValue){.active = true, .index = (uint32_t)index};
    return true;
}

/* One member; *i: the parameter of the one before, and then its own. */
static bool take_member(Text *text, const HptSpace *space, size_t *i, HptConfig *config)
{
    char name[MOST_TOKEN];
    if (!take_string(text, name) || !take(text, ':')) {
        return false;
    }
    bool next = *i + 1 < space->n && strcmp(space->params[*i + 1]->name, name) == 0;
    *i = next ? *i + 1 : hpt_space_find(space, name);
    return *i != SIZE_MAX && !config->values[*i].active && take_value(text, space->params[*i], &config->values[*i]);
}

HptConfig *hpt_config_from_canonical(const HptSpace *space, const char *canonical, size_t length)
{
    Text text = {canonical, canonical + length};
    g_autoptr(HptConfig) config = hpt_config_new(space);
    size_t i = SIZE_MAX; /* before the first */
    if (!take(&text, '{')) {
        return NULL;
    }
    while (!take(&text, '}')) {
        if ((text.at > canonical + 1 && !take(&text, ',')) || !take_member(&text, space, &i, config)) {
            return NULL;
        }
    }
    if (text.at < text.end) {
        return NULL;
    }
    for (i = 0; i < space->n; i++) {
        if (config->values[i].active != hpt_space_active(space, config, i)) {
            return NULL;
        }
    }
    return hpt_space_forbidden(space, config) == SIZE_MAX ? g_steal_pointer(&config) : NULL;
}
