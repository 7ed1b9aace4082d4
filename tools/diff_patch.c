/* hpt-diff --patch */
#include "diff.h"
#include "tool.h"

#include "base/text.h"
#include "show/patch.h"
#include "study/compare-facts.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const HptFacts *const *operands;
    GString *out;
    size_t binary, unknown;
} Patch;

/* The file of an operand; *owned keeps its bytes. False: they are not here, or *error is set. */
static bool load(const Patch *patch, size_t i, const HptFact *fact, HptPatchFile *file,
                 char **owned, GError **error)
{
    *file = (HptPatchFile){0};
    if (fact == NULL)
        return true;
    if (fact->target != NULL) {
        *file = (HptPatchFile){fact->target, strlen(fact->target), 0777, true};
        return true;
    }
    const HptFacts *facts = patch->operands[i];
    bool here = fact->is_file && fact->stored.size >= 0 && facts->read != NULL &&
                (uint64_t)fact->stored.size <= HPT_COMPARE_MAX &&
                memcmp(&fact->stored.digest, &fact->digest, sizeof fact->digest) == 0;
    if (!here)
        return false;
    *owned = facts->read(facts->source, &fact->stored, &file->length, error);
    file->bytes = *owned;
    file->mode = fact->mode;
    return *owned != NULL;
}

/* A folder comes with what is in it, a mode with its file. */
static bool is_entry(const HptFact *fact)
{
    return fact == NULL || fact->is_file || fact->target != NULL || fact->missing;
}

/* Is there nothing to do? Of what was captured of neither nobody knows. */
static bool is_alike(const HptDifference *row)
{
    const HptFact *a = row->facts[0], *b = row->facts[1];
    if (a == NULL || b == NULL)
        return (a != NULL ? a : b)->missing;
    if (row->verdict == HPT_VERDICT_SAME)
        return !a->is_file || !b->is_file || ((a->mode ^ b->mode) & 0111) == 0;
    return a->missing && b->missing;
}

static bool add(Patch *patch, const HptDifference *row, GError **error)
{
    g_autofree char *path = hpt_facts_path_bytes(row->name), *a = NULL, *b = NULL;
    g_autofree char *full =
        row->group[0] != '\0' ? g_strconcat(row->group, "/", path, NULL) : g_strdup(path);
    HptPatchFile x, y;
    GError *problem = NULL;
    bool loaded = load(patch, 0, row->facts[0], &x, &a, &problem) && problem == NULL &&
                  load(patch, 1, row->facts[1], &y, &b, &problem);
    if (problem != NULL) {
        g_propagate_error(error, problem);
        return false;
    }
    if (!loaded)
        patch->unknown++;
    else if (hpt_patch_append(patch->out, full, &x, &y) == HPT_PATCH_BINARY)
        patch->binary++;
    return true;
}

/* A terminal gets what is in files line by line, and nothing that acts on it. */
static bool put(const GString *text, bool terminal, GError **error)
{
    if (!terminal)
        return hpt_sink_file(stdout, text->str, text->len, error);
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *at = text->str, *end = at + text->len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((newline != NULL ? newline : end) - at);
        g_autofree char *line = hpt_text_printable(at, (gssize)length);
        g_string_append_printf(out, "%s\n", line);
        at += length + 1;
    }
    return hpt_sink_file(stdout, out->str, out->len, error);
}

static bool fail(GError **error, const char *message)
{
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, message);
    return false;
}

bool diff_print_patch(const HptFacts *const *operands, size_t n, const GPtrArray *rows,
                      bool terminal, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    Patch patch = {.operands = operands, .out = out};
    if (n != 2)
        return fail(error, "--patch is for two");
    for (guint i = 0; i < rows->len; i++) {
        const HptDifference *row = rows->pdata[i];
        if (row->section != HPT_SECTION_CODE && row->section != HPT_SECTION_ARTEFACTS)
            return fail(error, "--patch is of code or artefacts");
        if (is_entry(row->facts[0]) && is_entry(row->facts[1]) && !is_alike(row) &&
            !add(&patch, row, error))
            return false;
    }
    if (!put(out, terminal, error))
        return false;
    if (patch.binary > 0)
        hpt_tool_note("files that are no text and so not in the patch: %zu", patch.binary);
    if (patch.unknown > 0)
        hpt_tool_note("files whose bytes are not here and so not in the patch: %zu", patch.unknown);
    return true;
}
