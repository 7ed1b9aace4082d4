/* Two outputs compared as what they say.
 *
 * The input's first byte: bit 0 a stream, bit 1 a tolerance; then the one text, a byte 0xff, the other.
 * A text is the same as itself, which of the two is older makes no difference but for the lines that are shown,
 * and those are fit for a terminal. */
#include "base/text.h"
#include "study/textdiff.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *line)
{
    if (line == NULL)
        return;
    g_assert(g_utf8_validate(line, -1, NULL) && strlen(line) < 4096);
    g_autofree char *again = hpt_text_printable(line, -1);
    g_assert(strlen(again) >= strlen(line));
    for (const char *at = line; *at != '\0'; at++)
        g_assert((unsigned char)*at >= ' ' && *at != '\x7f');
}

static HptSame compare(const HptSide *then, const HptSide *now, bool stream,
                       const HptTolerance *tolerance)
{
    g_auto(HptTextDiff) diff = {0};
    hpt_text_diff(then, now, stream, tolerance, &diff);
    check_line(diff.then);
    check_line(diff.now);
    g_assert((diff.same == HPT_SAME_DIFFERS && diff.line > 0) ==
             (diff.then != NULL || diff.now != NULL));
    g_assert(diff.same != HPT_SAME_IDENTICAL || !diff.masked);
    g_assert(diff.same != HPT_SAME_EQUAL || diff.distance == 0);
    return diff.same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    bool stream = (data[0] & 1) != 0;
    HptTolerance tolerance = {NULL, (data[0] & 2) != 0 ? 0.5 : 0, 0};
    const uint8_t *mark = memchr(data + 1, 0xff, size - 1);
    const uint8_t *end = data + size;
    const uint8_t *middle = mark != NULL ? mark : end;
    size_t n = (size_t)(middle - (data + 1)), m = mark != NULL ? (size_t)(end - mark) - 1 : 0;
    /* So that reading beyond them is seen. */
    g_autofree char *a = g_memdup2(data + 1, n);
    g_autofree char *b = mark != NULL ? g_memdup2(mark + 1, m) : NULL;
    HptSide then = {a, n, "/srv/project"}, now = {b, m, "/srv/project"};
    g_assert(compare(&then, &then, stream, &tolerance) == HPT_SAME_IDENTICAL);
    HptSame same = compare(&then, &now, stream, &tolerance);
    g_assert(same == compare(&now, &then, stream, &tolerance));
    g_assert((same == HPT_SAME_IDENTICAL) == (n == m && (n == 0 || memcmp(a, b, n) == 0)));
    return 0;
}
