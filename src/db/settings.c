#include "db/settings.h"

#include <string.h>

typedef struct {
    char *key, *value;
    unsigned line;
} Entry;

struct HptSettings {
    char *path;
    GArray *entries;
};

static void entry_clear(void *data)
{
    Entry *entry = data;
    g_free(entry->key);
    g_free(entry->value);
}

void hpt_settings_free(HptSettings *settings)
{
    if (settings == NULL)
        return;
    g_array_unref(settings->entries);
    g_free(settings->path);
    g_free(settings);
}

static bool is_key(const char *text)
{
    if (!g_ascii_islower(text[0]))
        return false;
    for (; *text != '\0'; text++)
        if (!g_ascii_islower(*text) && !g_ascii_isdigit(*text) && *text != '_')
            return false;
    return true;
}

HptSettings *hpt_settings_parse(const char *text, const char *path, GError **error)
{
    g_autoptr(HptSettings) settings = g_new0(HptSettings, 1);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    settings->path = g_strdup(path);
    settings->entries = g_array_new(false, false, sizeof(Entry));
    g_array_set_clear_func(settings->entries, entry_clear);
    if (!g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: not UTF-8", path);
        return NULL;
    }
    for (unsigned i = 0; lines[i] != NULL; i++) {
        char *line = g_strstrip(lines[i]);
        if (line[0] == '\0' || line[0] == '#')
            continue;
        char *equals = strchr(line, '=');
        g_autofree char *key = g_strndup(line, equals == NULL ? 0 : (gsize)(equals - line));
        if (!is_key(g_strchomp(key))) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s:%u: expected 'key = value'", path,
                        i + 1);
            return NULL;
        }
        Entry entry = {g_steal_pointer(&key), g_strdup(g_strchug(equals + 1)), i + 1};
        g_array_append_val(settings->entries, entry);
    }
    return g_steal_pointer(&settings);
}

HptSettings *hpt_settings_read(const char *path, GError **error)
{
    GError *failure = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!g_file_get_contents(path, &text, &length, &failure)) {
        bool missing = g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
                       g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOTDIR);
        if (!missing)
            g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "%s", failure->message);
        g_error_free(failure);
        return missing ? hpt_settings_parse("", path, error) : NULL;
    }
    if (strlen(text) != length) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: holds a NUL byte", path);
        return NULL;
    }
    return hpt_settings_parse(text, path, error);
}

static const Entry *last(const HptSettings *settings, const char *key)
{
    for (guint i = settings->entries->len; i-- > 0;) {
        const Entry *entry = &g_array_index(settings->entries, Entry, i);
        if (strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

const char *hpt_settings_peek(const HptSettings *settings, const char *key)
{
    const Entry *entry = last(settings, key);
    return entry == NULL ? NULL : entry->value;
}

const char **hpt_settings_all(const HptSettings *settings, const char *key)
{
    g_autoptr(GPtrArray) out = g_ptr_array_new();
    for (guint i = 0; i < settings->entries->len; i++) {
        const Entry *entry = &g_array_index(settings->entries, Entry, i);
        if (strcmp(entry->key, key) == 0)
            g_ptr_array_add(out, entry->value);
    }
    g_ptr_array_add(out, NULL);
    return (const char **)g_ptr_array_free(g_steal_pointer(&out), false);
}

char *hpt_settings_place(const HptSettings *settings, const char *key)
{
    const Entry *entry = last(settings, key);
    return g_strdup_printf("%s:%u", settings->path, entry == NULL ? 0 : entry->line);
}
