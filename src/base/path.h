/* Paths as names: nothing is looked at on a disk, links and ".." are not resolved. */
#ifndef HPT_BASE_PATH_H
#define HPT_BASE_PATH_H

#include <stdbool.h>

/* path, from folder on: "" for the folder itself; NULL: it is not in it, or one of them is NULL or empty. Borrowed
 * from path. */
const char *hpt_path_inside(const char *folder, const char *path);

/* Is it in the folder, and not the folder itself? */
bool hpt_path_is_below(const char *folder, const char *path);

#endif
