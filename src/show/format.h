/* Rows to text: one writer for every output format of the tools.
 *
 * hpt_writer_new with columns, hpt_writer_add per row, hpt_writer_end. Values are texts as
 * PostgreSQL sends them, or NULL. All formats stream in constant memory except `table`, which keeps
 * its rows to find the widths (callers bound them).
 *
 * format  NULL    form
 * table   –       aligned for people, see show/table.h
 * tsv     \N      PostgreSQL COPY text: \b \f \n \r \t \v \\ escaped; a header line
 * csv     empty   RFC 4180 (CRLF; empty text is ""); cells that begin with = + - @ TAB CR and are
 *                 not numbers get a leading ' unless guard is off; a header line
 * jsonl   null    an object a line
 * json    null    an array of such objects
 * md      (empty) a Markdown table
 * env     unset   shell assignments, NAME='value' a line, rows separated by an empty line; names
 *                 have every character outside [A-Za-z0-9_] turned to _; NULL is "unset NAME"
 *
 * Data formats (all but table and md) give reals as the shortest text that reads back to the same
 * double, times as ISO 8601 UTC, booleans as true and false; NaN and infinities are strings in
 * JSON. md rounds like table.
 */
#ifndef HPT_SHOW_FORMAT_H
#define HPT_SHOW_FORMAT_H

#include "base/error.h"

#include <stdio.h>

typedef enum {
    HPT_FORMAT_TABLE,
    HPT_FORMAT_TSV,
    HPT_FORMAT_CSV,
    HPT_FORMAT_JSONL,
    HPT_FORMAT_JSON,
    HPT_FORMAT_MD,
    HPT_FORMAT_ENV,
} HptFormat;

/* Names, NULL-terminated, in the order of the enum; for help and completion. */
extern const char *const hpt_format_names[];

/* Fails HPT_ERROR_USAGE "unknown format 'tvs'; did you mean 'tsv'?". */
bool hpt_format_parse(const char *name, HptFormat *out, GError **error) HPT_WARN_UNUSED;

typedef enum {
    HPT_COLUMN_TEXT,
    HPT_COLUMN_INT,     /* whole number of any length */
    HPT_COLUMN_REAL,    /* double: normalised by hpt_number_text */
    HPT_COLUMN_NUMERIC, /* decimal of any length: kept as it is */
    HPT_COLUMN_BOOL,    /* t, f, true, false */
    HPT_COLUMN_TIME,    /* timestamp with time zone, in ISO style; without zone: UTC */
    HPT_COLUMN_JSON,    /* JSON text: nested in json and jsonl, text elsewhere */
} HptColumnType;

/* The column type that suits a PostgreSQL type (its pg_type OID). */
HptColumnType hpt_column_type_of_oid(uint32_t oid);

typedef struct {
    const char *name; /* copied */
    HptColumnType type;
    int rank;  /* table: columns of higher rank are dropped first when the line is too long */
    bool keep; /* table: never dropped, also when constant */
} HptColumn;

/* Where text goes. Returns false with *error set. */
typedef bool (*HptSink)(void *user, const char *bytes, size_t length, GError **error);

/* A sink for a stdio stream (user is the FILE *). */
bool hpt_sink_file(void *user, const char *bytes, size_t length, GError **error) HPT_WARN_UNUSED;
/* A sink for a GString (user is the GString *); never fails. */
bool hpt_sink_string(void *user, const char *bytes, size_t length, GError **error) HPT_WARN_UNUSED;

typedef struct {
    HptFormat format;
    bool no_header;     /* -H: tsv, csv, md, table */
    bool null_ends;     /* -z: records end with NUL instead of a line end: tsv, csv, jsonl, env */
    bool no_guard;      /* csv: no protection against spreadsheet formulas */
    size_t width;       /* table: columns of the terminal; 0: no limit */
    bool utf8;          /* table: – and … may be used */
    bool color;         /* table: bold header */
    bool expanded;      /* table: -x, a line per value; streams */
    bool hide_constant; /* table: leave out columns whose value is the same in all (≥ 2) rows */
    int precision;      /* table, md: significant digits of reals; 0: 6; 17 or more: all */
} HptShow;

typedef struct HptWriter HptWriter;

/* sink and user are used until hpt_writer_end. n ≥ 1. */
HptWriter *hpt_writer_new(const HptShow *show, const HptColumn *columns, size_t n, HptSink sink,
                          void *user);
void hpt_writer_free(HptWriter *writer); /* without end: output is incomplete */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptWriter, hpt_writer_free)

/* One row of n values, each NUL-terminated or NULL. Fails only if the sink does. */
bool hpt_writer_add(HptWriter *writer, const char *const *values, GError **error) HPT_WARN_UNUSED;

/* Writes what is left (headers even if there was no row; table: everything). *note (may be NULL)
 * is an owned sentence for stderr about columns that were left out or shortened, or NULL if
 * nothing was. */
bool hpt_writer_end(HptWriter *writer, char **note, GError **error) HPT_WARN_UNUSED;

size_t hpt_writer_count(const HptWriter *writer);

/* A PostgreSQL timestamp text (ISO style) as hpt_time_text would give it; NULL if it is none
 * ("infinity"). Owned. */
char *hpt_time_normalise(const char *text);

#endif
