#include "search/prior.h"

#include "base/number.h"
#include "num/elementary.h"
#include "num/normal.h"
#include "search/gp.h"
#include "search/learn.h"

#include <math.h>
#include <string.h>

enum {
    LEAST_ROWS = 4,    /* that a process is fitted to */
    FIT_STEPS = 40,
    MOST_TOLD = 300,   /* trials beyond which earlier studies count for nothing */
    MOST_BLOCK = 64,   /* rows looked at together */
};
#define WRONG_MOST 0.3    /* share of pairs ranked wrongly from which on a study counts for nothing */
#define WRONG_FIRST 0.15  /* what is believed of that share before anything is told, */
#define WRONG_TRIALS 4.0  /* as if so many trials had shown it */
#define FADE 10.0         /* trials after which it counts half */
#define TILT 2.0
#define BEST_SHARE 0.15   /* whose neighbourhoods are looked at */
#define APART 0.1         /* in a parameter at least, between first proposals of one study */

static const HptGpPrior noise_prior = {-4.605170185988091 /* log 0.01 */, 2, 0};

struct HptPrior {
    char *study;
    json_t *json;
    size_t n;
    const json_t **config; /* borrowed from json */
    double *value;         /* to be minimised */
    bool *failed;
};

/* ---- reading ---- */

void hpt_prior_free(HptPrior *prior)
{
    if (prior == NULL)
        return;
    json_decref(prior->json);
    g_free(prior->study);
    g_free(prior->config);
    g_free(prior->value);
    g_free(prior->failed);
    g_free(prior);
}

static bool refuse(const char *what, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "an earlier study: %s", what);
    return false;
}

static bool read_row(HptPrior *prior, const json_t *row, bool maximise, GError **error)
{
    const json_t *config = json_object_get(row, "config"), *value = json_object_get(row, "value");
    if (!json_is_object(config) || (!json_is_number(value) && !json_is_null(value)))
        return refuse("a row must have 'config', an object, and 'value', a number or null", error);
    double number = json_is_null(value) ? 0 : json_number_value(value);
    prior->config[prior->n] = config;
    prior->failed[prior->n] = json_is_null(value) || !isfinite(number);
    prior->value[prior->n++] = isfinite(number) ? maximise ? -number : number : 0;
    return true;
}

HptPrior *hpt_prior_read(const json_t *object, GError **error)
{
    const char *study = json_string_value(json_object_get(object, "study"));
    const char *direction = json_string_value(json_object_get(object, "direction"));
    const json_t *rows = json_object_get(object, "rows");
    bool maximise = g_strcmp0(direction, "max") == 0;
    size_t n = json_array_size(rows);
    if (study == NULL || (!maximise && g_strcmp0(direction, "min") != 0) || !json_is_array(rows) ||
        n > HPT_PRIOR_ROWS) {
        refuse("it must have 'study', 'direction', min or max, and 'rows', 80 at most", error);
        return NULL;
    }
    g_autoptr(HptPrior) prior = g_new0(HptPrior, 1);
    prior->study = g_strdup(study);
    prior->json = json_incref((json_t *)object);
    prior->config = g_new0(const json_t *, n + 1);
    prior->value = g_new0(double, n + 1);
    prior->failed = g_new0(bool, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!read_row(prior, json_array_get(rows, i), maximise, error))
            return NULL;
    return g_steal_pointer(&prior);
}

static void free_prior(void *prior)
{
    hpt_prior_free(prior);
}

GPtrArray *hpt_priors_read(const json_t *array, GError **error)
{
    g_autoptr(GPtrArray) priors = g_ptr_array_new_with_free_func(free_prior);
    if (array != NULL && !json_is_array(array)) {
        refuse("they must be an array", error);
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        HptPrior *prior = hpt_prior_read(json_array_get(array, i), error);
        if (prior == NULL)
            return NULL;
        g_ptr_array_add(priors, prior);
    }
    return g_steal_pointer(&priors);
}

const char *hpt_prior_get_study(const HptPrior *prior)
{
    return prior->study;
}

