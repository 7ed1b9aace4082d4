#include "study/tracked.h"

#include <stdlib.h>
#include <string.h>

struct HptTracked {
    char *directory;
    char *root;        /* of the tree; NULL: there is no git */
    GHashTable *paths; /* from there */
    GStringChunk *strings;
    HptDigest digest;
    bool set;
};

HptTracked *hpt_tracked_new(const char *directory)
{
    HptTracked *tracked = g_new0(HptTracked, 1);
    char *real = realpath(directory, NULL);
    tracked->directory = g_strdup(real != NULL ? real : directory);
    free(real);
    tracked->paths = g_hash_table_new(g_str_hash, g_str_equal);
    tracked->strings = g_string_chunk_new(4096);
    return tracked;
}

void hpt_tracked_free(HptTracked *tracked)
{
    if (tracked == NULL)
        return;
    g_hash_table_unref(tracked->paths);
    g_string_chunk_free(tracked->strings);
    g_free(tracked->directory);
    g_free(tracked->root);
    g_free(tracked);
}

/* The directory without its last part, which is the place of the command in the tree. Owned; NULL: it does not end so. */
static char *root_of(const char *directory, const char *place)
{
    if (strcmp(place, ".") == 0)
        return g_strdup(directory);
    size_t all = strlen(directory), last = strlen(place);
    if (all <= last || strcmp(directory + all - last, place) != 0 || directory[all - last - 1] != '/')
        return NULL;
    return g_strndup(directory, all - last - 1);
}

static bool asked_git(const HptCodeReader *reader)
{
    size_t n = 0;
    const HptCodeRepo *repos = hpt_code_reader_peek_repos(reader, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(repos[i].path, ".") == 0)
            return repos[i].note == NULL;
    return false;
}

void hpt_tracked_set(HptTracked *tracked, const HptCode *code)
{
    if (tracked->set && memcmp(&tracked->digest, &code->digest, sizeof code->digest) == 0)
        return;
    tracked->set = true;
    tracked->digest = code->digest;
    g_hash_table_remove_all(tracked->paths);
    g_string_chunk_clear(tracked->strings);
    g_clear_pointer(&tracked->root, g_free);
    g_autoptr(GError) ignored = NULL; /* made by ourselves a moment ago */
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(code->canonical, code->length, &ignored);
    if (reader == NULL || !asked_git(reader))
        return;
    HptCodeEntry entry;
    while (hpt_code_next(reader, &entry, &ignored))
        g_hash_table_add(tracked->paths, g_string_chunk_insert(tracked->strings, entry.path));
    tracked->root = root_of(tracked->directory, hpt_code_reader_peek_directory(reader));
}

/* The path itself, a folder above it that is one entry, or one that hpt passes over. */
static bool is_known(const HptTracked *tracked, const char *path)
{
    static const char *const passed[] = {".git", ".hpt", "__pycache__"};
    g_autofree char *part = g_strdup(path);
    for (;;) {
        char *slash = strrchr(part, '/');
        const char *name = slash == NULL ? part : slash + 1;
        for (size_t i = 0; i < G_N_ELEMENTS(passed); i++)
            if (strcmp(name, passed[i]) == 0)
                return true;
        if (g_hash_table_contains(tracked->paths, part))
            return true;
        if (slash == NULL)
            return g_hash_table_contains(tracked->paths, ".");
        *slash = '\0';
    }
}

bool hpt_tracked_ignores(const HptTracked *tracked, const char *path)
{
    size_t length = tracked->root == NULL ? 0 : strlen(tracked->root);
    if (tracked->root == NULL || strncmp(path, tracked->root, length) != 0 || path[length] != '/')
        return false;
    return !is_known(tracked, path + length + 1);
}
