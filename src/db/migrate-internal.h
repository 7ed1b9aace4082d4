/* Migration with steps of the caller's choice, for tests. */
#ifndef HPT_DB_MIGRATE_INTERNAL_H
#define HPT_DB_MIGRATE_INTERNAL_H

#include "db/migrate.h"

bool migrate_to(HptDb *db, const HptSqlScript *steps, const HptSqlScript *views,
                HptMigration *result, HptNote note, GError **error) HPT_WARN_UNUSED;
bool schema_check_against(HptDb *db, int own, GError **error) HPT_WARN_UNUSED;

#endif
