#include "base/text.h"

#include <string.h>
#include <time.h>

/* ---- foreign text ---- */

/* Characters that end the line or turn the direction of what follows. */
static bool acts_on_terminal(gunichar c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

char *hpt_text_printable(const char *text, gssize length)
{
    const char *end = text + (length < 0 ? strlen(text) : (size_t)length);
    GString *out = g_string_sized_new((gsize)(end - text));
    for (const char *p = text; p < end;) {
        unsigned char byte = (unsigned char)*p;
        gunichar c = byte < 0x80 ? byte : g_utf8_get_char_validated(p, end - p);
        bool valid = c != (gunichar)-1 && c != (gunichar)-2;
        const char *next = valid && byte >= 0x80 ? g_utf8_next_char(p) : p + 1;
        if (c == '\n')
            g_string_append(out, "\\n");
        else if (c == '\t')
            g_string_append(out, "\\t");
        else if (!valid || (byte < 0x80 && acts_on_terminal(c)))
            g_string_append_printf(out, "\\x%02x", byte);
        else if (acts_on_terminal(c))
            g_string_append_printf(out, "\\u{%04x}", c);
        else
            g_string_append_len(out, p, next - p);
        p = next;
    }
    return g_string_free(out, FALSE);
}

size_t hpt_text_width(const char *text)
{
    size_t width = 0;
    for (const char *p = text; *p != '\0';) {
        gunichar c = g_utf8_get_char_validated(p, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            width++; /* a terminal shows one replacement mark */
            p++;
            continue;
        }
        if (!g_unichar_iszerowidth(c))
            width += g_unichar_iswide(c) ? 2 : 1;
        p = g_utf8_next_char(p);
    }
    return width;
}

char *hpt_text_shell_quote(const char *word)
{
    static const char safe[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
    if (*word != '\0' && word[strspn(word, safe)] == '\0')
        return g_strdup(word);
    GString *out = g_string_new("'");
    for (; *word != '\0'; word++)
        if (*word == '\'')
            g_string_append(out, "'\\''");
        else
            g_string_append_c(out, *word);
    g_string_append_c(out, '\'');
    return g_string_free(out, FALSE);
}

char *hpt_text_unhex(const char *hex, size_t *length)
{
    size_t n = strlen(hex);
    if (n % 2 != 0 || strspn(hex, "0123456789abcdef") != n)
        return NULL;
    char *bytes = g_malloc(n / 2 + 1);
    for (size_t i = 0; i < n / 2; i++)
        bytes[i] = (char)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
    bytes[n / 2] = '\0';
    *length = n / 2;
    return bytes;
}

/* ---- time ---- */

#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY INT64_C(86400)

static int64_t clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t hpt_time_now_us(void)
{
    return clock_us(CLOCK_REALTIME);
}

int64_t hpt_time_monotonic_us(void)
{
    return clock_us(CLOCK_BOOTTIME);
}

static int64_t divide_down(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The date of a day counted from 1970-01-01, proleptic Gregorian. Years begin in March here, so
 * that the leap day is the last; months then have 153 days per five (31 30 31 30 31). */
static void date_of_day(int64_t day, int64_t *year, int *month, int *day_of_month)
{
    int64_t d = day + 719468; /* days since 0000-03-01 */
    int64_t era = divide_down(d, 146097), of_era = d - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int m = (int)((5 * of_year + 2) / 153);
    *day_of_month = (int)of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = era * 400 + year_of_era + (*month <= 2);
}

char *hpt_time_text(int64_t time_us)
{
    int64_t seconds = divide_down(time_us, US_PER_SECOND);
    int64_t day = divide_down(seconds, SECONDS_PER_DAY), year;
    int month, day_of_month, clock = (int)(seconds - day * SECONDS_PER_DAY);
    date_of_day(day, &year, &month, &day_of_month);
    return g_strdup_printf("%04" G_GINT64_FORMAT "-%02d-%02dT%02d:%02d:%02d.%06dZ", year, month,
                           day_of_month, clock / 3600, clock / 60 % 60, clock % 60,
                           (int)(time_us - seconds * US_PER_SECOND));
}

char *hpt_duration_text(int64_t span_us)
{
    const char *sign = span_us < 0 ? "-" : "";
    uint64_t span = span_us < 0 ? -(uint64_t)span_us : (uint64_t)span_us;
    uint64_t hundredths = (span + 5000) / 10000, tenths = (span + 50000) / 100000;
    uint64_t seconds = (span + 500000) / 1000000;
    if (hundredths < 100)
        return g_strdup_printf("%s0.%02u s", sign, (unsigned)hundredths);
    if (tenths < 600)
        return g_strdup_printf("%s%u.%u s", sign, (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    if (seconds < 3600)
        return g_strdup_printf("%s%u:%02u", sign, (unsigned)(seconds / 60),
                               (unsigned)(seconds % 60));
    return g_strdup_printf("%s%" G_GUINT64_FORMAT ":%02u:%02u", sign, seconds / 3600,
                           (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
}
