/* Canonical JSON (RFC 8785) and strict JSON reading.
 *
 * What is hashed is written by hpt_json_canonical and by nothing else: members sorted by UTF-16
 * code units, ECMAScript numbers, no blanks. Reading is Jansson's with every strict flag: no
 * duplicate members, no NaN, no trailing bytes, bounded depth.
 */
#ifndef HPT_BASE_JSON_H
#define HPT_BASE_JSON_H

#include "base/error.h"

#include <jansson.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

/* Parses length bytes of JSON text, any top-level value. Whole numbers of 64 bits are exact; larger
 * ones are read only if they are the canonical text of a double (which begins to use exponents at
 * 1e21) and are then reals. Fails HPT_ERROR_DATA with "line L, column C: reason". Owned result. */
json_t *hpt_json_parse(const char *text, size_t length, GError **error) HPT_WARN_UNUSED;

/* The canonical text; parsing it and writing again gives the same. Fails HPT_ERROR_DATA on a NaN or
 * infinite real, an integer that is not the text of a double (RFC 8785 wants such numbers as
 * strings; all up to ±2^53 are fine), invalid UTF-8, U+0000, or nesting beyond 2048. Owned. */
char *hpt_json_canonical(const json_t *value, GError **error) HPT_WARN_UNUSED;

/* The same, appended to out; on failure out is as before. */
bool hpt_json_canonical_append(GString *out, const json_t *value, GError **error) HPT_WARN_UNUSED;

/* Appends text (valid UTF-8) as a canonical JSON string, quotes included. */
void hpt_json_append_string(GString *out, const char *text);

#endif
