#include "study/definition.h"

#include "base/json.h"
#include "base/number.h"

#include <string.h>
#include <sys/random.h>

void hpt_definition_free(HptDefinition *definition)
{
    if (definition == NULL)
        return;
    g_strfreev(definition->command);
    hpt_template_free(definition->template);
    hpt_space_free(definition->space);
    g_strfreev(definition->positions);
    hpt_metrics_free(definition->metrics);
    g_clear_pointer(&definition->points, g_ptr_array_unref);
    g_clear_pointer(&definition->priors, g_ptr_array_unref);
    g_free(definition->sampler);
    g_free(definition->budget);
    g_free(definition->budgets);
    g_free(definition->pruner);
    g_free(definition->canonical);
    g_free(definition);
}

static void free_point(void *point)
{
    hpt_config_free(point);
}

static HptDefinition *definition_new(void)
{
    HptDefinition *definition = g_new0(HptDefinition, 1);
    definition->metrics = hpt_metrics_new();
    definition->points = g_ptr_array_new_with_free_func(free_point);
    definition->priors = hpt_priors_read(NULL, NULL);
    definition->folds = definition->repeats = definition->folds_run = definition->evaluations = 1;
    return definition;
}

bool hpt_definition_is_outside(const HptDefinition *definition)
{
    return definition->command[0] == NULL;
}

static bool parse_template(HptDefinition *definition, GError **error)
{
    if (hpt_definition_is_outside(definition))
        return true;
    size_t n = hpt_space_size(definition->space);
    g_autofree bool *conditional = g_new0(bool, n + 1);
    g_autofree bool *constant = g_new0(bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        conditional[i] = hpt_space_get(definition->space, i)->conditional;
        constant[i] = hpt_space_get(definition->space, i)->constant;
    }
    HptTemplateRules rules = {
        .names = hpt_space_get_names(definition->space),
        .conditional = conditional,
        .constant = constant,
        .allow_unused = definition->allow_unused,
        .shell = definition->shell,
        .worker = definition->worker,
        .folds = definition->folds > 1,
        .repeats = definition->repeats > 1,
        .budget = definition->budget != NULL,
    };
    definition->template =
        hpt_template_parse((const char *const *)definition->command, &rules, error);
    return definition->template != NULL;
}

/* ---- canonical form ---- */

static json_t *string_array(const char *const *texts)
{
    json_t *array = json_array();
    for (; texts != NULL && *texts != NULL; texts++)
        json_array_append_new(array, json_string(*texts));
    return array;
}

/* The SQL type of a parameter's column in the wide view. */
static const char *column_type(const HptParam *param)
{
    switch (param->type) {
    case HPT_PARAM_REAL:
        return "real";
    case HPT_PARAM_INT:
        return "integer";
    case HPT_PARAM_ORD:
        return param->numbers == NULL ? "text" : param->whole ? "integer" : "real";
    case HPT_PARAM_CAT:
        break;
    }
    return "text";
}

static void add_parameter(json_t *array, const HptSpace *space, size_t i)
{
    const HptParam *param = hpt_space_get(space, i);
    json_array_append_new(array, json_pack("{s:s, s:s, s:b}", "name", param->name, "type",
                                           column_type(param), "constant", param->constant));
}

/* What is searched first, then the constants. */
static json_t *parameters_json(const HptDefinition *definition)
{
    json_t *array = json_array();
    for (char **name = definition->positions; *name != NULL; name++)
        add_parameter(array, definition->space, hpt_space_find(definition->space, *name));
    for (size_t i = 0; i < hpt_space_size(definition->space); i++)
        if (!g_strv_contains((const char *const *)definition->positions,
                             hpt_space_get(definition->space, i)->name))
            add_parameter(array, definition->space, i);
    return array;
}

/* The positions known so far (may be NULL) and, behind them, what this space searches besides. A
 * constant has no position until it is widened: it would move those behind it when it is. */
