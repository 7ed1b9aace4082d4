/* What the record says of one run of a trial, as far as running it again and comparing needs it.
 *
 * Read through the public views: any role can. A trial that is one run is one of these; of a trial
 * with folds, repeats or rungs each evaluation is.
 */
#ifndef HPT_STUDY_RECORDED_H
#define HPT_STUDY_RECORDED_H

#include "base/json.h"
#include "db/db.h"
#include "store/object.h"
#include "study/definition.h"

typedef struct {
    char *kind, *name, *value;
} HptItem; /* an item of an environment */

typedef struct {
    char *name, *rule;
    double value;
} HptRecordedMetric;

typedef struct {
    char *name;
    int64_t step;
} HptRecordedPoint;

typedef struct {
    char *kind; /* stdout, stderr, file, link, special */
    char *path; /* as text by hpt.path_text */
    bool stored;
    HptDigest digest;    /* of what is stored, secrets masked */
    int64_t stored_size; /* -1: not stored */
    int64_t size;        /* there was */
    bool cut;            /* more than is stored: full_digest is of all of it */
    HptDigest full_digest;
    char *target; /* of a link, as path */
    char *note;
} HptRecordedOutput;

typedef struct {
    char *path;        /* bytes: relative to the project, or absolute */
    char *role, *state; /* as in record/inputs.h */
    bool has_digest;
    bool system; /* read alone, and where systems have their files: another one counts as the machine's */
    HptDigest digest;
    int64_t size; /* -1: not known */
} HptRecordedInput;

typedef struct {
    char *study;
    int64_t trial;
    char *state; /* of the trial, or of the evaluation */
    HptDefinition *definition;
    char *config; /* canonical */
    int64_t seed; /* of the trial */
    int attempt;  /* 0: it has not run */
    char *outcome, *cause;
    int exit_status, signal; /* -1, 0: none */
    GPtrArray *argv;         /* of GBytes; NULL: none was recorded */
    char *environment;       /* digest in hexadecimal; NULL: none */
    char *code;              /* digest of the snapshot in hexadecimal; NULL: none */
    char *code_text;         /* its canonical form; NULL: none, or not in the record */
    size_t code_length;
    bool traced; /* all files that it used are known */
    GArray *inputs; /* of HptRecordedInput, by path and role: those, or what was declared */
    GPtrArray *facts;        /* of HptItem: its items, by kind and name */
    int slot;
    char *cores, *gpus, *via, *containment; /* of the details; NULL: none */
    GPtrArray *code_changed; /* char *: of its code, from the root of its tree: changed between the snapshot and its use */
    char *host;
    int64_t started_us;
    bool part; /* an evaluation */
    int evaluation, rung, fold, repeat;
    double budget;
    int64_t part_seed;
    int64_t resume_trial; /* whose files it went on from; -1: none */
    int resume_attempt;
    int64_t stop_step; /* the step after which a rule stopped it; -1: none did */
    char *stop_rule, *stop_reason;
    GArray *ends;    /* of HptRecordedPoint: where its curves end; of one that was stopped alone */
    GArray *metrics; /* of HptRecordedMetric, by name */
    GArray *outputs; /* of HptRecordedOutput, by kind and path */
} HptRecorded;

/* Empty lists, nothing else. */
HptRecorded *hpt_recorded_new(void);
void hpt_recorded_free(HptRecorded *recorded);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptRecorded, hpt_recorded_free)

/* Was it run outside (study/ask.h), by what nobody knows? */
bool hpt_recorded_is_outside(const HptRecorded *recorded);

void hpt_item_free(HptItem *fact);
/* By kind and name, as they are compared. items of HptItem. */
void hpt_items_sort(GPtrArray *items);
/* The value of an item, or NULL; borrowed. facts of HptItem. */
const char *hpt_items_get(const GPtrArray *facts, const char *kind, const char *name);

/* The runs of a trial that exists, of HptRecorded, in their order. fold -1: all, else those of it.
 * Fails HPT_ERROR_NOT_FOUND if there is no such fold. */
GPtrArray *hpt_recorded_read(HptDb *db, const char *study, int64_t trial, int fold,
                             GError **error) HPT_WARN_UNUSED;

/* What the run's details say into run. */
void hpt_recorded_take_details(HptRecorded *run, const json_t *details);

/* Where objects are read from: the database, else the project's folder. */
typedef struct {
    HptDb *db;       /* NULL: there is none, as of a bundle */
    HptStore *store; /* NULL: there is no folder */
} HptObjects;

/* The bytes of an object, verified, NUL-terminated, owned. Fails HPT_ERROR_INTEGRITY if it is missing
 * or wrong, HPT_ERROR_DATA if it is larger than max. */
char *hpt_objects_get(const HptObjects *objects, const HptDigest *digest, int64_t size, size_t max,
                      size_t *length, GError **error) HPT_WARN_UNUSED;

#endif
