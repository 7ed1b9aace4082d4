#include "search/goal.h"

#include "num/elementary.h"
#include "num/normal.h"
#include "search/ehvi.h"
#include "search/surrogate.h"
#include "search/warp.h"

#include <math.h>
#include <string.h>

enum { MOST_OBJECTIVES = 4, MOST_CONSTRAINTS = 8 };
#define BEYOND 0.1
#define NOISY 0.05 /* the noise's deviation, by what lies between the lowest value and the median */
#define FAR 1e4
#define LOG_2 0x1.62e42fefa39efp-1
#define LEAST_RANGE 0.1 /* in deviations of the values */

/* Points of a front of so many objectives whose boxes are some 2,000 at most. */
static const size_t most_points[MOST_OBJECTIVES + 1] = {0, 400, 400, 60, 22};

/* How many fronts are drawn under noise, by objectives. */
static const int drawn_fronts[MOST_OBJECTIVES + 1] = {0, 4, 4, 2, 2};

struct HptGoals {
    const HptCube *cube;
    GPtrArray *objectives, *constraints; /* of HptSurrogate, made when they are first needed */
};

/* A process of one column. */
typedef struct {
    HptGpData *data;
    HptGp *gp;
    double bound; /* of a constraint: the value that must not be exceeded */
} Column;

/* What may be the front, and the processes that say so. */
typedef struct {
    GArray *objectives; /* of Column */
    HptBoxes *boxes;
    double *scratch;
} Front;

struct HptGoal {
    const HptCube *cube;
    GArray *constraints; /* of Column */
    GArray *fronts;      /* of Front, as likely as each other; none: no volume is to grow */
};

static void free_surrogate(void *surrogate)
{
    hpt_surrogate_free(surrogate);
}

HptGoals *hpt_goals_new(const HptCube *cube)
{
    HptGoals *goals = g_new0(HptGoals, 1);
    goals->cube = cube;
    goals->objectives = g_ptr_array_new_with_free_func(free_surrogate);
    goals->constraints = g_ptr_array_new_with_free_func(free_surrogate);
    return goals;
}

void hpt_goals_free(HptGoals *goals)
{
    if (goals == NULL)
        return;
    g_ptr_array_unref(goals->objectives);
    g_ptr_array_unref(goals->constraints);
    g_free(goals);
}

static void clear_column(void *data)
{
    Column *column = data;
    hpt_gp_free(column->gp);
    hpt_gp_data_free(column->data);
}

static GArray *columns_new(void)
{
    GArray *columns = g_array_new(false, false, sizeof(Column));
    g_array_set_clear_func(columns, clear_column);
    return columns;
}

static void clear_front(void *data)
{
    Front *front = data;
    g_array_unref(front->objectives);
    hpt_boxes_free(front->boxes);
    g_free(front->scratch);
}

void hpt_goal_free(HptGoal *goal)
{
    if (goal == NULL)
        return;
    g_array_unref(goal->constraints);
    g_array_unref(goal->fronts);
    g_free(goal);
}

/* ---- columns ---- */

static HptSurrogate *surrogate_of(const HptGoals *goals, GPtrArray *surrogates, size_t k)
{
    while (surrogates->len <= k)
        g_ptr_array_add(surrogates, hpt_surrogate_new(goals->cube));
    return surrogates->pdata[k];
}

/* The trials that have a value in the column (NaN: none), and those that run, as a history of its own. */
static void view_of(const HptTold *told, const double *values, HptTold *view)
{
    size_t width = told->cube->n, n_all = told->n + told->n_running;
    *view = (HptTold){.cube = told->cube, .n_running = told->n_running, .n_objectives = 1};
    view->rows = g_new(double, n_all * width + 1);
    view->y = g_new(double, told->n + 1);
    view->failed = g_new0(bool, told->n + 1);
    view->order = g_new(size_t, told->n + 1);
    g_autofree size_t *place = g_new(size_t, told->n + 1);
    for (size_t i = 0; i < told->n; i++)
        if (!isnan(values[i])) {
            memcpy(view->rows + view->n * width, told->rows + i * width, width * sizeof *view->rows);
            view->y[view->n] = values[i];
            place[i] = view->n++;
        }
    memcpy(view->rows + view->n * width, told->rows + told->n * width,
           told->n_running * width * sizeof *view->rows);
    size_t at = 0;
    for (size_t i = 0; i < told->n; i++)
        if (!isnan(values[told->order[i]]))
            view->order[at++] = place[told->order[i]];
    view->n_valued = view->n;
}

