/* Search spaces as ConfigSpace's JSON, in and out.
 *
 * Read are the format of ConfigSpace 1.x (format_version 0.4) and the older spellings of 0.4 to 0.7
 * (json_format_version; "default", "q", "probabilities"). Written is the former. Where the other
 * side has no word for something, the nearest is taken and a sentence about it is added to losses.
 */
#ifndef HPT_SPACE_CONFIGSPACE_H
#define HPT_SPACE_CONFIGSPACE_H

#include "space/space.h"

/* Statements of the JSON text are added to the builder; messages begin "NAME: hyperparameters[2]: "
 * or the like. losses takes owned strings. Fails HPT_ERROR_DATA. */
bool hpt_configspace_read(HptSpaceBuilder *builder, const char *name, const char *text,
                          size_t length, GPtrArray *losses, GError **error) HPT_WARN_UNUSED;

/* The JSON text, ended by a newline; owned. */
char *hpt_configspace_write(const HptSpace *space, GPtrArray *losses);

#endif
