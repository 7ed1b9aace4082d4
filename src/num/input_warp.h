/* Input warping: coordinates bent, so that a parameter whose effect is, say, logarithmic on the linear scale that it was
 * given on is as even as a process with one length scale takes it to be.
 *
 * u in [0, 1] becomes w(u) = 1 − (1 − v^a)^b, v = e + (1 − 2 e) u, e = 1e-4, so that slopes at the ends are finite: the
 * distribution function of Kumaraswamy 1980, which stands in for the beta distribution's of Snoek et al. 2014, "Input
 * warping for Bayesian optimization of non-stationary functions" (arXiv:1402.0929). a = b = 1 is a straight line.
 */
#ifndef HPT_NUM_INPUT_WARP_H
#define HPT_NUM_INPUT_WARP_H

#include <stddef.h>

/* Derivatives of w: in log a, in log b, in u; n of each, or NULL. */
typedef struct {
    double *log_a, *log_b, *u;
} HptWarpSlopes;

#define HPT_WARP_SCRATCH(n) (4 * (n))

/* w of n numbers u, each with its own a and b, from 1/8 to 8. w may be u. Scratch: HPT_WARP_SCRATCH(n). */
void hpt_warp_inputs(const double *a, const double *b, const double *u, double *w, const HptWarpSlopes *slopes,
                     size_t n, double *scratch);

/* The same in two steps, for columns of numbers whose shapes change while they do not: log v of n numbers; from that w and
 * its derivatives in log a and log b of n numbers in each of the columns, which lie one after the other and have an a
 * and a b each. The bits are those of hpt_warp_inputs. Scratch: HPT_WARP_SCRATCH(columns · n). */
void hpt_warp_logs(const double *u, double *log_v, size_t n);
void hpt_warp_columns(const double *a, const double *b, const double *log_v, size_t columns, size_t n, double *w,
                      double *by_log_a, double *by_log_b, double *scratch);

#endif
