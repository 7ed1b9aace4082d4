#include "show/patch.h"

#include <string.h>

/* ---- lines as numbers ---- */

typedef struct {
    const char *at;
    size_t length; /* with its newline */
} Line;

typedef struct {
    GArray *lines; /* Line */
    int *ids;      /* equal lines have equal numbers */
    size_t n;
} Text;

static guint hash_line(const void *data)
{
    const Line *line = data;
    guint hash = 5381;
    for (size_t i = 0; i < line->length; i++)
        hash = hash * 33 + (unsigned char)line->at[i];
    return hash;
}

static gboolean equal_lines(const void *a, const void *b)
{
    const Line *x = a, *y = b;
    return x->length == y->length && memcmp(x->at, y->at, x->length) == 0;
}

static Text split(const HptPatchFile *file)
{
    Text text = {.lines = g_array_new(FALSE, FALSE, sizeof(Line))};
    const char *at = file->bytes, *end = at != NULL ? at + file->length : at;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        Line line = {at, (size_t)((newline != NULL ? newline + 1 : end) - at)};
        g_array_append_val(text.lines, line);
        at += line.length;
    }
    text.n = text.lines->len;
    text.ids = g_new(int, text.n + 1);
    return text;
}

static void text_clear(Text *text)
{
    g_array_unref(text->lines);
    g_free(text->ids);
}

static const Line *line_at(const Text *text, size_t i)
{
    return &g_array_index(text->lines, Line, i);
}

static void number_lines(Text *a, Text *b)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(hash_line, equal_lines);
    Text *texts[] = {a, b};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < texts[t]->n; i++) {
            void *key = (void *)(uintptr_t)line_at(texts[t], i);
            void *id = g_hash_table_lookup(seen, key);
            if (id == NULL) {
                id = GINT_TO_POINTER((int)g_hash_table_size(seen) + 1);
                g_hash_table_insert(seen, key, id);
            }
            texts[t]->ids[i] = GPOINTER_TO_INT(id);
        }
}

/* ---- which lines go, which come ---- */

typedef struct {
    const int *a, *b; /* what is left after the common beginning and end */
    int n, m;
    bool *gone, *come; /* by line of the whole texts, from these places on */
} Middle;

/* Myers' furthest x on diagonal k after d edits is v[k + d]; a row for each d, as the way back
 * needs it. */
static void walk_back(const Middle *middle, GPtrArray *rows)
{
    int x = middle->n, y = middle->m;
    for (int d = (int)rows->len - 1; d > 0; d--) {
        const int *before = rows->pdata[d - 1];
        int k = x - y, last = d - 1;
        bool down = k == -d || (k != d && before[k - 1 + last] < before[k + 1 + last]);
        /* diagonals of the row before go from −last to last */
        int previous = down ? k + 1 : k - 1;
        x = before[previous + last];
        y = x - previous;
        if (down)
            middle->come[y] = true;
        else
            middle->gone[x] = true;
    }
}

static bool walk(const Middle *middle)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(g_free);
    for (int d = 0; d <= HPT_PATCH_EDITS; d++) {
        const int *before = d > 0 ? rows->pdata[d - 1] : NULL;
        int *v = g_new(int, 2 * (size_t)d + 1);
        g_ptr_array_add(rows, v);
        for (int k = -d; k <= d; k += 2) {
            int last = d - 1, x = 0;
            if (d > 0)
                x = k == -d || (k != d && before[k - 1 + last] < before[k + 1 + last])
                        ? before[k + 1 + last]
                        : before[k - 1 + last] + 1;
            int y = x - k;
            while (x < middle->n && y >= 0 && y < middle->m && middle->a[x] == middle->b[y]) {
                x++;
                y++;
            }
            v[k + d] = x;
            if (x >= middle->n && y >= middle->m) {
                walk_back(middle, rows);
                return true;
            }
        }
    }
    return false;
}

