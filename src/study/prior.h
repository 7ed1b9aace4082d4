/* Earlier studies of the record that a new one begins with (hpt-run --prior).
 *
 * What they hold at that moment is frozen into the definition of the new study: the rows that are used, and which
 * results there were. So proposals stay functions of the definition, the number and what they saw, also when the
 * earlier study goes on, and wherever the new one is exported to.
 */
#ifndef HPT_STUDY_PRIOR_H
#define HPT_STUDY_PRIOR_H

#include "db/db.h"
#include "study/definition.h"

/* Adds the studies (NULL-terminated, one named twice counts once) to a definition that is not recorded yet, and
 * their best configurations as the last of its points. Fails HPT_ERROR_NOT_FOUND for a study that is not there,
 * HPT_ERROR_USAGE for one that has no result with an objective, or no parameter of the new space. */
bool hpt_definition_add_priors(HptDefinition *definition, HptDb *db, const char *const *studies,
                               GError **error) HPT_WARN_UNUSED;

/* The names of the studies that the definition has, in order; owned, NULL-terminated. */
char **hpt_definition_prior_names(const HptDefinition *definition);

#endif
