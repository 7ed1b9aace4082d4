/* hpt-ask --serve of a recorded study: lines of JSON in and out. */
#ifndef HPT_TOOLS_ASK_SERVE_H
#define HPT_TOOLS_ASK_SERVE_H

#include "tools/ask_options.h"

/* Answers standard input until it ends or says quit, or SIGINT, SIGTERM or SIGHUP comes (*signal_number; else 0). While it
 * lives the leases of what it gave out are renewed, also while nobody reads its answers; what has no result at the end
 * is given back. */
bool ask_serve(const AskSettings *settings, HptProject *project, HptStudy *study, HptAsker *asker, int *signal_number,
               GError **error) HPT_WARN_UNUSED;

#endif
