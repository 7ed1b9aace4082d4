/* Settings of samplers by a table: a key, what it may be, and what it is unless given. */
#ifndef HPT_SEARCH_RULE_H
#define HPT_SEARCH_RULE_H

#include "search/internal.h"

typedef struct {
    const char *key;
    double value;             /* the default; then what was given; of words the index */
    double least, most;       /* of numbers, inclusive */
    bool whole;
    const char *const *words; /* NULL: a number; else NULL-terminated */
} HptRule;

/* Reads the settings into the rules and appends all, given or not, to spec. Fails HPT_ERROR_USAGE. */
bool hpt_rules_read(const char *sampler, HptRule *rules, size_t n_rules, const HptSetting *settings,
                    size_t n, GString *spec, GError **error) HPT_WARN_UNUSED;

#endif
