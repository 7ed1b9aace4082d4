/* Grid search: every legal combination of chosen values, each once.
 *
 * Settings: points=10, ints=20, and NAME=COUNT or NAME=all for single parameters.
 *   - Lists, and ranges with a step, give all their values.
 *   - A range of whole numbers gives all of them if they are at most `ints`, else `points` of them.
 *   - A range of reals gives `points` values, both ends included.
 *
 * Order: parameters as the space has them (parents before children), the last one fastest; that is
 * a depth-first walk which never enters an inactive parameter and leaves a branch as soon as a
 * clause forbids it (a clause that matches some values goes on to match when more are added).
 * Configurations that are leading points are left out: they were tried.
 *
 * Behind the last conditional parameter, if nothing is forbidden, the space is a plain product.
 * That tail is addressed by arithmetic; only the head before it is walked, so one "block" of the
 * walk is a whole product. A space without conditions and clauses is a single block.
 */
#include "search/internal.h"

#include "search/grid_axis.h"

#include "base/number.h"

#include <string.h>

#define DEFAULT_POINTS 10
#define DEFAULT_INTS 20
#define MAX_POINTS 1000000

/* How many steps of the walk hpt_sampler_total takes before it says that it does not know. */
#define COUNT_STEPS 5000000

/* A place in the walk over the heads. */
typedef struct {
    HptConfig *config; /* the head; the tail is inactive here */
    uint64_t *level;
    bool started;
    int64_t steps, max_steps; /* the walk gives up beyond max_steps */
    int64_t before;           /* ranks in the blocks before this one */
    GArray *left_out;         /* uint64_t: places in this block of leading points, ascending */
} Walk;

typedef struct {
    const HptSearch *search;
    size_t n, head; /* parameters; those before the tail */
    HptGridAxis *axes;
    uint64_t block; /* configurations in one block; INT64_MAX if more */
    Walk *walk;
    int64_t total; /* -1: unknown as yet, -2: too far to count */
} Grid;

/* ---- settings ---- */

typedef struct {
    uint64_t points, ints; /* ints UINT64_MAX: all */
    uint64_t *own;         /* by parameter; UINT64_MAX: not set, 0: all */
} GridSettings;

static bool read_count(const HptSetting *setting, bool may_be_all, uint64_t all, uint64_t *out,
                       GError **error)
{
    int64_t count;
    if (may_be_all && strcmp(setting->value, "all") == 0) {
        *out = all;
        return true;
    }
    if (!hpt_integer_parse(setting->value, &count) || count < 1 || count > MAX_POINTS) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "grid setting '%s' must be a whole number from 1 to %d%s, not '%s'",
                    setting->key, MAX_POINTS, may_be_all ? " or 'all'" : "", setting->value);
        return false;
    }
    *out = (uint64_t)count;
    return true;
}

static bool read_own(const HptSpace *space, const HptSetting *setting, uint64_t *own,
                     GError **error)
{
    size_t i = hpt_space_find(space, setting->key);
    if (i == SIZE_MAX) {
        g_autoptr(GPtrArray) known = g_ptr_array_new();
        g_ptr_array_add(known, (void *)"points");
        g_ptr_array_add(known, (void *)"ints");
        for (size_t p = 0; p < hpt_space_size(space); p++)
            g_ptr_array_add(known, hpt_space_get(space, p)->name);
        g_ptr_array_add(known, NULL);
        const char *near = hpt_suggest(setting->key, (const char *const *)known->pdata);
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "sampler 'grid' has no setting and the space no parameter '%s'%s%s%s",
                    setting->key, near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                    near != NULL ? "'?" : "");
        return false;
    }
    const HptParam *param = hpt_space_get(space, i);
    if (param->type == HPT_PARAM_CAT || param->type == HPT_PARAM_ORD) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "grid setting '%s': a list is always taken whole", setting->key);
        return false;
    }
    return read_count(setting, hpt_param_levels(param) > 0, 0, &own[i], error);
}

static bool read_grid_settings(const HptSpace *space, const HptSetting *settings, size_t n,
                               GridSettings *out, GError **error)
{
    for (size_t i = 0; i < n; i++) {
        const HptSetting *setting = &settings[i];
        bool good;
        if (strcmp(setting->key, "points") == 0)
            good = read_count(setting, false, 0, &out->points, error);
        else if (strcmp(setting->key, "ints") == 0)
            good = read_count(setting, true, UINT64_MAX, &out->ints, error);
        else
            good = read_own(space, setting, out->own, error);
        if (!good)
            return false;
    }
    return true;
}

