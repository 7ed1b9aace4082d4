#include "search/gp.h"

#include "num/elementary.h"
#include "num/input_warp.h"
#include "num/kernel.h"
#include "num/minimise.h"
#include "num/normal.h"

#include <math.h>
#include <string.h>

#define SQRT_2 1.4142135623730951
#define JITTER 1e-8
#define MOST_JITTER 1.0
#define LEAST_VARIANCE 1e-12
#define LENGTH_DEVIATION 1.2
#define WARP_DEVIATION 0.4
#define FINE_MEAN (-4.0)
#define FINE_DEVIATION 2.0
#define SHORTER_MEAN 1.8
#define SHORTER_DEVIATION 0.6
#define LEAST_GAIN 1e-4
#define LOG_NOISE_LOW -13.815510557964274 /* log 1e-6 */

/* ---- data ---- */

/* The columns of coordinates of points, of which each has room. */
static double *new_columns(const HptCube *cube, size_t room)
{
    return g_new0(double, cube->n * room + HPT_KERNEL_SLACK + 1);
}

static void put(HptGpData *data, size_t i, const double *row)
{
    for (size_t j = 0; j < data->cube->n; j++) {
        bool inactive = isnan(row[j]);
        data->inactive[j * data->room + i] = inactive ? 0.5 : 0;
        data->place[j * data->room + i] = data->cube->category[j] ? (inactive ? -1 : row[j])
                                          : inactive              ? 0.5
                                                                  : row[j];
    }
}

void hpt_gp_data_add(HptGpData *data, const double *row, double y)
{
    g_assert(data->n < data->room);
    put(data, data->n, row);
    data->y[data->n++] = y;
}

void hpt_gp_data_row(const HptGpData *data, size_t i, double *row)
{
    for (size_t j = 0; j < data->cube->n; j++) {
        size_t at = j * data->room + i;
        row[j] = data->inactive[at] > 0 ? (double)NAN : data->place[at];
    }
}

HptGpData *hpt_gp_data_new(const HptCube *cube, const double *rows, const double *y, size_t n, size_t room)
{
    HptGpData *data = g_new0(HptGpData, 1);
    data->cube = cube;
    data->room = room;
    data->place = new_columns(cube, room);
    data->inactive = new_columns(cube, room);
    data->y = g_new(double, room + 1);
    for (size_t i = 0; i < n; i++)
        hpt_gp_data_add(data, rows + i * cube->n, y[i]);
    return data;
}

void hpt_gp_data_free(HptGpData *data)
{
    if (data == NULL)
        return;
    g_free(data->place);
    g_free(data->inactive);
    g_free(data->y);
    g_free(data);
}

/* ---- the kernel ---- */

static double square(double x)
{
    return x * x;
}

/* The squared distance of two values of a category. */
static double differ(double a, double b)
{
    return a == b ? 0 : a < 0 || b < 0 ? 0.75 : 1;
}

/* The coordinate of a place in parameter j, where it is not warped. */
static double straight(const HptCube *cube, size_t j, double place, double inactive)
{
    return cube->category[j] ? place : inactive > 0 ? 0 : place - 0.5;
}

/* Squared scaled distances of a point, given by its coordinates, from the first n of the data, which lie at places. */
static void distances(const HptGpData *data, const double *places, const double *weight, const double *place,
                      const double *inactive, size_t n, double *out)
{
    const HptCube *cube = data->cube;
    size_t room = data->room;
    memset(out, 0, n * sizeof *out);
    for (size_t j = 0, end; j < cube->n; j = end) {
        for (end = j; end < cube->n && !cube->category[end];)
            end++;
        hpt_add_distances(out, weight + j, place + j, places + j * room, inactive + j,
                          cube->conditional ? data->inactive + j * room : NULL, end - j, room, n);
        if (end == cube->n)
            break;
        const double *others = places + end * room;
        for (size_t i = 0; i < n; i++)
            out[i] += weight[end] * differ(place[end], others[i]);
        end++;
    }
}

/* ---- fitting ---- */

