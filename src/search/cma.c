#include "search/cma.h"

#include "num/eigen.h"
#include "num/elementary.h"
#include "num/linear.h"
#include "num/normal.h"

#include <math.h>
#include <string.h>

#define MOST_FULL ((size_t)100)
#define MOST_LEVELS 100000
#define WIDEST 0.5
#define NARROW 1e-5
#define SLACK 1.5         /* times the margin: within it */
#define LEAST_VALUE 1e-14 /* of C, as a share of the largest */
#define ALPHA 1.5         /* of ASNG */
#define MOST_DELTA 1e9

struct HptCma {
    const HptCube *cube;
    size_t n, n_cat, n_shares;
    size_t *number, *category; /* n, n_cat: which parameters of the cube these are */
    size_t *first;             /* n_cat: where the shares of each begin */
    bool full;
    size_t population, generation, stale; /* stale: generations since B and D were made */
    double sigma;
    double *mean, *scale, *p_sigma, *p_c, *d, *c, *b; /* n each; c, b: n × n if full */
    double *shares, *path;                             /* q; s: of n_shares */
    double big_delta, gamma;
    double *room; /* all of the above lie here */
    size_t n_room;
};

/* ---- life ---- */

static void place_arrays(HptCma *cma)
{
    size_t n = cma->n, square = cma->full ? n * n : n;
    double **arrays[] = {&cma->mean, &cma->scale, &cma->p_sigma, &cma->p_c, &cma->d, &cma->c, &cma->b, &cma->shares, &cma->path};
    size_t sizes[] = {n, n, n, n, n, square, square, cma->n_shares, cma->n_shares};
    double *at = cma->room;
    for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
        *arrays[i] = at;
        at += sizes[i];
    }
}

HptCma *hpt_cma_new(const HptCube *cube)
{
    HptCma *cma = g_new0(HptCma, 1);
    cma->cube = cube;
    cma->number = g_new(size_t, cube->n + 1);
    cma->category = g_new(size_t, cube->n + 1);
    cma->first = g_new(size_t, cube->n + 1);
    for (size_t j = 0; j < cube->n; j++)
        if (cube->category[j]) {
            cma->category[cma->n_cat] = j;
            cma->first[cma->n_cat++] = cma->n_shares;
            cma->n_shares += (size_t)cube->levels[j];
        } else
            cma->number[cma->n++] = j;
    cma->full = cma->n <= MOST_FULL;
    cma->n_room = 5 * cma->n + 2 * (cma->full ? cma->n * cma->n : cma->n) + 2 * cma->n_shares;
    cma->room = g_new0(double, cma->n_room + 1);
    place_arrays(cma);
    return cma;
}

void hpt_cma_free(HptCma *cma)
{
    if (cma == NULL)
        return;
    g_free(cma->number);
    g_free(cma->category);
    g_free(cma->first);
    g_free(cma->room);
    g_free(cma);
}

HptCma *hpt_cma_copy(const HptCma *cma)
{
    HptCma *copy = g_memdup2(cma, sizeof *cma);
    size_t n = (cma->cube->n + 1) * sizeof(size_t);
    copy->number = g_memdup2(cma->number, n);
    copy->category = g_memdup2(cma->category, n);
    copy->first = g_memdup2(cma->first, n);
    copy->room = g_memdup2(cma->room, (cma->n_room + 1) * sizeof(double));
    place_arrays(copy);
    return copy;
}

size_t hpt_cma_population(const HptCube *cube)
{
    return 4 + (cube->n > 1 ? (size_t)(3 * hpt_log((double)cube->n)) : 0);
}

double hpt_cma_sigma(const HptCma *cma)
{
    return cma->sigma;
}

/* ---- C and its axes ---- */

static double diagonal(const HptCma *cma, size_t i)
{
    return cma->full ? cma->c[i * cma->n + i] : cma->c[i];
}

/* The standard deviation of number i. */
static double width_of(const HptCma *cma, size_t i)
{
    return cma->sigma * cma->scale[i] * sqrt(diagonal(cma, i));
}

/* C = B D² Bᵀ; of such a sum nothing on the diagonal is below 0. */
static void make_c(HptCma *cma)
{
    size_t n = cma->n;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++)
                sum += cma->b[i * n + j] * cma->b[k * n + j] * (cma->d[j] * cma->d[j]);
            cma->c[i * n + k] = cma->c[k * n + i] = sum;
        }
}

