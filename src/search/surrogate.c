/* What a history becomes before a Gaussian process sees it, how its hyperparameters are found, and the search
 * for the best candidate. The process itself, with its sources, is gp.c.
 *
 * Values: those above the median are replaced by quantiles of a normal by their rank (after Song et al. 2024,
 * arXiv:2408.11527, "half-rank warping"), then standardised. If the noise that is fitted then is large, ranks
 * would believe lucky draws: plain standardised values and a prior of larger noise; and the expected improvement is
 * averaged over draws of the hyperparameters (Snoek et al. 2012), which single modes get wrong then.
 *
 * Hyperparameters: the nearest maximum of their posterior, by a chain of fits: to the first 6 trials, from there
 * to the first 7, … by ever larger steps. So they follow from the history alone, whoever fits them, and one
 * who has fitted the chain before has little to do.
 *
 * Search of the acquisition: random rows and neighbours of the best trials, the best of them improved by moves
 * of ever smaller steps and by gradients in the real parameters. Every candidate is rounded to legal values
 * before it is scored, and moves at least by a level.
 */
#include "search/surrogate.h"

#include "num/elementary.h"
#include "num/minimise.h"
#include "num/normal.h"
#include "search/gp.h"
#include "search/prior.h"

#include <math.h>
#include <string.h>

enum {
    MODELS = 5,          /* sets of hyperparameters that are averaged over where there is noise */
    FIRST_SWEEPS = 4,    /* of sampling them, before the first are taken */
    FIRST_FIT = 6,
    MOST_POINTS = 400,
    FIT_STEPS = 8,       /* of each fit in the chain */
    FIRST_STEPS = 40,    /* of the first, and of one that has no chain */
    FRESH_EVERY = 8,     /* in the chain a fit begins from the prior as well */
    RANDOM_ROWS = 768,
    NEAR_PRIORS = 64,    /* near the best of earlier studies */
    NEAR_BEST = 5,       /* trials whose neighbours are candidates */
    NEIGHBOURS = 40,     /* of each of them, at each of two distances */
    KEPT = 6,
    ROUNDS = 4,
    MOVES = 30,
    POLISHED = 3,
    POLISH_STEPS = 25,
};
#define LARGE_NOISE 0.1

static const HptGpPrior priors[2] = {
    {-6.907755278982137, 2}, /* log 1e-3 */
    {-2.302585092994046, 1.5}, /* log 0.1 */
};

typedef struct {
    size_t n;
    uint64_t digest; /* of the first n rows and values */
    double *theta;   /* MODELS of them: the mode, and, with noise, draws */
} Link;

struct HptSurrogate {
    const HptCube *cube;
    uint64_t seed;
    GArray *chains[2]; /* of Link; plain, and for noise */
};

static void clear_link(void *link)
{
    g_free(((Link *)link)->theta);
}

HptSurrogate *hpt_surrogate_new(const HptCube *cube, uint64_t seed)
{
    HptSurrogate *surrogate = g_new0(HptSurrogate, 1);
    surrogate->cube = cube;
    surrogate->seed = seed;
    for (int i = 0; i < 2; i++) {
        surrogate->chains[i] = g_array_new(false, false, sizeof(Link));
        g_array_set_clear_func(surrogate->chains[i], clear_link);
    }
    return surrogate;
}

void hpt_surrogate_free(HptSurrogate *surrogate)
{
    if (surrogate == NULL)
        return;
    for (int i = 0; i < 2; i++)
        g_array_unref(surrogate->chains[i]);
    g_free(surrogate);
}

/* ---- values ---- */

static void standardise(double *y, size_t n)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++)
        mean += y[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (y[i] - mean) * (y[i] - mean) / (double)n;
    double scale = variance > 0 && isfinite(variance) ? 1 / sqrt(variance) : 0;
    for (size_t i = 0; i < n; i++)
        y[i] = isfinite(scale) ? (y[i] - mean) * scale : 0;
}