typedef struct {
    const HptGpData *data;
    const HptGpPrior *prior;
    size_t n, pairs;
    double *weight;            /* cube->n */
    double *places;            /* cube->n · room: of the data, warped */
    double *place, *inactive;  /* n · cube->n: the same, point after point */
    double *shape;             /* 2 · cube->n: a and b, where data are warped, */
    double *log_v, *warped;    /* n · cube->n, column after column: logarithms of what is warped, and that, */
    double *by_a, *by_b;       /* the same: derivatives of places in log a and log b */
    double *warp_scratch;
    size_t n_columns, blocks;  /* places of numbers, where some may be inactive each with its other coordinate, and ones; */
    double *columns, *pulled;  /* they lie in blocks of n · HPT_BLOCK; and times the slopes */
    double *pull;              /* n: scratch */
    double *kernel, *slope;    /* pairs: of each pair i > j, at i (i − 1) / 2 + j */
    double *fine, *shorter;    /* the same, where data are fine: see hpt_matern */
    double *matrix, *inverse; /* n · n */
    double *alpha;   /* n */
    double *scratch; /* n · (n + HPT_BLOCK) */
} Fit;

static HptMatern kernel_of(const HptGpData *data, const double *theta)
{
    size_t p = data->cube->n;
    HptMatern kernel = {data->rough, hpt_exp(theta[p + 1]), 0, 1};
    if (data->fine) {
        kernel.fine = kernel.signal * hpt_exp(theta[3 * p + 2]);
        kernel.shorter = hpt_exp(theta[3 * p + 3]);
    }
    return kernel;
}

static double length_mean(const HptCube *cube)
{
    return SQRT_2 + 0.5 * hpt_log((double)MAX(cube->n, 1)) - 1;
}

void hpt_gp_start(const HptCube *cube, const HptGpPrior *prior, double *theta)
{
    for (size_t j = 0; j < cube->n; j++)
        theta[j] = length_mean(cube);
    theta[cube->n] = prior->noise_mean;
    for (size_t j = cube->n + 1; j < 3 * cube->n + 2; j++)
        theta[j] = 0;
    theta[3 * cube->n + 2] = FINE_MEAN;
    theta[3 * cube->n + 3] = SHORTER_MEAN;
}

/* The data, warped. */
static void warp_data(Fit *fit, const double *theta)
{
    const HptGpData *data = fit->data;
    size_t n = fit->n, p = data->cube->n;
    for (size_t j = 0; j < 2 * p; j++)
        fit->shape[j] = hpt_exp(theta[p + 2 + j]);
    hpt_warp_columns(fit->shape, fit->shape + p, fit->log_v, p, n, fit->warped, fit->by_a, fit->by_b, fit->warp_scratch);
    for (size_t j = 0; j < p; j++)
        for (size_t i = 0; i < n && !data->cube->category[j]; i++) {
            size_t at = j * data->room + i, k = j * n + i;
            bool inactive = data->inactive[at] > 0;
            fit->places[at] = fit->place[i * p + j] = inactive ? 0 : fit->warped[k] - 0.5;
            if (inactive)
                fit->by_a[k] = fit->by_b[k] = 0;
        }
}

/* The kernel of all pairs, and the matrix with the noise. */
static void fill(Fit *fit, const double *theta)
{
    size_t p = fit->data->cube->n;
    double noise = hpt_exp(theta[p]);
    HptMatern kernel = kernel_of(fit->data, theta);
    for (size_t j = 0; j < p; j++)
        fit->weight[j] = hpt_exp(-2 * theta[j]);
    if (fit->data->warped)
        warp_data(fit, theta);
    for (size_t i = 0, q = 0; i < fit->n; q += i++)
        distances(fit->data, fit->places, fit->weight, fit->place + i * p, fit->inactive + i * p, i, fit->kernel + q);
    hpt_matern(&kernel, fit->kernel, fit->slope, fit->fine, fit->shorter, fit->pairs);
    for (size_t i = 0, q = 0; i < fit->n; i++) {
        memcpy(fit->matrix + i * fit->n, fit->kernel + q, i * sizeof *fit->matrix);
        fit->matrix[i * fit->n + i] = kernel.signal + kernel.fine + noise + JITTER;
        q += i;
    }
}

