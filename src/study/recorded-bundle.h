/* What a bundle says of a run of a trial, without a database (study/recorded.h). */
#ifndef HPT_STUDY_RECORDED_BUNDLE_H
#define HPT_STUDY_RECORDED_BUNDLE_H

#include "study/compare-bundle.h"
#include "study/recorded.h"

/* As hpt_recorded_read, of what is behind the # (see hpt_facts_bundle_read); of a study with one trial in the
 * bundle that is the trial. Everything in the bundle is checked. Fails as hpt_facts_bundle_open and _read. */
GPtrArray *hpt_recorded_read_bundle(const char *path, const char *inside, int fold,
                                    GError **error) HPT_WARN_UNUSED;

/* Puts the objects of the bundle into store that running these again and comparing may ask for (runs of HptRecorded *):
 * their code, inputs, and outputs that can be compared as text. In one batch, in memory that does not grow with their
 * sizes. */
bool hpt_recorded_unpack(const char *path, const GPtrArray *runs, HptStore *store, GError **error) HPT_WARN_UNUSED;

#endif
