/* One statement at a time, for tools that have nothing else to do meanwhile: while the database is away it is tried
 * again. The statement must be one that may be sent twice.
 */
#ifndef HPT_STUDY_PERSIST_H
#define HPT_STUDY_PERSIST_H

#include "db/project.h"

/* hpt_db_rows; while the database is away it connects again, for patience_us (0: the usual five minutes) before it
 * fails with what went wrong. */
HptRows *hpt_persist_rows(HptProject *project, HptSql sql, const HptArgs *args, int64_t patience_us,
                          GError **error) HPT_WARN_UNUSED;

#endif
