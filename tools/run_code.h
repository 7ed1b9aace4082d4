/* hpt-run of a study that was begun elsewhere: is what its command runs here? */
#ifndef HPT_TOOLS_RUN_CODE_H
#define HPT_TOOLS_RUN_CODE_H

#include "study/study.h"

/* Words of the study's command that name files which its trials ran and which are not here, and how to get them from the
 * record: "'fit.sh' is not here, …"; owned. NULL: all are here, or the record does not have them. directory: what -C
 * said, or NULL. */
char *run_code_missing(HptDb *db, const HptStudy *study, const char *directory);

#endif
