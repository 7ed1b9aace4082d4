#include "study/replay.h"

#include "base/path.h"
#include "base/text.h"
#include "record/secret.h"

#include <string.h>

#define READS_NAMED 20

/* Files outside what was restored, and outside the trial's own folder, that the first did not use. */
static void add_reads(GPtrArray *causes, const HptRecorded *recorded,
                      const HptPreflight *preflight, const HptRerun *rerun, const char *project)
{
    if (rerun->reads == NULL || !recorded->traced)
        return;
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < recorded->inputs->len; i++)
        g_hash_table_add(known, g_array_index(recorded->inputs, HptRecordedInput, i).path);
    guint n = 0;
    for (guint i = 0; i < rerun->reads->len && n < READS_NAMED; i++) {
        const char *path = rerun->reads->pdata[i];
        const char *inside = hpt_path_inside(project, path), *name = inside != NULL ? inside : path;
        if (hpt_path_is_below(hpt_preflight_moved(preflight), path) || hpt_path_is_below(".hpt", name) ||
            strstr(path, "/__pycache__/") != NULL || g_hash_table_contains(known, name))
            continue;
        g_autofree char *shown = hpt_text_printable(name, -1);
        HptCauseKind cause = hpt_cause_of_file(path, hpt_cause_is_system(path));
        hpt_causes_add(causes, cause, "read", shown, NULL, "read, and not then");
        n++;
    }
}

GPtrArray *hpt_replay_causes(const HptRecorded *recorded, const HptPreflight *preflight,
                             const HptVerdicts *verdicts, const HptRerun *rerun,
                             const char *project)
{
    GPtrArray *causes = hpt_causes_new();
    if (!verdicts->deterministic)
        hpt_causes_add(causes, HPT_CAUSE_NOISE, "runs", "here", NULL,
                            "differ from one another");
    for (guint i = 0;
         verdicts->verdict == HPT_REPLAY_DIFFERS && i < preflight->differences->len; i++) {
        const HptCause *found = preflight->differences->pdata[i];
        if (found->cause != HPT_CAUSE_NONE)
            hpt_causes_add(causes, found->cause, found->kind, found->name, found->then,
                                found->now);
    }
    if (verdicts->verdict == HPT_REPLAY_DIFFERS)
        add_reads(causes, recorded, preflight, rerun, project);
    return causes;
}

static char *clean(const char *text)
{
    if (text == NULL)
        return NULL;
    g_autofree char *cut = hpt_secret_cut(text);
    return g_utf8_make_valid(cut, -1);
}

static void add_int4_or_null(HptArgs *args, bool known, int value)
{
    if (known)
        hpt_args_int4(args, value);
    else
        hpt_args_null(args, HPT_TYPE_INT4);
}

static void add_run(HptArgs *args, const HptReplay *replay)
{
    const HptRerun *rerun = replay->reruns->pdata[0];
    g_autofree char *cause = clean(rerun->cause);
    g_autofree char *causes = hpt_causes_json(replay->causes);
    hpt_args_text(args, rerun->outcome);
    hpt_args_text(args, cause);
    add_int4_or_null(args, rerun->signal == 0, rerun->exit_status);
    add_int4_or_null(args, rerun->signal != 0, rerun->signal);
    hpt_args_int8(args, rerun->wall_us);
    hpt_args_int8(args, rerun->user_us);
    hpt_args_int8(args, rerun->system_us);
    hpt_args_int8(args, rerun->maxrss_bytes);
    hpt_args_json(args, causes);
    hpt_args_time(args, rerun->started_us);
    hpt_args_time(args, rerun->ended_us);
}