/* B and D of C; where C has lost its way it becomes the identity. */
static void make_axes(HptCma *cma)
{
    size_t n = cma->n;
    cma->stale = 0;
    if (!cma->full) {
        for (size_t i = 0; i < n; i++)
            cma->d[i] = sqrt(cma->c[i]);
        return;
    }
    g_autofree double *scratch = g_new(double, 2 * n + 1);
    memcpy(cma->b, cma->c, n * n * sizeof *cma->c);
    bool found = hpt_eigen(cma->b, n, cma->d, scratch) && (n == 0 || cma->d[n - 1] > 0);
    if (!found) {
        memset(cma->c, 0, n * n * sizeof *cma->c);
        memset(cma->b, 0, n * n * sizeof *cma->b);
        for (size_t i = 0; i < n; i++)
            cma->c[i * n + i] = cma->b[i * n + i] = cma->d[i] = 1;
        return;
    }
    double least = n > 0 ? LEAST_VALUE * cma->d[n - 1] : 0;
    bool flat = n > 0 && cma->d[0] < least;
    for (size_t i = 0; i < n; i++)
        cma->d[i] = sqrt(MAX(cma->d[i], least));
    if (flat)
        make_c(cma);
}

/* y = B D z */
static void along_axes(const HptCma *cma, const double *z, double *y)
{
    size_t n = cma->n;
    for (size_t i = 0; i < n; i++) {
        double sum = cma->full ? 0 : cma->d[i] * z[i];
        for (size_t k = 0; cma->full && k < n; k++)
            sum += cma->b[i * n + k] * cma->d[k] * z[k];
        y[i] = sum;
    }
}

/* z = D⁻¹ Bᵀ y; |z|² = yᵀ C⁻¹ y */
static void to_axes(const HptCma *cma, const double *y, double *z)
{
    size_t n = cma->n;
    for (size_t k = 0; k < n; k++) {
        double sum = cma->full ? 0 : y[k];
        for (size_t i = 0; cma->full && i < n; i++)
            sum += cma->b[i * n + k] * y[i];
        z[k] = sum / cma->d[k];
    }
}

/* ---- beginning ---- */

static void clear_paths(HptCma *cma, double sigma, size_t population)
{
    cma->sigma = sigma;
    cma->population = population;
    cma->generation = 0;
    cma->big_delta = 1;
    cma->gamma = 0;
    for (size_t i = 0; i < cma->n; i++)
        cma->p_sigma[i] = cma->p_c[i] = 0;
    memset(cma->path, 0, cma->n_shares * sizeof *cma->path);
    make_axes(cma);
}

/* C is zero but for this on its diagonal. */
static void set_diagonal(HptCma *cma, double value)
{
    size_t n = cma->n;
    memset(cma->c, 0, (cma->full ? n * n : n) * sizeof *cma->c);
    for (size_t i = 0; i < n; i++)
        cma->c[cma->full ? i * n + i : i] = value;
}

void hpt_cma_begin(HptCma *cma, const double *mean, double sigma, size_t population)
{
    for (size_t i = 0; i < cma->n; i++) {
        cma->mean[i] = mean[cma->number[i]];
        cma->scale[i] = 1;
    }
    set_diagonal(cma, 1);
    for (size_t g = 0; g < cma->n_cat; g++) {
        double k = cma->cube->levels[cma->category[g]];
        for (size_t v = 0; v < (size_t)k; v++)
            cma->shares[cma->first[g] + v] = 1 / k;
    }
    clear_paths(cma, sigma, population);
}

static void begin_shares(HptCma *cma, const double *const *rows, size_t n)
{
    for (size_t g = 0; g < cma->n_cat; g++) {
        double k = cma->cube->levels[cma->category[g]], all = k;
        double *shares = cma->shares + cma->first[g];
        for (size_t v = 0; v < (size_t)k; v++)
            shares[v] = 1;
        for (size_t r = 0; r < n; r++) {
            double u = rows[r][cma->category[g]];
            if (isnan(u))
                continue;
            shares[(size_t)(u * k)]++;
            all++;
        }
        for (size_t v = 0; v < (size_t)k; v++)
            shares[v] /= all;
    }
}

