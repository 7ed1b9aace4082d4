/* The one interface of all samplers: history in, proposal out.
 *
 * A proposal is a pure function of the space, the study seed, the trial number, the settings and
 * the history handed in; a sampler object is a cache and nothing more, so two objects made alike
 * propose alike. Nothing here reads a clock, a file, the environment or a socket.
 */
#ifndef HPT_SEARCH_SAMPLER_H
#define HPT_SEARCH_SAMPLER_H

#include "space/space.h"

/* A finished or running trial as a sampler sees it. */
typedef struct {
    int64_t number;
    const HptConfig *config;
    bool finished;        /* false: running, values not known */
    const double *values; /* one per objective, all to be minimised; NULL: failed or running */
    /* One per constraint: how far beyond its bound, so 0 or less keeps it; NaN: not measured. NULL: none was
     * measured. Read only of trials with values. */
    const double *constraints;
    uint64_t digest; /* hpt_observation_digest of all this, or 0: samplers take it, at each proposal */
} HptObservation;

typedef struct {
    const HptObservation *observations; /* by number, ascending */
    size_t n;
    size_t n_objectives; /* 0 means 1 */
    size_t n_constraints;
} HptHistory;

/* A hash of what the observation says, never 0. Samplers take two of one digest for the same. */
uint64_t hpt_observation_digest(const HptObservation *observation, size_t n_objectives, size_t n_constraints);

typedef struct {
    HptConfig *config;  /* owned by the caller after a proposal */
    const char *origin; /* "default", "point", "prior", or the sampler's name; static */
    char *reason;       /* one line for the record, or NULL; owned */
} HptProposal;
void hpt_proposal_clear(HptProposal *proposal);

typedef struct HptSampler HptSampler;

/* Everything that is fixed for the life of a study version. */
typedef struct {
    const HptSpace *space; /* parameters may be fixed (hpt_space_fix): what is learned is learned of the whole space,
                              what is proposed has their values; points without them are passed over */
    const char *const *positions; /* parameter names in the order in which the study first searched
                                     them (Sobol dimensions; a constant counts from when it is
                                     widened), NULL-terminated; NULL: byte order */
    uint64_t seed;
    const HptConfig *const *points; /* tried first, in this order */
    size_t n_points;
    bool default_first; /* points[0] is the default configuration */
    size_t n_prior_points; /* the last of points, which are those of earlier studies */
    const struct HptPrior *const *priors; /* earlier studies, see prior.h */
    size_t n_priors;
} HptSearch;

/* For who does not say which. */
#define HPT_SAMPLER_DEFAULT "auto"

/* spec is "NAME" or "NAME:KEY=VALUE,…" (grid:points=5). search is borrowed and must outlive the
 * sampler. Fails HPT_ERROR_USAGE for an unknown name (with a suggestion) or setting.
 *
 *   random   no settings
 *   sobol    no settings
 *   grid     points=10  values of a range of reals, and of integers with more than `ints` values
 *            ints=20    ranges of up to so many integers are taken whole; or "all"
 *            NAME=N     values of that parameter; NAME=all for one with steps or integers
 *   auto     no settings; a mixture of gp and tpe, on grids of forest, too
 *   forest   random=0.1      share of random configurations
 *            trees=20        of the forest
 *            candidates=1000 random ones that are looked at for one proposal
 *   gp       no settings
 *   tpe      good=0.15      share of the trials that count as good
 *            most=25        of them at most so many
 *            candidates=64  configurations drawn like them, of which one is proposed
 *   cmaes    population=0   trials of a generation, at least 2; 0: 4 + 3 ln of the parameters
 *            sigma=0        width of the first distribution, as a share of each range; 0: 0.2, and down to
 *                           0.02 where it begins with 100 trials
 *            restarts=bipop when a run is at its end: bipop, ipop or none
 *            from=0         the first generation begins with that trial, and from what was found before it
 *   nsga2    population=10  parents, and trials before there are any
 *            crossover=0.9  share of the children with two parents
 *            mutation=1     parameters of a child that are moved, on average
 *   nsga3    as nsga2; population is also how many directions there are
 *   de       population=12  members, and trials before there are any
 *            best=0.2       share of them that others are moved towards
 */
HptSampler *hpt_sampler_new(const char *spec, const HptSearch *search,
                            GError **error) HPT_WARN_UNUSED;
void hpt_sampler_free(HptSampler *sampler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptSampler, hpt_sampler_free)

/* The proposal for trial number ≥ 0. history may be NULL for samplers that do not use it.
 * Fails HPT_ERROR_EXHAUSTED (a grid has no such point) or HPT_ERROR_NO_ROOM (200,000 draws in a
 * row hit forbidden clauses; the message names the three that matched most often; or they leave nothing of a grid). */
bool hpt_sampler_propose(HptSampler *sampler, const HptHistory *history, int64_t number,
                         HptProposal *out, GError **error) HPT_WARN_UNUSED;

/* The number of the trial to prefer by the first objective, of those that keep every constraint, or, if none does,
 * that which is the least beyond them: that with the lowest value, of equal ones the first, or, of samplers that
 * learn, if values are noisy, that which is expected to be lowest (recommend.h). -1: no trial has a value. */
int64_t hpt_sampler_best(HptSampler *sampler, const HptHistory *history);

/* How many trials there are in all, points included, or -1 if there is no end, or none that could be
 * counted: a grid with conditions or clauses is counted by walking it, for some millions of steps at
 * most. Such a grid still ends, with HPT_ERROR_EXHAUSTED. */
int64_t hpt_sampler_total(HptSampler *sampler);

/* The canonical spec with every setting spelled out ("grid:points=10"), for the record. Borrowed;
 * and the version of the algorithm, raised whenever proposals change. */
const char *hpt_sampler_get_spec(const HptSampler *sampler);
int hpt_sampler_get_version(const HptSampler *sampler);

/* Do proposals depend on the history? The others need none. */
bool hpt_sampler_learns(const HptSampler *sampler);

/* Names of all samplers, NULL-terminated, for help and completion. */
const char *const *hpt_sampler_get_names(void);

#endif
