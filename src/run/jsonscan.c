#include "run/jsonscan.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

#define DEPTH_MAX 32
#define NUMBER_MAX 1200 /* longer than any double's exact decimal expansion needs to be */

typedef struct {
    const char *text;
    size_t length, at;
    GString *path, *string;
    HptLeafFunc leaf;
    void *user;
    const char *reason;
} Scan;

static bool scan_value(Scan *scan, int depth);

static bool fail(Scan *scan, const char *reason)
{
    scan->reason = reason;
    return false;
}

static int peek(const Scan *scan)
{
    return scan->at < scan->length ? (unsigned char)scan->text[scan->at] : -1;
}

static void skip_blanks(Scan *scan)
{
    for (;;) {
        int c = peek(scan);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        scan->at++;
    }
}

static bool give(Scan *scan, HptLeaf leaf, size_t from)
{
    leaf.path = scan->path->str;
    leaf.offset = from;
    leaf.length = scan->at - from;
    return scan->leaf(&leaf, scan->user);
}

static bool scan_hex(Scan *scan, unsigned *out)
{
    if (scan->length - scan->at < 4)
        return false;
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value(scan->text[scan->at + (size_t)i]);
        if (digit < 0)
            return false;
        value = value * 16 + (unsigned)digit;
    }
    scan->at += 4;
    *out = value;
    return true;
}

static bool scan_unicode(Scan *scan)
{
    unsigned unit = 0, low = 0;
    if (!scan_hex(scan, &unit))
        return fail(scan, "bad \\u escape");
    if (unit >= 0xD800 && unit < 0xDC00) {
        if (peek(scan) != '\\' || scan->at + 1 >= scan->length || scan->text[scan->at + 1] != 'u')
            return fail(scan, "half a surrogate pair");
        scan->at += 2;
        if (!scan_hex(scan, &low) || low < 0xDC00 || low > 0xDFFF)
            return fail(scan, "half a surrogate pair");
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xDC00 && unit < 0xE000) {
        return fail(scan, "half a surrogate pair");
    }
    if (unit == 0)
        return fail(scan, "a string with a NUL");
    g_string_append_unichar(scan->string, unit);
    return true;
}

static bool scan_escape(Scan *scan)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(scan);
    scan->at++;
    if (c == 'u')
        return scan_unicode(scan);
    const char *found = c > 0 ? strchr(from, c) : NULL;
    if (found == NULL)
        return fail(scan, "bad escape in a string");
    g_string_append_c(scan->string, to[found - from]);
    return true;
}

/* A string into scan->string; at stands on the opening quote. */
static bool scan_string(Scan *scan)
{
    g_string_truncate(scan->string, 0);
    scan->at++;
    for (;;) {
        int c = peek(scan);
        if (c < 0)
            return fail(scan, "a string without end");
        if (c < 0x20)
            return fail(scan, "a control character in a string");
        scan->at++;
        if (c == '"')
            break;
        if (c != '\\')
            g_string_append_c(scan->string, (char)c);
        else if (!scan_escape(scan))
            return false;
    }
    if (!g_utf8_validate(scan->string->str, (gssize)scan->string->len, NULL))
        return fail(scan, "a string that is not UTF-8");
    return true;
}

static size_t scan_digits(Scan *scan)
{
    size_t from = scan->at;
    while (g_ascii_isdigit(peek(scan)))
        scan->at++;
    return scan->at - from;
}

static bool has_word(Scan *scan, const char *word)
{
    size_t n = strlen(word);
    if (scan->length - scan->at < n || memcmp(scan->text + scan->at, word, n) != 0)
        return false;
    scan->at += n;
    return true;
}

static bool scan_number(Scan *scan)
{
    size_t from = scan->at;
    HptLeaf leaf = {.kind = HPT_LEAF_NUMBER};
    bool minus = peek(scan) == '-';
    if (minus)
        scan->at++;
    if (has_word(scan, "Infinity")) {
        leaf.number = minus ? -INFINITY : INFINITY;
        return give(scan, leaf, from);
    }
    bool zero = peek(scan) == '0';
    size_t digits = scan_digits(scan);
    if (digits == 0 || (zero && digits > 1))
        return fail(scan, digits == 0 ? "not a JSON value" : "a number with a leading zero");
    leaf.whole = true;
    if (peek(scan) == '.') {
        scan->at++;
        leaf.whole = false;
        if (scan_digits(scan) == 0)
            return fail(scan, "a number without digits after the point");
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->at++;
        leaf.whole = false;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (scan_digits(scan) == 0)
            return fail(scan, "a number without digits in its exponent");
    }
    if (!hpt_number_read(scan->text + from, scan->at - from, &leaf.number))
        return fail(scan, "a number that is too long");
    return give(scan, leaf, from);
}

