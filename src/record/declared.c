#include "record/declared.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

/* folder with the characters of patterns quoted, and a pattern below it; owned. */
static char *below(const char *folder, const char *pattern)
{
    if (*pattern == '/')
        return g_strdup(pattern);
    while (g_str_has_prefix(pattern, "./"))
        pattern += 2;
    GString *out = g_string_new(NULL);
    for (const char *at = folder; *at != '\0'; at++) {
        if (strchr("*?[]\\", *at) != NULL)
            g_string_append_c(out, '\\');
        g_string_append_c(out, *at);
    }
    g_string_append_printf(out, "/%s", pattern);
    return g_string_free(out, FALSE);
}

static bool add_file(GPtrArray *files, const char *path, GError **error)
{
    if (files->len < HPT_DECLARED_MAX) {
        g_ptr_array_add(files, g_strdup(path));
        return true;
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "more than %d files", HPT_DECLARED_MAX);
    return false;
}

static bool add_folder(GPtrArray *files, const char *path, GError **error);

/* An entry of a folder; whatever is neither a file nor a folder nor a link to a file is passed over. */
static bool add_entry(GPtrArray *files, const char *folder, const char *name, GError **error)
{
    struct stat info;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".git") == 0 ||
        strcmp(name, ".hpt") == 0 || lstat(path, &info) != 0)
        return true;
    if (S_ISDIR(info.st_mode))
        return add_folder(files, path, error);
    if (S_ISLNK(info.st_mode) && stat(path, &info) != 0)
        return true;
    return !S_ISREG(info.st_mode) || add_file(files, path, error);
}

static bool add_folder(GPtrArray *files, const char *path, GError **error)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        hpt_error_set_errno(error, errno, "cannot read '%s'", path);
        return false;
    }
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(dir)) != NULL;)
        ok = add_entry(files, path, entry->d_name, error);
    closedir(dir);
    return ok;
}

static bool add_match(GPtrArray *files, const char *path, GError **error)
{
    struct stat info;
    g_autofree char *plain = g_canonicalize_filename(path, "/");
    if (stat(path, &info) != 0)
        return true;
    if (S_ISDIR(info.st_mode))
        return add_folder(files, plain, error);
    return !S_ISREG(info.st_mode) || add_file(files, plain, error);
}

static bool add_pattern(GPtrArray *files, const char *folder, const char *pattern, GError **error)
{
    g_autofree char *whole = below(folder, pattern);
    guint before = files->len;
    glob_t found = {0};
    int status = *pattern == '\0' ? GLOB_NOMATCH : glob(whole, GLOB_NOSORT, NULL, &found);
    bool ok = status == 0 || status == GLOB_NOMATCH;
    if (!ok)
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "it cannot be expanded");
    for (size_t i = 0; ok && i < found.gl_pathc; i++)
        ok = add_match(files, found.gl_pathv[i], error);
    globfree(&found);
    if (ok && files->len == before) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "it matches no file%s",
                    *pattern == '/' ? "" : " of the project");
        ok = false;
    }
    return ok;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **hpt_declared_expand(const char *folder, const char *const *patterns, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    for (; *patterns != NULL; patterns++) {
        if (!add_pattern(files, folder, *patterns, error)) {
            g_prefix_error(error, "--input '%s': ", *patterns);
            return NULL;
        }
    }
    g_ptr_array_sort(files, by_bytes);
    GPtrArray *kept = g_ptr_array_new();
    for (guint i = 0; i < files->len; i++)
        if (kept->len == 0 || strcmp(kept->pdata[kept->len - 1], files->pdata[i]) != 0)
            g_ptr_array_add(kept, g_strdup(files->pdata[i]));
    g_ptr_array_add(kept, NULL);
    return (char **)g_ptr_array_free(kept, FALSE);
}