static int compare_settings(gconstpointer a, gconstpointer b)
{
    return strcmp(((const HptSetting *)a)->key, ((const HptSetting *)b)->key);
}

static void write_spec(const GridSettings *read, const HptSetting *settings, size_t n,
                       GString *spec)
{
    g_string_append_printf(spec, "points=%" G_GUINT64_FORMAT, read->points);
    if (read->ints == UINT64_MAX)
        g_string_append(spec, ",ints=all");
    else
        g_string_append_printf(spec, ",ints=%" G_GUINT64_FORMAT, read->ints);
    g_autofree HptSetting *sorted = g_new(HptSetting, n + 1);
    for (size_t i = 0; i < n; i++)
        sorted[i] = settings[i];
    qsort(sorted, n, sizeof *sorted, compare_settings);
    for (size_t i = 0; i < n; i++)
        if (strcmp(sorted[i].key, "points") != 0 && strcmp(sorted[i].key, "ints") != 0)
            g_string_append_printf(spec, ",%s=%s", sorted[i].key, sorted[i].value);
}

/* ---- the walk ---- */

static Walk *walk_new(const Grid *grid, int64_t max_steps)
{
    Walk *walk = g_new0(Walk, 1);
    walk->config = hpt_config_new(grid->search->space);
    walk->level = g_new0(uint64_t, grid->head);
    walk->left_out = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    walk->max_steps = max_steps;
    return walk;
}

static void walk_free(Walk *walk)
{
    if (walk == NULL)
        return;
    hpt_config_free(walk->config);
    g_free(walk->level);
    g_array_unref(walk->left_out);
    g_free(walk);
}

/* Gives parameter i its first level from `level` on that no clause forbids; false: there is none,
 * and the parameter is inactive again. */
static bool walk_place(const Grid *grid, Walk *walk, size_t i, uint64_t level)
{
    for (; level < grid->axes[i].n && walk->steps < walk->max_steps; level++) {
        walk->steps++;
        walk->level[i] = level;
        walk->config->values[i] = hpt_grid_axis_value(&grid->axes[i], level);
        if (hpt_space_forbidden(grid->search->space, walk->config) == SIZE_MAX)
            return true;
    }
    walk->config->values[i] = (HptValue){.active = false};
    return false;
}

/* On to the next head; false at the end (or when the steps are spent). */
static bool walk_head(const Grid *grid, Walk *walk)
{
    size_t i = walk->started ? grid->head : 0;
    bool back = walk->started;
    walk->started = true;
    for (;;) {
        while (back) {
            if (i == 0)
                return false;
            i--;
            back =
                !walk->config->values[i].active || !walk_place(grid, walk, i, walk->level[i] + 1);
            if (!back)
                i++;
        }
        if (i == grid->head)
            return true;
        if (!hpt_space_active(grid->search->space, walk->config, i))
            walk->config->values[i] = (HptValue){.active = false};
        else
            back = !walk_place(grid, walk, i, 0);
        if (!back)
            i++;
    }
}

/* Where in the block of this head the point lies, if it does. */
static bool place_of_point(const Grid *grid, const Walk *walk, const HptConfig *point,
                           uint64_t *place)
{
    for (size_t i = 0; i < grid->head; i++)
        if (!hpt_value_same(point->values[i], walk->config->values[i]))
            return false;
    *place = 0;
    for (size_t i = grid->head; i < grid->n; i++) {
        uint64_t level; /* places beyond 64 bits are of no trial */
        if (!hpt_grid_axis_find(&grid->axes[i], point->values[i], &level) ||
            __builtin_mul_overflow(*place, grid->axes[i].n, place) ||
            __builtin_add_overflow(*place, level, place))
            return false;
    }
    return true;
}