/* The values of the first n trials as the process is to see them. Equal values get equal ones. */
static void warp(const HptTold *told, size_t n, bool noisy, double *y)
{
    memcpy(y, told->y, n * sizeof *y);
    standardise(y, n);
    if (noisy)
        return;
    g_autofree HptRanked *placed = hpt_rank(y, told->failed, n);
    double median = placed[(n - 1) / 2].value, spread = 0;
    size_t good = 0;
    while (good < n && placed[good].value <= median && !placed[good].failed)
        spread += (placed[good].value - median) * (placed[good].value - median), good++;
    spread = good > 0 && spread > 0 ? sqrt(spread / (double)good) : 1;
    for (size_t place = good; place < n;) {
        size_t end = place + 1;
        while (end < n && placed[end].failed == placed[place].failed &&
               placed[end].value == placed[place].value)
            end++;
        double rank = ((double)(place + end) / 2 - (double)good) / (double)(n - good);
        double value = median + spread * hpt_normal_quantile(CLAMP(0.5 + 0.5 * rank, 0.5, 0.999));
        for (; place < end; place++)
            y[placed[place].index] = value;
    }
    standardise(y, n);
}

/* ---- hyperparameters ---- */

static uint64_t mix(uint64_t digest, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        digest = (digest ^ bits) * UINT64_C(0x100000001b3);
        digest ^= digest >> 29;
    }
    return digest;
}

static size_t next_link(size_t n)
{
    return n + MAX(1, n / 16);
}

/* theta, and its value, become those of a fit from a start of the prior's, if that is better. */
static void try_fresh(const HptGpData *data, const HptGpPrior *prior, double *theta, double value)
{
    g_autofree double *other = g_new(double, HPT_GP_THETA(data->cube));
    hpt_gp_start(data->cube, prior, other);
    if (hpt_gp_fit(data, prior, other, FIRST_STEPS) < value)
        memcpy(theta, other, HPT_GP_THETA(data->cube) * sizeof *theta);
}

/* The mode moves on from where it was; the draws, of which only noise has any, are drawn anew. */
static void fit_link(HptSurrogate *surrogate, const HptGpData *data, bool noisy, guint k, double *theta)
{
    const HptGpPrior *prior = &priors[noisy];
    size_t n_theta = HPT_GP_THETA(data->cube);
    double value = hpt_gp_fit(data, prior, theta, k == 0 ? FIRST_STEPS : FIT_STEPS);
    if (k > 0 && k % FRESH_EVERY == 0)
        try_fresh(data, prior, theta, value);
    HptDraws draws = hpt_draws(surrogate->seed, (int64_t)data->n, "slice");
    for (int m = 1; noisy && m < MODELS; m++) {
        double *drawn = theta + (size_t)m * n_theta;
        if (k == 0)
            memcpy(drawn, theta, n_theta * sizeof *theta);
        hpt_gp_sample(data, prior, drawn, k == 0 ? FIRST_SWEEPS : 1, &draws);
    }
}

/* Hyperparameters of the longest chain that has the first told->n trials. */
static void follow_chain(HptSurrogate *surrogate, const HptTold *told, bool noisy, double *theta)
{
    const HptCube *cube = surrogate->cube;
    GArray *chain = surrogate->chains[noisy];
    size_t last = MIN(told->n, (size_t)MOST_POINTS), hashed = 0;
    size_t size = MODELS * HPT_GP_THETA(cube) * sizeof *theta;
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    g_autofree double *y = g_new(double, last + 1);
    hpt_gp_start(cube, &priors[noisy], theta);
    size_t n = MIN((size_t)FIRST_FIT, last);
    for (guint k = 0; n <= last; n = next_link(n), k++) {
        for (; hashed < n; hashed++) {
            double facts[2] = {told->y[hashed], told->failed[hashed]};
            digest = mix(mix(digest, told->rows + hashed * cube->n, cube->n), facts, 2);
        }
        if (k < chain->len) {
            const Link *link = &g_array_index(chain, Link, k);
            if (link->n == n && link->digest == digest) {
                memcpy(theta, link->theta, size);
                continue;
            }
            g_array_set_size(chain, k);
        }
        warp(told, n, noisy, y);
        g_autoptr(HptGpData) data = hpt_gp_data_new(cube, told->rows, y, n, n);
        fit_link(surrogate, data, noisy, k, theta);
        Link link = {n, digest, g_memdup2(theta, size)};
        g_array_append_val(chain, link);
    }
}

