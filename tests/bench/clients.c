/* Simulated workers on one study: clients DSN STUDY CLIENTS CONNECTIONS TOTAL
 *
 * Each client is a worker of its own in the record and does what hpt-run does, with its statements
 * and without a command: reserves a trial, records its start, ends it and reserves the next in one
 * statement, until the study is over. Clients share CONNECTIONS connections, evenly. The clock runs
 * from the first reservation, when all are connected and registered, to the last end.
 *
 * Prints NAME<TAB>VALUE: ends and claims in numbers, seconds, the time from sending an end to its
 * answer (median, 99 %), deadlocks and other conflicts (sent again), failures.
 */
#include "base/text.h"
#include "study/identity.h"
#include "study/slot.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEASE_S = 60, MAX_LOST = 3 };
#define POLL_US INT64_C(500000) /* as a worker does when there is nothing to take now */

typedef struct {
    HptSlot slot;
    HptDb *db;
    HptIdentity *identity;
    HptSlotContext context;
    char *next;
    int64_t sent_us, due_us; /* when the end was sent; when to ask again, 0: not waiting */
    bool over;
} Client;

typedef struct {
    HptStudy *study;
    HptSampler *sampler;
    HptPlan *plan;
    Client *clients;
    int n, left;
    int64_t total, begin_us, last_us;
    int64_t claims, ends, deadlocks, conflicts, failures;
    GArray *waits; /* of int64_t, µs */
} Bench;

static void die(const char *what, const GError *error)
{
    fprintf(stderr, "clients: %s: %s\n", what, error == NULL ? "wrong use" : error->message);
    exit(125);
}

static void transmit(Bench *bench, Client *client, HptSql sql, HptArgs *steal_args)
{
    g_autoptr(HptArgs) args = steal_args;
    GError *error = NULL;
    if (!hpt_db_send(client->db, sql, args, (uint64_t)(client - bench->clients), &error))
        die("send", error);
}

static void reserve(Bench *bench, Client *client)
{
    client->due_us = 0;
    if (client->slot.attempt_id == NULL)
        client->slot.attempt_id = hpt_uuid_new();
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, bench->study->id);
    hpt_args_uuid(args, client->identity->worker);
    hpt_args_uuid(args, client->slot.attempt_id);
    hpt_args_int8(args, bench->total);
    hpt_args_int4(args, LEASE_S);
    hpt_plan_add(bench->plan, NULL, args);
    transmit(bench, client, HPT_SQL_TRIAL_RESERVE, args);
}

static void end_trial(Bench *bench, Client *client)
{
    client->sent_us = hpt_time_monotonic_us();
    char *note = NULL;
    transmit(bench, client, HPT_SQL_TRIAL_FINISH,
             hpt_slot_finish_args(&client->slot, &client->context, "complete", "exit status 0",
                                  MAX_LOST, 1, client->next, bench->total, LEASE_S, &note));
}

static void run_trial(Bench *bench, Client *client)
{
    HptSlot *slot = &client->slot;
    GError *error = NULL;
    slot->definition = bench->study->definition;
    slot->version = bench->study->version;
    slot->directory = g_strdup("none");
    if (!hpt_slot_propose(slot, bench->sampler, NULL, bench->plan, NULL, 0, &error) ||
        (slot->argv = hpt_slot_expand(slot, &error)) == NULL)
        die("propose", error);
    g_clear_pointer(&slot->directory, g_free);
    transmit(bench, client, HPT_SQL_TRIAL_START, hpt_slot_start_args(slot, &client->context));
    g_free(client->next);
    client->next = hpt_uuid_new();
    end_trial(bench, client);
}

static void take(Bench *bench, Client *client, const HptRows *rows, size_t first)
{
    const char *outcome = hpt_rows_peek_text(rows, 0, first);
    if (strcmp(outcome, "trial") == 0) {
        bench->claims++;
        client->slot.number = hpt_rows_int8(rows, 0, first + 1);
        client->slot.attempt = hpt_rows_int4(rows, 0, first + 2);
        run_trial(bench, client);
    } else if (strcmp(outcome, "wait") == 0) {
        client->due_us = hpt_time_monotonic_us() + POLL_US;
    } else {
        client->over = true;
        bench->left--;
    }
}

static void finished(Bench *bench, Client *client, const HptRows *rows)
{
    if (strcmp(hpt_rows_peek_text(rows, 0, 0), "done") != 0) {
        bench->failures++;
        fprintf(stderr, "clients: trial %" PRId64 ": %s\n", client->slot.number,
                hpt_rows_peek_text(rows, 0, 0));
    }
    bench->ends++;
    bench->last_us = hpt_time_monotonic_us();
    int64_t waited_us = bench->last_us - client->sent_us;
    g_array_append_val(bench->waits, waited_us);
    hpt_slot_clear(&client->slot);
    client->slot.attempt_id = g_strdup(client->next);
    take(bench, client, rows, 1);
}

/* Rolled back by a conflict: sent again, and counted. */
static void refused(Bench *bench, Client *client, const HptReply *reply)
{
    char state[6] = "";
    if (hpt_db_retry_class(reply->error) != HPT_RETRY_STATEMENT || !hpt_db_sqlstate(reply->error, state))
        die("statement", reply->error);
    if (strcmp(state, "40P01") == 0)
        bench->deadlocks++;
    else
        bench->conflicts++;
    if (reply->sql == HPT_SQL_TRIAL_RESERVE)
        reserve(bench, client);
    else if (reply->sql == HPT_SQL_TRIAL_FINISH)
        end_trial(bench, client);
}