static void view_clear(HptTold *view)
{
    g_free(view->rows);
    g_free(view->y);
    g_free(view->failed);
    g_free(view->order);
}

/* values with mean 0 and variance 1, all 0 if they are all alike (NaN stays); gives what 0 becomes. NaN: they are all
 * alike. */
static double standardise(double *values, size_t n)
{
    double sum = 0, square_sum = 0, count = 0, low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) {
            low = MIN(low, values[i]);
            high = MAX(high, values[i]);
        }
    int exponent = low < high ? hpt_exponent(high - low) : 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) {
            values[i] = ldexp(values[i], -exponent);
            sum += values[i];
            count++;
        }
    double mean = sum / count;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            square_sum += (values[i] - mean) * (values[i] - mean);
    double scale = low < high ? sqrt(count / square_sum) : 0;
    for (size_t i = 0; i < n; i++)
        values[i] = (values[i] - mean) * scale;
    return scale > 0 ? -mean * scale : (double)NAN;
}

static void add_column(GArray *columns, HptSurrogate *surrogate, const HptTold *told, const double *values,
                       double bound)
{
    HptTold view;
    view_of(told, values, &view);
    Column column = {.bound = bound};
    column.gp = hpt_surrogate_process(surrogate, &view, &column.data);
    view_clear(&view);
    g_array_append_val(columns, column);
}

/* ---- constraints ---- */

/* Values on a scale of which 0 stays 0; what is infinite lies as far off as the farthest that is not. */
static void shrink(double *values, size_t n)
{
    double most = 0, sum = 0, count = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i]))
            most = MAX(most, fabs(values[i]));
    double scale = most > 0 ? 1 / most : 1;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) {
            values[i] = isfinite(values[i]) ? values[i] * scale : copysign(1, values[i]);
            sum += fabs(values[i]);
            count++;
        }
    for (size_t i = 0; i < n && sum > 0; i++)
        values[i] = copysign(hpt_log(1 + fabs(values[i]) * count / sum), values[i]);
}

typedef struct {
    size_t broken, k;
} Broken;

static int compare_broken(const void *a, const void *b)
{
    const Broken *x = a, *y = b;
    if (x->broken != y->broken)
        return x->broken > y->broken ? -1 : 1;
    return x->k < y->k ? -1 : 1;
}

/* The constraints by how many trials do not keep them, most first; owned. */
static Broken *by_broken(const HptTold *told)
{
    Broken *order = g_new(Broken, told->n_constraints + 1);
    g_autofree double *values = g_new(double, told->n + 1);
    for (size_t k = 0; k < told->n_constraints; k++) {
        hpt_told_constraint(told, k, values);
        order[k] = (Broken){0, k};
        for (size_t i = 0; i < told->n; i++)
            order[k].broken += !told->failed[i] && !(values[i] <= 0);
    }
    qsort(order, told->n_constraints, sizeof *order, compare_broken);
    return order;
}

static void add_constraints(HptGoals *goals, HptGoal *goal, const HptTold *told)
{
    g_autofree Broken *order = by_broken(told);
    g_autofree double *values = g_new(double, told->n + 1);
    for (size_t i = 0; i < MIN(told->n_constraints, (size_t)MOST_CONSTRAINTS); i++) {
        hpt_told_constraint(told, order[i].k, values);
        shrink(values, told->n);
        double bound = standardise(values, told->n);
        if (!isnan(bound))
            add_column(goal->constraints, surrogate_of(goals, goals->constraints, order[i].k), told, values,
                       bound);
    }
}

/* ---- objectives ---- */

/* Those of one proposal: all, or so many as can be looked at, drawn; their number. */
static size_t draw_objectives(const HptTold *told, HptDraws *draws, size_t *which)
{
    size_t n = told->n_objectives;
    g_autofree size_t *left = g_new(size_t, n);
    for (size_t k = 0; k < n; k++)
        left[k] = k;
    size_t m = MIN(n, (size_t)MOST_OBJECTIVES);
    for (size_t i = 0; i < m; i++) {
        size_t at = n > m ? hpt_draws_below(draws, n - i) : 0;
        which[i] = left[at];
        memmove(left + at, left + at + 1, (n - i - at - 1) * sizeof *left);
    }
    return m;
}

