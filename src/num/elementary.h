/* exp and log with the same bits on every machine, compiler and CPU: no libm, no fused
 * multiply-add. Within 1 ulp (exp) and 1 ulp (log) over the whole range; the usual special cases.
 */
#ifndef HPT_NUM_ELEMENTARY_H
#define HPT_NUM_ELEMENTARY_H

double hpt_exp(double x);
double hpt_log(double x);

#endif