void hpt_cma_begin_at(HptCma *cma, const double *const *rows, size_t n, double sigma, size_t population)
{
    size_t m = cma->n;
    set_diagonal(cma, 1);
    for (size_t i = 0; i < m; i++) {
        double sum = 0, there = 0;
        for (size_t r = 0; r < n; r++) {
            double u = rows[r][cma->number[i]];
            sum += isnan(u) ? 0 : u;
            there += isnan(u) ? 0 : 1;
        }
        cma->mean[i] = there > 0 ? sum / there : 0.5;
        cma->scale[i] = 1;
    }
    double per = 1 / (sigma * sigma * (double)n); /* C in units of sigma² */
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < m; i++) {
            double x = rows[r][cma->number[i]] - cma->mean[i];
            if (!cma->full)
                cma->c[i] += isnan(x) ? 0 : per * x * x;
            for (size_t k = 0; cma->full && k < m; k++) {
                double y = rows[r][cma->number[k]] - cma->mean[k];
                cma->c[i * m + k] += isnan(x * y) ? 0 : per * x * y;
            }
        }
    begin_shares(cma, rows, n);
    clear_paths(cma, sigma, population);
}

/* ---- points ---- */

/* The least share of a value of category g. */
static double least_share(const HptCma *cma, size_t g)
{
    double k = cma->cube->levels[cma->category[g]];
    return (1 - hpt_exp(hpt_log(0.73) / (double)cma->n_cat)) / (k - 1);
}

void hpt_cma_draw(const HptCma *cma, HptDraws *draws, double *point)
{
    g_autofree double *z = g_new(double, 2 * cma->n + 1);
    double *y = z + cma->n;
    for (size_t i = 0; i < cma->n; i++)
        z[i] = hpt_draws_normal(draws);
    along_axes(cma, z, y);
    for (size_t i = 0; i < cma->n; i++) {
        size_t j = cma->number[i];
        point[j] = cma->mean[i] + cma->sigma * cma->scale[i] * y[i];
        if (!(cma->cube->levels[j] > 0))
            point[j] = CLAMP(point[j], 0, 1);
    }
    for (size_t g = 0; g < cma->n_cat; g++) {
        size_t j = cma->category[g], last = (size_t)cma->cube->levels[j] - 1, v = 0;
        double u = hpt_draws_uniform(draws);
        while (v < last && u >= cma->shares[cma->first[g] + v])
            u -= cma->shares[cma->first[g] + v++];
        point[j] = (double)v;
    }
}

bool hpt_cma_round(const HptCma *cma, const double *point, double *row)
{
    const HptCube *cube = cma->cube;
    for (size_t j = 0; j < cube->n; j++)
        row[j] = cube->category[j] ? (point[j] + 0.5) / cube->levels[j] : point[j];
    return hpt_cube_round(cube, row);
}

/* The ends of the places that are rounded as u is; infinite beyond the first and last level. */
static void cell_of(const HptCube *cube, size_t j, double u, double *low, double *high)
{
    double k = cube->levels[j];
    if (cube->even[j]) {
        double level = floor(CLAMP(u, 0, 1) * k);
        level = MIN(level, k - 1);
        *low = level > 0 ? level / k : -(double)INFINITY;
        *high = level + 1 < k ? (level + 1) / k : (double)INFINITY;
        return;
    }
    const HptParam *param = hpt_space_get(cube->space, cube->param[j]); /* integers on a log scale */
    double value = hpt_param_from_unit(param, u).number;
    *low = value > param->low ? (hpt_log(value - 0.5) - param->log_low) / param->log_width : -(double)INFINITY;
    *high = value < param->high ? (hpt_log(value + 0.5) - param->log_low) / param->log_width : (double)INFINITY;
}

void hpt_cma_fit(const HptCma *cma, const double *row, double *point)
{
    const HptCube *cube = cma->cube;
    for (size_t j = 0; j < cube->n; j++) {
        if (isnan(row[j]))
            continue;
        if (cube->category[j])
            point[j] = floor(row[j] * cube->levels[j]);
        else if (cube->levels[j] > 0) {
            double low, high;
            cell_of(cube, j, row[j], &low, &high);
            point[j] = CLAMP(point[j], low, high);
        } else
            point[j] = row[j];
    }
}

/* ---- the rates ---- */

typedef struct {
    double *weights; /* n: first above 0, then below */
    size_t mu;
    double mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu, chi;
} Rates;

