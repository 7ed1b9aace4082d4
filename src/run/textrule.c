#include "run/textrule.h"

#include "base/number.h"
#include "run/jsonscan.h"
#include "run/metric.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name_byte(char c)
{
    return g_ascii_isalnum(c) || (c != '\0' && strchr("_./@%+-", c) != NULL);
}

static size_t skip_blanks(const char *line, size_t length, size_t at)
{
    while (at < length && is_blank(line[at]))
        at++;
    return at;
}

/* "1,5" is one and a half or fifteen hundred or two numbers; nobody can tell, so it is none. */
static bool comma_and_digit(const char *line, size_t length, size_t at)
{
    return at + 1 < length && line[at] == ',' && g_ascii_isdigit(line[at + 1]);
}

/* The number that begins at from: its length, or 0. */
static size_t number_at(const char *line, size_t length, size_t from, double *value)
{
    char first = from < length ? line[from] : '\0';
    if (!g_ascii_isdigit(first) && strchr("+-.iInN", first) == NULL)
        return 0;
    size_t end = from;
    while (end < length && !g_ascii_isspace(line[end]) && line[end] != '\0' &&
           strchr(",;)]}%|'\"", line[end]) == NULL)
        end++;
    if (comma_and_digit(line, length, end))
        return 0;
    if (end > from && hpt_number_read(line + from, end - from, value))
        return end - from;
    /* A full stop may end the sentence. */
    if (end > from + 1 && line[end - 1] == '.' &&
        hpt_number_read(line + from, end - from - 1, value))
        return end - from - 1;
    return 0;
}

static void read_step(const char *line, size_t length, size_t at, HptTextNumber *number)
{
    if (at < length && line[at] == '%')
        at++;
    at = skip_blanks(line, length, at);
    if (length - at < 8 || memcmp(line + at, "(step ", 6) != 0)
        return;
    const char *digits = line + at + 6, *end = memchr(digits, ')', length - at - 6);
    char text[24];
    if (end == NULL || (size_t)(end - digits) >= sizeof text)
        return;
    memcpy(text, digits, (size_t)(end - digits));
    text[end - digits] = '\0';
    number->has_step = hpt_integer_parse(text, &number->step);
}

/* A name that ends before end: copied to name (HPT_METRIC_NAME_MAX + 1 bytes). */
static bool name_before(const char *line, size_t end, char *name)
{
    size_t from = end;
    while (from > 0 && is_name_byte(line[from - 1])) {
        from--;
        if (end - from > HPT_METRIC_NAME_MAX)
            return false;
    }
    if (!hpt_metric_name_valid(line + from, end - from))
        return false;
    memcpy(name, line + from, end - from);
    name[end - from] = '\0';
    return true;
}

void hpt_text_numbers(const char *line, size_t length, HptTextFunc func, void *user)
{
    char name[HPT_METRIC_NAME_MAX + 1];
    for (size_t i = 1; i + 1 < length; i++) {
        char separator = line[i];
        if (separator != ':' && separator != '=')
            continue;
        HptTextNumber number = {.name = name};
        number.offset = skip_blanks(line, length, i + 1);
        number.tight = separator == ':' && number.offset == i + 1;
        number.length = number_at(line, length, number.offset, &number.value);
        if (number.length == 0)
            continue;
        size_t end = i;
        while (separator == '=' && end > 0 && is_blank(line[end - 1]))
            end--;
        if (!name_before(line, end, name))
            continue;
        read_step(line, length, number.offset + number.length, &number);
        func(&number, user);
        i = number.offset + number.length - 1;
    }
}

/* One word of [from, end) as NAME=VALUE; *is_number when VALUE is one. */
static bool read_word(const char *line, size_t from, size_t end, char *name, HptTextNumber *number,
                      bool *is_number)
{
    const char *equals = memchr(line + from, '=', end - from);
    if (equals == NULL)
        return false;
    size_t length = (size_t)(equals - line) - from;
    if (!hpt_metric_name_valid(line + from, length))
        return false;
    memcpy(name, line + from, length);
    name[length] = '\0';
    number->name = name;
    number->offset = from + length + 1;
    number->length = end - number->offset;
    *is_number = hpt_number_read(line + number->offset, number->length, &number->value);
    return true;
}

static bool each_word(const char *line, size_t length, HptTextFunc func, void *user)
{
    char name[HPT_METRIC_NAME_MAX + 1];
    bool any = false;
    for (size_t at = 0; at < length;) {
        while (at < length && (g_ascii_isspace(line[at]) || line[at] == ','))
            at++;
        size_t end = at;
        while (end < length && !g_ascii_isspace(line[end]) && line[end] != ',')
            end++;
        if (end == at)
            break;
        HptTextNumber number = {0};
        bool is_number = false;
        if (!read_word(line, at, end, name, &number, &is_number))
            return false;
        if (is_number && func != NULL)
            func(&number, user);
        any = any || is_number;
        at = end;
    }
    return any;
}

bool hpt_text_words(const char *line, size_t length, HptTextFunc func, void *user)
{
    return each_word(line, length, NULL, NULL) && each_word(line, length, func, user);
}

bool hpt_text_bare(const char *line, size_t length, HptTextNumber *out)
{
    size_t from = 0;
    while (from < length && g_ascii_isspace(line[from]))
        from++;
    while (length > from && g_ascii_isspace(line[length - 1]))
        length--;
    if (length > from && line[length - 1] == '%')
        length--;
    HptTextNumber number = {.offset = from, .length = length - from};
    if (number.length == 0 || !hpt_number_read(line + from, number.length, &number.value))
        return false;
    *out = number;
    return true;
}
