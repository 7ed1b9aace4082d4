/* The folder of a store and the names of its files; inside store only. */
#ifndef HPT_STORE_FOLDER_H
#define HPT_STORE_FOLDER_H

#include "store/object.h"

#define HPT_STORE_ASIDE "gc" /* DIR/gc: objects that a collector is about to remove */

struct HptStore {
    char *dir;
    int dir_fd;
    int objects_fd; /* DIR/sha256 */
    int tmp_fd;     /* DIR/tmp */
    struct HptPacks *packs; /* store/packs.h; NULL until asked for */
};

/* ab/cdef… with an ending; owned. */
char *hpt_store_name(const HptDigest *digest, const char *ending);

/* Opens the folder at/name, making it first if need be: -1 with errno. */
int hpt_store_open_folder(int at, const char *name);

/* Opens the object's file, plain or compressed, or where a collector has just put it: -1 with
 * errno if there is none. */
int hpt_store_open_object(HptStore *store, const HptDigest *digest, bool *zstd);

/* An unnamed file in dir: nothing to remove, whatever happens. -1 on failure. */
int hpt_store_unnamed_file(const char *dir, GError **error) HPT_WARN_UNUSED;

/* Puts "object sha256:…: " in front of a message. */
void hpt_store_prefix(GError **error, const HptDigest *digest);

#endif
