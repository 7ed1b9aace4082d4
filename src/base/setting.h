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

#endif
