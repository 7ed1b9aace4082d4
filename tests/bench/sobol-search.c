/* Finds the direction numbers of src/num/sobol-table.h and prints that file. A maintainer's
 * program: it is built by `make tests/bench/sobol-search` only, runs for a few minutes, and always
 * prints the same.
 *
 * Polynomials: all primitive ones over GF(2) of degree up to 9, by degree and then by value. A
 * polynomial of degree s is primitive if x has the order 2^s − 1 modulo it.
 *
 * Initial numbers, dimension by dimension. A candidate is a choice of odd m_k < 2^k for k ≤ s. All
 * candidates are tried if there are at most CANDIDATES, else so many random ones (our own streams).
 * - A candidate must keep Sobol's property A (the first 2^d points fall into the 2^d different
 *   orthants): the d × d matrix of first digits is regular over GF(2). Sobol, "Uniformly
 *   distributed sequences with an additional uniform property", 1976. A polynomial that has no
 *   such candidate waits for a later place among those of its degree.
 * - Of those, the one with the smallest Σ 2^t(j, m) wins, over all earlier dimensions j and all
 *   m from 2 to M: t(j, m) is the quality of the two-dimensional projection on j and the new one
 *   as a (t, m, 2)-net; 0 is best. (The sum is over sizes that a study has; the idea of choosing
 *   by two-dimensional projections is that of Joe & Kuo, "Constructing Sobol sequences with better
 *   two-dimensional projections", SIAM J. Sci. Comput. 30, 2008. Their numbers are not used.)
 */
#include "num/random.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEGREES 9
#define DIMENSIONS 101
#define M 13
#define CANDIDATES 20000

typedef unsigned __int128 Wide;

typedef struct {
    unsigned degree, polynomial; /* all s + 1 coefficients, the leading one highest */
    Wide m[DIMENSIONS + 1];      /* m[k], k from 1 */
} Dimension;

static bool is_primitive(unsigned polynomial, unsigned degree)
{
    unsigned order = (1u << degree) - 1, x = 1;
    for (unsigned i = 1; i <= order; i++) {
        x <<= 1;
        if ((x >> degree & 1) != 0)
            x ^= polynomial;
        if (x == 1)
            return i == order;
    }
    return false;
}

/* The recurrence of the direction numbers (Bratley & Fox 1988, eq. 2). */
static void extend(Dimension *d)
{
    for (unsigned k = d->degree + 1; k <= DIMENSIONS; k++) {
        d->m[k] = d->m[k - d->degree] ^ d->m[k - d->degree] << d->degree;
        for (unsigned i = 1; i < d->degree; i++)
            if ((d->polynomial >> (d->degree - i) & 1) != 0)
                d->m[k] ^= d->m[k - i] << i;
    }
}

/* Row r (from 1) of the generator matrix, column k in bit k − 1. */
static unsigned row(const Dimension *d, unsigned r)
{
    unsigned bits = 0;
    for (unsigned k = r; k <= M; k++)
        bits |= (unsigned)(d->m[k] >> (k - r) & 1) << (k - 1);
    return bits;
}

/* Adds a row to a basis indexed by highest bit; false if it depends on the others. */
static bool basis_add(unsigned basis[M], unsigned bits)
{
    while (bits != 0) {
        unsigned top = 31u - (unsigned)__builtin_clz(bits);
        if (basis[top] == 0) {
            basis[top] = bits;
            return true;
        }
        bits ^= basis[top];
    }
    return false;
}

/* t of the projection as a (t, m, 2)-net: m less the largest ρ such that any a rows of one and
 * ρ − a of the other are independent. */
static unsigned quality(const unsigned a_rows[M], const unsigned b_rows[M], unsigned m)
{
    unsigned mask = (1u << m) - 1, rho = m, basis[M] = {0};
    for (unsigned a = 0; a <= m; a++) {
        if (a > 0 && !basis_add(basis, a_rows[a - 1] & mask))
            return m - MIN(rho, a - 1);
        unsigned copy[M], b = 0;
        memcpy(copy, basis, sizeof copy);
        while (a + b < rho && basis_add(copy, b_rows[b] & mask))
            b++;
        rho = MIN(rho, a + b);
    }
    return m - rho;
}

static Wide first_digits(const Dimension *d)
{
    Wide bits = 0;
    for (unsigned k = 1; k <= DIMENSIONS; k++)
        bits |= (d->m[k] >> (k - 1) & 1) << (k - 1);
    return bits;
}

/* Would the square matrix of first digits stay regular? reduced holds earlier rows in echelon form:
 * row i has its pivot in column i. */
static bool property_a(const Wide *reduced, size_t n, Wide bits, Wide *left)
{
    for (size_t i = 0; i < n; i++)
        if ((bits >> i & 1) != 0)
            bits ^= reduced[i];
    *left = bits;
    return (bits >> n & 1) != 0;
}

