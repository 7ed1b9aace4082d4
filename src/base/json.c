#include "base/json.h"

#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* As deep as Jansson reads; deeper trees can only have been built by hand. */
#define MAX_DEPTH 2048

/* So many digits are surely an int64. */
#define INT64_DIGITS 18

/* ---- reading ---- */

/* Is the token of n characters the text of a double, whole and too large for an int64? */
static bool is_large_real(const char *token, size_t n)
{
    if (n > 0 && *token == '-') {
        token++;
        n--;
    }
    char digits[24], shortest[HPT_NUMBER_TEXT_SIZE];
    double value;
    if (n <= INT64_DIGITS || n >= sizeof digits)
        return false;
    memcpy(digits, token, n);
    digits[n] = '\0';
    return strspn(digits, "0123456789") == n && hpt_number_parse(digits, &value, NULL) &&
           strcmp(hpt_number_text(value, shortest), digits) == 0;
}

/* ECMAScript writes 1e20 as "100000000000000000000", which Jansson refuses as too big an integer,
 * so that our own canonical text could not be read back. Such numbers get their last two digits,
 * which are zeros as a double has at most 17 before them, written as "e2": of the same length, so
 * positions in messages hold. Other large numbers are left to be refused. NULL: nothing to do. */
static char *mark_large_reals(const char *text, size_t length)
{
    char *copy = NULL;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            in_string = !in_string;
        else if (in_string && text[i] == '\\')
            i++;
        else if (!in_string && (text[i] == '-' || g_ascii_isdigit(text[i]))) {
            size_t n = 1;
            while (i + n < length &&
                   (g_ascii_isalnum(text[i + n]) || strchr("+-.", text[i + n]) != NULL))
                n++;
            if (is_large_real(text + i, n)) {
                if (copy == NULL)
                    copy = memcpy(g_malloc(length), text, length);
                memcpy(copy + i + n - 2, "e2", 2);
            }
            i += n - 1;
        }
    }
    return copy;
}

json_t *hpt_json_parse(const char *text, size_t length, GError **error)
{
    json_error_t problem;
    if (memchr(text, '\0', length) != NULL) { /* Jansson would take it for the end */
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "line 1, column 0: a NUL byte in JSON text");
        return NULL;
    }
    g_autofree char *marked = mark_large_reals(text, length);
    json_t *value = json_loadb(marked != NULL ? marked : text, length,
                               JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (value != NULL)
        return value;
    g_autofree char *reason = hpt_text_printable(problem.text, -1);
    const char *hint = "";
    if (json_error_code(&problem) == json_error_numeric_overflow)
        hint = strstr(problem.text, "integer") != NULL
                   ? " (beyond 64 bits; write such numbers as strings)"
                   : " (beyond the range of a double)";
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "line %d, column %d: %s%s", MAX(problem.line, 1),
                MAX(problem.column, 0), reason, hint);
    return NULL;
}

/* ---- writing ---- */

void hpt_json_append_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    const char *plain = text; /* what is not written yet */
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        g_string_append_len(out, plain, p - plain);
        plain = p + 1;
        static const char letters[128] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                          ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
        if (letters[c] != '\0')
            g_string_append_printf(out, "\\%c", letters[c]);
        else
            g_string_append_printf(out, "\\u%04x", c);
    }
    g_string_append(out, plain);
    g_string_append_c(out, '"');
}

/* Order by UTF-16 code units (RFC 8785 §3.2.3). It differs from that of UTF-8 bytes only where a
 * surrogate pair (from U+10000) meets U+E000 to U+FFFF: there the pair comes first. */
static int compare_utf16(gconstpointer a, gconstpointer b)
{
    const char *p = *(const char *const *)a, *q = *(const char *const *)b;
    while (*p != '\0' && *p == *q) {
        p++;
        q++;
    }
    unsigned char c = (unsigned char)*p, d = (unsigned char)*q;
    /* At the first difference both are lead bytes, or both are continuation bytes of sequences that
     * have the same lead; only lead bytes 0xF0… (a pair) and 0xEE, 0xEF (U+E000…) swap. */
    bool c_pair = c >= 0xf0, d_pair = d >= 0xf0;
    if (c_pair != d_pair && (c_pair ? d : c) >= 0xee)
        return c_pair ? -1 : 1;
    return (c > d) - (c < d);
}

static bool append(GString *out, const json_t *value, int depth, GError **error);

static bool append_object(GString *out, const json_t *object, int depth, GError **error)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_sized_new((guint)json_object_size(object));
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)object, key, member)
    {
        g_ptr_array_add(keys, (void *)key);
    }
    g_ptr_array_sort(keys, compare_utf16);
    g_string_append_c(out, '{');
    for (guint i = 0; i < keys->len; i++) {
        key = keys->pdata[i];
        if (!g_utf8_validate(key, -1, NULL)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "a member's name is not valid UTF-8");
            return false;
        }
        if (i > 0)
            g_string_append_c(out, ',');
        hpt_json_append_string(out, key);
        g_string_append_c(out, ':');
        if (!append(out, json_object_get(object, key), depth + 1, error))
            return false;
    }
    g_string_append_c(out, '}');
    return true;
}

static bool append_array(GString *out, const json_t *array, int depth, GError **error)
{
    g_string_append_c(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        if (!append(out, json_array_get(array, i), depth + 1, error))
            return false;
    }
    g_string_append_c(out, ']');
    return true;
}

static bool append_number(GString *out, const json_t *value, GError **error)
{
    char text[HPT_NUMBER_TEXT_SIZE], whole[HPT_NUMBER_TEXT_SIZE];
    double number = json_number_value(value);
    if (!isfinite(number)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s is not a JSON number",
                    hpt_number_text(number, text));
        return false;
    }
    hpt_number_text(number, text);
    if (json_is_integer(value)) {
        g_snprintf(whole, sizeof whole, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        if (strcmp(whole, text) != 0) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                        "integer %s does not fit a double; write it as a string", whole);
            return false;
        }
    }
    g_string_append(out, text);
    return true;
}

static bool append(GString *out, const json_t *value, int depth, GError **error)
{
    if (depth > MAX_DEPTH) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "JSON nested deeper than %d", MAX_DEPTH);
        return false;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return append_object(out, value, depth, error);
    case JSON_ARRAY:
        return append_array(out, value, depth, error);
    case JSON_STRING:
        if (strlen(json_string_value(value)) != json_string_length(value) ||
            !g_utf8_validate(json_string_value(value), -1, NULL)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                        "a string is not valid UTF-8 without NUL");
            return false;
        }
        hpt_json_append_string(out, json_string_value(value));
        return true;
    case JSON_INTEGER:
    case JSON_REAL:
        return append_number(out, value, error);
    case JSON_TRUE:
        g_string_append(out, "true");
        return true;
    case JSON_FALSE:
        g_string_append(out, "false");
        return true;
    case JSON_NULL:
        g_string_append(out, "null");
        return true;
    }
    g_assert_not_reached();
}

bool hpt_json_canonical_append(GString *out, const json_t *value, GError **error)
{
    gsize before = out->len;
    if (append(out, value, 0, error))
        return true;
    g_string_truncate(out, before);
    return false;
}

char *hpt_json_canonical(const json_t *value, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    if (!hpt_json_canonical_append(out, value, error))
        return NULL;
    return g_string_free(g_steal_pointer(&out), FALSE);
}
