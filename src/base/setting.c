#include "base/setting.h"

#include <string.h>

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