const json_t *hpt_prior_get_json(const HptPrior *prior)
{
    return prior->json;
}

size_t hpt_prior_choose(const double *values, const bool *failed, size_t n, size_t *chosen)
{
    g_autofree HptRanked *ranked = hpt_rank(values, failed, n);
    size_t most = MIN(n, (size_t)HPT_PRIOR_ROWS), half = HPT_PRIOR_ROWS / 2;
    for (size_t i = 0; i < most; i++)
        chosen[i] = ranked[n <= HPT_PRIOR_ROWS || i < half
                               ? i
                               : half + (i - half) * (n - half) / (HPT_PRIOR_ROWS - half)]
                        .index;
    return most;
}

/* Does any of its configurations have the parameter? */
static bool knows(const HptPrior *prior, const char *name)
{
    for (size_t i = 0; i < prior->n; i++)
        if (json_object_get(prior->config[i], name) != NULL)
            return true;
    return false;
}

bool hpt_prior_meets(const HptPrior *prior, const HptSpace *space)
{
    for (size_t i = 0; i < hpt_space_size(space); i++)
        if (!hpt_space_get(space, i)->constant && knows(prior, hpt_space_get(space, i)->name))
            return true;
    return false;
}

/* ---- its configurations in the new space ---- */

static size_t nearest(const double *numbers, size_t n, double number)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (fabs(numbers[i] - number) < fabs(numbers[best] - number))
            best = i;
    return best;
}

/* The value of the domain that is nearest to a number; *inside: no bound was in the way. */
static HptValue nearest_value(const HptParam *param, double number, bool *inside)
{
    HptValue value = {.active = true};
    if (param->type == HPT_PARAM_ORD) {
        *inside = *inside && number >= param->numbers[0] && number <= param->numbers[param->n_values - 1];
        value.index = (uint32_t)nearest(param->numbers, param->n_values, number);
        return value;
    }
    *inside = *inside && number >= param->low && number <= param->high;
    value.number = CLAMP(number, param->low, param->high);
    if (param->levels > 1 && !param->log) {
        double share = (value.number / 2 - param->low / 2) / (param->high / 2 - param->low / 2);
        return hpt_param_level(param, (uint64_t)(share * (double)(param->levels - 1) + 0.5));
    }
    if (param->type == HPT_PARAM_INT)
        value.number = floor(value.number + 0.5);
    return value;
}

/* The value of the domain that json means; *inside becomes false if it means none. */
static HptValue take_value(const HptParam *param, const json_t *json, bool *inside)
{
    char buffer[HPT_NUMBER_TEXT_SIZE];
    const char *text = json_is_number(json) ? hpt_number_text(json_number_value(json), buffer)
                                            : json_string_value(json);
    HptValue value = {0};
    double number = 0;
    if (text != NULL && hpt_param_value_parse(param, text, &value, NULL))
        return value;
    bool numeric = param->type != HPT_PARAM_CAT && (param->type != HPT_PARAM_ORD || param->numbers != NULL);
    if (text != NULL && numeric && !param->constant && hpt_number_parse(text, &number, NULL))
        return nearest_value(param, number, inside);
    *inside = *inside && param->constant;
    return param->fallback;
}

/* The configuration that is nearest to row i, or NULL: a clause forbids it. *inside: no value had to be moved. */
static HptConfig *take_config(const HptPrior *prior, size_t i, const HptSpace *space, bool *inside)
{
    g_autoptr(HptConfig) config = hpt_config_new(space);
    *inside = true;
    for (size_t j = 0; j < hpt_space_size(space); j++) {
        const HptParam *param = hpt_space_get(space, j);
        const json_t *json = json_object_get(prior->config[i], param->name);
        if (!hpt_space_active(space, config, j))
            continue;
        config->values[j] = json == NULL ? param->fallback : take_value(param, json, inside);
    }
    return hpt_space_forbidden(space, config) == SIZE_MAX ? g_steal_pointer(&config) : NULL;
}

/* ---- the first proposals ---- */

