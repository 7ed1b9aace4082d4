#include "space/internal.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_word_char(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte > ' ' && byte != 0x7f && strchr("[]{}(),|<>=!&\"'", c) == NULL;
}

/* Where the comment begins: at a # that is first or follows a blank, outside quotes. */
static const char *comment(const char *text, const char *end)
{
    char quote = '\0';
    for (const char *p = text; p < end; p++) {
        if (quote != '\0') {
            if (*p == '\\' && quote == '"' && p + 1 < end) {
                p++;
            } else if (*p == quote) {
                quote = '\0';
            }
        } else if (*p == '\'' || *p == '"') {
            quote = *p;
        } else if (*p == '#' && (p == text || is_blank(p[-1]))) {
            return p;
        }
    }
    return end;
}

HptScan hpt_scan(const char *text, size_t length)
{
    const char *end = comment(text, text + length);
    while (end > text && is_blank(end[-1])) {
        end--;
    }
    return (HptScan){.text = text, .at = text, .end = end};
}

void hpt_scan_blanks(HptScan *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at)) {
        scan->at++;
    }
}

char hpt_scan_peek(HptScan *scan)
{
    hpt_scan_blanks(scan);
    return scan->at < scan->end ? *scan->at : '\0';
}

bool hpt_scan_take(HptScan *scan, char c)
{
    if (hpt_scan_peek(scan) != c) {
        return false;
    }
    scan->at++;
    return true;
}

bool hpt_scan_expect(HptScan *scan, char c, GError **error)
{
    if (hpt_scan_take(scan, c)) {
        return true;
    }
    char what[] = {'\'', c, '\'', '\0'};
    return hpt_scan_expected(scan, error, what);
}

size_t hpt_scan_word_length(const HptScan *scan, char stop)
{
    const char *p = scan->at;
    while (p < scan->end && is_word_char(*p) && (stop == '\0' || *p != stop)) {
        p++;
    }
    return (size_t)(p - scan->at);
}

char *hpt_scan_word(HptScan *scan)
{
    hpt_scan_blanks(scan);
    size_t length = hpt_scan_word_length(scan, '\0');
    if (length == 0) {
        return NULL;
    }
    char *word = g_strndup(scan->at, length);
    scan->at += length;
    return word;
}

static char *quoted_value(HptScan *scan, GError **error)
{
    char quote = *scan->at;
    g_autoptr(GString) value = g_string_new(NULL);
    for (const char *p = scan->at + 1; p < scan->end; p++) {
        if (*p == quote) {
            scan->at = p + 1;
            return g_string_free(g_steal_pointer(&value), FALSE);
        }
        if (*p == '\\' && quote == '"' && p + 1 < scan->end) {
            p++;
        }
        g_string_append_c(value, *p);
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "col %ld: the quote %c is never closed",
                g_utf8_strlen(scan->text, scan->at - scan->text) + 1, quote);
    return NULL;
}

char *hpt_scan_value(HptScan *scan, char stop, bool *quoted, GError **error)
{
    char next = hpt_scan_peek(scan);
    bool is_quoted = next == '\'' || next == '"';
    if (quoted != NULL) {
        *quoted = is_quoted;
    }
    if (is_quoted) {
        return quoted_value(scan, error);
    }
    size_t length = hpt_scan_word_length(scan, stop);
    if (length == 0) {
        hpt_scan_expected(scan, error, "a value");
        return NULL;
    }
    char *word = g_strndup(scan->at, length);
    scan->at += length;
    return word;
}

bool hpt_scan_expected(HptScan *scan, GError **error, const char *what)
{
    hpt_scan_blanks(scan);
    long column = g_utf8_strlen(scan->text, scan->at - scan->text) + 1;
    if (scan->at == scan->end) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "col %ld: expected %s, found the end", column,
                    what);
        return false;
    }
    size_t length = MIN(hpt_scan_word_length(scan, '\0'), 40);
    if (length == 0) {
        length = 1;
    }
    /* Never half a character. */
    while (scan->at + length < scan->end && ((unsigned char)scan->at[length] & 0xc0u) == 0x80u) {
        length++;
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "col %ld: expected %s, found '%.*s'", column,
                what, (int)length, scan->at);
    return false;
}

size_t hpt_name_length(const char *text, size_t length)
{
    if (length == 0 || !(g_ascii_isalpha(text[0]) || text[0] == '_' || text[0] == '@')) {
        return 0;
    }
    size_t n = 1;
    while (n < length &&
           (g_ascii_isalnum(text[n]) || (text[n] != '\0' && strchr("_.:@/+-", text[n]) != NULL))) {
        n++;
    }
    return n;
}

bool hpt_is_word(const char *text)
{
    if (text[0] == '\0' || text[0] == '#') {
        return false;
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (!is_word_char(*p)) {
            return false;
        }
    }
    return true;
}

void hpt_append_value(GString *out, const char *value)
{
    if (hpt_is_word(value)) {
        g_string_append(out, value);
        return;
    }
    g_string_append_c(out, '"');
    for (const char *p = value; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            g_string_append_c(out, '\\');
        }
        g_string_append_c(out, *p);
    }
    g_string_append_c(out, '"');
}

bool hpt_is_whole_text(const char *text)
{
    const char *p = *text == '-' ? text + 1 : text;
    size_t n = strspn(p, "0123456789");
    return n > 0 && p[n] == '\0';
}
