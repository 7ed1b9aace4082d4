/* Facts out of what the record is made of, the same for the database and for a bundle. */
#ifndef HPT_STUDY_COMPARE_FACTS_H
#define HPT_STUDY_COMPARE_FACTS_H

#include "study/compare.h"
#include "study/definition.h"

/* A configuration (canonical JSON, may be NULL): a fact for each active parameter. group is "" for
 * a trial. Fails HPT_ERROR_DATA. */
bool hpt_facts_add_config(HptFacts *facts, HptSection section, const char *group, const char *json,
                          size_t length, GError **error) HPT_WARN_UNUSED;

/* The words of a command, one a fact: "word 0" …; and all of them quoted for sh, "words". */
void hpt_facts_add_words(HptFacts *facts, const char *const *words, size_t n);

/* What the definition bounds a trial by, and how it is given its input. */
void hpt_facts_add_limits(HptFacts *facts, const HptDefinition *definition);

/* All of a study's definition: words, limits, sampler, pruner, metrics, points, space. */
void hpt_facts_add_definition(HptFacts *facts, const HptDefinition *definition);

/* A stream ("stdout", "stderr"), file, link or special file that a trial left. Digests are
 * hexadecimal or NULL, target and note may be NULL; mode is -1 if it is not known. */
typedef struct {
    const char *kind, *path, *digest, *full_digest, *target, *note;
    int64_t stored_size, size; /* stored_size only if there is a digest */
    int mode;
} HptFactsArtefact;
void hpt_facts_add_artefact(HptFacts *facts, const char *group, const HptFactsArtefact *artefact);

/* A name of a file as hpt.path_text has it: \\ for a backslash, \ooo where it is not UTF-8; owned.
 */
char *hpt_facts_path_text(const char *bytes, size_t length);
/* And back; owned. */
char *hpt_facts_path_bytes(const char *text);

/* A code snapshot, see record/code.h. Fails HPT_ERROR_DATA. */
bool hpt_facts_add_code(HptFacts *facts, const void *canonical, size_t length,
                        GError **error) HPT_WARN_UNUSED;

/* An input set, see record/inputs.h. Fails HPT_ERROR_DATA. */
bool hpt_facts_add_inputs(HptFacts *facts, const void *canonical, size_t length,
                          GError **error) HPT_WARN_UNUSED;

/* What became of a trial; texts may be NULL, has: which numbers there are. */
typedef struct {
    const char *state, *cause;
    bool has_exit_status, has_signal, has_seed, has_parent, has_seconds, has_max_rss;
    int exit_status, signal;
    int64_t seed, parent, max_rss_bytes;
    double seconds;
} HptFactsRun;
void hpt_facts_add_run(HptFacts *facts, const HptFactsRun *run);

/* The values of metrics in evaluations; names of metrics that were not added are passed over. */
typedef struct {
    const char *name;
    HptPartValue part;
} HptFactsPart;
void hpt_facts_add_parts(HptFacts *facts, int folds, const HptFactsPart *parts, size_t n);

/* How a study went. Counts in the order trials, complete, pruned, failed, lost, cancelled; limits
 * is JSON or NULL; config the best trial's, or NULL. Fails HPT_ERROR_DATA. */
#define HPT_FACTS_COUNTS 6
typedef struct {
    bool has_total, has_best;
    int64_t total, best, counts[HPT_FACTS_COUNTS];
    const char *limits, *stopped, *objective;
    double value;
    const char *config;
    size_t config_length;
} HptFactsResults;
bool hpt_facts_add_results(HptFacts *facts, const HptFactsResults *results,
                           GError **error) HPT_WARN_UNUSED;

/* "fold 3", "repeat 1 fold 3", "budget 9 fold 3": the group of what an evaluation left; NaN: no
 * budget; folds and repeats are those of the definition. Owned. */
char *hpt_facts_part_name(const HptDefinition *definition, double budget, int fold, int repeat);

#endif
