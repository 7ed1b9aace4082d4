#include "tools/ask_print.h"

#include "base/text.h"
#include "run/template.h"
#include "show/format.h"

#include <errno.h>
#include <stdio.h>

/* ---- JSON ---- */

json_t *ask_json(const HptStudy *study, const HptAsked *asked)
{
    g_autofree char *until = hpt_time_text(asked->until_us);
    return json_pack("{s:s, s:s, s:I, s:i, s:I, s:s, s:o}", "id", asked->id, "study", study->name, "trial",
                     (json_int_t)asked->number, "attempt", asked->attempt, "seed", (json_int_t)asked->seed, "until",
                     until, "config", hpt_config_json(asked->definition->space, asked->config));
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

enum { OWN_TSV = 2, OWN_ENV = 5 };

static void add_own(GPtrArray *values, const HptStudy *study, const HptAsked *asked, bool env)
{
    if (env)
        g_ptr_array_add(values, g_strdup(study->name));
    g_ptr_array_add(values, g_strdup(asked->id));
    if (env)
        g_ptr_array_add(values, g_strdup_printf("%" PRId64, asked->number));
    g_ptr_array_add(values, g_strdup_printf("%" PRId64, asked->seed));
    if (env)
        g_ptr_array_add(values, hpt_time_text(asked->until_us));
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
    static const char *const own_env[OWN_ENV] = {"HPT_STUDY", "HPT_ID", "HPT_TRIAL", "HPT_SEED", "HPT_UNTIL"};
    static const char *const own_tsv[OWN_TSV] = {"hpt.id", "hpt.seed"};
    const char *const *names = hpt_space_get_names(study->definition->space);
    size_t own = env ? OWN_ENV : OWN_TSV, n = hpt_space_size(study->definition->space);
    g_autofree HptColumn *columns = g_new0(HptColumn, own + n);
    g_autoptr(GPtrArray) keep = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < own; i++)
        columns[i].name = env ? own_env[i] : own_tsv[i];
    for (size_t i = 0; i < n; i++) {
        g_ptr_array_add(keep, env ? hpt_template_env_name(names[i]) : g_strdup(names[i]));
        columns[own + i].name = keep->pdata[i];
    }
    HptShow show = {.format = env ? HPT_FORMAT_ENV : HPT_FORMAT_TSV, .no_header = no_header};
    g_autoptr(HptWriter) writer = hpt_writer_new(&show, columns, own + n, hpt_sink_file, stdout);
    for (guint row = 0; row < asked->len; row++) {
        g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
        add_own(values, study, asked->pdata[row], env);
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