static void add_results(HptArgs *args, const HptVerdicts *verdicts)
{
    guint n = verdicts->findings->len;
    g_autofree const char **kinds = g_new0(const char *, n + 1);
    g_autofree const char **names = g_new0(const char *, n + 1);
    g_autofree const char **words = g_new0(const char *, n + 1);
    g_auto(GStrv) notes = g_new0(char *, n + 1);
    g_autofree double *then = g_new0(double, n + 1);
    g_autofree double *now = g_new0(double, n + 1);
    g_autofree double *tolerances = g_new0(double, n + 1);
    g_autofree bool *no_then = g_new0(bool, n + 1);
    g_autofree bool *no_now = g_new0(bool, n + 1);
    g_autofree bool *no_tolerance = g_new0(bool, n + 1);
    g_autofree const void **digests_then = g_new0(const void *, n + 1);
    g_autofree const void **digests_now = g_new0(const void *, n + 1);
    g_autofree size_t *lengths = g_new0(size_t, n + 1);
    for (guint i = 0; i < n; i++) {
        const HptFinding *finding = &g_array_index(verdicts->findings, HptFinding, i);
        kinds[i] = finding->kind;
        names[i] = finding->name;
        words[i] = hpt_replay_verdict_name(finding->verdict);
        notes[i] = finding->note == NULL ? g_strdup("") : clean(finding->note);
        then[i] = finding->value_then;
        now[i] = finding->value_now;
        tolerances[i] = finding->tolerance;
        no_then[i] = !finding->has_then;
        no_now[i] = !finding->has_now;
        no_tolerance[i] = finding->tolerance == 0;
        digests_then[i] = finding->digest_known_then ? finding->digest_then.bytes : NULL;
        digests_now[i] = finding->digest_known_now ? finding->digest_now.bytes : NULL;
        lengths[i] = HPT_DIGEST_SIZE;
    }
    g_autofree const char **noted = g_new0(const char *, n + 1);
    for (guint i = 0; i < n; i++)
        noted[i] = notes[i][0] == '\0' ? NULL : notes[i];
    hpt_args_texts(args, kinds, n);
    hpt_args_texts(args, names, n);
    hpt_args_texts(args, words, n);
    hpt_args_float8s(args, then, no_then, n);
    hpt_args_float8s(args, now, no_now, n);
    hpt_args_float8s(args, tolerances, no_tolerance, n);
    hpt_args_byteas(args, digests_then, lengths, n);
    hpt_args_byteas(args, digests_now, lengths, n);
    hpt_args_texts(args, noted, n);
}

static HptArgs *record_args(const char *id, const HptReplay *replay)
{
    const HptRecorded *recorded = replay->recorded;
    const HptEnvironment *environment = replay->preflight->environment;
    const void *parts[HPT_PART_COUNT];
    size_t lengths[HPT_PART_COUNT];
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        parts[i] = environment->parts[i].canonical;
        lengths[i] = strlen(environment->parts[i].canonical);
    }
    HptArgs *args = hpt_args_new();
    hpt_args_uuid(args, id);
    hpt_args_text(args, recorded->study);
    hpt_args_int8(args, recorded->trial);
    hpt_args_int4(args, recorded->attempt);
    hpt_args_bytea(args, environment->canonical, strlen(environment->canonical));
    hpt_args_byteas(args, parts, lengths, HPT_PART_COUNT);
    hpt_args_text(args, g_get_host_name());
    hpt_args_text(args, replay->tool_version);
    hpt_args_text(args, hpt_replay_verdict_name(replay->verdicts->verdict));
    hpt_args_int4(args, (int)replay->reruns->len);
    if (replay->reruns->len > 1)
        hpt_args_bool(args, replay->verdicts->deterministic);
    else
        hpt_args_null(args, HPT_TYPE_BOOL);
    add_run(args, replay);
    add_results(args, replay->verdicts);
    return args;
}

bool hpt_replay_record(HptDb *db, const char *id, const HptReplay *replay, GError **error)
{
    g_autoptr(HptArgs) args = record_args(id, replay);
    g_autoptr(GError) first = NULL;
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_REPLAY_RECORD, args, &first);
    if (rows != NULL)
        return true;
    if (hpt_db_retry_class(first) != HPT_RETRY_RECONNECT) {
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
    }
    if (!hpt_db_reopen(db, error))
        return false;
    rows = hpt_db_row(db, HPT_SQL_REPLAY_RECORD, args, error);
    return rows != NULL;
}
