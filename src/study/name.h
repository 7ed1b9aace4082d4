/* Names of studies and trials as people type them; the one resolver of all tools.
 *
 * A study is named in full. Without a name it is the current one: the only study, or the one with
 * the last activity (a worker that came or went, the start or end of its newest trial).
 *
 * A trial is named
 *     17                 by its number
 *     STUDY/17           in another study; whatever follows the last "/" is one of these forms
 *     best, best~2       the best complete feasible trial by the first objective; the second next
 *     recommended        the complete feasible trial to prefer where values are noisy, see recommend.h
 *     last, last~2       the one with the highest number; the second before it
 *     @first-failed      the first or last one in a state (@last-pruned, @first-lost …)
 *     sha256:abcd        by the hash of its configuration: a prefix of four digits or more that
 *                        fits one configuration; of equal configurations the first trial
 *
 * All reading is through the public views: any role can do it.
 */
#ifndef HPT_STUDY_NAME_H
#define HPT_STUDY_NAME_H

#include "db/db.h"

/* May a study have this name? Fails HPT_ERROR_USAGE. */
bool hpt_study_name_check(const char *name, GError **error) HPT_WARN_UNUSED;

typedef struct {
    char *study;
    char *view;    /* its wide view: a table of schema hpt_study */
    bool chosen;   /* no name was given and there were several: tell the user which one it is */
    int64_t count; /* studies in the database; only known when no name was given */
} HptStudyName;

void hpt_study_name_clear(HptStudyName *name);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HptStudyName, hpt_study_name_clear)

/* Fills *out (which must be clear). text NULL: the current study. Fails HPT_ERROR_NOT_FOUND "no
 * study 'svn'; did you mean 'svm'?", or when there is none at all. */
bool hpt_study_name_find(HptDb *db, const char *text, HptStudyName *out,
                         GError **error) HPT_WARN_UNUSED;

typedef struct {
    HptStudyName study;
    int64_t trial;
} HptTrialName;

void hpt_trial_name_clear(HptTrialName *name);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HptTrialName, hpt_trial_name_clear)

/* Fills *out (which must be clear) with the trial that text names. study (NULL: the current one)
 * is where to look unless text says "STUDY/…". Fails HPT_ERROR_USAGE when text is none of the
 * forms, HPT_ERROR_NOT_FOUND when there is no such trial, saying which there are. */
bool hpt_trial_name_find(HptDb *db, const char *study, const char *text, HptTrialName *out,
                         GError **error) HPT_WARN_UNUSED;

#endif
