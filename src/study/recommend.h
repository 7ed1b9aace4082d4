/* The trial to prefer of a study, where values may be noisy: search/recommend.h, asked of what the record holds.
 *
 * It follows from the results of the study's trials alone, of each the newest, but for those that were pruned: what they
 * left is not the value of a whole trial. All reading is through the public views: any role can do it.
 */
#ifndef HPT_STUDY_RECOMMEND_H
#define HPT_STUDY_RECOMMEND_H

#include "db/db.h"
#include "search/recommend.h"
#include "study/history.h"

/* Those results: arguments of trial_results, owned, and its rows, for a past of the study's newest definition that holds
 * nothing yet. */
HptArgs *hpt_recommend_args(const char *study);
void hpt_recommend_add(HptPast *past, const HptRows *rows);

/* The trial to prefer, of a study of one objective. among: ascending numbers of the trials that may be preferred, see
 * hpt_recommend. *out is in the objective's unit and direction: lowest is the trial with the best value. *found false:
 * none of them has a value and keeps every constraint. */
bool hpt_recommend_study(HptDb *db, const char *study, const HptDefinition *definition, const int64_t *among,
                         size_t n_among, HptRecommendation *out, bool *found, GError **error) HPT_WARN_UNUSED;

/* The ends of the interval of 95 %. */
void hpt_expected_interval(HptExpected expected, double *low, double *high);

/* In a line: what is preferred, and what is to be thought of the best value. Owned. */
char *hpt_recommendation_text(const HptRecommendation *recommendation, const HptDefinition *definition);

/* The same in a few words, for who did not ask; NULL: there is no noise, so nothing is to be said. Owned. */
char *hpt_recommendation_hint(const HptRecommendation *recommendation, const HptDefinition *definition);

#endif
