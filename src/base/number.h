/* Numbers as text: the shortest decimal that reads back to the same double.
 *
 * The form is ECMAScript's Number::toString (RFC 8785 §3.2.2.3), so the text of a parameter, of a
 * metric and of a hashed configuration are one and the same. Nothing here looks at the locale.
 */
#ifndef HPT_BASE_NUMBER_H
#define HPT_BASE_NUMBER_H

#include "base/error.h"

#define HPT_NUMBER_TEXT_SIZE 32 /* bytes that hold any result, terminator included */

/* Writes the text of value to out (HPT_NUMBER_TEXT_SIZE bytes) and returns out. Finite values are
 * ECMAScript's; the others are "NaN", "Infinity", "-Infinity" (PostgreSQL reads these); -0 is "0".
 * Cost about 1 µs. */
char *hpt_number_text(double value, char *out);

/* The double nearest to value rounded to digits significant decimal digits, 1 to 17: 0.01 for what
 * a logarithmic scale makes of it. Not finite: value itself. */
double hpt_number_snap(double value, int digits);

/* Reads a decimal or exponent form in full ("1", "-1.5", "1e-3", ".5" and "5." too), C locale; no
 * hex, inf, nan, blanks or sign "+". False leaves *out untouched: not a number, or, with
 * *overflow (may be NULL) set, a number beyond a double's range. */
bool hpt_number_parse(const char *text, double *out, bool *overflow) HPT_WARN_UNUSED;

/* Reads a whole number of 64 bits in full, "-"? digits. */
bool hpt_integer_parse(const char *text, int64_t *out) HPT_WARN_UNUSED;

/* A span of time: "90", "90s", "1.5h", "2d", "1h30m", "250ms", in microseconds; > 0,
 * and at most half of what 64 bits hold, so that it can be added to a moment. */
bool hpt_duration_parse(const char *text, int64_t *out_us, GError **error) HPT_WARN_UNUSED;

/* A size: "4096", "64k", "64KiB", "1.5G" (powers of 1024), in bytes; > 0. */
bool hpt_size_parse(const char *text, int64_t *out_bytes, GError **error) HPT_WARN_UNUSED;
/* For people, at most one decimal: "100M", "1.5G", "512". hpt_size_parse reads it. Owned. */
char *hpt_size_text(int64_t bytes);

#endif
