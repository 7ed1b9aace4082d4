#include "study/compare-facts.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "record/code.h"
#include "record/inputs.h"

#include <math.h>
#include <string.h>

bool hpt_facts_add_config(HptFacts *facts, HptSection section, const char *group, const char *json,
                          size_t length, GError **error)
{
    if (json == NULL)
        return true;
    g_autoptr(json_t) object = hpt_json_parse(json, length, error);
    if (object == NULL) {
        g_prefix_error(error, "configuration of %s: ", facts->label);
        return false;
    }
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (json_is_number(value)) {
            hpt_facts_add_number(facts, section, group, name, json_number_value(value));
            continue;
        }
        g_autofree char *text = json_is_string(value) ? g_strdup(json_string_value(value))
                                                      : hpt_json_canonical(value, error);
        if (text == NULL)
            return false;
        hpt_facts_add(facts, section, group, name, text);
    }
    return true;
}

void hpt_facts_add_words(HptFacts *facts, const char *const *words, size_t n)
{
    g_autoptr(GString) line = g_string_new(NULL);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("word %zu", i);
        g_autofree char *quoted = hpt_text_shell_quote(words[i]);
        hpt_facts_add(facts, HPT_SECTION_COMMAND, "", name, words[i]);
        g_string_append_printf(line, "%s%s", i > 0 ? " " : "", quoted);
    }
    if (n > 0)
        hpt_facts_add(facts, HPT_SECTION_COMMAND, "", HPT_FACT_LINE, line->str);
}

/* ---- definitions ---- */

static void add_span(HptFacts *facts, const char *name, int64_t span_us)
{
    char seconds[HPT_NUMBER_TEXT_SIZE];
    g_autofree char *text =
        g_strconcat(hpt_number_text((double)span_us / 1e6, seconds), " s", NULL);
    hpt_facts_add(facts, HPT_SECTION_LIMITS, "", name, span_us > 0 ? text : NULL);
}

static void add_size(HptFacts *facts, const char *name, int64_t bytes)
{
    g_autofree char *text = hpt_size_text(bytes);
    hpt_facts_add(facts, HPT_SECTION_LIMITS, "", name, bytes > 0 ? text : NULL);
}

static void add_flag(HptFacts *facts, HptSection section, const char *name, bool set)
{
    hpt_facts_add(facts, section, "", name, set ? "yes" : NULL);
}

static void add_count(HptFacts *facts, const char *name, int count)
{
    if (count > 1)
        hpt_facts_add_integer(facts, HPT_SECTION_LIMITS, "", name, count);
}

void hpt_facts_add_limits(HptFacts *facts, const HptDefinition *definition)
{
    add_span(facts, "timeout", definition->timeout_us);
    add_span(facts, "grace", definition->grace_us);
    add_span(facts, "CPU time", definition->limit_cpu_us);
    add_size(facts, "memory", definition->limit_mem_bytes);
    add_size(facts, "output", definition->output_cap);
    add_count(facts, "folds", definition->folds);
    add_count(facts, "repeats", definition->repeats);
    hpt_facts_add(facts, HPT_SECTION_LIMITS, "", "budget", definition->budget);
    hpt_facts_add(facts, HPT_SECTION_LIMITS, "", "contain", hpt_contain_words[definition->contain]);
    add_flag(facts, HPT_SECTION_LIMITS, "reserve fold", definition->reserve_fold);
    add_flag(facts, HPT_SECTION_LIMITS, "parameters on stdin", definition->stdin_json);
    add_flag(facts, HPT_SECTION_LIMITS, "starts in the trial's folder", definition->chdir_trial);
    add_flag(facts, HPT_SECTION_LIMITS, "persistent worker", definition->worker);
    add_flag(facts, HPT_SECTION_LIMITS, "through a shell", definition->shell);
}

/* A line of the canonical space: "NAME DOMAIN", "NAME | CONDITION", or a forbidden clause. */
static void add_space_line(HptFacts *facts, const char *line)
{
    const char *end = *line == '"' ? strchr(line + 1, '"') : strchr(line, ' ');
    if (end != NULL && *end == '"')
        end++;
    bool condition = end != NULL && g_str_has_prefix(end, " | ");
    if (*line == '{' || end == NULL || *end != ' ') {
        hpt_facts_add(facts, HPT_SECTION_SPACE, "forbidden", line, "yes");
        return;
    }
    g_autofree char *name = g_strndup(line, (size_t)(end - line));
    hpt_facts_add(facts, HPT_SECTION_SPACE, condition ? "condition" : "", name,
                  condition ? end + 3 : end + 1);
}

