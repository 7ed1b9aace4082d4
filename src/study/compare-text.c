/* Comparing what is in files: numbers in text, the first line that differs; and the interval of a
 * mean. */
#include "base/number.h"
#include "base/text.h"
#include "num/student.h"
#include "study/compare-internal.h"

#include <math.h>
#include <string.h>

#define LINE_BYTES 160 /* of a line that are shown */
#define LINE_BEFORE 40 /* of them before the first difference */

/* ---- intervals ---- */

bool hpt_compare_interval(const double *d, size_t n, double overlap, double *low, double *high)
{
    if (n < 2)
        return false;
    double sum = 0, squares = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        sum += d[i];
        scale = MAX(scale, fabs(d[i]));
    }
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (d[i] - mean) * (d[i] - mean);
    double variance = squares / (double)(n - 1);
    /* What rounding leaves of equal differences is no variance. */
    if (!(sqrt(variance) > 1e-12 * scale) || !isfinite(variance))
        return false;
    double reach =
        hpt_student_quantile(0.025, (int)n - 1) * sqrt(variance * (1 / (double)n + overlap));
    *low = mean - reach;
    *high = mean + reach;
    return true;
}

/* ---- numbers in text ---- */

bool hpt_compare_is_text(const char *bytes, size_t length)
{
    return g_utf8_validate_len(bytes, length, NULL);
}

static size_t digits(const char *text, size_t n)
{
    size_t i = 0;
    while (i < n && g_ascii_isdigit(text[i]))
        i++;
    return i;
}

/* Bytes of the decimal number that begins here; 0: none. */
static size_t number_length(const char *text, size_t n)
{
    size_t i = n > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    size_t whole = digits(text + i, n - i), part = 0;
    i += whole;
    if (i < n && text[i] == '.') {
        part = digits(text + i + 1, n - i - 1);
        if (whole + part > 0)
            i += 1 + part;
    }
    if (whole + part == 0)
        return 0;
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        size_t sign = i + 1 < n && (text[i + 1] == '-' || text[i + 1] == '+') ? 1 : 0;
        size_t exponent = digits(text + i + 1 + sign, n - i - 1 - sign);
        if (exponent > 0)
            i += 1 + sign + exponent;
    }
    return i;
}

static bool read_number(const char *text, size_t length, double *out)
{
    char buffer[512];
    if (length > 0 && text[0] == '+') {
        text++;
        length--;
    }
    if (length == 0 || length >= sizeof buffer)
        return false;
    memcpy(buffer, text, length);
    buffer[length] = '\0';
    return hpt_number_parse(buffer, out, NULL);
}

/* A place in a text; after: was a letter, a digit or _ before it, or a point behind one of those?
 */
typedef struct {
    const char *at;
    size_t left;
    bool after;
} Place;

static void step(Place *place, size_t n)
{
    unsigned char last = (unsigned char)place->at[n - 1];
    place->at += n;
    place->left -= n;
    place->after =
        g_ascii_isalnum(last) || last == '_' || last >= 0x80 || (last == '.' && place->after);
}

static void skip_return(Place *place)
{
    if (place->left > 1 && place->at[0] == '\r' && place->at[1] == '\n')
        step(place, 1);
}

HptVerdict hpt_compare_texts(const char *a, size_t n_a, const char *b, size_t n_b,
                             const HptTolerance *tolerance)
{
    if (n_a == n_b && memcmp(a, b, n_a) == 0)
        return HPT_VERDICT_SAME;
    Place x = {a, n_a, false}, y = {b, n_b, false};
    HptVerdict verdict = HPT_VERDICT_EQUAL;
    for (;;) {
        skip_return(&x);
        skip_return(&y);
        if (x.left == 0 || y.left == 0)
            return x.left == y.left ? verdict : HPT_VERDICT_DIFFERS;
        size_t m = x.after ? 0 : number_length(x.at, x.left);
        size_t n = y.after ? 0 : number_length(y.at, y.left);
        if (m > 0 && n > 0 && (m != n || memcmp(x.at, y.at, m) != 0)) {
            double u = 0, v = 0;
            if (!read_number(x.at, m, &u) || !read_number(y.at, n, &v))
                return HPT_VERDICT_DIFFERS;
            HptVerdict one = hpt_compare_numbers(u, v, tolerance);
            if (one == HPT_VERDICT_DIFFERS)
                return one;
            verdict = MAX(verdict, one);
        } else if (*x.at != *y.at) {
            return HPT_VERDICT_DIFFERS;
        } else if (m == 0 || n == 0) {
            m = n = 1;
        }
        step(&x, m);
        step(&y, n);
    }
}

/* ---- the first line that differs ---- */

typedef struct {
    char *bytes; /* owned; NULL: not read */
    size_t length;
    const char *line; /* where it stands now */
    size_t left;
} Content;

static void content_clear(Content *contents, size_t n)
{
    for (size_t i = 0; i < n; i++)
        g_free(contents[i].bytes);
    g_free(contents);
}

static size_t line_length(const Content *content)
{
    const char *end = memchr(content->line, '\n', content->left);
    return end != NULL ? (size_t)(end - content->line) : content->left;
}

