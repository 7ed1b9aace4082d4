#include "store/table.h"

#include "base/digest.h"
#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define EXACT ((int64_t)1 << 53) /* whole numbers up to here are doubles */
#define SECOND ((int64_t)1000000)
#define DAY ((int64_t)86400)

static bool fault(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool fault(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, text);
    return false;
}

/* ---- bytes ---- */

static char *hex_of(const void *data, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = data;
    char *hex = g_malloc(2 * length + 1);
    for (size_t i = 0; i < length; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * length] = '\0';
    return hex;
}

static bool is_text(const char *bytes, size_t length)
{
    return memchr(bytes, '\0', length) == NULL && g_utf8_validate(bytes, (gssize)length, NULL);
}

static json_t *bytes_value(const char *hex)
{
    size_t length;
    g_autofree char *bytes = hpt_text_unhex(hex, &length);
    if (bytes == NULL)
        return NULL;
    return is_text(bytes, length) ? json_stringn(bytes, length) : json_pack("{s:s}", "hex", hex);
}

char *hpt_row_bytes(const json_t *value, size_t *length)
{
    const char *text = json_string_value(value);
    if (text != NULL) {
        *length = json_string_length(value);
        return g_strdup(text); /* a JSON text of ours has no NUL */
    }
    const char *hex = json_string_value(json_object_get(value, "hex"));
    char *bytes = hex != NULL && json_object_size(value) == 1 ? hpt_text_unhex(hex, length) : NULL;
    if (bytes == NULL || !is_text(bytes, *length))
        return bytes;
    g_free(bytes);
    return NULL;
}

static json_t *canonical_value(const char *hex)
{
    size_t length;
    g_autofree char *bytes = hpt_text_unhex(hex, &length);
    if (bytes == NULL)
        return NULL;
    g_autoptr(json_t) value = hpt_json_parse(bytes, length, NULL);
    g_autofree char *text = value != NULL ? hpt_json_canonical(value, NULL) : NULL;
    bool is = text != NULL && strcmp(text, bytes) == 0 && !json_is_string(value);
    return is ? g_steal_pointer(&value) : json_string(hex);
}

static char *canonical_of(const json_t *value, size_t *length)
{
    if (!json_is_string(value)) {
        char *text = hpt_json_canonical(value, NULL);
        *length = text != NULL ? strlen(text) : 0;
        return text;
    }
    const char *hex = json_string_value(value);
    char *bytes = hpt_text_unhex(hex, length);
    g_autoptr(json_t) again = bytes != NULL ? canonical_value(hex) : NULL;
    if (json_is_string(again))
        return bytes;
    g_free(bytes);
    return NULL;
}

/* ---- numbers and times ---- */

static json_t *int_value(int64_t value)
{
    g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, value);
    return value >= -EXACT && value <= EXACT ? json_integer(value) : json_string(digits);
}

static bool int_of(const json_t *value, int64_t *out)
{
    const char *digits = json_string_value(value);
    if (json_is_integer(value))
        *out = json_integer_value(value);
    else if (digits == NULL || !hpt_integer_parse(digits, out))
        return false;
    g_autoptr(json_t) again = int_value(*out);
    return json_equal(again, value);
}

static json_t *real_value(double value)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    if (isfinite(value) && (value != 0 || !signbit(value)))
        return json_real(value);
    return json_string(value == 0 ? "-0" : hpt_number_text(value, text));
}

/* What is a number to a database and none in JSON. */
static bool real_word(const char *text, double *out)
{
    static const struct {
        const char *text;
        double value;
    } words[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}, {"-0", -0.0}};
    for (size_t i = 0; text != NULL && i < G_N_ELEMENTS(words); i++)
        if (strcmp(text, words[i].text) == 0) {
            *out = words[i].value;
            return true;
        }
    return false;
}

static bool real_of(const json_t *value, double *out)
{
    *out = json_number_value(value);
    return json_is_number(value) || real_word(json_string_value(value), out);
}