static void compare(const Text *a, const Text *b, bool *gone, bool *come)
{
    size_t begin = 0, end = 0;
    while (begin < a->n && begin < b->n && a->ids[begin] == b->ids[begin])
        begin++;
    while (end < a->n - begin && end < b->n - begin &&
           a->ids[a->n - 1 - end] == b->ids[b->n - 1 - end])
        end++;
    Middle middle = {
        a->ids + begin, b->ids + begin, (int)(a->n - begin - end), (int)(b->n - begin - end),
        gone + begin,   come + begin};
    if (middle.n == 0 || middle.m == 0 || !walk(&middle)) {
        memset(middle.gone, 1, (size_t)middle.n);
        memset(middle.come, 1, (size_t)middle.m);
    }
}

/* ---- hunks ---- */

static void append_line(GString *out, char mark, const Line *line)
{
    g_string_append_c(out, mark);
    g_string_append_len(out, line->at, (gssize)line->length);
    if (line->at[line->length - 1] != '\n')
        g_string_append(out, "\n\\ No newline at end of file\n");
}

static void append_range(GString *out, char mark, size_t begin, size_t length)
{
    /* an empty range is named by the line before it */
    g_string_append_printf(out, "%c%zu", mark, length > 0 ? begin + 1 : begin);
    if (length != 1)
        g_string_append_printf(out, ",%zu", length);
}

/* Lines [x, x_end) of a and [y, y_end) of b, of which the unmarked ones are the same. */
static void append_hunk(GString *out, const Text *a, const Text *b, const bool *gone,
                        const bool *come, size_t x, size_t x_end, size_t y, size_t y_end)
{
    g_string_append(out, "@@ ");
    append_range(out, '-', x, x_end - x);
    g_string_append_c(out, ' ');
    append_range(out, '+', y, y_end - y);
    g_string_append(out, " @@\n");
    while (x < x_end || y < y_end) {
        if (x < x_end && gone[x])
            append_line(out, '-', line_at(a, x++));
        else if (y < y_end && come[y])
            append_line(out, '+', line_at(b, y++));
        else {
            append_line(out, ' ', line_at(a, x++));
            y++;
        }
    }
}

static void append_hunks(GString *out, const Text *a, const Text *b, const bool *gone,
                         const bool *come)
{
    size_t x = 0, y = 0;
    while (x < a->n || y < b->n) {
        if (!(x < a->n && gone[x]) && !(y < b->n && come[y])) {
            x++;
            y++;
            continue;
        }
        size_t before = MIN(HPT_PATCH_CONTEXT, x), begin_x = x - before, begin_y = y - before;
        size_t alike = 0; /* lines since the last change */
        while ((x < a->n || y < b->n) && alike <= (size_t)2 * HPT_PATCH_CONTEXT) {
            bool minus = x < a->n && gone[x], plus = y < b->n && come[y];
            alike = minus || plus ? 0 : alike + 1;
            x += !plus || minus;
            y += !minus;
        }
        size_t after = alike > HPT_PATCH_CONTEXT ? alike - HPT_PATCH_CONTEXT : 0;
        append_hunk(out, a, b, gone, come, begin_x, x - after, begin_y, y - after);
    }
}

/* ---- files ---- */

static bool needs_quotes(const char *path)
{
    for (; *path != '\0'; path++)
        if ((unsigned char)*path < 0x20 || (unsigned char)*path >= 0x7f || *path == '"' ||
            *path == '\\')
            return true;
    return false;
}

/* side: "a/" or "b/". header: a blank in a name needs a tab behind it, or patch takes it for a
 * date. */
