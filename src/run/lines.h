/* A byte stream cut into lines, in constant memory. Internal to run/. */
#ifndef HPT_RUN_LINES_H
#define HPT_RUN_LINES_H

#include "base/error.h"

#define HPT_LINE_MAX 65536

typedef struct {
    GString *partial; /* the beginning of a line whose end has not come yet; NULL: none so far */
    bool cut;         /* that line is longer than max; the rest of it is passed over */
    int64_t offset;   /* where that line begins in the stream */
    int64_t total;    /* bytes so far */
    size_t max;       /* bytes of a line that are kept; 0: HPT_LINE_MAX */
    bool returns;     /* "\r" ends a line too (progress bars) */
} HptLines;

/* line lives for the call only; its end is not part of it. */
typedef void (*HptLineFunc)(const char *line, size_t length, int64_t offset, bool cut, void *user);

/* quiet: of the lines that begin and end in data, only the last that is not blank is wanted. */
void hpt_lines_add(HptLines *lines, const char *data, size_t length, bool quiet, HptLineFunc func,
                   void *user);
/* Gives the last line if it has no end. */
void hpt_lines_end(HptLines *lines, HptLineFunc func, void *user);
void hpt_lines_clear(HptLines *lines);

bool hpt_line_is_blank(const char *line, size_t length);

#endif
