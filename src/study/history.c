#include "study/history-internal.h"

#include "base/json.h"

#include <string.h>

typedef HptPastEntry Entry;

enum { DERIVED = -1 };

static void free_entry(void *data)
{
    Entry *entry = data;
    hpt_config_free(entry->config);
    g_free(entry->values);
    g_free(entry->constraints);
    g_free(entry);
}

HptPast *hpt_past_new(const HptDefinition *definition)
{
    HptPast *past = g_new0(HptPast, 1);
    size_t n = hpt_metrics_size(definition->metrics);
    past->definition = definition;
    past->maximise = g_new0(bool, n + 1);
    past->bounded = g_ptr_array_new();
    for (size_t i = 0; i < n; i++) {
        const HptMetric *metric = hpt_metrics_get(definition->metrics, i);
        if (hpt_metric_is_objective(metric))
            past->maximise[past->n_objectives++] = metric->direction == HPT_METRIC_MAX;
        else if (hpt_metric_is_constraint(metric))
            g_ptr_array_add(past->bounded, (void *)metric);
    }
    past->entries = g_ptr_array_new_with_free_func(free_entry);
    past->shown = g_array_new(false, false, sizeof(HptObservation));
    past->turns = g_array_new(false, false, sizeof(int));
    past->blocks = g_array_new(false, true, sizeof(bool));
    past->own = g_array_new(false, false, sizeof(int64_t));
    return past;
}

void hpt_past_free(HptPast *past)
{
    if (past == NULL)
        return;
    g_ptr_array_unref(past->entries);
    g_array_unref(past->shown);
    g_array_unref(past->turns);
    g_array_unref(past->blocks);
    g_array_unref(past->own);
    g_ptr_array_unref(past->bounded);
    g_free(past->maximise);
    g_free(past);
}

/* ---- taking in ---- */

HptArgs *hpt_past_args(const HptPast *past, int64_t study_id)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, study_id);
    hpt_args_int8(args, past->mark);
    return args;
}

static const Entry *entry_at(const HptPast *past, size_t i)
{
    return past->entries->pdata[i];
}

static bool is_below(const Entry *entry, int64_t number, int turn)
{
    return entry->number < number || (entry->number == number && entry->turn < turn);
}

size_t hpt_past_find(const HptPast *past, int64_t number, int turn)
{
    size_t low = 0, high = past->entries->len;
    if (high == 0 || is_below(entry_at(past, high - 1), number, turn)) /* as most that comes */
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is_below(entry_at(past, middle), number, turn))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const Entry *hpt_past_peek(const HptPast *past, int64_t number, int turn)
{
    size_t place = hpt_past_find(past, number, turn);
    const Entry *entry = place < past->entries->len ? entry_at(past, place) : NULL;
    return entry != NULL && entry->number == number && entry->turn == turn ? entry : NULL;
}

static HptObservation observation_of(const Entry *entry)
{
    return (HptObservation){
        .number = entry->number,
        .config = entry->config,
        .finished = entry->turn > 0,
        .values = entry->values,
        .constraints = entry->constraints,
        .digest = entry->digest,
    };
}

void hpt_past_insert(HptPast *past, Entry *steal_entry)
{
    HptObservation observation = observation_of(steal_entry);
    size_t place = hpt_past_find(past, steal_entry->number, steal_entry->turn);
    if (steal_entry->config != NULL)
        steal_entry->digest = hpt_observation_digest(&observation, past->n_objectives, past->bounded->len);
    g_ptr_array_insert(past->entries, place == past->entries->len ? -1 : (int)place, steal_entry);
}

/* The objectives, all to be minimised; NULL: none, or of another definition. */
static double *values_of(const HptPast *past, const HptMeasured *measured)
{
    if (measured->objectives == NULL || measured->n_objectives != past->n_objectives)
        return NULL;
    double *values = g_memdup2(measured->objectives, past->n_objectives * sizeof *values);
    for (size_t k = 0; k < past->n_objectives; k++)
        if (past->maximise[k])
            values[k] = -values[k];
    return values;
}

/* How far beyond the bounds: a difference is 0 or less exactly if the bound is kept. */
static double *constraints_of(const HptPast *past, const HptMeasured *measured)
{
    size_t n = past->bounded->len;
    if (n == 0 || measured->constraints == NULL || measured->n_constraints != n)
        return NULL;
    double *constraints = g_new(double, n);
    for (size_t k = 0; k < n; k++) {
        const HptMetric *metric = past->bounded->pdata[k];
        double over = measured->constraints[k] - metric->bound;
        constraints[k] = metric->direction == HPT_METRIC_LE ? over : -over;
    }
    return constraints;
}

static HptConfig *read_config(const HptSpace *space, const char *text, size_t length)
{
    HptConfig *config = hpt_config_from_canonical(space, text, length);
    if (config != NULL)
        return config;
    g_autoptr(json_t) object = hpt_json_parse(text, length, NULL);
    return object == NULL ? NULL : hpt_config_from_json(space, object, true, NULL);
}

