/* What trials read: their files, declared and seen, become input sets (record/inputs.h), and the bytes of those that a
 * replay elsewhere would lack become objects.
 *
 * A trial's gathering begins before its command (which files are declared, and what they are then) and ends
 * after it, in steps of a few milliseconds, so that large files hold up no other trial. Digests of files that
 * have not changed come from the digest cache: a warm trial costs a stat for each of its files.
 *
 * What was used is compared with the code snapshot, which is taken a moment before the command begins: a file of it
 * that somebody changed in that moment is named.
 *
 * Kept as objects: regular files below the project's folder that the trial was declared to read, read or changed, up to
 * the limit; not what it wrote. Left out altogether: /proc, /sys, /dev, .hpt (where the trial's own folder
 * lies), and what is no regular file.
 */
#ifndef HPT_STUDY_INTAKE_H
#define HPT_STUDY_INTAKE_H

#include "db/db.h"
#include "record/code.h"
#include "record/environment.h"
#include "record/inputs.h"
#include "run/trace.h"
#include "store/object.h"
#include "study/tracked.h"

#include <sys/stat.h>

#define HPT_INPUT_MAX (INT64_C(64) << 20) /* bytes of a file that is kept, unless somebody says otherwise */

/* The folder that paths are relative to, of a project whose folder of objects this is: the one that holds
 * .hpt; where there is no .hpt, the current one. Owned. */
char *hpt_intake_project(const char *folder);

/* The file of the digest cache; owned. */
char *hpt_intake_cache(const char *folder, const char *host);

/* Does a file of the project, by its path, say something about software? Of others all do. */
bool hpt_intake_is_software(const char *path);

typedef struct {
    const char *project; /* see above */
    const char *folder;  /* of objects */
    const char *host, *boot;
    HptStore *store;             /* borrowed */
    const char *const *patterns; /* --input, NULL-terminated, borrowed; NULL: none */
    int64_t max_bytes;           /* of a file that is kept */
    bool allow_secrets;
    const HptEnvironment *environment; /* what is known before any file is, borrowed */
    const char *path;                  /* PATH, for rpm; NULL: it is not asked */
} HptIntakeSpec;

/* Of a worker. */
typedef struct HptIntake HptIntake;
HptIntake *hpt_intake_new(const HptIntakeSpec *spec);
/* Writes the digest cache. */
void hpt_intake_free(HptIntake *intake);

/* The snapshot in the form that gatherings ask; owned. Costs nothing while it is the same. */
HptTracked *hpt_intake_track(HptIntake *intake, const HptCode *code);

/* Of a trial. */
typedef struct HptGathering HptGathering;
/* tracked: the code that the trial runs; NULL: none was taken. looked_ns: when it was looked at (CLOCK_REALTIME_COARSE).
 * Fails as hpt_declared_expand. */
HptGathering *hpt_gathering_new(HptIntake *intake, HptTracked *tracked, int64_t looked_ns,
                                GError **error) HPT_WARN_UNUSED;
void hpt_gathering_free(HptGathering *gathering);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptGathering, hpt_gathering_free)

/* A file that was used. path is absolute; then: what it was at that time, NULL: not known. */
void hpt_gathering_add(HptGathering *gathering, const char *path, HptInputRole role,
                       const struct stat *then);
/* The same with its bytes of that time, borrowed until the gathering is freed; NULL: nobody has them. */
void hpt_gathering_add_content(HptGathering *gathering, const char *path, HptInputRole role,
                               const void *content, int64_t size);

/* All that its tracer saw; borrowed until the gathering is freed. What a persistent worker read before the trial
 * is the trial's too. */
void hpt_gathering_add_trace(HptGathering *gathering, const HptTrace *trace);

/* Works until until_us (monotonic) at the latest, one read or one object more. True: it is done. */
bool hpt_gathering_step(HptGathering *gathering, int64_t until_us) HPT_WARN_UNUSED;
/* What was not looked at yet stays so: nobody waits any more. */
void hpt_gathering_cut(HptGathering *gathering);

/* Once it is done: the trial's own set and the common one, borrowed, NULL where there are no files; the environment
 * with the software that its trace showed (record/software.h), found out once per set of it, borrowed, NULL where
 * there is none; and what has to be sent before they are named (inputs_put, environment_put), owned, NULL where this
 * worker has sent it. */
typedef struct {
    const HptInputs *own, *common;
    const HptDigest *environment;
    const GPtrArray *changed; /* of char *: files of the code that were others when the trial used them, from the
                                 tree's root on */
    HptArgs *put_own, *put_common, *put_environment;
} HptGathered;
HptGathered hpt_gathering_end(HptGathering *gathering);
/* A sentence for people about what could not be kept, or NULL. */
const char *hpt_gathering_peek_note(const HptGathering *gathering);

#endif
