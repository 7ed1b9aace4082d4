#include "store/table.h"

#include <string.h>

struct HptTables {
    GPtrArray *tables; /* of HptTable */
};

static const struct {
    const char *name;
    HptFieldType type;
} types[] = {
    {"int4", HPT_FIELD_INT4}, {"int8", HPT_FIELD_INT8},           {"real", HPT_FIELD_REAL},
    {"text", HPT_FIELD_TEXT}, {"bool", HPT_FIELD_BOOL},           {"time", HPT_FIELD_TIME},
    {"uuid", HPT_FIELD_UUID}, {"bytes", HPT_FIELD_BYTES},         {"digest", HPT_FIELD_DIGEST},
    {"json", HPT_FIELD_JSON}, {"canonical", HPT_FIELD_CANONICAL}, {"content", HPT_FIELD_CONTENT},
};

static void field_clear(void *data)
{
    HptField *field = data;
    g_free(field->name);
    g_free(field->refers);
}

static void table_free(void *data)
{
    HptTable *table = data;
    g_free(table->name);
    g_array_unref(table->fields);
    g_free(table);
}

void hpt_tables_free(HptTables *tables)
{
    if (tables == NULL)
        return;
    g_ptr_array_unref(tables->tables);
    g_free(tables);
}

/* NAME[*][:TYPE[[]][?][>TABLE]]; false: nothing of this column is in a bundle. */
static bool read_field(const char *word, HptField *field, GError **error)
{
    size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const char *p = word + length;
    *field = (HptField){.type = HPT_FIELD_TEXT};
    if (*p == '=' || *p == '!')
        return false;
    field->key = *p == '*';
    p += field->key ? 1 : 0;
    bool known = *p == '\0';
    if (*p == ':') {
        size_t n = strspn(++p, "abcdefghijklmnopqrstuvwxyz0123456789");
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
            if (strlen(types[i].name) == n && strncmp(types[i].name, p, n) == 0) {
                field->type = types[i].type;
                known = true;
            }
        p += n;
        field->array = g_str_has_prefix(p, "[]");
        p += field->array ? 2 : 0;
        field->nullable = *p == '?';
        p += field->nullable ? 1 : 0;
        field->refers = *p == '>' ? g_strdup(p + 1) : NULL;
        known = known && (*p == '\0' || *p == '>');
    }
    if (length == 0 || !known)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' describes no column", word);
    field->name = g_strndup(word, length);
    return true;
}

static HptTable *read_table(const char *name, size_t length, const char *fields, GError **error)
{
    HptTable *table = g_new0(HptTable, 1);
    table->name = g_strndup(name, length);
    table->fields = g_array_new(FALSE, FALSE, sizeof(HptField));
    g_array_set_clear_func(table->fields, field_clear);
    g_auto(GStrv) words = g_strsplit(fields, " ", -1);
    for (char **word = words; *word != NULL; word++) {
        HptField field;
        GError *local = NULL;
        if (!read_field(*word, &field, &local))
            continue;
        g_array_append_val(table->fields, field);
        if (local != NULL) {
            g_propagate_prefixed_error(error, local, "table %s: ", table->name);
            table_free(table);
            return NULL;
        }
    }
    return table;
}

HptTables *hpt_tables_new(const char *text, GError **error)
{
    g_autoptr(HptTables) tables = g_new0(HptTables, 1);
    tables->tables = g_ptr_array_new_with_free_func(table_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        const char *name = *line + 2, *middle = strstr(*line, "', '"), *end = strrchr(*line, '\'');
        if (!g_str_has_prefix(*line, "('") || middle == NULL || end <= middle + 4 ||
            middle[4] == '!')
            continue;
        g_autofree char *fields = g_strndup(middle + 4, (size_t)(end - middle - 4));
        HptTable *table = read_table(name, (size_t)(middle - name), fields, error);
        if (table == NULL)
            return NULL;
        g_ptr_array_add(tables->tables, table);
    }
    return g_steal_pointer(&tables);
}

size_t hpt_tables_count(const HptTables *tables)
{
    return tables->tables->len;
}

const HptTable *hpt_tables_peek(const HptTables *tables, size_t i)
{
    return tables->tables->pdata[i];
}

const HptTable *hpt_tables_find(const HptTables *tables, const char *name)
{
    for (guint i = 0; i < tables->tables->len; i++) {
        const HptTable *table = tables->tables->pdata[i];
        if (strcmp(table->name, name) == 0)
            return table;
    }
    return NULL;
}

const HptField *hpt_table_field(const HptTable *table, const char *name)
{
    for (guint i = 0; i < table->fields->len; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        if (strcmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}
