#include "show/value.h"

#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "show/table.h"

#include <math.h>
#include <string.h>

/* The built-in types' OIDs are fixed in PostgreSQL's catalogue (pg_type.dat). */
HptColumnType hpt_column_type_of_oid(uint32_t oid)
{
    switch (oid) {
    case 16:
        return HPT_COLUMN_BOOL;
    case 20: /* int8 */
    case 21: /* int2 */
    case 23: /* int4 */
    case 26: /* oid */
        return HPT_COLUMN_INT;
    case 701: /* float8 */
        return HPT_COLUMN_REAL;
    case 700:  /* float4: its shortest text is not that of the double */
    case 1700: /* numeric */
        return HPT_COLUMN_NUMERIC;
    case 1184: /* timestamptz */
        return HPT_COLUMN_TIME;
    case 114:  /* json */
    case 3802: /* jsonb */
        return HPT_COLUMN_JSON;
    default:
        return HPT_COLUMN_TEXT;
    }
}

bool hpt_show_is_number(HptColumnType type)
{
    return type == HPT_COLUMN_INT || type == HPT_COLUMN_REAL || type == HPT_COLUMN_NUMERIC;
}

/* ---- times ---- */

static bool digits(const char **at, int least, int most, int64_t *out)
{
    int64_t value = 0;
    int n = 0;
    for (; n < most && g_ascii_isdigit((*at)[n]); n++)
        value = value * 10 + ((*at)[n] - '0');
    if (n < least)
        return false;
    *at += n;
    *out = value;
    return true;
}

static bool skip(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; the year is made to begin in March so
 * that the leap day comes last. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era_day = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + era_day - 719468;
}

/* "+HH", "+HH:MM", "+HH:MM:SS", "Z" or nothing, to the end of the text. */
static bool parse_zone(const char *at, int64_t *seconds)
{
    *seconds = 0;
    if (*at == '\0' || strcmp(at, "Z") == 0)
        return true;
    int64_t sign = *at == '-' ? -1 : 1, hour = 0, minute = 0, second = 0;
    if (*at != '-' && *at != '+')
        return false;
    at++;
    if (!digits(&at, 2, 2, &hour))
        return false;
    if (skip(&at, ':') && !digits(&at, 2, 2, &minute))
        return false;
    if (skip(&at, ':') && !digits(&at, 2, 2, &second))
        return false;
    *seconds = sign * (hour * 3600 + minute * 60 + second);
    return *at == '\0';
}

char *hpt_time_normalise(const char *text)
{
    const char *at = text;
    int64_t year, month, day, hour, minute, second, fraction = 0, zone;
    if (!digits(&at, 4, 6, &year) || !skip(&at, '-') || !digits(&at, 2, 2, &month) ||
        !skip(&at, '-') || !digits(&at, 2, 2, &day))
        return NULL;
    if (!skip(&at, ' ') && !skip(&at, 'T'))
        return NULL;
    if (!digits(&at, 2, 2, &hour) || !skip(&at, ':') || !digits(&at, 2, 2, &minute) ||
        !skip(&at, ':') || !digits(&at, 2, 2, &second))
        return NULL;
    if (skip(&at, '.')) {
        const char *begin = at;
        if (!digits(&at, 1, 6, &fraction))
            return NULL;
        for (ptrdiff_t n = at - begin; n < 6; n++)
            fraction *= 10;
    }
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60)
        return NULL;
    if (!parse_zone(at, &zone))
        return NULL;
    int64_t seconds =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
    return hpt_time_text(seconds * G_USEC_PER_SEC + fraction);
}

/* ---- numbers ---- */

/* A decimal number: 0.DIGITS × 10^point, no zeros at either end of the digits. */
typedef struct {
    char digits[HPT_NUMBER_TEXT_SIZE + 1];
    int n, point;
    bool negative;
} Decimal;

static void decimal_read(Decimal *d, const char *text)
{
    *d = (Decimal){.negative = *text == '-'};
    bool after_point = false;
    for (text += d->negative; *text != '\0' && *text != 'e'; text++) {
        if (*text == '.') {
            after_point = true;
            continue;
        }
        if (*text != '0' || d->n > 0) {
            d->digits[d->n++] = *text;
            d->point += !after_point;
        } else {
            d->point -= after_point; /* a zero before the first digit that counts */
        }
    }
    int64_t exponent = 0;
    if (*text == 'e' && hpt_integer_parse(text + (text[1] == '+' ? 2 : 1), &exponent))
        d->point += (int)exponent;
    while (d->n > 0 && d->digits[d->n - 1] == '0')
        d->n--;
}

static void decimal_round(Decimal *d, int keep)
{
    if (d->n <= keep)
        return;
    bool up = d->digits[keep] >= '5';
    d->n = keep;
    while (up && d->n > 0 && d->digits[d->n - 1] == '9')
        d->n--;
    if (up && d->n > 0) {
        d->digits[d->n - 1]++;
    } else if (up) {
        d->digits[d->n++] = '1';
        d->point++;
    }
    while (d->n > 0 && d->digits[d->n - 1] == '0')
        d->n--;
}

