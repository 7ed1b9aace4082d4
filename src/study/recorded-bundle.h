/* What a bundle says of a run of a trial, without a database (study/recorded.h). */
#ifndef HPT_STUDY_RECORDED_BUNDLE_H
#define HPT_STUDY_RECORDED_BUNDLE_H

#include "study/compare-bundle.h"
#include "study/recorded.h"

/* As hpt_recorded_read, of what is behind the # (see hpt_facts_bundle_read); of a study with one trial in the
 * bundle that is the trial. Everything in the bundle is checked. Fails as hpt_facts_bundle_open and _read. */
GPtrArray *hpt_recorded_read_bundle(const char *path, const char *inside, int fold,
                                    GError **error) HPT_WARN_UNUSED;

/* Puts all objects of the bundle into store, in one batch and constant memory. */
bool hpt_recorded_unpack(const char *path, HptStore *store, GError **error) HPT_WARN_UNUSED;

#endif
