#include "study/ask.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "study/history.h"
#include "study/identity.h"
#include "study/outbox.h"
#include "num/random.h"
#include "study/persist.h"
#include "study/plan.h"
#include "study/recommend.h"
#include "study/slot.h"
#include "study/tell.h"

#include <string.h>

struct HptAsker {
    HptAskOptions options;
    HptIdentity *identity;
    bool registered;
    HptSearch search;
    HptSampler *sampler;
    HptPast *past; /* NULL: the sampler needs none */
    HptPlan *plan;
    bool loaded;   /* what there was at the beginning is in it */
    int64_t total; /* of the sampler; -1: no end */
};

char *hpt_asked_id(const char *study, int64_t number, int attempt)
{
    return attempt == 1 ? g_strdup_printf("%s/%" PRId64, study, number)
                        : g_strdup_printf("%s/%" PRId64 ".%d", study, number, attempt);
}

void hpt_asked_free(void *data)
{
    HptAsked *asked = data;
    g_free(asked->id);
    g_free(asked->attempt_id);
    hpt_config_free(asked->config);
    g_free(asked->canonical);
    g_free(asked->resume);
    g_free(asked);
}

HptSampler *hpt_ask_sampler(const HptDefinition *definition, const json_t *fixed, HptSpace **space, HptSearch *search,
                            GError **error)
{
    g_autoptr(HptSampler) plain = hpt_definition_sampler(definition, search, error);
    if (plain == NULL || fixed == NULL)
        return g_steal_pointer(&plain);
    g_autoptr(HptSpace) conditioned = hpt_space_fix(definition->space, fixed, error);
    if (conditioned == NULL)
        return NULL;
    search->space = conditioned;
    HptSampler *sampler = hpt_sampler_new(definition->sampler, search, error);
    if (sampler != NULL)
        *space = g_steal_pointer(&conditioned);
    return sampler;
}

/* ---- beginning and end ---- */

HptAsker *hpt_asker_new(const HptAskOptions *options, GPtrArray *notes, GError **error)
{
    g_autoptr(HptAsker) asker = g_new0(HptAsker, 1);
    asker->options = *options;
    const HptDefinition *definition = options->study->definition;
    asker->sampler = hpt_definition_sampler(definition, &asker->search, error);
    asker->plan = asker->sampler == NULL ? NULL : hpt_plan_new(definition, error);
    if (asker->plan == NULL || !hpt_study_check_sampler(options->study, asker->sampler, error))
        return NULL;
    asker->total = hpt_sampler_total(asker->sampler);
    if (hpt_sampler_learns(asker->sampler))
        asker->past = hpt_past_new(definition);
    asker->identity = hpt_identity_new(options->environment);
    HptOutbox outbox;
    hpt_outbox_init(&outbox, options->project, options->patience_us);
    bool fine = hpt_outbox_begin(&outbox, notes, error);
    hpt_outbox_clear(&outbox);
    return fine ? g_steal_pointer(&asker) : NULL;
}

static HptRows *send(const HptAsker *asker, HptSql sql, const HptArgs *args, GError **error)
{
    return hpt_persist_rows(asker->options.project, sql, args, asker->options.patience_us, error);
}

void hpt_asker_free(HptAsker *asker)
{
    if (asker == NULL)
        return;
    if (asker->registered) {
        g_autoptr(HptArgs) args = hpt_args_new();
        hpt_args_uuid(args, asker->identity->worker);
        g_autoptr(GError) ignored = NULL; /* only a courtesy: the leases are what counts */
        g_autoptr(HptRows) rows =
            hpt_db_row(hpt_project_get_db(asker->options.project), HPT_SQL_WORKER_END, args, &ignored);
        if (rows == NULL)
            g_debug("%s", ignored->message);
    }
    hpt_identity_free(asker->identity);
    hpt_sampler_free(asker->sampler);
    hpt_past_free(asker->past);
    hpt_plan_free(asker->plan);
    g_free(asker);
}

