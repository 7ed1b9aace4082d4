/* What a candidate is to reach besides the improvement of one value: of several objectives a larger dominated volume,
 * and that every constraint is kept.
 *
 * Each objective and each constraint has a Gaussian process of its own, and they are taken as independent. What is
 * searched for is the largest expected improvement of the volume (Emmerich, Deutz, Klinkenberg 2011, "Hypervolume-based
 * expected improvement: monotonicity properties and exact computation", CEC; see ehvi.h), times the probability that
 * every constraint is kept (Schonlau, Welch, Jones 1998; Gardner et al. 2014, "Bayesian optimization with inequality
 * constraints", ICML, eq. 7); while no trial keeps every constraint it is that probability alone (Gelbart, Snoek, Adams
 * 2014, "Bayesian optimization with unknown constraints", UAI, 3.2).
 *
 * - The front is made of the means at the trials that keep every constraint, and at the running ones that probably
 *   will. Where an objective is noisy it is in doubt, and so is a place that is known together with its neighbours:
 *   there the values are drawn from the posterior, four times, of more than 2 objectives twice, and what is expected
 *   beyond each front, by processes that know these values, is averaged (Daulton, Balandat, Bakshy 2021, "Parallel
 *   Bayesian optimization of multiple noisy objectives with expected hypervolume improvement", NeurIPS, §4; here exact
 *   but for the draws). The reference point lies beyond the worst values of all trials by a tenth of their ranges.
 * - Of more than 4 objectives each proposal looks at 4 that are drawn; of more than 8 constraints at those that
 *   are broken most often. Of a front that would have too many boxes only points far from each other stay.
 * - Of an objective the process sees what lies above the median on a logarithmic scale, so that a trial that went astray
 *   does not make all others alike.
 * - Of a constraint the process sees sign(c) log(1 + |c| / mean |c|), of which 0 is 0: the far ends say little
 *   (Eriksson, Poloczek 2021, "Scalable constrained Bayesian optimization", AISTATS, "bilog"). A constraint whose values
 *   are all alike says nothing.
 */
#ifndef HPT_SEARCH_GOAL_H
#define HPT_SEARCH_GOAL_H

#include "search/told.h"

/* Keeps fitted hyperparameters: a cache, whose content follows from the history. */
typedef struct HptGoals HptGoals;

HptGoals *hpt_goals_new(const HptCube *cube); /* cube is borrowed */
void hpt_goals_free(HptGoals *goals);

/* Of one proposal. */
typedef struct HptGoal HptGoal;

/* NULL: one value to be improved is all there is. Every trial of told with values has all its objectives. */
HptGoal *hpt_goals_set(HptGoals *goals, const HptTold *told, HptDraws *draws);
void hpt_goal_free(HptGoal *goal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptGoal, hpt_goal_free)

/* Adds to the scores of n rows the logarithms of what is expected of them. */
void hpt_goal_add(HptGoal *goal, const double *rows, size_t n, double *scores);

/* The same of one row, and adds to slope its derivatives, as those of hpt_gp_predict_slope. */
double hpt_goal_add_slope(HptGoal *goal, const double *row, double *slope);

#endif
