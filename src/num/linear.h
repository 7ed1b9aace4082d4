/* Small dense linear algebra in a fixed order of operations, so with the same bits on every machine.
 *
 * Matrices are row-major; stride is the distance between rows. No allocation. The order of
 * sums does not depend on the CPU; on those with AVX2 four are worked on at a time, with AVX-512 some eight (see clones.h), to the same bits.
 */
#ifndef HPT_NUM_LINEAR_H
#define HPT_NUM_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

/* Columns that hpt_solve_lower_block solves for at a time. */
#define HPT_BLOCK 8

/* Σ a[i] b[i], by eight partial sums. */
double hpt_dot(const double *a, const double *b, size_t n);

/* The lower Cholesky factor of the symmetric matrix a, of which the lower half is read and replaced;
 * what is above the diagonal stays. False: a is not positive definite; a is then spoilt.
 * Cost n³/3. Scratch: n · HPT_BLOCK doubles. Source: Golub & Van Loan 2013, 4.2.5 and 4.2.6 (gaxpy form, by blocks of rows). */
bool hpt_cholesky(double *a, size_t n, size_t stride, double *scratch);

/* The factor of a matrix with one more row: l has the factor of the first n rows, row n the new elements up to
 * the diagonal. False: not positive definite. Cost n². */
bool hpt_cholesky_append(double *l, size_t n, size_t stride);

/* The factor of L Lᵀ + v vᵀ, and of L Lᵀ − v vᵀ; v (n) is spoilt. False: that is not positive definite; l is then
 * spoilt too. Cost 2n². Source: Golub & Van Loan 2013, 6.5.4, by plane and by hyperbolic rotations; of these the
 * mixed form of Bojanczyk, Brent, Van Dooren & de Hoog 1987. */
void hpt_cholesky_update(double *l, size_t n, size_t stride, double *v);
bool hpt_cholesky_downdate(double *l, size_t n, size_t stride, double *v);

/* x becomes L⁻¹ x; x becomes L⁻ᵀ x. */
void hpt_solve_lower(const double *l, size_t n, size_t stride, double *x);
void hpt_solve_upper(const double *l, size_t n, size_t stride, double *x);

/* The same for HPT_BLOCK columns, x being n × HPT_BLOCK. */
void hpt_solve_lower_block(const double *l, size_t n, size_t stride, double *x);

/* The lower half of (L Lᵀ)⁻¹ into out (n × n of that stride). Cost 2n³/3.
 * Scratch   n · (n + HPT_BLOCK) doubles
 * Source    L⁻¹ by substitution (Golub & Van Loan 2013, 3.1), then L⁻ᵀ L⁻¹ */
void hpt_cholesky_inverse(const double *l, size_t n, size_t stride, double *out, double *scratch);

/* out −= S x, S being symmetric with zeros in its diagonal, of which the lower half is read; x and out are n × HPT_BLOCK.
 * Cost 2 n² · HPT_BLOCK. */
void hpt_subtract_symmetric_block(const double *s, size_t n, size_t stride, const double *x, double *out);

/* out[i] += by · x[i]. */
void hpt_add_scaled(double *out, double by, const double *x, size_t n);

#endif
