/* Text: escaping of foreign bytes for people, hexadecimal, and clocks. */
#ifndef HPT_BASE_TEXT_H
#define HPT_BASE_TEXT_H

#include "base/error.h"

/* text with every byte that could act on a terminal made visible: C0 and C1 controls, DEL, invalid
 * UTF-8 and bidirectional overrides become \n, \t, \xHH or \u{HHHH}; length -1 means up to NUL.
 * The result is valid UTF-8 on one line. Owned. */
char *hpt_text_printable(const char *text, gssize length);

/* Columns that text takes on a terminal (combining marks 0, wide characters 2). */
size_t hpt_text_width(const char *text);

/* Quotes word for sh(1): unchanged if only safe characters, else in single quotes. Owned. */
char *hpt_text_shell_quote(const char *word);

/* The bytes of lower-case hexadecimal digits, NUL-terminated; NULL: it is no such text, and *length stays. Owned. */
char *hpt_text_unhex(const char *hex, size_t *length);

/* Microseconds since 1970 UTC; and of the monotonic clock, which counts on while suspended. */
int64_t hpt_time_now_us(void);
int64_t hpt_time_monotonic_us(void);

/* ISO 8601 in UTC with microseconds, "2026-11-23T09:02:03.000000Z"; owned. */
char *hpt_time_text(int64_t time_us);

/* A span for people: "0.02 s", "7.4 s", "3:05", "1:02:03"; owned. */
char *hpt_duration_text(int64_t span_us);

#endif
