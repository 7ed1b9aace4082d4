/* The choice by a Gaussian process, as a part of samplers. */
#ifndef HPT_SEARCH_SURROGATE_H
#define HPT_SEARCH_SURROGATE_H

#include "search/gp.h"
#include "search/told.h"

/* Keeps fitted hyperparameters from proposal to proposal: a cache, whose content follows from the history. */
typedef struct HptSurrogate HptSurrogate;

HptSurrogate *hpt_surrogate_new(const HptCube *cube); /* cube is borrowed */
void hpt_surrogate_free(HptSurrogate *surrogate);

/* A smooth process of told's values as they are, with the newest 256 of the running trials believed, and what it is of
 * (owned, it must outlive the process): a part of what several processes weigh. One surrogate serves one column of
 * values. */
HptGp *hpt_surrogate_process(HptSurrogate *surrogate, const HptTold *told, HptGpData **data);

typedef struct {
    double noise;    /* its share of the variance */
    size_t n_points; /* that the process was given */
    bool smooth;     /* the smooth process of plain values, not the rough one of half ranked ones */
    bool branch;     /* of a branch that was drawn */
    size_t n_objectives, n_constraints;
    bool infeasible; /* no trial keeps every constraint: only that was looked for */
} HptSurrogateNote;

/* The configuration with the largest expected improvement, and whatever else told is to reach (goal.h), that was not
 * tried before, into row; false: none was found. told has two values or more; turn: whose turn it is of the two
 * processes, even: the rough one.
 * Cost O(n²) for each of some 2,000 candidates, n ≤ 256 and as many of those that run, and now and then some O(n³). */
bool hpt_surrogate_choose(HptSurrogate *surrogate, const HptTold *told, int64_t turn, HptDraws *draws,
                          double *row, HptSurrogateNote *note);

/* ---- its parts ---- */

enum { HPT_SURROGATE_POINTS = 256, HPT_SURROGATE_RUNNING = 256 };

extern const HptGpPrior hpt_surrogate_prior;

/* The trials that a process is given of the first n, in order: at most that many, the best half of them and others
 * evenly by their order. Indices into told; their number. */
size_t hpt_surrogate_thin(const HptTold *told, size_t n, size_t *chosen);

/* These trials, and their values as the smooth or the rough process of a search sees them; for kernels of one part. */
HptGpData *hpt_surrogate_data(const HptTold *told, bool smooth, const size_t *chosen, size_t n);

/* What was done, in a line; owned. */
char *hpt_surrogate_reason(const HptSurrogateNote *note, size_t n_running);

#endif
