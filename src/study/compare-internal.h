/* Between compare.c and compare-text.c. */
#ifndef HPT_STUDY_COMPARE_INTERNAL_H
#define HPT_STUDY_COMPARE_INTERNAL_H

#include "study/compare.h"

/* Looks into the files of a row that differ by digest: verdict, first differing line, note. */
bool hpt_compare_content(HptDifference *row, const HptFacts *const *operands, size_t n,
                         const HptTolerance *tolerance, GError **error) HPT_WARN_UNUSED;

#endif
