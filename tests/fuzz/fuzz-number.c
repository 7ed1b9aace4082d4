/* Numbers: the input as text is read as strtod reads it; as eight bytes it is a double whose text
 * reads back, and does not with a digit less. */
#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_double(double value)
{
    char text[HPT_NUMBER_TEXT_SIZE], shorter[64];
    hpt_number_text(value, text);
    g_assert_cmpuint(strlen(text), <, HPT_NUMBER_TEXT_SIZE);
    if (!isfinite(value)) {
        g_assert_true(strcmp(text, "NaN") == 0 || g_str_has_suffix(text, "Infinity"));
        return;
    }
    double back;
    g_assert_true(hpt_number_parse(text, &back, NULL));
    g_assert_true(back == value);
    g_assert_true(strtod(text, NULL) == value);
    /* Significant digits: from the first that is not 0 to the last that is not 0. */
    int digits = 0, zeros = 0;
    for (const char *p = text; *p != '\0' && *p != 'e'; p++)
        if (g_ascii_isdigit(*p) && (digits > 0 || *p != '0')) {
            digits++;
            zeros = *p == '0' ? zeros + 1 : 0;
        }
    digits -= zeros;
    if (digits > 1) {
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        g_assert_true(strtod(shorter, NULL) != value);
    }
    g_assert_true(hpt_number_snap(value, 17) == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= sizeof(double)) {
        double value;
        memcpy(&value, data, sizeof value);
        check_double(value);
    }
    g_autofree char *text = g_strndup((const char *)data, size);
    double number;
    bool overflow;
    if (hpt_number_parse(text, &number, &overflow)) {
        char *end;
        g_assert_true(strtod(text, &end) == number && *end == '\0' && isfinite(number));
        check_double(number);
    } else if (overflow) {
        g_assert_true(isinf(strtod(text, NULL)));
    }
    int64_t whole;
    if (hpt_integer_parse(text, &whole)) {
        g_assert_true(hpt_number_parse(text, &number, NULL));
        g_assert_true(number == (double)whole);
    }
    g_autoptr(GError) time_error = NULL;
    g_autoptr(GError) size_error = NULL;
    int64_t amount;
    if (hpt_duration_parse(text, &amount, &time_error))
        g_assert_cmpint(amount, >, 0);
    else
        g_assert_error(time_error, HPT_ERROR, HPT_ERROR_DATA);
    if (hpt_size_parse(text, &amount, &size_error))
        g_assert_cmpint(amount, >, 0);
    else
        g_assert_error(size_error, HPT_ERROR, HPT_ERROR_DATA);
    return 0;
}
