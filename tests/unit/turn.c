/* A worker's turn: when its job ends and which trial still fits. */
#include "study/turn.h"

#define S INT64_C(1000000)

static int64_t end_of(const char *value)
{
    g_autofree char *entry = value == NULL ? NULL : g_strconcat("SLURM_JOB_END_TIME=", value, NULL);
    const char *environment[] = {"PATH=/bin", entry, NULL};
    return hpt_turn_job_end(environment, 1000 * S, 50 * S);
}

static void test_job_end(void)
{
    g_assert_cmpint(end_of("1060"), ==, 110 * S);
    g_assert_cmpint(end_of("1000"), ==, 50 * S);
    g_assert_cmpint(end_of("1"), ==, -949 * S); /* long ago */
    const char *const useless[] = {NULL, "", "0", "-5", "soon", "12.5", "Unknown", "1060 ",
                                   "100000000000", "99999999999999999999"};
    for (size_t i = 0; i < G_N_ELEMENTS(useless); i++)
        g_assert_cmpint(end_of(useless[i]), ==, INT64_MAX);
}

static void test_last_start(void)
{
    HptTurn turn = {.end_us = 100 * S};
    g_assert_cmpint(hpt_turn_longest(&turn), ==, 0);
    g_assert_cmpint(hpt_turn_last_start(&turn), ==, 98 * S);
    hpt_turn_add(&turn, 8 * S);
    hpt_turn_add(&turn, 1 * S);
    g_assert_cmpint(hpt_turn_longest(&turn), ==, 8 * S);
    g_assert_cmpint(hpt_turn_last_start(&turn), ==, 89 * S);
    turn.end_us = INT64_MAX;
    g_assert_cmpint(hpt_turn_last_start(&turn), ==, INT64_MAX);
}

static void test_recent(void)
{
    HptTurn turn = {.end_us = 100 * S};
    hpt_turn_add(&turn, 40 * S);
    for (int i = 1; i < HPT_TURN_TRIALS; i++)
        hpt_turn_add(&turn, 2 * S);
    g_assert_cmpint(hpt_turn_longest(&turn), ==, 40 * S);
    hpt_turn_add(&turn, 3 * S); /* in the place of the long one */
    g_assert_cmpint(hpt_turn_longest(&turn), ==, 3 * S);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/turn/job-end", test_job_end);
    g_test_add_func("/turn/last-start", test_last_start);
    g_test_add_func("/turn/recent", test_recent);
    return g_test_run();
}
