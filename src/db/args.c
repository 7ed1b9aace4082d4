/* Typed arguments in PostgreSQL's binary format (its send and receive functions define it). */
#include "db/internal.h"

#include <limits.h>
#include <string.h>

/* PostgreSQL counts time from 2000-01-01. */
#define EPOCH_2000_US INT64_C(946684800000000)

static const Oid type_oids[HPT_TYPE_COUNT] = {
    [HPT_TYPE_BOOL] = HPT_OID_BOOL,
    [HPT_TYPE_INT4] = HPT_OID_INT4,
    [HPT_TYPE_INT8] = HPT_OID_INT8,
    [HPT_TYPE_FLOAT8] = HPT_OID_FLOAT8,
    [HPT_TYPE_TEXT] = HPT_OID_TEXT,
    [HPT_TYPE_BYTEA] = HPT_OID_BYTEA,
    [HPT_TYPE_JSONB] = HPT_OID_JSONB,
    [HPT_TYPE_UUID] = HPT_OID_UUID,
    [HPT_TYPE_TIME] = HPT_OID_TIMESTAMPTZ,
    [HPT_TYPE_BOOL_ARRAY] = OID_BOOL_ARRAY,
    [HPT_TYPE_INT4_ARRAY] = OID_INT4_ARRAY,
    [HPT_TYPE_INT8_ARRAY] = OID_INT8_ARRAY,
    [HPT_TYPE_FLOAT8_ARRAY] = OID_FLOAT8_ARRAY,
    [HPT_TYPE_TEXT_ARRAY] = OID_TEXT_ARRAY,
    [HPT_TYPE_BYTEA_ARRAY] = OID_BYTEA_ARRAY,
};

HptArgs *hpt_args_new(void)
{
    HptArgs *args = g_new(HptArgs, 1);
    args->types = g_array_new(false, false, sizeof(Oid));
    args->offsets = g_array_new(false, false, sizeof(size_t));
    args->lengths = g_array_new(false, false, sizeof(int));
    args->data = g_byte_array_new();
    return args;
}

void hpt_args_free(HptArgs *args)
{
    if (args == NULL)
        return;
    g_array_unref(args->types);
    g_array_unref(args->offsets);
    g_array_unref(args->lengths);
    g_byte_array_unref(args->data);
    g_free(args);
}

static void put(HptArgs *args, const void *bytes, size_t length)
{
    g_assert(length <= UINT_MAX - args->data->len);
    g_byte_array_append(args->data, bytes, (guint)length);
}

static void put_int32(HptArgs *args, int32_t value)
{
    uint32_t big = GUINT32_TO_BE((uint32_t)value);
    put(args, &big, sizeof big);
}

static void put_int64(HptArgs *args, int64_t value)
{
    uint64_t big = GUINT64_TO_BE((uint64_t)value);
    put(args, &big, sizeof big);
}

static void put_double(HptArgs *args, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = GUINT64_TO_BE(bits);
    put(args, &bits, sizeof bits);
}

/* Every argument is begun, its bytes are put, and it is ended. */
static void begin(HptArgs *args, HptType type)
{
    size_t offset = args->data->len;
    g_array_append_val(args->types, type_oids[type]);
    g_array_append_val(args->offsets, offset);
}

static void end(HptArgs *args)
{
    size_t offset = g_array_index(args->offsets, size_t, args->offsets->len - 1);
    g_assert(args->data->len - offset <= INT_MAX);
    int length = (int)(args->data->len - offset);
    g_array_append_val(args->lengths, length);
}

void hpt_args_null(HptArgs *args, HptType type)
{
    size_t none = SIZE_MAX;
    int zero = 0;
    g_assert(type_oids[type] != 0);
    g_array_append_val(args->types, type_oids[type]);
    g_array_append_val(args->offsets, none);
    g_array_append_val(args->lengths, zero);
}

void hpt_args_bool(HptArgs *args, bool value)
{
    uint8_t byte = value;
    begin(args, HPT_TYPE_BOOL);
    put(args, &byte, 1);
    end(args);
}

void hpt_args_int4(HptArgs *args, int32_t value)
{
    begin(args, HPT_TYPE_INT4);
    put_int32(args, value);
    end(args);
}

void hpt_args_int8(HptArgs *args, int64_t value)
{
    begin(args, HPT_TYPE_INT8);
    put_int64(args, value);
    end(args);
}

void hpt_args_float8(HptArgs *args, double value)
{
    begin(args, HPT_TYPE_FLOAT8);
    put_double(args, value);
    end(args);
}

void hpt_args_text(HptArgs *args, const char *value)
{
    if (value == NULL) {
        hpt_args_null(args, HPT_TYPE_TEXT);
        return;
    }
    begin(args, HPT_TYPE_TEXT);
    put(args, value, strlen(value));
    end(args);
}