static void add_space(HptFacts *facts, const HptSpace *space)
{
    g_auto(GStrv) lines = g_strsplit(hpt_space_get_canonical(space), "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        if (**line != '\0')
            add_space_line(facts, *line);
}

static void add_metrics(HptFacts *facts, const HptMetrics *metrics)
{
    for (size_t i = 0; i < hpt_metrics_size(metrics); i++) {
        const HptMetric *metric = hpt_metrics_get(metrics, i);
        hpt_facts_add(facts, HPT_SECTION_DEFINITION, "metric", metric->name, metric->canonical);
    }
}

static void add_points(HptFacts *facts, const HptDefinition *definition)
{
    add_flag(facts, HPT_SECTION_DEFINITION, "default first", definition->default_first);
    for (size_t i = definition->default_first; i < definition->points->len; i++) {
        g_autofree char *config =
            hpt_config_canonical(definition->space, definition->points->pdata[i]);
        g_autofree char *name = g_strdup_printf("point %zu", i);
        hpt_facts_add(facts, HPT_SECTION_DEFINITION, "", name, config);
    }
}

/* What a proposal sees, besides what there is: an order, and earlier studies, as far as they were. */
static void add_order_and_priors(HptFacts *facts, const HptDefinition *definition)
{
    if (definition->window > 0)
        hpt_facts_add_integer(facts, HPT_SECTION_DEFINITION, "ordered", "window", definition->window);
    for (guint i = 0; i < definition->priors->len; i++) {
        const HptPrior *prior = definition->priors->pdata[i];
        const char *finished = json_string_value(json_object_get(hpt_prior_get_json(prior), "finished"));
        hpt_facts_add(facts, HPT_SECTION_DEFINITION, "prior", hpt_prior_get_study(prior), finished);
    }
}

void hpt_facts_add_definition(HptFacts *facts, const HptDefinition *definition)
{
    hpt_facts_add_words(facts, (const char *const *)definition->command,
                        g_strv_length(definition->command));
    hpt_facts_add_limits(facts, definition);
    hpt_facts_add(facts, HPT_SECTION_DEFINITION, "", "sampler", definition->sampler);
    hpt_facts_add(facts, HPT_SECTION_DEFINITION, "", "pruner", definition->pruner);
    hpt_facts_add_integer(facts, HPT_SECTION_DEFINITION, "", "seed", (int64_t)definition->seed);
    add_metrics(facts, definition->metrics);
    add_points(facts, definition);
    add_order_and_priors(facts, definition);
    add_space(facts, definition->space);
}

char *hpt_facts_path_text(const char *bytes, size_t length)
{
    GString *out = g_string_new(NULL);
    bool utf8 = g_utf8_validate_len(bytes, length, NULL);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte == '\\')
            g_string_append(out, "\\\\");
        else if (!utf8 && (byte == 0 || byte >= 0x80))
            g_string_append_printf(out, "\\%03o", byte);
        else
            g_string_append_c(out, (char)byte);
    }
    return g_string_free(out, FALSE);
}

static int octal(const char *text)
{
    int value = 0;
    for (int i = 0; i < 3; i++) {
        if (text[i] < '0' || text[i] > '7')
            return -1;
        value = value * 8 + (text[i] - '0');
    }
    return value;
}

char *hpt_facts_path_bytes(const char *text)
{
    GString *out = g_string_new(NULL);
    while (*text != '\0') {
        int value = *text == '\\' ? octal(text + 1) : -1;
        if (value > 0) {
            g_string_append_c(out, (char)value);
            text += 4;
            continue;
        }
        text += *text == '\\' && text[1] == '\\';
        g_string_append_c(out, *text++);
    }
    return g_string_free(out, FALSE);
}

/* ---- what became of them ---- */

static void add_if(HptFacts *facts, bool has, const char *name, int64_t number)
{
    if (has)
        hpt_facts_add_integer(facts, HPT_SECTION_RUN, "", name, number);
}

void hpt_facts_add_run(HptFacts *facts, const HptFactsRun *run)
{
    hpt_facts_add(facts, HPT_SECTION_RUN, "", "state", run->state);
    hpt_facts_add(facts, HPT_SECTION_RUN, "", "cause", run->cause);
    add_if(facts, run->has_exit_status, "exit status", run->exit_status);
    add_if(facts, run->has_signal, "signal", run->signal);
    add_if(facts, run->has_seed, "seed", run->seed);
    add_if(facts, run->has_parent, "parent", run->parent);
    if (run->has_seconds)
        hpt_facts_add_number(facts, HPT_SECTION_USAGE, "", "seconds", run->seconds);
    if (run->has_max_rss)
        hpt_facts_add_number(facts, HPT_SECTION_USAGE, "", "max_rss_bytes",
                             (double)run->max_rss_bytes);
}

