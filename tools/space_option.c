#include "tools/space_option.h"

#include "tools/tool.h"

#include <string.h>

static bool add_file(HptSpaceBuilder *builder, const char *file, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) local = NULL;
    if (!g_file_get_contents(file, &text, &length, &local)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--space: %s", local->message);
        return false;
    }
    if (strlen(text) != length) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: holds a NUL byte", file);
        return false;
    }
    return hpt_space_builder_add_text(builder, file, text, error);
}

bool space_option_add(HptSpaceBuilder *builder, const char *file, char **params, GError **error)
{
    if (file != NULL && !add_file(builder, file, error))
        return false;
    for (char **param = params; param != NULL && *param != NULL; param++)
        if (!hpt_space_builder_add_statement(builder, "--param", *param, error))
            return false;
    return true;
}

HptSpace *space_option_end(HptSpaceBuilder *builder, GError **error)
{
    HptSpace *space = hpt_space_builder_end(builder, error);
    if (space != NULL)
        for (const char *const *note = hpt_space_get_notes(space); *note != NULL; note++)
            hpt_tool_note("%s", *note);
    return space;
}
