/* A worker's turn: how long its job may run, as the scheduler that started it says, and whether
 * another trial still fits.
 *
 * What is expected of a trial is the longest of the last HPT_TURN_TRIALS; a margin of an eighth of
 * that and two seconds is for the end of the trial and for the worker itself. Before the first trial
 * has ended nothing is expected but the two seconds.
 */
#ifndef HPT_STUDY_TURN_H
#define HPT_STUDY_TURN_H

#include <glib.h>
#include <stdint.h>

enum { HPT_TURN_TRIALS = 16 };

typedef struct {
    int64_t end_us; /* monotonic: the job is ended then; INT64_MAX: never */
    int64_t recent_us[HPT_TURN_TRIALS]; /* durations, the oldest is written over */
    size_t n;                            /* trials that have ended */
} HptTurn;

/* The end of the job that this process belongs to, from SLURM_JOB_END_TIME (seconds since 1970):
 * monotonic, INT64_MAX where the environment says nothing that can be used. now_us since 1970 and
 * monotonic_us are the same moment. */
int64_t hpt_turn_job_end(const char *const *environment, int64_t now_us, int64_t monotonic_us);

/* A trial has ended after so long. */
void hpt_turn_add(HptTurn *turn, int64_t duration_us);

/* The longest of the recent trials, 0 before the first. */
int64_t hpt_turn_longest(const HptTurn *turn);

/* Monotonic: a trial that starts later would not end in time; INT64_MAX: any does. */
int64_t hpt_turn_last_start(const HptTurn *turn);

/* Why nothing more is started, for people. Owned. */
char *hpt_turn_over_text(const HptTurn *turn, int64_t now_us);

#endif