/* Table 1 of the tutorial, for a generation of n. */
static void rates_init(Rates *rates, const HptCma *cma, size_t lambda)
{
    double n = (double)cma->n, sum = 0, square = 0, below = 0, below_square = 0;
    rates->weights = g_new(double, lambda);
    rates->mu = lambda / 2;
    for (size_t i = 0; i < lambda; i++) {
        double w = hpt_log(((double)lambda + 1) / 2) - hpt_log((double)i + 1);
        rates->weights[i] = w;
        if (i < rates->mu) {
            sum += w;
            square += w * w;
        } else if (w < 0) {
            below -= w;
            below_square += w * w;
        } else
            rates->weights[i] = 0; /* the middle one of an odd number */
    }
    double mu_eff = rates->mu_eff = sum * sum / square;
    double below_eff = below_square > 0 ? below * below / below_square : 0;
    rates->c_sigma = (mu_eff + 2) / (n + mu_eff + 5);
    rates->d_sigma = 1 + 2 * MAX(0, sqrt((mu_eff - 1) / (n + 1)) - 1) + rates->c_sigma;
    rates->c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n);
    double separable = cma->full ? 1 : (n + 2) / 3;
    rates->c_1 = MIN(1, separable * 2 / ((n + 1.3) * (n + 1.3) + mu_eff));
    rates->c_mu = MIN(1 - rates->c_1, separable * 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / ((n + 2) * (n + 2) + mu_eff));
    rates->chi = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
    double alpha = MIN(1 + rates->c_1 / rates->c_mu, 1 + 2 * below_eff / (mu_eff + 2));
    alpha = MIN(alpha, (1 - rates->c_1 - rates->c_mu) / (n * rates->c_mu));
    for (size_t i = 0; i < lambda; i++)
        rates->weights[i] *= rates->weights[i] > 0 ? 1 / sum : below > 0 ? alpha / below : 0;
}

/* ---- numbers ---- */

/* (v − m) / (σ A) of each point, n × numbers; those that were not drawn no longer than draws nearly always are. */
static double *steps_of(const HptCma *cma, const double *const *points, const bool *drawn, size_t n)
{
    size_t m = cma->n;
    double *steps = g_new(double, n * m + 1), most = sqrt((double)m) + 2 * (double)m / ((double)m + 2);
    g_autofree double *z = g_new(double, m + 1);
    for (size_t p = 0; p < n; p++) {
        double *y = steps + p * m;
        for (size_t i = 0; i < m; i++)
            y[i] = (points[p][cma->number[i]] - cma->mean[i]) / (cma->sigma * cma->scale[i]);
        if (drawn[p])
            continue;
        to_axes(cma, y, z);
        double length = sqrt(hpt_dot(z, z, m));
        for (size_t i = 0; length > most && i < m; i++)
            y[i] *= most / length;
    }
    return steps;
}

/* p_σ and σ; gives h_σ. z: scratch, numbers. */
static bool move_sigma(HptCma *cma, const Rates *rates, const double *y_w, double *z)
{
    size_t m = cma->n;
    double keep = 1 - rates->c_sigma, add = sqrt(rates->c_sigma * (2 - rates->c_sigma) * rates->mu_eff);
    to_axes(cma, y_w, z);
    for (size_t i = 0; i < m; i++) { /* C^(-1/2) y = B D⁻¹ Bᵀ y */
        double sum = cma->full ? 0 : z[i];
        for (size_t k = 0; cma->full && k < m; k++)
            sum += cma->b[i * m + k] * z[k];
        cma->p_sigma[i] = keep * cma->p_sigma[i] + add * sum;
    }
    double length = sqrt(hpt_dot(cma->p_sigma, cma->p_sigma, m));
    cma->sigma *= hpt_exp(MIN(1, rates->c_sigma / rates->d_sigma * (length / rates->chi - 1)));
    double left = 1 - hpt_exp(2 * (double)(cma->generation + 1) * hpt_log(keep));
    return length / sqrt(left) < (1.4 + 2 / ((double)m + 1)) * rates->chi;
}

static void move_c(HptCma *cma, const Rates *rates, const double *steps, size_t n, bool h_sigma, double *z)
{
    size_t m = cma->n;
    double c_c = rates->c_c, sum = 0;
    g_autofree double *w = g_new(double, n);
    for (size_t p = 0; p < n; p++) {
        sum += rates->weights[p];
        w[p] = rates->c_mu * rates->weights[p];
        if (w[p] < 0) {
            to_axes(cma, steps + p * m, z);
            w[p] *= (double)m / (hpt_dot(z, z, m) + 1e-20);
        }
    }
    double keep = 1 + (h_sigma ? 0 : rates->c_1 * c_c * (2 - c_c)) - rates->c_1 - rates->c_mu * sum;
    for (size_t i = 0; i < m; i++)
        for (size_t k = cma->full ? 0 : i; k <= i; k++) {
            double value = keep * cma->c[cma->full ? i * m + k : i] + rates->c_1 * cma->p_c[i] * cma->p_c[k];
            for (size_t p = 0; p < n; p++)
                value += w[p] * steps[p * m + i] * steps[p * m + k];
            if (!cma->full)
                cma->c[i] = MAX(value, 1e-20);
            else
                cma->c[i * m + k] = cma->c[k * m + i] = value;
        }
}

