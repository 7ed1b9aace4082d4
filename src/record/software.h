/* The software that files belong to: what an environment learns from the files that a trial read.
 *
 * part         kind     name, value
 * libraries    library  path of a shared object; "sha256:… build-id:…"
 *              program  the same of other ELF files
 * packages     package  of Debian or of RPM, with its architecture where the name alone is not enough; version
 * interpreter  python   distribution as its metadata calls it; version
 *              r        package; version
 *
 * A package is here if one of its files was read: of Debian by the lists of dpkg, in both forms of a merged
 * /usr and for byte-code its source; of RPM by asking rpm, which has HPT_RPM_TIME_US; of Python by RECORD, or
 * by top_level.txt where there is none; of R by the folder of a library.
 *
 * Cost: some 0.1 s with dpkg's lists of 1,300 packages, which are streamed; so it is found out once per
 * set of files and not per trial.
 */
#ifndef HPT_RECORD_SOFTWARE_H
#define HPT_RECORD_SOFTWARE_H

#include "record/environment.h"

#define HPT_RPM_TIME_US (INT64_C(5) * 1000000)

typedef struct {
    const char *path; /* absolute */
    HptDigest digest;
} HptSoftwareFile;

/* base with what these files add. root stands for "/", "" or NULL: the real one; path is that of commands, for rpm,
 * NULL: none is run. Never fails: what cannot be read is left out. */
HptEnvironment *hpt_software_environment(const HptEnvironment *base, const char *root,
                                         const char *path, const HptSoftwareFile *files, size_t n);

#endif
