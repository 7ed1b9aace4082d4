#include "search/session.h"

#include "base/json.h"
#include "base/number.h"
#include "search/prior.h"
#include "search/sampler.h"

#include <math.h>
#include <string.h>

#define MOST_OBJECTIVES 1000

typedef struct {
    bool least; /* ge */
    double value;
} Bound;

struct HptSession {
    char *spec;
    HptSpace *space;
    HptSearch search;
    HptSampler *sampler; /* NULL: no search has begun */
    GPtrArray *priors;   /* of HptPrior: earlier studies */
    GPtrArray *points;   /* of HptConfig: what they begin with */
    bool *maximise;      /* one per objective */
    size_t n_objectives;
    GArray *bounds;      /* of Bound */
    GArray *trials;      /* of HptObservation, whose number is their index */
};

/* ---- a search ---- */

static void clear_trial(void *trial)
{
    HptObservation *observation = trial;
    hpt_config_free((HptConfig *)observation->config);
    g_free((double *)observation->values);
    g_free((double *)observation->constraints);
}

static void end_search(HptSession *session)
{
    g_clear_pointer(&session->trials, g_array_unref);
    g_clear_pointer(&session->sampler, hpt_sampler_free);
    g_clear_pointer(&session->priors, g_ptr_array_unref);
    g_clear_pointer(&session->points, g_ptr_array_unref);
    g_clear_pointer(&session->space, hpt_space_free);
    g_clear_pointer(&session->maximise, g_free);
    g_clear_pointer(&session->bounds, g_array_unref);
}

HptSession *hpt_session_new(const char *spec)
{
    HptSession *session = g_new0(HptSession, 1);
    session->spec = g_strdup(spec);
    return session;
}

void hpt_session_free(HptSession *session)
{
    if (session == NULL)
        return;
    end_search(session);
    g_free(session->spec);
    g_free(session);
}

static bool refuse(GError **error, const char *message)
{
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, message);
    return false;
}

static HptSpace *read_space(const json_t *statements, GError **error)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    if (!json_is_array(statements)) {
        refuse(error, "'space' must be an array of statements");
        return NULL;
    }
    for (size_t i = 0; i < json_array_size(statements); i++) {
        const char *text = json_string_value(json_array_get(statements, i));
        if (text == NULL) {
            refuse(error, "'space' must be an array of statements");
            return NULL;
        }
        if (!hpt_space_builder_add_statement(builder, "space", text, error))
            return NULL;
    }
    return hpt_space_builder_end(builder, error);
}

/* Which of the objectives are to be maximised; owned. */
static bool *read_objectives(const json_t *names, size_t *n, GError **error)
{
    *n = names == NULL ? 1 : json_array_size(names);
    if (*n == 0 || *n > MOST_OBJECTIVES) {
        refuse(error, "'objectives' must be an array of 'min' and 'max'");
        return NULL;
    }
    g_autofree bool *maximise = g_new0(bool, *n);
    for (size_t i = 0; names != NULL && i < *n; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        maximise[i] = g_strcmp0(name, "max") == 0;
        if (!maximise[i] && g_strcmp0(name, "min") != 0) {
            refuse(error, "'objectives' must be an array of 'min' and 'max'");
            return NULL;
        }
    }
    return g_steal_pointer(&maximise);
}

/* The bounds of an array of texts like "le=10"; owned. */
static GArray *read_bounds(const json_t *texts, GError **error)
{
    g_autoptr(GArray) bounds = g_array_new(false, false, sizeof(Bound));
    bool legal = texts == NULL || (json_is_array(texts) && json_array_size(texts) <= MOST_OBJECTIVES);
    for (size_t i = 0; legal && i < json_array_size(texts); i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        Bound bound = {.least = text != NULL && g_str_has_prefix(text, "ge=")};
        legal = text != NULL && (bound.least || g_str_has_prefix(text, "le=")) &&
                hpt_number_parse(text + 3, &bound.value, NULL) && isfinite(bound.value);
        g_array_append_val(bounds, bound);
    }
    if (legal)
        return g_steal_pointer(&bounds);
    refuse(error, "'constraints' must be an array of texts like 'le=10' and 'ge=0.5'");
    return NULL;
}

/* The member as a whole number of at least 0. */
static bool read_whole(const json_t *object, const char *key, int64_t otherwise, int64_t *out,
                       GError **error)
{
    const json_t *value = json_object_get(object, key);
    *out = value == NULL ? otherwise : json_integer_value(value);
    if (value == NULL || (json_is_integer(value) && *out >= 0))
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' must be a whole number of at least 0", key);
    return false;
}