void hpt_facts_add_parts(HptFacts *facts, int folds, const HptFactsPart *parts, size_t n)
{
    g_autoptr(GHashTable) metrics = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < facts->facts->len; i++) {
        HptFact *fact = facts->facts->pdata[i];
        if (fact->section == HPT_SECTION_METRICS)
            g_hash_table_insert(metrics, fact->name, fact);
    }
    for (size_t i = 0; i < n; i++) {
        HptFact *fact = g_hash_table_lookup(metrics, parts[i].name);
        if (fact == NULL)
            continue;
        fact->parts = g_renew(HptPartValue, fact->parts, fact->n_parts + 1);
        fact->parts[fact->n_parts++] = parts[i].part;
        fact->folds = folds;
    }
}

bool hpt_facts_add_results(HptFacts *facts, const HptFactsResults *results, GError **error)
{
    static const char *const counts[HPT_FACTS_COUNTS] = {"trials", "complete", "pruned",
                                                         "failed", "lost",     "cancelled"};
    if (results->has_total)
        hpt_facts_add_integer(facts, HPT_SECTION_LIMITS, "", "total", results->total);
    if (results->limits != NULL) { /* one text, wherever it comes from */
        g_autoptr(json_t) limits = hpt_json_parse(results->limits, strlen(results->limits), error);
        g_autofree char *text = limits != NULL ? hpt_json_canonical(limits, error) : NULL;
        if (text == NULL)
            return false;
        bool limited = strcmp(text, "{}") != 0;
        hpt_facts_add(facts, HPT_SECTION_LIMITS, "", "ends at", limited ? text : NULL);
    }
    hpt_facts_add(facts, HPT_SECTION_RESULTS, "", "stopped", results->stopped);
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        hpt_facts_add_integer(facts, HPT_SECTION_RESULTS, "", counts[i], results->counts[i]);
    if (!results->has_best)
        return true;
    hpt_facts_add_integer(facts, HPT_SECTION_RESULTS, "best", "trial", results->best);
    hpt_facts_add_number(facts, HPT_SECTION_RESULTS, "best", results->objective, results->value);
    return hpt_facts_add_config(facts, HPT_SECTION_RESULTS, "best with", results->config,
                                results->config_length, error);
}

/* ---- files ---- */

/* A row of its own: a file may be the same but for this. */
static void add_mode(HptFacts *facts, HptSection section, const char *group, const char *name,
                     int mode)
{
    if (mode < 0)
        return;
    g_autofree char *text = g_strdup_printf("%04o", (unsigned)mode & 07777u);
    g_autofree char *of = g_strconcat(name, " (mode)", NULL);
    hpt_facts_add(facts, section, group, of, text);
}

static void add_link(HptFacts *facts, HptSection section, const char *group, const char *name,
                     const char *target)
{
    g_autofree char *shown = hpt_facts_path_text(target, strlen(target));
    g_autofree char *text = g_strconcat("link to ", shown, NULL);
    hpt_facts_add(facts, section, group, name, text)->target = g_strdup(target);
}

static char *digest_text(int64_t size, const char *digest)
{
    return g_strdup_printf("%" PRId64 " bytes sha256:%s", size, digest);
}

/* ---- code ---- */

static void add_entry(HptFacts *facts, const HptCodeEntry *entry)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    g_autofree char *name = hpt_facts_path_text(entry->path, strlen(entry->path)), *text = NULL;
    HptFact *fact;
    switch (entry->kind) {
    case HPT_CODE_FILE:
        text = digest_text(entry->size, hpt_digest_hex(&entry->digest, hex));
        fact = hpt_facts_add(facts, HPT_SECTION_CODE, "", name, text);
        fact->is_file = fact->has_digest = true;
        fact->digest = entry->digest;
        fact->stored = (HptObjectId){entry->digest, entry->size};
        fact->mode = entry->mode;
        add_mode(facts, HPT_SECTION_CODE, "", name, entry->mode);
        break;
    case HPT_CODE_LINK:
        add_link(facts, HPT_SECTION_CODE, "", name, entry->text);
        break;
    case HPT_CODE_FOLDER:
        hpt_facts_add(facts, HPT_SECTION_CODE, "", name, "an empty folder");
        break;
    case HPT_CODE_MISSING:
        text = g_strconcat("not captured: ", entry->text, NULL);
        hpt_facts_add(facts, HPT_SECTION_CODE, "", name, text)->missing = true;
        break;
    }
}