static bool enlist(HptAsker *asker, GError **error)
{
    if (asker->registered)
        return true;
    const HptIdentity *identity = asker->identity;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_uuid(args, identity->worker);
    hpt_args_int8(args, asker->options.study->id);
    hpt_args_text(args, identity->host);
    hpt_args_text(args, identity->boot_id);
    hpt_args_text(args, identity->pid_namespace);
    hpt_args_int4(args, identity->pid);
    hpt_args_int8(args, identity->pid_started);
    hpt_args_json(args, identity->launcher);
    hpt_args_text(args, asker->options.tool_version);
    g_autoptr(HptRows) rows = send(asker, HPT_SQL_WORKER_ASK, args, error);
    asker->registered = rows != NULL;
    return rows != NULL;
}

/* ---- proposals ---- */

/* What one call of ask works with. */
typedef struct {
    HptAsker *asker;
    const json_t *fixed;
    HptSpace *space; /* in which they are fixed; NULL: none are */
    HptSearch search;
    HptSampler *sampler; /* the asker's, or one with fixed parameters */
    bool learned;        /* the history is up to date */
    GArray *slots;       /* of HptSlot: the trials that were given */
    GArray *untils;      /* of int64_t */
} Asking;

static void clear_asking(Asking *asking)
{
    for (guint i = 0; i < asking->slots->len; i++)
        hpt_slot_clear(&g_array_index(asking->slots, HptSlot, i));
    g_array_unref(asking->slots);
    g_array_unref(asking->untils);
    if (asking->sampler != asking->asker->sampler)
        hpt_sampler_free(asking->sampler);
    hpt_space_free(asking->space);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Asking, clear_asking)

/* With fixed parameters: is there room for a proposal at all? Better known before a trial is taken. */
static bool begin_asking(Asking *asking, GError **error)
{
    const HptStudy *study = asking->asker->options.study;
    asking->sampler = asking->asker->sampler;
    if (asking->fixed == NULL)
        return true;
    if (study->definition->window > 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "study '%s' is ordered: its proposals follow from their numbers, and no value can be given", study->name);
        return false;
    }
    asking->sampler = hpt_ask_sampler(asking->asker->options.study->definition, asking->fixed, &asking->space,
                                      &asking->search, error);
    if (asking->sampler == NULL)
        return false;
    HptSearch search = {.space = asking->space};
    g_autoptr(HptSampler) random = hpt_sampler_new("random", &search, error);
    HptProposal proposal = {0};
    if (random == NULL || !hpt_sampler_propose(random, NULL, 0, &proposal, error))
        return false;
    hpt_proposal_clear(&proposal);
    return true;
}

static bool learn(Asking *asking, GError **error)
{
    HptAsker *asker = asking->asker;
    if (asking->learned || asker->past == NULL)
        return true;
    if (!asker->loaded && !hpt_past_load(asker->past, hpt_project_get_db(asker->options.project),
                                         asker->options.study->id, error))
        return false;
    asker->loaded = true;
    g_autoptr(HptArgs) args = hpt_past_args(asker->past, asker->options.study->id);
    g_autoptr(HptRows) rows = send(asker, HPT_SQL_HISTORY_READ, args, error);
    if (rows != NULL)
        hpt_past_add(asker->past, rows);
    asking->learned = rows != NULL;
    return rows != NULL;
}

/* The record says what was fixed. */
static void note_fixed(HptSlot *slot, const HptSampler *sampler, const json_t *fixed)
{
    g_autofree char *before = g_steal_pointer(&slot->proposal);
    g_autoptr(json_t) object =
        before != NULL ? hpt_json_parse(before, strlen(before), NULL)
                       : json_pack("{s:s, s:i}", "sampler", hpt_sampler_get_spec(sampler), "version",
                                   hpt_sampler_get_version(sampler));
    json_object_set_new(object, "fixed", json_deep_copy(fixed));
    slot->proposal = hpt_json_canonical(object, NULL);
}

