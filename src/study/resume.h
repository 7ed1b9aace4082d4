/* Where a trial goes on from: the files that an earlier attempt left, as they are in the record, in a
 * folder of their own ($HPT_RESUME). From the record and not from the disk, so that a trial goes on
 * on any machine that reaches the objects, with exactly what was recorded.
 */
#ifndef HPT_STUDY_RESUME_H
#define HPT_STUDY_RESUME_H

#include "db/db.h"
#include "store/object.h"

/* Fills the folder directory, which is made anew, with the regular files in the rows of
 * attempt_files. Links and special files are left out. Fails HPT_ERROR_INTEGRITY if an object is
 * missing or wrong, or was never stored (the message names file and attempt), HPT_ERROR_IO. */
bool hpt_resume_restore(const HptRows *rows, HptStore *store, const char *directory,
                        GError **error) HPT_WARN_UNUSED;

#endif