static void cap_sigma(HptCma *cma)
{
    double widest = 0;
    for (size_t i = 0; i < cma->n; i++)
        widest = MAX(widest, width_of(cma, i));
    if (widest > WIDEST)
        cma->sigma *= WIDEST / widest;
}

static void move_numbers(HptCma *cma, const double *const *points, const bool *drawn, size_t n, size_t n_valued)
{
    size_t m = cma->n;
    Rates rates;
    rates_init(&rates, cma, n);
    for (size_t p = n_valued; p < rates.mu; p++)
        rates.weights[p] = 0;
    g_autofree double *steps = steps_of(cma, points, drawn, n);
    g_autofree double *y_w = g_new0(double, 2 * m);
    double *z = y_w + m;
    for (size_t p = 0; p < rates.mu; p++)
        for (size_t i = 0; i < m; i++)
            y_w[i] += rates.weights[p] * steps[p * m + i];
    for (size_t i = 0; i < m; i++) {
        cma->mean[i] += cma->sigma * cma->scale[i] * y_w[i];
        if (!(cma->cube->levels[cma->number[i]] > 0))
            cma->mean[i] = CLAMP(cma->mean[i], 0, 1);
    }
    bool h_sigma = move_sigma(cma, &rates, y_w, z);
    double add = h_sigma ? sqrt(rates.c_c * (2 - rates.c_c) * rates.mu_eff) : 0;
    for (size_t i = 0; i < m; i++)
        cma->p_c[i] = (1 - rates.c_c) * cma->p_c[i] + add * y_w[i];
    move_c(cma, &rates, steps, n, h_sigma, z);
    cap_sigma(cma);
    if ((double)++cma->stale * 10 * (double)m * (rates.c_1 + rates.c_mu) >= 1)
        make_axes(cma);
    g_free(rates.weights);
}

/* ---- the margin ---- */

static double margin_of(const HptCma *cma)
{
    return 1 / ((double)cma->cube->n * (double)cma->population);
}

/* Sees to it that number i leaves its level with a probability of the margin. */
static void keep_margin(HptCma *cma, size_t i)
{
    double alpha = margin_of(cma), m = cma->mean[i], s = width_of(cma, i), low, high;
    cell_of(cma->cube, cma->number[i], m, &low, &high);
    if (isinf(low) || isinf(high)) { /* eq. 10 and 12: one end alone */
        double most = -hpt_normal_quantile(alpha) * s;
        cma->mean[i] = isinf(low) ? MAX(m, high - most) : MIN(m, low + most);
        return;
    }
    double p_low = hpt_normal_below((low - m) / s), p_high = hpt_normal_below((m - high) / s), half = alpha / 2;
    if (p_low >= half && p_high >= half)
        return;
    double low_1 = MAX(p_low, half), high_1 = MAX(p_high, half), mid = 1 - p_low - p_high; /* eq. 13 to 15 */
    double delta = (1 - low_1 - high_1 - mid) / (low_1 + high_1 + mid - 3 * half);
    double z_low = -hpt_normal_quantile(low_1 + delta * (low_1 - half));
    double z_high = -hpt_normal_quantile(high_1 + delta * (high_1 - half));
    if (!(z_low + z_high > 0))
        return;
    cma->scale[i] *= (high - low) / (z_low + z_high) / s; /* eq. 16, 17 */
    cma->mean[i] = low + z_low * (high - low) / (z_low + z_high);
}

/* ---- categories ---- */

