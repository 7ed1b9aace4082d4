/* Bytes from anywhere as a code snapshot: read to the end, or refused with a reason. Every entry lies inside the
 * tree, paths ascend, and what is read, written again, is what it was. */
#include "record/codetext.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part != NULL; part++)
        g_assert(**part != '\0' && strcmp(*part, ".") != 0 && strcmp(*part, "..") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptCodeReader) reader = hpt_code_reader_new(data, size, &error);
    if (reader == NULL) {
        g_assert(error != NULL && error->code == HPT_ERROR_DATA);
        return 0;
    }
    g_autoptr(GString) again = g_string_new(NULL);
    g_autofree char *before = NULL;
    HptCodeEntry entry;
    size_t n = 0;
    hpt_code_append_head(again, hpt_code_reader_peek_directory(reader));
    const HptCodeRepo *repos = hpt_code_reader_peek_repos(reader, &n);
    for (size_t i = 0; i < n; i++)
        hpt_code_append_repo(again, &repos[i]);
    while (hpt_code_next(reader, &entry, &error)) {
        if (entry.kind != HPT_CODE_MISSING || strcmp(entry.path, ".") != 0)
            check_path(entry.path);
        g_assert(before == NULL || strcmp(before, entry.path) < 0);
        g_free(before);
        before = g_strdup(entry.path);
        hpt_code_append_entry(again, &entry);
    }
    if (error == NULL)
        g_assert(again->len == size && memcmp(again->str, data, size) == 0);
    else
        g_assert(error->code == HPT_ERROR_DATA);
    return 0;
}
