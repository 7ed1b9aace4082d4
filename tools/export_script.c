#include "export.h"

#include "config.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "study/definition.h"
#include "study/slot.h"

#include <string.h>

/* Stand for folders that were others then; a shell leaves them alone. */
#define DIR_MARK "/HPT-DIR-0f0b7a1c"
#define RESUME_MARK "/HPT-RESUME-0f0b7a1c"

typedef struct {
    HptSink sink;
    void *user;
    const char *study;
    GHashTable *definitions; /* version → HptDefinition */
    int64_t left_out;
} Script;

enum {
    TRIAL, STATE, DEFINITION, SEED, CONFIG, ARGV, ATTEMPT, FOLD, REPEAT, BUDGET, RESUME_TRIAL,
    RESUME_ATTEMPT, COLUMNS
};

/* A run as export_commands.sql gives it. */
typedef struct {
    const HptDbText *values;
    HptSlot slot; /* only what says which command it was; its folders are not its own */
} Run;

static bool put(Script *script, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool put(Script *script, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return script->sink(script->user, text, strlen(text), error);
}

/* One word for sh, with "$HPT_DIR" and "$HPT_RESUME" where the marks stand. */
static char *quote(const char *word)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *rest = word; *rest != '\0' || out->len == 0;) {
        const char *dir = strstr(rest, DIR_MARK), *resume = strstr(rest, RESUME_MARK);
        bool first_dir = dir != NULL && (resume == NULL || dir < resume);
        const char *mark = first_dir ? dir : resume;
        g_autofree char *before =
            g_strndup(rest, mark == NULL ? strlen(rest) : (size_t)(mark - rest));
        if (mark == NULL || *before != '\0') {
            g_autofree char *quoted = hpt_text_shell_quote(before);
            g_string_append(out, quoted);
        }
        if (mark == NULL)
            break;
        g_string_append(out, first_dir ? "\"$HPT_DIR\"" : "\"$HPT_RESUME\"");
        rest = mark + (first_dir ? strlen(DIR_MARK) : strlen(RESUME_MARK));
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* The recorded words are what ran. Only where the command named a folder of the trial, the word is
 * made from the template again. */
static bool put_words(Script *script, const Run *run, GError **error)
{
    g_auto(GStrv) recorded = g_strsplit(run->values[ARGV].text, " ", -1);
    g_auto(GStrv) made = hpt_slot_expand(&run->slot, error);
    if (made == NULL)
        return false;
    bool alike = g_strv_length(made) == g_strv_length(recorded);
    for (size_t i = 0; recorded[i] != NULL; i++) {
        size_t length = 0;
        g_autofree char *word = hpt_text_unhex(recorded[i], &length);
        if (word == NULL || strlen(word) != length) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                        "trial %s: the recorded command is no list of words",
                        run->values[TRIAL].text);
            return false;
        }
        bool moved = alike && (strstr(made[i], DIR_MARK) != NULL || strstr(made[i], RESUME_MARK) != NULL);
        g_autofree char *quoted = quote(moved ? made[i] : word);
        if (!put(script, error, "%s%s", i > 0 ? " " : "", quoted))
            return false;
    }
    return true;
}

static bool put_parameters(Script *script, const Run *run, GError **error)
{
    const HptSpace *space = run->slot.definition->space;
    for (size_t i = 0; i < hpt_space_size(space); i++) {
        const HptParam *param = hpt_space_get(space, i);
        g_autofree char *name = hpt_template_env_name(param->name);
        bool active = run->slot.config->values[i].active;
        g_autofree char *text =
            active ? hpt_param_value_text(param, run->slot.config->values[i]) : NULL;
        g_autofree char *quoted = active ? hpt_text_shell_quote(text) : NULL;
        if (!(active ? put(script, error, "    export %s=%s\n", name, quoted)
                     : put(script, error, "    unset %s\n", name)))
            return false;
    }
    g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);
    hpt_slot_add_part(&run->slot, env);
    for (guint i = 0; i < env->len; i++) {
        char *entry = g_ptr_array_index(env, i), *value = strchr(entry, '=');
        *value++ = '\0';
        if (strcmp(value, RESUME_MARK) != 0 && !put(script, error, "    export %s=%s\n", entry, value))
            return false;
    }
    return true;
}

