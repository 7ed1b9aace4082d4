/* Gaussian processes over a cube: one kernel over the whole of a conditional space.
 *
 * Rasmussen & Williams, "Gaussian processes for machine learning", 2006. The kernel is Matérn 5/2, or 3/2
 * where the data are rough, with a length scale for each parameter, over an embedding in which "inactive" is a
 * place: a number is its own coordinate, which may be warped (input_warp.h), less ½, two different values of a category lie 1
 * apart, and a parameter with a condition has one more coordinate, 0 where it is active and ½ where it is not, its
 * others then being 0. The embedding is Euclidean, so the kernel is positive definite.
 *
 * Where data are fine the kernel is the sum of two (ibid., sec. 5.4.3): a coarse part, and a fine one whose length scales
 * are all the same number of times shorter. One part alone has to take what is rugged for noise, or forgets
 * the valley in which it lies within the width of a single bump.
 */
#ifndef HPT_SEARCH_GP_H
#define HPT_SEARCH_GP_H

#include "num/kernel.h"
#include "num/linear.h"
#include "search/cube.h"

/* Points in the embedding, and their values. */
typedef struct {
    const HptCube *cube;
    size_t n, room;
    bool rough;       /* Matérn 3/2; false after hpt_gp_data_new */
    bool warped;      /* the same; fits find a and b */
    bool fine;        /* the same; fits find the two parts */
    double *place;    /* cube->n · room: u; if inactive ½ of numbers, −1 of categories */
    double *inactive; /* cube->n · room: 0 or ½ */
    double *y;        /* room */
} HptGpData;

/* room ≥ n. Rows and values are copied. */
HptGpData *hpt_gp_data_new(const HptCube *cube, const double *rows, const double *y, size_t n, size_t room);
void hpt_gp_data_free(HptGpData *data);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptGpData, hpt_gp_data_free)

/* Hyperparameters θ: the logarithms of the length scales (cube->n), of the noise's variance, of the signal's, of
 * a and b of the warps (cube->n of each; those of categories mean nothing, none does where
 * data are not warped), of the fine part's variance over the signal's and of how many times shorter its length scales are
 * (meaningless where data are not fine). Priors are normal: of length scales with
 * the mean √2 + ½ log(parameters) − 1 and deviation 1.2 (Hvarfner et al. 2024, arXiv:2402.02229, here narrower and
 * shifted), of the signal 0 and 1, of a and b 0 and 0.4, of the fine part's −4 and 2, and 1.8 and 0.6, of the noise
 * as given; its density is also multiplied by
 * exp(−noise_rate · noise), so that the process does not take all for noise, which a search that follows it would
 * never find out (as in a gamma prior). */
typedef struct {
    double noise_mean, noise_deviation, noise_rate;
} HptGpPrior;

#define HPT_GP_THETA(cube) (3 * (cube)->n + 4)

/* The prior's means. */
void hpt_gp_start(const HptCube *cube, const HptGpPrior *prior, double *theta);

/* Moves theta to the nearest maximum of its posterior, by at most max_steps steps; gives the negative logarithm
 * of it (up to a constant), which is infinite if the matrix is not positive definite there. O(n³) a step. */
double hpt_gp_fit(const HptGpData *data, const HptGpPrior *prior, double *theta, int max_steps);

/* What is moved downhill there: that value, and its gradient into gradient if it is finite. O(n³). */
double hpt_gp_negative_log_posterior(const HptGpData *data, const HptGpPrior *prior, const double *theta,
                                     double *gradient);

/* A process with its hyperparameters, given the data. */
typedef struct {
    const HptGpData *data; /* borrowed */
    double *weight;        /* cube->n: 1 / length scale² */
    double *shape;         /* 2 · cube->n: of the warps, a of each parameter and then b */
    double *place;         /* cube->n · room: the data's, numbers less ½, warped, or 0 */
    HptMatern kernel;
    double noise;
    double *factor; /* room × room, lower Cholesky factor */
    double *alpha;  /* room */
    double *point;  /* 8 · cube->n: scratch */
    double *work;   /* room · HPT_BLOCK · 2 */
    double lowest;  /* mean at a point of data, where it is lowest */
} HptGp;

/* O(n³). */
HptGp *hpt_gp_new(const HptGpData *data, const double *theta);
void hpt_gp_free(HptGp *gp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptGp, hpt_gp_free)

/* A process to which the values at gp's points are known without the noise: one draw of them from gp's posterior. *data,
 * owned, is what it is of and must outlive it; z: 2 n standard normal numbers. O(n³).
 * Source: Matheron's rule, as in Wilson et al. 2020, "Efficiently sampling functions from Gaussian process
 * posteriors", ICML, eq. 9 */
HptGp *hpt_gp_drawn(const HptGp *gp, const double *z, HptGpData **data);

/* The part of the noise in the variance, 0 to 1. */
double hpt_gp_noise_share(const HptGp *gp);

/* The mean at point i of the data. */
double hpt_gp_mean(const HptGp *gp, size_t i);

/* Adds the last point of data, which has just come to it without a value, as if it had come out at the mean.
 * It becomes that point's value. O(n²). (Ginsbourger et al. 2010, "kriging believer".) */
void hpt_gp_believe(HptGp *gp, HptGpData *data);
/* Adds a point to data. It must have room. */
void hpt_gp_data_add(HptGpData *data, const double *row, double y);
/* The row of point i. */
void hpt_gp_data_row(const HptGpData *data, size_t i, double *row);

/* Means and standard deviations of the value without noise at n rows. O(n_data²) a row. */
void hpt_gp_predict(HptGp *gp, const double *rows, size_t n, double *mean, double *deviation);

/* The same at one row, and their derivatives in each of the parameters, of which those of numbers that are active
 * mean something. */
void hpt_gp_predict_slope(HptGp *gp, const double *row, double *mean, double *deviation, double *mean_slope,
                          double *deviation_slope);

/* The logarithm of the expected improvement on gp->lowest at n rows into out. O(n_data²) a row.
 * Source: see hpt_normal_log_improvement. */
void hpt_gp_log_improvement(HptGp *gp, const double *rows, size_t n, double *out);

/* The same at one row, and its derivative in each of the parameters, of which those of numbers that are active
 * mean something. */
double hpt_gp_log_improvement_slope(HptGp *gp, const double *row, double *slope);

#endif