static char **positions_of(const HptSpace *space, char **known)
{
    GPtrArray *names = g_ptr_array_new();
    for (char **name = known; name != NULL && *name != NULL; name++)
        g_ptr_array_add(names, g_strdup(*name));
    for (size_t i = 0; i < hpt_space_size(space); i++) {
        const HptParam *param = hpt_space_get(space, i);
        if (!param->constant &&
            (known == NULL || !g_strv_contains((const char *const *)known, param->name)))
            g_ptr_array_add(names, g_strdup(param->name));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, false);
}

static json_t *metrics_json(const HptDefinition *definition)
{
    json_t *array = json_array();
    for (size_t i = 0; i < hpt_metrics_size(definition->metrics); i++) {
        const HptMetric *metric = hpt_metrics_get(definition->metrics, i);
        const char *source = strchr(metric->canonical + strlen(metric->name) + 1, ':');
        json_t *object =
            json_pack("{s:s, s:s, s:s, s:s}", "name", metric->name, "direction",
                      hpt_metric_direction_name(metric->direction), "source",
                      source != NULL ? source + 1 : "auto", "text", metric->canonical);
        if (hpt_metric_is_constraint(metric))
            json_object_set_new(object, "bound", json_real(metric->bound));
        json_array_append_new(array, object);
    }
    return array;
}

/* What only some studies have; absent is none. */
static void add_parts(const HptDefinition *definition, json_t *object)
{
    if (definition->worker)
        json_object_set_new(object, "worker", json_true());
    if (definition->folds > 1)
        json_object_set_new(object, "folds", json_integer(definition->folds));
    if (definition->repeats > 1)
        json_object_set_new(object, "repeats", json_integer(definition->repeats));
    if (definition->reserve_fold)
        json_object_set_new(object, "reserve_fold", json_true());
    if (definition->evaluations > 1)
        json_object_set_new(object, "evaluations", json_integer(definition->evaluations));
    if (definition->budget != NULL)
        json_object_set_new(object, "budget", json_string(definition->budget));
    if (definition->window > 0)
        json_object_set_new(object, "window", json_integer(definition->window));
    if (definition->pruner != NULL) {
        json_object_set_new(object, "pruner", json_string(definition->pruner));
        json_object_set_new(object, "pruner_version", json_integer(definition->pruner_version));
    }
}

/* What is kept of earlier studies, and how many of the points are theirs. */
static void add_earlier(const HptDefinition *definition, json_t *object)
{
    if (definition->priors->len == 0)
        return;
    json_t *priors = json_array();
    for (guint i = 0; i < definition->priors->len; i++)
        json_array_append(priors, (json_t *)hpt_prior_get_json(definition->priors->pdata[i]));
    json_object_set_new(object, "priors", priors);
    json_object_set_new(object, "prior_points", json_integer((json_int_t)definition->n_prior_points));
}

/* Only what is set: a definition without limits keeps the bytes that it had before there were any. */
static void add_limits(json_t *object, const HptDefinition *definition)
{
    if (definition->limit_mem_bytes > 0)
        json_object_set_new(object, "limit_mem_bytes", json_integer(definition->limit_mem_bytes));
    if (definition->limit_cpu_us > 0)
        json_object_set_new(object, "limit_cpu_us", json_integer(definition->limit_cpu_us));
    if (definition->contain != HPT_CONTAIN_AUTO)
        json_object_set_new(object, "contain", json_string(hpt_contain_words[definition->contain]));
}

static bool read_limits(HptDefinition *definition, const json_t *object)
{
    const char *contain = hpt_contain_words[HPT_CONTAIN_AUTO];
    json_int_t bytes = 0, cpu_us = 0;
    if (json_unpack((json_t *)object, "{s?I, s?I, s?s}", "limit_mem_bytes", &bytes, "limit_cpu_us",
                    &cpu_us, "contain", &contain) != 0)
        return false;
    definition->limit_mem_bytes = bytes;
    definition->limit_cpu_us = cpu_us;
    for (int i = 0; hpt_contain_words[i] != NULL; i++)
        if (strcmp(contain, hpt_contain_words[i]) == 0) {
            definition->contain = (HptContainChoice)i;
            return true;
        }
    return false;
}