/* A process of its own, which gets its trial by its words and environment. */
static bool put_command(Script *script, const Run *run, const char *params, GError **error)
{
    const HptDefinition *definition = run->slot.definition;
    g_autofree char *quoted = quote(params);
    const char *number = run->values[TRIAL].text;
    return put(script, error,
               "    export HPT_PARAMS=\"$HPT_DIR/" HPT_PARAMS_FILE "\" HPT_TRIAL=%s HPT_SEED=%s\n"
               "    printf '%%s\\n' %s >\"$HPT_PARAMS\" || exit 125\n",
               number, run->values[SEED].text, quoted) &&
           put_parameters(script, run, error) &&
           (!definition->chdir_trial || put(script, error, "    cd \"$HPT_DIR\" || exit 125\n")) &&
           put(script, error, "    ") && put_words(script, run, error) &&
           put(script, error, " <%s\n", definition->stdin_json ? "\"$HPT_PARAMS\"" : "/dev/null");
}

/* A persistent worker, which gets its trial, the answer to each report, and leave to go, by messages; its
 * own go to standard output. It has failed if its "done" says so or does not come. */
static bool put_worker(Script *script, const Run *run, const char *params, GError **error)
{
    g_autofree char *message = hpt_slot_message(&run->slot, params, error);
    g_autofree char *quoted = message == NULL ? NULL : quote(message);
    return message != NULL &&
           put(script, error,
               "    export HPT_WORKER_IN=/dev/fd/3 HPT_WORKER_OUT=/dev/fd/4\n"
               "    mkfifo \"$HPT_DIR/.hpt-to\" && exec 5>&1 || exit 125\n    ") &&
           put_words(script, run, error) &&
           put(script, error,
               " 3<\"$HPT_DIR/.hpt-to\" 4>&1 >&5 </dev/null | {\n"
               "        exec 3>\"$HPT_DIR/.hpt-to\" && printf '%%s\\n' %s >&3\n"
               "        ended=1\n"
               "        while read -r line; do\n"
               "            printf '%%s\\n' \"$line\"\n"
               "            case $line in\n"
               "            *'\"type\"'*'\"done\"'*)\n"
               "                case $line in\n"
               "                *'\"state\":\"failed\"'* | *'\"state\": \"failed\"'*) ;;\n"
               "                *) ended=0 ;;\n"
               "                esac\n"
               "                echo '{\"type\":\"bye\"}' ;;\n"
               "            *'\"type\"'*'\"report\"'*)\n"
               "                echo '{\"type\":\"go\",\"trial\":%s,\"continue\":true}' ;;\n"
               "            esac >&3\n"
               "        done\n"
               "        exit \"$ended\"\n"
               "    }\n",
               quoted, run->values[TRIAL].text);
}

/* Folders of evaluations stay until the script ends: a later one may go on from it. */
static bool put_folder(Script *script, const Run *run, const char *name, GError **error)
{
    if (!run->slot.part.given)
        return put(script, error,
                   "    HPT_DIR=$(mktemp -d) || exit 125\n"
                   "    trap 'rm -rf \"$HPT_DIR\"' EXIT\n");
    if (!put(script, error, "    HPT_DIR=$kept/%s.%s\n    mkdir \"$HPT_DIR\" || exit 125\n",
             run->values[TRIAL].text, run->values[ATTEMPT].text))
        return false;
    if (run->slot.resume == NULL)
        return true;
    const char *from = run->values[RESUME_TRIAL].text;
    return put(script, error,
               "    export HPT_RESUME=\"$kept/%s.%s\"\n"
               "    test -d \"$HPT_RESUME\" || { echo '%s goes on from trial %s, which is not here'"
               " >&2; exit 125; }\n",
               from, run->values[RESUME_ATTEMPT].text, name, from);
}

static bool put_run(Script *script, const Run *run, const char *name, GError **error)
{
    const HptSlot *slot = &run->slot;
    g_autofree char *study = hpt_text_shell_quote(script->study);
    g_autofree char *params = g_strchomp(hpt_slot_params(slot, script->study));
    return put(script, error, "\n# %s: %s\n(\n", name, run->values[STATE].text) &&
           put_folder(script, run, name, error) &&
           put(script, error, "    export HPT_DIR HPT_STUDY=%s HPT_SLOT=0\n", study) &&
           (slot->definition->worker ? put_worker(script, run, params, error)
                                     : put_command(script, run, params, error)) &&
           put(script, error, ") || { echo \"%s: exit status $?\" >&2; status=1; }\n", name);
}