/* Do the two differ by more than a little in any parameter? */
static bool are_apart(const HptSpace *space, const HptConfig *a, const HptConfig *b)
{
    for (size_t j = 0; j < a->n; j++) {
        const HptParam *param = hpt_space_get(space, j);
        if (a->values[j].active != b->values[j].active)
            return true;
        if (!a->values[j].active || param->constant)
            continue;
        if (param->type == HPT_PARAM_CAT) {
            if (a->values[j].index != b->values[j].index)
                return true;
        } else if (fabs(hpt_param_to_unit(param, a->values[j]) - hpt_param_to_unit(param, b->values[j])) >= APART)
            return true;
    }
    return false;
}

/* The best row from *next on whose configuration is apart from points and none of others; NULL: there is none. */
static HptConfig *next_point(const HptSpace *space, const HptPrior *prior, const HptRanked *ranked, size_t *next,
                             const GPtrArray *points, const HptConfig *const *others, size_t n_others)
{
    while (*next < prior->n && !ranked[*next].failed) {
        bool inside = false, fresh = true;
        g_autoptr(HptConfig) config = take_config(prior, ranked[(*next)++].index, space, &inside);
        for (guint i = 0; config != NULL && fresh && i < points->len; i++)
            fresh = are_apart(space, config, points->pdata[i]);
        for (size_t i = 0; config != NULL && fresh && i < n_others; i++)
            fresh = !hpt_config_equal(config, others[i]);
        if (config != NULL && fresh)
            return g_steal_pointer(&config);
    }
    return NULL;
}

static void free_config(void *config)
{
    hpt_config_free(config);
}

GPtrArray *hpt_prior_points(const HptSpace *space, const HptPrior *const *priors, size_t n_priors,
                            const HptConfig *const *others, size_t n_others)
{
    GPtrArray *points = g_ptr_array_new_with_free_func(free_config);
    g_autofree size_t *next = g_new0(size_t, n_priors + 1);
    g_autoptr(GPtrArray) ranked = g_ptr_array_new_with_free_func(g_free);
    size_t searched = 0;
    for (size_t j = 0; j < hpt_space_size(space); j++)
        searched += !hpt_space_get(space, j)->constant;
    for (size_t k = 0; k < n_priors; k++)
        g_ptr_array_add(ranked, hpt_rank(priors[k]->value, priors[k]->failed, priors[k]->n));
    size_t most = (hpt_learner_start_size(searched) + 1) / 2;
    for (bool any = true; any && points->len < most;) {
        any = false;
        for (size_t k = 0; k < n_priors && points->len < most; k++) {
            HptConfig *config =
                next_point(space, priors[k], ranked->pdata[k], &next[k], points, others, n_others);
            if (config != NULL)
                g_ptr_array_add(points, config);
            any = any || config != NULL;
        }
    }
    return points;
}

/* ---- processes ---- */

typedef struct {
    const HptPrior *prior;
    size_t n;      /* rows, best first */
    double *rows;
    double *fixed; /* cube->n: where a parameter that the study does not know is put, else NaN */
    HptGpData *data;
    HptGp *gp;
    double weight; /* 0: it counts for nothing */
    double lowest; /* of its means where something was tried here */
} Model;

struct HptPriors {
    const HptCube *cube;
    GArray *models;
    double sum; /* of the weights */
};

static void clear_model(void *data)
{
    Model *model = data;
    hpt_gp_free(model->gp);
    hpt_gp_data_free(model->data);
    g_free(model->rows);
    g_free(model->fixed);
}

