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

/* section, differs, of: how many rows of how many facts. */
bool diff_print_stat(const HptFacts *const *operands, size_t n, const GPtrArray *rows,
                     const HptShow *show, GError **error) HPT_WARN_UNUSED;

#endif
