#include "study/verdict.h"

#include "base/number.h"
#include "base/text.h"
#include "show/table.h"

#include <math.h>
#include <string.h>

static const char *const verdict_names[] = {"identical", "equal",    "within", "differs",
                                            "varies",    "measured", "unknown"};

const char *hpt_replay_verdict_name(HptReplayVerdict verdict)
{
    return verdict_names[verdict];
}

/* ---- tolerances ---- */

static const HptTolerance *find_tolerance(const HptVerdictInput *input, const char *name)
{
    return hpt_tolerance_find(input->tolerances, input->n_tolerances, name);
}

/* ---- findings ---- */

static void clear_finding(void *data)
{
    HptFinding *finding = data;
    g_free(finding->name);
    g_free(finding->then);
    g_free(finding->now);
    g_free(finding->note);
}

void hpt_verdicts_free(HptVerdicts *verdicts)
{
    if (verdicts == NULL)
        return;
    g_array_unref(verdicts->findings);
    g_free(verdicts);
}

static void add(HptVerdicts *verdicts, const HptFinding *steal)
{
    g_array_append_vals(verdicts->findings, steal, 1);
    if (steal->verdict <= HPT_REPLAY_DIFFERS)
        verdicts->verdict = MAX(verdicts->verdict, steal->verdict);
}

static const HptRerun *first(const HptVerdictInput *input)
{
    return input->reruns->pdata[0];
}

/* ---- the end ---- */

static char *end_text(const char *outcome, const char *cause)
{
    return cause == NULL || strcmp(outcome, "complete") == 0
               ? g_strdup(outcome)
               : g_strdup_printf("%s: %s", outcome, cause);
}

static void judge_end(HptVerdicts *verdicts, const HptVerdictInput *input)
{
    const HptRecorded *then = input->recorded;
    const HptRerun *now = first(input);
    const char *outcome = then->outcome == NULL ? then->state : then->outcome;
    HptFinding finding = {
        .kind = "end",
        .name = g_strdup("end"),
        .then = end_text(outcome, then->cause),
        .now = end_text(now->outcome, now->cause),
    };
    bool same = strcmp(outcome, now->outcome) == 0 && then->exit_status == now->exit_status &&
                then->signal == now->signal;
    finding.verdict = same ? HPT_REPLAY_IDENTICAL : HPT_REPLAY_DIFFERS;
    add(verdicts, &finding);
    for (guint i = 1; i < input->reruns->len; i++) {
        const HptRerun *other = input->reruns->pdata[i];
        if (strcmp(other->outcome, now->outcome) != 0 || other->exit_status != now->exit_status)
            verdicts->deterministic = false;
    }
}

/* ---- metrics ---- */

static const HptRecordedMetric *find_metric(const GArray *metrics, const char *name)
{
    for (guint i = 0; i < metrics->len; i++) {
        const HptRecordedMetric *metric = &g_array_index(metrics, HptRecordedMetric, i);
        if (strcmp(metric->name, name) == 0)
            return metric;
    }
    return NULL;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* The least and the largest of all runs. False: one of them has no such number. */
static bool spread(const HptVerdictInput *input, const char *name, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (guint i = 0; i < input->reruns->len; i++) {
        const HptRerun *rerun = input->reruns->pdata[i];
        const HptRecordedMetric *metric = find_metric(rerun->metrics, name);
        if (metric == NULL || !isfinite(metric->value))
            return false;
        *low = fmin(*low, metric->value);
        *high = fmax(*high, metric->value);
    }
    return true;
}

static char *number_text(double value)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    return g_strdup(hpt_number_text(value, text));
}

static char *note_of(const char *before, double value, const char *behind)
{
    g_autofree char *text = hpt_number_round(value, 3);
    return g_strconcat(before, text, behind, NULL);
}

static void judge_value(HptVerdicts *verdicts, const HptVerdictInput *input, bool measured,
                        HptFinding *finding)
{
    const HptTolerance *tolerance = find_tolerance(input, finding->name);
    double then = finding->value_then, now = finding->value_now, low = 0, high = 0;
    bool noise = input->reruns->len > 1 && spread(input, finding->name, &low, &high);
    if (noise && low != high && !measured) {
        verdicts->deterministic = false;
        finding->tolerance = high - low;
        finding->note = note_of("runs here are up to ", high - low, " apart");
    }
    if (tolerance != NULL)
        finding->tolerance =
            tolerance->absolute + tolerance->relative * fmax(fabs(then), fabs(now));
    if (same_number(then, now))
        finding->verdict = HPT_REPLAY_IDENTICAL;
    else if (tolerance != NULL)
        finding->verdict = hpt_compare_numbers(then, now, tolerance) == HPT_VERDICT_DIFFERS
                               ? HPT_REPLAY_DIFFERS
                               : HPT_REPLAY_WITHIN;
    else if (measured)
        finding->verdict = HPT_REPLAY_MEASURED;
    else if (noise && then >= low - (high - low) && then <= high + (high - low))
        finding->verdict = HPT_REPLAY_WITHIN;
    else
        finding->verdict = HPT_REPLAY_DIFFERS;
    if (finding->verdict == HPT_REPLAY_DIFFERS && finding->note == NULL)
        finding->note = note_of("by ", now - then, "");
}