/* The rows that can be used, best first, and the normal scores of their ranks. */
static double *usable_rows(const HptCube *cube, Model *model)
{
    const HptPrior *prior = model->prior;
    g_autofree HptRanked *ranked = hpt_rank(prior->value, prior->failed, prior->n);
    g_autofree double *value = g_new(double, prior->n + 1);
    model->rows = g_new(double, prior->n * cube->n + 1);
    for (size_t i = 0; i < prior->n; i++) {
        bool inside = false;
        g_autoptr(HptConfig) config = take_config(prior, ranked[i].index, cube->space, &inside);
        if (config == NULL || !inside)
            continue;
        hpt_cube_encode(cube, config, model->rows + model->n * cube->n);
        value[model->n++] = ranked[i].failed ? (double)INFINITY : ranked[i].value;
    }
    double *y = g_new(double, model->n + 1);
    for (size_t first = 0; first < model->n;) {
        size_t end = first + 1;
        while (end < model->n && !(value[end] > value[first]))
            end++;
        double rank = (double)(first + end) / 2 / (double)model->n; /* of equal ones that of their middle */
        for (; first < end; first++)
            y[first] = hpt_normal_quantile(rank);
    }
    return y;
}

static void fit(const HptCube *cube, Model *model)
{
    g_autofree double *y = usable_rows(cube, model);
    if (model->n < LEAST_ROWS || !(y[model->n - 1] > y[0]))
        return;
    model->fixed = g_new(double, cube->n + 1);
    for (size_t j = 0; j < cube->n; j++) {
        const HptParam *param = hpt_space_get(cube->space, cube->param[j]);
        model->fixed[j] =
            knows(model->prior, param->name) ? (double)NAN : hpt_param_to_unit(param, param->fallback);
    }
    g_autofree double *theta = g_new(double, HPT_GP_THETA(cube));
    model->data = hpt_gp_data_new(cube, model->rows, y, model->n, model->n);
    hpt_gp_start(cube, &noise_prior, theta);
    (void)hpt_gp_fit(model->data, &noise_prior, theta, FIT_STEPS);
    model->gp = hpt_gp_new(model->data, theta);
}

HptPriors *hpt_priors_new(const HptCube *cube, const HptPrior *const *priors, size_t n)
{
    HptPriors *out = g_new0(HptPriors, 1);
    out->cube = cube;
    out->models = g_array_new(false, false, sizeof(Model));
    g_array_set_clear_func(out->models, clear_model);
    for (size_t k = 0; k < n && cube->n > 0; k++) {
        Model model = {.prior = priors[k]};
        fit(cube, &model);
        if (model.gp != NULL)
            g_array_append_val(out->models, model);
        else
            clear_model(&model);
    }
    if (out->models->len > 0)
        return out;
    hpt_priors_free(out);
    return NULL;
}

void hpt_priors_free(HptPriors *priors)
{
    if (priors == NULL)
        return;
    g_array_unref(priors->models);
    g_free(priors);
}

static Model *model_at(const HptPriors *priors, guint k)
{
    return &g_array_index(priors->models, Model, k);
}

/* Means at n rows, in deviations, below 0 for good ones. */
static void predict(const HptCube *cube, const Model *model, const double *rows, size_t n, double *means)
{
    g_autofree double *seen = g_new(double, MOST_BLOCK * cube->n + 1);
    double deviations[MOST_BLOCK];
    for (size_t first = 0; first < n; first += MOST_BLOCK) {
        size_t size = MIN(n - first, (size_t)MOST_BLOCK);
        memcpy(seen, rows + first * cube->n, size * cube->n * sizeof *seen);
        for (size_t i = 0; i < size; i++)
            for (size_t j = 0; j < cube->n; j++)
                if (!isnan(model->fixed[j]) && !isnan(seen[i * cube->n + j]))
                    seen[i * cube->n + j] = model->fixed[j];
        hpt_gp_predict(model->gp, seen, size, means + first, deviations);
    }
}

/* The share of pairs of results here that the means rank wrongly; what is believed of it. */
static double wrong_share(const HptTold *told, const double *means)
{
    double wrong = 0, pairs = 0;
    for (size_t i = 0; i < told->n; i++)
        for (size_t k = 0; k < i; k++) {
            double here = told->y[i] - told->y[k], there = means[i] - means[k];
            if (told->failed[i] || told->failed[k] || !(here > 0 || here < 0))
                continue;
            pairs++;
            wrong += here * there < 0 ? 1 : here * there > 0 ? 0 : 0.5;
        }
    double share = pairs > 0 ? wrong / pairs : 0, n = pairs > 0 ? (double)told->n_valued : 0;
    return (share * n + WRONG_FIRST * WRONG_TRIALS) / (n + WRONG_TRIALS);
}