/* "trial 3", "trial 3, budget 9, fold 1, repeat 0". Owned. */
static char *run_name(const HptDbText *values, const HptDefinition *definition)
{
    GString *name = g_string_new(NULL);
    g_string_append_printf(name, "trial %s", values[TRIAL].text);
    if (definition != NULL && definition->budget != NULL && values[BUDGET].text != NULL)
        g_string_append_printf(name, ", budget %s", values[BUDGET].text);
    if (definition != NULL && definition->evaluations > 1 && values[FOLD].text != NULL)
        g_string_append_printf(name, ", fold %s, repeat %s", values[FOLD].text, values[REPEAT].text);
    return g_string_free(name, FALSE);
}

static int integer(HptDbText value)
{
    int64_t number = 0;
    return value.text != NULL && hpt_integer_parse(value.text, &number) ? (int)number : 0;
}

static bool read_run(Run *run, const HptDefinition *definition, GError **error)
{
    const HptDbText *values = run->values;
    HptSlot *slot = &run->slot;
    int64_t seed = 0;
    *slot = (HptSlot){.definition = definition,
                      .attempt = integer(values[ATTEMPT]),
                      .directory = (char *)DIR_MARK};
    slot->part = (HptPart){.given = values[FOLD].text != NULL || values[BUDGET].text != NULL,
                           .fold = integer(values[FOLD]),
                           .repeat = integer(values[REPEAT])};
    if (values[RESUME_TRIAL].text != NULL)
        slot->resume = (char *)RESUME_MARK;
    if (!hpt_integer_parse(values[TRIAL].text, &slot->number) ||
        !hpt_integer_parse(values[SEED].text, &seed) ||
        (values[BUDGET].text != NULL &&
         !hpt_number_parse(values[BUDGET].text, &slot->part.budget, NULL))) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "trial %s: not a number",
                    values[TRIAL].text);
        return false;
    }
    const char *config = values[CONFIG].text;
    if (!hpt_slot_propose(slot, NULL, NULL, NULL, config, strlen(config), error))
        return false;
    slot->seed = slot->part.seed = seed; /* of the record */
    return true;
}

static bool row(const HptDbText *values, size_t count, void *user, GError **error)
{
    g_assert(count == COLUMNS);
    Script *script = user;
    Run run = {.values = values};
    int version = integer(values[DEFINITION]);
    const HptDefinition *definition =
        g_hash_table_lookup(script->definitions, GINT_TO_POINTER(version));
    g_autofree char *name = run_name(values, definition);
    if (values[DEFINITION].text == NULL || values[SEED].text == NULL ||
        values[CONFIG].text == NULL || values[ARGV].text == NULL) {
        bool outside = definition != NULL && hpt_definition_is_outside(definition);
        script->left_out++;
        return put(script, error, "\n# %s: %s, %s\n", name, values[STATE].text,
                   outside || strcmp(values[STATE].text, "complete") == 0 ? "run outside" : "never started");
    }
    /* Its trial was decided without it: it has no result to compare with. */
    if (values[FOLD].text != NULL && strcmp(values[STATE].text, "cancelled") == 0)
        return put(script, error, "\n# %s: cancelled, left out\n", name);
    if (definition == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                    "trial %s: version %s of the study is missing", values[TRIAL].text,
                    values[DEFINITION].text);
        return false;
    }
    bool ok = read_run(&run, definition, error) && put_run(script, &run, name, error);
    hpt_config_free(run.slot.config);
    g_free(run.slot.canonical);
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

static bool has_evaluations(GHashTable *definitions)
{
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, definitions);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const HptDefinition *definition = value;
        if (definition->evaluations > 1 || definition->budget != NULL)
            return true;
    }
    return false;
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
            name) ||
        (has_evaluations(definitions) &&
         !put(&script, error, "kept=$(mktemp -d) || exit 125\ntrap 'rm -rf \"$kept\"' EXIT\n")))
        return false;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, export->study.study);
    export_trials(export, args);
    HptDbStream query = {.sql = hpt_sql_statements[HPT_SQL_EXPORT_COMMANDS].text,
                         .args = args,
                         .row = row,
                         .user = &script};
    if (!hpt_db_stream(export->db, &query, error) || !put(&script, error, "\nexit $status\n"))
        return false;
    *left_out = script.left_out;
    return true;
}
