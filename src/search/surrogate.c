/* What a history becomes before a Gaussian process sees it, how its hyperparameters are found, and the search
 * for the best candidate. The process itself, with its sources, is gp.c.
 *
 * Two processes see the same results differently, and proposals take turns between them: a rough one (Matérn 3/2) whose
 * values above the median are ranks and whose inputs are warped, and a smooth one (5/2) of plain values and inputs as they
 * are. Which of them is right cannot be told from some tens of results, and one that is wrong stays wrong for long; with
 * both, the mistakes of one are told to the other. Both have a fine part beside the coarse one (gp.h). One of several
 * columns of values has only the coarse one, for under noise in all of them the fine one made proposals come back to the lucky ones.
 *
 * Hyperparameters: the nearest maximum of their posterior, by a chain of fits: to the first 6 trials, from there
 * to the first 7, … by ever larger steps. So they follow from the history alone, whoever fits them, and one
 * who has fitted the chain before has little to do. The chain ends at 128 trials: what is beyond goes on by the same steps,
 * but each fit begins where the chain ended, and sees of so many first trials what a process would be given.
 *
 * Search of the acquisition: random rows and neighbours of the best trials, the best of them improved by moves
 * of ever smaller steps and by gradients in the real parameters. Every candidate is rounded to legal values
 * before it is scored, and moves at least by a level. In a conditional space a share of the proposals are the best of a
 * branch that is drawn, for a process is slow to doubt what it thinks of branches it has hardly seen.
 */
#include "search/surrogate.h"

#include "num/hash.h"
#include "num/minimise.h"
#include "search/goal.h"
#include "search/prior.h"
#include "search/warp.h"

#include <math.h>
#include <string.h>

