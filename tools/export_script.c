#include "export.h"

#include "config.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "study/definition.h"
#include "study/outcome.h"

#include <string.h>

/* Stands for the trial's folder, which was another one then; a shell leaves it alone. */
#define DIR_MARK "/HPT-DIR-0f0b7a1c/"

typedef struct {
    HptSink sink;
    void *user;
    const char *study;
    GHashTable *definitions; /* version → HptDefinition */
    int64_t left_out;
} Script;

/* A trial as export_commands.sql gives it. */
typedef struct {
    const char *number, *state, *seed, *config;
    const HptDefinition *definition;
    HptConfig *values;
    char *text; /* of the last value looked up */
} Trial;

static bool put(Script *script, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool put(Script *script, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return script->sink(script->user, text, strlen(text), error);
}

static char *value_text(const Trial *trial, size_t i)
{
    const HptParam *param = hpt_space_get(trial->definition->space, i);
    return hpt_param_value_text(param, trial->values->values[i]);
}

static const char *look_up(const char *name, void *user)
{
    Trial *trial = user;
    g_clear_pointer(&trial->text, g_free);
    if (strcmp(name, "hpt.trial") == 0)
        trial->text = g_strdup(trial->number);
    else if (strcmp(name, "hpt.seed") == 0)
        trial->text = g_strdup(trial->seed);
    else if (strcmp(name, "hpt.dir") == 0)
        trial->text = g_strdup(DIR_MARK);
    else if (strcmp(name, "hpt.params") == 0)
        trial->text = g_strdup(DIR_MARK "/" HPT_PARAMS_FILE);
    else if (strcmp(name, "hpt.worker") == 0 || strcmp(name, "hpt.slot") == 0)
        trial->text = g_strdup("0");
    else {
        size_t i = hpt_space_find(trial->definition->space, name);
        if (i != SIZE_MAX && trial->values->values[i].active)
            trial->text = value_text(trial, i);
    }
    return trial->text;
}

/* One word for sh, with "$HPT_DIR" where the mark stands. */
static char *quote(const char *word)
{
    if (strstr(word, DIR_MARK) == NULL)
        return hpt_text_shell_quote(word);
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(GStrv) parts = g_strsplit(word, DIR_MARK, -1);
    for (char **part = parts; *part != NULL; part++) {
        g_autofree char *quoted = **part != '\0' ? hpt_text_shell_quote(*part) : g_strdup("");
        g_string_append_printf(out, "%s%s", part == parts ? "" : "\"$HPT_DIR\"", quoted);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* The recorded words are what ran. Only where the command named the trial's folder, the word is
 * made from the template again. */
static bool put_words(Script *script, Trial *trial, const char *argv, GError **error)
{
    g_auto(GStrv) recorded = g_strsplit(argv, " ", -1);
    g_auto(GStrv) made = hpt_template_expand(trial->definition->template, look_up, trial, error);
    if (made == NULL)
        return false;
    bool alike = g_strv_length(made) == g_strv_length(recorded);
    for (size_t i = 0; recorded[i] != NULL; i++) {
        size_t length = 0;
        g_autofree char *word = export_unhex(recorded[i], &length);
        if (word == NULL || strlen(word) != length) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                        "trial %s: the recorded command is no list of words", trial->number);
            return false;
        }
        bool moved = alike && strstr(made[i], DIR_MARK) != NULL;
        g_autofree char *quoted = quote(moved ? made[i] : word);
        if (!put(script, error, " %s", quoted))
            return false;
    }
    return true;
}

static bool put_parameters(Script *script, const Trial *trial, GError **error)
{
    const HptSpace *space = trial->definition->space;
    for (size_t i = 0; i < hpt_space_size(space); i++) {
        const HptParam *param = hpt_space_get(space, i);
        g_autofree char *name = hpt_template_env_name(param->name);
        bool active = trial->values->values[i].active;
        g_autofree char *text = active ? value_text(trial, i) : NULL;
        g_autofree char *quoted = active ? hpt_text_shell_quote(text) : NULL;
        if (!(active ? put(script, error, "    export %s=%s\n", name, quoted)
                     : put(script, error, "    unset %s\n", name)))
            return false;
    }
    return true;
}

static bool put_trial(Script *script, Trial *trial, const char *argv, GError **error)
{
    const HptDefinition *definition = trial->definition;
    g_autoptr(GString) params = g_string_new("{\"params\":");
    g_string_append_printf(params, "%s,\"seed\":%s,\"study\":", trial->config, trial->seed);
    hpt_json_append_string(params, script->study);
    g_string_append_printf(params, ",\"trial\":%s}", trial->number);
    g_autofree char *study = hpt_text_shell_quote(script->study);
    g_autofree char *quoted = hpt_text_shell_quote(params->str);
    return put(script, error,
               "\n# trial %s: %s\n(\n"
               "    HPT_DIR=$(mktemp -d) || exit 125\n"
               "    trap 'rm -rf \"$HPT_DIR\"' EXIT\n"
               "    export HPT_DIR HPT_PARAMS=\"$HPT_DIR/" HPT_PARAMS_FILE "\"\n"
               "    export HPT_STUDY=%s HPT_TRIAL=%s HPT_SEED=%s HPT_SLOT=0\n"
               "    printf '%%s\\n' %s >\"$HPT_PARAMS\" || exit 125\n",
               trial->number, trial->state, study, trial->number, trial->seed, quoted) &&
           put_parameters(script, trial, error) &&
           (!definition->chdir_trial || put(script, error, "    cd \"$HPT_DIR\" || exit 125\n")) &&
           put(script, error, "   ") && put_words(script, trial, argv, error) &&
           put(script, error, " <%s\n) || { echo \"trial %s: exit status $?\" >&2; status=1; }\n",
               definition->stdin_json ? "\"$HPT_PARAMS\"" : "/dev/null", trial->number);
}

static HptConfig *read_config(const Trial *trial, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(trial->config, strlen(trial->config), error);
    HptConfig *config = object == NULL
                            ? NULL
                            : hpt_config_from_json(trial->definition->space, object, false, error);
    if (config == NULL)
        g_prefix_error(error, "trial %s: ", trial->number);
    return config;
}

/* Columns: trial, state, definition, seed, config, argv. */
static bool row(const HptDbText *values, size_t count, void *user, GError **error)
{
    g_assert(count == 6);
    Script *script = user;
    Trial trial = {.number = values[0].text,
                   .state = values[1].text,
                   .seed = values[3].text,
                   .config = values[4].text};
    if (values[2].text == NULL || trial.seed == NULL || trial.config == NULL ||
        values[5].text == NULL) {
        script->left_out++;
        return put(script, error, "\n# trial %s: %s, never started\n", trial.number, trial.state);
    }
    int64_t version = 0;
    if (hpt_integer_parse(values[2].text, &version))
        trial.definition = g_hash_table_lookup(script->definitions, GINT_TO_POINTER((int)version));
    if (trial.definition == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                    "trial %s: version %s of the study is missing", trial.number, values[2].text);
        return false;
    }
    trial.values = read_config(&trial, error);
    bool ok = trial.values != NULL && put_trial(script, &trial, values[5].text, error);
    hpt_config_free(trial.values);
    g_free(trial.text);
    return ok;
}

