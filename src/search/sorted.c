#include "search/sorted.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define SIGN (UINT64_C(1) << 63)

void hpt_sorted_clear(HptSorted *sorted)
{
    g_free(sorted->entries);
    *sorted = (HptSorted){0};
}

void hpt_sorted_cut(HptSorted *sorted, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < sorted->n; i++)
        if (sorted->entries[i].index < n)
            sorted->entries[kept++] = sorted->entries[i];
    sorted->n = kept;
}

static int compare(const void *a, const void *b)
{
    const HptSortedEntry *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

void hpt_sorted_add(HptSorted *sorted, const uint64_t *keys, size_t first, size_t n)
{
    if (sorted->n + n > sorted->room) {
        sorted->room = sorted->n + n + sorted->n / 4;
        sorted->entries = g_renew(HptSortedEntry, sorted->entries, sorted->room);
    }
    g_autofree HptSortedEntry *fresh = g_new(HptSortedEntry, n + 1);
    for (size_t i = 0; i < n; i++)
        fresh[i] = (HptSortedEntry){keys[i], first + i};
    if (n > 1)
        qsort(fresh, n, sizeof *fresh, compare);
    size_t old = sorted->n, left = n, place = old + n;
    while (left > 0) /* from the end, where there is room */
        if (old > 0 && sorted->entries[old - 1].key > fresh[left - 1].key)
            sorted->entries[--place] = sorted->entries[--old];
        else
            sorted->entries[--place] = fresh[--left];
    sorted->n += n;
}

size_t hpt_sorted_find(const HptSorted *sorted, uint64_t key)
{
    size_t low = 0, high = sorted->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted->entries[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t hpt_sorted_key(double value)
{
    uint64_t bits;
    value += 0.0; /* of -0 it makes 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits & SIGN ? ~bits : bits | SIGN;
}
