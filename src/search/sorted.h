/* Numbers in order, with what they are of: grows by merging. For told.c.
 */
#ifndef HPT_SEARCH_SORTED_H
#define HPT_SEARCH_SORTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t key;
    size_t index;
} HptSortedEntry;

typedef struct {
    HptSortedEntry *entries; /* by key, equal ones by index */
    size_t n, room;
} HptSorted;

void hpt_sorted_clear(HptSorted *sorted);

/* Takes out every entry with an index of n or more. O(entries) */
void hpt_sorted_cut(HptSorted *sorted, size_t n);

/* Puts in the indices first to first + n - 1, above all that are in, with these keys. O(entries + n) */
void hpt_sorted_add(HptSorted *sorted, const uint64_t *keys, size_t first, size_t n);

/* Into their order; the indices of those with equal keys ascend. O(n). */
void hpt_sort_entries(HptSortedEntry *entries, size_t n);

/* The first entry whose key is not below key; sorted->n: none. */
size_t hpt_sorted_find(const HptSorted *sorted, uint64_t key);

/* A key that is below another exactly if the value is; 0 and -0 have one. Not NaN. Below UINT64_MAX. */
uint64_t hpt_sorted_key(double value);

#endif