/* Values above the median (NaN stays), which hardly matter, on a scale that grows ever more slowly, so that a trial that
 * went astray does not make all others alike: m + s log(1 + (y − m) / s), s being what those below lie apart; y − m is
 * not more than FAR s. */
static void press(double *values, size_t n)
{
    g_autofree double *sorted = g_new(double, n + 1);
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            sorted[count++] = values[i];
    g_autofree HptRanked *placed = hpt_rank(sorted, NULL, count);
    double middle = count > 0 ? placed[(count - 1) / 2].value : 0, square_sum = 0;
    int exponent = count > 0 ? hpt_exponent(middle - placed[0].value) : 0;
    for (size_t place = 0; 2 * place < count; place++) {
        double below = ldexp(placed[place].value - middle, -exponent);
        square_sum += below * below;
    }
    double spread = ldexp(sqrt(2 * square_sum / (double)MAX(count, 1)), exponent);
    for (size_t i = 0; i < n && spread > 0; i++)
        if (values[i] > middle)
            values[i] = middle + spread * hpt_log(1 + MIN((values[i] - middle) / spread, FAR));
}

static GArray *make_objectives(HptGoals *goals, const HptTold *told, HptDraws *draws)
{
    size_t which[MOST_OBJECTIVES], m = draw_objectives(told, draws, which);
    GArray *objectives = columns_new();
    g_autofree double *values = g_new(double, told->n + 1);
    for (size_t i = 0; i < m; i++) {
        (void)hpt_told_objective(told, which[i], values);
        for (size_t t = 0; t < told->n; t++)
            if (told->failed[t])
                values[t] = (double)NAN;
        press(values, told->n);
        (void)standardise(values, told->n);
        add_column(objectives, surrogate_of(goals, goals->objectives, which[i]), told, values, 0);
    }
    return objectives;
}

/* Is the noise of an objective such that its values do not say where the front is? Where every parameter has values to
 * choose from no place is tried twice, and what is known of it does not matter. */
static bool is_noisy(const HptCube *cube, const GArray *objectives)
{
    bool real = false;
    for (size_t j = 0; j < cube->n; j++)
        real = real || cube->levels[j] == 0;
    if (!real)
        return false;
    for (guint k = 0; k < objectives->len; k++) {
        const Column *column = &g_array_index(objectives, Column, k);
        g_autofree HptRanked *placed = hpt_rank(column->data->y, NULL, column->data->n);
        double unit = placed[(column->data->n - 1) / 2].value - placed[0].value;
        if (unit > 0 && sqrt(column->gp->noise) > NOISY * unit)
            return true;
    }
    return false;
}

/* The processes of one draw of the values without their noise. */
static GArray *draw_objectives_of(const GArray *objectives, HptDraws *draws)
{
    GArray *drawn = columns_new();
    for (guint k = 0; k < objectives->len; k++) {
        const Column *column = &g_array_index(objectives, Column, k);
        size_t n = 2 * column->data->n;
        g_autofree double *z = g_new(double, n);
        for (size_t i = 0; i < n; i++)
            z[i] = hpt_draws_normal(draws);
        Column one = {0};
        one.gp = hpt_gp_drawn(column->gp, z, &one.data);
        g_array_append_val(drawn, one);
    }
    return drawn;
}

/* The logarithm of the probability that row keeps every constraint. */
static double log_feasible(const HptGoal *goal, const double *row)
{
    double sum = 0, mean = 0, deviation = 0;
    for (guint k = 0; k < goal->constraints->len; k++) {
        const Column *column = &g_array_index(goal->constraints, Column, k);
        hpt_gp_predict(column->gp, row, 1, &mean, &deviation);
        sum += hpt_normal_log_below((column->bound - mean) / deviation, NULL);
    }
    return sum;
}

/* Rows of what may be on the front: the best trials that keep every constraint, and running ones that probably
 * will; their number. */
static size_t front_rows(const HptGoal *goal, const HptTold *told, double *rows)
{
    size_t width = goal->cube->n, n = MIN(told->n_feasible, most_points[1]);
    for (size_t i = 0; i < n; i++)
        memcpy(rows + i * width, told->rows + told->order[i] * width, width * sizeof *rows);
    const double *running = NULL;
    size_t n_running = hpt_told_running(told, HPT_SURROGATE_RUNNING, &running);
    for (size_t i = 0; i < n_running; i++)
        if (log_feasible(goal, running + i * width) > -LOG_2)
            memcpy(rows + n++ * width, running + i * width, width * sizeof *rows);
    return n;
}

