/* Typed reading of results in PostgreSQL's binary format. */
#include "db/internal.h"

#include <math.h>
#include <string.h>

#define EPOCH_2000_US INT64_C(946684800000000)

static const struct {
    const char *name;
    Oid oid;
} type_names[] = {
    {"boolean", HPT_OID_BOOL},
    {"bool", HPT_OID_BOOL},
    {"smallint", HPT_OID_INT2},
    {"int2", HPT_OID_INT2},
    {"integer", HPT_OID_INT4},
    {"int", HPT_OID_INT4},
    {"int4", HPT_OID_INT4},
    {"bigint", HPT_OID_INT8},
    {"int8", HPT_OID_INT8},
    {"real", HPT_OID_FLOAT4},
    {"float4", HPT_OID_FLOAT4},
    {"double precision", HPT_OID_FLOAT8},
    {"float8", HPT_OID_FLOAT8},
    {"text", HPT_OID_TEXT},
    {"name", OID_NAME},
    {"\"char\"", OID_CHAR},
    {"varchar", OID_VARCHAR},
    {"character varying", OID_VARCHAR},
    {"bytea", HPT_OID_BYTEA},
    {"json", HPT_OID_JSON},
    {"jsonb", HPT_OID_JSONB},
    {"uuid", HPT_OID_UUID},
    {"timestamptz", HPT_OID_TIMESTAMPTZ},
    {"timestamp with time zone", HPT_OID_TIMESTAMPTZ},
    {"boolean[]", OID_BOOL_ARRAY},
    {"bool[]", OID_BOOL_ARRAY},
    {"smallint[]", OID_INT2_ARRAY},
    {"integer[]", OID_INT4_ARRAY},
    {"int[]", OID_INT4_ARRAY},
    {"int4[]", OID_INT4_ARRAY},
    {"bigint[]", OID_INT8_ARRAY},
    {"int8[]", OID_INT8_ARRAY},
    {"real[]", OID_FLOAT4_ARRAY},
    {"double precision[]", OID_FLOAT8_ARRAY},
    {"float8[]", OID_FLOAT8_ARRAY},
    {"text[]", OID_TEXT_ARRAY},
    {"name[]", OID_NAME_ARRAY},
    {"bytea[]", OID_BYTEA_ARRAY},
    {"uuid[]", OID_UUID_ARRAY},
    {"jsonb[]", OID_JSONB_ARRAY},
};

Oid db_type_oid(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(type_names); i++)
        if (strcmp(type_names[i].name, name) == 0)
            return type_names[i].oid;
    return 0;
}

/* Types whose binary form is their text. */
static bool is_textual(Oid type)
{
    return type == HPT_OID_TEXT || type == OID_NAME || type == OID_VARCHAR || type == OID_BPCHAR ||
           type == OID_CHAR || type == HPT_OID_JSON || type >= 16384; /* enums and domains */
}

bool db_type_fits(Oid wanted, Oid found)
{
    return wanted == 0 || wanted == found || (wanted == HPT_OID_TEXT && is_textual(found));
}

HptRows *db_rows_new(PGresult *steal)
{
    HptRows *rows = g_new(HptRows, 1);
    rows->result = steal;
    return rows;
}

void hpt_rows_free(HptRows *rows)
{
    if (rows == NULL)
        return;
    PQclear(rows->result);
    g_free(rows);
}

size_t hpt_rows_count(const HptRows *rows)
{
    return (size_t)PQntuples(rows->result);
}

size_t hpt_rows_columns(const HptRows *rows)
{
    return (size_t)PQnfields(rows->result);
}

const char *hpt_rows_peek_name(const HptRows *rows, size_t column)
{
    return PQfname(rows->result, (int)column);
}

bool hpt_rows_null(const HptRows *rows, size_t row, size_t column)
{
    g_assert(row < hpt_rows_count(rows) && column < hpt_rows_columns(rows));
    return PQgetisnull(rows->result, (int)row, (int)column) == 1;
}

static Oid type_of(const HptRows *rows, size_t column)
{
    return PQftype(rows->result, (int)column);
}

static const uint8_t *bytes_of(const HptRows *rows, size_t row, size_t column, size_t *length)
{
    *length = (size_t)PQgetlength(rows->result, (int)row, (int)column);
    return (const uint8_t *)PQgetvalue(rows->result, (int)row, (int)column);
}

G_NORETURN static void wrong_type(const HptRows *rows, size_t column, const char *wanted)
{
    g_error("column %zu '%s' has type %u, not %s", column, hpt_rows_peek_name(rows, column),
            type_of(rows, column), wanted);
}