/* "2026-11-23T09:02:03.000000Z"; whether it is a date says writing it again. */
static bool time_of(const json_t *value, int64_t *out)
{
    const char *text = json_string_value(value);
    static const char form[] = "0000-00-00T00:00:00.000000Z";
    if (text == NULL || strlen(text) != strlen(form))
        return false;
    for (size_t i = 0; i < strlen(form); i++)
        if (form[i] == '0' ? !g_ascii_isdigit(text[i]) : text[i] != form[i])
            return false;
    int64_t year = strtoll(text, NULL, 10), month = strtoll(text + 5, NULL, 10);
    int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
    if (year == 0)
        return false;
    /* Days of the proleptic Gregorian calendar, years beginning in March. */
    int64_t day = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
                  (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + strtoll(text + 8, NULL, 10) - 1 -
                  719468;
    *out = (day * DAY + strtoll(text + 11, NULL, 10) * 3600 + strtoll(text + 14, NULL, 10) * 60 +
            strtoll(text + 17, NULL, 10)) *
               SECOND +
           strtoll(text + 20, NULL, 10);
    g_autofree char *again = hpt_time_text(*out);
    return strcmp(again, text) == 0;
}

static bool is_uuid(const char *text)
{
    if (text == NULL || strlen(text) != 36)
        return false;
    for (int i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-'
                                                    : strchr("0123456789abcdef", text[i]) == NULL)
            return false;
    return true;
}

static bool is_digest(const char *text)
{
    return text != NULL && strlen(text) == HPT_DIGEST_HEX_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == HPT_DIGEST_HEX_SIZE - 1;
}

/* ---- one value ---- */

static json_t *value_from_wire(HptFieldType type, const json_t *wire)
{
    const char *text = json_string_value(wire);
    int64_t whole = json_integer_value(wire);
    switch (type) {
    case HPT_FIELD_INT4:
    case HPT_FIELD_INT8:
        return json_is_integer(wire) ? int_value(whole) : NULL;
    case HPT_FIELD_REAL: {
        double value;
        bool is = text != NULL && (real_word(text, &value) || hpt_number_parse(text, &value, NULL));
        return is ? real_value(value) : NULL;
    }
    case HPT_FIELD_TIME: {
        g_autofree char *time = json_is_integer(wire) ? hpt_time_text(whole) : NULL;
        return time != NULL ? json_string(time) : NULL;
    }
    case HPT_FIELD_BYTES:
        return text != NULL ? bytes_value(text) : NULL;
    case HPT_FIELD_CANONICAL:
        return text != NULL ? canonical_value(text) : NULL;
    case HPT_FIELD_TEXT:
    case HPT_FIELD_BOOL:
    case HPT_FIELD_UUID:
    case HPT_FIELD_DIGEST:
    case HPT_FIELD_JSON:
    case HPT_FIELD_CONTENT:
        break;
    }
    return json_incref((json_t *)(uintptr_t)wire);
}

/* A value of a bundle, checked. */
static bool value_fits(HptFieldType type, const json_t *value)
{
    int64_t whole = 0;
    double real;
    size_t length;
    switch (type) {
    case HPT_FIELD_INT4:
        return int_of(value, &whole) && whole >= INT32_MIN && whole <= INT32_MAX;
    case HPT_FIELD_INT8:
        return int_of(value, &whole);
    case HPT_FIELD_REAL:
        return real_of(value, &real);
    case HPT_FIELD_TEXT:
        return json_is_string(value);
    case HPT_FIELD_BOOL:
        return json_is_boolean(value);
    case HPT_FIELD_TIME:
        return time_of(value, &whole);
    case HPT_FIELD_UUID:
        return is_uuid(json_string_value(value));
    case HPT_FIELD_DIGEST:
        return is_digest(json_string_value(value));
    case HPT_FIELD_JSON:
        return !json_is_null(value);
    case HPT_FIELD_BYTES:
    case HPT_FIELD_CANONICAL: {
        g_autofree char *bytes =
            type == HPT_FIELD_BYTES ? hpt_row_bytes(value, &length) : canonical_of(value, &length);
        return bytes != NULL;
    }
    case HPT_FIELD_CONTENT:
        break;
    }
    return false;
}

/* value has been checked. Owned. */
static json_t *value_to_wire(HptFieldType type, const json_t *value)
{
    int64_t whole = 0;
    double real;
    size_t length = 0;
    char number[HPT_NUMBER_TEXT_SIZE];
    switch (type) {
    case HPT_FIELD_REAL:
        (void)!real_of(value, &real);
        return json_string(json_is_string(value) ? json_string_value(value)
                                                 : hpt_number_text(real, number));
    case HPT_FIELD_TIME:
        (void)!time_of(value, &whole);
        return int_value(whole);
    case HPT_FIELD_BYTES:
    case HPT_FIELD_CANONICAL: {
        g_autofree char *bytes =
            type == HPT_FIELD_BYTES ? hpt_row_bytes(value, &length) : canonical_of(value, &length);
        g_autofree char *hex = hex_of(bytes, length);
        return json_string(hex);
    }
    case HPT_FIELD_INT4:
    case HPT_FIELD_INT8:
    case HPT_FIELD_TEXT:
    case HPT_FIELD_BOOL:
    case HPT_FIELD_UUID:
    case HPT_FIELD_DIGEST:
    case HPT_FIELD_JSON:
    case HPT_FIELD_CONTENT:
        break;
    }
    return json_incref((json_t *)(uintptr_t)value);
}

static const char *type_text(HptFieldType type)
{
    static const char *const texts[] = {
        [HPT_FIELD_INT4] = "a whole number of 32 bits",
        [HPT_FIELD_INT8] = "a whole number of 64 bits",
        [HPT_FIELD_REAL] = "a number",
        [HPT_FIELD_TEXT] = "a text",
        [HPT_FIELD_BOOL] = "true or false",
        [HPT_FIELD_TIME] = "a time like 2026-11-23T09:02:03.000000Z",
        [HPT_FIELD_UUID] = "a UUID",
        [HPT_FIELD_BYTES] = "bytes",
        [HPT_FIELD_DIGEST] = "a SHA-256",
        [HPT_FIELD_JSON] = "JSON",
        [HPT_FIELD_CANONICAL] = "canonical JSON",
        [HPT_FIELD_CONTENT] = "part of a bundle",
    };
    return texts[type];
}

/* ---- rows ---- */

/* Applies to a value, or to each element of an array; NULL elements stay. */
static json_t *each(const HptField *field, const json_t *value,
                    json_t *(*convert)(HptFieldType, const json_t *))
{
    if (!field->array)
        return convert(field->type, value);
    if (!json_is_array(value))
        return NULL;
    g_autoptr(json_t) out = json_array();
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        json_t *made = json_is_null(element) ? json_null() : convert(field->type, element);
        if (made == NULL)
            return NULL;
        json_array_append_new(out, made);
    }
    return g_steal_pointer(&out);
}