/* Where column c of point i is. */
static size_t cell(const Fit *fit, size_t c, size_t i)
{
    return (c / HPT_BLOCK * fit->n + i) * HPT_BLOCK + c % HPT_BLOCK;
}

/* Fills the columns, and multiplies them by the pairs' slopes. */
static void pull_all(Fit *fit)
{
    const HptGpData *data = fit->data;
    const HptCube *cube = data->cube;
    size_t c = 0, n = fit->n;
    for (size_t j = 0; j < cube->n; j++) {
        for (size_t i = 0; i < n && !cube->category[j]; i++) {
            fit->columns[cell(fit, c, i)] = fit->places[j * data->room + i];
            if (cube->conditional)
                fit->columns[cell(fit, c + 1, i)] = data->inactive[j * data->room + i];
        }
        c += cube->category[j] ? 0 : cube->conditional ? 2 : 1;
    }
    for (size_t i = 0; i < n; i++)
        fit->columns[cell(fit, c, i)] = 1;
    memset(fit->pulled, 0, fit->blocks * n * HPT_BLOCK * sizeof *fit->pulled);
    for (size_t b = 0; b < fit->blocks; b++)
        hpt_subtract_symmetric_block(fit->inverse, n, n, fit->columns + b * n * HPT_BLOCK, fit->pulled + b * n * HPT_BLOCK);
}

/* What pulls on each point i in column c, Σ over k of slope (place i − place k), into pull; Σ place · pull, which is the sum
 * over all pairs of slope (place i − place k)². */
static double pull_on(const Fit *fit, size_t c, size_t ones)
{
    double sum = 0;
    for (size_t i = 0; i < fit->n; i++) {
        double place = fit->columns[cell(fit, c, i)];
        fit->pull[i] = fit->pulled[cell(fit, c, i)] - place * fit->pulled[cell(fit, ones, i)];
        sum += place * fit->pull[i];
    }
    return sum;
}

/* The same sum of slope and squared distances of a category. */
static double sum_of_differences(const Fit *fit, size_t j)
{
    const double *places = fit->places + j * fit->data->room;
    double sum = 0;
    for (size_t i = 0; i < fit->n; i++)
        for (size_t k = 0; k < i; k++)
            sum += fit->inverse[i * fit->n + k] * differ(places[i], places[k]);
    return sum;
}

/* Adds what the kernel has to do with the parameters: Σ over all pairs of their slope times half the derivative of −r²,
 * which in the logarithm of a length scale is the squared scaled distance in its parameter. */
static void add_slopes(Fit *fit, double *gradient)
{
    const HptGpData *data = fit->data;
    const HptCube *cube = data->cube;
    size_t n = fit->n, p = cube->n, ones = fit->n_columns - 1, c = 0;
    if (ones > 0)
        pull_all(fit);
    for (size_t j = 0; j < p; j++) {
        if (cube->category[j]) {
            gradient[j] += fit->weight[j] * sum_of_differences(fit, j);
            continue;
        }
        double sum = pull_on(fit, c++, ones);
        if (data->warped) {
            gradient[p + 2 + j] -= fit->weight[j] * hpt_dot(fit->pull, fit->by_a + j * n, n);
            gradient[2 * p + 2 + j] -= fit->weight[j] * hpt_dot(fit->pull, fit->by_b + j * n, n);
        }
        if (cube->conditional)
            sum += pull_on(fit, c++, ones);
        gradient[j] += fit->weight[j] * sum;
    }
}

static double add_prior(double x, double mean, double deviation, double *gradient)
{
    double z = (x - mean) / deviation;
    *gradient += z / deviation;
    return 0.5 * z * z;
}

/* How many of the hyperparameters a fit moves. */
static size_t n_moving(const HptGpData *data)
{
    size_t p = data->cube->n;
    return data->fine ? HPT_GP_THETA(data->cube) : data->warped ? 3 * p + 2 : p + 2;
}