static int16_t read_int16(const uint8_t *bytes)
{
    return (int16_t)((bytes[0] << 8) | bytes[1]);
}

static int32_t read_int32(const uint8_t *bytes)
{
    uint32_t big;
    memcpy(&big, bytes, sizeof big);
    return (int32_t)GUINT32_FROM_BE(big);
}

static int64_t read_int64(const uint8_t *bytes)
{
    uint64_t big;
    memcpy(&big, bytes, sizeof big);
    return (int64_t)GUINT64_FROM_BE(big);
}

static double read_double(const uint8_t *bytes)
{
    uint64_t bits = (uint64_t)read_int64(bytes);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double read_float(const uint8_t *bytes)
{
    uint32_t bits = (uint32_t)read_int32(bytes);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

bool hpt_rows_bool(const HptRows *rows, size_t row, size_t column)
{
    size_t length;
    if (type_of(rows, column) != HPT_OID_BOOL)
        wrong_type(rows, column, "boolean");
    return !hpt_rows_null(rows, row, column) && bytes_of(rows, row, column, &length)[0] != 0;
}

int64_t hpt_rows_int8(const HptRows *rows, size_t row, size_t column)
{
    size_t length;
    if (hpt_rows_null(rows, row, column))
        return 0;
    const uint8_t *bytes = bytes_of(rows, row, column, &length);
    switch (type_of(rows, column)) {
    case HPT_OID_INT8:
        return read_int64(bytes);
    case HPT_OID_INT4:
        return read_int32(bytes);
    case HPT_OID_INT2:
        return read_int16(bytes);
    }
    wrong_type(rows, column, "bigint");
}

int32_t hpt_rows_int4(const HptRows *rows, size_t row, size_t column)
{
    if (type_of(rows, column) == HPT_OID_INT8)
        wrong_type(rows, column, "integer");
    return (int32_t)hpt_rows_int8(rows, row, column);
}

double hpt_rows_float8(const HptRows *rows, size_t row, size_t column)
{
    size_t length;
    if (hpt_rows_null(rows, row, column))
        return (double)NAN;
    const uint8_t *bytes = bytes_of(rows, row, column, &length);
    switch (type_of(rows, column)) {
    case HPT_OID_FLOAT8:
        return read_double(bytes);
    case HPT_OID_FLOAT4:
        return read_float(bytes);
    }
    wrong_type(rows, column, "double precision");
}

const char *hpt_rows_peek_text(const HptRows *rows, size_t row, size_t column)
{
    size_t length;
    Oid type = type_of(rows, column);
    if (!is_textual(type) && type != HPT_OID_JSONB)
        wrong_type(rows, column, "text");
    if (hpt_rows_null(rows, row, column))
        return NULL;
    const char *text = (const char *)bytes_of(rows, row, column, &length);
    return type == HPT_OID_JSONB ? text + 1 : text; /* a version byte comes first */
}

const void *hpt_rows_peek_bytea(const HptRows *rows, size_t row, size_t column, size_t *length)
{
    if (type_of(rows, column) != HPT_OID_BYTEA)
        wrong_type(rows, column, "bytea");
    *length = 0;
    return hpt_rows_null(rows, row, column) ? NULL : bytes_of(rows, row, column, length);
}

int64_t hpt_rows_time(const HptRows *rows, size_t row, size_t column)
{
    size_t length;
    if (type_of(rows, column) != HPT_OID_TIMESTAMPTZ)
        wrong_type(rows, column, "timestamptz");
    if (hpt_rows_null(rows, row, column))
        return 0;
    int64_t time = read_int64(bytes_of(rows, row, column, &length));
    if (time > INT64_MAX - EPOCH_2000_US) /* "infinity" */
        return INT64_MAX;
    return time == INT64_MIN ? INT64_MIN : time + EPOCH_2000_US;
}

char *hpt_rows_uuid(const HptRows *rows, size_t row, size_t column)
{
    size_t length;
    if (type_of(rows, column) != HPT_OID_UUID)
        wrong_type(rows, column, "uuid");
    if (hpt_rows_null(rows, row, column))
        return NULL;
    const uint8_t *b = bytes_of(rows, row, column, &length);
    return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                           b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                           b[12], b[13], b[14], b[15]);
}

/* Walks a one-dimensional array; arrays of more dimensions are read flat, as unnest() does. */
typedef struct {
    const uint8_t *at;
    size_t count;
} Array;

static bool array_begin(const HptRows *rows, size_t row, size_t column, Oid type, Oid other,
                        Array *array)
{
    size_t length;
    Oid found = type_of(rows, column);
    if (found != type && found != other)
        wrong_type(rows, column, "the array asked for");
    if (hpt_rows_null(rows, row, column))
        return false;
    const uint8_t *bytes = bytes_of(rows, row, column, &length);
    int32_t dimensions = read_int32(bytes);
    array->count = dimensions > 0;
    for (int32_t i = 0; i < dimensions; i++)
        array->count *= (size_t)read_int32(bytes + 12 + 8 * i);
    array->at = bytes + 12 + 8 * dimensions;
    return true;
}

/* The next element's bytes, NULL for SQL NULL. */
static const uint8_t *array_next(Array *array, size_t *length)
{
    int32_t size = read_int32(array->at);
    const uint8_t *element = array->at + 4;
    array->at += 4 + MAX(size, 0);
    *length = (size_t)MAX(size, 0);
    return size < 0 ? NULL : element;
}

static bool *mask_new(bool **nulls, size_t count)
{
    if (nulls == NULL)
        return NULL;
    return *nulls = g_new0(bool, count + 1);
}

bool *hpt_rows_bools(const HptRows *rows, size_t row, size_t column, size_t *count, bool **nulls)
{
    Array array;
    size_t length;
    *count = 0;
    if (!array_begin(rows, row, column, OID_BOOL_ARRAY, OID_BOOL_ARRAY, &array))
        return NULL;
    bool *mask = mask_new(nulls, array.count), *out = g_new0(bool, array.count + 1);
    for (size_t i = 0; i < array.count; i++) {
        const uint8_t *bytes = array_next(&array, &length);
        out[i] = bytes != NULL && bytes[0] != 0;
        if (mask != NULL)
            mask[i] = bytes == NULL;
    }
    *count = array.count;
    return out;
}

int64_t *hpt_rows_int8s(const HptRows *rows, size_t row, size_t column, size_t *count, bool **nulls)
{
    Array array;
    size_t length;
    *count = 0;
    if (!array_begin(rows, row, column, OID_INT8_ARRAY, OID_INT4_ARRAY, &array))
        return NULL;
    bool *mask = mask_new(nulls, array.count);
    int64_t *out = g_new0(int64_t, array.count + 1);
    for (size_t i = 0; i < array.count; i++) {
        const uint8_t *bytes = array_next(&array, &length);
        if (bytes != NULL)
            out[i] = length == 8 ? read_int64(bytes) : read_int32(bytes);
        if (mask != NULL)
            mask[i] = bytes == NULL;
    }
    *count = array.count;
    return out;
}

double *hpt_rows_float8s(const HptRows *rows, size_t row, size_t column, size_t *count,
                         bool **nulls)
{
    Array array;
    size_t length;
    *count = 0;
    if (!array_begin(rows, row, column, OID_FLOAT8_ARRAY, OID_FLOAT8_ARRAY, &array))
        return NULL;
    bool *mask = mask_new(nulls, array.count);
    double *out = g_new0(double, array.count + 1);
    for (size_t i = 0; i < array.count; i++) {
        const uint8_t *bytes = array_next(&array, &length);
        out[i] = bytes == NULL ? (double)NAN : read_double(bytes);
        if (mask != NULL)
            mask[i] = bytes == NULL;
    }
    *count = array.count;
    return out;
}

GPtrArray *hpt_rows_texts(const HptRows *rows, size_t row, size_t column)
{
    Array array;
    size_t length;
    if (!array_begin(rows, row, column, OID_TEXT_ARRAY, OID_NAME_ARRAY, &array))
        return NULL;
    GPtrArray *out = g_ptr_array_new_full((guint)array.count, g_free);
    for (size_t i = 0; i < array.count; i++) {
        const uint8_t *bytes = array_next(&array, &length);
        g_ptr_array_add(out, bytes == NULL ? NULL : g_strndup((const char *)bytes, length));
    }
    return out;
}

static void bytes_free(void *bytes)
{
    if (bytes != NULL)
        g_bytes_unref(bytes);
}

GPtrArray *hpt_rows_byteas(const HptRows *rows, size_t row, size_t column)
{
    Array array;
    size_t length;
    if (!array_begin(rows, row, column, OID_BYTEA_ARRAY, OID_BYTEA_ARRAY, &array))
        return NULL;
    GPtrArray *out = g_ptr_array_new_full((guint)array.count, bytes_free);
    for (size_t i = 0; i < array.count; i++) {
        const uint8_t *bytes = array_next(&array, &length);
        g_ptr_array_add(out, bytes == NULL ? NULL : g_bytes_new(bytes, length));
    }
    return out;
}