/* Where the lines that the contents stand at first differ, or SIZE_MAX: they are all alike. */
static size_t first_difference(const Content *contents, size_t n)
{
    size_t found = SIZE_MAX;
    for (size_t i = 1; i < n; i++) {
        const Content *a = &contents[0], *b = &contents[i];
        size_t m = line_length(a), k = 0, other = line_length(b);
        while (k < m && k < other && a->line[k] == b->line[k])
            k++;
        bool same = k == m && k == other && (a->left > m) == (b->left > other);
        if (!same)
            found = MIN(found, k);
    }
    return found;
}

static bool any_left(const Content *contents, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (contents[i].left > 0)
            return true;
    return false;
}

/* The line as it is shown: escaped, and cut around the first difference. */
static char *show_line(const Content *content, size_t difference)
{
    size_t length = line_length(content), begin = 0;
    if (content->left == 0)
        return NULL;
    if (length > LINE_BYTES && difference > LINE_BEFORE)
        begin = MIN(difference, length) - LINE_BEFORE;
    while (begin > 0 && ((unsigned char)content->line[begin] & 0xC0) == 0x80)
        begin--;
    size_t end = MIN(length, begin + LINE_BYTES);
    while (end < length && ((unsigned char)content->line[end] & 0xC0) == 0x80)
        end--;
    g_autofree char *text = hpt_text_printable(content->line + begin, (gssize)(end - begin));
    const char *open = length == content->left ? " (no newline at the end)" : "";
    return g_strconcat(begin > 0 ? "…" : "", text, end < length ? "…" : open, NULL);
}

static void find_line(HptDifference *row, Content *contents, size_t n)
{
    for (size_t line = 1; any_left(contents, n); line++) {
        size_t difference = first_difference(contents, n);
        if (difference == SIZE_MAX) {
            for (size_t i = 0; i < n; i++) {
                size_t length = MIN(line_length(&contents[i]) + 1, contents[i].left);
                contents[i].line += length;
                contents[i].left -= length;
            }
            continue;
        }
        row->line = line;
        row->lines = g_new0(char *, n);
        for (size_t i = 0; i < n; i++)
            row->lines[i] = show_line(&contents[i], difference);
        return;
    }
}

static void find_byte(HptDifference *row, const Content *contents, size_t n)
{
    size_t found = SIZE_MAX;
    for (size_t i = 1; i < n; i++) {
        size_t k = 0, shorter = MIN(contents[0].length, contents[i].length);
        while (k < shorter && contents[0].bytes[k] == contents[i].bytes[k])
            k++;
        if (k < shorter || contents[0].length != contents[i].length)
            found = MIN(found, k);
    }
    if (found != SIZE_MAX)
        row->note = g_strdup_printf("not text; from byte %zu on", found);
}

/* Why the content of a fact is not looked into; NULL: it is. */
static const char *why_not(const HptFacts *facts, const HptFact *fact)
{
    if (fact->stored.size < 0)
        return "not stored";
    if (facts->read == NULL)
        return "its bytes are not here";
    return (uint64_t)fact->stored.size > HPT_COMPARE_MAX ? "too large to look into" : NULL;
}

bool hpt_compare_content(HptDifference *row, const HptFacts *const *operands, size_t n,
                         const HptTolerance *tolerance, GError **error)
{
    Content *contents = g_new0(Content, n);
    const char *reason = NULL;
    g_autofree char *damage = NULL;
    bool text = true, failed = false;
    for (size_t i = 0; i < n && reason == NULL && !failed; i++) {
        GError *problem = NULL;
        reason = why_not(operands[i], row->facts[i]);
        if (reason != NULL)
            break;
        Content *content = &contents[i];
        content->bytes = operands[i]->read(operands[i]->source, &row->facts[i]->stored,
                                           &content->length, &problem);
        content->line = content->bytes;
        content->left = content->length;
        row->damaged = g_error_matches(problem, HPT_ERROR, HPT_ERROR_INTEGRITY);
        failed = problem != NULL && !row->damaged;
        if (row->damaged) {
            reason = damage = hpt_text_printable(problem->message, -1);
            g_error_free(problem);
        } else if (failed) {
            g_propagate_error(error, problem);
        } else if (content->bytes == NULL) {
            reason = "its bytes are not here";
        } else {
            text = text && hpt_compare_is_text(content->bytes, content->length);
        }
    }
    if (reason != NULL) {
        row->note = g_strdup(reason);
    } else if (!failed && !text) {
        find_byte(row, contents, n);
    } else if (!failed) {
        HptVerdict verdict = HPT_VERDICT_SAME;
        for (size_t i = 1; i < n; i++)
            verdict =
                MAX(verdict, hpt_compare_texts(contents[0].bytes, contents[0].length,
                                               contents[i].bytes, contents[i].length, tolerance));
        find_line(row, contents, n);
        if (verdict == HPT_VERDICT_SAME) /* cut when it was stored, and it differs behind */
            row->note = g_strdup("the same as far as it was stored");
        else
            row->verdict = verdict;
        if (verdict == HPT_VERDICT_EQUAL)
            row->note = g_strdup("equal numbers, written in another way");
    }
    content_clear(contents, n);
    return !failed;
}
