/* Rows of the record as lines of JSON: the files record/TABLE.jsonl of a bundle.
 *
 * A line is canonical JSON (base/json.h), one object a row, members that are NULL left out; lines
 * ascend by the table's key. So a row has one text, and equal records have equal bytes. Values:
 *   int4, int8   a number; beyond ±2^53 its digits as a string
 *   real         a number, the shortest text that reads back; "NaN", "Infinity", "-Infinity", "-0"
 *   time         "2026-11-23T09:02:03.000000Z"
 *   uuid, digest lower case
 *   bytes        a string if they are UTF-8 without NUL, else {"hex":"…"}
 *   canonical    the JSON itself; bytes that are none, or a JSON string: their digits as a string
 *   json         the JSON itself
 * What crosses to and from the database is the "wire" form, made by hpt.record_lines and read by
 * hpt_record.import_rows: bytes, digests and canonical as hexadecimal, reals as text, times as
 * microseconds since 1970.
 *
 * Which tables there are and what they consist of is said once, in sql/view/aa_bundle_table.sql.
 */
#ifndef HPT_STORE_TABLE_H
#define HPT_STORE_TABLE_H

#include "base/error.h"
#include "base/json.h"

#define HPT_RECORD_FORMAT "hpt-record/1"

typedef enum {
    HPT_FIELD_INT4,
    HPT_FIELD_INT8,
    HPT_FIELD_REAL,
    HPT_FIELD_TEXT,
    HPT_FIELD_BOOL,
    HPT_FIELD_TIME,
    HPT_FIELD_UUID,
    HPT_FIELD_BYTES,
    HPT_FIELD_DIGEST,
    HPT_FIELD_JSON,
    HPT_FIELD_CANONICAL,
    HPT_FIELD_CONTENT, /* on the wire alone */
} HptFieldType;

typedef struct {
    char *name;
    HptFieldType type;
    bool key, array, nullable;
    char *refers; /* the table that it names a row of, bytes (a code snapshot) and canonical several, or NULL */
} HptField;

typedef struct {
    char *name;
    GArray *fields; /* of HptField */
} HptTable;

typedef struct HptTables HptTables;

/* Reads the list: of text, the lines "('NAME', 'FIELDS')", those whose fields begin with ! left
 * out. Fails HPT_ERROR_DATA. */
HptTables *hpt_tables_new(const char *text, GError **error) HPT_WARN_UNUSED;
void hpt_tables_free(HptTables *tables);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTables, hpt_tables_free)
size_t hpt_tables_count(const HptTables *tables);
const HptTable *hpt_tables_peek(const HptTables *tables, size_t i);
const HptTable *hpt_tables_find(const HptTables *tables, const char *name); /* or NULL */

/* The field of that name, or NULL. */
const HptField *hpt_table_field(const HptTable *table, const char *name);

/* A row of the wire, as it is written to a bundle; *content (may be NULL) receives its content in
 * hexadecimal, owned, or NULL. Fails HPT_ERROR_DATA, HPT_ERROR_INTEGRITY if a digest is not that of
 * the bytes beside it. Owned. */
json_t *hpt_table_from_wire(const HptTable *table, const char *text, size_t length, char **content,
                            GError **error) HPT_WARN_UNUSED;

/* Reads one line (without its end). Everything is checked: JSON, members, types, ranges, the one
 * text, and that a row named by the digest of its bytes is. Fails HPT_ERROR_DATA. Owned. */
json_t *hpt_table_read(const HptTable *table, const char *line, size_t length,
                       GError **error) HPT_WARN_UNUSED;

/* Appends a row as the wire has it. */
void hpt_table_to_wire(const HptTable *table, const json_t *row, GString *out);

/* Orders two rows of a table by its key. */
int hpt_table_compare(const HptTable *table, const json_t *a, const json_t *b);

/* Members of a row that has been read. A text is borrowed; what is not there is NULL, otherwise, 0.
 */
bool hpt_row_has(const json_t *row, const char *name);
const char *hpt_row_text(const json_t *row, const char *name);
int64_t hpt_row_integer(const json_t *row, const char *name, int64_t otherwise);
double hpt_row_real(const json_t *row, const char *name);
/* All of an array of them, owned; NULL: there is none. */
double *hpt_row_reals(const json_t *row, const char *name, size_t *n);
/* Of one value of type bytes: owned, NUL-terminated; NULL: it is none. */
char *hpt_row_bytes(const json_t *value, size_t *length);

/* The key for people: "study 'svm', number 3"; owned. */
char *hpt_table_key_text(const HptTable *table, const json_t *row);

#endif