/* Of n points those that no other dominates, and of them, if they are too many, those that are apart from the
 * others; their number. */
static size_t front_of(double *points, size_t n, size_t m)
{
    g_autofree size_t *rank = g_new(size_t, n + 1);
    g_autofree double *apart = g_new(double, n + 1);
    g_autofree bool *out = g_new(bool, n + 1);
    hpt_front_ranks(points, n, m, rank);
    hpt_front_crowding(points, n, m, rank, apart);
    for (size_t i = 0; i < n; i++) {
        apart[i] = -apart[i];
        out[i] = rank[i] > 0;
    }
    g_autofree HptRanked *placed = hpt_rank(apart, out, n);
    g_autofree double *all = g_memdup2(points, n * m * sizeof *points);
    size_t kept = 0;
    for (; kept < MIN(n, most_points[m]) && !placed[kept].failed; kept++)
        memcpy(points + kept * m, all + placed[kept].index * m, m * sizeof *points);
    return kept;
}

/* objectives is taken over. */
static void add_front(HptGoal *goal, const HptTold *told, GArray *objectives)
{
    Front front = {.objectives = objectives};
    size_t m = objectives->len;
    g_autofree double *rows = g_new(double, (most_points[1] + HPT_SURROGATE_RUNNING) * goal->cube->n + 1);
    size_t n = front_rows(goal, told, rows);
    g_autofree double *points = g_new(double, n * m + 1), *mean = g_new(double, n + 1);
    g_autofree double *deviation = g_new(double, n + 1);
    for (size_t k = 0; k < m; k++) {
        hpt_gp_predict(g_array_index(objectives, Column, k).gp, rows, n, mean, deviation);
        for (size_t i = 0; i < n; i++)
            points[i * m + k] = mean[i];
    }
    double reference[MOST_OBJECTIVES];
    for (size_t k = 0; k < m; k++) {
        const HptGpData *data = g_array_index(objectives, Column, k).data;
        double low = (double)INFINITY, high = -(double)INFINITY;
        for (size_t i = 0; i < data->n; i++) {
            low = MIN(low, data->y[i]);
            high = MAX(high, data->y[i]);
        }
        reference[k] = high + BEYOND * MAX(high - low, LEAST_RANGE);
    }
    n = front_of(points, n, m);
    front.boxes = hpt_boxes_new(points, n, m, reference);
    front.scratch = g_new(double, hpt_ehvi_scratch(front.boxes));
    g_array_append_val(goal->fronts, front);
}

static void add_fronts(HptGoals *goals, HptGoal *goal, const HptTold *told, HptDraws *draws)
{
    GArray *objectives = make_objectives(goals, told, draws);
    if (!is_noisy(goal->cube, objectives)) {
        add_front(goal, told, objectives);
        return;
    }
    for (int i = 0; i < drawn_fronts[objectives->len]; i++)
        add_front(goal, told, draw_objectives_of(objectives, draws));
    g_array_unref(objectives);
}

HptGoal *hpt_goals_set(HptGoals *goals, const HptTold *told, HptDraws *draws)
{
    if (told->n_objectives == 1 && told->n_constraints == 0)
        return NULL;
    HptGoal *goal = g_new0(HptGoal, 1);
    goal->cube = goals->cube;
    goal->constraints = columns_new();
    goal->fronts = g_array_new(false, false, sizeof(Front));
    g_array_set_clear_func(goal->fronts, clear_front);
    add_constraints(goals, goal, told);
    if (told->n_objectives > 1 && told->n_feasible > 0)
        add_fronts(goals, goal, told, draws);
    return goal;
}

/* ---- what is expected ---- */

/* The logarithm of exp(a) + exp(b). */
static double log_sum(double a, double b)
{
    double most = MAX(a, b), least = MIN(a, b);
    return isinf(most) ? most : most + hpt_log(1 + hpt_exp(least - most));
}

