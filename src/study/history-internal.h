/* What a past holds; for history.c and history-block.c alone. */
#ifndef HPT_STUDY_HISTORY_INTERNAL_H
#define HPT_STUDY_HISTORY_INTERNAL_H

#include "study/history.h"

typedef struct {
    int64_t number;
    int turn; /* 0: runs or waits; below 0: what is or would have been proposed */
    HptConfig *config;   /* NULL: it was lost before it was proposed */
    double *values;      /* to be minimised, or NULL */
    double *constraints; /* how far beyond the bounds, or NULL */
    uint64_t digest;     /* 0: of no configuration */
} HptPastEntry;

struct HptPast {
    const HptDefinition *definition;
    size_t n_objectives;
    bool *maximise;
    GPtrArray *bounded; /* the definition's metrics with bounds, borrowed */
    int64_t mark;
    GPtrArray *entries; /* of HptPastEntry, by number and turn */
    GArray *shown;      /* of HptObservation */
    GArray *turns;      /* of int: of each shown */
    HptHistory history;
    GArray *blocks;     /* of bool: is it in the record, or was given out to be put there? */
    GArray *own;        /* of int64_t: blocks that are this process's to put */
};

/* The first place whose entry is not below (number, turn). */
size_t hpt_past_find(const HptPast *past, int64_t number, int turn);
/* The entry (number, turn), borrowed; NULL: there is none. */
const HptPastEntry *hpt_past_peek(const HptPast *past, int64_t number, int turn);
/* Takes the entry into its place, where there is none yet. */
void hpt_past_insert(HptPast *past, HptPastEntry *steal_entry);

#endif