static bool propose(Asking *asking, HptSlot *slot, GError **error)
{
    HptAsker *asker = asking->asker;
    HptStudy *study = asker->options.study;
    size_t length = 0;
    const void *given = slot->given == NULL ? NULL : g_bytes_get_data(slot->given, &length);
    if (given == NULL)
        slot->version = study->version;
    slot->definition =
        hpt_study_get_version(hpt_project_get_db(asker->options.project), study, slot->version, error);
    if (slot->definition == NULL || (given == NULL && !learn(asking, error)) ||
        !hpt_slot_propose(slot, asking->sampler, asker->past, asker->plan, given, length, error))
        return false;
    if (given == NULL && asking->fixed != NULL)
        note_fixed(slot, asking->sampler, asking->fixed);
    if (asker->past != NULL) /* the next one knows that it runs */
        hpt_past_add_one(asker->past, slot->number, 0, slot->canonical, strlen(slot->canonical), NULL);
    return true;
}

/* ---- statements ---- */

static char *id_array(char **ids)
{
    g_autofree char *list = g_strjoinv(",", ids);
    return g_strdup_printf("{%s}", list);
}

/* Adds up to n to asking->slots. */
static bool reserve_with(Asking *asking, size_t n, const HptPromotion *promotion, HptAskEnd *end, GError **error)
{
    HptAsker *asker = asking->asker;
    g_autoptr(HptArgs) args = hpt_args_new();
    g_auto(GStrv) ids = g_new0(char *, n + 1);
    for (size_t i = 0; i < n; i++)
        ids[i] = hpt_uuid_new();
    g_autofree char *array = id_array(ids);
    hpt_args_int8(args, asker->options.study->id);
    hpt_args_uuid(args, asker->identity->worker);
    hpt_args_text(args, array);
    if (asker->total < 0)
        hpt_args_null(args, HPT_TYPE_INT8);
    else
        hpt_args_int8(args, asker->total);
    hpt_args_int4(args, (int32_t)(asker->options.lease_us / 1000000));
    hpt_args_int4(args, HPT_ASK_MAX_LOST);
    hpt_args_bool(args, asking->fixed != NULL);
    hpt_plan_add(asker->plan, promotion, args);
    g_autoptr(HptRows) rows = send(asker, HPT_SQL_TRIAL_ASK, args, error);
    if (rows == NULL)
        return false;
    *end = HPT_ASK_ENOUGH;
    for (size_t row = 0; row < hpt_rows_count(rows); row++) {
        const char *outcome = hpt_rows_peek_text(rows, row, 0);
        if (strcmp(outcome, "trial") != 0) {
            *end = strcmp(outcome, "wait") == 0 ? HPT_ASK_WAIT : HPT_ASK_DONE;
            continue;
        }
        size_t length = 0;
        const void *config = hpt_rows_peek_bytea(rows, row, 4, &length);
        HptSlot slot = {
            .number = hpt_rows_int8(rows, row, 1),
            .attempt = hpt_rows_int4(rows, row, 2),
            .version = hpt_rows_int4(rows, row, 3),
            .given = config == NULL ? NULL : g_bytes_new(config, length),
            .attempt_id = hpt_rows_uuid(rows, row, 5),
        };
        int64_t until_us = hpt_rows_time(rows, row, 6);
        g_array_append_val(asking->slots, slot);
        g_array_append_val(asking->untils, until_us);
        if (!hpt_part_read(&g_array_index(asking->slots, HptSlot, asking->slots->len - 1).part,
                           hpt_rows_peek_text(rows, row, 7), error))
            return false;
    }
    return true;
}

/* Which paused trial is worth more of the budget, by what is in the record now; the decision is recorded. */
static bool look_for_promotion(const Asking *asking, HptPromotion *promotion, GError **error)
{
    const HptAsker *asker = asking->asker;
    const HptStudy *study = asker->options.study;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, study->id);
    g_autoptr(HptRows) rows = send(asker, HPT_SQL_RUNG_RESULTS, args, error);
    if (rows == NULL)
        return false;
    bool limited = asker->total >= 0 && (study->total < 0 || asker->total < study->total);
    hpt_plan_promote(asker->plan, rows, limited ? asker->total : study->total, promotion);
    if (promotion->kind == HPT_PROMOTE_NONE)
        return true;
    g_autoptr(HptArgs) decision =
        hpt_plan_decide_args(study->id, promotion->trial, 0, "rung", promotion->rung, &promotion->why, NULL);
    g_autoptr(HptRows) decided = send(asker, HPT_SQL_PRUNE_DECIDE, decision, error);
    return decided != NULL;
}

