/* A search driven by lines of JSON: a space comes in, configurations go out, results come in.
 *
 * The lines are those of hpt-ask(1), --serve. A session is a sampler with the history it was told;
 * it holds no randomness of its own, so the same lines in the same order get the same answers.
 */
#ifndef HPT_SEARCH_SESSION_H
#define HPT_SEARCH_SESSION_H

#include "base/error.h"

typedef struct HptSession HptSession;

/* spec: the sampler where a line does not name one, as for hpt_sampler_new. It is looked at when a
 * search begins. */
HptSession *hpt_session_new(const char *spec);
void hpt_session_free(HptSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptSession, hpt_session_free)

/* The answer to one line, without its newline: one line of canonical JSON, without a newline; NULL:
 * the line says to end. A line that means nothing is answered by {"error":"…"} and changes nothing.
 * Owned. Cost: of the proposal; nothing else grows with the history. */
char *hpt_session_answer(HptSession *session, const char *line, size_t length);

#endif
