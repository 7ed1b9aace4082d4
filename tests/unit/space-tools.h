/* Shared by the tests that need a space. */
#ifndef SPACE_TOOLS_H
#define SPACE_TOOLS_H

#include "space/space.h"

static inline HptSpace *space_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    HptSpace *space = hpt_space_parse(text, &error);
    g_assert_no_error(error);
    return space;
}

#endif
