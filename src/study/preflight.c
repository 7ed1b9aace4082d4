#include "study/preflight-internal.h"

#include "base/number.h"
#include "record/process.h"
#include "record/profile.h"
#include "run/child.h"
#include "run/cores.h"
#include "run/place.h"
#include "run/workdir.h"
#include "study/rerun.h"
#include "study/resume.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *hpt_check_name(HptCheckState state)
{
    static const char *const names[] = {"same", "differs", "missing", "unknown"};
    return names[state];
}

static void clear_check(void *data)
{
    HptCheck *check = data;
    g_free(check->item);
    g_free(check->then);
    g_free(check->now);
    g_free(check->note);
}

void hpt_preflight_free(HptPreflight *preflight)
{
    if (preflight == NULL)
        return;
    g_array_unref(preflight->checks);
    hpt_environment_free(preflight->environment);
    g_clear_pointer(&preflight->differences, g_ptr_array_unref);
    g_strfreev(preflight->variables);
    g_strfreev(preflight->env);
    g_free(preflight->resume);
    g_free(preflight->written_first);
    if (preflight->placed && chdir("/") == 0)
        hpt_place_leave(preflight->restored.base, preflight->restored.base_then);
    hpt_restored_clear(&preflight->restored);
    hpt_definition_free(preflight->definition);
    g_ptr_array_unref(preflight->code);
    g_array_unref(preflight->software);
    hpt_gpus_free(preflight->gpus);
    g_free(preflight);
}

void preflight_add(HptPreflight *preflight, const char *what, const char *item, HptCheckState state,
                   const char *then, const char *now, const char *note)
{
    HptCheck check = {what,           g_strdup(item), state,
                      g_strdup(then), g_strdup(now),  g_strdup(note)};
    g_array_append_val(preflight->checks, check);
}

/* ---- the trial ---- */

static void check_trial(HptPreflight *preflight, const HptRecorded *recorded)
{
    const char *state = recorded->state;
    const char *why = recorded->attempt == 0 || recorded->outcome == NULL ? "it has not ended"
                      : recorded->definition == NULL || recorded->config == NULL
                          ? "its configuration was never recorded"
                      : strcmp(recorded->outcome, "pruned") == 0 && recorded->stop_step < 0 &&
                              !recorded->definition->worker
                          ? "a rule stopped it early, and the record does not say where"
                      : strcmp(state, "lost") == 0 || strcmp(state, "cancelled") == 0
                          ? "it did not end by itself"
                          : NULL;
    g_autofree char *stop =
        why != NULL || recorded->stop_step < 0
            ? g_strdup(why)
            : g_strdup_printf("it is stopped again where %.*s stopped it, at step %" PRId64,
                              (int)strcspn(recorded->stop_rule, ":"), recorded->stop_rule,
                              recorded->stop_step);
    preflight_add(preflight, "trial", NULL, why == NULL ? HPT_CHECK_SAME : HPT_CHECK_MISSING, state, NULL,
                  stop);
}

static bool can_go_on(const HptPreflight *preflight)
{
    for (guint i = 0; i < preflight->checks->len; i++)
        if (g_array_index(preflight->checks, HptCheck, i).state == HPT_CHECK_MISSING)
            return false;
    return true;
}

/* ---- what the process hands down ---- */

static void enter_limits(HptPreflight *preflight, const GPtrArray *facts)
{
    const char *mask = hpt_items_get(facts, "process", "umask");
    if (mask != NULL)
        umask((mode_t)g_ascii_strtoull(mask, NULL, 8) & 0777);
    for (guint i = 0; i < facts->len; i++) {
        const HptItem *fact = facts->pdata[i];
        if (strcmp(fact->kind, "process") == 0 && g_str_has_prefix(fact->name, "limit_") &&
            !hpt_process_set_limit(fact->name + strlen("limit_"), fact->value))
            preflight_add(preflight, "limit", fact->name, HPT_CHECK_DIFFERS, fact->value, NULL,
                "it cannot be set here");
    }
}

