/* Earlier studies over the same or an overlapping space: what of their trials is kept, the configurations that
 * they begin a new study with, and what they say about others.
 *
 * Their results are used by rank alone, so another scale, another direction or another measure does not matter.
 * Of a configuration the parameters that both spaces have are used: a value beyond the new bounds is moved to the
 * nearest, a category that there is not any more becomes the default, and so does a parameter that is new.
 *
 * The expected improvement of a process is blended with the improvement that the earlier studies predict on the
 * best of what was tried here (Wistuba, Schilling, Schmidt-Thieme 2018, "Scalable Gaussian process-based transfer
 * surrogates for hyperparameter optimization", eq. 18, "transfer acquisition function"); the score of the Parzen
 * estimator is tilted by the earlier means (Hvarfner et al. 2022, arXiv:2204.11051, "πBO", in which the tilt fades as
 * trials are told, too). How much each study counts follows from the share of pairs of results that it ranks wrongly
 * (Feurer, Letham, Bakshy 2018, arXiv:1802.02219, § 3.1, "ranking loss").
 *
 * Deviations: the weight is a line in that share instead of a vote of bootstrap samples, from a half where nothing is
 * told to nothing at WRONG_MOST, and fades with the number of trials; the earlier processes are fitted to normal
 * scores of ranks.
 */
#ifndef HPT_SEARCH_PRIOR_H
#define HPT_SEARCH_PRIOR_H

#include "search/told.h"

/* ---- what is kept of a study ---- */

#define HPT_PRIOR_ROWS 80 /* at most */

typedef struct HptPrior HptPrior;

/* {"study":"svm","direction":"min","rows":[{"trial":7,"config":{"C":1},"value":0.25},…]}; a value that is null is
 * that of a trial that failed. Other members are ignored. Fails HPT_ERROR_DATA. */
HptPrior *hpt_prior_read(const json_t *object, GError **error) HPT_WARN_UNUSED;
void hpt_prior_free(HptPrior *prior);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPrior, hpt_prior_free)

const char *hpt_prior_get_study(const HptPrior *prior);
const json_t *hpt_prior_get_json(const HptPrior *prior); /* as it was read */

/* An array of them (NULL: none); of HptPrior, owned. */
GPtrArray *hpt_priors_read(const json_t *array, GError **error) HPT_WARN_UNUSED;

/* Which of n results, of which one is to be small, are kept: at most HPT_PRIOR_ROWS indices into chosen, best first:
 * the best half of them, and others evenly by their order. */
size_t hpt_prior_choose(const double *values, const bool *failed, size_t n, size_t *chosen);

/* Does it have a parameter of the space? */
bool hpt_prior_meets(const HptPrior *prior, const HptSpace *space);

/* ---- the first proposals ---- */

/* Configurations to begin with, each study's best in turn, then each's next that is not near those before:
 * as many as are half of what is spread over the space at the start (see learn.h), of HptConfig, owned. None of
 * n_others is among them. */
GPtrArray *hpt_prior_points(const HptSpace *space, const HptPrior *const *priors, size_t n_priors,
                            const HptConfig *const *others, size_t n_others);

/* ---- what they say ---- */

/* Processes, fitted to the studies. A cache. NULL: no study has what it takes. */
HptPriors *hpt_priors_new(const HptCube *cube, const HptPrior *const *priors, size_t n);
void hpt_priors_free(HptPriors *priors);

/* Settles what each counts, by told. After this, does any? O(told->n²), for the first some hundred trials. */
bool hpt_priors_weigh(HptPriors *priors, const HptTold *told);

/* Adds to each of n expected improvements, given and left as logarithms, what the studies expect. */
void hpt_priors_blend(const HptPriors *priors, const double *rows, size_t n, double *scores);

/* What is added to the logarithm of a ratio of densities at row. */
double hpt_priors_tilt(const HptPriors *priors, const double *row);

/* How many of the candidates are to come from hpt_priors_draw: up to ½, the less the studies count. */
double hpt_priors_share(const HptPriors *priors);

/* A row near one of the best of a study. False: it is forbidden. */
bool hpt_priors_draw(const HptPriors *priors, HptDraws *draws, double *row);

/* "svm 0.43, svm2 0": what each counts; owned. */
char *hpt_priors_describe(const HptPriors *priors);

#endif