/* When nothing is left and nothing runs, a run may have ended since the rungs were looked at: a second look tells. */
static bool reserve(Asking *asking, size_t n, HptAskEnd *end, GError **error)
{
    if (!hpt_plan_by_rung(asking->asker->plan) || asking->fixed != NULL)
        return reserve_with(asking, n, NULL, end, error);
    for (int look = 0;; look++) {
        HptPromotion promotion;
        if (!look_for_promotion(asking, &promotion, error) || !reserve_with(asking, n, &promotion, end, error))
            return false;
        if (*end != HPT_ASK_DONE || look > 0)
            return true;
    }
}

/* Those from the first on, in one commit. held: of each, whether its lease has not run out. */
static bool record(const Asking *asking, size_t first, GArray *held, GError **error)
{
    size_t n = asking->slots->len - first;
    g_auto(GStrv) ids = g_new0(char *, n + 1);
    g_autofree int32_t *versions = g_new0(int32_t, n + 1);
    g_autofree int64_t *seeds = g_new0(int64_t, n + 1), *part_seeds = g_new0(int64_t, n + 1);
    g_autofree bool *whole = g_new0(bool, n + 1);
    g_autofree const char **origins = g_new0(const char *, n + 1), **reasons = g_new0(const char *, n + 1);
    g_autofree const void **configs = g_new0(const void *, n + 1), **proposals = g_new0(const void *, n + 1);
    g_autofree size_t *config_lengths = g_new0(size_t, n + 1), *proposal_lengths = g_new0(size_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        const HptSlot *slot = &g_array_index(asking->slots, HptSlot, first + i);
        ids[i] = g_strdup(slot->attempt_id);
        versions[i] = slot->version;
        seeds[i] = slot->seed;
        part_seeds[i] = slot->part.seed;
        whole[i] = !slot->part.given;
        origins[i] = slot->origin;
        reasons[i] = slot->reason;
        configs[i] = slot->canonical;
        config_lengths[i] = strlen(slot->canonical);
        proposals[i] = slot->proposal;
        proposal_lengths[i] = slot->proposal == NULL ? 0 : strlen(slot->proposal);
    }
    g_autofree char *array = id_array(ids);
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, array);
    hpt_args_int4s(args, versions, NULL, n);
    hpt_args_texts(args, origins, n);
    hpt_args_texts(args, reasons, n);
    hpt_args_byteas(args, configs, config_lengths, n);
    hpt_args_int8s(args, seeds, NULL, n);
    hpt_args_byteas(args, proposals, proposal_lengths, n);
    hpt_args_int8s(args, part_seeds, whole, n);
    g_autoptr(HptRows) rows = send(asking->asker, HPT_SQL_TRIAL_ASKED, args, error);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool holds = i < hpt_rows_count(rows) && hpt_rows_bool(rows, i, 0);
        g_array_append_val(held, holds);
    }
    return true;
}

static bool release(const HptAsker *asker, int64_t number, int attempt, GError **error)
{
    HptTelling telling = {.number = number, .attempt = attempt, .outcome = HPT_TELL_RELEASED};
    GError *problem = NULL;
    if (hpt_tell(asker->options.project, asker->options.study, &telling, asker->options.patience_us, NULL, &problem))
        return true;
    if (!g_error_matches(problem, HPT_ERROR, HPT_ERROR_CONFLICT)) {
        g_propagate_error(error, problem);
        return false;
    }
    g_error_free(problem); /* it has ended, or is another's: there is nothing to give back */
    return true;
}

bool hpt_asker_release(HptAsker *asker, const GPtrArray *asked, GError **error)
{
    for (guint i = 0; i < asked->len; i++) {
        const HptAsked *one = asked->pdata[i];
        if (!release(asker, one->number, one->attempt, error))
            return false;
    }
    return true;
}

