/* What is told of a trial: words of a command line, a line of words, of JSON, or of columns. With a step it is a report. */
#ifndef HPT_STUDY_TELL_LINE_H
#define HPT_STUDY_TELL_LINE_H

#include "base/json.h"
#include "study/tell.h"

typedef struct {
    char *study; /* NULL: none is named */
    int64_t number;
    int attempt;
    bool report;  /* set as soon as a step is seen, though it may be wrong */
    int64_t step; /* of a report */
    bool failed;
    char *cause;      /* of the failure, or NULL */
    bool positional;  /* values are in the order of the study's objectives, names are empty */
    GPtrArray *names; /* char *, owned */
    GArray *values;   /* double */
    GPtrArray *cells; /* of a row, char * or NULL for \N: what is a metric is known when the study is; else NULL */
    char **columns;   /* their names; NULL without cells */
} HptTellLine;

void hpt_tell_line_clear(HptTellLine *line);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HptTellLine, hpt_tell_line_clear)

/* A number, or one of the words for those that are none: nan, inf, infinity, in any case. */
bool hpt_tell_number(const char *text, double *out) HPT_WARN_UNUSED;

/* out must be clear. All fail HPT_ERROR_USAGE or _DATA. */

/* ID NAME=VALUE …; a value may be nan or inf, or null: then the trial has failed. step=N is its step. */
bool hpt_tell_line_from_words(const char *const *words, HptTellLine *out, GError **error) HPT_WARN_UNUSED;
/* The same in one line, blanks between the words. */
bool hpt_tell_line_from_text(const char *text, HptTellLine *out, GError **error) HPT_WARN_UNUSED;
/* {"id": …, "metrics": {…}} or "values": […] or "failed": true or why; null for a number or for all of them
 * is a failure too. "step" makes it a report. Other members are ignored. */
bool hpt_tell_line_from_json(const json_t *object, HptTellLine *out, GError **error) HPT_WARN_UNUSED;

/* The member "id" of it alone: a text, or a number for the first attempt of a trial. */
bool hpt_tell_line_id(const json_t *id, HptTellLine *out, GError **error) HPT_WARN_UNUSED;

/* The header of a table in hpt's TSV, if line is one: NULL-terminated names, owned, one of which is hpt.id; else NULL. */
char **hpt_tell_header(const char *line);
/* A row of it: the id, the step if there is a column hpt.step that is not empty, and its cells as they are. */
bool hpt_tell_line_from_row(char **header, const char *line, HptTellLine *out, GError **error) HPT_WARN_UNUSED;
/* A line of any of these kinds, by its first character and header (NULL: there was none). */
bool hpt_tell_line_read(char **header, const char *text, size_t length, HptTellLine *out, GError **error) HPT_WARN_UNUSED;

/* What it says as the library takes it; checked against the definition. A column of a row that is no metric, nor a
 * parameter, nor hpt's own, is an error. The pointers are those of line; once for a line. */
bool hpt_tell_line_settle(HptTellLine *line, const HptDefinition *definition, HptTelling *out,
                      GError **error) HPT_WARN_UNUSED;

#endif