/* The step in q, and it times the root of Fisher's information into unit; gives that one's length. */
static double gradient(const HptCma *cma, const double *const *points, const double *weights, size_t n, double *step,
                       double *unit)
{
    memset(step, 0, cma->n_shares * sizeof *step);
    memset(unit, 0, cma->n_shares * sizeof *unit);
    for (size_t g = 0; g < cma->n_cat; g++) {
        size_t k = (size_t)cma->cube->levels[cma->category[g]];
        double *own = step + cma->first[g], *out = unit + cma->first[g];
        const double *q = cma->shares + cma->first[g];
        for (size_t p = 0; p < n; p++)
            for (size_t v = 0; v < k; v++)
                own[v] += weights[p] * ((size_t)points[p][cma->category[g]] == v ? 1 - q[v] : -q[v]);
        double sum = 0;
        for (size_t v = 0; v + 1 < k; v++)
            sum += own[v];
        for (size_t v = 0; v + 1 < k; v++)
            out[v] = own[v] / sqrt(q[v]) + sqrt(q[v]) * sum / (q[k - 1] + sqrt(q[k - 1]));
    }
    return sqrt(hpt_dot(unit, unit, cma->n_shares));
}

/* No share below the least; they sum to 1. */
static void keep_shares(HptCma *cma, size_t g)
{
    size_t k = (size_t)cma->cube->levels[cma->category[g]];
    double *q = cma->shares + cma->first[g], least = least_share(cma, g), sum = 0;
    for (size_t v = 0; v < k; v++) {
        q[v] = MAX(q[v], least);
        sum += q[v];
    }
    double over = sum - (double)k * least, share = over > 0 ? (1 - (double)k * least) / over : 0;
    for (size_t v = 0; v < k; v++)
        q[v] = over > 0 ? least + (q[v] - least) * share : 1 / (double)k;
}

static void move_shares(HptCma *cma, const double *const *points, size_t n, size_t n_valued)
{
    size_t mu = n / 2, parameters = cma->n_shares - cma->n_cat;
    g_autofree double *weights = g_new(double, n), *step = g_new(double, 2 * cma->n_shares);
    double *unit = step + cma->n_shares, sum = 0;
    for (size_t i = 0; i < mu; i++) {
        weights[i] = hpt_log(((double)n + 1) / 2) - hpt_log((double)i + 1);
        sum += weights[i];
    }
    for (size_t i = 0; i < mu; i++)
        weights[i] = i < n_valued ? weights[i] / sum : 0;
    double length = gradient(cma, points, weights, mu, step, unit);
    if (!(length > 0))
        return;
    double delta = 1 / cma->big_delta, beta = delta / sqrt((double)parameters);
    beta = MIN(beta, 1);
    for (size_t v = 0; v < cma->n_shares; v++)
        cma->shares[v] += delta / length * step[v];
    double square = 0;
    for (size_t v = 0; v < cma->n_shares; v++) {
        cma->path[v] = (1 - beta) * cma->path[v] + sqrt(beta * (2 - beta)) * unit[v] / length;
        square += cma->path[v] * cma->path[v];
    }
    cma->gamma = (1 - beta) * (1 - beta) * cma->gamma + beta * (2 - beta);
    cma->big_delta *= hpt_exp(beta * (cma->gamma - square / ALPHA));
    cma->big_delta = CLAMP(cma->big_delta, 1, MOST_DELTA);
    for (size_t g = 0; g < cma->n_cat; g++)
        keep_shares(cma, g);
}

/* ---- a generation ---- */

void hpt_cma_update(HptCma *cma, const double *const *points, const bool *drawn, size_t n, size_t n_valued)
{
    if (cma->n > 0)
        move_numbers(cma, points, drawn, n, n_valued);
    for (size_t i = 0; i < cma->n; i++) {
        double levels = cma->cube->levels[cma->number[i]];
        if (levels > 0 && levels <= MOST_LEVELS)
            keep_margin(cma, i);
    }
    if (cma->n_cat > 0)
        move_shares(cma, points, n, n_valued);
    cma->generation++;
}

bool hpt_cma_is_narrow(const HptCma *cma)
{
    double rest = SLACK * margin_of(cma);
    for (size_t i = 0; i < cma->n; i++) {
        double s = width_of(cma, i), low, high;
        if (s < NARROW)
            continue;
        if (!(cma->cube->levels[cma->number[i]] > 0))
            return false;
        cell_of(cma->cube, cma->number[i], cma->mean[i], &low, &high);
        if (hpt_normal_below((low - cma->mean[i]) / s) + hpt_normal_below((cma->mean[i] - high) / s) > rest)
            return false;
    }
    for (size_t g = 0; g < cma->n_cat; g++) {
        size_t k = (size_t)cma->cube->levels[cma->category[g]];
        double most = 0;
        for (size_t v = 0; v < k; v++)
            most = MAX(most, cma->shares[cma->first[g] + v]);
        if (most < 1 - SLACK * ((double)k - 1) * least_share(cma, g))
            return false;
    }
    return true;
}