static void candidate_fill(Dimension *d, uint64_t number, const HptStream *stream, bool all)
{
    uint64_t index = number * DEGREES;
    for (unsigned k = 1; k <= d->degree; k++) {
        uint64_t choices = UINT64_C(1) << (k - 1), choice;
        if (all) {
            choice = number % choices;
            number /= choices;
        } else {
            choice = hpt_stream_below(stream, index + k, choices);
        }
        d->m[k] = 2 * choice + 1;
    }
    extend(d);
}

static uint64_t score(const Dimension *d, unsigned rows[DIMENSIONS][M], size_t n, uint64_t limit)
{
    unsigned own[M];
    for (unsigned r = 1; r <= M; r++)
        own[r - 1] = row(d, r);
    uint64_t total = 0;
    for (size_t j = 0; j < n && total < limit; j++)
        for (unsigned m = 2; m <= M; m++)
            total += UINT64_C(1) << quality(rows[j], own, m);
    return total;
}

/* Chooses dimension n with this polynomial; the score, or UINT64_MAX if no candidate will do. */
static uint64_t search(Dimension *dimensions, unsigned rows[DIMENSIONS][M], Wide *reduced, size_t n,
                       unsigned degree, unsigned polynomial)
{
    HptStream stream = hpt_stream(0, (int64_t)n, "sobol-search", "");
    unsigned choices_log2 = degree * (degree - 1) / 2;
    bool all = choices_log2 <= 11;
    uint64_t tries = all ? UINT64_C(1) << choices_log2 : CANDIDATES, best = UINT64_MAX;
    for (uint64_t i = 0; i < tries; i++) {
        Dimension d = {.degree = degree, .polynomial = polynomial};
        Wide left;
        candidate_fill(&d, i, &stream, all);
        if (!property_a(reduced, n, first_digits(&d), &left))
            continue;
        uint64_t got = score(&d, rows, n, best);
        if (got < best) {
            best = got;
            dimensions[n] = d;
            reduced[n] = left;
        }
    }
    if (best != UINT64_MAX)
        for (unsigned r = 1; r <= M; r++)
            rows[n][r - 1] = row(&dimensions[n], r);
    return best;
}

int main(void)
{
    static Dimension dimensions[DIMENSIONS];
    static unsigned rows[DIMENSIONS][M];
    static Wide reduced[DIMENSIONS];
    for (unsigned k = 1; k <= DIMENSIONS; k++)
        dimensions[0].m[k] = 1;
    for (unsigned r = 1; r <= M; r++)
        rows[0][r - 1] = row(&dimensions[0], r);
    reduced[0] = first_digits(&dimensions[0]);
    size_t n = 1;
    for (unsigned degree = 1; degree <= DEGREES; degree++) {
        unsigned waiting[64];
        size_t n_waiting = 0;
        for (unsigned p = 1u << degree | 1; p < 2u << degree; p += 2)
            if (is_primitive(p, degree))
                waiting[n_waiting++] = p;
        while (n_waiting > 0) {
            uint64_t best = UINT64_MAX;
            size_t i = 0;
            while (i < n_waiting && best == UINT64_MAX)
                best = search(dimensions, rows, reduced, n, degree, waiting[i++]);
            if (best == UINT64_MAX)
                break;
            n_waiting--;
            memmove(waiting + i - 1, waiting + i, (n_waiting - (i - 1)) * sizeof *waiting);
            fprintf(stderr, "%zu: polynomial %u, mean 2^t %.3f\n", n, dimensions[n].polynomial,
                    (double)best / ((double)n * (M - 1)));
            n++;
        }
        fprintf(stderr, "degree %u: %zu polynomials left out\n", degree, n_waiting);
    }
    printf("/* Direction numbers, written by tests/bench/sobol-search.c, which says how. */\n");
    printf(
        "#ifndef HPT_NUM_SOBOL_TABLE_H\n#define HPT_NUM_SOBOL_TABLE_H\n\n#include <stdint.h>\n\n");
    printf("/* polynomial: the coefficients, leading and last included; m: s odd numbers. */\n");
    printf("static const struct {\n    uint16_t polynomial;\n    uint16_t m[%d];\n", DEGREES);
    printf("} sobol_table[%zu] = {\n", n - 1);
    for (size_t i = 1; i < n; i++) {
        printf("    {%u, {", dimensions[i].polynomial);
        for (unsigned k = 1; k <= dimensions[i].degree; k++)
            printf("%s%u", k > 1 ? ", " : "", (unsigned)dimensions[i].m[k]);
        printf("}},\n");
    }
    printf("};\n\n#endif\n");
    return 0;
}
