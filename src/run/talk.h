/* What is said between us and a persistent worker: its lines understood, ours made. No process and no
 * descriptor is known here, so that a test can say anything. Internal to run/; hpt-worker(7) is the
 * protocol.
 *
 * Nothing that is heard is trusted: lines are bounded, wrong ones counted and kept as those of a
 * report channel, and what we have to say is bounded by not listening to who does not read.
 */
#ifndef HPT_RUN_TALK_H
#define HPT_RUN_TALK_H

#include "run/lines.h"
#include "run/report.h"
#include "run/reportline.h"

#define HPT_TALK_LINE_MAX (1 << 20)
#define HPT_TALK_UNSENT_MAX 65536 /* behind this nothing is heard */

typedef struct {
    GString *unsent; /* our lines that are not written yet; the caller takes from its front */
    HptLines lines;
    bool ready; /* it has said so */
    /* The trial it is about; borrowed until the next. */
    HptScan *scan;
    HptReport *report; /* where its lines are counted */
    HptReplies *replies;
    int64_t trial, base; /* base: where its lines begin in all that was heard */
    bool handed;         /* it has been told of the trial */
    bool over, pruned;   /* it said done, and that it stopped early */
    int pending;         /* reports to be answered */
    char *failure;       /* it cannot be talked to any more, and why; owned */
} HptTalk;

void hpt_talk_init(HptTalk *talk);
void hpt_talk_clear(HptTalk *talk);
/* With a new process: nothing was said yet. */
void hpt_talk_restart(HptTalk *talk);

/* A trial, not handed over yet. */
void hpt_talk_about(HptTalk *talk, int64_t trial, HptScan *scan, HptReport *report,
                    HptReplies *replies);
/* Says line; the trial is handed over by it. */
void hpt_talk_hand_over(HptTalk *talk, const char *line);
void hpt_talk_say(HptTalk *talk, const char *line);
/* Answers the reports that wait. */
void hpt_talk_answer(HptTalk *talk, bool stop);

/* Is there room for what hearing more would make us say? */
bool hpt_talk_listens(const HptTalk *talk);
void hpt_talk_hear(HptTalk *talk, const char *data, size_t length);

#endif
