#include "base/number.h"

#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Doubles below this are whole numbers whose decimal digits are already the shortest text. */
#define EXACT_WHOLE 9007199254740992.0 /* 2^53 */

/* A decimal: 0.D1D2…Dn × 10^point, D1 not 0; what ECMAScript calls s, k and n. */
typedef struct {
    char digits[24];
    int n;
    int point;
} Decimal;

/* ---- digits ---- */

/* The value correctly rounded to n digits, trailing zeros kept. printf is exact in glibc; only its
 * decimal point depends on the locale, so everything that is no digit is skipped. */
static Decimal decimal_rounded(double value, int n)
{
    char text[64];
    snprintf(text, sizeof text, "%.*e", n - 1, value);
    Decimal result = {.n = 0};
    const char *p = text;
    for (; *p != 'e' && *p != '\0'; p++)
        if (g_ascii_isdigit(*p) && result.n < n)
            result.digits[result.n++] = *p;
    result.point = (int)strtol(p + 1, NULL, 10) + 1;
    return result;
}

/* Reads the digits back. They are written as a whole number with an exponent: without a decimal
 * point strtod means the same in every locale. */
static double decimal_value(const Decimal *decimal)
{
    char text[48];
    snprintf(text, sizeof text, "%.*se%d", decimal->n, decimal->digits,
             decimal->point - decimal->n);
    return strtod(text, NULL);
}

/* Adds step (1 or -1) to the last digit. A carry or borrow that changes the number of digits is
 * left to the caller as false: such neighbours are shorter and were tried before. */
static bool decimal_step(Decimal *decimal, int step)
{
    for (int i = decimal->n - 1; i >= 0; i--) {
        char from = step > 0 ? '9' : '0', to = step > 0 ? '0' : '9';
        if (decimal->digits[i] != from) {
            decimal->digits[i] = (char)(decimal->digits[i] + step);
            return decimal->digits[0] != '0';
        }
        decimal->digits[i] = to;
    }
    return false;
}

/* full, correctly rounded to 17 digits, rounded on to n. Rounding twice goes wrong only if the
 * digits dropped are 5 or 50: then the value itself is asked again. */
static Decimal decimal_shortened(const Decimal *full, int n, double value)
{
    bool tie = full->digits[n] == '5';
    for (int i = n + 1; i < full->n && tie; i++)
        tie = full->digits[i] == '0';
    if (tie)
        return decimal_rounded(value, n);
    Decimal result = *full;
    result.n = n;
    if (full->digits[n] >= '5' && !decimal_step(&result, 1)) {
        result.digits[0] = '1'; /* 99…9 became 00…0 */
        result.point++;
    }
    return result;
}

/* Does some n-digit decimal next to value read back as value? The correctly rounded one is tried
 * first. Its neighbours matter at powers of two, where the doubles below are twice as close. */
static bool decimal_reads_back(Decimal *decimal, double value, bool power_of_two)
{
    if (decimal_value(decimal) == value)
        return true;
    for (int step = -1; step <= 1 && power_of_two; step += 2) {
        Decimal neighbour = *decimal;
        if (decimal_step(&neighbour, step) && decimal_value(&neighbour) == value) {
            *decimal = neighbour;
            return true;
        }
    }
    return false;
}

/* Most numbers that people write are m / 10^k with small k. If m < 2^53 both are exact and the
 * division is rounded once, just as reading the decimal would be: when it gives value, the decimal
 * reads back. Having at most 15 digits it is also the only such one (see below); the least k leaves
 * no zero at the end. Cheap enough to try first. */
static bool decimal_short(double value, Decimal *out)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    for (size_t k = 1; k < G_N_ELEMENTS(powers); k++) {
        double scaled = value * powers[k];
        if (scaled >= 1e15)
            return false;
        int64_t m = (int64_t)(scaled + 0.5);
        if ((double)m / powers[k] != value)
            continue;
        out->n = 0;
        for (int64_t rest = m; rest > 0; rest /= 10)
            out->n++;
        for (int i = out->n; i-- > 0; m /= 10)
            out->digits[i] = (char)('0' + m % 10);
        out->point = out->n - (int)k;
        return true;
    }
    return false;
}