bool hpt_definition_seal(HptDefinition *definition, GError **error)
{
    HptDigest space_hash = hpt_space_hash(definition->space);
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(&space_hash, hex);
    json_t *points = json_array();
    for (size_t i = 0; i < definition->points->len; i++)
        json_array_append_new(points,
                              hpt_config_json(definition->space, definition->points->pdata[i]));
    g_autoptr(json_t) object = json_pack(
        "{s:i, s:o, s:b, s:b, s:b, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:s, s:i, s:I, s:I, s:I, s:I}",
        "format", 1, "command", string_array((const char *const *)definition->command), "shell",
        definition->shell, "allow_unused", definition->allow_unused, "stdin_json",
        definition->stdin_json, "chdir_trial", definition->chdir_trial, "space",
        hpt_space_get_canonical(definition->space), "space_hash", hex, "positions",
        string_array((const char *const *)definition->positions), "parameters",
        parameters_json(definition), "metrics", metrics_json(definition), "points", points,
        "default_first", definition->default_first, "sampler", definition->sampler,
        "sampler_version", definition->sampler_version, "seed", (json_int_t)definition->seed,
        "timeout_us", (json_int_t)definition->timeout_us, "grace_us",
        (json_int_t)definition->grace_us, "output_cap", (json_int_t)definition->output_cap);
    g_assert(object != NULL);
    add_parts(definition, object);
    add_earlier(definition, object);
    add_limits(object, definition);
    g_free(definition->canonical); /* of before, where something is added */
    definition->canonical = hpt_json_canonical(object, error);
    if (definition->canonical == NULL)
        return false;
    definition->digest = hpt_digest(definition->canonical, strlen(definition->canonical));
    return true;
}

/* ---- from a command line ---- */

static uint64_t random_seed(void)
{
    uint32_t bits = 0;
    while (getrandom(&bits, sizeof bits, 0) != (ssize_t)sizeof bits) {
    }
    return bits >> 1; /* short enough to be typed again */
}

static bool add_point(HptDefinition *definition, const char *text, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), error);
    HptConfig *config = NULL;
    if (object != NULL)
        config = hpt_config_from_json(definition->space, object, true, error);
    if (config == NULL) {
        g_prefix_error(error, "point '%s': ", text);
        return false;
    }
    g_ptr_array_add(definition->points, config);
    return true;
}

static bool add_points(HptDefinition *definition, const HptDefinitionInput *input, GError **error)
{
    if (hpt_space_any_default(definition->space) && !input->no_default_trial) {
        HptConfig *fallback = hpt_space_default(definition->space, error);
        if (fallback == NULL)
            return false;
        g_ptr_array_add(definition->points, fallback);
        definition->default_first = true;
    }
    for (const char *const *point = input->points; point != NULL && *point != NULL; point++)
        if (!add_point(definition, *point, error))
            return false;
    return true;
}

HptSampler *hpt_definition_sampler(const HptDefinition *definition, HptSearch *search,
                                   GError **error)
{
    *search = (HptSearch){
        .space = definition->space,
        .positions = (const char *const *)definition->positions,
        .seed = definition->seed,
        .points = (const HptConfig *const *)definition->points->pdata,
        .n_points = definition->points->len,
        .default_first = definition->default_first,
        .n_prior_points = definition->n_prior_points,
        .priors = (const HptPrior *const *)definition->priors->pdata,
        .n_priors = definition->priors->len,
    };
    return hpt_sampler_new(definition->sampler, search, error);
}

/* Settles the sampler's canonical spec, and sees that there is something to propose: a space
 * without room is an error before anything is written. */
