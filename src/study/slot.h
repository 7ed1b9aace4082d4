/* One place where a trial runs: from a reserved number to the arguments that end it.
 *
 * A slot goes idle → reserving → running → finishing → idle or running. The worker moves it and
 * talks to the database; the slot knows how to make a trial of a number.
 */
#ifndef HPT_STUDY_SLOT_H
#define HPT_STUDY_SLOT_H

#include "study/history.h"
#include "study/intake.h"
#include "study/outcome.h"
#include "study/resources.h"
#include "study/study.h"
#include "study/watch.h"

typedef enum { HPT_SLOT_IDLE, HPT_SLOT_RESERVING, HPT_SLOT_RUNNING, HPT_SLOT_FINISHING } HptSlotState;

/* The evaluation that is run, where a trial has several. */
typedef struct {
    bool given; /* false: the trial is one run */
    int evaluation, rung, fold, repeat;
    double budget;           /* 0: none */
    int64_t resume_trial;    /* whose files it goes on from; -1: none */
    int resume_attempt;
    int64_t parent;          /* the trial whose configuration it is made from; -1: none */
    char *parent_config;     /* canonical, of parent */
    int64_t seed;            /* its own */
} HptPart;

/* Reads the column part of trial_reserve; text NULL: none. out must be clear. */
bool hpt_part_read(HptPart *out, const char *text, GError **error) HPT_WARN_UNUSED;
void hpt_part_clear(HptPart *part);

typedef struct {
    int index;
    HptSlotState state;
    char *attempt_id; /* UUID */
    int64_t number;
    int attempt;
    int version;
    GBytes *given; /* the configuration that was proposed before, canonical, or NULL */
    const HptDefinition *definition; /* of that version, the study's */
    HptConfig *config;
    char *canonical; /* of config */
    char *origin, *reason;
    char *proposal; /* what it was made of, canonical JSON; NULL: see trial_start */
    int64_t seed;
    HptPart part;
    char **argv;
    HptDigest code; /* what it runs; of a persistent worker: what that began with */
    bool has_code;
    HptTracked *tracked; /* the same; NULL: there was no look yet */
    int64_t looked_ns;   /* when it was looked at */
    HptGathering *gathering; /* of its files; NULL: none was begun */
    const HptDigest *inputs, *common; /* its sets, once they are gathered, or NULL; the gathering's */
    const HptDigest *environment;     /* with the software that its trace showed; NULL: the worker's */
    const GPtrArray *code_changed;    /* files of code that were others when they were used, or NULL */
    bool trace_taken, gathers;
    char *directory; /* the trial's, absolute */
    char *resume;    /* the restored files it goes on from, or NULL */
    HptServant *servant; /* runs its trials, if the command is a persistent worker; outlives them */
    HptRun *run;
    HptPoints *points;
    HptPointFunc on_point; /* hears of each point, too, with user; NULL: nobody does */
    void *user;
    HptWatch *watch;    /* NULL: nobody decides about it */
    char *pruned;       /* why it was stopped by a rule, or NULL */
    int64_t stop_us;    /* monotonic: it was told and has not ended; INT64_MAX: not told */
    int batches; /* of points, sent and not answered */
    bool fenced; /* taken from us: nothing is recorded */
    bool keep;   /* the folder holds what could not be stored */
    int64_t looked;     /* the worker's answers when it asked for the rungs */
    int64_t started_us; /* monotonic */
    int64_t settle_us;  /* … its end is looked at again then, see hpt_slot_settle; 0: not yet asked */
} HptSlot;

/* What does not change from trial to trial. */
typedef struct {
    const char *study_name;
    const char *trials_folder; /* absolute, exists */
    const char *const *base_env;
    HptStore *store;
    HptResources *resources;
    int64_t study_id;
    const char *worker_id;
    const HptDigest *environment;
    const HptPlan *plan;
    int max_restarts; /* of a persistent worker */
    bool allow_secrets;
    const HptTraceSpec *trace; /* NULL: trials are not traced */
} HptSlotContext;

/* Does the trial get a proposal of sampler, and has that to know what is in the record? */
bool hpt_slot_needs_past(const HptSlot *slot, const HptSampler *sampler);

/* The trial's configuration: given bytes (it was proposed before), made from its parent's, or proposed
 * now by sampler, which knows past (NULL: nothing). plan may be NULL where no trial has a parent. */
bool hpt_slot_propose(HptSlot *slot, HptSampler *sampler, HptPast *past, const HptPlan *plan,
                      const void *config, size_t length, GError **error) HPT_WARN_UNUSED;

/* "asha: 0.31 at step 9 …": the rule by its name and its reason. Owned. */
char *hpt_slot_decision_text(const HptPruneDecision *decision);

/* Its run has been stopped by a rule: told so if it asks, else TERM. */
void hpt_slot_prune(HptSlot *slot, const HptPruneDecision *decision, int64_t now_us);

/* The folder of an attempt; owned. */
char *hpt_slot_directory(const HptSlotContext *context, int64_t number, int attempt);

/* The argv of a configuration, as it would be run in slot. Owned. */
char **hpt_slot_expand(const HptSlot *slot, GError **error) HPT_WARN_UNUSED;

/* What its command gets, of a slot with a definition, number, attempt, configuration, canonical, seed, part,
 * directory and resume:
 * {"params":{…},"seed":…,"study":"…","trial":…} and of an evaluation what it is, canonical, with a newline;
 * params with "type", "attempt" and "dir", as a persistent worker is given it;
 * the variables HPT_FOLD and the like that an evaluation has, for env to own. */
char *hpt_slot_params(const HptSlot *slot, const char *study);
char *hpt_slot_message(const HptSlot *slot, const char *params, GError **error) HPT_WARN_UNUSED;
void hpt_slot_add_part(const HptSlot *slot, GPtrArray *env);

/* Makes the folder, the parameter file and the environment, and starts the command. */
bool hpt_slot_start(HptSlot *slot, const HptSlotContext *context, int64_t now_us,
                    GError **error) HPT_WARN_UNUSED;

/* Arguments of trial_start. Owned. */
HptArgs *hpt_slot_start_args(const HptSlot *slot, const HptSlotContext *context);

/* May the end be recorded? A scheduler that ends a job signals everybody in it at one moment, and the
 * trial may be dead before our own signal is seen: an end by such a signal waits a second for it.
 * interrupted: there is nothing to wait for. False: not before slot->settle_us. */
bool hpt_slot_settle(HptSlot *slot, bool interrupted, int64_t now_us);

/* How the trial ended, in the words of the record: complete, failed, pruned, lost (the machine or
 * somebody else's signal), cancelled (we stopped it). interrupted says why we end, or is NULL.
 * Static; *cause is owned. */
const char *hpt_slot_verdict(const HptSlot *slot, const char *interrupted, char **cause);

/* Arguments of trial_finish. next is the attempt to reserve, or NULL; total -1: no end. *note: what could
 * not be stored; *withheld: what was not because of a secret in it; owned, or NULL. */
HptArgs *hpt_slot_finish_args(const HptSlot *slot, const HptSlotContext *context,
                              const char *outcome, const char *cause, int max_lost,
                              int max_failed, const char *next, int64_t total, int lease_s,
                              char **note, char **withheld);

/* Ends the slot's persistent worker once no trial runs: the first asks, for all slots, the second
 * waits, for each. */
void hpt_slot_dismiss(HptSlot *slot);
void hpt_slot_release(HptSlot *slot);

/* Removes the folder and forgets the trial; the slot is idle. */
void hpt_slot_clear(HptSlot *slot);

#endif
