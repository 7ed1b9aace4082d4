/* A run that a rule stopped is stopped again where it was: no rule decides about a replay, since that
 * would take the trials of then.
 *
 * Who asks whether to go on is told to stop after the step that was decided about. Who does not was
 * ended by a signal, some steps later, whichever it had come to: it is ended when its curves have come
 * as far as they came then, and what they say beyond that does not count.
 */
#ifndef HPT_STUDY_HALT_H
#define HPT_STUDY_HALT_H

#include "study/recorded.h"
#include "study/slot.h"

typedef struct HptHalt HptHalt;

/* NULL: no rule stopped the run. recorded is borrowed. */
HptHalt *hpt_halt_new(const HptRecorded *recorded);
void hpt_halt_free(HptHalt *halt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptHalt, hpt_halt_free)

/* An HptPointFunc with the HptHalt as user. */
void hpt_halt_add(const HptPoint *point, void *halt);

/* Stops the run of slot once it has come to the place. */
void hpt_halt_look(HptHalt *halt, HptSlot *slot, int64_t now_us);

/* It was ended by a signal: how far its files and streams had come is chance. */
bool hpt_halt_by_signal(const HptHalt *halt);

/* What the curve of that name said where it ended then. False: it has not come there. */
bool hpt_halt_value(const HptHalt *halt, const char *name, double *value);

#endif
