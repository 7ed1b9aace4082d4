#include "base/setting.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

/* ---- cutting ---- */

static bool is_set(const GArray *settings, const char *key)
{
    for (guint i = 0; i < settings->len; i++)
        if (strcmp(g_array_index(settings, HptSetting, i).key, key) == 0)
            return true;
    return false;
}

GArray *hpt_settings_cut(char *text, const char *what, const char *spec, GError **error)
{
    g_autoptr(GArray) settings = g_array_new(FALSE, FALSE, sizeof(HptSetting));
    while (text != NULL) {
        char *next = strchr(text, ',');
        if (next != NULL)
            *next++ = '\0';
        char *equals = strchr(text, '=');
        if (equals == NULL || equals == text || equals[1] == '\0') {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "%s '%s': a setting is written KEY=VALUE, not '%s'", what, spec, text);
            return NULL;
        }
        *equals = '\0';
        HptSetting setting = {text, equals + 1};
        if (is_set(settings, setting.key)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s '%s': '%s' is set twice", what, spec,
                        setting.key);
            return NULL;
        }
        g_array_append_val(settings, setting);
        text = next;
    }
    return g_steal_pointer(&settings);
}

/* ---- reading ---- */

static const HptSettingRule *find(const char *what, const char *name, const HptSettingRule *known, size_t n_known,
                                  const char *key, GError **error)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new();
    for (size_t i = 0; i < n_known; i++) {
        if (strcmp(known[i].key, key) == 0)
            return &known[i];
        g_ptr_array_add(keys, (void *)known[i].key);
    }
    g_ptr_array_add(keys, NULL);
    const char *near = hpt_suggest(key, (const char *const *)keys->pdata);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s '%s' has no setting '%s'%s%s%s", what, name,
                key, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                near != NULL ? "'?" : "");
    return NULL;
}

/* What is legal, after "must be ". Owned. */
static char *describe(const HptSettingRule *rule)
{
    char low[HPT_NUMBER_TEXT_SIZE], high[HPT_NUMBER_TEXT_SIZE];
    if (rule->words != NULL) {
        g_autofree char *words = g_strjoinv(", ", (char **)(void *)rule->words);
        return g_strconcat("one of ", words, NULL);
    }
    bool all = rule->low <= -G_MAXDOUBLE && rule->high >= G_MAXDOUBLE;
    return g_strconcat("a ", rule->whole ? "whole " : "", "number", all ? "" : " from ",
                       all ? "" : hpt_number_text(rule->low, low), all ? "" : " to ",
                       all ? "" : hpt_number_text(rule->high, high),
                       rule->optional ? " or 'none'" : "", NULL);
}

static bool read_word(const HptSettingRule *rule, const char *text)
{
    for (size_t i = 0; rule->words[i] != NULL; i++)
        if (strcmp(rule->words[i], text) == 0) {
            *rule->out = (double)i;
            return true;
        }
    return false;
}

static bool read_number(const HptSettingRule *rule, const char *text)
{
    double number = (double)NAN;
    if (!(rule->optional && strcmp(text, "none") == 0) &&
        (!hpt_number_parse(text, &number, NULL) || number < rule->low || number > rule->high ||
         (rule->whole && floor(number) < number)))
        return false;
    *rule->out = number + 0.0;
    return true;
}

bool hpt_settings_apply(const char *what, const char *name, const HptSetting *settings, size_t n,
                       const HptSettingRule *known, size_t n_known, GString *spec, GError **error)
{
    for (size_t i = 0; i < n; i++) {
        const HptSettingRule *rule = find(what, name, known, n_known, settings[i].key, error);
        if (rule == NULL)
            return false;
        if ((rule->words != NULL ? read_word : read_number)(rule, settings[i].value))
            continue;
        g_autofree char *legal = describe(rule);
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s '%s': '%s' must be %s, not '%s'", what, name,
                    rule->key, legal, settings[i].value);
        return false;
    }
    for (size_t i = 0; i < n_known; i++) {
        const HptSettingRule *rule = &known[i];
        char text[HPT_NUMBER_TEXT_SIZE];
        g_string_append_printf(spec, "%s%s=%s", i > 0 ? "," : "", rule->key,
                               rule->words != NULL  ? rule->words[(size_t)*rule->out]
                               : isnan(*rule->out) ? "none"
                                                   : hpt_number_text(*rule->out, text));
    }
    return true;
}