/* "0-3,8" */
static bool parse_cpus(const char *text, cpu_set_t *out)
{
    g_auto(GStrv) ranges = g_strsplit(text, ",", -1);
    CPU_ZERO(out);
    for (char **range = ranges; *range != NULL; range++) {
        g_auto(GStrv) ends = g_strsplit(*range, "-", 2);
        int64_t first = 0, last = 0;
        if (ends[0] == NULL || !hpt_integer_parse(ends[0], &first) ||
            !hpt_integer_parse(ends[1] != NULL ? ends[1] : ends[0], &last) || first < 0 ||
            last >= CPU_SETSIZE)
            return false;
        for (int64_t cpu = first; cpu <= last; cpu++)
            CPU_SET((size_t)cpu, out);
    }
    return CPU_COUNT(out) > 0;
}

/* The CPUs that the trial had, else as many others; sets our own mask, which the command inherits. */
static HptCores *enter_cores(HptPreflight *preflight, const HptPreflightInput *input)
{
    const char *text = input->recorded->cores;
    cpu_set_t wanted, both;
    (void)sched_setaffinity(0, sizeof *input->cpus, input->cpus);
    if (text == NULL || !parse_cpus(text, &wanted))
        return NULL;
    int n = CPU_COUNT(&wanted);
    CPU_AND(&both, &wanted, input->cpus);
    bool same = CPU_EQUAL(&both, &wanted);
    if (same && sched_setaffinity(0, sizeof wanted, &wanted) != 0)
        same = false;
    g_autoptr(GError) problem = NULL;
    HptCores *cores = hpt_cores_new(n, 1, &problem);
    if (cores == NULL) {
        preflight_add(preflight, "cores", NULL, HPT_CHECK_DIFFERS, text, NULL, "there are not so many here");
        return NULL;
    }
    if (!same)
        (void)sched_setaffinity(0, sizeof wanted, hpt_cores_get(cores, 0));
    preflight_add(preflight, "cores", NULL, same ? HPT_CHECK_SAME : HPT_CHECK_DIFFERS, text,
        hpt_cores_peek_text(cores, 0), NULL);
    return cores;
}

static void enter_gpus(HptPreflight *preflight, const HptPreflightInput *input)
{
    const char *text = input->recorded->gpus;
    if (text == NULL)
        return;
    int n = 1;
    for (const char *at = text; *at != '\0'; at++)
        n += *at == ',';
    g_autoptr(GError) problem = NULL;
    preflight->gpus = hpt_gpus_new(text, n, 1, input->environment, &problem);
    if (preflight->gpus == NULL)
        preflight_add(preflight, "gpus", NULL, HPT_CHECK_MISSING, text, NULL, problem->message);
    else if (!hpt_gpus_take(preflight->gpus, 0))
        preflight_add(preflight, "gpus", NULL, HPT_CHECK_MISSING, text, NULL, "others hold them now");
    else
        preflight_add(preflight, "gpus", NULL, HPT_CHECK_SAME, text, text, NULL);
}

/* ---- variables ---- */

/* Of the terminal and the shell: nobody computes with them. */
static bool is_personal(const char *name)
{
    static const char *const names[] = {"PWD",     "OLDPWD",  "SHLVL",     "_",      "TERM",
                                        "COLUMNS", "LINES",   "COLORTERM", "MAIL",   "LS_COLORS",
                                        "PAGER",   "EDITOR",  "VISUAL",    "DISPLAY", "LOGNAME",
                                        "WINDOWID", "MOTD_SHOWN", "LESSOPEN", "LESSCLOSE"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return g_str_has_prefix(name, "SSH_") || g_str_has_prefix(name, "XDG_") ||
           g_str_has_prefix(name, "DBUS_") || g_str_has_prefix(name, "HPT_");
}

/* Recorded values, and of those without one what the caller has. Owned. */
static char **recorded_variables(HptPreflight *preflight, const HptPreflightInput *input)
{
    const GPtrArray *facts = input->recorded->facts;
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; i < facts->len; i++) {
        const HptItem *fact = facts->pdata[i];
        bool known = strcmp(fact->kind, "variable") == 0;
        if (!known && strcmp(fact->kind, "hidden") != 0)
            continue;
        const char *here = g_environ_getenv((char **)input->environment, fact->name);
        bool cut = known && strstr(fact->value, "[cut]") != NULL;
        if (known && !cut)
            g_ptr_array_add(env, g_strconcat(fact->name, "=", fact->value, NULL));
        else if (here != NULL)
            g_ptr_array_add(env, g_strconcat(fact->name, "=", here, NULL));
        if ((known && !cut) || is_personal(fact->name))
            continue;
        if (here == NULL)
            preflight_add(preflight, "variable", fact->name, HPT_CHECK_DIFFERS, NULL, NULL,
                "its value was not recorded, and it is not set here");
        else
            g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", fact->name);
    }
    if (names->len > 0) {
        g_autofree char *note =
            g_strdup_printf("values that were not recorded are as they are here: %s", names->str);
        preflight_add(preflight, "variables", NULL, HPT_CHECK_UNKNOWN, NULL, NULL, note);
    }
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&env), false);
}