bool hpt_facts_add_code(HptFacts *facts, const void *canonical, size_t length, GError **error)
{
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(canonical, length, error);
    if (reader == NULL)
        return false;
    hpt_facts_add(facts, HPT_SECTION_CODE, "command", "runs in",
                  hpt_code_reader_peek_directory(reader));
    size_t n = 0;
    const HptCodeRepo *repos = hpt_code_reader_peek_repos(reader, &n);
    for (size_t i = 0; i < n; i++) {
        hpt_facts_add(facts, HPT_SECTION_CODE, "commit", repos[i].path, repos[i].head);
        hpt_facts_add(facts, HPT_SECTION_CODE, "branch", repos[i].path, repos[i].branch);
        hpt_facts_add(facts, HPT_SECTION_CODE, "remote", repos[i].path, repos[i].remote);
    }
    GError *problem = NULL;
    HptCodeEntry entry;
    while (hpt_code_next(reader, &entry, &problem))
        add_entry(facts, &entry);
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

/* ---- inputs ---- */

static void add_input(HptFacts *facts, const HptInputFile *file)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    const char *role = hpt_input_role_name(file->role);
    g_autofree char *name = hpt_facts_path_text(file->path, strlen(file->path));
    bool has_digest = hpt_input_state_has_digest(file->state);
    g_autofree char *text =
        has_digest ? digest_text(file->size, hpt_digest_hex(&file->digest, hex))
                   : g_strconcat("not captured: ", hpt_input_state_name(file->state), NULL);
    HptFact *fact = hpt_facts_add(facts, HPT_SECTION_INPUTS, role, name, text);
    fact->missing = !has_digest;
    fact->is_file = fact->has_digest = has_digest;
    fact->digest = file->digest;
    if (file->state == HPT_INPUT_STORED)
        fact->stored = (HptObjectId){file->digest, file->size};
}

bool hpt_facts_add_inputs(HptFacts *facts, const void *canonical, size_t length, GError **error)
{
    g_autoptr(HptInputs) inputs = hpt_inputs_parse(canonical, length, error);
    for (size_t i = 0; inputs != NULL && i < inputs->n; i++)
        add_input(facts, &inputs->files[i]);
    return inputs != NULL;
}

/* ---- what trials left ---- */

static HptSection section_of(const char *kind)
{
    return strcmp(kind, "stdout") == 0 || strcmp(kind, "stderr") == 0 ? HPT_SECTION_STREAMS
                                                                      : HPT_SECTION_ARTEFACTS;
}

/* "1234 bytes sha256:…", or why there is no digest. */
static char *file_text(const HptFactsArtefact *artefact, const char *digest)
{
    if (digest != NULL)
        return digest_text(artefact->size, digest);
    return g_strdup_printf("%" PRId64 " bytes, %s", artefact->size,
                           artefact->note != NULL ? artefact->note : "not stored");
}

void hpt_facts_add_artefact(HptFacts *facts, const char *group, const HptFactsArtefact *artefact)
{
    HptSection section = section_of(artefact->kind);
    const char *name = section == HPT_SECTION_STREAMS ? artefact->kind : artefact->path;
    if (strcmp(artefact->kind, "link") == 0 && artefact->target != NULL) {
        g_autofree char *target = hpt_facts_path_bytes(artefact->target);
        add_link(facts, section, group, name, target);
        return;
    }
    if (strcmp(artefact->kind, "file") != 0 && section == HPT_SECTION_ARTEFACTS) {
        hpt_facts_add(facts, section, group, name, artefact->kind);
        return;
    }
    const char *digest = artefact->full_digest != NULL ? artefact->full_digest : artefact->digest;
    g_autofree char *text = file_text(artefact, digest);
    HptFact *fact = hpt_facts_add(facts, section, group, name, text);
    fact->is_file = true;
    fact->mode = artefact->mode;
    fact->has_digest = digest != NULL && hpt_digest_parse(digest, &fact->digest);
    if (artefact->digest != NULL && hpt_digest_parse(artefact->digest, &fact->stored.digest))
        fact->stored.size = artefact->stored_size;
    if (section == HPT_SECTION_ARTEFACTS)
        add_mode(facts, section, group, name, artefact->mode);
}

char *hpt_facts_part_name(const HptDefinition *definition, double budget, int fold, int repeat)
{
    GString *name = g_string_new(NULL);
    char number[HPT_NUMBER_TEXT_SIZE];
    if (definition->budget != NULL && !isnan(budget))
        g_string_append_printf(name, "budget %s ", hpt_number_text(budget, number));
    if (definition->repeats > 1)
        g_string_append_printf(name, "repeat %d ", repeat);
    if (definition->folds > 1)
        g_string_append_printf(name, "fold %d ", fold);
    if (name->len > 0)
        g_string_truncate(name, name->len - 1);
    return g_string_free(name, FALSE);
}