static bool scan_word(Scan *scan)
{
    size_t from = scan->at;
    if (has_word(scan, "true"))
        return give(scan, (HptLeaf){.kind = HPT_LEAF_BOOL, .number = 1}, from);
    if (has_word(scan, "false"))
        return give(scan, (HptLeaf){.kind = HPT_LEAF_BOOL}, from);
    if (has_word(scan, "null"))
        return give(scan, (HptLeaf){.kind = HPT_LEAF_NULL}, from);
    if (has_word(scan, "NaN"))
        return give(scan, (HptLeaf){.kind = HPT_LEAF_NUMBER, .number = NAN}, from);
    return scan_number(scan);
}

static void push_token(Scan *scan, const char *token)
{
    g_string_append_c(scan->path, '/');
    for (; *token != '\0'; token++)
        if (*token == '~')
            g_string_append(scan->path, "~0");
        else if (*token == '/')
            g_string_append(scan->path, "~1");
        else
            g_string_append_c(scan->path, *token);
}

static bool scan_member(Scan *scan, bool object, size_t index, int depth)
{
    size_t before = scan->path->len;
    if (object) {
        if (peek(scan) != '"')
            return fail(scan, "a member without a name in quotes");
        if (!scan_string(scan))
            return false;
        push_token(scan, scan->string->str);
        skip_blanks(scan);
        if (peek(scan) != ':')
            return fail(scan, "a member without ':'");
        scan->at++;
    } else {
        g_string_append_printf(scan->path, "/%zu", index);
    }
    if (!scan_value(scan, depth + 1))
        return false;
    g_string_truncate(scan->path, before);
    return true;
}

static bool scan_container(Scan *scan, bool object, int depth)
{
    int close = object ? '}' : ']';
    if (depth >= DEPTH_MAX)
        return fail(scan, "nested too deep");
    size_t from = scan->at++;
    HptLeaf leaf = {.kind = object ? HPT_LEAF_OBJECT : HPT_LEAF_ARRAY};
    if (!give(scan, leaf, from))
        return false;
    skip_blanks(scan);
    if (peek(scan) == close) {
        scan->at++;
        return true;
    }
    for (size_t index = 0;; index++) {
        skip_blanks(scan);
        if (!scan_member(scan, object, index, depth))
            return false;
        skip_blanks(scan);
        int c = peek(scan);
        scan->at++;
        if (c == close)
            return true;
        if (c != ',')
            return fail(scan, object ? "an object without end" : "an array without end");
    }
}

static bool scan_value(Scan *scan, int depth)
{
    skip_blanks(scan);
    int c = peek(scan);
    if (c == '{' || c == '[')
        return scan_container(scan, c == '{', depth);
    if (c != '"')
        return scan_word(scan);
    size_t from = scan->at;
    if (!scan_string(scan))
        return false;
    HptLeaf leaf = {.kind = HPT_LEAF_STRING, .string = scan->string->str};
    return give(scan, leaf, from);
}

bool hpt_json_scan(const char *text, size_t length, HptLeafFunc leaf, void *user,
                   const char **reason)
{
    Scan scan = {.text = text, .length = length, .leaf = leaf, .user = user};
    scan.path = g_string_new(NULL);
    scan.string = g_string_new(NULL);
    bool ok = scan_value(&scan, 0);
    if (ok) {
        skip_blanks(&scan);
        if (scan.at < length)
            ok = fail(&scan, "something after the JSON value");
    }
    g_string_free(scan.path, TRUE);
    g_string_free(scan.string, TRUE);
    if (!ok)
        *reason = scan.reason;
    return ok;
}

char *hpt_json_path_name(const char *path, const char *prefix)
{
    GString *name = g_string_new(NULL);
    for (const char *next = path + strlen(prefix); *next != '\0'; next++) {
        if (*next == '/') {
            if (name->len > 0)
                g_string_append_c(name, '.');
        } else if (*next == '~') {
            g_string_append_c(name, *++next == '1' ? '/' : '~');
        } else {
            g_string_append_c(name, *next);
        }
    }
    return g_string_free(name, FALSE);
}

bool hpt_number_read(const char *text, size_t length, double *out)
{
    bool minus = length > 0 && text[0] == '-';
    if (length > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        length--;
    }
    if (length == 0 || length > NUMBER_MAX)
        return false;
    double value = 0;
    bool overflow = false;
    if (g_ascii_isdigit(text[0]) || text[0] == '.') {
        char copy[NUMBER_MAX + 1];
        memcpy(copy, text, length);
        copy[length] = '\0';
        if (memchr(copy, '\0', length) != NULL)
            return false;
        if (!hpt_number_parse(copy, &value, &overflow)) {
            if (!overflow)
                return false;
            value = INFINITY;
        }
    } else if ((length == 3 && g_ascii_strncasecmp(text, "inf", 3) == 0) ||
               (length == 8 && g_ascii_strncasecmp(text, "infinity", 8) == 0)) {
        value = INFINITY;
    } else if (length == 3 && g_ascii_strncasecmp(text, "nan", 3) == 0) {
        value = NAN;
    } else {
        return false;
    }
    *out = minus ? -value : value;
    return true;
}
