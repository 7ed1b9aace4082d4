/* Are the proposals of a study those that its sampler makes of the rows that they say they saw?
 */
#ifndef HPT_STUDY_SUGGEST_H
#define HPT_STUDY_SUGGEST_H

#include "db/db.h"

typedef enum {
    HPT_SUGGEST_EQUAL,
    HPT_SUGGEST_DIFFERS,
    HPT_SUGGEST_UNKNOWN, /* cannot be said: see the note */
    HPT_SUGGEST_COUNT,
} HptSuggestVerdict;

const char *hpt_suggest_verdict_name(HptSuggestVerdict verdict); /* "equal" … */

/* note: why it is unknown, or what differs; NULL: equal. */
typedef void (*HptSuggestTell)(int64_t trial, HptSuggestVerdict verdict, const char *note, void *user);

/* Derives the proposal of the trial again, or with number −1 those of all that have one, in their order. Reads
 * the study's results once. Trials that were explored from another's configuration are not proposals and left out.
 * Fails HPT_ERROR_NOT_FOUND if there is no such study. */
bool hpt_suggest_check(HptDb *db, const char *study, int64_t number, HptSuggestTell tell, void *user,
                       GError **error) HPT_WARN_UNUSED;

/* The same of a bundle, of what is behind its # (see hpt_facts_bundle_read; one trial or all of a study, whose name alone will do). Of
 * proposals that saw trials which are not in it the verdict is unknown. Fails as hpt_facts_bundle_open. */
bool hpt_suggest_check_bundle(const char *path, const char *inside, HptSuggestTell tell, void *user,
                              GError **error) HPT_WARN_UNUSED;

#endif