static void judge_metric(HptVerdicts *verdicts, const HptVerdictInput *input,
                         const HptRecordedMetric *then, const HptRecordedMetric *now)
{
    const char *name = then != NULL ? then->name : now->name;
    const char *rule = then != NULL ? then->rule : now->rule;
    bool measured = strcmp(rule, "measured") == 0 || hpt_name_is_measured(name);
    HptFinding finding = {
        .kind = "metric",
        .name = g_strdup(name),
        .has_then = then != NULL,
        .has_now = now != NULL,
        .value_then = then != NULL ? then->value : 0,
        .value_now = now != NULL ? now->value : 0,
        .then = then != NULL ? number_text(then->value) : NULL,
        .now = now != NULL ? number_text(now->value) : NULL,
    };
    if (then != NULL && now != NULL) {
        judge_value(verdicts, input, measured, &finding);
    } else {
        finding.verdict = HPT_REPLAY_DIFFERS;
        finding.note = g_strdup(then == NULL ? "was not there then" : "is not there now");
    }
    add(verdicts, &finding);
}

static void judge_metrics(HptVerdicts *verdicts, const HptVerdictInput *input)
{
    const GArray *then = input->recorded->metrics, *now = first(input)->metrics;
    guint i = 0, k = 0;
    while (i < then->len || k < now->len) {
        const HptRecordedMetric *a =
            i < then->len ? &g_array_index(then, HptRecordedMetric, i) : NULL;
        const HptRecordedMetric *b =
            k < now->len ? &g_array_index(now, HptRecordedMetric, k) : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->name, b->name);
        judge_metric(verdicts, input, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
        i += order <= 0;
        k += order >= 0;
    }
}

bool hpt_verdict_knows(const HptRecorded *recorded, const char *name)
{
    const HptMetrics *metrics = recorded->definition != NULL ? recorded->definition->metrics : NULL;
    for (size_t i = 0; metrics != NULL && i < hpt_metrics_size(metrics); i++)
        if (strcmp(hpt_metrics_get(metrics, i)->name, name) == 0)
            return true;
    for (guint i = 0; i < recorded->outputs->len; i++)
        if (strcmp(g_array_index(recorded->outputs, HptRecordedOutput, i).path, name) == 0)
            return true;
    return find_metric(recorded->metrics, name) != NULL || strcmp(name, "*") == 0 ||
           strcmp(name, "stdout") == 0 || strcmp(name, "stderr") == 0;
}

/* ---- outputs ---- */

static bool same_output(const HptRerunOutput *a, const HptRerunOutput *b)
{
    return b != NULL && a->size == b->size && g_strcmp0(a->target, b->target) == 0 &&
           (a->size < 0 || memcmp(&a->digest, &b->digest, sizeof a->digest) == 0);
}

/* Is it another in each run here, measured times aside? Streams are looked at as text. */
static bool varies(const HptVerdictInput *input, const HptRerunOutput *now)
{
    static const HptTolerance none = {NULL, 0, 0};
    for (guint i = 1; now != NULL && i < input->reruns->len; i++) {
        const HptRerunOutput *other = hpt_rerun_find(input->reruns->pdata[i], now->kind, now->path);
        if (same_output(now, other))
            continue;
        if (other == NULL || now->text == NULL || other->text == NULL)
            return true;
        HptSide a = {now->text, now->length, input->project_now};
        HptSide b = {other->text, other->length, input->project_now};
        g_auto(HptTextDiff) diff = {0};
        hpt_text_diff(&a, &b, true, &none, &diff);
        if (diff.same > HPT_SAME_EQUAL)
            return true;
    }
    return false;
}