static json_t *done(void)
{
    return json_pack("{s:b}", "ok", true);
}

static json_t *begin(HptSession *session, const json_t *object, GError **error)
{
    int64_t seed = 0;
    size_t n = 0;
    const json_t *name = json_object_get(object, "sampler");
    g_autoptr(HptSpace) space = read_space(json_object_get(object, "space"), error);
    g_autofree bool *maximise =
        space == NULL ? NULL : read_objectives(json_object_get(object, "objectives"), &n, error);
    g_autoptr(GArray) bounds =
        maximise == NULL ? NULL : read_bounds(json_object_get(object, "constraints"), error);
    if (bounds == NULL || !read_whole(object, "seed", 0, &seed, error))
        return NULL;
    if (name != NULL && !json_is_string(name)) {
        refuse(error, "'sampler' must be a string");
        return NULL;
    }
    g_autoptr(GPtrArray) priors = hpt_priors_read(json_object_get(object, "priors"), error);
    if (priors == NULL)
        return NULL;
    HptSearch search = {.space = space, .seed = (uint64_t)seed,
                        .priors = (const HptPrior *const *)priors->pdata, .n_priors = priors->len};
    g_autoptr(GPtrArray) points = hpt_prior_points(space, search.priors, search.n_priors, NULL, 0);
    search.points = (const HptConfig *const *)points->pdata;
    search.n_points = search.n_prior_points = points->len;
    HptSearch before = session->search;
    session->search = search; /* the sampler refers to it for its life */
    HptSampler *sampler = hpt_sampler_new(name == NULL ? session->spec : json_string_value(name),
                                          &session->search, error);
    if (sampler == NULL) {
        session->search = before;
        return NULL;
    }
    end_search(session);
    session->space = g_steal_pointer(&space);
    session->sampler = sampler;
    session->priors = g_steal_pointer(&priors);
    session->points = g_steal_pointer(&points);
    session->maximise = g_steal_pointer(&maximise);
    session->n_objectives = n;
    session->bounds = g_steal_pointer(&bounds);
    session->trials = g_array_new(false, false, sizeof(HptObservation));
    g_array_set_clear_func(session->trials, clear_trial);
    return done();
}

/* ---- asking ---- */

static HptHistory history_of(const HptSession *session)
{
    return (HptHistory){(const HptObservation *)(void *)session->trials->data, session->trials->len,
                        session->n_objectives, session->bounds->len};
}

/* A proposal that has the values of fixed. */
static bool propose_fixed(HptSession *session, const json_t *fixed, const HptHistory *history, int64_t number,
                          HptProposal *out, GError **error)
{
    if (!json_is_object(fixed))
        return refuse(error, "'fixed' must be an object of parameters and their values");
    g_autoptr(HptSpace) space = hpt_space_fix(session->space, fixed, error);
    if (space == NULL)
        return false;
    HptSearch search = session->search;
    search.space = space;
    g_autoptr(HptSampler) sampler =
        hpt_sampler_new(hpt_sampler_get_spec(session->sampler), &search, error);
    return sampler != NULL && hpt_sampler_propose(sampler, history, number, out, error);
}

static json_t *ask(HptSession *session, const json_t *object, GError **error)
{
    HptHistory history = history_of(session);
    int64_t number = session->trials->len;
    HptProposal proposal = {0};
    const json_t *fixed = json_object_get(object, "fixed");
    if (fixed != NULL ? !propose_fixed(session, fixed, &history, number, &proposal, error)
                      : !hpt_sampler_propose(session->sampler, &history, number, &proposal, error))
        return NULL;
    HptObservation trial = {.number = number, .config = g_steal_pointer(&proposal.config)};
    hpt_proposal_clear(&proposal);
    trial.digest = hpt_observation_digest(&trial, session->n_objectives, session->bounds->len);
    g_array_append_val(session->trials, trial);
    return json_pack("{s:I, s:o}", "id", (json_int_t)number + 1, "config",
                     hpt_config_json(session->space, trial.config));
}

/* ---- telling ---- */

