#include "study/suggest.h"

#include "base/digest.h"
#include "base/json.h"
#include "study/ask.h"
#include "study/study.h"
#include "study/suggest-internal.h"

#include <string.h>

/* What proposes for one version of the definition. */
typedef struct {
    const HptDefinition *definition;
    HptSearch search;
    HptSampler *sampler;
    HptPast *past;
} Proposer;

static void free_proposer(void *data)
{
    Proposer *proposer = data;
    hpt_sampler_free(proposer->sampler);
    hpt_past_free(proposer->past);
    g_free(proposer);
}

const char *hpt_suggest_verdict_name(HptSuggestVerdict verdict)
{
    static const char *const names[HPT_SUGGEST_COUNT] = {"equal", "differs", "unknown"};
    return names[verdict];
}

static Proposer *proposer_of(GHashTable *proposers, const HptSuggestSource *source, int version, GError **error)
{
    Proposer *proposer = g_hash_table_lookup(proposers, GINT_TO_POINTER(version));
    if (proposer != NULL)
        return proposer;
    const HptDefinition *definition = source->definition(source->user, version, error);
    if (definition == NULL)
        return NULL;
    proposer = g_new0(Proposer, 1);
    proposer->definition = definition;
    proposer->past = hpt_past_new(definition);
    source->fill(source->user, proposer->past);
    g_hash_table_insert(proposers, GINT_TO_POINTER(version), proposer);
    proposer->sampler = hpt_definition_sampler(definition, &proposer->search, error);
    return proposer->sampler == NULL ? NULL : proposer;
}

/* Why the proposal cannot be made again, owned; NULL: it can. */
static char *obstacle(const Proposer *proposer, int64_t number, const char *text)
{
    int version = hpt_sampler_get_version(proposer->sampler);
    if (!hpt_sampler_learns(proposer->sampler) ||
        (text == NULL && (uint64_t)number < proposer->search.n_points))
        return proposer->definition->sampler_version == version
                   ? NULL
                   : g_strdup_printf("version %d of the sampler made it, this is version %d",
                                     proposer->definition->sampler_version, version);
    if (text == NULL)
        return g_strdup("what it saw is not recorded");
    g_autoptr(json_t) object = hpt_json_parse(text, strlen(text), NULL);
    int64_t made_by = json_integer_value(json_object_get(object, "version"));
    if (made_by != version)
        return g_strdup_printf("version %" PRId64 " of the sampler made it, this is version %d", made_by,
                               version);
    return NULL;
}

/* The history that the proposal says it saw; of an ordered study that must be the one that its number says. */
static const HptHistory *recall(const Proposer *proposer, int64_t number, const char *text, GError **error)
{
    if (proposer->definition->window == 0)
        return hpt_past_recall(proposer->past, text, error);
    const HptHistory *history = hpt_past_get_ordered(proposer->past, proposer->sampler, number, error);
    g_autofree char *due = history == NULL ? NULL : hpt_past_describe(proposer->past, proposer->sampler);
    g_autoptr(json_t) saw = due == NULL ? NULL : hpt_json_parse(text, strlen(text), error);
    g_autofree char *said = saw == NULL ? NULL : hpt_json_canonical(saw, error);
    if (said == NULL || strcmp(said, due) == 0)
        return said == NULL ? NULL : history;
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the study is ordered, and it saw %s instead of %s", said, due);
    return NULL;
}

/* Makes the proposal again, with what was fixed. text: what it was made of, or NULL. */
static bool propose(const Proposer *proposer, int64_t number, const char *text, HptProposal *out, GError **error)
{
    g_autoptr(json_t) object = text == NULL ? NULL : hpt_json_parse(text, strlen(text), error);
    if (text != NULL && object == NULL)
        return false;
    const HptHistory *history = NULL;
    if (text != NULL && hpt_sampler_learns(proposer->sampler)) {
        history = recall(proposer, number, text, error);
        if (history == NULL)
            return false;
    }
    const json_t *fixed = json_object_get(object, "fixed");
    if (fixed == NULL)
        return hpt_sampler_propose(proposer->sampler, history, number, out, error);
    g_autoptr(HptSpace) space = NULL;
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_ask_sampler(proposer->definition, fixed, &space, &search, error);
    return sampler != NULL && hpt_sampler_propose(sampler, history, number, out, error);
}