/* The same, or, if there is much noise by them, those of the chain for noise; gives whether there is. */
static bool follow_chains(HptSurrogate *surrogate, const HptTold *told, double *theta)
{
    follow_chain(surrogate, told, false, theta);
    if (hpt_gp_noise_share(surrogate->cube, theta) <= LARGE_NOISE)
        return false;
    follow_chain(surrogate, told, true, theta);
    return true;
}

/* ---- the data of one proposal ---- */

/* At most MOST_POINTS trials: the best half of them, and others evenly by their order. */
static size_t thin(const HptTold *told, size_t *chosen)
{
    size_t n = MIN(told->n, (size_t)MOST_POINTS), half = MOST_POINTS / 2;
    for (size_t i = 0; i < n; i++)
        chosen[i] = told->n <= MOST_POINTS || i < half
                        ? told->order[i]
                        : told->order[half + (i - half) * (told->n - half) / (MOST_POINTS - half)];
    return n;
}

/* The chosen trials, with their values in y. */
static HptGpData *data_of(const HptCube *cube, const HptTold *told, const size_t *chosen, size_t n,
                          const double *y, size_t room)
{
    HptGpData *data = hpt_gp_data_new(cube, NULL, NULL, 0, room);
    for (size_t i = 0; i < n; i++)
        hpt_gp_data_add(data, told->rows + chosen[i] * cube->n, y[chosen[i]]);
    return data;
}

/* Processes that differ in their hyperparameters, each with the running trials believed. */
typedef struct {
    int n;
    HptGpData *data[MODELS];
    HptGp *gp[MODELS];
} Models;