bool hpt_priors_weigh(HptPriors *priors, const HptTold *told)
{
    size_t n = told->n + told->n_running;
    priors->sum = 0;
    g_autofree double *means = g_new(double, MIN(n, (size_t)MOST_TOLD) + 1);
    for (guint k = 0; k < priors->models->len; k++) {
        Model *model = model_at(priors, k);
        model->weight = 0;
        if (n > MOST_TOLD)
            continue;
        predict(priors->cube, model, told->rows, n, means);
        model->lowest = (double)INFINITY;
        for (size_t i = 0; i < n; i++)
            model->lowest = MIN(model->lowest, means[i]);
        double wrong = wrong_share(told, means);
        model->weight = MAX(0, 1 - wrong / WRONG_MOST) * FADE / (FADE + (double)told->n_valued);
        priors->sum += model->weight;
    }
    return priors->sum > 0;
}

void hpt_priors_blend(const HptPriors *priors, const double *rows, size_t n, double *scores)
{
    g_autofree double *means = g_new(double, n + 1), *gain = g_new0(double, n + 1);
    for (guint k = 0; k < priors->models->len; k++) {
        const Model *model = model_at(priors, k);
        if (!(model->weight > 0))
            continue;
        predict(priors->cube, model, rows, n, means);
        for (size_t i = 0; i < n; i++)
            gain[i] += model->weight * MAX(0, model->lowest - means[i]);
    }
    double most = MAX(1, priors->sum);
    for (size_t i = 0; i < n; i++)
        if (gain[i] > 0)
            scores[i] = hpt_log(hpt_exp(scores[i]) + gain[i] / most);
}

double hpt_priors_tilt(const HptPriors *priors, const double *row)
{
    double sum = 0;
    for (guint k = 0; k < priors->models->len; k++) {
        const Model *model = model_at(priors, k);
        double mean = 0;
        if (!(model->weight > 0))
            continue;
        predict(priors->cube, model, row, 1, &mean);
        sum -= TILT * model->weight * mean;
    }
    return sum / MAX(1, priors->sum);
}

double hpt_priors_share(const HptPriors *priors)
{
    return MIN(0.5, priors->sum);
}

bool hpt_priors_draw(const HptPriors *priors, HptDraws *draws, double *row)
{
    const HptCube *cube = priors->cube;
    double left = hpt_draws_uniform(draws) * priors->sum;
    guint k = 0;
    while (k + 1 < priors->models->len && left >= model_at(priors, k)->weight)
        left -= model_at(priors, k++)->weight;
    const Model *model = model_at(priors, k);
    size_t best = (size_t)ceil(BEST_SHARE * (double)model->n);
    const double *from = model->rows + hpt_draws_below(draws, best) * cube->n;
    double step = 0.1 * hpt_draws_uniform(draws);
    for (size_t j = 0; j < cube->n; j++) {
        double fresh = hpt_draws_uniform(draws), moved = from[j] + step * hpt_draws_normal(draws);
        bool any = isnan(from[j]) || !isnan(model->fixed[j]);
        if (cube->category[j])
            row[j] = any || hpt_draws_uniform(draws) < 0.1 ? fresh : from[j];
        else
            row[j] = any ? fresh : moved;
    }
    return hpt_cube_round(cube, row);
}

char *hpt_priors_describe(const HptPriors *priors)
{
    GString *text = g_string_new(NULL);
    for (guint k = 0; k < priors->models->len; k++) {
        const Model *model = model_at(priors, k);
        int hundredths = (int)(100 * model->weight + 0.5);
        g_string_append_printf(text, "%s%s %d.%02d", k > 0 ? ", " : "", model->prior->study, hundredths / 100,
                               hundredths % 100);
    }
    return g_string_free(text, false);
}