/* What named the project of then names the restored one. */
static char *moved(const HptPreflight *preflight, const char *entry)
{
    const char *now = hpt_preflight_moved(preflight);
    return now == NULL ? g_strdup(entry)
                       : hpt_restore_path(entry, preflight->restored.base_then, now);
}

static void make_env(HptPreflight *preflight, const HptPreflightInput *input,
                     const HptCores *cores)
{
    g_auto(GStrv) base = input->variables_of_now || input->recorded->environment == NULL
                             ? g_strdupv((char **)input->environment)
                             : recorded_variables(preflight, input);
    preflight->variables = hpt_environment_with((const char *const *)base, input->sets);
    g_auto(GStrv) clean = hpt_child_environment((const char *const *)preflight->variables);
    GPtrArray *env = g_ptr_array_new();
    for (char **entry = clean; *entry != NULL; entry++)
        if (preflight->gpus == NULL || !hpt_gpus_is_variable(*entry))
            g_ptr_array_add(env, moved(preflight, *entry));
    if (cores != NULL)
        hpt_cores_add_env(cores, env);
    if (preflight->gpus != NULL)
        hpt_gpus_add_env(preflight->gpus, 0, env);
    g_ptr_array_add(env, NULL);
    preflight->env = (char **)g_ptr_array_free(env, false);
}

/* ---- the environment ---- */

/* As the view hpt.environment_item has it: what is no text is in hexadecimal. */
static char *value_text(const HptPreflight *preflight, const char *value)
{
    const char *now = hpt_preflight_moved(preflight);
    if (g_utf8_validate(value, -1, NULL)) /* a restored place by its name of then */
        return now == NULL ? g_strdup(value)
                           : hpt_restore_path(value, now, preflight->restored.base_then);
    GString *out = g_string_new(NULL);
    for (; *value != '\0'; value++)
        g_string_append_printf(out, "%02x", (unsigned char)*value);
    return g_string_free(out, false);
}

static void free_fact(void *fact)
{
    hpt_item_free(fact);
}

static bool collect(HptPreflight *preflight, const HptPreflightInput *input, GError **error)
{
    const HptDefinition *definition =
        preflight->definition != NULL ? preflight->definition : input->recorded->definition;
    HptEnvironmentSource source = {
        .environ = (const char *const *)preflight->variables,
        .command = definition->shell ? "sh" : definition->command[0],
        .process = true,
        .project = input->project,
    };
    g_autoptr(HptEnvironment) bare = hpt_environment_collect(&source, error);
    if (bare == NULL)
        return false;
    /* The software of the files that the trial read, as they are now. */
    const char *path = g_environ_getenv(preflight->variables, "PATH");
    preflight->environment =
        preflight->software->len == 0
            ? g_steal_pointer(&bare)
            : hpt_software_environment(bare, NULL, path,
                                       (const HptSoftwareFile *)(const void *)preflight->software->data,
                                       preflight->software->len);
    return true;
}

static bool is_same_kind(const GPtrArray *differences, const char *kind)
{
    for (guint i = 0; i < differences->len; i++) {
        const HptCause *difference = differences->pdata[i];
        if (strcmp(difference->kind, kind) == 0 && difference->cause != HPT_CAUSE_NONE)
            return false;
    }
    return true;
}