static bool check_sampler(HptDefinition *definition, const char *spec, GError **error)
{
    definition->sampler = g_strdup(spec);
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_definition_sampler(definition, &search, error);
    if (sampler == NULL)
        return false;
    g_autofree char *canonical = g_strdup(hpt_sampler_get_spec(sampler));
    definition->sampler_version = hpt_sampler_get_version(sampler);
    HptProposal proposal = {0};
    g_autoptr(GError) local = NULL;
    if (hpt_sampler_propose(sampler, NULL, definition->points->len, &proposal, &local))
        hpt_proposal_clear(&proposal);
    else if (!g_error_matches(local, HPT_ERROR, HPT_ERROR_EXHAUSTED)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return false;
    }
    g_free(definition->sampler);
    definition->sampler = g_steal_pointer(&canonical);
    return true;
}

bool hpt_definition_has_parts(const HptDefinition *definition)
{
    return definition->evaluations > 1 || definition->budget != NULL;
}

HptPruner *hpt_definition_pruner(const HptDefinition *definition, HptPruneStudy *study,
                                 GError **error)
{
    size_t n = hpt_metrics_size(definition->metrics), used = 0;
    g_autofree bool *maximise = g_new0(bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        const HptMetric *metric = hpt_metrics_get(definition->metrics, i);
        if (hpt_metric_is_objective(metric))
            maximise[used++] = metric->direction == HPT_METRIC_MAX;
    }
    *study = (HptPruneStudy){
        .n_objectives = used,
        .maximise = g_steal_pointer(&maximise),
        .seed = definition->seed,
        .evaluations = definition->evaluations,
        .folds = definition->folds > 1 ? definition->folds_run : 0,
        .budgets = definition->budgets,
        .n_budgets = definition->n_budgets,
    };
    return hpt_pruner_new(definition->pruner, study, error);
}

/* An order is of use to proposals that depend on results, and there is none where results depend on what
 * other trials have shown at the moment. */
static bool settle_order(HptDefinition *definition, const HptDefinitionInput *input, GError **error)
{
    if (input->window == 0)
        return true;
    HptSearch search = {.space = definition->space, .positions = (const char *const *)definition->positions};
    g_autoptr(HptSampler) sampler =
        hpt_sampler_new(input->sampler != NULL ? input->sampler : HPT_SAMPLER_DEFAULT, &search, error);
    if (sampler == NULL)
        return false;
    if (!hpt_sampler_learns(sampler))
        return true;
    if (input->budget != NULL || (input->pruner != NULL && strcmp(input->pruner, "none") != 0)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--ordered and %s exclude each other: which trials go on would depend on who ends first",
                    input->budget != NULL ? "--budget" : "--pruner");
        return false;
    }
    definition->window = input->window;
    return true;
}

/* Folds, repeats, budget and pruner; texts become canonical. */
static bool settle_parts(HptDefinition *definition, const HptDefinitionInput *input, GError **error)
{
    definition->folds = MAX(input->folds, 1);
    definition->repeats = MAX(input->repeats, 1);
    definition->reserve_fold = input->reserve_fold;
    if (definition->reserve_fold && definition->folds < 3) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "--reserve-fold needs three folds or more (--folds=K): one is kept, and "
                            "the others are compared");
        return false;
    }
    definition->folds_run = definition->folds - definition->reserve_fold;
    definition->evaluations = definition->folds_run * definition->repeats;
    if (input->budget != NULL) {
        definition->budgets =
            hpt_rungs_parse(input->budget, &definition->n_budgets, &definition->budget, error);
        if (definition->budgets == NULL) {
            g_prefix_error(error, "--budget: ");
            return false;
        }
    }
    size_t objectives = hpt_metrics_objectives(definition->metrics);
    bool prunes = input->pruner != NULL && strcmp(input->pruner, "none") != 0;
    if (objectives == 0 && !prunes && definition->budget == NULL)
        return true;
    if (objectives == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s needs a metric to minimise or maximise (-m)",
                    prunes ? "--pruner" : "--budget");
        return false;
    }
    g_autofree char *spec = g_strdup(input->pruner != NULL ? input->pruner
                                     : definition->window > 0 ? "none"
                                                           : "auto");
    definition->pruner = spec;
    HptPruneStudy study = {0};
    g_autoptr(HptPruner) pruner = hpt_definition_pruner(definition, &study, error);
    g_autofree bool *maximise = (bool *)study.maximise;
    definition->pruner = NULL;
    if (pruner == NULL) {
        g_prefix_error(error, "--pruner: ");
        return false;
    }
    if (definition->budget != NULL && !hpt_pruner_by_rung(pruner)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--pruner=%s cannot promote from budget to budget\n"
                    "hint: asha, hyperband or pbt can; --pruner=auto chooses", spec);
        return false;
    }
    definition->pruner = g_strdup(hpt_pruner_get_spec(pruner));
    definition->pruner_version = hpt_pruner_get_version(pruner);
    return true;
}