static bool fits(const HptField *field, const json_t *value)
{
    if (!field->array)
        return value_fits(field->type, value);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        bool gap =
            json_is_null(element) && field->type == HPT_FIELD_REAL; /* a value not reported */
        if (!gap && !value_fits(field->type, element))
            return false;
    }
    return json_is_array(value);
}

/* A row that is named by the digest of its bytes must be. */
static bool check_digest(const HptTable *table, const json_t *row, GError **error)
{
    const char *digest = json_string_value(json_object_get(row, "digest"));
    const HptField *field = hpt_table_field(table, "digest");
    const json_t *canonical = json_object_get(row, "canonical");
    if (field == NULL || !field->key || canonical == NULL || digest == NULL)
        return true;
    size_t length;
    char hex[HPT_DIGEST_HEX_SIZE];
    bool plain = hpt_table_field(table, "canonical")->type == HPT_FIELD_BYTES;
    g_autofree char *bytes =
        plain ? hpt_row_bytes(canonical, &length) : canonical_of(canonical, &length);
    HptDigest found = hpt_digest(bytes, bytes != NULL ? length : 0);
    if (bytes != NULL && strcmp(hpt_digest_hex(&found, hex), digest) == 0)
        return true;
    return fault(error, "%s sha256:%s is damaged: its bytes have another digest", table->name,
                 digest);
}

json_t *hpt_table_from_wire(const HptTable *table, const char *text, size_t length, char **content,
                            GError **error)
{
    g_autoptr(json_t) wire = hpt_json_parse(text, length, error), row = json_object();
    if (wire == NULL)
        return NULL;
    const char *bytes = NULL;
    for (guint i = 0; i < table->fields->len; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        const json_t *given = json_object_get(wire, field->name);
        if (field->type == HPT_FIELD_CONTENT) {
            bytes = json_string_value(given);
            continue;
        }
        if (given == NULL || json_is_null(given))
            continue;
        json_t *value = each(field, given, value_from_wire);
        if (value == NULL || json_object_set_new(row, field->name, value) != 0) {
            (void)fault(error, "%s: the column %s is not %s", table->name, field->name,
                        type_text(field->type));
            return NULL;
        }
    }
    if (!check_digest(table, row, error)) {
        g_prefix_error(error, "in the database: ");
        (*error)->code = HPT_ERROR_INTEGRITY;
        return NULL;
    }
    if (content != NULL)
        *content = g_strdup(bytes);
    return g_steal_pointer(&row);
}

