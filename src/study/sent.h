/* Objects that go to the database with what names them. */
#ifndef HPT_STUDY_SENT_H
#define HPT_STUDY_SENT_H

#include "base/digest.h"
#include "db/db.h"

typedef struct {
    HptDigest digest; /* first: it is the key where these are in a table */
    int64_t size;
    GBytes *bytes; /* NULL: in the store */
} HptSentObject;
void hpt_sent_object_clear(void *object);

/* Three arguments: arrays of digests, of sizes and of bytes, NULL for what is in the store. */
void hpt_args_objects(HptArgs *args, const HptSentObject *objects, size_t n);

#endif
