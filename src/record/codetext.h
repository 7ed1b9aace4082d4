/* The lines of a snapshot's canonical form; inside record only. */
#ifndef HPT_RECORD_CODETEXT_H
#define HPT_RECORD_CODETEXT_H

#include "record/code.h"

/* Appends the field, escaped; NULL is empty. */
void hpt_code_append_field(GString *out, const char *field);
/* Undoes it in place. False: it is not what append_field writes. */
bool hpt_code_unescape(char *field) HPT_WARN_UNUSED;

void hpt_code_append_head(GString *out, const char *directory);
void hpt_code_append_repo(GString *out, const HptCodeRepo *repo);
void hpt_code_append_entry(GString *out, const HptCodeEntry *entry);

#endif
