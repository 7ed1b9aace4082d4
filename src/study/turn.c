#include "study/turn.h"

#include "base/number.h"
#include "base/text.h"

#define SECOND_US INT64_C(1000000)
#define MARGIN_US (2 * SECOND_US)
#define FAR_S INT64_C(100000000000) /* in the year 5138: as good as never */

int64_t hpt_turn_job_end(const char *const *environment, int64_t now_us, int64_t monotonic_us)
{
    const char *text = g_environ_getenv((char **)environment, "SLURM_JOB_END_TIME");
    int64_t end_s = 0;
    if (text == NULL || !hpt_integer_parse(text, &end_s) || end_s <= 0 || end_s >= FAR_S)
        return INT64_MAX;
    return monotonic_us + (end_s * SECOND_US - now_us);
}

void hpt_turn_add(HptTurn *turn, int64_t duration_us)
{
    turn->recent_us[turn->n++ % HPT_TURN_TRIALS] = duration_us;
}

int64_t hpt_turn_longest(const HptTurn *turn)
{
    int64_t longest = 0;
    for (size_t i = 0; i < MIN(turn->n, HPT_TURN_TRIALS); i++)
        longest = MAX(longest, turn->recent_us[i]);
    return longest;
}

int64_t hpt_turn_last_start(const HptTurn *turn)
{
    if (turn->end_us == INT64_MAX)
        return INT64_MAX;
    int64_t longest = hpt_turn_longest(turn);
    return turn->end_us - longest - longest / 8 - MARGIN_US;
}

char *hpt_turn_over_text(const HptTurn *turn, int64_t now_us)
{
    if (turn->end_us <= now_us)
        return g_strdup("this worker's job has reached its end: nothing more is started");
    g_autofree char *left = hpt_duration_text(turn->end_us - now_us);
    g_autofree char *longest = hpt_duration_text(hpt_turn_longest(turn));
    return g_strdup_printf("this worker's job ends in %s and trials take up to %s: nothing more is "
                           "started", left, longest);
}
