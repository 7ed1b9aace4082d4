/* A study in the record: found by name, made, extended. */
#ifndef HPT_STUDY_STUDY_H
#define HPT_STUDY_STUDY_H

#include "db/db.h"
#include "study/definition.h"

typedef struct {
    int64_t id;
    char *name, *view_name;
    int64_t total; /* the recorded target; -1: none was given */
    bool limited;  /* something else ends it too, see hpt_study_set_limits */
    int version;
    HptDefinition *definition; /* the newest */
    GHashTable *older;         /* version → HptDefinition, filled when a trial asks for it */
} HptStudy;

void hpt_study_free(HptStudy *study);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptStudy, hpt_study_free)

/* *out is NULL if there is no study of that name. */
bool hpt_study_find(HptDb *db, const char *name, HptStudy **out, GError **error) HPT_WARN_UNUSED;

/* The same, and HPT_ERROR_NOT_FOUND with a suggestion if there is none. */
HptStudy *hpt_study_open(HptDb *db, const char *name, GError **error) HPT_WARN_UNUSED;

/* Makes a study of this definition, which is kept. If another process made one of that name in the
 * meantime, that one is found. total -1: none. */
HptStudy *hpt_study_create(HptDb *db, const char *name, int64_t total,
                           HptDefinition *steal_definition, GError **error) HPT_WARN_UNUSED;

/* Adds a version; HPT_ERROR_CONFLICT if somebody else added one first. */
bool hpt_study_extend(HptDb *db, HptStudy *study, HptDefinition *steal_definition,
                      GError **error) HPT_WARN_UNUSED;

bool hpt_study_set_total(HptDb *db, HptStudy *study, int64_t total, GError **error) HPT_WARN_UNUSED;

/* What ends it besides the total, as JSON (see study_set_limits in sql/schema); looks anew whether it is
 * reached. */
bool hpt_study_set_limits(HptDb *db, HptStudy *study, const char *limits,
                          GError **error) HPT_WARN_UNUSED;

/* Why nothing more is started; *reason is owned, NULL if it goes on. */
bool hpt_study_stopped(HptDb *db, const char *name, char **reason, GError **error) HPT_WARN_UNUSED;

/* The definition of a version, borrowed from study. */
const HptDefinition *hpt_study_get_version(HptDb *db, HptStudy *study, int version,
                                           GError **error) HPT_WARN_UNUSED;

/* A version of the definition, 0: the newest; through the public views, so any role can do it. Owned. */
HptDefinition *hpt_study_definition(HptDb *db, const char *study, int version, GError **error) HPT_WARN_UNUSED;

/* Reads all of them: trials that wait may need any. */
bool hpt_study_load_versions(HptDb *db, HptStudy *study, GError **error) HPT_WARN_UNUSED;

/* Can this sampler of its definition go on with it? An ordered study follows from one version of its sampler. Fails
 * HPT_ERROR_CONFLICT. */
bool hpt_study_check_sampler(const HptStudy *study, const HptSampler *sampler, GError **error) HPT_WARN_UNUSED;

typedef struct {
    int64_t complete, pruned, failed, lost, running, waiting, trials;
} HptStudyCounts;
bool hpt_study_counts(HptDb *db, const char *name, HptStudyCounts *out,
                      GError **error) HPT_WARN_UNUSED;

/* The best complete trial by the first objective; *number is -1 if there is none. */
bool hpt_study_best(HptDb *db, const HptStudy *study, int64_t *number, double *value,
                    GError **error) HPT_WARN_UNUSED;

#endif
