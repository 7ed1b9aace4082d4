/* Facts of trials and studies in a bundle, without a database (study/compare.h).
 *
 * The rows of the bundle are kept as text, so memory is their size; curves are passed over. Content
 * is read when it is asked for, in one more pass for each trial.
 */
#ifndef HPT_STUDY_COMPARE_BUNDLE_H
#define HPT_STUDY_COMPARE_BUNDLE_H

#include "study/compare.h"

typedef struct HptFactsBundle HptFactsBundle;

/* Does text name a bundle: does it, up to the last #, begin as a path (/, ./, ../) or end in .tar,
 * .tar.zst or .tzst? *path is then owned, *inside what is behind the #, or NULL, borrowed from
 * text. */
bool hpt_facts_is_bundle(const char *text, char **path, const char **inside);

/* Reads the bundle through: everything in it is checked. Fails HPT_ERROR_INTEGRITY, _IO, _NOT_FOUND
 * (no such file), _DATA (a record of a form that is not known). */
HptFactsBundle *hpt_facts_bundle_open(const char *path, GError **error) HPT_WARN_UNUSED;
void hpt_facts_bundle_free(HptFactsBundle *bundle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptFactsBundle, hpt_facts_bundle_free)

/* What is behind the #:
 *     17, best, best~1, last, last~1, 17.2    a trial or an attempt, of the only study
 *     STUDY/17 …                              of that study
 *     STUDY/, or NULL                         a study; the only one
 * bundle must outlive the facts. Fails HPT_ERROR_USAGE, _NOT_FOUND, _DATA. */
HptFacts *hpt_facts_bundle_read(HptFactsBundle *bundle, const char *inside,
                                GError **error) HPT_WARN_UNUSED;

#endif
