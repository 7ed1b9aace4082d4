#include "tools/ask_print.h"

#include "base/number.h"
#include "base/text.h"
#include "run/template.h"
#include "show/format.h"

#include <errno.h>
#include <stdio.h>

/* ---- JSON ---- */

json_t *ask_json(const HptStudy *study, const HptAsked *asked)
{
    const HptDefinition *definition = asked->definition;
    g_autofree char *until = hpt_time_text(asked->until_us);
    json_t *object = json_pack("{s:s, s:s, s:I, s:i, s:I, s:s, s:o}", "id", asked->id, "study", study->name, "trial",
                     (json_int_t)asked->number, "attempt", asked->attempt, "seed", (json_int_t)asked->seed, "until",
                     until, "config", hpt_config_json(definition->space, asked->config));
    if (definition->evaluations > 1) {
        json_object_set_new(object, "fold", json_integer(asked->fold));
        json_object_set_new(object, "folds", json_integer(definition->folds));
        json_object_set_new(object, "repeat", json_integer(asked->repeat));
        json_object_set_new(object, "split", json_integer(asked->split));
    }
    if (definition->budget != NULL)
        json_object_set_new(object, "budget", json_real(asked->budget));
    if (asked->resume != NULL)
        json_object_set_new(object, "resume", json_string(asked->resume));
    return object;
}

static bool print_json(const HptStudy *study, const GPtrArray *asked, GError **error)
{
    for (guint i = 0; i < asked->len; i++) {
        g_autoptr(json_t) object = ask_json(study, asked->pdata[i]);
        g_autofree char *line = hpt_json_canonical(object, error);
        if (line == NULL)
            return false;
        puts(line);
    }
    return true;
}

/* ---- columns ---- */

/* hpt-ask's own columns, in their order; NULL: there is none in this form. */
enum { STUDY, ID, TRIAL, SEED, UNTIL, FOLD, FOLDS, REPEAT, SPLIT, BUDGET, RESUME, OWN };
typedef enum { ALWAYS, WITH_EVALUATIONS, WITH_BUDGET } When;
static const struct {
    const char *env, *tsv;
    When when;
} own_columns[OWN] = {
    [STUDY] = {"HPT_STUDY", NULL, ALWAYS},
    [ID] = {"HPT_ID", "hpt.id", ALWAYS},
    [TRIAL] = {"HPT_TRIAL", NULL, ALWAYS},
    [SEED] = {"HPT_SEED", "hpt.seed", ALWAYS},
    [UNTIL] = {"HPT_UNTIL", NULL, ALWAYS},
    [FOLD] = {"HPT_FOLD", "hpt.fold", WITH_EVALUATIONS},
    [FOLDS] = {"HPT_FOLDS", NULL, WITH_EVALUATIONS},
    [REPEAT] = {"HPT_REPEAT", "hpt.repeat", WITH_EVALUATIONS},
    [SPLIT] = {"HPT_SPLIT", "hpt.split", WITH_EVALUATIONS},
    [BUDGET] = {"HPT_BUDGET", "hpt.budget", WITH_BUDGET},
    [RESUME] = {"HPT_RESUME", "hpt.resume", WITH_BUDGET},
};

/* NULL: it is not there. */
static const char *own_name(size_t i, const HptDefinition *definition, bool env)
{
    bool there = own_columns[i].when == ALWAYS ||
                 (own_columns[i].when == WITH_EVALUATIONS ? definition->evaluations > 1 : definition->budget != NULL);
    return !there ? NULL : env ? own_columns[i].env : own_columns[i].tsv;
}

/* Owned; NULL: none. */
static char *own_value(size_t i, const HptStudy *study, const HptAsked *asked)
{
    char budget[HPT_NUMBER_TEXT_SIZE];
    switch (i) {
    case STUDY:
        return g_strdup(study->name);
    case ID:
        return g_strdup(asked->id);
    case TRIAL:
        return g_strdup_printf("%" PRId64, asked->number);
    case SEED:
        return g_strdup_printf("%" PRId64, asked->seed);
    case UNTIL:
        return hpt_time_text(asked->until_us);
    case FOLD:
        return g_strdup_printf("%d", asked->fold);
    case FOLDS:
        return g_strdup_printf("%d", asked->definition->folds);
    case REPEAT:
        return g_strdup_printf("%d", asked->repeat);
    case SPLIT:
        return g_strdup_printf("%" PRId64, asked->split);
    case BUDGET:
        return g_strdup(hpt_number_text(asked->budget, budget));
    default:
        return g_strdup(asked->resume);
    }
}

/* The text of a parameter of the newest version in a trial, which may be of an older one; NULL: it has none. */
static char *value_of(const HptAsked *asked, const char *name)
{
    const HptSpace *space = asked->definition->space;
    size_t i = hpt_space_find(space, name);
    return i == SIZE_MAX || !asked->config->values[i].active
               ? NULL
               : hpt_param_value_text(hpt_space_get(space, i), asked->config->values[i]);
}

static bool print_columns(const HptStudy *study, const GPtrArray *asked, bool env, bool no_header, GError **error)
{
    const char *const *names = hpt_space_get_names(study->definition->space);
    size_t own = 0, n = hpt_space_size(study->definition->space);
    g_autofree HptColumn *columns = g_new0(HptColumn, OWN + n);
    g_autoptr(GPtrArray) keep = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < OWN; i++)
        if (own_name(i, study->definition, env) != NULL)
            columns[own++].name = own_name(i, study->definition, env);
    for (size_t i = 0; i < n; i++) {
        g_ptr_array_add(keep, env ? hpt_template_env_name(names[i]) : g_strdup(names[i]));
        columns[own + i].name = keep->pdata[i];
    }
    HptShow show = {.format = env ? HPT_FORMAT_ENV : HPT_FORMAT_TSV, .no_header = no_header};
    g_autoptr(HptWriter) writer = hpt_writer_new(&show, columns, own + n, hpt_sink_file, stdout);
    for (guint row = 0; row < asked->len; row++) {
        g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
        for (size_t i = 0; i < OWN; i++)
            if (own_name(i, study->definition, env) != NULL)
                g_ptr_array_add(values, own_value(i, study, asked->pdata[row]));
        for (size_t i = 0; i < n; i++)
            g_ptr_array_add(values, value_of(asked->pdata[row], names[i]));
        if (!hpt_writer_add(writer, (const char *const *)values->pdata, error))
            return false;
    }
    return hpt_writer_end(writer, NULL, error);
}

bool ask_print(const HptStudy *study, const GPtrArray *asked, AskFormat format, bool no_header, GError **error)
{
    bool fine = format == ASK_JSONL ? print_json(study, asked, error)
                                    : print_columns(study, asked, format == ASK_ENV, no_header, error);
    if (!fine)
        return false;
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return true;
    hpt_error_set_errno(error, errno == 0 ? EIO : errno, "standard output");
    return false;
}
