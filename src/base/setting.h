/* Settings of a spec such as "grid:points=10,C=7" or "median:startup=5". */
#ifndef HPT_BASE_SETTING_H
#define HPT_BASE_SETTING_H

#include "base/error.h"

/* Both borrowed from the text that was cut. */
typedef struct {
    const char *key, *value;
} HptSetting;

/* Cuts text, "KEY=VALUE,…" or NULL, in place; an array of HptSetting, owned. A key may be a
 * parameter's name, so ':' and '.' do not separate. Fails HPT_ERROR_USAGE for what is no setting and
 * for a key that is set twice; what ("sampler") and spec are for its text. */
GArray *hpt_settings_cut(char *text, const char *what, const char *spec,
                         GError **error) HPT_WARN_UNUSED;

/* One setting that is known: where it goes (holding the default) and what is legal. */
typedef struct {
    const char *key;
    double *out;              /* of words the index */
    double low, high;         /* both legal */
    bool whole;               /* whole numbers only */
    bool optional;            /* may be "none", which is NaN */
    const char *const *words; /* these alone, NULL-terminated; NULL: numbers */
} HptSettingRule;

/* Reads settings into the outs of known and appends every one, given or not, to spec ("a=1,b=2"). what ("sampler")
 * and name are for the text of errors. Fails HPT_ERROR_USAGE for an unknown key (with a suggestion) or a value that
 * is not legal. */
bool hpt_settings_apply(const char *what, const char *name, const HptSetting *settings, size_t n,
                       const HptSettingRule *known, size_t n_known, GString *spec,
                       GError **error) HPT_WARN_UNUSED;

#endif
