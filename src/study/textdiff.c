#include "study/textdiff.h"

#include "base/number.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define TEXT_LOOK 8000  /* bytes in which a NUL tells that it is no text */
#define LINE_SHOWN 160  /* bytes of a line that differs */
#define NUMBER_MAX 400  /* bytes of a word that may be a number */

void hpt_text_diff_clear(HptTextDiff *diff)
{
    g_free(diff->then);
    g_free(diff->now);
    *diff = (HptTextDiff){0};
}

/* ---- masks ---- */

static bool is_word(char c)
{
    return g_ascii_isalnum(c) || c == '_';
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Length of a pattern at text, 0 if it is not there: 9 is a digit, A an upper-case letter, a a
 * lower-case one, "_" a digit or blank; all else is itself. */
static size_t pattern(const char *text, const char *form)
{
    for (size_t i = 0; form[i] != '\0'; i++) {
        char c = text[i];
        bool fits = form[i] == '9'   ? g_ascii_isdigit(c)
                    : form[i] == 'A' ? g_ascii_isupper(c)
                    : form[i] == 'a' ? g_ascii_islower(c)
                    : form[i] == '_' ? g_ascii_isdigit(c) || c == ' '
                                     : c == form[i];
        if (!fits)
            return 0;
    }
    return strlen(form);
}

static size_t fraction(const char *text)
{
    size_t n = text[0] == '.' || text[0] == ',' ? digits(text + 1) : 0;
    return n > 0 ? n + 1 : 0;
}

static size_t zone(const char *text)
{
    if (text[0] == 'Z')
        return 1;
    if (text[0] != '+' && text[0] != '-')
        return 0;
    size_t n = pattern(text + 1, "99:99");
    if (n == 0)
        n = pattern(text + 1, "9999");
    return n > 0 ? n + 1 : 0;
}

static size_t clock_time(const char *text)
{
    size_t n = pattern(text, "99:99:99");
    if (n == 0)
        n = pattern(text, "9:99:99");
    return n > 0 ? n + fraction(text + n) : 0;
}

/* "2026-11-23", with a time of day behind it or not; "Nov 23 09:02:03", "Nov 23 2026"; a time of day.
 * Two numbers with a colon alone are no time: data are written so. */
static size_t date_or_time(const char *text)
{
    size_t n = pattern(text, "9999-99-99");
    if (n == 0)
        n = pattern(text, "9999/99/99");
    if (n > 0) {
        size_t more = text[n] == 'T' || text[n] == ' ' ? clock_time(text + n + 1) : 0;
        return more > 0 ? n + 1 + more + zone(text + n + 1 + more) : n;
    }
    n = pattern(text, "Aaa _9 99:99:99");
    if (n == 0)
        n = pattern(text, "Aaa _9 9999");
    if (n > 0) {
        size_t year = pattern(text + n, " 9999");
        return n + year;
    }
    n = clock_time(text);
    return n > 0 ? n + zone(text + n) : 0;
}

/* The length of a number without a sign at text. */
static size_t unsigned_number(const char *text)
{
    size_t n = digits(text);
    n += text[n] == '.' ? 1 + digits(text + n + 1) : 0;
    if (n == 1 && *text == '.')
        return 0;
    if (n > 0 && (text[n] == 'e' || text[n] == 'E')) {
        size_t sign = text[n + 1] == '-' || text[n + 1] == '+';
        size_t exponent = digits(text + n + 1 + sign);
        n += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return n;
}

static bool is_unit(const char *text, size_t length)
{
    static const char *const units[] = {"s",   "ms",   "us",     "ns",      "sec",     "secs",
                                        "min", "mins", "second", "seconds", "minutes", "hours",
                                        "\xc2\xb5s"};
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
        if (strlen(units[i]) == length && strncmp(units[i], text, length) == 0)
            return true;
    return false;
}

static size_t unit_length(const char *text)
{
    size_t n = 0;
    while (is_word(text[n]) || (text[n] & 0x80) != 0)
        n++;
    return n;
}

/* Words of names that say a time or another measurement of the machine. */
static bool is_measured_word(const char *word, size_t length)
{
    static const char *const words[] = {"time",    "times",    "elapsed", "second",    "seconds",
                                        "secs",    "sec",      "ms",      "duration",  "took",
                                        "wall",    "runtime",  "latency", "eta",       "timestamp",
                                        "walltime", "cputime", "maxrss"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (strlen(words[i]) == length && g_ascii_strncasecmp(words[i], word, length) == 0)
            return true;
    return false;
}

bool hpt_name_is_measured(const char *name)
{
    for (const char *at = name; *at != '\0';) {
        size_t length = 0;
        while (g_ascii_isalpha(at[length]))
            length++;
        if (length > 0 && is_measured_word(at, length))
            return true;
        at += MAX(length, 1);
    }
    return false;
}

/* Is the number at at the value of a measured name: "elapsed: 3", "time=3"? */
static bool after_measured(const char *line, const char *at)
{
    const char *end = at;
    while (end > line && strchr(" \t:=", end[-1]) != NULL)
        end--;
    const char *start = end;
    while (start > line && (is_word(start[-1]) || start[-1] == '.'))
        start--;
    g_autofree char *name = g_strndup(start, (size_t)(end - start));
    return end < at && hpt_name_is_measured(name);
}

/* The length of what was measured when the command ran and begins at at; 0: it is not that. */
static size_t measurement(const char *line, const char *at)
{
    size_t n = unsigned_number(at);
    if (n == 0)
        return 0;
    if (at[0] == '0' && at[1] == 'x') {
        size_t hex = strspn(at + 2, "0123456789abcdefABCDEF");
        return hex >= 6 && !is_word(at[2 + hex]) ? 2 + hex : 0;
    }
    const char *unit = at + n + (at[n] == ' ');
    size_t length = unit_length(unit);
    if (length > 0 && is_unit(unit, length))
        return (size_t)(unit - at) + length;
    if (is_word(at[n]))
        return 0;
    size_t whole = digits(at);
    if ((whole == 10 || whole == 13) && at[0] == '1')
        return n;
    return after_measured(line, at) ? n : 0;
}

/* From "/" to behind the folder of a trial, ".../12-7.1"; 0: there is none in this word. */
static size_t trial_path(const char *at)
{
    size_t end = strcspn(at, " \t\"'<>|;,()[]{}"), found = 0;
    for (size_t i = 0; i < end; i++) {
        if (at[i] != '/')
            continue;
        size_t n = i + 1, a = digits(at + n);
        if (a == 0 || at[n + a] != '-')
            continue;
        n += a + 1;
        size_t b = digits(at + n);
        if (b == 0 || at[n + b] != '.')
            continue;
        n += b + 1;
        size_t c = digits(at + n);
        if (c > 0 && (n + c == end || at[n + c] == '/' || !is_word(at[n + c])))
            found = n + c;
    }
    return found;
}

static size_t project_path(const char *at, const char *project)
{
    size_t length = project == NULL ? 0 : strlen(project);
    if (length < 2 || strncmp(at, project, length) != 0)
        return 0;
    return is_word(at[length]) ? 0 : length;
}

/* The line with marks for what is masked; owned. */
static char *mask_line(const char *line, const char *project, bool stream)
{
    GString *out = g_string_new(NULL);
    for (const char *at = line; *at != '\0';) {
        bool starts = at == line || !(is_word(at[-1]) || at[-1] == '.');
        size_t n = 0;
        const char *mark = NULL;
        if (*at == '/' && (n = trial_path(at)) > 0)
            mark = "{trial}";
        else if (*at == '/' && (n = project_path(at, project)) > 0)
            mark = "{project}";
        else if (starts && (g_ascii_isdigit(*at) || g_ascii_isupper(*at)) &&
                 (n = date_or_time(at)) > 0 && !is_word(at[n]))
            mark = "{time}";
        else if (starts && stream && (g_ascii_isdigit(*at) || *at == '.') &&
                 (n = measurement(line, at)) > 0)
            mark = at[1] == 'x' ? "{address}" : "{time}";
        if (mark != NULL) {
            g_string_append(out, mark);
            at += n;
        } else {
            g_string_append_c(out, *at++);
        }
    }
    return g_string_free(out, false);
}

/* ---- words ---- */

/* A word as a number: all of it, or with one sign that shortest numbers do not have. */
static bool number_at(const char *text, size_t *length, double *value)
{
    size_t sign = *text == '-' || *text == '+';
    size_t n = unsigned_number(text + sign);
    if (n == 0 || n > NUMBER_MAX || is_word(text[sign + n]))
        return false;
    char copy[NUMBER_MAX + 2];
    size_t from = *text == '+' ? 1 : 0;
    memcpy(copy, text + from, sign + n - from);
    copy[sign + n - from] = '\0';
    if (!hpt_number_parse(copy, value, NULL))
        return false;
    *length = sign + n;
    return true;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t\r");
}

static bool may_start_number(const char *line, const char *at)
{
    return at == line || !(is_word(at[-1]) || at[-1] == '.');
}

/* The two masked lines; what they differ by is added to out. False: they are different. */
static bool lines_agree(const char *then, const char *now, const HptTolerance *tolerance,
                        HptTextDiff *out)
{
    const char *a = skip_blanks(then), *b = skip_blanks(now);
    while (*a != '\0' && *b != '\0') {
        double x = 0, y = 0;
        size_t n = 0, m = 0;
        if (may_start_number(then, a) && may_start_number(now, b) && number_at(a, &n, &x) &&
            number_at(b, &m, &y)) {
            if (hpt_compare_numbers(x, y, tolerance) == HPT_VERDICT_DIFFERS)
                return false;
            if (x != y)
                out->same = HPT_SAME_WITHIN;
            out->distance = fmax(out->distance, fabs(x - y));
            a += n;
            b += m;
            continue;
        }
        bool blank_a = strchr(" \t\r", *a) != NULL, blank_b = strchr(" \t\r", *b) != NULL;
        if (blank_a != blank_b)
            break;
        if (!blank_a && *a++ != *b++)
            return false;
        if (blank_a) {
            a = skip_blanks(a);
            b = skip_blanks(b);
        }
    }
    return *skip_blanks(a) == '\0' && *skip_blanks(b) == '\0';
}

/* ---- whole texts ---- */

typedef struct {
    const HptSide *side;
    size_t at;
} Reader;

/* The next line without its end; NULL: there is none. A NUL in it becomes a mark. Owned. */
static char *next_line(Reader *reader)
{
    if (reader->at >= reader->side->length)
        return NULL;
    const char *start = reader->side->text + reader->at;
    size_t left = reader->side->length - reader->at;
    const char *end = memchr(start, '\n', left);
    size_t length = end != NULL ? (size_t)(end - start) : left;
    reader->at += length + (end != NULL);
    char *line = g_malloc(length + 1);
    memcpy(line, start, length);
    line[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (line[i] == '\0')
            line[i] = '\x1a';
    return line;
}

static char *shown(const char *line)
{
    if (line == NULL)
        return NULL;
    size_t length = strlen(line);
    bool cut = length > LINE_SHOWN;
    g_autofree char *part = g_strndup(line, cut ? LINE_SHOWN : length);
    /* Not in the middle of a letter. */
    for (size_t n = strlen(part); cut && n > 0 && (part[n - 1] & 0x80) != 0; n--)
        part[n - 1] = '\0';
    g_autofree char *clean = hpt_text_printable(part, -1);
    return cut ? g_strconcat(clean, "...", NULL) : g_steal_pointer(&clean);
}

static bool is_text(const HptSide *side)
{
    return side->length == 0 || memchr(side->text, '\0', MIN(side->length, TEXT_LOOK)) == NULL;
}

/* One pair of lines. False: they differ, and out says so. */
static bool compare_lines(const char *then, const char *now, const HptSide *sides, bool stream,
                          const HptTolerance *tolerance, HptTextDiff *out)
{
    if (then != NULL && now != NULL && strcmp(then, now) == 0)
        return true;
    g_autofree char *a = then == NULL ? NULL : mask_line(then, sides[0].project, stream);
    g_autofree char *b = now == NULL ? NULL : mask_line(now, sides[1].project, stream);
    if (a != NULL && b != NULL && lines_agree(a, b, tolerance, out)) {
        out->masked = out->masked || (strcmp(a, then) != 0 && strcmp(b, now) != 0);
        return true;
    }
    out->then = shown(a);
    out->now = shown(b);
    return false;
}

void hpt_text_diff(const HptSide *then, const HptSide *now, bool stream,
                   const HptTolerance *tolerance, HptTextDiff *out)
{
    HptSide sides[] = {*then, *now};
    if (then->length == now->length &&
        (then->length == 0 || memcmp(then->text, now->text, then->length) == 0)) {
        out->same = HPT_SAME_IDENTICAL;
        return;
    }
    if (!is_text(then) || !is_text(now)) {
        out->same = HPT_SAME_DIFFERS;
        return;
    }
    Reader a = {.side = then}, b = {.side = now};
    HptTextDiff found = {.same = HPT_SAME_EQUAL};
    for (int64_t line = 1;; line++) {
        g_autofree char *x = next_line(&a), *y = next_line(&b);
        if (x == NULL && y == NULL)
            break;
        if (compare_lines(x, y, sides, stream, tolerance, &found))
            continue;
        *out = (HptTextDiff){
            .same = HPT_SAME_DIFFERS, .line = line, .then = found.then, .now = found.now};
        return;
    }
    *out = found;
}