static void models_clear(Models *models)
{
    for (int m = 0; m < models->n; m++) {
        hpt_gp_free(models->gp[m]);
        hpt_gp_data_free(models->data[m]);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Models, models_clear)

static void add_model(Models *models, const HptCube *cube, const HptTold *told, const size_t *chosen,
                      size_t n, const double *y, const double *theta)
{
    HptGpData *data = data_of(cube, told, chosen, n, y, n + told->n_running);
    HptGp *gp = hpt_gp_new(data, theta);
    for (size_t i = 0; i < told->n_running; i++) {
        hpt_gp_data_add(data, told->rows + (told->n + i) * cube->n, 0);
        hpt_gp_believe(gp, data);
    }
    models->data[models->n] = data;
    models->gp[models->n++] = gp;
}

/* One fit, from the prior: for values that are others at every proposal. */
static void fit_once(const HptCube *cube, const HptTold *told, const size_t *chosen, size_t n,
                     const double *y, double *theta)
{
    g_autoptr(HptGpData) data = data_of(cube, told, chosen, n, y, n);
    hpt_gp_start(cube, &priors[0], theta);
    (void)hpt_gp_fit(data, &priors[0], theta, FIT_STEPS);
}

static void make_models(HptSurrogate *surrogate, const HptTold *told, bool steady, Models *models,
                        HptSurrogateNote *note)
{
    const HptCube *cube = surrogate->cube;
    g_autofree double *theta = g_new(double, MODELS * HPT_GP_THETA(cube));
    g_autofree double *y = g_new(double, told->n + 1);
    g_autofree size_t *chosen = g_new(size_t, MOST_POINTS);
    *note = (HptSurrogateNote){0};
    if (steady)
        note->noisy = follow_chains(surrogate, told, theta);
    warp(told, told->n, note->noisy, y);
    size_t n = thin(told, chosen);
    if (!steady)
        fit_once(cube, told, chosen, n, y, theta);
    note->noise = hpt_gp_noise_share(cube, theta);
    note->n_points = n;
    for (int m = 0; m < (note->noisy ? MODELS : 1); m++)
        add_model(models, cube, told, chosen, n, y, theta + (size_t)m * HPT_GP_THETA(cube));
}

size_t hpt_surrogate_best(HptSurrogate *surrogate, const HptTold *told)
{
    if (told->n_valued < FIRST_FIT || surrogate->cube->n == 0)
        return told->order[0];
    const HptCube *cube = surrogate->cube;
    g_autofree double *theta = g_new(double, MODELS * HPT_GP_THETA(cube));
    g_autofree double *y = g_new(double, told->n + 1);
    if (!follow_chains(surrogate, told, theta))
        return told->order[0];
    warp(told, told->n, true, y);
    g_autofree size_t *chosen = g_new(size_t, MOST_POINTS);
    size_t n = thin(told, chosen), best = 0;
    g_autoptr(HptGpData) data = data_of(cube, told, chosen, n, y, n);
    g_autoptr(HptGp) gp = hpt_gp_new(data, theta);
    for (size_t i = 1; i < n; i++)
        if (!told->failed[chosen[i]] && hpt_gp_mean(gp, i) < hpt_gp_mean(gp, best))
            best = i;
    return chosen[best];
}

char *hpt_surrogate_reason(const HptSurrogateNote *note, size_t n_running)
{
    return g_strdup_printf("best expected improvement of a Gaussian process on %zu results%s (noise %d %%%s)",
                           note->n_points, n_running > 0 ? " and what runs" : "",
                           (int)(100 * note->noise + 0.5), note->noisy ? ", so ranks are not used" : "");
}

/* ---- the search for the best candidate ---- */

typedef struct {
    const HptCube *cube;
    const HptTold *told;
    const Models *models;
    HptDraws *draws;
    double *kept; /* KEPT rows, */
    double *score; /* and theirs; −infinity: none */
} Search;

/* The logarithm of the expected improvement, averaged over the models. */
static void score_rows(const Search *search, const double *rows, size_t n, double *scores)
{
    const Models *models = search->models;
    g_autofree double *each = g_new(double, (size_t)models->n * n + 1);
    for (int m = 0; m < models->n; m++)
        hpt_gp_log_improvement(models->gp[m], rows, n, each + (size_t)m * n);
    for (size_t i = 0; i < n; i++) {
        double most = each[i], sum = 0;
        for (int m = 1; m < models->n; m++)
            most = MAX(most, each[(size_t)m * n + i]);
        for (int m = 0; m < models->n; m++)
            sum += hpt_exp(each[(size_t)m * n + i] - most);
        scores[i] = most + hpt_log(sum / models->n);
    }
    if (search->told->priors != NULL)
        hpt_priors_blend(search->told->priors, rows, n, scores);
}

/* Some of the parameters of row moved, by steps of that deviation, at least by a level. */
static bool move(const Search *search, const double *row, double deviation, double *out)
{
    const HptCube *cube = search->cube;
    HptDraws *draws = search->draws;
    size_t one = hpt_draws_below(draws, cube->n);
    double share = cube->n > 2 ? 2.0 / (double)cube->n : 1;
    bool all = hpt_draws_uniform(draws) < 0.3; /* all numbers */
    for (size_t j = 0; j < cube->n; j++) {
        bool moved = hpt_draws_uniform(draws) < share || j == one || (all && !cube->category[j]);
        if (isnan(row[j]) || (moved && cube->category[j]))
            out[j] = hpt_draws_uniform(draws);
        else {
            double step = moved ? deviation * hpt_draws_normal(draws) : 0;
            if (moved && cube->even[j])
                step = copysign(MAX(fabs(step), 1 / cube->levels[j]), step);
            out[j] = row[j] + step;
        }
    }
    return hpt_cube_round(cube, out);
}

static bool is_tried(const Search *search, const double *row)
{
    return hpt_told_has(search->told, row);
}

/* Keeps the best KEPT rows, best first, each once. */
static void keep(Search *search, const double *row, double score)
{
    const HptCube *cube = search->cube;
    if (!(score > search->score[KEPT - 1]) || is_tried(search, row) ||
        hpt_cube_among(cube, row, search->kept, KEPT))
        return;
    int place = KEPT - 1;
    for (; place > 0 && score > search->score[place - 1]; place--) {
        search->score[place] = search->score[place - 1];
        memcpy(search->kept + (size_t)place * cube->n, search->kept + (size_t)(place - 1) * cube->n,
               cube->n * sizeof *row);
    }
    search->score[place] = score;
    memcpy(search->kept + (size_t)place * cube->n, row, cube->n * sizeof *row);
}

/* Random rows, and neighbours of the trials with the lowest means. */
static void scan(Search *search)
{
    const HptCube *cube = search->cube;
    static const double steps[2] = {0.15, 0.03};
    size_t n = 0, points = search->models->data[0]->n;
    g_autofree double *rows = g_new(double, (RANDOM_ROWS + NEAR_PRIORS + 2 * NEAR_BEST * NEIGHBOURS) * cube->n);
    for (int i = 0; i < RANDOM_ROWS; i++) {
        double *row = rows + n * cube->n;
        for (size_t j = 0; j < cube->n; j++)
            row[j] = hpt_draws_uniform(search->draws);
        n += hpt_cube_round(cube, row);
    }
    for (int i = 0; i < NEAR_PRIORS && search->told->priors != NULL; i++)
        n += hpt_priors_draw(search->told->priors, search->draws, rows + n * cube->n);
    g_autofree double *means = g_new(double, points);
    for (size_t i = 0; i < points; i++)
        means[i] = hpt_gp_mean(search->models->gp[0], i);
    g_autofree HptRanked *placed = hpt_rank(means, NULL, points);
    g_autofree double *base = g_new(double, cube->n);
    for (size_t b = 0; b < MIN(points, (size_t)NEAR_BEST); b++) {
        hpt_gp_data_row(search->models->data[0], placed[b].index, base);
        for (int s = 0; s < 2; s++)
            for (int i = 0; i < NEIGHBOURS; i++)
                n += move(search, base, steps[s], rows + n * cube->n);
    }
    g_autofree double *scores = g_new(double, n + 1);
    score_rows(search, rows, n, scores);
    for (size_t i = 0; i < n; i++)
        keep(search, rows + i * cube->n, scores[i]);
}

/* The place of kept row k, whose score has grown, among the others. */
static void rise(Search *search, size_t k, double *scratch)
{
    size_t n = search->cube->n;
    for (; k > 0 && search->score[k] > search->score[k - 1]; k--) {
        double *row = search->kept + k * n, score = search->score[k];
        memcpy(scratch, row, n * sizeof *row);
        memcpy(row, row - n, n * sizeof *row);
        memcpy(row - n, scratch, n * sizeof *row);
        search->score[k] = search->score[k - 1];
        search->score[k - 1] = score;
    }
}

/* Each kept row moves to the best of its neighbours, so that they stay in basins of their own. */
static void climb(Search *search)
{
    const HptCube *cube = search->cube;
    static const double steps[ROUNDS] = {0.1, 0.05, 0.02, 0.01};
    g_autofree double *rows = g_new(double, MOVES * cube->n);
    double scores[MOVES];
    for (int round = 0; round < ROUNDS; round++)
        for (size_t k = 0; k < KEPT && isfinite(search->score[k]); k++) {
            double *row = search->kept + k * cube->n;
            size_t n = 0;
            for (int i = 0; i < MOVES; i++)
                n += move(search, row, steps[round], rows + n * cube->n);
            if (n > 0)
                score_rows(search, rows, n, scores);
            for (size_t i = 0; i < n; i++) {
                const double *moved = rows + i * cube->n;
                if (!(scores[i] > search->score[k]) || is_tried(search, moved) ||
                    hpt_cube_among(cube, moved, search->kept, KEPT))
                    continue;
                search->score[k] = scores[i];
                memcpy(row, moved, cube->n * sizeof *row);
            }
        }
    for (size_t k = 1; k < KEPT; k++)
        rise(search, k, rows);
}

typedef struct {
    const Models *models;
    double *row, *slopes; /* slopes: MODELS rows */
    size_t n, *which;     /* the real parameters that move */
} Polish;

static double polished(const double *x, double *gradient, void *user)
{
    Polish *polish = user;
    const Models *models = polish->models;
    size_t p = models->data[0]->cube->n;
    double value[MODELS], most = -(double)INFINITY, sum = 0;
    for (size_t k = 0; k < polish->n; k++) {
        polish->row[polish->which[k]] = x[k];
        gradient[k] = 0;
    }
    for (int m = 0; m < models->n; m++) {
        value[m] = hpt_gp_log_improvement_slope(models->gp[m], polish->row, polish->slopes + (size_t)m * p);
        most = MAX(most, value[m]);
    }
    for (int m = 0; m < models->n; m++)
        sum += value[m] = hpt_exp(value[m] - most);
    for (int m = 0; m < models->n; m++)
        for (size_t k = 0; k < polish->n; k++)
            gradient[k] -= value[m] / sum * polish->slopes[(size_t)m * p + polish->which[k]];
    return -most - hpt_log(sum / models->n);
}

/* Moves the real parameters of the best rows uphill. */
static void polish(Search *search)
{
    const HptCube *cube = search->cube;
    g_autofree double *from = g_memdup2(search->kept, POLISHED * cube->n * sizeof *from);
    g_autofree double *x = g_new(double, cube->n), *low = g_new0(double, cube->n);
    g_autofree double *high = g_new(double, cube->n), *slopes = g_new(double, MODELS * cube->n);
    g_autofree double *scratch = g_new(double, HPT_MINIMISE_SCRATCH(cube->n));
    g_autofree size_t *which = g_new(size_t, cube->n);
    for (size_t k = 0; k < POLISHED && isfinite(search->score[k]); k++) {
        double *row = from + k * cube->n;
        Polish of = {search->models, row, slopes, 0, which};
        for (size_t j = 0; j < cube->n; j++)
            if (cube->levels[j] == 0 && !isnan(row[j])) {
                x[of.n] = row[j];
                high[of.n] = 1;
                which[of.n++] = j;
            }
        if (of.n == 0)
            continue;
        (void)hpt_minimise(polished, &of, x, low, high, of.n, POLISH_STEPS, scratch);
        for (size_t i = 0; i < of.n; i++)
            row[which[i]] = x[i];
        for (size_t j = 0; j < cube->n; j++) /* a condition on a real parameter may hold now */
            if (isnan(row[j]))
                row[j] = hpt_draws_uniform(search->draws);
        double score = 0;
        if (!hpt_cube_round(cube, row))
            continue;
        score_rows(search, row, 1, &score);
        keep(search, row, score);
    }
}

bool hpt_surrogate_choose(HptSurrogate *surrogate, const HptTold *told, bool steady, HptDraws *draws,
                          double *row, HptSurrogateNote *note)
{
    const HptCube *cube = surrogate->cube;
    if (cube->n == 0)
        return false;
    g_auto(Models) models = {0};
    make_models(surrogate, told, steady, &models, note);
    g_autofree double *kept = g_new(double, KEPT * cube->n);
    for (size_t i = 0; i < KEPT * cube->n; i++)
        kept[i] = -1; /* no row */
    double score[KEPT];
    for (int k = 0; k < KEPT; k++)
        score[k] = -(double)INFINITY;
    Search search = {cube, told, &models, draws, kept, score};
    scan(&search);
    climb(&search);
    polish(&search);
    if (!isfinite(score[0]))
        return false;
    memcpy(row, kept, cube->n * sizeof *row);
    return true;
}
