/* Configuration files: lines "key = value", comments from "#" at the start of a line. */
#ifndef HPT_DB_SETTINGS_H
#define HPT_DB_SETTINGS_H

#include "base/error.h"

typedef struct HptSettings HptSettings;

/* Reads a file; one that is not there is empty. Fails HPT_ERROR_DATA "FILE:LINE: …", IO. */
HptSettings *hpt_settings_read(const char *path, GError **error) HPT_WARN_UNUSED;

/* The same from text; path is for messages. */
HptSettings *hpt_settings_parse(const char *text, const char *path, GError **error) HPT_WARN_UNUSED;
void hpt_settings_free(HptSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptSettings, hpt_settings_free)

/* The last value of key, NULL without one; borrowed. */
const char *hpt_settings_peek(const HptSettings *settings, const char *key);

/* All values of key in order, NULL-terminated; the array is owned, the strings are borrowed. */
const char **hpt_settings_all(const HptSettings *settings, const char *key);

/* "FILE:LINE" of the last value of key, for messages; owned. */
char *hpt_settings_place(const HptSettings *settings, const char *key);

#endif
