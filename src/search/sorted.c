#include "search/sorted.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define SIGN (UINT64_C(1) << 63)

enum { BYTES = sizeof(uint64_t), MANY = 256 };

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

/* By one byte after the other, from the last: each pass leaves the order of equal ones as it is. */
static void sort_bytes(HptSortedEntry *entries, size_t n)
{
    g_autofree HptSortedEntry *other = g_new(HptSortedEntry, n);
    size_t count[BYTES][256] = {{0}};
    for (size_t i = 0; i < n; i++)
        for (unsigned b = 0; b < BYTES; b++)
            count[b][entries[i].key >> (8 * b) & 0xff]++;
    HptSortedEntry *from = entries, *to = other;
    for (unsigned b = 0; b < BYTES; b++) {
        if (count[b][from[0].key >> (8 * b) & 0xff] == n)
            continue;
        size_t place[256];
        for (size_t digit = 0, sum = 0; digit < 256; sum += count[b][digit++])
            place[digit] = sum;
        for (size_t i = 0; i < n; i++)
            to[place[from[i].key >> (8 * b) & 0xff]++] = from[i];
        HptSortedEntry *was = from;
        from = to;
        to = was;
    }
    if (from != entries)
        memcpy(entries, from, n * sizeof *entries);
}

void hpt_sort_entries(HptSortedEntry *entries, size_t n)
{
    if (n >= MANY)
        sort_bytes(entries, n);
    else if (n > 1)
        qsort(entries, n, sizeof *entries, compare);
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
    hpt_sort_entries(fresh, n);
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
