/* The code snapshots that a worker has taken, and what of them the record has already.
 *
 * A snapshot is recorded once, by code_put, before the first trial that names it starts; objects that
 * were recorded before, by this worker or others, are not sent again.
 */
#ifndef HPT_STUDY_CODEBOOK_H
#define HPT_STUDY_CODEBOOK_H

#include "db/db.h"
#include "record/code.h"
#include "store/object.h"

typedef struct {
    const char *project; /* the project's folder of objects and spool: .hpt, or elsewhere */
    HptStore *store;     /* outlives the book */
    int64_t max_bytes;   /* 0: the usual */
    bool off, allow_secrets;
    const char *const *environ;
} HptCodebookSpec;

typedef struct HptCodebook HptCodebook;
HptCodebook *hpt_codebook_new(const HptCodebookSpec *spec);
void hpt_codebook_free(HptCodebook *book);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptCodebook, hpt_codebook_free)

/* Looks, and asks the record what of it is there. Once, before the first look. */
bool hpt_codebook_begin(HptCodebook *book, HptDb *db, GError **error) HPT_WARN_UNUSED;

/* The code as it is now, and in *args (owned) the arguments of code_put if the record has to be told first;
 * else NULL. */
HptDigest hpt_codebook_look(HptCodebook *book, HptArgs **args);

/* What the last look saw; borrowed until the next one. NULL: there was none. */
const HptCode *hpt_codebook_peek(const HptCodebook *book);

#endif
