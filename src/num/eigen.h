/* Eigenvalues and eigenvectors of a small symmetric matrix, in a fixed order of operations.
 */
#ifndef HPT_NUM_EIGEN_H
#define HPT_NUM_EIGEN_H

#include <stdbool.h>
#include <stddef.h>

/* A = V diag(values) Vᵀ.
 *
 * Inputs   v        n × n, row-major, symmetric and finite; the lower half is read
 * Outputs  v        column k is the unit eigenvector of values[k]; its component of the largest size, of equal
 *                   ones the first, is positive
 *          values   n, ascending
 * Scratch  2n doubles
 * Fails    false: no convergence in 60 steps for one value, or an element that is not finite; both outputs are
 *          then spoilt
 * Cost     about 9n³; no allocation
 * Source   Golub & Van Loan 2013, alg. 8.3.1 (Householder reduction to tridiagonal form, applied to vectors as in
 *          5.1.6) and 8.3.3 (QR steps with Wilkinson's shift)
 */
bool hpt_eigen(double *v, size_t n, double *values, double *scratch);

#endif