/* What a trial is given by its start, a worker is given by its message. */
static bool check_worker(const HptDefinition *definition, GError **error)
{
    const char *with = definition->stdin_json    ? "--stdin=json"
                       : definition->chdir_trial ? "--chdir=trial"
                                                 : NULL;
    if (definition->worker && definition->limit_cpu_us > 0) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE,
                            "--worker and --limit-cpu exclude each other: the process lives on\n"
                            "hint: --timeout ends a trial");
        return false;
    }
    if (!definition->worker || with == NULL)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "--worker and %s exclude each other\n"
                "hint: parameters and directory are in the trial's message, see hpt-worker(7)",
                with);
    return false;
}

HptDefinition *hpt_definition_new(const HptDefinitionInput *input, GError **error)
{
    g_autoptr(HptDefinition) definition = definition_new();
    definition->command = input->command == NULL ? g_new0(char *, 1) : g_strdupv((char **)input->command);
    definition->shell = input->shell;
    definition->allow_unused = input->allow_unused;
    definition->stdin_json = input->stdin_json;
    definition->chdir_trial = input->chdir_trial;
    definition->worker = input->worker;
    definition->space = hpt_space_ref(input->space);
    definition->positions = positions_of(input->space, NULL);
    definition->seed = input->seed != NULL ? *input->seed : random_seed();
    definition->timeout_us = input->timeout_us;
    definition->grace_us = input->grace_us;
    definition->output_cap = input->output_cap;
    definition->limit_mem_bytes = input->limit_mem_bytes;
    definition->limit_cpu_us = input->limit_cpu_us;
    if (!check_worker(definition, error))
        return NULL;
    definition->contain = input->contain;
    for (const char *const *text = input->metrics; text != NULL && *text != NULL; text++)
        if (!hpt_metrics_add(definition->metrics, *text, error))
            return NULL;
    if (!settle_order(definition, input, error) || !settle_parts(definition, input, error) || !parse_template(definition, error) ||
        !add_points(definition, input, error) ||
        !check_sampler(definition, input->sampler != NULL ? input->sampler : HPT_SAMPLER_DEFAULT, error) ||
        !hpt_definition_seal(definition, error))
        return NULL;
    return g_steal_pointer(&definition);
}

/* ---- from the record ---- */

static char **string_list(const json_t *array)
{
    size_t n = json_array_size(array);
    char **list = g_new0(char *, n + 1);
    for (size_t i = 0; i < n; i++)
        list[i] = g_strdup(json_string_value(json_array_get(array, i)));
    return list;
}

static bool read_parts(HptDefinition *definition, const json_t *metrics, const json_t *points,
                       GError **error)
{
    for (size_t i = 0; i < json_array_size(metrics); i++) {
        const char *text = json_string_value(json_object_get(json_array_get(metrics, i), "text"));
        if (text == NULL || !hpt_metrics_add(definition->metrics, text, error))
            return false;
    }
    for (size_t i = 0; i < json_array_size(points); i++) {
        HptConfig *config =
            hpt_config_from_json(definition->space, json_array_get(points, i), true, error);
        if (config == NULL)
            return false;
        g_ptr_array_add(definition->points, config);
    }
    definition->n_prior_points = MIN(definition->n_prior_points, definition->points->len);
    return parse_template(definition, error);
}

