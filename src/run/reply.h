/* Who waits for the answer to a report: hpt-report makes a FIFO in the trial's directory, names it
 * in its line ("reply") and waits for one line, "go" or "stop".
 *
 * The names come from the trial and are not trusted: one component with our prefix, opened below
 * the directory's descriptor without following links, a FIFO with no second name, or nothing is
 * written. Nothing blocks, and no descriptor is held while somebody waits.
 */
#ifndef HPT_RUN_REPLY_H
#define HPT_RUN_REPLY_H

#include "base/error.h"

#define HPT_REPLY_PREFIX ".hpt-reply-"
#define HPT_REPLIES_MAX 256 /* that wait at once; more are told to go on */

typedef struct HptReplies HptReplies;

/* directory_fd (O_PATH is enough) is borrowed and outlives the object. ask false: nobody decides,
 * everybody is told to go on at once. */
HptReplies *hpt_replies_new(int directory_fd, bool ask);
void hpt_replies_free(HptReplies *replies);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptReplies, hpt_replies_free)

/* Is this a name that a reply FIFO may have? */
bool hpt_reply_name_valid(const char *name);

/* Somebody waits at name (valid). After a stop the answer is stop, at once. */
void hpt_replies_add(HptReplies *replies, const char *name);
/* The same for who does not wait at a FIFO: true if an answer is still to come, else *stop is it. */
bool hpt_replies_must_wait(const HptReplies *replies, bool *stop);

bool hpt_replies_waiting(const HptReplies *replies);
/* Answers all; a stop is for good. */
void hpt_replies_answer(HptReplies *replies, bool stop);
/* The same without the answer being for later ones: at the end of the trial. */
void hpt_replies_end(HptReplies *replies);

#endif
