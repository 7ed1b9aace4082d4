/* What was told of a trial as a text that can lie on a disk until there is a database: what hpt_tell_line reads, before
 * anybody knows which metrics the study has.
 *
 * A canonical JSON object: study (left out: the only one there is), number, attempt; step of a report; failed and cause; names
 * and values (number, step and values as text, so that any of 64 bits, NaN and infinities are among them), values alone in the order of the objectives, or columns
 * and cells of a row.
 */
#ifndef HPT_STUDY_TOLD_H
#define HPT_STUDY_TOLD_H

#include "study/tell-line.h"

/* study: of lines that name none; may be NULL. What looks like a secret in a cause is cut. Owned. Fails HPT_ERROR_DATA
 * for what is no text. */
char *hpt_told_text(const HptTellLine *line, const char *study, GError **error) HPT_WARN_UNUSED;

/* out must be clear. Fails HPT_ERROR_DATA. */
bool hpt_told_parse(const char *text, size_t length, HptTellLine *out, GError **error) HPT_WARN_UNUSED;

/* Studies by name, as hpt_told_record keeps them. */
GHashTable *hpt_told_studies_new(void);

/* The study of that name, borrowed from studies; NULL: the only one there is, as none is guessed among several (then
 * HPT_ERROR_USAGE). */
HptStudy *hpt_told_study(HptDb *db, GHashTable *studies, const char *name, GError **error) HPT_WARN_UNUSED;

/* Records it, once, whatever becomes of the connection. *id, owned: what the trial is called; NULL: it waited in the
 * spool, so a report is not judged, and messages say what the trial is called, for who did not type the line. Fails as
 * hpt_tell_line_settle, hpt_told_study and hpt_tell_once. */
bool hpt_told_record(HptDb *db, GHashTable *studies, const char *text, size_t length, HptTellAnswer *answer,
                     char **id, GError **error) HPT_WARN_UNUSED;

#endif