static double add_priors(const Fit *fit, const double *theta, double *gradient)
{
    const HptCube *cube = fit->data->cube;
    double sum = 0, mean = length_mean(cube);
    for (size_t j = 0; j < cube->n; j++)
        sum += add_prior(theta[j], mean, LENGTH_DEVIATION, &gradient[j]);
    sum += add_prior(theta[cube->n], fit->prior->noise_mean, fit->prior->noise_deviation,
                     &gradient[cube->n]);
    for (size_t j = cube->n + 2; j < MIN(n_moving(fit->data), 3 * cube->n + 2); j++)
        sum += add_prior(theta[j], 0, WARP_DEVIATION, &gradient[j]);
    if (fit->data->fine) {
        size_t at = 3 * cube->n + 2;
        sum += add_prior(theta[at], FINE_MEAN, FINE_DEVIATION, &gradient[at]);
        sum += add_prior(theta[at + 1], SHORTER_MEAN, SHORTER_DEVIATION, &gradient[at + 1]);
    }
    double rate = fit->prior->noise_rate * hpt_exp(theta[cube->n]);
    gradient[cube->n] += rate;
    return sum + rate + add_prior(theta[cube->n + 1], 0, 1, &gradient[cube->n + 1]);
}

/* Of the values, up to a constant; infinite if the matrix is not positive definite. The matrix becomes its
 * factor L, alpha L⁻¹ y. */
static double negative_log_likelihood(Fit *fit, const double *theta)
{
    size_t n = fit->n;
    fill(fit, theta);
    if (!hpt_cholesky(fit->matrix, n, n, fit->scratch))
        return (double)INFINITY;
    memcpy(fit->alpha, fit->data->y, n * sizeof *fit->alpha);
    hpt_solve_lower(fit->matrix, n, n, fit->alpha);
    double value = 0.5 * hpt_dot(fit->alpha, fit->alpha, n);
    for (size_t i = 0; i < n; i++)
        value += hpt_log(fit->matrix[i * n + i]);
    return value;
}

/* ibid., eq. 5.8 and 5.9 */
static double negative_log_posterior(const double *theta, double *gradient, void *user)
{
    Fit *fit = user;
    size_t n = fit->n, p = fit->data->cube->n;
    memset(gradient, 0, n_moving(fit->data) * sizeof *gradient);
    double value = negative_log_likelihood(fit, theta), trace = 0, fine_sum = 0, shorter_sum = 0;
    if (!isfinite(value))
        return (double)INFINITY;
    hpt_solve_upper(fit->matrix, n, n, fit->alpha);
    hpt_cholesky_inverse(fit->matrix, n, n, fit->inverse, fit->scratch);
    /* G = K⁻¹ − α αᵀ, in the inverse's place: its pairs times the kernel, and times its slope. */
    double signal_sum = 0;
    for (size_t i = 0, q = 0; i < n; q += i++) {
        double *g = fit->inverse + i * n;
        hpt_add_scaled(g, -fit->alpha[i], fit->alpha, i + 1);
        signal_sum += hpt_dot(g, fit->kernel + q, i);
        if (fit->data->fine) {
            fine_sum += hpt_dot(g, fit->fine + q, i);
            shorter_sum += hpt_dot(g, fit->shorter + q, i);
        }
        for (size_t j = 0; j < i; j++)
            g[j] *= fit->slope[q + j];
        trace += g[i];
    }
    add_slopes(fit, gradient);
    gradient[p] = 0.5 * hpt_exp(theta[p]) * trace;
    HptMatern kernel = kernel_of(fit->data, theta);
    gradient[p + 1] = signal_sum + 0.5 * (kernel.signal + kernel.fine) * trace;
    if (fit->data->fine) {
        gradient[3 * p + 2] = fine_sum + 0.5 * kernel.fine * trace;
        gradient[3 * p + 3] = shorter_sum;
    }
    return value + add_priors(fit, theta, gradient);
}

