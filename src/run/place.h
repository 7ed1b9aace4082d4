/* A folder under the name of another: what a command sees at NAME is FOLDER, so that names that it
 * writes into what it makes are the same as before.
 *
 * By bind mounts in a mount namespace of this process, made at the first call (with a user namespace where
 * we are not root); nobody else sees them, and they end with us. The folder NAME/.hpt stays visible
 * under its name.
 */
#ifndef HPT_RUN_PLACE_H
#define HPT_RUN_PLACE_H

#include "base/error.h"

/* False: it cannot be done here (no right to, no folder of that name, or something of ours that is
 * still needed would be hidden); nothing has changed then but the namespace. needed: a path that
 * must stay visible, may be NULL. */
bool hpt_place_enter(const char *folder, const char *name, const char *needed) HPT_WARN_UNUSED;

/* The opposite; we must not work in NAME. */
void hpt_place_leave(const char *folder, const char *name);

#endif
