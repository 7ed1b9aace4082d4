#include "study/tracked.h"

#include "base/path.h"

#include <stdlib.h>
#include <string.h>

struct HptTracked {
    int owners;
    char *root;        /* of the tree; NULL: not known */
    bool git;          /* it said what is ignored */
    GHashTable *paths; /* from there → HptDigest of a file, NULL of anything else */
    GStringChunk *strings;
    HptDigest digest;
};

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

HptTracked *hpt_tracked_new(const char *directory, const HptCode *code)
{
    HptTracked *tracked = g_new0(HptTracked, 1);
    tracked->owners = 1;
    tracked->digest = code->digest;
    tracked->paths = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    tracked->strings = g_string_chunk_new(4096);
    g_autoptr(GError) ignored = NULL; /* made by ourselves a moment ago */
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(code->canonical, code->length, &ignored);
    if (reader == NULL)
        return tracked;
    char *real = realpath(directory, NULL);
    tracked->root = root_of(real != NULL ? real : directory, hpt_code_reader_peek_directory(reader));
    free(real);
    tracked->git = asked_git(reader);
    HptCodeEntry entry;
    while (hpt_code_next(reader, &entry, &ignored))
        g_hash_table_insert(tracked->paths, g_string_chunk_insert(tracked->strings, entry.path),
                            entry.kind == HPT_CODE_FILE
                                ? g_memdup2(&entry.digest, sizeof entry.digest)
                                : NULL);
    return tracked;
}

HptTracked *hpt_tracked_ref(HptTracked *tracked)
{
    if (tracked != NULL)
        tracked->owners++;
    return tracked;
}

void hpt_tracked_unref(HptTracked *tracked)
{
    if (tracked == NULL || --tracked->owners > 0)
        return;
    g_hash_table_unref(tracked->paths);
    g_string_chunk_free(tracked->strings);
    g_free(tracked->root);
    g_free(tracked);
}

bool hpt_tracked_is(const HptTracked *tracked, const HptDigest *code)
{
    return hpt_digest_equal(&tracked->digest, code);
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
    const char *inside = tracked->git ? hpt_path_inside(tracked->root, path) : NULL;
    return inside != NULL && !is_known(tracked, inside);
}

const char *hpt_tracked_find(const HptTracked *tracked, const char *path, const HptDigest **digest)
{
    const char *inside = hpt_path_inside(tracked->root, path);
    *digest = inside == NULL ? NULL : g_hash_table_lookup(tracked->paths, inside);
    return *digest == NULL ? NULL : inside;
}
