/* exp, log and pow with the same bits on every machine, compiler and CPU: no libm, no fused
 * multiply-add. Each is within 1 ulp over its whole range (measured: tests/unit/elementary.c), with
 * the usual special cases (C17, F.10).
 */
#ifndef HPT_NUM_ELEMENTARY_H
#define HPT_NUM_ELEMENTARY_H

#include <stddef.h>

double hpt_exp(double x);
double hpt_log(double x);
double hpt_expm1(double x); /* e^x − 1 */
double hpt_log1p(double x); /* log(1 + x) */
double hpt_pow(double x, double y);

/* x[i] becomes hpt_exp(x[i]) or hpt_log(x[i]), to the bit: faster for many at a time. */
void hpt_exp_each(double *x, size_t n);
void hpt_log_each(double *x, size_t n);

#endif
