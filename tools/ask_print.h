/* What hpt-ask prints of the trials that it gives out. */
#ifndef HPT_TOOLS_ASK_PRINT_H
#define HPT_TOOLS_ASK_PRINT_H

#include "tools/ask_options.h"

/* A trial as an object: id, study, trial, attempt, seed, until, config; of one that is made of several runs fold, folds,
 * repeat and split, budget and resume. Owned. */
json_t *ask_json(const HptStudy *study, const HptAsked *asked);

/* asked holds HptAsked *. Fails HPT_ERROR_IO. */
bool ask_print(const HptStudy *study, const GPtrArray *asked, AskFormat format, bool no_header,
               GError **error) HPT_WARN_UNUSED;

#endif
