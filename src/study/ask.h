/* Trials of a study that are run outside: given out with a lease of a stated length (hpt-ask), told of by whoever
 * ran them (hpt-tell, study/tell.h).
 *
 * What is given out is recorded for good before the caller knows of it: number, attempt, configuration, seed and
 * what the proposal was made of. A lease that has run out is given out again, to the next who asks or to an hpt-run of
 * the study, as the next attempt of the same trial.
 *
 * Of a trial that is made of several runs (folds, repeats, rungs of a budget) one run is given out at a time, by the
 * plan that hpt-run follows (study/plan.h): each has an id of its own, and the trial ends with the last of them.
 */
#ifndef HPT_STUDY_ASK_H
#define HPT_STUDY_ASK_H

#include "db/project.h"
#include "study/study.h"

/* How long a lease is where nothing is said, and the shortest and the longest. */
#define HPT_ASK_LEASE_US (INT64_C(3600) * 1000000)
#define HPT_ASK_LEASE_MIN_US INT64_C(1000000)
#define HPT_ASK_LEASE_MAX_US (INT64_C(365) * 86400 * 1000000)
/* Times that a trial may be lost before it counts as lost for good. */
#define HPT_ASK_MAX_LOST 3

typedef struct {
    HptProject *project;
    HptStudy *study; /* borrowed */
    int64_t lease_us;
    int64_t patience_us; /* how long the database may be away; 0: five minutes */
    const char *tool_version;
    const char *const *environment; /* environ */
} HptAskOptions;

typedef struct HptAsker HptAsker;

/* What a trial is called outside: STUDY/NUMBER, of a later attempt STUDY/NUMBER.ATTEMPT. Owned. */
char *hpt_asked_id(const char *study, int64_t number, int attempt);

typedef struct {
    char *id;
    char *attempt_id; /* UUID */
    int64_t number;
    int attempt;
    const HptDefinition *definition; /* of the version that proposed it; the study's */
    HptConfig *config;
    char *canonical; /* of config */
    int64_t seed;     /* of the run: the trial's, or its evaluation's */
    int64_t until_us; /* when the lease ends, since 1970 */
    /* Of an evaluation, as the definition has them; else 0 and NULL. */
    int fold, repeat;
    int64_t split;
    double budget;
    char *resume; /* the id of the run that it goes on from; NULL: none */
} HptAsked;

void hpt_asked_free(void *asked);

/* Registers nothing yet; delivers what lies in the spool, so that no trial counts as lost that has ended. notes: lines
 * for people are added. */
HptAsker *hpt_asker_new(const HptAskOptions *options, GPtrArray *notes, GError **error) HPT_WARN_UNUSED;
void hpt_asker_free(HptAsker *asker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptAsker, hpt_asker_free)

typedef enum {
    HPT_ASK_ENOUGH, /* as many as were asked for */
    HPT_ASK_WAIT,   /* the last ones are given out, of an ordered study all that can be now; one may come back */
    HPT_ASK_DONE,   /* the study has all its trials, or is stopped */
} HptAskEnd;

/* Up to n trials, or runs of them, owned (of HptAsked *): those that wait first, then of a budget what is worth
 * more of it, then new ones. fixed (may be NULL): a JSON object of parameters that have their value already; then all are
 * new, and an ordered study refuses it (HPT_ERROR_USAGE). *end says why there are not more. Fails HPT_ERROR_DATA for
 * values that cannot be fixed, _NO_ROOM if nothing is left to propose: nothing is given out then. */
GPtrArray *hpt_asker_ask(HptAsker *asker, size_t n, const json_t *fixed, HptAskEnd *end,
                         GError **error) HPT_WARN_UNUSED;

/* The trial to prefer, as of hpt_sampler_best, of the results in the record (study/recommend.h); *number is -1: no trial
 * has a value. */
bool hpt_asker_best(HptAsker *asker, int64_t *number, GError **error) HPT_WARN_UNUSED;

/* The trials go back, to be given out again at once: they could not be handed on. */
bool hpt_asker_release(HptAsker *asker, const GPtrArray *asked, GError **error) HPT_WARN_UNUSED;

/* The sampler of the study's newest version, in which fixed (may be NULL) is fixed; *space is its space and *search
 * must outlive it. */
HptSampler *hpt_ask_sampler(const HptDefinition *definition, const json_t *fixed, HptSpace **space, HptSearch *search,
                            GError **error) HPT_WARN_UNUSED;

#endif
