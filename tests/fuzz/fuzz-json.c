/* JSON: what is read and has a canonical text reads back from it, to the same canonical text. */
#include "base/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) value = hpt_json_parse((const char *)data, size, &error);
    if (value == NULL) {
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        g_assert_true(g_str_has_prefix(error->message, "line "));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    g_autofree char *first = hpt_json_canonical(value, &error);
    if (first == NULL) {
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        return 0;
    }
    g_assert_true(g_utf8_validate(first, -1, NULL));
    g_autoptr(json_t) again = hpt_json_parse(first, strlen(first), &error);
    g_assert_no_error(error);
    g_autofree char *second = hpt_json_canonical(again, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(first, ==, second);
    return 0;
}
