/* The parts of collecting an environment; inside record only. */
#ifndef HPT_RECORD_ENVIRONMENT_INTERNAL_H
#define HPT_RECORD_ENVIRONMENT_INTERNAL_H

#include "record/environment.h"

typedef struct {
    const char *root;
    const char *const *environ;
    GArray *parts[HPT_PART_COUNT]; /* of HptEnvironmentItem */
} HptCollector;

/* Copies; a value that is NULL adds nothing. A name that is no UTF-8 is made printable: a value has a form for any
 * bytes, a name has none. */
void hpt_collector_add(HptCollector *c, HptEnvironmentPartKind part, const char *kind,
                       const char *name, const char *value);

/* The beginning of a file below the root, NUL-terminated, without blanks at its end; NULL if there
 * is none. Owned. */
char *hpt_collector_slurp(const HptCollector *c, const char *path);

/* What stands after "KEY<blanks><separator>" in the first line that begins with KEY; owned. */
char *hpt_collector_field(const char *text, const char *key, char separator);

/* KEY="value" or KEY=value of shell assignments, without the quotes; owned. */
char *hpt_collector_assigned(const char *text, const char *key);

/* The value of a variable in environ, or NULL. */
const char *hpt_collector_variable(const HptCollector *c, const char *name);

/* SHA-256 of a file, in hexadecimal; NULL: it cannot be read. Owned. */
char *hpt_collector_digest(const char *path);

void hpt_collector_host(HptCollector *c);     /* environment-host.c */
void hpt_collector_settings(HptCollector *c); /* environment-system.c: packages and variables */
void hpt_collector_variables(HptCollector *c, const char *const *capture);

/* The environment that these items make; takes them. Canonical forms are written. */
HptEnvironment *hpt_environment_build(GArray *steal_parts[HPT_PART_COUNT]);

#endif