/* The values of a trial that has them, all to be minimised; owned. */
static double *read_values(const HptSession *session, const json_t *array, GError **error)
{
    size_t n = session->n_objectives;
    if (json_array_size(array) != n) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "'values' must be null or an array of %zu number%s", n, n == 1 ? "" : "s");
        return NULL;
    }
    g_autofree double *values = g_new(double, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_number(value)) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                        "'values' must be null or an array of %zu number%s", n, n == 1 ? "" : "s");
            return NULL;
        }
        values[i] = session->maximise[i] ? -json_number_value(value) : json_number_value(value);
    }
    return g_steal_pointer(&values);
}

/* How far a trial is beyond the bounds; owned. No array: nothing of it was measured. */
static double *read_constraints(const HptSession *session, const json_t *array, GError **error)
{
    size_t n = session->bounds->len;
    bool none = array == NULL || json_is_null(array), legal = none || json_array_size(array) == n;
    g_autofree double *constraints = g_new(double, n + 1);
    for (size_t i = 0; legal && i < n; i++) {
        const Bound *bound = &g_array_index(session->bounds, Bound, i);
        const json_t *value = json_array_get(array, i);
        double over = json_is_number(value) ? json_number_value(value) - bound->value : (double)NAN;
        constraints[i] = bound->least ? -over : over;
        legal = none || json_is_number(value) || json_is_null(value);
    }
    if (legal && (none || json_is_array(array)))
        return g_steal_pointer(&constraints);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                "'constraints' must be null or an array of %zu number%s or null", n, n == 1 ? "" : "s");
    return NULL;
}

static json_t *tell(HptSession *session, const json_t *object, GError **error)
{
    int64_t id = 0;
    if (json_object_get(object, "id") == NULL) {
        refuse(error, "'id' must say which trial");
        return NULL;
    }
    if (!read_whole(object, "id", 0, &id, error))
        return NULL;
    if (id < 1 || id > session->trials->len) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "there is no trial %" PRId64, id);
        return NULL;
    }
    HptObservation *trial = &g_array_index(session->trials, HptObservation, id - 1);
    if (trial->finished) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT,
                    "trial %" PRId64 " has its result already", id);
        return NULL;
    }
    const json_t *array = json_object_get(object, "values");
    g_autofree double *constraints =
        read_constraints(session, json_object_get(object, "constraints"), error);
    if (constraints == NULL)
        return NULL;
    if (!json_is_null(array)) {
        trial->values = read_values(session, array, error);
        if (trial->values == NULL)
            return NULL;
        trial->constraints = g_steal_pointer(&constraints);
    }
    trial->finished = true;
    trial->digest = hpt_observation_digest(trial, session->n_objectives, session->bounds->len);
    return done();
}

/* ---- the best ---- */

static json_t *best(const HptSession *session, GError **error)
{
    HptHistory history = history_of(session);
    int64_t number = hpt_sampler_best(session->sampler, &history);
    if (number >= 0)
        return json_pack("{s:I}", "id", (json_int_t)number + 1);
    g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "no trial has a result yet");
    return NULL;
}

/* ---- lines ---- */

static json_t *answer(HptSession *session, const json_t *object, GError **error)
{
    const char *op = json_string_value(json_object_get(object, "op"));
    if (op == NULL) {
        refuse(error, "a line must be an object with the member 'op'");
        return NULL;
    }
    if (strcmp(op, "init") == 0)
        return begin(session, object, error);
    static const char *const ops[] = {"ask", "best", "init", "quit", "tell", NULL};
    if (!g_strv_contains(ops, op)) {
        const char *near = hpt_suggest(op, ops);
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "unknown op '%s'%s%s%s", op,
                    near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                    near == NULL ? "" : "'?");
        return NULL;
    }
    if (session->sampler == NULL) {
        refuse(error, "the first line must be an 'init'");
        return NULL;
    }
    return strcmp(op, "ask") == 0    ? ask(session, object, error)
           : strcmp(op, "tell") == 0 ? tell(session, object, error)
                                     : best(session, error);
}

char *hpt_session_answer(HptSession *session, const char *line, size_t length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) object = hpt_json_parse(line, length, &error);
    if (g_strcmp0(json_string_value(json_object_get(object, "op")), "quit") == 0)
        return NULL;
    g_autoptr(json_t) said = object == NULL ? NULL : answer(session, object, &error);
    char *text = said == NULL ? NULL : hpt_json_canonical(said, &error);
    if (text != NULL)
        return text;
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    GString *refusal = g_string_new("{\"error\":");
    hpt_json_append_string(refusal, message);
    g_string_append_c(refusal, '}');
    return g_string_free(refusal, false);
}
