#include "run/lines.h"

#include <string.h>

bool hpt_line_is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isspace(line[i]) && line[i] != '\0')
            return false;
    return true;
}

/* The first end of a line in [from, end), or NULL. */
static const char *find_break(const HptLines *lines, const char *from, const char *end)
{
    const char *newline = memchr(from, '\n', (size_t)(end - from));
    if (!lines->returns)
        return newline;
    const char *stop = newline != NULL ? newline : end;
    const char *back = memchr(from, '\r', (size_t)(stop - from));
    return back != NULL ? back : newline;
}

static const char *find_last_break(const HptLines *lines, const char *from, const char *end)
{
    const char *newline = memrchr(from, '\n', (size_t)(end - from));
    if (!lines->returns)
        return newline;
    const char *start = newline != NULL ? newline + 1 : from;
    const char *back = memrchr(start, '\r', (size_t)(end - start));
    return back != NULL ? back : newline;
}

static size_t longest(const HptLines *lines)
{
    return lines->max > 0 ? lines->max : HPT_LINE_MAX;
}

static void keep(HptLines *lines, const char *from, size_t length)
{
    if (length == 0)
        return;
    if (lines->partial == NULL)
        lines->partial = g_string_new(NULL);
    size_t room = longest(lines) - lines->partial->len;
    if (length > room) {
        lines->cut = true;
        length = room;
    }
    g_string_append_len(lines->partial, from, (gssize)length);
}

static void give(HptLines *lines, const char *from, size_t length, HptLineFunc func, void *user)
{
    bool cut = length > longest(lines);
    func(from, cut ? longest(lines) : length, lines->offset, cut, user);
}

static void give_partial(HptLines *lines, HptLineFunc func, void *user)
{
    func(lines->partial->str, lines->partial->len, lines->offset, lines->cut, user);
    g_string_truncate(lines->partial, 0);
    lines->cut = false;
}

/* Whole lines in [from, end), of which only the last that is not blank is given. */
static void give_last(HptLines *lines, const char *from, const char *end, HptLineFunc func,
                      void *user)
{
    int64_t base = lines->offset;
    while (end > from) {
        const char *stop = end - 1;
        const char *before = find_last_break(lines, from, stop);
        const char *start = before != NULL ? before + 1 : from;
        if (!hpt_line_is_blank(start, (size_t)(stop - start))) {
            lines->offset = base + (start - from);
            give(lines, start, (size_t)(stop - start), func, user);
            return;
        }
        end = start;
    }
}

void hpt_lines_add(HptLines *lines, const char *data, size_t length, bool quiet, HptLineFunc func,
                   void *user)
{
    const char *at = data, *end = data + length;
    int64_t base = lines->total;
    lines->total += (int64_t)length;
    if (lines->partial != NULL && lines->partial->len > 0) {
        const char *stop = find_break(lines, at, end);
        keep(lines, at, (size_t)((stop != NULL ? stop : end) - at));
        if (stop == NULL)
            return;
        give_partial(lines, func, user);
        at = stop + 1;
    }
    lines->offset = base + (at - data);
    const char *last = quiet ? find_last_break(lines, at, end) : NULL;
    if (last != NULL) {
        give_last(lines, at, last + 1, func, user);
        at = last + 1;
    }
    for (const char *stop; (stop = find_break(lines, at, end)) != NULL; at = stop + 1) {
        lines->offset = base + (at - data);
        give(lines, at, (size_t)(stop - at), func, user);
    }
    lines->offset = base + (at - data);
    keep(lines, at, (size_t)(end - at));
}

void hpt_lines_end(HptLines *lines, HptLineFunc func, void *user)
{
    if (lines->partial != NULL && lines->partial->len > 0)
        give_partial(lines, func, user);
    lines->offset = lines->total;
}

void hpt_lines_clear(HptLines *lines)
{
    if (lines->partial != NULL)
        g_string_free(lines->partial, TRUE);
    lines->partial = NULL;
}
