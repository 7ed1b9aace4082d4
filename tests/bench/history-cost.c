/* What a process that is new to a study has to do before its first proposal, and before the next.
 *
 * history-cost DSN STUDY [pack] prints, separated by tabs: results; milliseconds until the first proposal is made; of
 * that CPU for reading and for proposing; milliseconds until what is new is read, and CPU of the next proposal; the
 * largest memory in MiB. pack: blocks that are not there are put first, and told. */
#include "study/history.h"
#include "study/study.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static double ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double propose(HptPast *past, HptSampler *sampler, int64_t number)
{
    g_autoptr(GError) error = NULL;
    double before = ms(CLOCK_PROCESS_CPUTIME_ID);
    HptProposal proposal = {0};
    if (!hpt_sampler_propose(sampler, hpt_past_get(past), number, &proposal, &error))
        g_error("%s", error->message);
    g_autofree char *text = hpt_past_describe(past, sampler);
    hpt_proposal_clear(&proposal);
    return ms(CLOCK_PROCESS_CPUTIME_ID) - before;
}

static void put_blocks(HptPast *past, HptDb *db, int64_t study_id)
{
    int n = 0;
    g_autoptr(GError) error = NULL;
    for (HptArgs *args; (args = hpt_past_pack_args(past, study_id)) != NULL; n++) {
        g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_HISTORY_BLOCK_PUT, args, &error);
        if (rows == NULL)
            g_error("%s", error->message);
        hpt_args_free(args);
    }
    printf("%d blocks put\n", n);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: history-cost DSN STUDY [pack]\n");
        return 2;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(HptDb) db = hpt_db_open(argv[1], "history-cost", &error);
    g_autoptr(HptStudy) study = db == NULL ? NULL : hpt_study_open(db, argv[2], &error);
    if (study == NULL)
        g_error("%s", error->message);
    HptSearch search;
    g_autoptr(HptSampler) sampler = hpt_definition_sampler(study->definition, &search, &error);
    g_autoptr(HptPast) past = hpt_past_new(study->definition);
    double wall = ms(CLOCK_MONOTONIC), cpu = ms(CLOCK_PROCESS_CPUTIME_ID);
    if (!hpt_past_load(past, db, study->id, &error))
        g_error("%s", error->message);
    cpu = ms(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    int64_t n = (int64_t)hpt_past_get(past)->n;
    double first = propose(past, sampler, n);
    wall = ms(CLOCK_MONOTONIC) - wall;
    if (argc > 3)
        put_blocks(past, db, study->id);
    double delta = ms(CLOCK_MONOTONIC);
    g_autoptr(HptArgs) args = hpt_past_args(past, study->id);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_HISTORY_READ, args, &error);
    if (rows == NULL)
        g_error("%s", error->message);
    hpt_past_add(past, rows);
    delta = ms(CLOCK_MONOTONIC) - delta;
    double next = propose(past, sampler, n + 1);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%" PRId64 "\t%.1f\t%.1f\t%.1f\t%.2f\t%.2f\t%.0f\n", n, wall, cpu, first, delta, next,
           (double)usage.ru_maxrss / 1024);
    return 0;
}