static HptSuggestVerdict check_one(const Proposer *proposer, const HptSuggestTrial *trial, char **note)
{
    g_autoptr(GError) error = NULL;
    *note = obstacle(proposer, trial->number, trial->proposal);
    if (*note != NULL)
        return HPT_SUGGEST_UNKNOWN;
    HptProposal proposal = {0};
    if (!propose(proposer, trial->number, trial->proposal, &proposal, &error)) {
        *note = g_strdup(error->message);
        return g_error_matches(error, HPT_ERROR, HPT_ERROR_NOT_FOUND) ? HPT_SUGGEST_UNKNOWN
                                                                      : HPT_SUGGEST_DIFFERS;
    }
    HptDigest digest = hpt_config_hash(proposer->definition->space, proposal.config);
    bool equal = memcmp(digest.bytes, trial->config_hash.bytes, HPT_DIGEST_SIZE) == 0;
    if (!equal) {
        g_autofree char *config = hpt_config_canonical(proposer->definition->space, proposal.config);
        *note = g_strdup_printf("%s would be proposed", config);
    }
    hpt_proposal_clear(&proposal);
    return equal ? HPT_SUGGEST_EQUAL : HPT_SUGGEST_DIFFERS;
}

static void clear_trial(void *data)
{
    g_free(((HptSuggestTrial *)data)->proposal);
}

GArray *hpt_suggest_trials_new(void)
{
    GArray *trials = g_array_new(false, false, sizeof(HptSuggestTrial));
    g_array_set_clear_func(trials, clear_trial);
    return trials;
}

bool hpt_suggest_run(const HptSuggestSource *source, HptSuggestTell tell, void *user, GError **error)
{
    g_autoptr(GHashTable) proposers =
        g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_proposer);
    for (guint i = 0; i < source->trials->len; i++) {
        const HptSuggestTrial *trial = &g_array_index(source->trials, HptSuggestTrial, i);
        const Proposer *proposer = proposer_of(proposers, source, trial->version, error);
        if (proposer == NULL)
            return false;
        g_autofree char *note = NULL;
        HptSuggestVerdict verdict = check_one(proposer, trial, &note);
        tell(trial->number, verdict, note, user);
    }
    return true;
}

/* ---- from the record ---- */

typedef struct {
    HptDb *db;
    HptStudy *study;
    const HptRows *history;
} Record;

static const HptDefinition *record_definition(void *user, int version, GError **error)
{
    Record *record = user;
    return hpt_study_get_version(record->db, record->study, version, error);
}

static void record_fill(void *user, HptPast *past)
{
    hpt_past_add(past, ((Record *)user)->history);
}

static GArray *trials_of(const HptRows *rows)
{
    GArray *trials = hpt_suggest_trials_new();
    for (size_t row = 0; row < hpt_rows_count(rows); row++) {
        HptSuggestTrial trial = {.number = hpt_rows_int8(rows, row, 0), .version = hpt_rows_int4(rows, row, 1)};
        if (g_strcmp0(hpt_rows_peek_text(rows, row, 2), "pbt") == 0 ||
            !hpt_digest_parse(hpt_rows_peek_text(rows, row, 3), &trial.config_hash))
            continue;
        trial.proposal = hpt_rows_null(rows, row, 4) ? NULL : g_strdup(hpt_rows_peek_text(rows, row, 4));
        g_array_append_val(trials, trial);
    }
    return trials;
}

static HptRows *read_trials(HptDb *db, const char *study, int64_t number, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    if (number < 0)
        hpt_args_null(args, HPT_TYPE_INT8);
    else
        hpt_args_int8(args, number);
    return hpt_db_rows(db, HPT_SQL_SUGGEST_TRIALS, args, error);
}

static HptRows *read_history(HptDb *db, const HptStudy *study, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_int8(args, 0);
    return hpt_db_rows(db, HPT_SQL_HISTORY_READ, args, error);
}

bool hpt_suggest_check(HptDb *db, const char *study_name, int64_t number, HptSuggestTell tell, void *user,
                       GError **error)
{
    g_autoptr(HptStudy) study = hpt_study_open(db, study_name, error);
    g_autoptr(HptRows) trials = study == NULL ? NULL : read_trials(db, study_name, number, error);
    g_autoptr(HptRows) history = trials == NULL ? NULL : read_history(db, study, error);
    if (history == NULL)
        return false;
    g_autoptr(GArray) tried = trials_of(trials);
    Record record = {db, study, history};
    HptSuggestSource source = {tried, record_definition, record_fill, &record};
    return hpt_suggest_run(&source, tell, user, error);
}
