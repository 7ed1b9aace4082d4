/* A file that appears under its name when it is complete, or not at all.
 *
 * It is unnamed while it is written where the file system allows that (O_TMPFILE), so that not even
 * kill -9 leaves anything behind; else it has a hidden name beside its own, which clear removes.
 */
#ifndef HPT_STORE_NEWFILE_H
#define HPT_STORE_NEWFILE_H

#include "base/error.h"

typedef struct {
    int fd;     /* to write to and read back from; -1: none; borrowed */
    char *path; /* its name to be */
    char *dir;
    char *tmp;    /* the hidden name */
    bool unnamed; /* tmp does not exist yet */
} HptNewFile;

#define HPT_NEW_FILE_NONE ((HptNewFile){.fd = -1})

/* Is path something other than a regular file or a free name: a device, a pipe? Then it is to be
 * written to, not replaced. */
bool hpt_new_file_is_special(const char *path);

/* Mode 0666 less the umask. Fails HPT_ERROR_IO, _PERMISSION. */
bool hpt_new_file_open(HptNewFile *file, const char *path, GError **error) HPT_WARN_UNUSED;

/* fsync, the name (replacing what had it), fsync of the folder. fd stays open until clear. */
bool hpt_new_file_publish(HptNewFile *file, GError **error) HPT_WARN_UNUSED;

/* Closes; removes what was not published. */
void hpt_new_file_clear(HptNewFile *file);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HptNewFile, hpt_new_file_clear)

#endif
