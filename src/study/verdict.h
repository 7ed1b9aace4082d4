/* What a run again has in common with the record: a verdict for its end, each metric, each output.
 *
 * identical   the same bytes, the same number
 * equal       an output says the same in other bytes, times and places aside (study/textdiff.h)
 * within      no further away than was asked for, or than runs here are from one another
 * differs
 * varies      an output that is another in each run here: says nothing about the record
 * measured    a time, a latency, memory: shown, not judged, unless a tolerance is given for it
 * unknown     an output that the record does not have
 *
 * The worst of the first four is the verdict of the whole.
 */
#ifndef HPT_STUDY_VERDICT_H
#define HPT_STUDY_VERDICT_H

#include "study/rerun.h"
#include "study/textdiff.h"

typedef enum {
    HPT_REPLAY_IDENTICAL,
    HPT_REPLAY_EQUAL,
    HPT_REPLAY_WITHIN,
    HPT_REPLAY_DIFFERS,
    HPT_REPLAY_VARIES,
    HPT_REPLAY_MEASURED,
    HPT_REPLAY_UNKNOWN,
} HptReplayVerdict;
const char *hpt_replay_verdict_name(HptReplayVerdict verdict);

typedef struct {
    const char *kind; /* end, metric, stdout, stderr, file, link, special; static */
    char *name;       /* of the metric, the path; that of the kind where there is one alone */
    HptReplayVerdict verdict;
    bool has_then, has_now; /* metrics */
    double value_then, value_now, tolerance;
    bool digest_known_then, digest_known_now; /* outputs */
    HptDigest digest_then, digest_now;
    char *then, *now; /* for people; NULL: none */
    char *note;       /* for people; NULL: none */
} HptFinding;

typedef struct {
    const HptRecorded *recorded;
    const GPtrArray *reruns; /* of HptRerun, at least one: the first is compared, the others are the
                                noise; their files may be gone but for the first's */
    const HptTolerance *tolerances; /* of metrics and outputs, as in study/compare.h */
    size_t n_tolerances;
    const HptObjects *objects;
    const char *project_then, *project_now; /* folders that are masked in text; NULL: none */
} HptVerdictInput;

typedef struct {
    GArray *findings; /* of HptFinding: the end, metrics by name, outputs by kind and path */
    HptReplayVerdict verdict;
    bool deterministic; /* all runs left the same, measurements aside */
} HptVerdicts;

void hpt_verdicts_free(HptVerdicts *verdicts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptVerdicts, hpt_verdicts_free)

/* Is there something of that name to judge: an output of the run, a metric of it or of its study?
 */
bool hpt_verdict_knows(const HptRecorded *recorded, const char *name);

/* Fails HPT_ERROR_DB… only when the database does; an object that cannot be had is a note, and its
 * output is judged by its digest. */
HptVerdicts *hpt_verdicts_new(const HptVerdictInput *input, GError **error) HPT_WARN_UNUSED;

#endif
