/* The parts of gathering: its state, what is looked at and what comes of it (intake.c), the reading (intake-read.c), the
 * environment and the arguments (intake-send.c). */
#ifndef HPT_STUDY_INTAKE_INTERNAL_H
#define HPT_STUDY_INTAKE_INTERNAL_H

#include "record/digestcache.h"
#include "store/batch.h"
#include "study/intake.h"
#include "study/sent.h"

#define PIECE ((size_t)1 << 20) /* read at once */
#define SENT_MAX 4096           /* sets that are remembered as sent */
#define KNOWN_MAX 65536         /* objects that are remembered as kept and sent */

struct HptIntake {
    char *project, *folder; /* as realpath(3) has them */
    HptStore *store;
    const char *const *patterns;
    int64_t max_bytes;
    bool allow_secrets;
    HptDigestCache *cache;
    const HptEnvironment *environment;
    char *path;
    HptTracked *tracked; /* the last one; NULL: none yet */
    GHashTable *software; /* HptDigest of files → HptDigest of the environment that they make */
    GHashTable *sent;     /* HptDigest of sets */
    GHashTable *known;    /* HptDigest of objects */
    int64_t unsaved_bytes; /* read since the cache was written */
    char *buffer;          /* PIECE bytes */
};

typedef struct {
    char *path; /* absolute */
    HptInputRole role;
    struct stat then;
    const void *content; /* instead of what is under path now */
    bool has_then, has_content, left_out;
    bool batched; /* it is stored when the batch is committed */
    HptInputState state;
    int64_t size;
    HptDigest digest;
} IntakeItem;

struct HptGathering {
    HptIntake *intake;
    HptTracked *tracked; /* NULL: no code was taken */
    int64_t looked_ns;
    GPtrArray *changed; /* see HptGathered */
    GArray *items;
    guint next; /* to be looked at */
    GArray *objects; /* HptSentObject: to be sent with the set */
    GHashTable *kept; /* their digests */
    HptBatch *batch;  /* of the larger ones; NULL: there are none yet */
    HptInputs *own, *common;
    bool done, traced;
    HptDigest environment;
    char *note;
    /* The file that is being read; fd −1: none. */
    int fd;
    struct stat info;
    int64_t seen_us, offset;
    HptDigester *digester;
    GByteArray *whole; /* of a file that is to be looked through; NULL: it is not */
};

/* Remembers; a table that is full forgets all: what is in it is done again, which does no harm. */
void intake_remember(GHashTable *table, const HptDigest *digest, guint max);

/* Does it belong into the common set? Names in some folders are made up anew every time. */
bool intake_is_common(const HptGathering *gathering, const IntakeItem *item);

/* Begins with a file, or settles it at once; reads on in the one that is begun (gathering->fd ≥ 0). */
void intake_look(HptGathering *gathering, IntakeItem *item);
void intake_read_piece(HptGathering *gathering, IntakeItem *item);
void intake_stop_reading(HptGathering *gathering);
/* All that is kept lies on the disk then; what could not be has its digest alone. */
void intake_commit(HptGathering *gathering);

/* Writes the digest cache. */
void intake_save_cache(HptIntake *intake);

#endif