static int integer_or(const json_t *object, const char *key, int otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? (int)json_integer_value(value) : otherwise;
}

static bool read_optional(HptDefinition *definition, const json_t *object, GError **error)
{
    definition->worker = json_is_true(json_object_get(object, "worker"));
    definition->folds = integer_or(object, "folds", 1);
    definition->repeats = integer_or(object, "repeats", 1);
    definition->reserve_fold = json_is_true(json_object_get(object, "reserve_fold"));
    definition->folds_run = definition->folds - definition->reserve_fold;
    definition->evaluations = definition->folds_run * definition->repeats;
    definition->pruner = g_strdup(json_string_value(json_object_get(object, "pruner")));
    definition->pruner_version = integer_or(object, "pruner_version", 0);
    definition->window = integer_or(object, "window", 0);
    definition->n_prior_points = (size_t)MAX(integer_or(object, "prior_points", 0), 0);
    GPtrArray *priors = hpt_priors_read(json_object_get(object, "priors"), error);
    if (priors == NULL) {
        g_prefix_error(error, "recorded definition: ");
        return false;
    }
    g_ptr_array_unref(definition->priors);
    definition->priors = priors;
    const char *budget = json_string_value(json_object_get(object, "budget"));
    if (budget != NULL)
        definition->budgets =
            hpt_rungs_parse(budget, &definition->n_budgets, &definition->budget, error);
    if ((budget == NULL || definition->budgets != NULL) && definition->evaluations >= 1)
        return true;
    g_prefix_error(error, "recorded definition: ");
    if (error != NULL && *error == NULL)
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "recorded definition: no folds");
    return false;
}

HptDefinition *hpt_definition_parse(const void *canonical, size_t length, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(canonical, length, error);
    if (object == NULL)
        return NULL;
    int format = 0, shell = 0, allow_unused = 0, stdin_json = 0, chdir_trial = 0, default_first = 0;
    const char *space = NULL, *sampler = NULL;
    json_t *command = NULL, *positions = NULL, *metrics = NULL, *points = NULL;
    json_int_t seed = 0, timeout_us = 0, grace_us = 0, output_cap = 0;
    g_autoptr(HptDefinition) definition = definition_new();
    json_error_t problem = {0};
    if (json_unpack_ex(object, &problem, 0,
                       "{s:i, s:o, s:b, s:b, s:b, s:b, s:s, s:o, s:o, s:o, s:b, s:s, s:i, s:I, s:I, s:I, s:I}",
                       "format", &format, "command", &command, "shell", &shell, "allow_unused",
                       &allow_unused, "stdin_json", &stdin_json, "chdir_trial", &chdir_trial,
                       "space", &space, "positions", &positions, "metrics", &metrics, "points",
                       &points, "default_first", &default_first, "sampler", &sampler,
                       "sampler_version", &definition->sampler_version, "seed", &seed,
                       "timeout_us", &timeout_us, "grace_us", &grace_us, "output_cap",
                       &output_cap) != 0 ||
        format != 1 || !read_limits(definition, object)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                    "recorded definition is not understood: %s",
                    problem.text[0] != '\0' ? problem.text : "its format or limits");
        return NULL;
    }
    if (!read_optional(definition, object, error))
        return NULL;
    definition->command = string_list(command);
    definition->shell = shell;
    definition->allow_unused = allow_unused;
    definition->stdin_json = stdin_json;
    definition->chdir_trial = chdir_trial;
    definition->default_first = default_first;
    definition->positions = string_list(positions);
    definition->sampler = g_strdup(sampler);
    definition->seed = (uint64_t)seed;
    definition->timeout_us = timeout_us;
    definition->grace_us = grace_us;
    definition->output_cap = output_cap;
    definition->space = hpt_space_parse(space, error);
    if (definition->space == NULL || !read_parts(definition, metrics, points, error)) {
        g_prefix_error(error, "recorded definition: ");
        return NULL;
    }
    definition->canonical = g_strndup(canonical, length);
    definition->digest = hpt_digest(canonical, length);
    return g_steal_pointer(&definition);
}