static void check_kinds(HptPreflight *preflight, const GPtrArray *facts)
{
    const char *last = "";
    for (guint i = 0; i < facts->len; i++) {
        const HptItem *fact = facts->pdata[i];
        if (strcmp(fact->kind, last) != 0 && is_same_kind(preflight->differences, fact->kind) &&
            strcmp(fact->kind, "executable") != 0 && strcmp(fact->kind, "hpt") != 0)
            preflight_add(preflight, "environment", fact->kind, HPT_CHECK_SAME, NULL, NULL, NULL);
        last = fact->kind;
    }
    for (guint i = 0; i < preflight->differences->len; i++) {
        const HptCause *difference = preflight->differences->pdata[i];
        /* Variables without a value have had their line. */
        if (difference->cause == HPT_CAUSE_NONE || strcmp(difference->kind, "hidden") == 0 ||
            strcmp(difference->kind, "executable") == 0)
            continue;
        g_autofree char *item = g_strdup_printf("%s %s", difference->kind, difference->name);
        preflight_add(preflight, "environment", item, HPT_CHECK_DIFFERS, difference->then, difference->now,
            hpt_cause_name(difference->cause));
    }
}

static void check_command(HptPreflight *preflight, const GPtrArray *then)
{
    const HptEnvironment *now = preflight->environment;
    const char *command = hpt_environment_get(now, "executable", "command");
    const char *path = hpt_environment_get(now, "executable", "path");
    const char *digest_then = hpt_items_get(then, "executable", "sha256");
    const char *digest_now = hpt_environment_get(now, "executable", "sha256");
    HptCheckState state = path == NULL ? HPT_CHECK_MISSING
                          : digest_then == NULL || digest_now == NULL
                              ? HPT_CHECK_UNKNOWN
                          : strcmp(digest_then, digest_now) == 0 ? HPT_CHECK_SAME
                                                                 : HPT_CHECK_DIFFERS;
    preflight_add(preflight, "command", command, state, digest_then, digest_now,
        path == NULL ? "it is not found" : path);
}

static bool check_environment(HptPreflight *preflight, const HptPreflightInput *input,
                              GError **error)
{
    if (!collect(preflight, input, error))
        return false;
    const HptEnvironment *environment = preflight->environment;
    g_autoptr(GPtrArray) now = g_ptr_array_new_with_free_func(free_fact);
    for (int part = 0; part < HPT_PART_COUNT; part++)
        for (size_t i = 0; i < environment->parts[part].n; i++) {
            const HptEnvironmentItem *item = &environment->parts[part].items[i];
            HptItem *fact = g_new0(HptItem, 1);
            *fact = (HptItem){g_strdup(item->kind), g_strdup(item->name), value_text(preflight, item->value)};
            g_ptr_array_add(now, fact);
        }
    hpt_items_sort(now);
    check_command(preflight, input->recorded->facts);
    if (input->recorded->facts->len == 0) {
        preflight->differences = hpt_causes_new();
        preflight_add(preflight, "environment", NULL, HPT_CHECK_UNKNOWN, NULL, NULL, "none was recorded");
        return true;
    }
    preflight->differences = hpt_causes_between(input->recorded->facts, now);
    for (guint i = preflight->differences->len; i > 0; i--) {
        const HptCause *difference = preflight->differences->pdata[i - 1];
        if (strcmp(difference->kind, "hidden") == 0 && is_personal(difference->name))
            g_ptr_array_remove_index(preflight->differences, i - 1);
    }
    check_kinds(preflight, input->recorded->facts);
    for (guint i = 0; i < preflight->code->len; i++) {
        const HptCause *code = preflight->code->pdata[i];
        hpt_causes_add(preflight->differences, code->cause, code->kind, code->name, code->then,
                       code->now);
    }
    return true;
}

/* ---- the words, the checkpoint, the prefix ---- */

static void check_words(HptPreflight *preflight, const HptPreflightInput *input)
{
    g_autoptr(GError) problem = NULL;
    g_auto(GStrv) words =
        hpt_rerun_words(input->recorded, input->folder, preflight->resume, &problem);
    if (words == NULL)
        preflight_add(preflight, "command line", NULL, HPT_CHECK_MISSING, NULL, NULL, problem->message);
    else if (input->recorded->argv == NULL || input->recorded->argv->len == 0)
        preflight_add(preflight, "command line", NULL, HPT_CHECK_UNKNOWN, NULL, NULL,
            "it was not recorded: made from the definition");
    else if (hpt_rerun_same_words(input->recorded, words, input->folder))
        preflight_add(preflight, "command line", NULL, HPT_CHECK_SAME, NULL, NULL, NULL);
    else
        preflight_add(preflight, "command line", NULL, HPT_CHECK_DIFFERS, NULL, NULL,
            "what was run is not what the definition says");
}

