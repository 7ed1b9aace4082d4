/* The output of hpt-diff. */
#ifndef HPT_TOOLS_DIFF_H
#define HPT_TOOLS_DIFF_H

#include "show/format.h"
#include "study/compare.h"

/* Does the row count as a difference? */
bool diff_counts(const HptDifference *row);

/* rows as hpt_compare gave them, one a line; for people (table, md) with a column of the difference
 * and its interval, for programs each in a column of its own. Notes of what did not fit go to
 * standard error. */
bool diff_print(const HptFacts *const *operands, size_t n, const GPtrArray *rows,
                const HptShow *show, GError **error) HPT_WARN_UNUSED;

/* What makes the files of the second operand out of those of the first, as patch(1) and git apply
 * take it. terminal: control characters are escaped. A note says what is no text or is not here.
 * Fails HPT_ERROR_USAGE if there are not two operands or a row is no file. */
bool diff_print_patch(const HptFacts *const *operands, size_t n, const GPtrArray *rows,
                      bool terminal, GError **error) HPT_WARN_UNUSED;

/* section, differs, of: how many rows of how many facts. */
bool diff_print_stat(const HptFacts *const *operands, size_t n, const GPtrArray *rows,
                     const HptShow *show, GError **error) HPT_WARN_UNUSED;

#endif
