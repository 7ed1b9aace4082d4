/* Aligned tables for people: the `table` format of show/format.h, which is the way to use it.
 *
 * Columns are separated by two blanks; numbers stand to the right. Foreign bytes are escaped
 * (hpt_text_printable). If the line is longer than the terminal, long texts are shortened to … (not
 * below 12 columns), then columns are dropped, highest rank first and from the right; the note
 * names them. What is dropped is never silent.
 */
#ifndef HPT_SHOW_TABLE_H
#define HPT_SHOW_TABLE_H

#include "show/format.h"

typedef struct HptTable HptTable;

HptTable *hpt_table_new(const HptShow *show, const HptColumn *columns, size_t n);
void hpt_table_free(HptTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTable, hpt_table_free)

void hpt_table_add(HptTable *table, const char *const *values);

/* The finished text, owned; *note as in hpt_writer_end. */
char *hpt_table_text(const HptTable *table, char **note);

/* A value as a table shows it: reals rounded, NULL as –, controls escaped. Owned. */
char *hpt_table_cell(const HptShow *show, HptColumnType type, const char *value);

/* value rounded to so many significant decimal digits (half away from zero, on the shortest
 * decimal text): "84.8148", "0.00012", "1.5e-9"; no digit left of the point is ever lost below
 * 1e15. digits ≥ 17: hpt_number_text. Owned. */
char *hpt_number_round(double value, int digits);

#endif