void hpt_args_bytea(HptArgs *args, const void *value, size_t length)
{
    if (value == NULL) {
        hpt_args_null(args, HPT_TYPE_BYTEA);
        return;
    }
    begin(args, HPT_TYPE_BYTEA);
    put(args, value, length);
    end(args);
}

void hpt_args_json(HptArgs *args, const char *value)
{
    if (value == NULL) {
        hpt_args_null(args, HPT_TYPE_JSONB);
        return;
    }
    begin(args, HPT_TYPE_JSONB);
    put(args, "\1", 1); /* version of jsonb's binary format */
    put(args, value, strlen(value));
    end(args);
}

void hpt_args_uuid(HptArgs *args, const char *value)
{
    uint8_t bytes[16];
    size_t digits = 0;
    if (value == NULL) {
        hpt_args_null(args, HPT_TYPE_UUID);
        return;
    }
    for (; *value != '\0'; value++) {
        int digit = g_ascii_xdigit_value(*value);
        if (*value == '-')
            continue;
        g_assert(digit >= 0 && digits < 32);
        uint8_t high = digits % 2 == 0 ? 0 : bytes[digits / 2];
        bytes[digits / 2] = (uint8_t)(high << 4 | digit);
        digits++;
    }
    g_assert(digits == 32);
    begin(args, HPT_TYPE_UUID);
    put(args, bytes, sizeof bytes);
    end(args);
}

void hpt_args_time(HptArgs *args, int64_t time_us)
{
    begin(args, HPT_TYPE_TIME);
    put_int64(args, time_us - EPOCH_2000_US);
    end(args);
}

/* An array's head: dimensions, has-nulls, element type, then length and lower bound. */
static void begin_array(HptArgs *args, HptType type, Oid element, size_t count, bool has_nulls)
{
    g_assert(count <= INT_MAX);
    begin(args, type);
    put_int32(args, count == 0 ? 0 : 1);
    put_int32(args, has_nulls);
    put_int32(args, (int32_t)element);
    if (count > 0) {
        put_int32(args, (int32_t)count);
        put_int32(args, 1);
    }
}

static bool any(const bool *nulls, size_t count)
{
    for (size_t i = 0; nulls != NULL && i < count; i++)
        if (nulls[i])
            return true;
    return false;
}

/* The length word of one element; true if its bytes follow. */
static bool element(HptArgs *args, bool is_null, size_t length)
{
    g_assert(length <= INT_MAX);
    put_int32(args, is_null ? -1 : (int32_t)length);
    return !is_null;
}

void hpt_args_bools(HptArgs *args, const bool *values, const bool *nulls, size_t count)
{
    begin_array(args, HPT_TYPE_BOOL_ARRAY, HPT_OID_BOOL, count, any(nulls, count));
    for (size_t i = 0; i < count; i++)
        if (element(args, nulls != NULL && nulls[i], 1)) {
            uint8_t byte = values[i];
            put(args, &byte, 1);
        }
    end(args);
}

void hpt_args_int4s(HptArgs *args, const int32_t *values, const bool *nulls, size_t count)
{
    begin_array(args, HPT_TYPE_INT4_ARRAY, HPT_OID_INT4, count, any(nulls, count));
    for (size_t i = 0; i < count; i++)
        if (element(args, nulls != NULL && nulls[i], 4))
            put_int32(args, values[i]);
    end(args);
}

void hpt_args_int8s(HptArgs *args, const int64_t *values, const bool *nulls, size_t count)
{
    begin_array(args, HPT_TYPE_INT8_ARRAY, HPT_OID_INT8, count, any(nulls, count));
    for (size_t i = 0; i < count; i++)
        if (element(args, nulls != NULL && nulls[i], 8))
            put_int64(args, values[i]);
    end(args);
}

void hpt_args_float8s(HptArgs *args, const double *values, const bool *nulls, size_t count)
{
    begin_array(args, HPT_TYPE_FLOAT8_ARRAY, HPT_OID_FLOAT8, count, any(nulls, count));
    for (size_t i = 0; i < count; i++)
        if (element(args, nulls != NULL && nulls[i], 8))
            put_double(args, values[i]);
    end(args);
}

void hpt_args_texts(HptArgs *args, const char *const *values, size_t count)
{
    bool has_nulls = false;
    for (size_t i = 0; i < count; i++)
        has_nulls |= values[i] == NULL;
    begin_array(args, HPT_TYPE_TEXT_ARRAY, HPT_OID_TEXT, count, has_nulls);
    for (size_t i = 0; i < count; i++) {
        size_t length = values[i] == NULL ? 0 : strlen(values[i]);
        if (element(args, values[i] == NULL, length))
            put(args, values[i], length);
    }
    end(args);
}

