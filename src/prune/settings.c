/* Settings of rules, from tables: "KEY=VALUE,…" in, numbers and the canonical text out. */
#include "prune/internal.h"

#include "base/number.h"

#include <string.h>

static const HptPruneSetting *find(const char *rule, const HptPruneSetting *known, size_t n_known,
                                   const char *key, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < n_known; i++) {
        if (strcmp(known[i].key, key) == 0)
            return &known[i];
        g_ptr_array_add(names, (void *)known[i].key);
    }
    g_ptr_array_add(names, NULL);
    const char *near = hpt_suggest(key, (const char *const *)names->pdata);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "pruner '%s' has no setting '%s'%s%s%s", rule,
                key, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                near != NULL ? "'?" : "");
    return NULL;
}

static bool out_of_range(const char *rule, const HptPruneSetting *setting, const char *value,
                         GError **error)
{
    char low[HPT_NUMBER_TEXT_SIZE], high[HPT_NUMBER_TEXT_SIZE];
    bool all = setting->low <= -G_MAXDOUBLE && setting->high >= G_MAXDOUBLE;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "pruner '%s': '%s' must be a %snumber%s%s%s%s%s, not '%s'", rule, setting->key,
                setting->whole ? "whole " : "", all ? "" : " from ",
                all ? "" : hpt_number_text(setting->low, low), all ? "" : " to ",
                all ? "" : hpt_number_text(setting->high, high),
                setting->optional ? " or 'none'" : "", value);
    return false;
}

static bool read_one(const char *rule, const HptPruneSetting *setting, const char *value,
                     GError **error)
{
    double number;
    if (setting->optional && strcmp(value, "none") == 0) {
        *setting->out = (double)NAN;
        return true;
    }
    /* Below the low end lies what is not larger, so that NaN could not pass. */
    if (!hpt_number_parse(value, &number, NULL) ||
        !(number >= setting->low && number <= setting->high) ||
        (setting->whole && floor(number) < number))
        return out_of_range(rule, setting, value, error);
    *setting->out = number + 0.0;
    return true;
}

bool hpt_prune_settings(const char *rule, const HptSetting *texts, size_t n,
                        const HptPruneSetting *known, size_t n_known, GString *spec, GError **error)
{
    for (size_t i = 0; i < n; i++) {
        const HptPruneSetting *setting = find(rule, known, n_known, texts[i].key, error);
        if (setting == NULL || !read_one(rule, setting, texts[i].value, error))
            return false;
    }
    for (size_t i = 0; i < n_known; i++) {
        char text[HPT_NUMBER_TEXT_SIZE];
        double value = *known[i].out;
        g_string_append_printf(spec, "%s%s=%s", i > 0 ? "," : "", known[i].key,
                               isnan(value) ? "none" : hpt_number_text(value, text));
    }
    return true;
}

void *hpt_prune_keep(const void *state, size_t size)
{
    return memcpy(g_malloc(size), state, size);
}
