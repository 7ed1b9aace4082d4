/* Facts of trials, attempts, studies and environments, read from the record (study/compare.h). */
#ifndef HPT_STUDY_COMPARE_READ_H
#define HPT_STUDY_COMPARE_READ_H

#include "db/db.h"
#include "study/compare.h"

/* Reading is through the public views: any role can do it. db and store (NULL: there is no folder
 * of objects here) are borrowed and outlive the facts, whose read uses them. */

/* A trial, or one attempt of it (attempt 0: the trial as it counts, all its evaluations). Three
 * statements, one more where it has evaluations. Fails HPT_ERROR_NOT_FOUND. */
HptFacts *hpt_facts_read_trial(HptDb *db, HptStore *store, const char *study, int64_t trial,
                               int attempt, GError **error) HPT_WARN_UNUSED;

/* A study: its newest definition, its best trial, how many of each state. */
HptFacts *hpt_facts_read_study(HptDb *db, const char *study, GError **error) HPT_WARN_UNUSED;

/* The environment whose digest begins with hex (four digits or more, and only one does). */
HptFacts *hpt_facts_read_environment(HptDb *db, const char *hex, GError **error) HPT_WARN_UNUSED;

/* What text names, which is one of
 *     a trial            as in study/name.h; study (NULL: the current one) is where to look
 *     TRIAL.ATTEMPT      one attempt of it: 17.2, svm/17.2
 *     NAME/              a study
 *     env:HEX            an environment
 * Fails HPT_ERROR_USAGE, HPT_ERROR_NOT_FOUND. */
HptFacts *hpt_facts_read(HptDb *db, HptStore *store, const char *study, const char *text,
                         GError **error) HPT_WARN_UNUSED;

#endif
