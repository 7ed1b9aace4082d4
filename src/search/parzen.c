#include "search/parzen.h"

#include "num/elementary.h"
#include "num/normal.h"

#include <math.h>
#include <string.h>

#define LOG_SQRT_2PI 0x1.d67f1c864beb5p-1
#define WIDTH 0.1 /* times (rows + 1)^(-1 / (dimension + 4)) */
#define WIDEST 0.3
#define NARROWEST 0.02
#define SMALL_KERNEL 40.0 /* logarithm; kernels so far below the largest are left out */
enum {
    LANES = 8,         /* rows whose kernels are found at a time */
    MOST_LEVELS = 1000, /* beyond them a value is like a real */
    PRODUCT = 256,     /* cuts, each above 0.4, whose product is a double */
    TAIL_STEPS = 16,   /* of the table of tails, for each width */
    TAIL_END = 8,      /* in widths; what lies beyond is as good as nothing */
    TAILS = TAIL_STEPS * TAIL_END + 1,
    DRAWS = 100,
};

typedef struct {
    double tail[TAILS], slope[TAILS]; /* P(Z > t) and its derivative, times a step */
} Tails;

struct HptParzen {
    const HptCube *cube;
    size_t n, n_blocks; /* rows; and blocks of LANES of them, of which the last may be padded with NaN */
    const double **rows;
    double width, spread;
    double **log_mass; /* cube->n: logarithm of a kernel's density at 0, 1, … levels from its centre, before
                          it is cut off; of categories: at its own value and at the others; NULL: a normal density */
    double *centre;    /* n_blocks · cube->n · LANES */
    double *cut;       /* the same: the part of a kernel between 0 and 1; 1 of categories and what is inactive */
    bool *active;      /* cube->n: of the row for which base was found */
    double *base;      /* n_blocks · LANES: the logarithm of the product of the cuts of its parameters */
    bool based;
    double *kernel;    /* n_blocks · LANES: logarithms */
};

/* ---- tails of the normal ---- */

static void tails_init(Tails *tails)
{
    for (int i = 0; i < TAILS; i++) {
        double t = (double)i / TAIL_STEPS;
        tails->tail[i] = hpt_normal_below(-t);
        tails->slope[i] = -hpt_exp(-0.5 * t * t - LOG_SQRT_2PI) / TAIL_STEPS;
    }
}

/* P(Z > t), t ≥ 0, by the cubic that has its value and derivative at both ends of the step. */
static double tail(const Tails *tails, double t)
{
    if (t >= TAIL_END)
        return 0;
    double place = t * TAIL_STEPS;
    size_t i = (size_t)place;
    double s = place - (double)i, r = 1 - s;
    return r * r * ((1 + 2 * s) * tails->tail[i] + s * tails->slope[i]) +
           s * s * ((1 + 2 * r) * tails->tail[i + 1] - r * tails->slope[i + 1]);
}

/* ---- making ---- */

static double *log_masses(const Tails *tails, double levels, double width)
{
    size_t n = (size_t)levels;
    double *table = g_new(double, n);
    double step = 1 / (levels * width), log_peak = -LOG_SQRT_2PI - hpt_log(width);
    double low = tail(tails, 0.5 * step);
    table[0] = hpt_log((1 - 2 * low) * levels);
    for (size_t d = 1; d < n; d++) {
        double z = (double)d * step, high = tail(tails, z + 0.5 * step);
        table[d] = low > 0 ? hpt_log((low - high) * levels) : log_peak - 0.5 * z * z;
        low = high;
    }
    return table;
}

static void make_masses(HptParzen *parzen, const Tails *tails)
{
    const HptCube *cube = parzen->cube;
    for (size_t j = 0; j < cube->n; j++) {
        double k = cube->levels[j];
        if (cube->category[j]) {
            parzen->log_mass[j] = g_new(double, 2);
            parzen->log_mass[j][0] = hpt_log(k * (1 - parzen->spread * (1 - 1 / k)));
            parzen->log_mass[j][1] = hpt_log(parzen->spread);
        } else if (cube->even[j] && k <= MOST_LEVELS)
            parzen->log_mass[j] = log_masses(tails, k, parzen->width);
    }
}

static void make_centres(HptParzen *parzen, const Tails *tails)
{
    const HptCube *cube = parzen->cube;
    for (size_t i = 0; i < parzen->n_blocks * LANES; i++) {
        const double *row = i < parzen->n ? parzen->rows[i] : NULL;
        for (size_t j = 0; j < cube->n; j++) {
            size_t at = (i / LANES * cube->n + j) * LANES + i % LANES;
            double u = row == NULL ? (double)NAN : row[j];
            parzen->centre[at] = u;
            parzen->cut[at] = isnan(u) || cube->category[j]
                                  ? 1
                                  : 1 - tail(tails, u / parzen->width) - tail(tails, (1 - u) / parzen->width);
        }
    }
}

HptParzen *hpt_parzen_new(const HptCube *cube, const double *const *rows, size_t n, double dimension)
{
    HptParzen *parzen = g_new0(HptParzen, 1);
    double scott = hpt_exp(-1 / (dimension + 4) * hpt_log((double)n + 1));
    parzen->cube = cube;
    parzen->n = n;
    parzen->n_blocks = (n + LANES - 1) / LANES;
    parzen->rows = g_memdup2(rows, n * sizeof *rows);
    parzen->width = CLAMP(WIDTH * scott, NARROWEST, WIDEST);
    parzen->spread = MIN(0.5, 1 / sqrt((double)n + 1));
    parzen->log_mass = g_new0(double *, cube->n + 1);
    parzen->centre = g_new(double, parzen->n_blocks * cube->n * LANES + 1);
    parzen->cut = g_new(double, parzen->n_blocks * cube->n * LANES + 1);
    parzen->active = g_new(bool, cube->n + 1);
    parzen->base = g_new(double, parzen->n_blocks * LANES + 1);
    parzen->kernel = g_new(double, parzen->n_blocks * LANES + 1);
    Tails tails;
    tails_init(&tails);
    make_masses(parzen, &tails);
    make_centres(parzen, &tails);
    return parzen;
}

