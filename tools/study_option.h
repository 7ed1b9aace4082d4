/* The study that a command line describes, in hpt-run and hpt-ask: made, or compared with the one that is there. */
#ifndef HPT_TOOLS_STUDY_OPTION_H
#define HPT_TOOLS_STUDY_OPTION_H

#include "study/study.h"

/* What the line says, and where it is silent: the study's then. */
typedef struct {
    bool sampler, seed, pruner, window;
    bool extend;
    char **priors; /* of --prior; NULL: none were given */
} StudyGiven;

/* --folds and --repeats; NULL: not given, 1. Fails HPT_ERROR_USAGE. */
bool study_option_parts(const char *folds, const char *repeats, int *out_folds, int *out_repeats,
                        GError **error) HPT_WARN_UNUSED;

/* A study of this definition, which knows nothing of the earlier ones yet. If another process made one of that name in
 * the meantime, that one is found. Owned. */
HptStudy *study_option_make(HptDb *db, const char *name, int64_t total, const HptDefinition *definition,
                            const StudyGiven *given, GError **error) HPT_WARN_UNUSED;

/* Is the study what the line describes? With extend, one that it may be widened to is made its next version. Fails HPT_ERROR_USAGE, saying what differs. */
bool study_option_compare(HptDb *db, HptStudy *study, const HptDefinition *definition, const StudyGiven *given,
                          GError **error) HPT_WARN_UNUSED;

#endif
