#include "base/path.h"

#include <stddef.h>
#include <string.h>

const char *hpt_path_inside(const char *folder, const char *path)
{
    size_t length = folder == NULL ? 0 : strlen(folder);
    if (length == 0 || path == NULL || strncmp(path, folder, length) != 0)
        return NULL;
    if (folder[length - 1] == '/' || path[length] == '\0')
        return path + length;
    return path[length] == '/' ? path + length + 1 : NULL;
}

bool hpt_path_is_below(const char *folder, const char *path)
{
    const char *inside = hpt_path_inside(folder, path);
    return inside != NULL && *inside != '\0';
}