static char *decimal_text(const Decimal *d)
{
    if (d->n == 0)
        return g_strdup("0");
    g_autoptr(GString) out = g_string_new(d->negative ? "-" : "");
    if (d->point > 15 || d->point < -4) {
        g_string_append_c(out, d->digits[0]);
        if (d->n > 1)
            g_string_append_c(out, '.');
        g_string_append_len(out, d->digits + 1, d->n - 1);
        g_string_append_printf(out, "e%c%d", d->point > 0 ? '+' : '-', ABS(d->point - 1));
        return g_string_free(g_steal_pointer(&out), FALSE);
    }
    if (d->point <= 0)
        g_string_append(out, "0.");
    for (int i = d->point; i < 0; i++)
        g_string_append_c(out, '0');
    for (int i = 0; i < d->n; i++) {
        if (i == d->point && i > 0)
            g_string_append_c(out, '.');
        g_string_append_c(out, d->digits[i]);
    }
    for (int i = d->n; i < d->point; i++)
        g_string_append_c(out, '0');
    return g_string_free(g_steal_pointer(&out), FALSE);
}

char *hpt_number_round(double value, int precision)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    hpt_number_text(value, text);
    if (precision >= 17 || !isfinite(value))
        return g_strdup(text);
    Decimal d;
    decimal_read(&d, text);
    /* A person counts on the digits before the point; rounding stays behind it. */
    decimal_round(&d, d.point <= 15 ? MAX(precision, d.point) : precision);
    return decimal_text(&d);
}

/* ---- values ---- */

static const char *bool_text(const char *value)
{
    if (strcmp(value, "t") == 0)
        return "true";
    return strcmp(value, "f") == 0 ? "false" : value;
}

char *hpt_show_data(HptColumnType type, const char *value)
{
    double number;
    char text[HPT_NUMBER_TEXT_SIZE];
    switch (type) {
    case HPT_COLUMN_REAL:
        if (!hpt_number_parse(value, &number, NULL))
            return g_strdup(value);
        if (number == 0 && signbit(number)) /* its text of RFC 8785 would lose the sign */
            return g_strdup("-0");
        return g_strdup(hpt_number_text(number, text));
    case HPT_COLUMN_BOOL:
        return g_strdup(bool_text(value));
    case HPT_COLUMN_TIME: {
        char *time = hpt_time_normalise(value);
        return time != NULL ? time : g_strdup(value);
    }
    case HPT_COLUMN_TEXT:
    case HPT_COLUMN_INT:
    case HPT_COLUMN_NUMERIC:
    case HPT_COLUMN_JSON:
        break;
    }
    return g_strdup(value);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?, RFC 8259 §6 */
static bool is_json_number(const char *text)
{
    text += *text == '-';
    if (!g_ascii_isdigit(*text) || (*text == '0' && g_ascii_isdigit(text[1])))
        return false;
    text += strspn(text, "0123456789");
    if (*text == '.') {
        size_t n = strspn(++text, "0123456789");
        if (n == 0)
            return false;
        text += n;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        size_t n = strspn(text, "0123456789");
        if (n == 0)
            return false;
        text += n;
    }
    return *text == '\0';
}

void hpt_show_append_json(GString *out, HptColumnType type, const char *value)
{
    if (value == NULL) {
        g_string_append(out, "null");
        return;
    }
    g_autofree char *data = hpt_show_data(type, value);
    bool bare = type == HPT_COLUMN_JSON;
    if (hpt_show_is_number(type))
        bare = is_json_number(data);
    else if (type == HPT_COLUMN_BOOL)
        bare = strcmp(data, "true") == 0 || strcmp(data, "false") == 0;
    if (bare) { /* a real -0 is 0 in JSON, by RFC 8785 */
        bool zero = type == HPT_COLUMN_REAL && strcmp(data, "-0") == 0;
        g_string_append(out, zero ? "0" : data);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(data, -1);
    hpt_json_append_string(out, valid);
}

static char *time_cell(const char *value)
{
    char *time = hpt_time_normalise(value);
    if (time == NULL)
        return hpt_text_printable(value, -1);
    /* 2026-11-23T09:02:03.000000Z → 2026-11-23 09:02:03Z */
    char *t = strchr(time, 'T'), *point = strchr(time, '.');
    if (t != NULL && point != NULL) {
        *t = ' ';
        point[0] = 'Z';
        point[1] = '\0';
    }
    return time;
}

char *hpt_table_cell(const HptShow *show, HptColumnType type, const char *value)
{
    if (value == NULL)
        return g_strdup(show->utf8 ? "–" : "-");
    double number;
    int precision = show->precision > 0 ? show->precision : 6;
    switch (type) {
    case HPT_COLUMN_REAL:
        if (hpt_number_parse(value, &number, NULL))
            return hpt_number_round(number, precision);
        break;
    case HPT_COLUMN_NUMERIC:
        /* Whole ones (sum of bigint) keep every digit. */
        if (strpbrk(value, ".eE") != NULL && hpt_number_parse(value, &number, NULL))
            return hpt_number_round(number, precision);
        break;
    case HPT_COLUMN_BOOL:
        return g_strdup(bool_text(value));
    case HPT_COLUMN_TIME:
        return time_cell(value);
    case HPT_COLUMN_TEXT:
    case HPT_COLUMN_INT:
    case HPT_COLUMN_JSON:
        break;
    }
    return hpt_text_printable(value, -1);
}

char *hpt_show_cut(const char *text, size_t width, const char *tail)
{
    if (hpt_text_width(text) <= width)
        return g_strdup(text);
    size_t tail_width = hpt_text_width(tail);
    size_t room = width > tail_width ? width - tail_width : 0, used = 0;
    const char *at = text;
    while (*at != '\0') {
        const char *next = g_utf8_next_char(at);
        char one[8] = {0};
        memcpy(one, at, MIN((size_t)(next - at), sizeof one - 1));
        size_t columns = hpt_text_width(one);
        if (used + columns > room)
            break;
        used += columns;
        at = next;
    }
    g_autofree char *head = g_strndup(text, (size_t)(at - text));
    return g_strconcat(head, width >= tail_width ? tail : "", NULL);
}
