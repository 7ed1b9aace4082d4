/* Two files of foreign bytes, the first's length in the first two bytes: comparing them is
 * symmetric, the same only if they are; what is within a tolerance of nothing is equal; lines that
 * are shown cannot act on a terminal; a patch makes the second out of the first. */
#include "show/patch.h"
#include "study/compare.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const char *bytes;
    size_t length;
} Input;

static char *read_input(void *source, const HptObjectId *id, size_t *length, GError **error)
{
    (void)error;
    (void)id;
    const Input *input = source;
    *length = input->length;
    char *copy = g_malloc(input->length + 1);
    memcpy(copy, input->bytes, input->length);
    copy[input->length] = '\0';
    return copy;
}

static HptFacts *facts_of(Input *input)
{
    HptFacts *facts = hpt_facts_new("x", HPT_SECTIONS_TRIAL);
    HptFact *fact = hpt_facts_add(facts, HPT_SECTION_ARTEFACTS, "", "file", "");
    fact->is_file = fact->has_digest = true;
    fact->digest = hpt_digest(input->bytes, input->length);
    fact->stored = (HptObjectId){fact->digest, (int64_t)input->length};
    facts->read = read_input;
    facts->source = input;
    hpt_facts_end(facts);
    return facts;
}

static void check_rows(Input *a, Input *b, HptVerdict verdict)
{
    g_autoptr(HptFacts) x = facts_of(a), y = facts_of(b);
    const HptFacts *operands[] = {x, y};
    HptCompareOptions options = {0};
    g_autoptr(GPtrArray) rows = hpt_compare(operands, 2, &options, NULL);
    g_assert_cmpuint(rows->len, ==, verdict != HPT_VERDICT_SAME);
    if (rows->len == 0)
        return;
    const HptDifference *row = rows->pdata[0];
    bool text =
        hpt_compare_is_text(a->bytes, a->length) && hpt_compare_is_text(b->bytes, b->length);
    g_assert_true(text == (row->line > 0));
    g_assert_cmpint(row->verdict, ==, text ? verdict : HPT_VERDICT_DIFFERS);
    for (size_t i = 0; text && i < 2; i++)
        for (const char *p = row->lines[i]; p != NULL && *p != '\0'; p = g_utf8_next_char(p))
            g_assert_true(g_utf8_get_char(p) >= 0x20 && g_utf8_get_char(p) != 0x7f);
}

/* The line at *at without its newline, and *at behind it; false at the end. */
static bool take_line(const char **at, const char *end, Input *line)
{
    if (*at >= end)
        return false;
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    *line = (Input){*at, (size_t)((newline != NULL ? newline : end) - *at)};
    *at = newline != NULL ? newline + 1 : end;
    return true;
}

/* What the hunks make of a. */
static GString *apply(const Input *a, const GString *patch)
{
    GString *out = g_string_new(NULL);
    const char *at = a->bytes, *a_end = a->bytes + a->length, *end = patch->str + patch->len;
    const char *hunk = patch->str;
    size_t line = 1, begin = 0, length = 0;
    Input text, old = {0};
    while (take_line(&hunk, end, &text)) {
        if (g_str_has_prefix(text.bytes, "@@ ")) {
            length = 1;
            g_assert_cmpint(sscanf(text.bytes, "@@ -%zu,%zu", &begin, &length), >=, 1);
            begin += length == 0;
            for (; line < begin; line++) {
                g_assert_true(take_line(&at, a_end, &old));
                g_string_append_len(out, old.bytes, (gssize)old.length);
                g_string_append_c(out, '\n');
            }
            continue;
        }
        if (line == 1 && begin == 0) /* the head */
            continue;
        char mark = text.bytes[0];
        bool open = end - hunk > 2 && hunk[0] == '\\' && hunk[1] == ' ';
        if (mark == '\\')
            continue;
        if (mark != '+') {
            g_assert_true(take_line(&at, a_end, &old));
            g_assert_cmpuint(old.length, ==, text.length - 1);
            g_assert_cmpint(memcmp(old.bytes, text.bytes + 1, old.length), ==, 0);
            line++;
        }
        if (mark != '-') {
            g_string_append_len(out, text.bytes + 1, (gssize)text.length - 1);
            g_string_append(out, open ? "" : "\n");
        }
    }
    g_string_append_len(out, at, a_end - at);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cut = MIN((size_t)(data[0] << 8 | data[1]), size - 2);
    Input a = {(const char *)data + 2, cut}, b = {(const char *)data + 2 + cut, size - 2 - cut};
    HptTolerance none = {.name = (char *)(uintptr_t) "*"},
                 some = {.name = none.name, .absolute = 1};
    HptVerdict verdict = hpt_compare_texts(a.bytes, a.length, b.bytes, b.length, NULL);
    g_assert_cmpint(verdict, ==, hpt_compare_texts(b.bytes, b.length, a.bytes, a.length, NULL));
    g_assert_cmpint(verdict, ==, hpt_compare_texts(a.bytes, a.length, b.bytes, b.length, &none));
    g_assert_cmpint(verdict, >=, hpt_compare_texts(a.bytes, a.length, b.bytes, b.length, &some));
    bool same = a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
    g_assert_true(same == (verdict == HPT_VERDICT_SAME));
    check_rows(&a, &b, verdict);

    g_autoptr(GString) patch = g_string_new(NULL);
    HptPatchFile x = {a.bytes, a.length, 0644, false}, y = {b.bytes, b.length, 0644, false};
    HptPatchResult result = hpt_patch_append(patch, "a file\n", &x, &y);
    g_assert_true((result == HPT_PATCH_SAME) == same);
    if (result != HPT_PATCH_TEXT)
        return 0;
    g_autoptr(GString) made = apply(&a, patch);
    g_assert_cmpuint(made->len, ==, b.length);
    g_assert_cmpint(memcmp(made->str, b.bytes, b.length), ==, 0);
    return 0;
}
