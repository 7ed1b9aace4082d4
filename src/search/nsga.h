/* What NSGA-II and NSGA-III have in common. Each brings how the survivors are chosen. */
#ifndef HPT_SEARCH_NSGA_H
#define HPT_SEARCH_NSGA_H

#include "search/learn.h"
#include "search/pool.h"
#include "search/vary.h"

typedef struct Nsga Nsga;

/* A way to choose. memory is kept from generation to generation; 0 at the start. */
typedef struct {
    const char *name;
    size_t (*n_memory)(size_t n_objectives); /* how many doubles of memory there are; NULL: none */
    /* Moves the survivors of n trials, at most nsga->population, to the front, the best first. */
    void (*survive)(const Nsga *nsga, const HptPool *pool, size_t *trials, size_t n, int64_t generation,
                    double *memory);
    bool by_order; /* of two parents the better in that order is taken, else the one that dominates */
} NsgaKind;

struct Nsga {
    const NsgaKind *kind;
    HptLearner learner;
    HptVariation variation;
    size_t population; /* the setting */
    HptPool *pool;
    GPtrArray *kept;   /* of GArray of size_t: the survivors after each generation */
    GPtrArray *memory; /* of GArray of double: and the memory */
};

void *nsga_open(const NsgaKind *kind, const HptSearch *search, const HptSetting *settings, size_t n,
                GString *spec, GError **error);
void nsga_close(void *state);
HptConfig *nsga_propose(void *state, const HptHistory *history, int64_t number, int64_t rank,
                        char **reason, GError **error);

#endif
