/* The part of hpt-init that is not about the server: --gc (init_gc.c). */
#ifndef HPT_TOOLS_INIT_H
#define HPT_TOOLS_INIT_H

#include "base/error.h"

/* A line "name<TAB>value" on stdout. */
void init_show(const char *name, const char *value);

/* Removes the objects of the project in or above directory (NULL: the current one) that neither the
 * record nor a waiting result names, and prints what it did; dry_run counts alone. Fails
 * HPT_ERROR_DB_CONNECT, _IO, _PERMISSION. */
bool init_gc(const char *directory, bool dry_run, GError **error) HPT_WARN_UNUSED;

#endif