static void warp_init(Fit *fit)
{
    const HptGpData *data = fit->data;
    const HptCube *cube = data->cube;
    size_t n = fit->n, all = n * cube->n;
    fit->shape = g_new(double, 2 * cube->n + 1);
    fit->log_v = g_new(double, all + 1);
    fit->warped = g_new(double, all + 1);
    fit->by_a = g_new(double, all + 1);
    fit->by_b = g_new(double, all + 1);
    fit->warp_scratch = g_new(double, HPT_WARP_SCRATCH(all) + 1);
    for (size_t j = 0; j < cube->n; j++)
        for (size_t i = 0; i < n; i++)
            fit->warped[j * n + i] = cube->category[j] ? 0.5 : data->place[j * data->room + i];
    hpt_warp_logs(fit->warped, fit->log_v, all);
}

static void fit_init(Fit *fit, const HptGpData *data, const HptGpPrior *prior)
{
    const HptCube *cube = data->cube;
    size_t n = data->n;
    *fit = (Fit){.data = data, .prior = prior, .n = n, .pairs = n * (n - 1) / 2};
    fit->weight = g_new(double, cube->n + 1);
    fit->places = new_columns(cube, data->room);
    fit->n_columns = 1;
    for (size_t j = 0; j < cube->n; j++)
        fit->n_columns += cube->category[j] ? 0 : cube->conditional ? 2 : 1;
    fit->blocks = (fit->n_columns + HPT_BLOCK - 1) / HPT_BLOCK;
    fit->columns = g_new0(double, fit->blocks * n * HPT_BLOCK);
    fit->pulled = g_new(double, fit->blocks * n * HPT_BLOCK);
    fit->pull = g_new(double, n);
    fit->place = g_new(double, n * cube->n + 1);
    fit->inactive = g_new(double, n * cube->n + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < cube->n; j++) {
            size_t at = j * data->room + i;
            fit->places[at] = straight(cube, j, data->place[at], data->inactive[at]);
            fit->place[i * cube->n + j] = fit->places[at];
            fit->inactive[i * cube->n + j] = data->inactive[at];
        }
    if (data->warped)
        warp_init(fit);
    fit->kernel = g_new(double, fit->pairs + 1);
    fit->slope = g_new(double, fit->pairs + 1);
    if (data->fine) {
        fit->fine = g_new(double, fit->pairs + 1);
        fit->shorter = g_new(double, fit->pairs + 1);
    }
    fit->matrix = g_new(double, n * n);
    fit->inverse = g_new(double, n * n);
    fit->alpha = g_new(double, n);
    fit->scratch = g_new(double, n * (n + HPT_BLOCK));
}

static void fit_clear(Fit *fit)
{
    g_free(fit->weight);
    g_free(fit->places);
    g_free(fit->by_a);
    g_free(fit->by_b);
    g_free(fit->shape);
    g_free(fit->log_v);
    g_free(fit->warped);
    g_free(fit->warp_scratch);
    g_free(fit->columns);
    g_free(fit->pulled);
    g_free(fit->pull);
    g_free(fit->place);
    g_free(fit->inactive);
    g_free(fit->kernel);
    g_free(fit->slope);
    g_free(fit->fine);
    g_free(fit->shorter);
    g_free(fit->matrix);
    g_free(fit->inverse);
    g_free(fit->alpha);
    g_free(fit->scratch);
}

static void bounds(const HptCube *cube, size_t j, double *low, double *high)
{
    static const double of_length[] = {-4, 6}, of_noise[] = {LOG_NOISE_LOW, 0}, of_signal[] = {-2, 3};
    static const double of_warp[] = {-2, 2}, of_fine[] = {-9, 3}, of_shorter[] = {0.7, 3.7};
    size_t p = cube->n;
    const double *of = j < p            ? of_length
                       : j == p         ? of_noise
                       : j == p + 1     ? of_signal
                       : j < 3 * p + 2  ? of_warp
                       : j == 3 * p + 2 ? of_fine
                                        : of_shorter;
    *low = of[0];
    *high = of[1];
}

