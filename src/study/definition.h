/* What a study is: command, space, metrics, sampler, points. Made from a command line or read back
 * from the record; the canonical JSON is what is hashed and stored.
 *
 * A definition is never edited; --extend makes a new version of it.
 */
#ifndef HPT_STUDY_DEFINITION_H
#define HPT_STUDY_DEFINITION_H

#include "run/metric.h"
#include "run/contain.h"
#include "run/template.h"
#include "prune/prune.h"
#include "search/prior.h"
#include "search/sampler.h"
#include "space/space.h"

/* Metrics and parameters that a study's wide view shows at most (study_make_view): PostgreSQL's
 * views have 1,600 columns. */
#define HPT_WIDE_COLUMNS 1500

typedef struct {
    char **command; /* empty: it is not known, trials are run outside (study/ask.h) */
    bool shell, allow_unused;
    bool stdin_json; /* the parameters on standard input */
    bool chdir_trial;
    bool worker; /* the command is a persistent worker, see run/servant.h */
    HptTemplate *template; /* NULL without a command */
    HptSpace *space;
    char **positions; /* names of what is searched, in the order in which it first was */
    HptMetrics *metrics;
    GPtrArray *points;       /* HptConfig *, tried first */
    bool default_first;      /* points[0] is the default configuration */
    GPtrArray *priors;       /* of HptPrior: earlier studies, see study/prior.h */
    size_t n_prior_points;   /* the last of points, which are theirs */
    char *sampler;           /* canonical spec */
    int sampler_version;
    int window; /* the study is ordered: proposal n is made of the results of trials 0 to n − window, and
                   of no other; 0: of those that are there */
    uint64_t seed;
    int64_t timeout_us, grace_us, output_cap; /* timeout 0: none */
    int folds, repeats;      /* 1: none */
    bool reserve_fold;       /* the last fold is kept from the search */
    int folds_run, evaluations; /* folds that are run, and runs of a trial in a rung: of folds and repeats */
    char *budget;            /* canonical LO..HI:ETA, or NULL */
    double *budgets;         /* of the rungs, ascending; NULL without budget */
    int n_budgets;
    char *pruner; /* canonical spec; NULL: nothing is measured that could be compared */
    int pruner_version;
    int64_t limit_mem_bytes, limit_cpu_us;    /* 0: none */
    HptContainChoice contain;
    char *canonical;                          /* exactly what is stored */
    HptDigest digest;
} HptDefinition;

/* What a command line says; members as in the definition, borrowed. */
typedef struct {
    const char *const *command; /* NULL-terminated; NULL or empty: trials are run outside */
    bool shell, allow_unused, stdin_json, chdir_trial, no_default_trial, worker;
    const HptSpace *space;
    const char *const *metrics; /* texts of -m, NULL-terminated; may be NULL */
    const char *const *points;  /* texts of --point; may be NULL */
    const char *sampler;        /* NULL: random */
    int window;                 /* of an ordered study; 0: it is not ordered */
    const uint64_t *seed;       /* NULL: made here */
    int64_t timeout_us, grace_us, output_cap;
    int folds, repeats; /* ≥ 1 */
    bool reserve_fold;
    const char *budget; /* LO..HI[:ETA]; NULL: none */
    const char *pruner; /* NULL: auto */
    int64_t limit_mem_bytes, limit_cpu_us;
    HptContainChoice contain;
} HptDefinitionInput;

/* Fails HPT_ERROR_USAGE or _DATA with a message fit for the user, HPT_ERROR_NO_ROOM if the space
 * leaves no room for a proposal. */
HptDefinition *hpt_definition_new(const HptDefinitionInput *input, GError **error) HPT_WARN_UNUSED;
HptDefinition *hpt_definition_parse(const void *canonical, size_t length,
                                    GError **error) HPT_WARN_UNUSED;
void hpt_definition_free(HptDefinition *definition);

/* Settles canonical and digest after a change, before it is recorded. */
bool hpt_definition_seal(HptDefinition *definition, GError **error) HPT_WARN_UNUSED;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptDefinition, hpt_definition_free)

/* Makes given compare equal to recorded where the command line was silent (seed, sampler, whether it is
 * ordered and by which window), then says what differs: NULL, or owned lines "  space    - OLD" / "  space    + NEW". *extendable (may
 * be NULL): is it only a widening or a limit, which --extend may make a new version of? */
char *hpt_definition_difference(const HptDefinition *recorded, const HptDefinition *given,
                                bool sampler_given, bool seed_given, bool pruner_given,
                                bool window_given, bool *extendable);

/* The next version: given's space and limits, recorded's everything else. */
HptDefinition *hpt_definition_extend(const HptDefinition *recorded, const HptDefinition *given,
                                     GError **error) HPT_WARN_UNUSED;

/* Are its trials run outside, by a command that is not known? */
bool hpt_definition_is_outside(const HptDefinition *definition);

/* Has a trial evaluations, a row each? Else it is one run. */
bool hpt_definition_has_parts(const HptDefinition *definition);

/* The pruner of a definition that has one; study must outlive it and is filled in here, its maximise
 * is owned by the caller (g_free). */
HptPruner *hpt_definition_pruner(const HptDefinition *definition, HptPruneStudy *study,
                                 GError **error) HPT_WARN_UNUSED;

/* The sampler of a definition; search must outlive it and is filled in here. */
HptSampler *hpt_definition_sampler(const HptDefinition *definition, HptSearch *search,
                                   GError **error) HPT_WARN_UNUSED;

#endif
