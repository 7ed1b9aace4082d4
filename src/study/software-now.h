/* The software of a recorded run as it is now: what its files, which the record names, say here and today. */
#ifndef HPT_STUDY_SOFTWARE_NOW_H
#define HPT_STUDY_SOFTWARE_NOW_H

#include "study/recorded.h"

#include "record/environment.h"

/* base with the libraries, packages and distributions of the files that the run read, as these are now; NULL,
 * without an error: the record says nothing of its software. project is the folder that holds .hpt, where the digest
 * cache is; NULL: there is none. Files that are gone, or were written into while they were read, add nothing. */
HptEnvironment *hpt_software_now(HptDb *db, const HptRecorded *run, const HptEnvironment *base,
                                 const char *project, const char *path, GError **error);

#endif
