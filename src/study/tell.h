/* Results of trials that were given out (study/ask.h), and reports of those that run, by whoever runs them.
 *
 * A trial is told of once, and of one that is made of several runs each of these. The same again is harmless; another
 * result, one of a trial whose lease has run out and was given out again, or of one that a worker runs, is refused.
 *
 * A report is numbers at a step. They are the trial's curves, its lease begins anew, and a pruner that goes by steps
 * judges them as it does in a worker, by the rows that are in the record: one to stop ends the trial. Of each name steps
 * come in ascending order.
 */
#ifndef HPT_STUDY_TELL_H
#define HPT_STUDY_TELL_H

#include "db/project.h"
#include "study/study.h"

typedef enum {
    HPT_TELL_COMPLETE,
    HPT_TELL_FAILED,
    HPT_TELL_RELEASED, /* it was not run: it is given out again */
    HPT_TELL_REPORT,   /* it runs */
} HptTellOutcome;

typedef struct {
    int64_t number;
    int attempt;
    HptTellOutcome outcome;
    const char *cause; /* of a failure; NULL: none was said */
    int64_t step;      /* of a report, from 0 on */
    bool late;         /* a report that waited in the spool: it is recorded, the next one is judged */
    size_t n;          /* metrics, each name once */
    const char *const *names;
    const double *values;
} HptTelling;

/* Are these the metrics of a result of this definition? Each name must be one of -m, each objective must be there,
 * and objectives and constraints must be finite; of a report there must be one name. Fails HPT_ERROR_DATA, with a suggestion for a name. */
bool hpt_tell_check(const HptDefinition *definition, const HptTelling *telling, GError **error) HPT_WARN_UNUSED;

typedef enum {
    HPT_TELL_DONE,  /* recorded */
    HPT_TELL_AGAIN, /* before, the same */
    HPT_TELL_OVER,  /* not needed: its trial had ended, by a rule or with another of its runs */
    HPT_TELL_STOP,  /* of a report: a rule said so, now or before, or the trial ended with another of its runs */
} HptTellAnswer;

/* Records it, and where a rule says by folds whether the trial is worth more, what it says. patience_us: as
 * hpt_persist_rows. answer may be NULL. Fails HPT_ERROR_NOT_FOUND for an unknown trial, _CONFLICT for one that is refused: it says why. */
bool hpt_tell(HptProject *project, const HptStudy *study, const HptTelling *telling, int64_t patience_us,
              HptTellAnswer *answer, GError **error) HPT_WARN_UNUSED;

/* The same, sent once: HPT_ERROR_DB_CONNECT where the database is away. */
bool hpt_tell_once(HptDb *db, const HptStudy *study, const HptTelling *telling, HptTellAnswer *answer,
                   GError **error) HPT_WARN_UNUSED;

/* The trial is still being run: its lease lasts from now for lease_us, or with 0 as long as it was given for.
 * *until_us: when it ends. Fails HPT_ERROR_CONFLICT for a trial that is not given out, as for one that never was. */
bool hpt_tell_alive(HptProject *project, const HptStudy *study, int64_t number, int attempt, int64_t lease_us,
                    int64_t patience_us, int64_t *until_us, GError **error) HPT_WARN_UNUSED;

/* Cuts an id as hpt_asked_id makes it, or NUMBER or NUMBER.ATTEMPT: *study is owned, or NULL if it names none. Fails
 * HPT_ERROR_USAGE. */
bool hpt_asked_parse(const char *id, char **study, int64_t *number, int *attempt, GError **error) HPT_WARN_UNUSED;

#endif
