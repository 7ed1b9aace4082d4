/* What the files of the parser share. */
#ifndef HPT_SPACE_PARSE_H
#define HPT_SPACE_PARSE_H

#include "space/internal.h"

typedef struct {
    HptSpaceBuilder *builder;
    const char *place;
    HptScan *scan;
    GPtrArray *rules; /* HptRule: conditions found in the statement; added when it is whole */
} HptParse;

/* "col N: MESSAGE"; always false. */
bool hpt_parse_fail(const HptParse *parse, GError **error, const char *message);
bool hpt_parse_at_end(const HptParse *parse, GError **error) HPT_WARN_UNUSED;
/* {A, B, …}, appended to out. */
bool hpt_parse_set(const HptParse *parse, GPtrArray *out, GError **error) HPT_WARN_UNUSED;
/* What follows "child |", to the end of the statement. */
bool hpt_parse_condition(const HptParse *parse, const char *child, GError **error) HPT_WARN_UNUSED;
bool hpt_parse_forbidden(const HptParse *parse, GError **error) HPT_WARN_UNUSED;

#endif