static bool same_digest(const HptDigest *a, const HptDigest *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* What can be told from digests alone. False: nothing, the texts are to be compared. */
static bool judge_digests(const HptRecordedOutput *then, const HptRerunOutput *now,
                          HptFinding *finding)
{
    bool stream = now->file == NULL;
    bool same = then->cut    ? same_digest(&then->full_digest, &now->digest)
                : then->stored
                    ? same_digest(&then->digest, &now->digest) ||
                          (stream && same_digest(&then->digest, &now->masked))
                    : false;
    finding->verdict = same ? HPT_REPLAY_IDENTICAL : HPT_REPLAY_DIFFERS;
    if (!same && !then->cut && !then->stored) {
        finding->verdict = HPT_REPLAY_UNKNOWN;
        finding->note = g_strdup(then->note != NULL ? then->note : "was not stored");
        return true;
    }
    return same;
}

/* The text of a file of the rerun; NULL if it is too long or gone. */
static char *now_text(const HptRerunOutput *now, size_t *length)
{
    char *text = NULL;
    if (now->text != NULL) {
        *length = now->length;
        return g_memdup2(now->text, now->length + 1);
    }
    if (now->file == NULL || now->size > HPT_RERUN_TEXT_MAX ||
        !g_file_get_contents(now->file, &text, length, NULL))
        return NULL;
    return text;
}

static const HptTolerance *output_tolerance(const HptVerdictInput *input, const char *path)
{
    static const HptTolerance none = {NULL, 0, 0};
    const HptTolerance *found = find_tolerance(input, path);
    return found != NULL ? found : &none;
}

static void take_diff(HptTextDiff *diff, HptFinding *finding)
{
    static const HptReplayVerdict verdicts[] = {HPT_REPLAY_IDENTICAL, HPT_REPLAY_EQUAL,
                                          HPT_REPLAY_WITHIN, HPT_REPLAY_DIFFERS};
    finding->verdict = verdicts[diff->same];
    if (diff->same == HPT_SAME_DIFFERS && diff->line > 0) {
        finding->note = g_strdup_printf("line %" PRId64, diff->line);
        g_free(finding->then);
        g_free(finding->now);
        finding->then = g_steal_pointer(&diff->then);
        finding->now = g_steal_pointer(&diff->now);
    } else if (diff->masked) {
        finding->note = g_strdup("times and places aside");
    } else if (diff->same == HPT_SAME_WITHIN) {
        finding->note = note_of("numbers are up to ", diff->distance, " apart");
    }
}

/* The end of its line n, counted from 1; *n is how many whole lines there were. */
static size_t lines_end(const HptSide *side, size_t *n)
{
    size_t at = 0, seen = 0;
    while (seen < *n) {
        const char *newline = memchr(side->text + at, '\n', side->length - at);
        if (newline == NULL)
            break;
        at = (size_t)(newline - side->text) + 1;
        seen++;
    }
    *n = seen;
    return at;
}

/* The whole lines that both have: what was stopped by a signal came to a place by chance. */
static void cut_to_shorter(HptSide *a, HptSide *b)
{
    size_t n = SIZE_MAX;
    (void)lines_end(a, &n);
    b->length = lines_end(b, &n);
    a->length = lines_end(a, &n);
}

/* The texts, where both can be had. */
static bool judge_texts(const HptVerdictInput *input, const HptRecordedOutput *then,
                        const HptRerunOutput *now, HptFinding *finding, GError **error)
{
    g_autoptr(GError) problem = NULL;
    size_t length_then = 0, length_now = 0;
    g_autofree char *text_now = now_text(now, &length_now);
    if (text_now == NULL || then->stored_size > HPT_RERUN_TEXT_MAX)
        return true;
    g_autofree char *text_then =
        hpt_objects_get(input->objects, &then->digest, then->stored_size, HPT_RERUN_TEXT_MAX,
                        &length_then, &problem);
    if (text_then == NULL && problem->code != HPT_ERROR_DB_CONNECT && problem->code != HPT_ERROR_DB) {
        finding->note = hpt_text_printable(problem->message, -1);
        return true;
    }
    if (text_then == NULL) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    HptSide a = {text_then, length_then, input->project_then};
    HptSide b = {text_now, length_now, input->project_now};
    bool cut = first(input)->cut_short && now->file == NULL;
    if (cut)
        cut_to_shorter(&a, &b);
    g_auto(HptTextDiff) diff = {0};
    hpt_text_diff(&a, &b, now->file == NULL, output_tolerance(input, finding->name), &diff);
    take_diff(&diff, finding);
    if (cut && finding->verdict < HPT_REPLAY_DIFFERS) {
        finding->verdict = MAX(finding->verdict, HPT_REPLAY_EQUAL);
        g_free(finding->note);
        finding->note = g_strdup("as far as both go");
    }
    return true;
}

static char *size_text(int64_t size)
{
    return size < 0 ? NULL : g_strdup_printf("%" PRId64 " bytes", size);
}

static bool judge_pair(const HptVerdictInput *input, const HptRecordedOutput *then,
                       const HptRerunOutput *now, HptFinding *finding, GError **error)
{
    if (strcmp(now->kind, "link") == 0 || strcmp(now->kind, "special") == 0) {
        const char *a = then->target != NULL ? then->target : "";
        const char *b = now->target != NULL ? now->target : "";
        HptSide sides[] = {{a, strlen(a), input->project_then}, {b, strlen(b), input->project_now}};
        g_auto(HptTextDiff) diff = {0};
        hpt_text_diff(&sides[0], &sides[1], false, output_tolerance(input, finding->name), &diff);
        take_diff(&diff, finding);
        return true;
    }
    finding->then = size_text(then->size);
    finding->now = size_text(now->size);
    if (now->size < 0) {
        finding->verdict = HPT_REPLAY_UNKNOWN;
        finding->note = g_strdup("cannot be read now");
        return true;
    }
    return judge_digests(then, now, finding) || judge_texts(input, then, now, finding, error);
}

/* The kind as a constant; the record's check allows no other. */
static const char *kind_name(const char *kind)
{
    static const char *const kinds[] = {"stdout", "stderr", "file", "link", "special"};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i], kind) == 0)
            return kinds[i];
    return "file";
}