static bool check_row(const HptTable *table, const json_t *row, GError **error)
{
    if (!json_is_object(row))
        return fault(error, "not a JSON object");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)row, name, value)
    {
        const HptField *field = hpt_table_field(table, name);
        g_autofree char *shown = hpt_text_printable(name, -1);
        if (field == NULL || field->type == HPT_FIELD_CONTENT)
            return fault(error,
                         "the member '%s' is unknown: the bundle is of a newer hpt, or damaged",
                         shown);
        if (!fits(field, value))
            return fault(error, "the member '%s' is not %s%s", shown, type_text(field->type),
                         field->array ? " in an array" : "");
    }
    for (guint i = 0; i < table->fields->len; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        if (!field->nullable && field->type != HPT_FIELD_CONTENT &&
            json_object_get(row, field->name) == NULL)
            return fault(error, "the member '%s' is missing", field->name);
    }
    return check_digest(table, row, error);
}

json_t *hpt_table_read(const HptTable *table, const char *line, size_t length, GError **error)
{
    g_autoptr(json_t) row = hpt_json_parse(line, length, error);
    if (row == NULL || !check_row(table, row, error))
        return NULL;
    g_autofree char *text = hpt_json_canonical(row, error);
    if (text == NULL)
        return NULL;
    if (strlen(text) == length && memcmp(text, line, length) == 0)
        return g_steal_pointer(&row);
    (void)fault(error, "not canonical JSON");
    return NULL;
}

void hpt_table_to_wire(const HptTable *table, const json_t *row, GString *out)
{
    g_autoptr(json_t) wire = json_object();
    for (guint i = 0; i < table->fields->len; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        const json_t *value = json_object_get(row, field->name);
        if (value != NULL)
            json_object_set_new(wire, field->name, each(field, value, value_to_wire));
    }
    bool ok = hpt_json_canonical_append(out, wire, NULL);
    g_assert(ok);
}

static int compare_values(HptFieldType type, const json_t *a, const json_t *b)
{
    int64_t x = 0, y = 0;
    size_t n = 0, m = 0;
    if (type == HPT_FIELD_INT4 || type == HPT_FIELD_INT8) {
        (void)!int_of(a, &x);
        (void)!int_of(b, &y);
        return (x > y) - (x < y);
    }
    if (type != HPT_FIELD_BYTES)
        return strcmp(json_string_value(a), json_string_value(b));
    g_autofree char *p = hpt_row_bytes(a, &n), *q = hpt_row_bytes(b, &m);
    int order = memcmp(p, q, MIN(n, m));
    return order != 0 ? order : (n > m) - (n < m);
}

int hpt_table_compare(const HptTable *table, const json_t *a, const json_t *b)
{
    int order = 0;
    for (guint i = 0; i < table->fields->len && order == 0; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        if (field->key)
            order = compare_values(field->type, json_object_get(a, field->name),
                                   json_object_get(b, field->name));
    }
    return order;
}

bool hpt_row_has(const json_t *row, const char *name)
{
    return json_object_get(row, name) != NULL;
}

const char *hpt_row_text(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

int64_t hpt_row_integer(const json_t *row, const char *name, int64_t otherwise)
{
    int64_t value = 0;
    return int_of(json_object_get(row, name), &value) ? value : otherwise;
}

double hpt_row_real(const json_t *row, const char *name)
{
    double value = 0;
    (void)!real_of(json_object_get(row, name), &value);
    return value;
}

double *hpt_row_reals(const json_t *row, const char *name, size_t *n)
{
    const json_t *array = json_object_get(row, name);
    *n = json_array_size(array);
    double *values = json_is_array(array) ? g_new0(double, *n + 1) : NULL;
    for (size_t i = 0; i < *n; i++)
        (void)!real_of(json_array_get(array, i), &values[i]);
    return values;
}

char *hpt_table_key_text(const HptTable *table, const json_t *row)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < table->fields->len; i++) {
        const HptField *field = &g_array_index(table->fields, HptField, i);
        if (!field->key)
            continue;
        const json_t *value = json_object_get(row, field->name);
        g_autofree char *text = hpt_json_canonical(value, NULL);
        g_autofree char *shown =
            hpt_text_printable(json_is_string(value) ? json_string_value(value) : text, -1);
        g_string_append_printf(out, json_is_string(value) ? "%s%s '%s'" : "%s%s %s",
                               out->len > 0 ? ", " : "", field->name, shown);
    }
    return g_string_free(out, FALSE);
}
