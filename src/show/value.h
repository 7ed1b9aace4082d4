/* Single values as text; inside show only. */
#ifndef HPT_SHOW_VALUE_H
#define HPT_SHOW_VALUE_H

#include "show/format.h"

/* Does the type stand to the right in tables? */
bool hpt_show_is_number(HptColumnType type);

/* value as the data formats give it: reals, times and booleans in their one form. Owned. */
char *hpt_show_data(HptColumnType type, const char *value);

/* Appends value (may be NULL) as JSON. */
void hpt_show_append_json(GString *out, HptColumnType type, const char *value);

/* text (printable, one line) cut to width columns, the last of them tail's if anything was cut;
 * owned. */
char *hpt_show_cut(const char *text, size_t width, const char *tail);

#endif
