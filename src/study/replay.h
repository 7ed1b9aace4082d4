/* A replay for the record: what was run, what came of it, what may have made the difference. It is
 * no trial and counts in no study. */
#ifndef HPT_STUDY_REPLAY_H
#define HPT_STUDY_REPLAY_H

#include "study/preflight.h"
#include "study/verdict.h"

/* All borrowed. */
typedef struct {
    const HptRecorded *recorded;
    const HptPreflight *preflight;
    const GPtrArray *reruns; /* of HptRerun: the first was compared */
    const HptVerdicts *verdicts;
    const GPtrArray *causes; /* of HptCause, likeliest first; empty: it does not differ */
    const char *tool_version;
} HptReplay;

/* What may have made it differ, with files that it read and the first run did not; of HptCause,
 * owned. Empty if the verdict is not "differs" and nothing varies. project is the folder that
 * relative inputs are below now, if they are not restored; may be NULL. */
GPtrArray *hpt_replay_causes(const HptRecorded *recorded, const HptPreflight *preflight,
                             const HptVerdicts *verdicts, const HptRerun *rerun,
                             const char *project);

/* Records it under id (a UUID): again with the same id does nothing. Fails as hpt_db_row; a lost
 * connection is opened again once. */
bool hpt_replay_record(HptDb *db, const char *id, const HptReplay *replay,
                       GError **error) HPT_WARN_UNUSED;

#endif
