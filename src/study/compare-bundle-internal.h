/* Between compare-bundle.c (a bundle's rows and content) and what makes something of them:
 * compare-bundle-facts.c for a comparison, recorded-bundle.c for a replay. */
#ifndef HPT_STUDY_COMPARE_BUNDLE_INTERNAL_H
#define HPT_STUDY_COMPARE_BUNDLE_INTERNAL_H

#include "study/compare-bundle.h"
#include "store/table.h"
#include "study/definition.h"

/* hpt_facts_bundle_open that takes so many bytes of tables into memory, and fails HPT_ERROR_UNSUPPORTED where the
 * bundle has more. */
HptFactsBundle *hpt_facts_bundle_open_within(const char *path, int64_t room,
                                             GError **error) HPT_WARN_UNUSED;

/* A walk over rows of one table, in the order of their keys. */
typedef struct {
    const HptTable *table;
    const char *at, *end;
    const char *study; /* NULL: of all; borrowed */
    int64_t number;    /* of the trial; -1: of all */
} HptBundleRows;

HptBundleRows hpt_bundle_rows(const HptFactsBundle *bundle, const char *table, const char *study,
                              int64_t number);
/* The next row, owned; NULL at the end, or with *error set. */
json_t *hpt_bundle_rows_next(HptBundleRows *rows, GError **error);

/* The rows of such a walk, of json_t; owned. */
GPtrArray *hpt_bundle_rows_of(const HptFactsBundle *bundle, const char *table, const char *study,
                              int64_t number, GError **error) HPT_WARN_UNUSED;

/* Reads the curves of a trial, too, in one more pass: they are rows of metric_chunk then. */
bool hpt_bundle_read_curves(HptFactsBundle *bundle, const char *study, int64_t number,
                            GError **error) HPT_WARN_UNUSED;

/* A version of a study's definition; 0: the newest. */
HptDefinition *hpt_bundle_definition(const HptFactsBundle *bundle, const char *study,
                                     int64_t version, GError **error) HPT_WARN_UNUSED;

/* A path of a row as people see it, owned; NULL if the row has none. */
char *hpt_bundle_row_path(const json_t *row, const char *name);

/* The row of a table whose digest this is, owned; NULL, without an error, if there is none. */
json_t *hpt_bundle_row_by_digest(const HptFactsBundle *bundle, const char *table,
                                 const char *digest, GError **error);

/* The canonical bytes of such a row, owned; NULL, without an error, if there is none (digest NULL:
 * none is wanted). */
char *hpt_bundle_canonical(const HptFactsBundle *bundle, const char *table, const char *digest,
                           size_t *length, GError **error);

/* Size of an object by its hexadecimal digest; -1: no row. */
int64_t hpt_bundle_object_size(const HptFactsBundle *bundle, const char *digest);

/* Makes facts read content from the bundle. */
void hpt_bundle_set_content(HptFactsBundle *bundle, HptFacts *facts);

/* A trial (attempt 0) or one attempt of it; a study. */
HptFacts *hpt_bundle_trial_facts(HptFactsBundle *bundle, const char *study, int64_t trial,
                                 int attempt, const char *label, GError **error) HPT_WARN_UNUSED;
HptFacts *hpt_bundle_study_facts(HptFactsBundle *bundle, const char *study, const char *label,
                                 GError **error) HPT_WARN_UNUSED;

/* Trials that are complete and keep every constraint, best first, by the first objective;
 * *objective is owned, NULL if the study has none. */
typedef struct {
    int64_t trial;
    double value;
} HptBundleRank;
GArray *hpt_bundle_ranking(const HptFactsBundle *bundle, const char *study, char **objective,
                           GError **error) HPT_WARN_UNUSED;

#endif