void hpt_past_add_one(HptPast *past, int64_t number, int turn, const char *config, size_t length,
                      const HptMeasured *measured)
{
    if (hpt_past_peek(past, number, turn) != NULL)
        return;
    HptConfig *read = config == NULL ? NULL : read_config(past->definition->space, config, length);
    if (config != NULL && read == NULL)
        return;
    Entry *entry = g_new0(Entry, 1);
    *entry = (Entry){.number = number, .turn = turn, .config = read};
    if (measured != NULL) {
        entry->values = values_of(past, measured);
        entry->constraints = constraints_of(past, measured);
    }
    hpt_past_insert(past, entry);
}

/* Those that ran when this was last asked may not run any more. */
static void forget_running(HptPast *past)
{
    size_t kept = 0;
    g_ptr_array_set_free_func(past->entries, NULL);
    for (size_t i = 0; i < past->entries->len; i++) {
        Entry *entry = past->entries->pdata[i];
        if (entry->turn == 0)
            free_entry(entry);
        else
            past->entries->pdata[kept++] = entry;
    }
    g_ptr_array_set_size(past->entries, (int)kept);
    g_ptr_array_set_free_func(past->entries, free_entry);
}

void hpt_past_add_row(HptPast *past, const HptRows *rows, size_t row)
{
    size_t length = 0;
    const char *config = hpt_rows_null(rows, row, 2) ? NULL : hpt_rows_peek_bytea(rows, row, 2, &length);
    HptMeasured measured = {0};
    g_autofree double *objectives =
        hpt_rows_null(rows, row, 3) ? NULL : hpt_rows_float8s(rows, row, 3, &measured.n_objectives, NULL);
    g_autofree double *constraints =
        hpt_rows_null(rows, row, 4) ? NULL : hpt_rows_float8s(rows, row, 4, &measured.n_constraints, NULL);
    measured.objectives = objectives;
    measured.constraints = constraints;
    hpt_past_add_one(past, hpt_rows_int8(rows, row, 0), hpt_rows_int4(rows, row, 1), config, length, &measured);
}

void hpt_past_add(HptPast *past, const HptRows *rows)
{
    forget_running(past);
    for (size_t row = 0; row < hpt_rows_count(rows); row++) {
        past->mark = hpt_rows_int8(rows, row, 5);
        if (!hpt_rows_null(rows, row, 0)) /* else there is only the mark */
            hpt_past_add_row(past, rows, row);
    }
}

/* ---- giving ---- */

static void show(HptPast *past, const Entry *entry)
{
    HptObservation observation = observation_of(entry);
    g_array_append_val(past->shown, observation);
    g_array_append_val(past->turns, entry->turn);
}

static void begin(HptPast *past)
{
    g_array_set_size(past->shown, 0);
    g_array_set_size(past->turns, 0);
}

static const HptHistory *end(HptPast *past)
{
    past->history = (HptHistory){(const HptObservation *)(void *)past->shown->data, past->shown->len,
                                 past->n_objectives, past->bounded->len};
    return &past->history;
}

const HptHistory *hpt_past_get(HptPast *past)
{
    begin(past);
    for (size_t i = 0; i < past->entries->len; i++) /* the last of a number has its largest turn */
        if (entry_at(past, i)->config != NULL &&
            (i + 1 == past->entries->len || entry_at(past, i + 1)->number != entry_at(past, i)->number))
            show(past, entry_at(past, i));
    return end(past);
}

/* ---- in order ---- */

/* The configuration of a trial, or NULL: it is not known. */
static const HptConfig *config_of(const HptPast *past, int64_t number)
{
    for (size_t i = hpt_past_find(past, number, DERIVED); i < past->entries->len; i++) {
        const Entry *entry = entry_at(past, i);
        if (entry->number != number)
            break;
        if (entry->config != NULL)
            return entry->config;
    }
    return NULL;
}

/* The trials that proposal number is made of; false: something of them is not known. */
static bool show_ordered(HptPast *past, int64_t number, GError **error)
{
    begin(past);
    for (int64_t i = 0; i < number; i++) {
        bool finished = i <= number - past->definition->window;
        const Entry *result = finished ? hpt_past_peek(past, i, 1) : NULL;
        Entry entry = result != NULL ? *result : (Entry){.number = i};
        if (entry.config == NULL)
            entry.config = (HptConfig *)config_of(past, i);
        if ((finished && result == NULL) || entry.config == NULL) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND,
                        "trial %" PRId64 ", of which proposal %" PRId64 " of an ordered study is made, %s", i, number,
                        finished && result == NULL ? "has no result here" : "has no configuration here");
            return false;
        }
        show(past, &entry);
    }
    return true;
}

static bool derive(HptPast *past, HptSampler *sampler, int64_t number, GError **error)
{
    HptProposal proposal = {0};
    if (!show_ordered(past, number, error) || !hpt_sampler_propose(sampler, end(past), number, &proposal, error))
        return false;
    Entry *entry = g_new0(Entry, 1);
    *entry = (Entry){.number = number, .turn = DERIVED, .config = g_steal_pointer(&proposal.config)};
    hpt_proposal_clear(&proposal);
    hpt_past_insert(past, entry);
    return true;
}