void hpt_parzen_free(HptParzen *parzen)
{
    if (parzen == NULL)
        return;
    for (size_t j = 0; j < parzen->cube->n; j++)
        g_free(parzen->log_mass[j]);
    g_free(parzen->rows);
    g_free(parzen->log_mass);
    g_free(parzen->centre);
    g_free(parzen->cut);
    g_free(parzen->active);
    g_free(parzen->base);
    g_free(parzen->kernel);
    g_free(parzen);
}

double hpt_parzen_get_width(const HptParzen *parzen)
{
    return parzen->width;
}

/* ---- the density ---- */

static void find_base_of(HptParzen *parzen, size_t block)
{
    size_t p = parzen->cube->n;
    double *base = parzen->base + block * LANES;
    memset(base, 0, LANES * sizeof *base);
    for (size_t begin = 0; begin < p; begin += PRODUCT) {
        double product[LANES] = {1, 1, 1, 1, 1, 1, 1, 1};
        for (size_t j = begin; j < MIN(p, begin + PRODUCT); j++) {
            const double *cut = parzen->cut + (block * p + j) * LANES;
            for (int k = 0; parzen->active[j] && k < LANES; k++)
                product[k] *= cut[k];
        }
        for (int k = 0; k < LANES; k++)
            base[k] += hpt_log(product[k]);
    }
}

/* Makes base that of rows with the parameters of x. */
static void find_base(HptParzen *parzen, const double *x)
{
    bool same = parzen->based;
    for (size_t j = 0; j < parzen->cube->n; j++) {
        same = same && parzen->active[j] == !isnan(x[j]);
        parzen->active[j] = !isnan(x[j]);
    }
    for (size_t block = 0; !same && block < parzen->n_blocks; block++)
        find_base_of(parzen, block);
    parzen->based = true;
}

/* Adds to sum the logarithms of the kernels of LANES centres at x, of normal densities; 0 where a centre is NaN. */
static void add_normal(const double *centre, double x, double per_width, double log_peak, double *sum)
{
    for (int k = 0; k < LANES; k++) {
        double z = (x - centre[k]) * per_width, term = log_peak - 0.5 * z * z;
        sum[k] += term == term ? term : 0;
    }
}

static void add_masses(const double *centre, double x, const double *log_mass, double levels, bool category,
                       double *sum)
{
    for (int k = 0; k < LANES; k++) {
        double away = fabs(x - centre[k]);
        if (!isnan(away))
            sum[k] += log_mass[category ? away > 0 : (size_t)(away * levels + 0.5)];
    }
}

static void find_kernels(HptParzen *parzen, const double *x)
{
    const HptCube *cube = parzen->cube;
    double per_width = 1 / parzen->width, log_peak = -LOG_SQRT_2PI - hpt_log(parzen->width);
    for (size_t block = 0; block < parzen->n_blocks; block++) {
        double sum[LANES] = {0};
        for (size_t j = 0; j < cube->n; j++) {
            const double *centre = parzen->centre + (block * cube->n + j) * LANES;
            if (!parzen->active[j])
                continue;
            if (parzen->log_mass[j] == NULL)
                add_normal(centre, x[j], per_width, log_peak, sum);
            else
                add_masses(centre, x[j], parzen->log_mass[j], cube->levels[j], cube->category[j], sum);
        }
        for (size_t k = 0; k < LANES; k++)
            parzen->kernel[block * LANES + k] = sum[k] - parzen->base[block * LANES + k];
    }
}

double hpt_parzen_log_density(HptParzen *parzen, const double *x)
{
    find_base(parzen, x);
    find_kernels(parzen, x);
    double largest = 0; /* of the uniform component */
    for (size_t i = 0; i < parzen->n; i++)
        largest = MAX(largest, parzen->kernel[i]);
    double sum = hpt_exp(-largest);
    for (size_t i = 0; i < parzen->n; i++)
        if (parzen->kernel[i] > largest - SMALL_KERNEL)
            sum += hpt_exp(parzen->kernel[i] - largest);
    return largest + hpt_log(sum) - hpt_log((double)parzen->n + 1);
}

/* ---- drawing ---- */

/* A normal of that centre and width between 0 and 1: the first that lies there. */
static double draw_kernel(HptDraws *draws, double centre, double width)
{
    for (int i = 0; i < DRAWS; i++) {
        double u = centre + width * hpt_draws_normal(draws);
        if (u >= 0 && u <= 1)
            return u;
    }
    return centre;
}

bool hpt_parzen_draw(const HptParzen *parzen, HptDraws *draws, double *row)
{
    const HptCube *cube = parzen->cube;
    size_t from = hpt_draws_below(draws, parzen->n + 1);
    for (size_t j = 0; j < cube->n; j++) {
        double centre = from == parzen->n ? (double)NAN : parzen->rows[from][j];
        if (isnan(centre))
            row[j] = hpt_draws_uniform(draws);
        else if (!cube->category[j])
            row[j] = draw_kernel(draws, centre, parzen->width);
        else {
            double fresh = hpt_draws_uniform(draws);
            row[j] = hpt_draws_uniform(draws) < parzen->spread ? fresh : centre;
        }
    }
    return hpt_cube_round(cube, row);
}
