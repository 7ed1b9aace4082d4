/* The files that patterns name: what --input=GLOB declares. */
#ifndef HPT_RECORD_DECLARED_H
#define HPT_RECORD_DECLARED_H

#include "base/error.h"

#define HPT_DECLARED_MAX 1000000 /* files */

/* Paths of the files that the patterns match (glob(7), NULL-terminated), relative ones below folder, an
 * absolute path: as the shell would, without hidden files unless a pattern names the dot, no braces. A folder that is matched stands for all regular files in it, hidden ones too, but .git and .hpt;
 * links to folders are not followed there. Sorted by bytes, none twice, absolute, without "." and "..". Owned, NULL-terminated.
 *
 * Fails HPT_ERROR_USAGE for a pattern that matches no file, HPT_ERROR_IO for a folder that cannot be read or more than HPT_DECLARED_MAX files. */
char **hpt_declared_expand(const char *folder, const char *const *patterns,
                           GError **error) HPT_WARN_UNUSED;

#endif
