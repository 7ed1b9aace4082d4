/* The search space of a command line: --space and -p. */
#ifndef HPT_TOOLS_SPACE_OPTION_H
#define HPT_TOOLS_SPACE_OPTION_H

#include "space/space.h"

/* Adds the file and the statements, either of which may be NULL. */
bool space_option_add(HptSpaceBuilder *builder, const char *file, char **params, GError **error) HPT_WARN_UNUSED;

/* The space, owned; its notes are shown. */
HptSpace *space_option_end(HptSpaceBuilder *builder, GError **error) HPT_WARN_UNUSED;

#endif
