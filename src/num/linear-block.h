/* What goes by eight columns at once, in vectors of eight, or of two parts of four. Included by linear.c, for each width once;
 * the order of sums is the same in both, and for any number of rows that share what is read of the columns. */

#define WIDTH (HPT_BLOCK / PARTS)
#define PART OF_PARTS(Part)

typedef double PART __attribute__((vector_size(WIDTH * sizeof(double))));

/* sum[r] −= Σ a[r · stride + k · step] x[k], k < n, x being n × HPT_BLOCK. */
INLINE void OF_PARTS(subtract_products)(PART sum[][PARTS], size_t rows, const double *a, size_t stride, size_t step, const double *x,
                              size_t n)
{
    for (size_t k = 0; k < n; k++) {
        PART of[PARTS];
        memcpy(of, x + k * HPT_BLOCK, sizeof of);
        for (size_t r = 0; r < rows; r++)
            for (size_t p = 0; p < PARTS; p++)
                sum[r][p] -= a[r * stride + k * step] * of[p];
    }
}

/* Rows i to i + rows − 1 of the solution, of which those before them are there. */
INLINE void OF_PARTS(solve_rows)(const double *l, size_t i, size_t rows, size_t stride, double *x)
{
    PART sum[ROWS][PARTS];
    memcpy(sum, x + i * HPT_BLOCK, rows * sizeof *sum);
    OF_PARTS(subtract_products)(sum, rows, l + i * stride, stride, 1, x, i);
    for (size_t r = 0; r < rows; r++) {
        const double *row = l + (i + r) * stride + i;
        for (size_t k = 0; k < r; k++)
            for (size_t p = 0; p < PARTS; p++)
                sum[r][p] -= row[k] * sum[k][p];
        for (size_t p = 0; p < PARTS; p++)
            sum[r][p] /= row[r];
    }
    memcpy(x + i * HPT_BLOCK, sum, rows * sizeof *sum);
}

INLINE void OF_PARTS(solve_block)(const double *l, size_t n, size_t stride, double *x)
{
    size_t i = 0;
    for (; i + ROWS <= n; i += ROWS)
        OF_PARTS(solve_rows)(l, i, ROWS, stride, x);
    for (; i < n; i++)
        OF_PARTS(solve_rows)(l, i, 1, stride, x);
}

PARTS_CLONES
static void OF_PARTS(by_block_solve_lower_block)(const double *l, size_t n, size_t stride, double *x)
{
    OF_PARTS(solve_block)(l, n, stride, x);
}

PARTS_CLONES
static bool OF_PARTS(by_block_cholesky)(double *a, size_t n, size_t stride, double *scratch)
{
    for (size_t i = 0; i < n; i += HPT_BLOCK) {
        /* Of L L' = A these rows solve L x = A's rows, as columns, up to i. */
        size_t rows = n - i < HPT_BLOCK ? n - i : HPT_BLOCK;
        double *block = a + i * stride;
        memset(scratch, 0, i * HPT_BLOCK * sizeof *scratch);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < i; j++)
                scratch[j * HPT_BLOCK + r] = block[r * stride + j];
        OF_PARTS(solve_block)(a, i, stride, scratch);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < i; j++)
                block[r * stride + j] = scratch[j * HPT_BLOCK + r];
        for (size_t r = 0; r < rows; r++)
            if (!append(a, i + r, stride, i))
                return false;
    }
    return true;
}

PARTS_CLONES
static void OF_PARTS(by_block_cholesky_inverse)(const double *l, size_t n, size_t stride, double *out, double *scratch)
{
    /* W = L⁻¹, eight columns after eight, each block from its first row that is not 0 on; then Wᵀ W. */
    for (size_t j = 0; j < n; j += HPT_BLOCK) {
        double *w = scratch + j * n;
        memset(w + j * HPT_BLOCK, 0, (n - j) * HPT_BLOCK * sizeof *w);
        for (size_t i = j; i < n && i < j + HPT_BLOCK; i++)
            w[i * HPT_BLOCK + i - j] = 1;
        OF_PARTS(solve_block)(l + j * stride + j, n - j, stride, w + j * HPT_BLOCK);
    }
    for (size_t i = 0; i < n; i += ROWS) {
        size_t first = i - i % HPT_BLOCK, rows = n - i < ROWS ? n - i : ROWS;
        const double *rows_of = scratch + first * n + first * HPT_BLOCK + i % HPT_BLOCK;
        for (size_t j = 0; j < i + rows; j += HPT_BLOCK) {
            PART sum[ROWS][PARTS] = {{{0}}};
            OF_PARTS(subtract_products)(sum, ROWS, rows_of, 1, HPT_BLOCK, scratch + j * n + first * HPT_BLOCK, n - first);
            for (size_t r = 0; r < rows; r++)
                for (size_t c = 0; c < HPT_BLOCK && j + c <= i + r; c++)
                    out[(i + r) * stride + j + c] = -sum[r][c / WIDTH][c % WIDTH];
        }
    }
}

/* Rows i to i + rows − 1 of out. */
INLINE void OF_PARTS(subtract_symmetric)(const double *s, size_t i, size_t rows, size_t n, size_t stride, const double *x, double *out)
{
    PART sum[ROWS][PARTS];
    memcpy(sum, out + i * HPT_BLOCK, rows * sizeof *sum);
    OF_PARTS(subtract_products)(sum, rows, s + i * stride, stride, 1, x, i);
    for (size_t r = 0; r < rows; r++) {
        double of[ROWS];
        for (size_t k = 0; k < rows; k++)
            of[k] = k == r ? 0 : k < r ? s[(i + r) * stride + i + k] : s[(i + k) * stride + i + r];
        OF_PARTS(subtract_products)(sum + r, 1, of, 0, 1, x + i * HPT_BLOCK, rows);
    }
    size_t next = i + rows;
    OF_PARTS(subtract_products)(sum, rows, s + next * stride + i, 1, stride, x + next * HPT_BLOCK, n - next);
    memcpy(out + i * HPT_BLOCK, sum, rows * sizeof *sum);
}

PARTS_CLONES
static void OF_PARTS(by_block_subtract_symmetric_block)(const double *s, size_t n, size_t stride, const double *x, double *out)
{
    size_t i = 0;
    for (; i + ROWS <= n; i += ROWS)
        OF_PARTS(subtract_symmetric)(s, i, ROWS, n, stride, x, out);
    for (; i < n; i++)
        OF_PARTS(subtract_symmetric)(s, i, 1, n, stride, x, out);
}

#undef WIDTH
#undef PART