static void append_name(GString *out, const char *side, const char *path, bool header)
{
    if (!needs_quotes(path)) {
        g_string_append_printf(out, "%s%s%s", side, path,
                               header && strchr(path, ' ') != NULL ? "\t" : "");
        return;
    }
    g_string_append_printf(out, "\"%s", side);
    for (; *path != '\0'; path++) {
        static const char plain[] = "\a\b\t\n\v\f\r\"\\", letters[] = "abtnvfr\"\\";
        const char *found = strchr(plain, *path);
        if (found != NULL)
            g_string_append_printf(out, "\\%c", letters[found - plain]);
        else if ((unsigned char)*path < 0x20 || (unsigned char)*path >= 0x7f)
            g_string_append_printf(out, "\\%03o", (unsigned char)*path);
        else
            g_string_append_c(out, *path);
    }
    g_string_append_c(out, '"');
}

static const char *mode_of(const HptPatchFile *file)
{
    return file->link ? "120000" : (file->mode & 0111) != 0 ? "100755" : "100644";
}

static void append_head(GString *out, const char *path, const HptPatchFile *a,
                        const HptPatchFile *b)
{
    g_string_append(out, "diff --git ");
    append_name(out, "a/", path, false);
    g_string_append_c(out, ' ');
    append_name(out, "b/", path, false);
    g_string_append_c(out, '\n');
    if (a->bytes == NULL)
        g_string_append_printf(out, "new file mode %s\n", mode_of(b));
    else if (b->bytes == NULL)
        g_string_append_printf(out, "deleted file mode %s\n", mode_of(a));
    else if (strcmp(mode_of(a), mode_of(b)) != 0)
        g_string_append_printf(out, "old mode %s\nnew mode %s\n", mode_of(a), mode_of(b));
}

static void append_names(GString *out, const char *path, const HptPatchFile *a,
                         const HptPatchFile *b, const char *before, const char *between,
                         const char *after, bool header)
{
    g_string_append(out, before);
    if (a->bytes != NULL)
        append_name(out, "a/", path, header);
    else
        g_string_append(out, "/dev/null");
    g_string_append(out, between);
    if (b->bytes != NULL)
        append_name(out, "b/", path, header);
    else
        g_string_append(out, "/dev/null");
    g_string_append(out, after);
}

static bool is_binary(const HptPatchFile *file)
{
    return file->bytes != NULL && memchr(file->bytes, '\0', file->length) != NULL;
}

static HptPatchResult append_change(GString *out, const char *path, const HptPatchFile *a,
                                    const HptPatchFile *b)
{
    size_t n_a = a->bytes != NULL ? a->length : 0, n_b = b->bytes != NULL ? b->length : 0;
    if (n_a == n_b && (n_a == 0 || memcmp(a->bytes, b->bytes, n_a) == 0))
        return HPT_PATCH_TEXT;
    if (is_binary(a) || is_binary(b)) {
        append_names(out, path, a, b, "Binary files ", " and ", " differ\n", false);
        return HPT_PATCH_BINARY;
    }
    append_names(out, path, a, b, "--- ", "\n+++ ", "\n", true);
    Text x = split(a), y = split(b);
    number_lines(&x, &y);
    g_autofree bool *gone = g_new0(bool, x.n + 1), *come = g_new0(bool, y.n + 1);
    compare(&x, &y, gone, come);
    append_hunks(out, &x, &y, gone, come);
    text_clear(&x);
    text_clear(&y);
    return HPT_PATCH_TEXT;
}

HptPatchResult hpt_patch_append(GString *out, const char *path, const HptPatchFile *a,
                                const HptPatchFile *b)
{
    static const HptPatchFile none = {0};
    bool both = a->bytes != NULL && b->bytes != NULL;
    if (both && a->link != b->link) { /* one goes and the other comes: two entries, as git has it */
        HptPatchResult first = hpt_patch_append(out, path, a, &none);
        HptPatchResult second = hpt_patch_append(out, path, &none, b);
        return MAX(first, second);
    }
    bool same = a->bytes == b->bytes && a->bytes == NULL;
    if (both)
        same = a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0 &&
               strcmp(mode_of(a), mode_of(b)) == 0;
    if (same)
        return HPT_PATCH_SAME;
    append_head(out, path, a, b);
    return append_change(out, path, a, b);
}