/* ---- comparing ---- */

static void differ(GString *out, const char *what, const char *old, const char *new)
{
    if (strcmp(old, new) == 0)
        return;
    g_string_append_printf(out, "  %-8s - %s\n  %-8s + %s\n", what, old, "", new);
}

/* Only the lines that one text has and the other has not. */
static void differ_lines(GString *out, const char *what, const char *old, const char *new)
{
    g_auto(GStrv) a = g_strsplit(old, "\n", -1);
    g_auto(GStrv) b = g_strsplit(new, "\n", -1);
    const char *label = what;
    for (char **line = a; *line != NULL; line++)
        if (**line != '\0' && !g_strv_contains((const char *const *)b, *line)) {
            g_string_append_printf(out, "  %-8s - %s\n", label, *line);
            label = "";
        }
    for (char **line = b; *line != NULL; line++)
        if (**line != '\0' && !g_strv_contains((const char *const *)a, *line)) {
            g_string_append_printf(out, "  %-8s + %s\n", label, *line);
            label = "";
        }
}

static char *joined_metrics(const HptDefinition *definition)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < hpt_metrics_size(definition->metrics); i++)
        g_string_append_printf(text, "%s\n", hpt_metrics_get(definition->metrics, i)->canonical);
    return g_string_free(text, false);
}

static char *joined_points(const HptDefinition *definition)
{
    GString *text = g_string_new(definition->default_first ? "default first\n" : NULL);
    for (size_t i = definition->default_first; i < definition->points->len - definition->n_prior_points; i++) {
        g_autofree char *config =
            hpt_config_canonical(definition->space, definition->points->pdata[i]);
        g_string_append_printf(text, "%s\n", config);
    }
    return g_string_free(text, false);
}

static void differ_number(GString *out, const char *what, int64_t old, int64_t new)
{
    g_autofree char *a = g_strdup_printf("%" PRId64, old);
    g_autofree char *b = g_strdup_printf("%" PRId64, new);
    differ(out, what, a, b);
}

static char *window_text(const HptDefinition *definition)
{
    return definition->window == 0 ? g_strdup("no") : g_strdup_printf("window %d", definition->window);
}

static char *span_text(int64_t span_us)
{
    char seconds[HPT_NUMBER_TEXT_SIZE];
    return span_us == 0 ? g_strdup("none")
                        : g_strconcat(hpt_number_text((double)span_us / 1e6, seconds), "s", NULL);
}

static void differ_span(GString *out, const char *what, int64_t old, int64_t new)
{
    g_autofree char *a = span_text(old);
    g_autofree char *b = span_text(new);
    differ(out, what, a, b);
}

static const char *command_text(const HptDefinition *definition)
{
    return definition->template == NULL ? "none, trials are run outside" : hpt_template_get_canonical(definition->template);
}