static int compare_places(gconstpointer a, gconstpointer b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void find_left_out(const Grid *grid, Walk *walk)
{
    g_array_set_size(walk->left_out, 0);
    for (size_t p = 0; p < grid->search->n_points; p++) {
        uint64_t place;
        if (!place_of_point(grid, walk, grid->search->points[p], &place))
            continue;
        bool known = false;
        for (guint i = 0; i < walk->left_out->len && !known; i++)
            known = g_array_index(walk->left_out, uint64_t, i) == place;
        if (!known)
            g_array_append_val(walk->left_out, place);
    }
    g_array_sort(walk->left_out, compare_places);
}

static int64_t ranks_here(const Grid *grid, const Walk *walk)
{
    return (int64_t)grid->block - (int64_t)walk->left_out->len;
}

/* On to the next block; before counts on. False at the end, with before as the whole count. */
static bool walk_block(const Grid *grid, Walk *walk)
{
    if (walk->started)
        walk->before += ranks_here(grid, walk);
    if (!walk_head(grid, walk))
        return false;
    find_left_out(grid, walk);
    return true;
}

/* ---- the sampler ---- */

static void grid_close(void *state)
{
    Grid *grid = state;
    for (size_t i = 0; i < grid->n; i++)
        hpt_grid_axis_clear(&grid->axes[i]);
    g_free(grid->axes);
    walk_free(grid->walk);
    g_free(grid);
}

static void *grid_open(const HptSearch *search, const HptSetting *settings, size_t n_settings,
                       GString *spec, GError **error)
{
    const HptSpace *space = search->space;
    size_t n = hpt_space_size(space);
    g_autofree uint64_t *own = g_new(uint64_t, n);
    for (size_t i = 0; i < n; i++)
        own[i] = UINT64_MAX;
    GridSettings read = {DEFAULT_POINTS, DEFAULT_INTS, own};
    if (!read_grid_settings(space, settings, n_settings, &read, error))
        return NULL;
    write_spec(&read, settings, n_settings, spec);
    Grid *grid = g_new0(Grid, 1);
    grid->search = search;
    grid->n = n;
    grid->axes = g_new0(HptGridAxis, n);
    grid->total = -1;
    for (size_t i = 0; i < n; i++) {
        const HptParam *param = hpt_space_get(space, i);
        uint64_t levels = hpt_param_levels(param), points = own[i];
        bool whole =
            param->type == HPT_PARAM_INT && param->step == 0 ? levels <= read.ints : levels > 0;
        if (points == UINT64_MAX)
            points = whole ? 0 : read.points;
        hpt_grid_axis_init(&grid->axes[i], param, points);
        if (param->conditional || hpt_space_n_forbidden(space) > 0)
            grid->head = i + 1;
    }
    grid->block = 1;
    for (size_t i = grid->head; i < n; i++)
        if (__builtin_mul_overflow(grid->block, grid->axes[i].n, &grid->block) ||
            grid->block > INT64_MAX)
            grid->block = INT64_MAX;
    return grid;
}

/* The rank counts what is not left out; *place is where that is in the block. */
static uint64_t place_of_rank(const Walk *walk, uint64_t rank)
{
    for (guint i = 0; i < walk->left_out->len; i++)
        if (g_array_index(walk->left_out, uint64_t, i) <= rank)
            rank++;
    return rank;
}

static HptConfig *grid_propose(void *state, const HptHistory *history, int64_t number, int64_t rank,
                               char **reason, GError **error)
{
    (void)history;
    (void)number;
    (void)reason;
    Grid *grid = state;
    if (grid->walk != NULL && rank < grid->walk->before)
        g_clear_pointer(&grid->walk, walk_free);
    if (grid->walk == NULL)
        grid->walk = walk_new(grid, INT64_MAX);
    Walk *walk = grid->walk;
    while (grid->total < 0 || rank < grid->total) {
        if (walk->started && rank - walk->before < ranks_here(grid, walk)) {
            HptConfig *config = hpt_config_copy(walk->config);
            uint64_t place = place_of_rank(walk, (uint64_t)(rank - walk->before));
            for (size_t i = grid->n; i-- > grid->head;) {
                config->values[i] = hpt_grid_axis_value(&grid->axes[i], place % grid->axes[i].n);
                place /= grid->axes[i].n;
            }
            return config;
        }
        if (!walk_block(grid, walk)) {
            grid->total = walk->before;
            g_clear_pointer(&grid->walk, walk_free);
            break;
        }
    }
    int64_t all = grid->total + (int64_t)grid->search->n_points;
    if (all == 0)
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_NO_ROOM,
                            "the forbidden clauses leave no configuration of the grid\n"
                            "hint: a grid with more values (grid:points=N, grid:NAME=N), or another sampler");
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_EXHAUSTED,
                    "the grid is exhausted: all of its %" G_GINT64_FORMAT " configurations were tried", all);
    return NULL;
}

static int64_t grid_total(void *state)
{
    Grid *grid = state;
    if (grid->total == -1) {
        Walk *walk = walk_new(grid, COUNT_STEPS);
        bool far = grid->block == INT64_MAX;
        while (!far && walk_block(grid, walk))
            far = walk->before > INT64_MAX / 2 - (int64_t)grid->block / 2;
        grid->total = far || walk->steps >= walk->max_steps ? -2 : walk->before;
        walk_free(walk);
    }
    return grid->total < 0 ? -1 : grid->total;
}

const HptSamplerKind hpt_sampler_grid = {
    .name = "grid",
    .version = 1,
    .open = grid_open,
    .close = grid_close,
    .propose = grid_propose,
    .total = grid_total,
};
