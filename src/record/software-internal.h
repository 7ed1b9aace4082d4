/* The parts of finding software; inside record only. */
#ifndef HPT_RECORD_SOFTWARE_INTERNAL_H
#define HPT_RECORD_SOFTWARE_INTERNAL_H

#include "record/environment-internal.h"
#include "record/software.h"

/* Each adds its items for files, a NULL-terminated list of absolute paths. */
void hpt_software_dpkg(HptCollector *c, const char *const *files);
void hpt_software_rpm(HptCollector *c, const char *program, const char *const *files);
void hpt_software_python(HptCollector *c, const char *const *files);
void hpt_software_r(HptCollector *c, const char *const *files);

/* Calls func with each line of a file below the root, without its newline. False: there is no such file. */
typedef void (*HptLineFunc)(const char *line, void *user);
bool hpt_software_lines(const HptCollector *c, const char *path, HptLineFunc func, void *user);

/* The names in a folder below the root, sorted; empty if there is none. Owned. */
char **hpt_software_list(const HptCollector *c, const char *folder);

/* The source of a byte-code file (…/__pycache__/x.cpython-311.pyc); NULL: it is none. Owned. */
char *hpt_software_source(const char *path);

#endif