char *hpt_definition_difference(const HptDefinition *recorded, const HptDefinition *given,
                                bool sampler_given, bool seed_given, bool pruner_given,
                                bool window_given, bool *extendable)
{
    g_autoptr(GString) fixed = g_string_new(NULL);
    g_autoptr(GString) open = g_string_new(NULL);
    differ(fixed, "command", command_text(recorded), command_text(given));
    g_autofree char *old_metrics = joined_metrics(recorded);
    g_autofree char *new_metrics = joined_metrics(given);
    differ_lines(fixed, "metrics", old_metrics, new_metrics);
    g_autofree char *old_points = joined_points(recorded);
    g_autofree char *new_points = joined_points(given);
    differ_lines(fixed, "points", old_points, new_points);
    if (sampler_given)
        differ(fixed, "sampler", recorded->sampler, given->sampler);
    if (seed_given)
        differ_number(fixed, "seed", (int64_t)recorded->seed, (int64_t)given->seed);
    if (pruner_given)
        differ(fixed, "pruner", recorded->pruner == NULL ? "none" : recorded->pruner,
               given->pruner == NULL ? "none" : given->pruner);
    if (given->window > 0 && (window_given || recorded->window == 0)) {
        g_autofree char *old_window = window_text(recorded), *new_window = window_text(given);
        differ(fixed, "ordered", old_window, new_window);
    }
    differ_number(fixed, "folds", recorded->folds, given->folds);
    differ_number(fixed, "repeats", recorded->repeats, given->repeats);
    differ(fixed, "reserve", recorded->reserve_fold ? "one fold" : "none",
           given->reserve_fold ? "one fold" : "none");
    differ(fixed, "budget", recorded->budget == NULL ? "none" : recorded->budget,
           given->budget == NULL ? "none" : given->budget);
    differ(fixed, "stdin", recorded->stdin_json ? "json" : "null",
           given->stdin_json ? "json" : "null");
    differ(fixed, "chdir", recorded->chdir_trial ? "trial" : "caller",
           given->chdir_trial ? "trial" : "caller");
    differ(fixed, "worker", recorded->worker ? "yes" : "no", given->worker ? "yes" : "no");
    const char *old_space = hpt_space_get_canonical(recorded->space);
    const char *new_space = hpt_space_get_canonical(given->space);
    bool widens = hpt_space_widens(recorded->space, given->space, NULL);
    differ_lines(widens ? open : fixed, "space", old_space, new_space);
    differ_span(open, "timeout", recorded->timeout_us, given->timeout_us);
    differ_span(open, "grace", recorded->grace_us, given->grace_us);
    differ_number(open, "output", recorded->output_cap, given->output_cap);
    differ_number(open, "memory", recorded->limit_mem_bytes, given->limit_mem_bytes);
    differ_span(open, "CPU", recorded->limit_cpu_us, given->limit_cpu_us);
    differ(open, "contain", hpt_contain_words[recorded->contain], hpt_contain_words[given->contain]);
    if (extendable != NULL)
        *extendable = fixed->len == 0 && open->len > 0 && recorded->window == 0;
    g_string_append(fixed, open->str);
    return fixed->len == 0 ? NULL : g_string_free(g_steal_pointer(&fixed), false);
}

HptDefinition *hpt_definition_extend(const HptDefinition *recorded, const HptDefinition *given,
                                     GError **error)
{
    g_autoptr(HptDefinition) next =
        hpt_definition_parse(recorded->canonical, strlen(recorded->canonical), error);
    if (next == NULL)
        return NULL;
    g_clear_pointer(&next->canonical, g_free);
    g_clear_pointer(&next->space, hpt_space_free);
    g_clear_pointer(&next->template, hpt_template_free);
    next->space = hpt_space_ref(given->space);
    next->allow_unused = given->allow_unused;
    next->timeout_us = given->timeout_us;
    next->grace_us = given->grace_us;
    next->output_cap = given->output_cap;
    next->limit_mem_bytes = given->limit_mem_bytes;
    next->limit_cpu_us = given->limit_cpu_us;
    next->contain = given->contain;
    g_strfreev(next->positions);
    next->positions = positions_of(given->space, recorded->positions);
    /* The points in the terms of the wider space; those that were tried stay as they were. */
    for (size_t i = 0; i < next->points->len; i++) {
        g_autoptr(json_t) object = hpt_config_json(recorded->space, recorded->points->pdata[i]);
        HptConfig *config = hpt_config_from_json(next->space, object, true, error);
        if (config == NULL)
            return NULL;
        hpt_config_free(next->points->pdata[i]);
        next->points->pdata[i] = config;
    }
    g_autofree char *sampler = g_steal_pointer(&next->sampler);
    if (!parse_template(next, error) || !check_sampler(next, sampler, error) || !hpt_definition_seal(next, error))
        return NULL;
    return g_steal_pointer(&next);
}
