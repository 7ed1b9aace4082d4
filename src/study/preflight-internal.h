/* Between preflight.c and preflight-files.c. */
#ifndef HPT_STUDY_PREFLIGHT_INTERNAL_H
#define HPT_STUDY_PREFLIGHT_INTERNAL_H

#include "study/preflight.h"

void preflight_add(HptPreflight *preflight, const char *what, const char *item, HptCheckState state,
                   const char *then, const char *now, const char *note);

/* Makes the place where the command runs our working directory: restored from the record, or the
 * project as it is. What is missing there is a check. */
bool preflight_place(HptPreflight *preflight, const HptPreflightInput *input,
                     GError **error) HPT_WARN_UNUSED;

/* Names the files of the code that were changed between its snapshot and their use. */
void preflight_changed(HptPreflight *preflight, const HptRecorded *recorded);

/* Names the files outside the project that will be written. */
void preflight_written(HptPreflight *preflight, const HptRecorded *recorded);

/* Compares the files that the trial read and that are not restored with what they are now. */
void preflight_files(HptPreflight *preflight, const HptPreflightInput *input);

#endif