/* The logarithms of the volumes that are expected of n rows. */
static void volumes(const Front *front, const double *rows, size_t n, double *out)
{
    size_t m = front->objectives->len;
    g_autofree double *means = g_new(double, m * n + 1), *deviations = g_new(double, m * n + 1);
    for (size_t k = 0; k < m; k++)
        hpt_gp_predict(g_array_index(front->objectives, Column, k).gp, rows, n, means + k * n, deviations + k * n);
    for (size_t i = 0; i < n; i++) {
        double mean[MOST_OBJECTIVES], deviation[MOST_OBJECTIVES];
        for (size_t k = 0; k < m; k++) {
            mean[k] = means[k * n + i];
            deviation[k] = deviations[k * n + i];
        }
        out[i] = hpt_log_ehvi(front->boxes, mean, deviation, front->scratch, NULL, NULL);
    }
}

/* The sums of all fronts: their number does not matter to who compares rows. */
static void add_volumes(const HptGoal *goal, const double *rows, size_t n, double *scores)
{
    g_autofree double *sum = g_new(double, n + 1), *one = g_new(double, n + 1);
    for (guint f = 0; f < goal->fronts->len; f++) {
        volumes(&g_array_index(goal->fronts, Front, f), rows, n, f == 0 ? sum : one);
        for (size_t i = 0; f > 0 && i < n; i++)
            sum[i] = log_sum(sum[i], one[i]);
    }
    for (size_t i = 0; i < n; i++)
        scores[i] += sum[i];
}

void hpt_goal_add(HptGoal *goal, const double *rows, size_t n, double *scores)
{
    if (goal->fronts->len > 0)
        add_volumes(goal, rows, n, scores);
    g_autofree double *mean = g_new(double, n + 1), *deviation = g_new(double, n + 1);
    for (guint k = 0; k < goal->constraints->len; k++) {
        const Column *column = &g_array_index(goal->constraints, Column, k);
        hpt_gp_predict(column->gp, rows, n, mean, deviation);
        for (size_t i = 0; i < n; i++)
            scores[i] += hpt_normal_log_below((column->bound - mean[i]) / deviation[i], NULL);
    }
}

/* Of one front; slope is set. */
static double volume_slope(const Front *front, const double *row, size_t p, double *slope)
{
    size_t m = front->objectives->len;
    double mean[MOST_OBJECTIVES], deviation[MOST_OBJECTIVES];
    double by_mean[MOST_OBJECTIVES], by_deviation[MOST_OBJECTIVES];
    g_autofree double *slopes = g_new(double, 2 * m * p + 1);
    for (size_t k = 0; k < m; k++)
        hpt_gp_predict_slope(g_array_index(front->objectives, Column, k).gp, row, &mean[k], &deviation[k],
                             slopes + 2 * k * p, slopes + (2 * k + 1) * p);
    double value = hpt_log_ehvi(front->boxes, mean, deviation, front->scratch, by_mean, by_deviation);
    memset(slope, 0, p * sizeof *slope);
    for (size_t k = 0; k < m; k++)
        for (size_t j = 0; j < p; j++)
            slope[j] += by_mean[k] * slopes[2 * k * p + j] + by_deviation[k] * slopes[(2 * k + 1) * p + j];
    return value;
}

static double add_volume_slope(const HptGoal *goal, const double *row, double *slope)
{
    size_t p = goal->cube->n, n = goal->fronts->len;
    g_autofree double *slopes = g_new(double, n * p + 1), *value = g_new(double, n);
    double sum = 0;
    for (size_t f = 0; f < n; f++) {
        value[f] = volume_slope(&g_array_index(goal->fronts, Front, f), row, p, slopes + f * p);
        sum = f == 0 ? value[0] : log_sum(sum, value[f]);
    }
    for (size_t f = 0; f < n; f++)
        for (size_t j = 0; j < p; j++)
            slope[j] += hpt_exp(value[f] - sum) * slopes[f * p + j];
    return sum;
}

double hpt_goal_add_slope(HptGoal *goal, const double *row, double *slope)
{
    size_t p = goal->cube->n;
    double value = goal->fronts->len == 0 ? 0 : add_volume_slope(goal, row, slope);
    g_autofree double *slopes = g_new(double, 2 * p + 1);
    for (guint k = 0; k < goal->constraints->len; k++) {
        const Column *column = &g_array_index(goal->constraints, Column, k);
        double mean = 0, deviation = 0, by = 0;
        hpt_gp_predict_slope(column->gp, row, &mean, &deviation, slopes, slopes + p);
        double z = (column->bound - mean) / deviation;
        value += hpt_normal_log_below(z, &by);
        for (size_t j = 0; j < p; j++)
            slope[j] -= by * (slopes[j] + z * slopes[p + j]) / deviation;
    }
    return value;
}