static void take_answers(Bench *bench, HptDb *db)
{
    for (;;) {
        g_auto(HptReply) reply = {0};
        if (!hpt_db_next(db, &reply))
            return;
        Client *client = &bench->clients[reply.tag];
        if (reply.error != NULL)
            refused(bench, client, &reply);
        else if (reply.sql == HPT_SQL_TRIAL_RESERVE)
            take(bench, client, reply.rows, 0);
        else if (reply.sql == HPT_SQL_TRIAL_FINISH)
            finished(bench, client, reply.rows);
        else if (!hpt_rows_bool(reply.rows, 0, 0))
            bench->failures++;
    }
}

static void ask_again(Bench *bench, int64_t now_us)
{
    for (int i = 0; i < bench->n; i++)
        if (bench->clients[i].due_us != 0 && now_us >= bench->clients[i].due_us)
            reserve(bench, &bench->clients[i]);
}

static void loop(Bench *bench, HptDb **dbs, int connections)
{
    g_autofree struct pollfd *fds = g_new(struct pollfd, (size_t)connections);
    while (bench->left > 0) {
        for (int i = 0; i < connections; i++)
            fds[i] = (struct pollfd){.fd = hpt_db_fd(dbs[i]), .events = hpt_db_events(dbs[i])};
        if (poll(fds, (nfds_t)connections, 100) < 0 && errno != EINTR)
            die("poll", NULL);
        for (int i = 0; i < connections; i++) {
            GError *error = NULL;
            if (fds[i].revents == 0)
                continue;
            if (!hpt_db_pump(dbs[i], &error))
                die("connection", error);
            take_answers(bench, dbs[i]);
        }
        ask_again(bench, hpt_time_monotonic_us());
    }
}

static void add_client(Bench *bench, Client *client, HptDb *db)
{
    static HptEnvironment *environment; /* one for all */
    static const char *const none[] = {NULL};
    if (environment == NULL)
        environment = hpt_environment_collect(&(HptEnvironmentSource){0}, NULL);
    if (environment == NULL)
        g_error("no environment");
    *client = (Client){.db = db, .identity = hpt_identity_new(none), .slot.stop_us = INT64_MAX};
    static HptResources no_resources; /* nothing is dealt out */
    client->context = (HptSlotContext){
        .resources = &no_resources,
        .study_name = bench->study->name,
        .study_id = bench->study->id,
        .worker_id = client->identity->worker,
        .environment = &environment->digest,
        .plan = bench->plan,
    };
    transmit(bench, client, HPT_SQL_WORKER_START,
             hpt_identity_args(client->identity, bench->study->id, "bench", environment));
}

/* Until all have registered; the clock does not run yet. */
static void registered(HptDb *db)
{
    GError *error = NULL;
    if (!hpt_db_drain(db, -1, &error))
        die("worker", error);
    for (;;) {
        g_auto(HptReply) reply = {0};
        if (!hpt_db_next(db, &reply))
            return;
        if (reply.error != NULL)
            die("worker", reply.error);
    }
}

static void connect_one(void *place, void *dsn)
{
    GError *error = NULL;
    HptDb **db = place;
    if ((*db = hpt_db_open(dsn, "bench", &error)) == NULL)
        die("connect", error);
}

/* Many at once: on a busy machine each waits for its turns much longer than it works. */
static HptDb **connect_all(char *dsn, int connections)
{
    enum { AT_ONCE = 32 };
    HptDb **dbs = g_new0(HptDb *, connections);
    GThreadPool *pool = g_thread_pool_new(connect_one, dsn, AT_ONCE, true, NULL);
    for (int i = 0; i < connections; i++)
        g_thread_pool_push(pool, &dbs[i], NULL);
    g_thread_pool_free(pool, false, true);
    return dbs;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double share_ms(GArray *waits, double share)
{
    if (waits->len == 0)
        return 0;
    return (double)g_array_index(waits, int64_t, (guint)(share * (waits->len - 1))) / 1e3;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        die("clients DSN STUDY CLIENTS CONNECTIONS TOTAL", NULL);
    GError *error = NULL;
    int connections = (int)strtol(argv[4], NULL, 10);
    Bench bench = {.n = (int)strtol(argv[3], NULL, 10), .total = strtol(argv[5], NULL, 10)};
    bench.waits = g_array_new(false, false, sizeof(int64_t));
    g_autofree HptDb **dbs = connect_all(argv[1], connections);
    HptSearch search;
    bench.study = hpt_study_open(dbs[0], argv[2], &error);
    if (bench.study == NULL ||
        (bench.sampler = hpt_definition_sampler(bench.study->definition, &search, &error)) == NULL ||
        (bench.plan = hpt_plan_new(bench.study->definition, &error)) == NULL)
        die("study", error);
    bench.clients = g_new0(Client, bench.n);
    for (int i = 0; i < bench.n; i++)
        add_client(&bench, &bench.clients[i], dbs[i % connections]);
    for (int i = 0; i < connections; i++)
        registered(dbs[i]);
    bench.left = bench.n;
    bench.begin_us = hpt_time_monotonic_us();
    for (int i = 0; i < bench.n; i++)
        reserve(&bench, &bench.clients[i]);
    loop(&bench, dbs, connections);
    g_array_sort(bench.waits, by_size);
    printf("claims\t%" PRId64 "\nends\t%" PRId64 "\nseconds\t%.3f\n", bench.claims, bench.ends,
           (double)(bench.last_us - bench.begin_us) / 1e6);
    printf("end_ms_median\t%.1f\nend_ms_99\t%.1f\n", share_ms(bench.waits, 0.5),
           share_ms(bench.waits, 0.99));
    printf("deadlocks\t%" PRId64 "\nconflicts\t%" PRId64 "\nfailures\t%" PRId64 "\n",
           bench.deadlocks, bench.conflicts, bench.failures);
    return bench.failures == 0 ? 0 : 1;
}
