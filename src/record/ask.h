/* A program that is asked something and has so long to answer; inside record only. */
#ifndef HPT_RECORD_ASK_H
#define HPT_RECORD_ASK_H

#include "base/error.h"

typedef struct {
    const char *program; /* a name is looked for in our PATH */
    const char *const *argv, *const *env;
    int64_t until_us;  /* monotonic: then it and all of its process group are killed */
    size_t output_max; /* bytes of either stream; at more it is killed as well */
} HptAsk;

typedef struct {
    int start_errno; /* 0: it was started */
    bool complete;   /* it was started, said all and ended in time */
    int status;      /* of its exit; -1: it did not exit by itself */
    GByteArray *out, *err; /* NUL-terminated, the NUL not counted; what there was where it is not complete */
} HptAnswer;

/* Runs it with standard input from null. Signals of ours are not blocked in it; it leaves nothing
 * running in its process group. */
HptAnswer *hpt_ask(const HptAsk *ask);
void hpt_answer_free(HptAnswer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptAnswer, hpt_answer_free)

#endif
