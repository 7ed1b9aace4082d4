/* A row of a bundle: the first byte chooses the table. A line that is read is its own canonical
 * text, has a wire form that is JSON, and compares equal to itself; others have a reason. */
#include "study/import.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static HptTables *tables;
    if (tables == NULL)
        tables = hpt_import_tables();
    if (size == 0)
        return 0;
    const HptTable *table = hpt_tables_peek(tables, data[0] % hpt_tables_count(tables));
    g_autoptr(GError) error = NULL;
    const char *line = (const char *)data + 1;
    g_autoptr(json_t) row = hpt_table_read(table, line, size - 1, &error);
    if (row == NULL) {
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_autofree char *text = hpt_json_canonical(row, &error);
    g_assert_no_error(error);
    g_assert_true(strlen(text) == size - 1 && memcmp(text, line, size - 1) == 0);
    g_assert_cmpint(hpt_table_compare(table, row, row), ==, 0);
    g_autofree char *key = hpt_table_key_text(table, row);
    g_assert_true(g_utf8_validate(key, -1, NULL));
    g_autoptr(GString) wire = g_string_new(NULL);
    hpt_table_to_wire(table, row, wire);
    g_autoptr(json_t) parsed = hpt_json_parse(wire->str, wire->len, &error);
    g_assert_no_error(error);
    return 0;
}