void hpt_args_byteas(HptArgs *args, const void *const *values, const size_t *lengths, size_t count)
{
    bool has_nulls = false;
    for (size_t i = 0; i < count; i++)
        has_nulls |= values[i] == NULL;
    begin_array(args, HPT_TYPE_BYTEA_ARRAY, HPT_OID_BYTEA, count, has_nulls);
    for (size_t i = 0; i < count; i++)
        if (element(args, values[i] == NULL, lengths[i]))
            put(args, values[i], lengths[i]);
    end(args);
}

/* ---- as bytes ---- */

static void put_word(GByteArray *out, uint32_t value)
{
    uint32_t big = GUINT32_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&big, sizeof big);
}

/* Their number, then for each its type, its length (all ones: SQL NULL) and its bytes. */
void hpt_args_append_to(const HptArgs *args, GByteArray *out)
{
    put_word(out, args->types->len);
    for (guint i = 0; i < args->types->len; i++) {
        size_t offset = g_array_index(args->offsets, size_t, i);
        uint32_t length = (uint32_t)g_array_index(args->lengths, int, i);
        put_word(out, g_array_index(args->types, Oid, i));
        put_word(out, offset == SIZE_MAX ? UINT32_MAX : length);
        if (offset != SIZE_MAX && length > 0)
            g_byte_array_append(out, args->data->data + offset, length);
    }
}

static bool take_word(const uint8_t **data, size_t *left, uint32_t *value)
{
    if (*left < sizeof *value)
        return false;
    memcpy(value, *data, sizeof *value);
    *value = GUINT32_FROM_BE(*value);
    *data += sizeof *value;
    *left -= sizeof *value;
    return true;
}

static void add_raw(HptArgs *args, Oid type, const void *bytes, uint32_t length)
{
    size_t offset = bytes == NULL ? SIZE_MAX : args->data->len;
    int size = bytes == NULL ? 0 : (int)length;
    if (bytes != NULL)
        put(args, bytes, length);
    g_array_append_val(args->types, type);
    g_array_append_val(args->offsets, offset);
    g_array_append_val(args->lengths, size);
}

HptArgs *hpt_args_parse(const void *data, size_t length, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    const uint8_t *at = data;
    uint32_t count = 0;
    bool fine = take_word(&at, &length, &count);
    for (uint32_t i = 0; fine && i < count; i++) {
        uint32_t type = 0, size = 0;
        fine = take_word(&at, &length, &type) && take_word(&at, &length, &size) &&
               (size == UINT32_MAX || (size <= INT_MAX && size <= length));
        if (!fine)
            break;
        add_raw(args, type, size == UINT32_MAX ? NULL : at, size);
        at += size == UINT32_MAX ? 0 : size;
        length -= size == UINT32_MAX ? 0 : size;
    }
    if (fine && length == 0)
        return g_steal_pointer(&args);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the arguments are cut short or too long");
    return NULL;
}

size_t hpt_args_count(const HptArgs *args)
{
    return args->types->len;
}

void hpt_args_fill(HptArgs *args, size_t n)
{
    while (args->types->len < n)
        add_raw(args, 0, NULL, 0);
}

HptArgs *hpt_args_copy_without(const HptArgs *args, size_t without)
{
    HptArgs *copy = hpt_args_new();
    for (guint i = 0; i < args->types->len; i++) {
        size_t offset = g_array_index(args->offsets, size_t, i);
        bool none = offset == SIZE_MAX || i == without;
        add_raw(copy, g_array_index(args->types, Oid, i), none ? NULL : args->data->data + offset,
                (uint32_t)g_array_index(args->lengths, int, i));
    }
    return copy;
}

bool db_send_params(PGconn *conn, const char *text, const HptArgs *args, int result_format)
{
    size_t count = args == NULL ? 0 : args->types->len;
    if (count == 0)
        return PQsendQueryParams(conn, text, 0, NULL, NULL, NULL, NULL, result_format) == 1;
    g_autofree const char **values = g_new(const char *, count);
    g_autofree int *formats = g_new(int, count);
    for (size_t i = 0; i < count; i++) {
        size_t offset = g_array_index(args->offsets, size_t, i);
        /* An empty value still needs a pointer that is not NULL. */
        values[i] = offset == SIZE_MAX          ? NULL
                    : offset >= args->data->len ? ""
                                                : (const char *)args->data->data + offset;
        formats[i] = 1;
    }
    return PQsendQueryParams(conn, text, (int)count, (const Oid *)(void *)args->types->data, values,
                             (const int *)(void *)args->lengths->data, formats, result_format) == 1;
}