/* What was taken and cannot be given out. After one that cannot be given back the others would only wait, too. */
static void give_back(const Asking *asking)
{
    bool fine = true;
    for (guint i = 0; fine && i < asking->slots->len; i++) {
        const HptSlot *slot = &g_array_index(asking->slots, HptSlot, i);
        g_autoptr(GError) ignored = NULL; /* its lease ends by itself */
        fine = release(asking->asker, slot->number, slot->attempt, &ignored);
        if (!fine)
            g_debug("%s", ignored->message);
    }
}

/* Runs of one trial are given out after each other: the first settles its configuration. */
static bool take(Asking *asking, size_t n, GArray *held, HptAskEnd *end, GError **error)
{
    bool parts = hpt_definition_has_parts(asking->asker->options.study->definition);
    while (asking->slots->len < n) {
        guint first = asking->slots->len;
        if (!reserve(asking, parts ? 1 : n, end, error))
            return false;
        for (guint i = first; i < asking->slots->len; i++)
            if (!propose(asking, &g_array_index(asking->slots, HptSlot, i), error))
                return false;
        if (asking->slots->len > first && !record(asking, first, held, error))
            return false;
        if (*end != HPT_ASK_ENOUGH)
            break;
    }
    return true;
}

static HptAsked *asked_of(const HptAsker *asker, HptSlot *slot, int64_t until_us)
{
    const HptPart *part = &slot->part;
    const char *study = asker->options.study->name;
    HptAsked *asked = g_new0(HptAsked, 1);
    *asked = (HptAsked){
        .id = hpt_asked_id(study, slot->number, slot->attempt),
        .attempt_id = g_strdup(slot->attempt_id),
        .number = slot->number,
        .attempt = slot->attempt,
        .definition = slot->definition,
        .config = g_steal_pointer(&slot->config),
        .canonical = g_steal_pointer(&slot->canonical),
        .seed = part->given ? part->seed : slot->seed,
        .until_us = until_us,
    };
    if (!part->given)
        return asked;
    asked->fold = part->fold;
    asked->repeat = part->repeat;
    asked->split = hpt_split_seed(slot->definition->seed, part->repeat);
    asked->budget = part->budget;
    if (part->resume_trial >= 0)
        asked->resume = hpt_asked_id(study, part->resume_trial, part->resume_attempt);
    return asked;
}

GPtrArray *hpt_asker_ask(HptAsker *asker, size_t n, const json_t *fixed, HptAskEnd *end, GError **error)
{
    g_auto(Asking) asking = {
        .asker = asker,
        .fixed = fixed != NULL && json_object_size(fixed) > 0 ? fixed : NULL,
        .slots = g_array_new(false, false, sizeof(HptSlot)),
        .untils = g_array_new(false, false, sizeof(int64_t)),
    };
    g_autoptr(GArray) held = g_array_new(false, false, sizeof(bool));
    if (!begin_asking(&asking, error) || !enlist(asker, error))
        return NULL;
    if (!take(&asking, n, held, end, error)) {
        give_back(&asking);
        return NULL;
    }
    GPtrArray *out = g_ptr_array_new_with_free_func(hpt_asked_free);
    for (guint i = 0; i < asking.slots->len; i++)
        if (g_array_index(held, bool, i))
            g_ptr_array_add(out, asked_of(asker, &g_array_index(asking.slots, HptSlot, i),
                                          g_array_index(asking.untils, int64_t, i)));
    return out;
}

bool hpt_asker_best(HptAsker *asker, int64_t *number, GError **error)
{
    const HptStudy *study = asker->options.study;
    g_autoptr(HptArgs) args = hpt_recommend_args(study->name);
    g_autoptr(HptRows) rows = send(asker, HPT_SQL_TRIAL_RESULTS, args, error);
    if (rows == NULL)
        return false;
    g_autoptr(HptPast) past = hpt_past_new(study->definition);
    hpt_recommend_add(past, rows);
    *number = hpt_sampler_best(asker->sampler, hpt_past_get(past));
    return true;
}
