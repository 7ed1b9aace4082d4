#include "search/rule.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

static HptRule *find(const char *sampler, HptRule *rules, size_t n, const char *key, GError **error)
{
    g_autofree const char **keys = g_new0(const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        keys[i] = rules[i].key;
        if (strcmp(key, keys[i]) == 0)
            return &rules[i];
    }
    const char *near = hpt_suggest(key, keys);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "sampler '%s' has no setting '%s'%s%s%s", sampler, key,
                near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                near == NULL ? "" : "'?");
    return NULL;
}

static bool read_word(const char *sampler, HptRule *rule, const char *text, GError **error)
{
    for (size_t i = 0; rule->words[i] != NULL; i++)
        if (strcmp(rule->words[i], text) == 0) {
            rule->value = (double)i;
            return true;
        }
    g_autofree char *words = g_strjoinv(", ", (char **)rule->words);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "sampler '%s': '%s' must be one of %s, not '%s'", sampler,
                rule->key, words, text);
    return false;
}

static bool read_number(const char *sampler, HptRule *rule, const char *text, GError **error)
{
    double value = 0;
    if (hpt_number_parse(text, &value, NULL) && value >= rule->least && value <= rule->most &&
        !(rule->whole && floor(value) < value)) {
        rule->value = value;
        return true;
    }
    char least[HPT_NUMBER_TEXT_SIZE], most[HPT_NUMBER_TEXT_SIZE];
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "sampler '%s': '%s' must be a %snumber from %s to %s, not '%s'",
                sampler, rule->key, rule->whole ? "whole " : "", hpt_number_text(rule->least, least),
                hpt_number_text(rule->most, most), text);
    return false;
}

bool hpt_rules_read(const char *sampler, HptRule *rules, size_t n_rules, const HptSetting *settings,
                    size_t n, GString *spec, GError **error)
{
    for (size_t i = 0; i < n; i++) {
        HptRule *rule = find(sampler, rules, n_rules, settings[i].key, error);
        if (rule == NULL || !(rule->words != NULL ? read_word : read_number)(sampler, rule,
                                                                             settings[i].value, error))
            return false;
    }
    for (size_t i = 0; i < n_rules; i++) {
        char number[HPT_NUMBER_TEXT_SIZE];
        g_string_append_printf(spec, "%s%s=%s", i > 0 ? "," : "", rules[i].key,
                               rules[i].words != NULL ? rules[i].words[(size_t)rules[i].value]
                                                      : hpt_number_text(rules[i].value, number));
    }
    return true;
}