static void free_definition(void *definition)
{
    hpt_definition_free(definition);
}

static GHashTable *read_definitions(const Export *export, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, export->study.study);
    g_autoptr(HptRows) rows = hpt_db_rows(export->db, HPT_SQL_EXPORT_DEFINITION, args, error);
    if (rows == NULL)
        return NULL;
    g_autoptr(GHashTable) definitions =
        g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_definition);
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        size_t length = 0;
        const void *canonical = hpt_rows_peek_bytea(rows, i, 1, &length);
        HptDefinition *definition = hpt_definition_parse(canonical, length, error);
        if (definition == NULL)
            return NULL;
        g_hash_table_insert(definitions, GINT_TO_POINTER(hpt_rows_int4(rows, i, 0)), definition);
    }
    return g_steal_pointer(&definitions);
}

bool export_script(const Export *export, HptSink sink, void *user, int64_t *left_out,
                   GError **error)
{
    g_autoptr(GHashTable) definitions = read_definitions(export, error);
    if (definitions == NULL)
        return false;
    Script script = {
        .sink = sink, .user = user, .study = export->study.study, .definitions = definitions};
    g_autofree char *name = hpt_text_printable(script.study, -1);
    if (!put(
            &script, error,
            "#!/bin/sh\n"
            "# Runs recorded trials of the study %s again, one after the other, each in its own\n"
            "# folder, with the words, parameters and seed of the record. It starts in the folder\n"
            "# where hpt-run was started; other variables are those of the caller.\n"
            "# Exit status: 0 if every command succeeded, else 1.\n"
            "# Made by hpt-export " PACKAGE_VERSION ".\n"
            "status=0\n",
            name))
        return false;
    g_autoptr(HptArgs) args = export_args(export);
    HptDbStream query = {.sql = hpt_sql_statements[HPT_SQL_EXPORT_COMMANDS].text,
                         .args = args,
                         .row = row,
                         .user = &script};
    if (!hpt_db_stream(export->db, &query, error) || !put(&script, error, "\nexit $status\n"))
        return false;
    *left_out = script.left_out;
    return true;
}
