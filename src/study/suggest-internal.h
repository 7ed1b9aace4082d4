/* Where proposals and results come from, when proposals are made again: the record or a bundle. */
#ifndef HPT_STUDY_SUGGEST_INTERNAL_H
#define HPT_STUDY_SUGGEST_INTERNAL_H

#include "study/history.h"
#include "study/suggest.h"

/* A trial that was proposed, and what its proposal says that it saw (NULL: nothing). */
typedef struct {
    int64_t number;
    int version; /* of the definition */
    HptDigest config_hash;
    char *proposal;
} HptSuggestTrial;

GArray *hpt_suggest_trials_new(void); /* of HptSuggestTrial */

typedef struct {
    const GArray *trials; /* in their order */
    const HptDefinition *(*definition)(void *user, int version, GError **error); /* borrowed */
    void (*fill)(void *user, HptPast *past); /* all results */
    void *user;
} HptSuggestSource;

bool hpt_suggest_run(const HptSuggestSource *source, HptSuggestTell tell, void *user,
                     GError **error) HPT_WARN_UNUSED;

#endif