enum {
    FIRST_FIT = 6,
    CHAIN_POINTS = 128,
    MOST_POINTS = HPT_SURROGATE_POINTS,
    FIT_STEPS = 5,       /* of each fit in the chain */
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
#define BRANCH_SHARE 0.2

const HptGpPrior hpt_surrogate_prior = {-6.907755278982137 /* log 1e-3 */, 2, 30};

typedef enum { RANKS, PLAIN, COARSE, VIEWS } View; /* COARSE: plain, for a kernel of one part */

typedef struct {
    size_t n;
    uint64_t digest; /* of the first n rows and values */
    double *theta;
} Link;

struct HptSurrogate {
    const HptCube *cube;
    GArray *chains[VIEWS]; /* of Link */
    Link beyond[VIEWS];    /* where there are more results than a chain has */
    HptGoals *goals;
};

static void clear_link(void *link)
{
    g_free(((Link *)link)->theta);
}

HptSurrogate *hpt_surrogate_new(const HptCube *cube)
{
    HptSurrogate *surrogate = g_new0(HptSurrogate, 1);
    surrogate->cube = cube;
    surrogate->goals = hpt_goals_new(cube);
    for (int i = 0; i < VIEWS; i++) {
        surrogate->chains[i] = g_array_new(false, false, sizeof(Link));
        g_array_set_clear_func(surrogate->chains[i], clear_link);
    }
    return surrogate;
}

void hpt_surrogate_free(HptSurrogate *surrogate)
{
    if (surrogate == NULL)
        return;
    for (int i = 0; i < VIEWS; i++) {
        g_array_unref(surrogate->chains[i]);
        clear_link(&surrogate->beyond[i]);
    }
    hpt_goals_free(surrogate->goals);
    g_free(surrogate);
}

/* The values of the first n trials as the process is to see them. Equal values get equal ones. */
static void see(const HptTold *told, size_t n, View view, double *y)
{
    memcpy(y, told->y, n * sizeof *y);
    if (view == RANKS)
        hpt_warp_half(y, told->failed, n);
    else
        hpt_warp_plain(y, told->failed, n);
}

/* ---- which trials ---- */

size_t hpt_surrogate_thin(const HptTold *told, size_t n, size_t *chosen)
{
    enum { HALF = MOST_POINTS / 2 };
    g_autofree size_t *order = g_new(size_t, n + 1);
    for (size_t i = 0, k = 0; i < told->n; i++)
        if (told->order[i] < n)
            order[k++] = told->order[i];
    for (size_t i = 0; i < MIN(n, (size_t)MOST_POINTS); i++)
        chosen[i] = order[n <= MOST_POINTS || i < HALF ? i : HALF + (i - HALF) * (n - HALF) / (MOST_POINTS - HALF)];
    return MIN(n, (size_t)MOST_POINTS);
}

static void set_kernel(HptGpData *data, View view)
{
    data->rough = data->warped = view == RANKS;
    data->fine = view != COARSE;
}

/* The chosen trials, with their values in y. */
static HptGpData *data_of(const HptTold *told, View view, const size_t *chosen, size_t n, const double *y, size_t room)
{
    HptGpData *data = hpt_gp_data_new(told->cube, NULL, NULL, 0, room);
    set_kernel(data, view);
    for (size_t i = 0; i < n; i++)
        hpt_gp_data_add(data, told->rows + chosen[i] * told->cube->n, y[chosen[i]]);
    return data;
}

/* ---- hyperparameters ---- */

static size_t next_link(size_t n)
{
    return n + MAX(1, n / 16);
}

/* The mode moves on from where it was; now and then it is looked for from the prior as well. */
static void fit_link(const HptGpData *data, guint k, double *theta)
{
    double value = hpt_gp_fit(data, &hpt_surrogate_prior, theta, k == 0 ? FIRST_STEPS : FIT_STEPS);
    if (k == 0 || k % FRESH_EVERY != 0)
        return;
    size_t n_theta = HPT_GP_THETA(data->cube);
    g_autofree double *other = g_new(double, n_theta);
    hpt_gp_start(data->cube, &hpt_surrogate_prior, other);
    if (hpt_gp_fit(data, &hpt_surrogate_prior, other, FIRST_STEPS) < value)
        memcpy(theta, other, n_theta * sizeof *theta);
}

/* Hyperparameters of the longest chain that has the first last trials. */
static void follow_chain(HptSurrogate *surrogate, const HptTold *told, size_t last, View view, double *theta)
{
    const HptCube *cube = surrogate->cube;
    GArray *chain = surrogate->chains[view];
    size_t hashed = 0, size = HPT_GP_THETA(cube) * sizeof *theta;
    uint64_t digest = HPT_HASH_START;
    g_autofree double *y = g_new(double, last + 1);
    hpt_gp_start(cube, &hpt_surrogate_prior, theta);
    size_t n = MIN((size_t)FIRST_FIT, last);
    for (guint k = 0; n <= last; n = next_link(n), k++) {
        for (; hashed < n; hashed++) {
            double facts[2] = {told->y[hashed], told->failed[hashed]};
            digest = hpt_hash_doubles(digest, told->rows + hashed * cube->n, cube->n);
            digest = hpt_hash_doubles(digest, facts, 2);
        }
        if (k < chain->len) {
            const Link *link = &g_array_index(chain, Link, k);
            if (link->n == n && link->digest == digest) {
                memcpy(theta, link->theta, size);
                continue;
            }
            g_array_set_size(chain, k);
        }
        see(told, n, view, y);
        g_autoptr(HptGpData) data = hpt_gp_data_new(cube, told->rows, y, n, n);
        set_kernel(data, view);
        fit_link(data, k, theta);
        Link link = {n, digest, g_memdup2(theta, size)};
        g_array_append_val(chain, link);
    }
}

/* Hyperparameters of more, from the end of the chain: so who is new to a study has one such fit to make. */
static void fit_beyond(HptSurrogate *surrogate, const HptTold *told, View view, double *theta)
{
    const HptCube *cube = surrogate->cube;
    Link *link = &surrogate->beyond[view];
    size_t n = CHAIN_POINTS, size = HPT_GP_THETA(cube) * sizeof *theta;
    while (next_link(n) <= told->n)
        n = next_link(n);
    g_autofree size_t *chosen = g_new(size_t, MOST_POINTS);
    size_t points = hpt_surrogate_thin(told, n, chosen);
    uint64_t digest = hpt_hash_doubles(HPT_HASH_START, told->rows, CHAIN_POINTS * cube->n);
    for (size_t i = 0; i < points; i++)
        digest = hpt_hash_doubles(digest, told->rows + chosen[i] * cube->n, cube->n);
    for (size_t i = 0; i < n; i++) {
        double facts[2] = {told->y[i], told->failed[i]};
        digest = hpt_hash_doubles(digest, facts, 2);
    }
    if (link->theta != NULL && link->n == n && link->digest == digest) {
        memcpy(theta, link->theta, size);
        return;
    }
    g_autofree double *y = g_new(double, n);
    see(told, n, view, y);
    g_autoptr(HptGpData) data = data_of(told, view, chosen, points, y, points);
    follow_chain(surrogate, told, CHAIN_POINTS, view, theta);
    (void)hpt_gp_fit(data, &hpt_surrogate_prior, theta, FIT_STEPS);
    clear_link(link);
    *link = (Link){n, digest, g_memdup2(theta, size)};
}

static void find_theta(HptSurrogate *surrogate, const HptTold *told, View view, double *theta)
{
    if (told->n <= CHAIN_POINTS)
        follow_chain(surrogate, told, told->n, view, theta);
    else
        fit_beyond(surrogate, told, view, theta);
}

/* ---- the data of one proposal ---- */

HptGpData *hpt_surrogate_data(const HptTold *told, bool smooth, const size_t *chosen, size_t n)
{
    View view = smooth ? COARSE : RANKS;
    g_autofree double *y = g_new(double, told->n + 1);
    see(told, told->n, view, y);
    HptGpData *data = data_of(told, view, chosen, n, y, n);
    data->fine = false;
    return data;
}

/* A process, with the newest of the running trials believed: of very many that run, all would cost minutes. */
typedef struct {
    HptGpData *data;
    HptGp *gp;
} Model;

static void model_clear(Model *model)
{
    hpt_gp_free(model->gp);
    hpt_gp_data_free(model->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Model, model_clear)

static void model_init(Model *model, const HptTold *told, const size_t *chosen, size_t n, const double *y,
                       const double *theta, View view)
{
    const double *running = NULL;
    size_t n_running = hpt_told_running(told, HPT_SURROGATE_RUNNING, &running);
    model->data = data_of(told, view, chosen, n, y, n + n_running);
    model->gp = hpt_gp_new(model->data, theta);
    for (size_t i = 0; i < n_running; i++) {
        hpt_gp_data_add(model->data, running + i * told->cube->n, 0);
        hpt_gp_believe(model->gp, model->data);
    }
}

/* What is to be improved on: the lowest mean at a trial that keeps every constraint. */
static void set_lowest(HptGp *gp, const HptTold *told, const size_t *chosen, size_t n)
{
    if (told->n_constraints == 0)
        return;
    gp->lowest = (double)INFINITY;
    for (size_t i = 0; i < n; i++)
        if (told->beyond[chosen[i]] <= 0)
            gp->lowest = MIN(gp->lowest, hpt_gp_mean(gp, i));
}

static void make_model(HptSurrogate *surrogate, const HptTold *told, View view, Model *model,
                       HptSurrogateNote *note)
{
    const HptCube *cube = surrogate->cube;
    g_autofree double *theta = g_new(double, HPT_GP_THETA(cube));
    g_autofree double *y = g_new(double, told->n + 1);
    g_autofree size_t *chosen = g_new(size_t, MOST_POINTS);
    size_t n = hpt_surrogate_thin(told, told->n, chosen);
    see(told, told->n, view, y);
    find_theta(surrogate, told, view, theta);
    note->n_points = n;
    note->smooth = view == PLAIN;
    model_init(model, told, chosen, n, y, theta, view);
    note->noise = hpt_gp_noise_share(model->gp);
    set_lowest(model->gp, told, chosen, n);
}

HptGp *hpt_surrogate_process(HptSurrogate *surrogate, const HptTold *told, HptGpData **data)
{
    g_autofree double *theta = g_new(double, HPT_GP_THETA(surrogate->cube));
    g_autofree size_t *chosen = g_new(size_t, MOST_POINTS);
    find_theta(surrogate, told, COARSE, theta);
    Model model;
    model_init(&model, told, chosen, hpt_surrogate_thin(told, told->n, chosen), told->y, theta, COARSE);
    *data = model.data;
    return model.gp;
}

char *hpt_surrogate_reason(const HptSurrogateNote *note, size_t n_running)
{
    g_autoptr(GString) text = g_string_new(note->infeasible           ? "most probable to keep constraints"
                                           : note->n_objectives > 1 ? "largest expected gain of volume"
                                                                    : "best expected improvement");
    if (note->n_constraints > 0 && !note->infeasible)
        g_string_append(text, " times the probability to keep constraints");
    if (note->branch)
        g_string_append(text, " in a branch that was drawn");
    bool several = note->infeasible || note->n_objectives > 1;
    g_string_append_printf(text, " of %s on %zu results%s",
                           several        ? "Gaussian processes"
                           : note->smooth ? "a smooth Gaussian process"
                                          : "a rough, half ranked Gaussian process",
                           note->n_points, n_running > 0 ? " and what runs" : "");
    if (!several)
        g_string_append_printf(text, " (noise %d %%)", (int)(100 * note->noise + 0.5));
    return g_string_free(g_steal_pointer(&text), false);
}

/* ---- the search for the best candidate ---- */

typedef struct {
    const HptCube *cube;
    const HptTold *told;
    const Model *model; /* without a process: there is no one value to improve on */
    HptGoal *goal;      /* or NULL */
    HptDraws *draws;
    double *kept; /* KEPT rows, */
    double *score; /* and theirs; −infinity: none */
    const double *branch; /* a row that has the parameters that are to be active; NULL: any */
} Search;

static bool is_off_branch(const Search *search, const double *row)
{
    for (size_t j = 0; search->branch != NULL && j < search->cube->n; j++)
        if (isnan(row[j]) != isnan(search->branch[j]))
            return true;
    return false;
}

/* The logarithm of the expected improvement. */
static void score_rows(const Search *search, const double *rows, size_t n, double *scores)
{
    memset(scores, 0, n * sizeof *scores);
    if (search->model->gp != NULL)
        hpt_gp_log_improvement(search->model->gp, rows, n, scores);
    if (search->told->priors != NULL)
        hpt_priors_blend(search->told->priors, rows, n, scores);
    if (search->goal != NULL)
        hpt_goal_add(search->goal, rows, n, scores);
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
    if (!(score > search->score[KEPT - 1]) || is_off_branch(search, row) || is_tried(search, row) ||
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

/* Rows of trials whose neighbours are candidates: those with the lowest means; if there is more to reach, the first in
 * order, or of a larger front any of it. Their number. */
static size_t near_best(const Search *search, double *rows)
{
    size_t width = search->cube->n;
    const HptTold *told = search->told;
    if (search->goal != NULL) {
        for (size_t b = 0; b < MIN(told->n, (size_t)NEAR_BEST); b++) {
            size_t place = told->n_front > NEAR_BEST ? hpt_draws_below(search->draws, told->n_front) : b;
            memcpy(rows + b * width, told->rows + told->order[place] * width, width * sizeof *rows);
        }
        return MIN(told->n, (size_t)NEAR_BEST);
    }
    size_t points = search->model->data->n;
    g_autofree double *means = g_new(double, points);
    for (size_t i = 0; i < points; i++)
        means[i] = hpt_gp_mean(search->model->gp, i);
    g_autofree HptRanked *placed = hpt_rank(means, NULL, points);
    for (size_t b = 0; b < MIN(points, (size_t)NEAR_BEST); b++)
        hpt_gp_data_row(search->model->data, placed[b].index, rows + b * width);
    return MIN(points, (size_t)NEAR_BEST);
}

/* Random rows, and neighbours of the best trials. */
static void scan(Search *search)
{
    const HptCube *cube = search->cube;
    static const double steps[2] = {0.15, 0.03};
    size_t n = 0;
    g_autofree double *rows = g_new(double, (RANDOM_ROWS + NEAR_PRIORS + 2 * NEAR_BEST * NEIGHBOURS) * cube->n);
    for (int i = 0; i < RANDOM_ROWS; i++) {
        double *row = rows + n * cube->n;
        for (size_t j = 0; j < cube->n; j++)
            row[j] = hpt_draws_uniform(search->draws);
        n += hpt_cube_round(cube, row);
    }
    for (int i = 0; i < NEAR_PRIORS && search->told->priors != NULL; i++)
        n += hpt_priors_draw(search->told->priors, search->draws, rows + n * cube->n);
    g_autofree double *bases = g_new(double, NEAR_BEST * cube->n);
    size_t n_bases = near_best(search, bases);
    for (size_t b = 0; b < n_bases; b++)
        for (int s = 0; s < 2; s++)
            for (int i = 0; i < NEIGHBOURS; i++)
                n += move(search, bases + b * cube->n, steps[s], rows + n * cube->n);
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
                if (!(scores[i] > search->score[k]) || is_off_branch(search, moved) ||
                    is_tried(search, moved) || hpt_cube_among(cube, moved, search->kept, KEPT))
                    continue;
                search->score[k] = scores[i];
                memcpy(row, moved, cube->n * sizeof *row);
            }
        }
    for (size_t k = 1; k < KEPT; k++)
        rise(search, k, rows);
}

typedef struct {
    const Model *model;
    HptGoal *goal;
    double *row, *slope;
    size_t n_slope;
    size_t n, *which; /* the real parameters that move */
} Polish;

static double polished(const double *x, double *gradient, void *user)
{
    Polish *polish = user;
    for (size_t k = 0; k < polish->n; k++)
        polish->row[polish->which[k]] = x[k];
    double value = 0;
    memset(polish->slope, 0, polish->n_slope * sizeof *polish->slope);
    if (polish->model->gp != NULL)
        value = hpt_gp_log_improvement_slope(polish->model->gp, polish->row, polish->slope);
    if (polish->goal != NULL)
        value += hpt_goal_add_slope(polish->goal, polish->row, polish->slope);
    for (size_t k = 0; k < polish->n; k++)
        gradient[k] = -polish->slope[polish->which[k]];
    return -value;
}

/* Moves the real parameters of the best rows uphill. */
static void polish(Search *search)
{
    const HptCube *cube = search->cube;
    g_autofree double *from = g_memdup2(search->kept, POLISHED * cube->n * sizeof *from);
    g_autofree double *x = g_new(double, cube->n), *low = g_new0(double, cube->n);
    g_autofree double *high = g_new(double, cube->n), *slope = g_new(double, cube->n);
    g_autofree double *scratch = g_new(double, HPT_MINIMISE_SCRATCH(cube->n));
    g_autofree size_t *which = g_new(size_t, cube->n);
    for (size_t k = 0; k < POLISHED && isfinite(search->score[k]); k++) {
        double *row = from + k * cube->n;
        Polish of = {search->model, search->goal, row, slope, cube->n, 0, which};
        for (size_t j = 0; j < cube->n; j++)
            if (cube->levels[j] == 0 && !isnan(row[j]) && !hpt_space_get(cube->space, cube->param[j])->fixed) {
                x[of.n] = row[j];
                high[of.n] = 1;
                which[of.n++] = j;
            }
        if (of.n == 0)
            continue;
        (void)hpt_minimise(polished, &of, x, low, high, of.n, POLISH_STEPS, 0, scratch);
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

bool hpt_surrogate_choose(HptSurrogate *surrogate, const HptTold *told, int64_t turn, HptDraws *draws,
                          double *row, HptSurrogateNote *note)
{
    const HptCube *cube = surrogate->cube;
    if (cube->n == 0)
        return false;
    g_auto(Model) model = {0};
    g_autoptr(HptGoal) goal = hpt_goals_set(surrogate->goals, told, draws);
    *note = (HptSurrogateNote){
        .n_points = told->n,
        .n_objectives = told->n_objectives,
        .n_constraints = told->n_constraints,
        .infeasible = told->n_feasible == 0,
    };
    if (told->n_objectives == 1 && told->n_feasible > 0)
        make_model(surrogate, told, turn % 2 == 0 ? RANKS : PLAIN, &model, note);
    g_autofree double *branch = g_new(double, cube->n);
    note->branch = cube->conditional && hpt_draws_uniform(draws) < BRANCH_SHARE &&
                   hpt_cube_draw(cube, draws, branch);
    g_autofree double *kept = g_new(double, KEPT * cube->n);
    for (size_t i = 0; i < KEPT * cube->n; i++)
        kept[i] = -1; /* no row */
    double score[KEPT];
    for (int k = 0; k < KEPT; k++)
        score[k] = -(double)INFINITY;
    Search search = {cube, told, &model, goal, draws, kept, score, note->branch ? branch : NULL};
    scan(&search);
    climb(&search);
    polish(&search);
    if (!isfinite(score[0]))
        return false;
    memcpy(row, kept, cube->n * sizeof *row);
    return true;
}