double hpt_gp_fit(const HptGpData *data, const HptGpPrior *prior, double *theta, int max_steps)
{
    size_t n_theta = n_moving(data);
    g_autofree double *low = g_new(double, n_theta), *high = g_new(double, n_theta);
    g_autofree double *scratch = g_new(double, HPT_MINIMISE_SCRATCH(n_theta));
    for (size_t j = 0; j < n_theta; j++) {
        bounds(data->cube, j, &low[j], &high[j]);
        theta[j] = CLAMP(theta[j], low[j], high[j]);
    }
    Fit fit;
    fit_init(&fit, data, prior);
    double value =
        hpt_minimise(negative_log_posterior, &fit, theta, low, high, n_theta, max_steps, LEAST_GAIN, scratch);
    fit_clear(&fit);
    return value;
}

double hpt_gp_negative_log_posterior(const HptGpData *data, const HptGpPrior *prior, const double *theta,
                                     double *gradient)
{
    Fit fit;
    fit_init(&fit, data, prior);
    double value = negative_log_posterior(theta, gradient, &fit);
    fit_clear(&fit);
    return value;
}

/* ---- prediction ---- */

/* Makes coordinates of a place as put() leaves it; in slope, if that is not NULL, their derivatives in u, of which those
 * of numbers mean something. */
static void warp_place(const HptGp *gp, double *place, const double *inactive, double *slope)
{
    const HptCube *cube = gp->data->cube;
    size_t p = cube->n;
    double *w = gp->point + 3 * p;
    for (size_t j = 0; j < p; j++) {
        w[j] = cube->category[j] ? 0.5 : place[j];
        if (slope != NULL)
            slope[j] = 1;
    }
    if (gp->data->warped)
        hpt_warp_inputs(gp->shape, gp->shape + p, w, w, &(HptWarpSlopes){NULL, NULL, slope}, p, w + p);
    for (size_t j = 0; j < p; j++)
        place[j] = cube->category[j] ? place[j] : straight(cube, j, w[j], inactive[j]);
}

static void coordinates(const HptGp *gp, const double *row, double *place, double *inactive, double *slope)
{
    HptGpData one = {.cube = gp->data->cube, .room = 1, .place = place, .inactive = inactive};
    put(&one, 0, row);
    warp_place(gp, place, inactive, slope);
}

static void solve_alpha(HptGp *gp)
{
    const HptGpData *data = gp->data;
    memcpy(gp->alpha, data->y, data->n * sizeof *gp->alpha);
    hpt_solve_lower(gp->factor, data->n, data->room, gp->alpha);
    hpt_solve_upper(gp->factor, data->n, data->room, gp->alpha);
    gp->lowest = (double)INFINITY;
    for (size_t i = 0; i < data->n; i++)
        gp->lowest = MIN(gp->lowest, hpt_gp_mean(gp, i));
}

double hpt_gp_noise_share(const HptGp *gp)
{
    return gp->noise / (gp->noise + gp->kernel.signal + gp->kernel.fine);
}

double hpt_gp_mean(const HptGp *gp, size_t i)
{
    return gp->data->y[i] - gp->noise * gp->alpha[i];
}

/* Row i of the matrix, up to the diagonal, and the place of point i; those before it are there. */
static void fill_row(HptGp *gp, size_t i)
{
    const HptGpData *data = gp->data;
    size_t p = data->cube->n;
    double *row = gp->factor + i * data->room, *place = gp->point, *inactive = place + p;
    for (size_t j = 0; j < p; j++) {
        place[j] = data->place[j * data->room + i];
        inactive[j] = data->inactive[j * data->room + i];
    }
    warp_place(gp, place, inactive, NULL);
    for (size_t j = 0; j < p; j++)
        gp->place[j * data->room + i] = place[j];
    distances(data, gp->place, gp->weight, place, inactive, i, row);
    hpt_matern(&gp->kernel, row, NULL, NULL, NULL, i);
    row[i] = gp->kernel.signal + gp->kernel.fine + gp->noise;
}

