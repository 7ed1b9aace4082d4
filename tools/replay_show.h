/* What hpt-replay prints: lines of checks, results and causes, in one form. */
#ifndef HPT_TOOLS_REPLAY_SHOW_H
#define HPT_TOOLS_REPLAY_SHOW_H

#include "show/format.h"
#include "study/replay.h"

typedef struct ReplayShow ReplayShow;

typedef struct {
    HptShow format;
    bool parts;   /* trials with evaluations: a column says which */
    bool verbose; /* checks that found nothing, too */
} ReplayShowOptions;

ReplayShow *replay_show_new(const ReplayShowOptions *options);
void replay_show_free(ReplayShow *show);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReplayShow, replay_show_free)

/* A table is printed at the end of each; data as they come. */
bool replay_show_checks(ReplayShow *show, const HptRecorded *recorded,
                        const HptPreflight *preflight, GError **error) HPT_WARN_UNUSED;
bool replay_show_results(ReplayShow *show, const HptRecorded *recorded,
                         const HptVerdicts *verdicts, const GPtrArray *causes,
                         GError **error) HPT_WARN_UNUSED;
/* The end of all; without any line the header is still printed. */
bool replay_show_end(ReplayShow *show, GError **error) HPT_WARN_UNUSED;

#endif