static bool judge_output(HptVerdicts *verdicts, const HptVerdictInput *input,
                         const HptRecordedOutput *then, const HptRerunOutput *now, GError **error)
{
    HptFinding finding = {
        .kind = kind_name(then != NULL ? then->kind : now->kind),
        .name = g_strdup(then != NULL ? then->path : now->path),
        .digest_known_then = then != NULL && (then->cut || then->stored),
        .digest_known_now = now != NULL && now->size >= 0,
    };
    if (finding.digest_known_then)
        finding.digest_then = then->cut ? then->full_digest : then->digest;
    if (finding.digest_known_now)
        finding.digest_now = now->digest;
    if (then == NULL || now == NULL) {
        finding.verdict = HPT_REPLAY_DIFFERS;
        finding.then = then == NULL ? NULL : size_text(then->size);
        finding.now = now == NULL ? NULL : size_text(now->size);
        finding.note = g_strdup(then == NULL ? "was not there then" : "is not there now");
    } else if (!judge_pair(input, then, now, &finding, error)) {
        clear_finding(&finding);
        return false;
    }
    bool both = then != NULL && now != NULL && g_str_has_prefix(finding.kind, "std");
    if (first(input)->cut_short && !both && finding.verdict == HPT_REPLAY_DIFFERS) {
        finding.verdict = HPT_REPLAY_UNKNOWN;
        g_free(finding.note);
        finding.note = g_strdup("it was stopped by a signal: how far it had come is chance");
    }
    if (varies(input, now)) {
        verdicts->deterministic = false;
        if (finding.verdict == HPT_REPLAY_DIFFERS) {
            finding.verdict = HPT_REPLAY_VARIES;
            g_free(finding.note);
            finding.note = g_strdup("it is another in each run here");
        }
    }
    add(verdicts, &finding);
    return true;
}

static bool judge_outputs(HptVerdicts *verdicts, const HptVerdictInput *input, GError **error)
{
    const GArray *then = input->recorded->outputs;
    const HptRerun *now = first(input);
    g_autoptr(GHashTable) known = g_hash_table_new(g_direct_hash, g_direct_equal);
    for (guint i = 0; i < then->len; i++) {
        const HptRecordedOutput *output = &g_array_index(then, HptRecordedOutput, i);
        const HptRerunOutput *found = hpt_rerun_find(now, output->kind, output->path);
        g_hash_table_add(known, (gpointer)found);
        if (!judge_output(verdicts, input, output, found, error))
            return false;
    }
    for (guint i = 0; i < now->outputs->len; i++) {
        const HptRerunOutput *output = &g_array_index(now->outputs, HptRerunOutput, i);
        if (!g_hash_table_contains(known, output) &&
            !judge_output(verdicts, input, NULL, output, error))
            return false;
    }
    return true;
}

HptVerdicts *hpt_verdicts_new(const HptVerdictInput *input, GError **error)
{
    g_autoptr(HptVerdicts) verdicts = g_new0(HptVerdicts, 1);
    verdicts->findings = g_array_new(false, false, sizeof(HptFinding));
    g_array_set_clear_func(verdicts->findings, clear_finding);
    verdicts->deterministic = true;
    judge_end(verdicts, input);
    judge_metrics(verdicts, input);
    if (!judge_outputs(verdicts, input, error))
        return NULL;
    return g_steal_pointer(&verdicts);
}