/* weight and shape are copied. The noise becomes the first from that on at which the matrix is positive definite. */
static HptGp *gp_of(const HptGpData *data, const double *weight, const double *shape, HptMatern kernel, double noise)
{
    HptGp *gp = g_new0(HptGp, 1);
    size_t p = data->cube->n, room = data->room;
    gp->data = data;
    gp->weight = g_memdup2(weight, (p + 1) * sizeof *weight);
    gp->shape = g_memdup2(shape, (2 * p + 1) * sizeof *shape);
    gp->kernel = kernel;
    gp->place = new_columns(data->cube, room);
    gp->point = g_new(double, 8 * p + 1);
    gp->factor = g_new(double, room * room + 1);
    gp->alpha = g_new(double, room + 1);
    gp->work = g_new(double, (2 * HPT_BLOCK) * (room + 1));
    for (double jitter = JITTER; jitter <= MOST_JITTER; jitter *= 10) {
        gp->noise = noise + jitter;
        for (size_t i = 0; i < data->n; i++)
            fill_row(gp, i);
        if (hpt_cholesky(gp->factor, data->n, room, gp->work))
            break;
    }
    return gp;
}

HptGp *hpt_gp_new(const HptGpData *data, const double *theta)
{
    size_t p = data->cube->n;
    g_autofree double *weight = g_new0(double, p + 1), *shape = g_new0(double, 2 * p + 1);
    for (size_t j = 0; j < p; j++)
        weight[j] = hpt_exp(-2 * theta[j]);
    for (size_t j = 0; j < 2 * p; j++)
        shape[j] = hpt_exp(theta[p + 2 + j]);
    HptGp *gp = gp_of(data, weight, shape, kernel_of(data, theta), hpt_exp(theta[p]));
    solve_alpha(gp);
    return gp;
}

static HptGpData *data_copy(const HptGpData *data)
{
    HptGpData *copy = g_memdup2(data, sizeof *data);
    size_t all = data->cube->n * data->room * sizeof *data->place;
    copy->place = new_columns(data->cube, data->room);
    copy->inactive = new_columns(data->cube, data->room);
    memcpy(copy->place, data->place, all);
    memcpy(copy->inactive, data->inactive, all);
    copy->y = g_memdup2(data->y, (data->room + 1) * sizeof *data->y);
    return copy;
}

/* f₀ + K (K + σ² I)⁻¹ (y − f₀ − σ ε), f₀ a draw from the prior, which is y − σ ε − σ² (K + σ² I)⁻¹ (y − f₀ − σ ε). */
HptGp *hpt_gp_drawn(const HptGp *gp, const double *z, HptGpData **data)
{
    size_t n = gp->data->n, room = gp->data->room;
    HptGpData *of = *data = data_copy(gp->data);
    HptGp *drawn = gp_of(of, gp->weight, gp->shape, gp->kernel, 0);
    double deviation = sqrt(gp->noise), *alpha = drawn->alpha;
    for (size_t i = 0; i < n; i++) {
        of->y[i] -= deviation * z[n + i];
        alpha[i] = of->y[i] - hpt_dot(drawn->factor + i * room, z, i + 1);
    }
    hpt_solve_lower(gp->factor, n, room, alpha);
    hpt_solve_upper(gp->factor, n, room, alpha);
    for (size_t i = 0; i < n; i++)
        of->y[i] -= gp->noise * alpha[i];
    solve_alpha(drawn);
    return drawn;
}

void hpt_gp_free(HptGp *gp)
{
    if (gp == NULL)
        return;
    g_free(gp->weight);
    g_free(gp->shape);
    g_free(gp->place);
    g_free(gp->point);
    g_free(gp->factor);
    g_free(gp->alpha);
    g_free(gp->work);
    g_free(gp);
}

void hpt_gp_believe(HptGp *gp, HptGpData *data)
{
    size_t last = data->n - 1;
    fill_row(gp, last);
    data->y[last] = hpt_dot(gp->factor + last * data->room, gp->alpha, last);
    if (!hpt_cholesky_append(gp->factor, last, data->room))
        gp->factor[last * data->room + last] = sqrt(gp->noise); /* as good as a point that is there */
    solve_alpha(gp);
}