static bool restore(HptPreflight *preflight, const HptPreflightInput *input, GError **error)
{
    const HptRecorded *recorded = input->recorded;
    if (recorded->resume_trial < 0)
        return true;
    if (input->objects->db == NULL) {
        preflight_add(preflight, "checkpoint", NULL, HPT_CHECK_MISSING, NULL, NULL,
                      "it goes on from another run: hpt-import the bundle first");
        return true;
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, recorded->study);
    hpt_args_int8(args, recorded->resume_trial);
    hpt_args_int4(args, recorded->resume_attempt);
    g_autoptr(HptRows) rows = hpt_db_rows(input->objects->db, HPT_SQL_RECORDED_FILES, args, error);
    if (rows == NULL)
        return false;
    preflight->resume = g_build_filename(input->folder, "resume", NULL);
    g_autofree char *item =
        g_strdup_printf("of trial %" PRId64 ", attempt %d", recorded->resume_trial,
                        recorded->resume_attempt);
    g_autoptr(GError) problem = NULL;
    bool fine = hpt_resume_restore(rows, input->objects->store, preflight->resume, &problem);
    preflight_add(preflight, "checkpoint", item, fine ? HPT_CHECK_SAME : HPT_CHECK_MISSING, NULL, NULL,
        fine ? NULL : problem->message);
    return true;
}

HptPreflight *hpt_preflight_new(const HptPreflightInput *input, GError **error)
{
    const HptRecorded *recorded = input->recorded;
    g_autoptr(HptPreflight) preflight = g_new0(HptPreflight, 1);
    preflight->checks = g_array_new(false, false, sizeof(HptCheck));
    g_array_set_clear_func(preflight->checks, clear_check);
    preflight->code = hpt_causes_new();
    preflight->software = g_array_new(false, false, sizeof(HptSoftwareFile));
    check_trial(preflight, recorded);
    if (!can_go_on(preflight)) {
        preflight->differences = hpt_causes_new();
        return g_steal_pointer(&preflight);
    }
    if (!preflight_place(preflight, input, error))
        return NULL;
    preflight_changed(preflight, recorded);
    enter_limits(preflight, recorded->facts);
    if ((input->fix_addresses ||
         g_strcmp0(hpt_items_get(recorded->facts, "process", "aslr"), "off") == 0) &&
        !hpt_process_fix_addresses())
        preflight_add(preflight, "addresses", NULL, HPT_CHECK_DIFFERS, "fixed", "random", NULL);
    g_autoptr(HptCores) cores = enter_cores(preflight, input);
    enter_gpus(preflight, input);
    make_env(preflight, input, cores);
    if (recorded->via != NULL)
        preflight_add(preflight, "via", NULL, HPT_CHECK_DIFFERS, recorded->via, NULL,
            "a replay runs here, without it");
    preflight_files(preflight, input);
    preflight_written(preflight, recorded);
    if (!check_environment(preflight, input, error) || !restore(preflight, input, error))
        return NULL;
    check_words(preflight, input);
    return g_steal_pointer(&preflight);
}

char *hpt_preflight_missing(const HptPreflight *preflight)
{
    GString *out = g_string_new(NULL);
    bool code = false; /* which is what cannot be restored */
    for (guint i = 0; i < preflight->checks->len; i++) {
        const HptCheck *check = &g_array_index(preflight->checks, HptCheck, i);
        if (check->state != HPT_CHECK_MISSING)
            continue;
        code = code || strcmp(check->what, "code") == 0;
        g_string_append_printf(out, "%s%s", out->len > 0 ? ", " : "", check->what);
        if (check->item != NULL)
            g_string_append_printf(out, " %s", check->item);
        if (check->note != NULL)
            g_string_append_printf(out, " (%s)", check->note);
    }
    bool none = out->len == 0;
    if (code)
        g_string_append(out, "\nhint: --in-place runs it in the project as it is");
    char *text = g_string_free(out, false);
    if (none)
        g_clear_pointer(&text, g_free);
    return text;
}

const char *hpt_preflight_moved(const HptPreflight *preflight)
{
    return preflight->placed ? NULL : preflight->restored.base;
}

bool hpt_preflight_differs(const HptPreflight *preflight)
{
    for (guint i = 0; i < preflight->differences->len; i++) {
        const HptCause *difference = preflight->differences->pdata[i];
        if (difference->cause != HPT_CAUSE_NONE)
            return true;
    }
    return false;
}