/* The shortest digits of value > 0 that read back as value; of those, the nearest. */
static Decimal decimal_shortest(double value)
{
    Decimal best;
    int exponent;
    if (decimal_short(value, &best))
        return best;
    bool power_of_two = frexp(value, &exponent) == 0.5;
    if (value < DBL_MIN) {
        /* Subnormal: fewer than 53 bits, so any length may do. The gaps are even on both sides. */
        for (int n = 1; n < 17; n++) {
            best = decimal_rounded(value, n);
            if (decimal_reads_back(&best, value, false))
                return best;
        }
        return decimal_rounded(value, 17);
    }
    /* Every decimal of up to 15 digits survives decimal → double → 15 digits; so if any such
     * decimal reads back as value, it is the 15-digit rounding less its zeros. */
    Decimal full = decimal_rounded(value, 17);
    best = decimal_shortened(&full, 15, value);
    if (decimal_reads_back(&best, value, false)) {
        while (best.n > 1 && best.digits[best.n - 1] == '0')
            best.n--;
        return best;
    }
    best = decimal_shortened(&full, 16, value);
    return decimal_reads_back(&best, value, power_of_two) ? best : full;
}

/* ---- text ---- */

static char *put(char *out, const char *text, int n)
{
    memcpy(out, text, (size_t)n);
    return out + n;
}

/* ECMA-262 Number::toString, steps 6 to 10. */
static char *decimal_text(const Decimal *decimal, bool negative, char *out)
{
    static const char zeros[] = "000000000000000000000";
    const char *d = decimal->digits;
    int k = decimal->n, n = decimal->point;
    char *p = put(out, "-", negative);
    if (k <= n && n <= 21) {
        p = put(put(p, d, k), zeros, n - k);
    } else if (0 < n && n <= 21) {
        p = put(put(put(p, d, n), ".", 1), d + n, k - n);
    } else if (-6 < n && n <= 0) {
        p = put(put(put(p, "0.", 2), zeros, -n), d, k);
    } else {
        p = put(put(put(p, d, 1), ".", k > 1), d + 1, k - 1);
        p += snprintf(p, 8, "e%+d", n - 1);
    }
    *p = '\0';
    return out;
}

char *hpt_number_text(double value, char *out)
{
    if (isnan(value))
        return memcpy(out, "NaN", sizeof "NaN");
    if (isinf(value)) {
        if (value < 0)
            return memcpy(out, "-Infinity", sizeof "-Infinity");
        return memcpy(out, "Infinity", sizeof "Infinity");
    }
    if (fabs(value) < EXACT_WHOLE && value == (double)(int64_t)value) {
        snprintf(out, HPT_NUMBER_TEXT_SIZE, "%" PRId64, (int64_t)value); /* -0 too is "0" */
        return out;
    }
    Decimal decimal = decimal_shortest(fabs(value));
    return decimal_text(&decimal, value < 0, out);
}

double hpt_number_snap(double value, int digits)
{
    if (!isfinite(value) || value == 0)
        return value;
    Decimal decimal = decimal_rounded(fabs(value), digits);
    return copysign(decimal_value(&decimal), value);
}

/* ---- reading ---- */

static const char *skip_digits(const char *p)
{
    while (g_ascii_isdigit(*p))
        p++;
    return p;
}

/* The end of the number that begins at p ([digits][.digits][e[sign]digits]), or NULL. */
static const char *number_end(const char *p)
{
    const char *start = p;
    p = skip_digits(p);
    size_t n_digits = (size_t)(p - start);
    if (*p == '.') {
        const char *fraction = p + 1;
        p = skip_digits(fraction);
        n_digits += (size_t)(p - fraction);
    }
    if (n_digits == 0)
        return NULL;
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1;
        if (*exponent == '-' || *exponent == '+')
            exponent++;
        p = skip_digits(exponent);
        if (p == exponent)
            return NULL;
    }
    return p;
}

static locale_t c_locale(void)
{
    static gsize once = 0;
    static locale_t locale;
    if (g_once_init_enter(&once)) {
        locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        g_once_init_leave(&once, 1);
    }
    return locale;
}

bool hpt_number_parse(const char *text, double *out, bool *overflow)
{
    if (overflow != NULL)
        *overflow = false;
    const char *end = number_end(*text == '-' ? text + 1 : text);
    if (end == NULL || *end != '\0')
        return false;
    double value = strtod_l(text, NULL, c_locale());
    if (isinf(value)) {
        if (overflow != NULL)
            *overflow = true;
        return false;
    }
    *out = value;
    return true;
}