void hpt_gp_predict(HptGp *gp, const double *rows, size_t n, double *mean, double *deviation)
{
    const HptGpData *data = gp->data;
    const HptCube *cube = data->cube;
    size_t points = data->n;
    double *place = gp->point, *block = gp->work, *column = gp->work + HPT_BLOCK * data->room;
    double variance = gp->kernel.signal + gp->kernel.fine;
    for (size_t first = 0; first < n; first += HPT_BLOCK) {
        double sum[HPT_BLOCK] = {0}, square_sum[HPT_BLOCK] = {0};
        for (size_t c = 0; c < HPT_BLOCK; c++) {
            const double *row = rows + MIN(first + c, n - 1) * cube->n;
            coordinates(gp, row, place, place + cube->n, NULL);
            distances(data, gp->place, gp->weight, place, place + cube->n, points, column);
            hpt_matern(&gp->kernel, column, NULL, NULL, NULL, points);
            for (size_t i = 0; i < points; i++) {
                block[i * HPT_BLOCK + c] = column[i];
                sum[c] += column[i] * gp->alpha[i];
            }
        }
        hpt_solve_lower_block(gp->factor, points, data->room, block);
        for (size_t i = 0; i < points; i++)
            for (size_t c = 0; c < HPT_BLOCK; c++)
                square_sum[c] += square(block[i * HPT_BLOCK + c]);
        for (size_t c = 0; c < HPT_BLOCK && first + c < n; c++) {
            mean[first + c] = sum[c];
            deviation[first + c] = sqrt(MAX(variance - square_sum[c], LEAST_VARIANCE));
        }
    }
}

void hpt_gp_log_improvement(HptGp *gp, const double *rows, size_t n, double *out)
{
    g_autofree double *deviation = g_new(double, n + 1);
    hpt_gp_predict(gp, rows, n, out, deviation);
    for (size_t i = 0; i < n; i++)
        out[i] = hpt_log(deviation[i]) +
                 hpt_normal_log_improvement((gp->lowest - out[i]) / deviation[i], NULL);
}

void hpt_gp_predict_slope(HptGp *gp, const double *row, double *mean, double *deviation, double *mean_slope,
                          double *deviation_slope)
{
    const HptGpData *data = gp->data;
    size_t n = data->n, p = data->cube->n;
    double *kernel = gp->work, *steep = kernel + n, *q = steep + n, *place = gp->point, *steps = place + 2 * p;
    coordinates(gp, row, place, place + p, steps);
    distances(data, gp->place, gp->weight, place, place + p, n, kernel);
    hpt_matern(&gp->kernel, kernel, steep, NULL, NULL, n);
    memcpy(q, kernel, n * sizeof *q);
    hpt_solve_lower(gp->factor, n, data->room, q);
    *mean = hpt_dot(kernel, gp->alpha, n);
    *deviation = sqrt(MAX(gp->kernel.signal + gp->kernel.fine - hpt_dot(q, q, n), LEAST_VARIANCE));
    hpt_solve_upper(gp->factor, n, data->room, q);
    for (size_t j = 0; j < p; j++) {
        const double *place_j = gp->place + j * data->room;
        double half_variance_slope = 0;
        mean_slope[j] = 0;
        for (size_t i = 0; i < n; i++) {
            double by = -gp->weight[j] * steps[j] * steep[i] * (place[j] - place_j[i]);
            mean_slope[j] += gp->alpha[i] * by;
            half_variance_slope -= q[i] * by;
        }
        deviation_slope[j] = half_variance_slope / *deviation;
    }
}

double hpt_gp_log_improvement_slope(HptGp *gp, const double *row, double *slope)
{
    size_t p = gp->data->cube->n;
    g_autofree double *deviation_slope = g_new(double, p + 1);
    double mean = 0, deviation = 0, ratio = 0;
    hpt_gp_predict_slope(gp, row, &mean, &deviation, slope, deviation_slope);
    double z = (gp->lowest - mean) / deviation;
    double value = hpt_normal_log_improvement(z, &ratio);
    /* d/dx log(s h(z)) = s'/s + (h'/h) z', z' = −m'/s − z s'/s */
    for (size_t j = 0; j < p; j++)
        slope[j] = deviation_slope[j] / deviation -
                   ratio * (slope[j] + z * deviation_slope[j]) / deviation;
    return hpt_log(deviation) + value;
}