const HptHistory *hpt_past_get_ordered(HptPast *past, HptSampler *sampler, int64_t number, GError **error)
{
    for (int64_t i = 0; i < number; i++)
        if (config_of(past, i) == NULL && !derive(past, sampler, i, error))
            return NULL;
    return show_ordered(past, number, error) ? end(past) : NULL;
}

/* ---- in words ---- */

/* Those that are finished, or those that run. */
static char *describe(const HptPast *past, bool finished)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < past->shown->len;) {
        const HptObservation *first = &g_array_index(past->shown, HptObservation, i);
        int turn = g_array_index(past->turns, int, i++);
        if (first->finished != finished)
            continue;
        g_string_append_printf(text, "%s%" PRId64, text->len > 0 ? "," : "", first->number);
        if (turn > 1) {
            g_string_append_printf(text, ".%d", turn);
            continue;
        }
        int64_t last = first->number;
        for (; i < past->shown->len; i++) {
            const HptObservation *next = &g_array_index(past->shown, HptObservation, i);
            if (next->number != last + 1 || g_array_index(past->turns, int, i) != turn)
                break;
            last = next->number;
        }
        if (last > first->number)
            g_string_append_printf(text, "-%" PRId64, last);
    }
    return g_string_free(text, false);
}

char *hpt_past_describe(const HptPast *past, const HptSampler *sampler)
{
    g_autofree char *finished = describe(past, true), *running = describe(past, false);
    g_autoptr(json_t) object =
        json_pack("{s:s, s:s, s:s, s:i}", "finished", finished, "running", running, "sampler",
                  hpt_sampler_get_spec(sampler), "version", hpt_sampler_get_version(sampler));
    g_autoptr(GError) error = NULL;
    char *text = hpt_json_canonical(object, &error);
    g_assert_no_error(error);
    return text;
}

char *hpt_past_finished(const HptPast *past)
{
    return describe(past, true);
}

static bool no_text(const char *text, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' does not say what a proposal saw", text);
    return false;
}

static bool recall_one(HptPast *past, int64_t number, int turn, GError **error)
{
    /* A trial that ran then has ended since: its configuration is that of any result. */
    Entry running = {.number = number, .config = (HptConfig *)config_of(past, number)};
    const Entry *entry = turn == 0 ? &running : hpt_past_peek(past, number, turn);
    if (entry == NULL || entry->config == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND,
                    "trial %" PRId64 ", which the proposal saw, is not in the record like that", number);
        return false;
    }
    show(past, entry);
    return true;
}

/* The number that text begins with, or -1; *rest is what follows it. */
static int64_t whole(const char *text, const char **rest)
{
    char *end = NULL;
    int64_t number = g_ascii_isdigit(*text) ? g_ascii_strtoll(text, &end, 10) : -1;
    *rest = end == NULL ? text : end;
    return number;
}

static bool recall_list(HptPast *past, const char *list, bool finished, GError **error)
{
    int64_t before = -1;
    for (const char *at = list; *at != '\0';) {
        const char *rest = NULL;
        int64_t first = whole(at, &rest), last = first, turn = finished ? 1 : 0;
        if (*rest == '-')
            last = whole(rest + 1, &rest);
        else if (*rest == '.' && finished)
            turn = whole(rest + 1, &rest);
        if ((*rest != ',' && *rest != '\0') || first <= before || last < first || turn > G_MAXINT || turn < finished)
            return no_text(list, error);
        before = last;
        for (int64_t number = first; number <= last; number++)
            if (!recall_one(past, number, (int)turn, error))
                return false;
        at = *rest == ',' ? rest + 1 : rest;
    }
    return true;
}

/* Both lists, of which each ascends, as one. */
static void sort_shown(HptPast *past)
{
    for (guint i = 1; i < past->shown->len; i++) {
        HptObservation observation = g_array_index(past->shown, HptObservation, i);
        int turn = g_array_index(past->turns, int, i);
        guint j = i;
        for (; j > 0 && g_array_index(past->shown, HptObservation, j - 1).number > observation.number; j--) {
            g_array_index(past->shown, HptObservation, j) = g_array_index(past->shown, HptObservation, j - 1);
            g_array_index(past->turns, int, j) = g_array_index(past->turns, int, j - 1);
        }
        g_array_index(past->shown, HptObservation, j) = observation;
        g_array_index(past->turns, int, j) = turn;
    }
}

const HptHistory *hpt_past_recall(HptPast *past, const char *text, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), error);
    if (object == NULL)
        return NULL;
    const char *finished = json_string_value(json_object_get(object, "finished"));
    const char *running = json_string_value(json_object_get(object, "running"));
    if (finished == NULL || running == NULL) {
        (void)no_text(text, error);
        return NULL;
    }
    begin(past);
    if (!recall_list(past, finished, true, error) || !recall_list(past, running, false, error))
        return NULL;
    sort_shown(past);
    return end(past);
}