bool hpt_integer_parse(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    const char *p = negative ? text + 1 : text;
    if (*p == '\0')
        return false;
    int64_t value = 0;
    for (; *p != '\0'; p++) {
        if (!g_ascii_isdigit(*p))
            return false;
        int digit = negative ? -(*p - '0') : *p - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

/* ---- quantities with units ---- */

/* digits[.digits]: whole + fraction / scale. Twelve decimals count; more are dropped. */
typedef struct {
    uint64_t whole, fraction, scale;
    const char *end;
} Quantity;

static bool quantity_read(const char *text, Quantity *out)
{
    Quantity q = {.scale = 1};
    const char *p = text;
    for (; g_ascii_isdigit(*p); p++)
        if (__builtin_mul_overflow(q.whole, UINT64_C(10), &q.whole) ||
            __builtin_add_overflow(q.whole, (uint64_t)(*p - '0'), &q.whole))
            return false;
    bool any = p > text;
    if (*p == '.') {
        const char *fraction = ++p;
        for (; g_ascii_isdigit(*p); p++)
            if (p - fraction < 12) {
                q.fraction = q.fraction * 10 + (uint64_t)(*p - '0');
                q.scale *= 10;
            }
        any = any || p > fraction;
    }
    q.end = p;
    *out = q;
    return any;
}

/* Adds q × unit, rounded to a whole number, to *total; false if that is beyond 64 bits. The product
 * has at most 104 bits. */
static bool quantity_times(const Quantity *q, uint64_t unit, int64_t *total)
{
    unsigned __int128 product = (unsigned __int128)q->whole * unit;
    product += ((unsigned __int128)q->fraction * unit + q->scale / 2) / q->scale;
    if (product > INT64_MAX)
        return false;
    return !__builtin_add_overflow(*total, (int64_t)product, total);
}

bool hpt_duration_parse(const char *text, int64_t *out_us, GError **error)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {
        {"w", UINT64_C(604800000000)}, {"d", UINT64_C(86400000000)}, {"h", UINT64_C(3600000000)},
        {"m", UINT64_C(60000000)},     {"s", UINT64_C(1000000)},     {"ms", UINT64_C(1000)},
        {"us", UINT64_C(1)},
    };
    const char *p = text;
    int64_t total = 0;
    bool fits = true, good = true;
    size_t next = 0; /* units come from large to small, each at most once */
    do {
        Quantity q;
        if (!quantity_read(p, &q)) {
            good = false;
            break;
        }
        size_t length = strspn(q.end, "abcdefghijklmnopqrstuvwxyz"), u = next;
        if (length == 0 && p == text && *q.end == '\0')
            u = 4; /* a bare number is seconds */
        else
            while (u < G_N_ELEMENTS(units) &&
                   (strlen(units[u].name) != length || strncmp(units[u].name, q.end, length) != 0))
                u++;
        if (u == G_N_ELEMENTS(units)) {
            good = false;
            break;
        }
        fits = fits && quantity_times(&q, units[u].us, &total);
        next = u + 1;
        p = q.end + length;
    } while (*p != '\0');
    if (!good)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "'%s' is not a span of time; write 90, 90s, 1.5h, 1h30m or 250ms", text);
    else if (!fits || total > INT64_MAX / 2) /* so that a moment and a span can be added */
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' is too long a time", text);
    else if (total == 0)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' is no time at all", text);
    else {
        *out_us = total;
        return true;
    }
    return false;
}

bool hpt_size_parse(const char *text, int64_t *out_bytes, GError **error)
{
    static const char letters[] = "kmgtpe";
    Quantity q;
    uint64_t unit = 1;
    bool good = quantity_read(text, &q);
    if (good) {
        const char *p = q.end;
        const char *letter = *p == '\0' ? NULL : strchr(letters, g_ascii_tolower(*p));
        if (letter != NULL) {
            unit <<= 10 * (letter - letters + 1);
            p++;
            if (p[0] == 'i' && p[1] == 'B')
                p++;
        }
        if (*p == 'B')
            p++;
        good = *p == '\0' && (unit > 1 || q.fraction == 0);
    }
    int64_t total = 0;
    if (!good)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "'%s' is not a size; write 4096, 64k, 64KiB or 1.5G", text);
    else if (!quantity_times(&q, unit, &total))
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' is too large a size", text);
    else if (total == 0)
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "'%s' is no size at all", text);
    else {
        *out_bytes = total;
        return true;
    }
    return false;
}

char *hpt_size_text(int64_t bytes)
{
    static const char units[][2] = {"", "k", "M", "G", "T", "P"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < G_N_ELEMENTS(units); unit++)
        value /= 1024;
    char text[HPT_NUMBER_TEXT_SIZE];
    return g_strconcat(hpt_number_text((double)(int64_t)(value * 10 + 0.5) / 10, text), units[unit],
                       NULL);
}
