/* What a sampler of a study knows: the results so far and the trials that run, read from the record bit by
 * bit; and what one proposal saw of it, so that it can be derived again.
 */
#ifndef HPT_STUDY_HISTORY_H
#define HPT_STUDY_HISTORY_H

#include "db/db.h"
#include "study/definition.h"

typedef struct HptPast HptPast;

/* definition says which space configurations are read into and which objectives are maximised; borrowed. */
HptPast *hpt_past_new(const HptDefinition *definition);
void hpt_past_free(HptPast *past);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptPast, hpt_past_free)

/* Reads the results that there are, for a process that is new to the study: those that are packed, and the rest. What
 * runs comes with the first history_read. Blocks that cannot be used are left, and their rows read. */
bool hpt_past_load(HptPast *past, HptDb *db, int64_t study_id, GError **error) HPT_WARN_UNUSED;

/* How many trials a block has. */
#define HPT_PAST_BLOCK INT64_C(1024)

/* The body of a block that is complete and is this process's to put, owned: one that was complete and not packed when
 * the past was loaded, or whose last trial was owned. Each is given once. NULL: there is none now. */
GBytes *hpt_past_pack(HptPast *past, int64_t *block);
/* The same as arguments of history_block_put. */
HptArgs *hpt_past_pack_args(HptPast *past, int64_t study_id);
/* The process runs that trial. */
void hpt_past_own(HptPast *past, int64_t number);

/* Takes in the body of a block. False: it is no such block, and nothing was taken. */
bool hpt_past_unpack(HptPast *past, int64_t block, const void *body, size_t length);

/* Arguments of history_read for what is new since the last time, owned; and its rows taken in. A trial
 * whose configuration is not one of the definition's space (another worker's definition is wider) is left
 * out. */
HptArgs *hpt_past_args(const HptPast *past, int64_t study_id);
void hpt_past_add(HptPast *past, const HptRows *rows);

/* One row, whose first columns are those of history_read but for the mark: trial, turn, config, objectives,
 * constraints. */
void hpt_past_add_row(HptPast *past, const HptRows *rows, size_t row);

/* What was measured of a trial, as recorded, in the order of the definition; NULL: nothing. */
typedef struct {
    const double *objectives, *constraints; /* of these NaN: not measured */
    size_t n_objectives, n_constraints;
} HptMeasured;

/* One row of them, as hpt_past_add does it: turn 0 of a trial that runs or waits, else which of its results it
 * is, from 1; config NULL: it came to its end before any was known; measured may be NULL. */
void hpt_past_add_one(HptPast *past, int64_t number, int turn, const char *config, size_t length,
                      const HptMeasured *measured);

/* For a proposal: of each trial the newest result, or that it runs. Borrowed, until the next call. */
const HptHistory *hpt_past_get(HptPast *past);

/* For proposal number of an ordered study: of the trials up to number − window the first results, and those
 * from there to number as if they ran, whatever has become of them. A configuration that is not in the record
 * (its worker has not said it yet, or died before) is proposed here: it is what that worker will propose or would
 * have. Borrowed, until the next call. Fails HPT_ERROR_NOT_FOUND if a result is missing, and as
 * hpt_sampler_propose. */
const HptHistory *hpt_past_get_ordered(HptPast *past, HptSampler *sampler, int64_t number,
                                       GError **error) HPT_WARN_UNUSED;

/* What hpt_past_get gave, with who is to use it: canonical JSON, owned.
 *   {"finished":"0-41,43,44.2","running":"42,45","sampler":"tpe:…","version":1}
 * Numbers ascend; 44.2 is the second result of trial 44, which was run again. */
char *hpt_past_describe(const HptPast *past, const HptSampler *sampler);

/* The numbers of the finished ones in it, as there: "0-41,43,44.2"; owned. */
char *hpt_past_finished(const HptPast *past);

/* The history that such a text describes, out of all that past holds. Borrowed, until the next call. Fails
 * HPT_ERROR_DATA for what is no such text, HPT_ERROR_NOT_FOUND if something of it is not there. */
const HptHistory *hpt_past_recall(HptPast *past, const char *text, GError **error) HPT_WARN_UNUSED;

#endif
