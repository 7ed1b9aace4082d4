/* Numbers with names in a line of ordinary text. Internal to run/. */
#ifndef HPT_RUN_TEXTRULE_H
#define HPT_RUN_TEXTRULE_H

#include "base/error.h"

typedef struct {
    const char *name; /* NUL-terminated, lives for the call */
    double value;
    bool tight;    /* "name:1" without a blank: counts for declared names only */
    bool has_step; /* "(step N)" follows */
    int64_t step;
    size_t offset, length; /* of the number's text in the line */
} HptTextNumber;
typedef void (*HptTextFunc)(const HptTextNumber *number, void *user);

/* Every "name: number", "name: number (step N)" and "name=number" (blanks around "=" allowed). The
 * number ends at a blank, the end, or one of , ; ) ] } % | ' "
 * A number with "," and a digit behind it is none: it may be a decimal comma, or thousands. */
void hpt_text_numbers(const char *line, size_t length, HptTextFunc func, void *user);

/* The line as NAME=VALUE words between blanks: true when all words have that form and a number is
 * among the values; then func has been called for the numbers. */
bool hpt_text_words(const char *line, size_t length, HptTextFunc func, void *user);

/* The line as one bare number, perhaps with blanks around or "%" behind it. */
bool hpt_text_bare(const char *line, size_t length, HptTextNumber *out);

#endif
