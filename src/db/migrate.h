/* Schema steps and views, embedded from sql/schema and sql/view.
 *
 * Steps are numbered, forward only, one transaction each under an advisory lock, and recorded in
 * hpt_record.schema_step with the SHA-256 of their text. Views are made anew when the digest of
 * them all has changed.
 */
#ifndef HPT_DB_MIGRATE_H
#define HPT_DB_MIGRATE_H

#include "db/db.h"

typedef struct {
    int before, after; /* schema versions; 0 is an empty database */
    bool views;        /* the views were made anew */
} HptMigration;

/* The schema version that this tool knows: the number of the last step. */
int hpt_schema_version(void);

/* Brings the database up to this tool's version; result (may be NULL) says what was done. note
 * (may be NULL) hears of roles that could not be made. Fails HPT_ERROR_DB_CONNECT if the schema is
 * newer than the tool, HPT_ERROR_INTEGRITY if a recorded step has another digest. */
bool hpt_migrate(HptDb *db, HptMigration *result, HptNote note, GError **error) HPT_WARN_UNUSED;

/* One cheap query: is the schema exactly this tool's? Fails HPT_ERROR_DB_CONNECT, with the hint
 * what to do. */
bool hpt_schema_check(HptDb *db, GError **error) HPT_WARN_UNUSED;

/* The version in the database, 0 if there is no schema. */
bool hpt_schema_get_version(HptDb *db, int *version, GError **error) HPT_WARN_UNUSED;

#endif
