#include "config.h"

#include "study/compare.h"

#include "base/number.h"
#include "base/text.h"
#include "study/compare-internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const hpt_section_names[] = {
    "parameters", "metrics", "run",        "command", "limits",  "code",  "inputs", "environment",
    "artefacts",  "streams", "definition", "space",   "results", "usage", NULL,
};

const char *const hpt_verdict_names[] = {"same", "equal", "within", "unknown", "differs", NULL};

/* ---- sections ---- */

static bool parse_section(const char *word, unsigned *bits, GError **error)
{
    static const struct {
        const char *word;
        HptSection section;
    } others[] = {{"params", HPT_SECTION_PARAMETERS},
                  {"files", HPT_SECTION_ARTEFACTS},
                  {"artifacts", HPT_SECTION_ARTEFACTS},
                  {"logs", HPT_SECTION_STREAMS}};
    size_t length = strlen(word), found = 0;
    for (size_t i = 0; i < HPT_SECTION_COUNT; i++) {
        if (strcmp(hpt_section_names[i], word) == 0) {
            *bits |= 1u << i;
            return true;
        }
        found += length > 0 && strncmp(hpt_section_names[i], word, length) == 0;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        if (strcmp(others[i].word, word) == 0) {
            *bits |= 1u << others[i].section;
            return true;
        }
    if (found == 1) {
        for (size_t i = 0; i < HPT_SECTION_COUNT; i++)
            if (strncmp(hpt_section_names[i], word, length) == 0)
                *bits |= 1u << i;
        return true;
    }
    const char *near = hpt_suggest(word, hpt_section_names);
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)hpt_section_names);
    if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "no section '%s'; did you mean '%s'?", word,
                    near);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "no section '%s'\nhint: there are %s", word,
                    all);
    return false;
}

bool hpt_sections_parse(const char *text, unsigned *bits, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    unsigned all = 0;
    if (words[0] == NULL)
        return parse_section("", &all, error);
    for (char **word = words; *word != NULL; word++)
        if (!parse_section(*word, &all, error))
            return false;
    *bits |= all;
    return true;
}

/* ---- tolerances ---- */

bool hpt_tolerance_parse(const char *text, HptTolerance *out, GError **error)
{
    const char *equals = strrchr(text, '=');
    g_autofree char *number = equals != NULL ? g_strdup(equals + 1) : NULL;
    size_t length = number != NULL ? strlen(number) : 0;
    bool share = length > 0 && number[length - 1] == '%';
    double value = 0;
    if (share)
        number[length - 1] = '\0';
    if (equals == NULL || equals == text || !hpt_number_parse(number, &value, NULL) || value < 0) {
        g_set_error(
            error, HPT_ERROR, HPT_ERROR_USAGE,
            "'%s' is no tolerance\nhint: NAME=EPS or NAME=PERCENT%%, of a metric, a file or "
            "a stream; *=EPS is for all",
            text);
        return false;
    }
    *out = (HptTolerance){
        .name = g_strndup(text, (size_t)(equals - text)),
        .absolute = share ? 0 : value,
        .relative = share ? value / 100 : 0,
    };
    return true;
}

void hpt_tolerance_clear(HptTolerance *tolerance)
{
    g_clear_pointer(&tolerance->name, g_free);
}

const HptTolerance *hpt_tolerance_find(const HptTolerance *tolerances, size_t n, const char *name)
{
    const HptTolerance *found = NULL, *any = NULL;
    for (size_t i = 0; i < n; i++) {
        const HptTolerance *tolerance = &tolerances[i];
        if (strcmp(tolerance->name, name) == 0)
            found = tolerance;
        else if (strcmp(tolerance->name, "*") == 0)
            any = tolerance;
    }
    return found != NULL ? found : any;
}

/* ---- facts ---- */

static void fact_free(void *data)
{
    HptFact *fact = data;
    g_free(fact->group);
    g_free(fact->name);
    g_free(fact->value);
    g_free(fact->parts);
    g_free(fact->target);
    g_free(fact);
}

HptFacts *hpt_facts_new(const char *label, unsigned sections)
{
    HptFacts *facts = g_new0(HptFacts, 1);
    facts->label = g_strdup(label);
    facts->trial = -1;
    facts->sections = sections;
    facts->facts = g_ptr_array_new_with_free_func(fact_free);
    return facts;
}

void hpt_facts_free(HptFacts *facts)
{
    if (facts == NULL)
        return;
    if (facts->free_source != NULL)
        facts->free_source(facts->source);
    g_ptr_array_unref(facts->facts);
    g_free(facts->label);
    g_free(facts->study);
    g_free(facts);
}

HptFact *hpt_facts_add(HptFacts *facts, HptSection section, const char *group, const char *name,
                       const char *value)
{
    if (value == NULL)
        return NULL;
    HptFact *fact = g_new0(HptFact, 1);
    fact->section = section;
    fact->group = g_strdup(group);
    fact->name = g_strdup(name);
    fact->value = g_strdup(value);
    fact->stored.size = -1;
    fact->mode = -1;
    g_ptr_array_add(facts->facts, fact);
    return fact;
}

HptFact *hpt_facts_add_number(HptFacts *facts, HptSection section, const char *group,
                              const char *name, double number)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    HptFact *fact = hpt_facts_add(facts, section, group, name, hpt_number_text(number, text));
    fact->is_number = true;
    fact->number = number;
    return fact;
}

void hpt_facts_add_integer(HptFacts *facts, HptSection section, const char *group, const char *name,
                           int64_t number)
{
    g_autofree char *text = g_strdup_printf("%" PRId64, number);
    hpt_facts_add(facts, section, group, name, text);
}

/* strverscmp: "word 9" comes before "word 10"; it is 0 for equal bytes alone. */
static int compare_keys(const HptFact *a, const HptFact *b)
{
    if (a->section != b->section)
        return a->section < b->section ? -1 : 1;
    int order = strverscmp(a->group, b->group);
    return order != 0 ? order : strverscmp(a->name, b->name);
}

static int by_key(const void *a, const void *b)
{
    return compare_keys(*(HptFact *const *)a, *(HptFact *const *)b);
}

/* Ascending by budget, repeat, fold. */
static int compare_parts(const HptPartValue *a, const HptPartValue *b)
{
    if (a->budget != b->budget)
        return a->budget < b->budget ? -1 : 1;
    if (a->repeat != b->repeat)
        return a->repeat < b->repeat ? -1 : 1;
    return (a->fold > b->fold) - (a->fold < b->fold);
}

static int by_part(const void *a, const void *b)
{
    return compare_parts(a, b);
}

void hpt_facts_end(HptFacts *facts)
{
    g_ptr_array_sort(facts->facts, by_key);
    for (guint i = 0; i < facts->facts->len; i++) {
        HptFact *fact = facts->facts->pdata[i];
        if (fact->n_parts > 1)
            qsort(fact->parts, fact->n_parts, sizeof *fact->parts, by_part);
    }
}

const HptFact *hpt_facts_find(const HptFacts *facts, HptSection section, const char *group,
                              const char *name)
{
    HptFact key = {.section = section, .group = (char *)group, .name = (char *)name};
    size_t low = 0, high = facts->facts->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_keys(facts->facts->pdata[middle], &key);
        if (order == 0)
            return facts->facts->pdata[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- metrics ---- */

/* The mean of the paired differences in place of that of the means, with its interval. */
static void pair_parts(HptDifference *row)
{
    const HptFact *a = row->facts[0], *b = row->facts[1];
    g_autofree double *d = g_new(double, a->n_parts + 1);
    double sum = 0;
    for (size_t i = 0, j = 0; i < a->n_parts && j < b->n_parts;) {
        int order = compare_parts(&a->parts[i], &b->parts[j]);
        if (order == 0) {
            double difference = b->parts[j].value - a->parts[i].value;
            if (isfinite(difference)) {
                d[row->pairs++] = difference;
                sum += difference;
            }
        }
        i += order <= 0;
        j += order >= 0;
    }
    if (row->pairs < 2) {
        row->note = g_strdup("no evaluations in common");
        return;
    }
    double overlap = a->folds > 1 && a->folds == b->folds ? 1.0 / (a->folds - 1) : 0;
    row->delta = sum / (double)row->pairs;
    row->has_interval = hpt_compare_interval(d, row->pairs, overlap, &row->low, &row->high);
    if (!row->has_interval)
        row->note = g_strdup("the same difference in each evaluation");
    else if (row->low <= 0 && row->high >= 0)
        row->note = g_strdup("not distinguishable");
}

static void measure(HptDifference *row)
{
    const HptFact *a = row->facts[0], *b = row->facts[1];
    if (a == NULL || b == NULL || !a->is_number || !b->is_number)
        return;
    row->delta = b->number - a->number;
    row->has_delta = isfinite(row->delta);
    if (row->has_delta && row->verdict > HPT_VERDICT_SAME && a->n_parts > 0 && b->n_parts > 0)
        pair_parts(row);
}

/* ---- verdicts ---- */

HptVerdict hpt_compare_numbers(double a, double b, const HptTolerance *tolerance)
{
    if (a == b || (isnan(a) && isnan(b)))
        return HPT_VERDICT_SAME;
    if (tolerance == NULL || !isfinite(a) || !isfinite(b))
        return HPT_VERDICT_DIFFERS;
    double allowed = tolerance->absolute + tolerance->relative * MAX(fabs(a), fabs(b));
    return fabs(a - b) <= allowed ? HPT_VERDICT_WITHIN : HPT_VERDICT_DIFFERS;
}

static bool digests_equal(const HptFact *a, const HptFact *b)
{
    return memcmp(&a->digest, &b->digest, sizeof a->digest) == 0;
}

/* Without looking into files. */
static HptVerdict compare_pair(const HptFact *a, const HptFact *b, const HptTolerance *tolerance)
{
    if (a == NULL || b == NULL)
        return a == b ? HPT_VERDICT_SAME : HPT_VERDICT_DIFFERS;
    if (a->missing || b->missing)
        return HPT_VERDICT_UNKNOWN;
    if (a->has_digest && b->has_digest)
        return digests_equal(a, b) ? HPT_VERDICT_SAME : HPT_VERDICT_DIFFERS;
    if (a->is_number && b->is_number)
        return hpt_compare_numbers(a->number, b->number, tolerance);
    if (strcmp(a->value, b->value) != 0)
        return HPT_VERDICT_DIFFERS;
    return a->is_file && b->is_file ? HPT_VERDICT_UNKNOWN : HPT_VERDICT_SAME;
}

static bool all_files(const HptDifference *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (row->facts[i] == NULL || !row->facts[i]->is_file)
            return false;
    return true;
}

/* Does an operand lack an input only because its trace may have missed it? */
static bool is_unseen(const HptDifference *row, const HptFacts *const *operands)
{
    if (row->section != HPT_SECTION_INPUTS || row->group[0] == '\0' ||
        strcmp(row->group, "declared") == 0)
        return false;
    for (size_t i = 0; i < row->n; i++) {
        if (row->facts[i] != NULL)
            continue;
        const HptFact *trace = hpt_facts_find(operands[i], HPT_SECTION_INPUTS, "", HPT_FACT_TRACE);
        if (trace == NULL || strcmp(trace->value, "complete") != 0)
            return true;
    }
    return false;
}

/* The worst verdict against the first operand, and what goes with it. */
static bool judge(HptDifference *row, const HptFacts *const *operands, size_t n,
                  const HptCompareOptions *options, GError **error)
{
    const HptTolerance *tolerance =
        hpt_tolerance_find(options->tolerances, options->n_tolerances, row->name);
    if (is_unseen(row, operands)) {
        row->verdict = HPT_VERDICT_UNKNOWN;
        row->note = g_strdup("not seen: the trace is not complete");
        return true;
    }
    for (size_t i = 1; i < n; i++)
        row->verdict = MAX(row->verdict, compare_pair(row->facts[0], row->facts[i], tolerance));
    if (n == 2)
        measure(row);
    if (row->verdict == HPT_VERDICT_UNKNOWN && !all_files(row, n))
        row->note = g_strdup("not captured");
    if (!all_files(row, n))
        return true;
    if (row->verdict == HPT_VERDICT_UNKNOWN) {
        row->note = g_strdup("not stored: the same size, and no digest to compare");
        return true;
    }
    return row->verdict != HPT_VERDICT_DIFFERS || options->no_content ||
           hpt_compare_content(row, operands, n, tolerance, error);
}

/* ---- side by side ---- */

void hpt_difference_free(HptDifference *difference)
{
    if (difference == NULL)
        return;
    g_free(difference->facts);
    g_free(difference->note);
    for (size_t i = 0; difference->lines != NULL && i < difference->n; i++)
        g_free(difference->lines[i]);
    g_free(difference->lines);
    g_free(difference);
}

static void free_difference(void *data)
{
    hpt_difference_free(data);
}

static unsigned common_sections(const HptFacts *const *operands, size_t n, unsigned wanted)
{
    unsigned sections = wanted != 0 ? wanted : HPT_SECTIONS_DEFAULT;
    for (size_t i = 0; i < n; i++)
        sections &= operands[i]->sections;
    return sections;
}

/* Of none that has it were the bytes captured: that says nothing. */
static bool all_missing(const HptDifference *row)
{
    for (size_t i = 0; i < row->n; i++)
        if (row->facts[i] != NULL && !row->facts[i]->missing)
            return false;
    return true;
}

/* The least key that any operand stands at; NULL when all are at their end. */
static const HptFact *least(const HptFacts *const *operands, size_t n, const size_t *at)
{
    const HptFact *found = NULL;
    for (size_t i = 0; i < n; i++) {
        if (at[i] == operands[i]->facts->len)
            continue;
        const HptFact *fact = operands[i]->facts->pdata[at[i]];
        if (found == NULL || compare_keys(fact, found) < 0)
            found = fact;
    }
    return found;
}

static HptDifference *take_row(const HptFacts *const *operands, size_t n, size_t *at,
                               const HptFact *key)
{
    HptDifference *row = g_new0(HptDifference, 1);
    row->section = key->section;
    row->group = key->group;
    row->name = key->name;
    row->n = n;
    row->facts = g_new0(const HptFact *, n);
    for (size_t i = 0; i < n; i++)
        if (at[i] < operands[i]->facts->len &&
            compare_keys(operands[i]->facts->pdata[at[i]], key) == 0)
            row->facts[i] = operands[i]->facts->pdata[at[i]++];
    return row;
}

/* Commands of one length are compared word by word, others as a whole. */
static bool is_even(const HptFacts *const *operands, size_t n)
{
    size_t words = 0;
    for (size_t i = 0; i < n; i++) {
        size_t own = 0;
        for (guint k = 0; k < operands[i]->facts->len; k++)
            own += ((const HptFact *)operands[i]->facts->pdata[k])->section == HPT_SECTION_COMMAND;
        if (i > 0 && own != words)
            return false;
        words = own;
    }
    return true;
}

static bool is_left_out(const HptFact *key, bool even)
{
    return key->section == HPT_SECTION_COMMAND && (strcmp(key->name, HPT_FACT_LINE) == 0) == even;
}

GPtrArray *hpt_compare(const HptFacts *const *operands, size_t n, const HptCompareOptions *options,
                       GError **error)
{
    unsigned sections = common_sections(operands, n, options->sections);
    g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func(free_difference);
    g_autofree size_t *at = g_new0(size_t, n);
    bool even = is_even(operands, n);
    const HptFact *key;
    while ((key = least(operands, n, at)) != NULL) {
        HptDifference *row = take_row(operands, n, at, key);
        bool wanted = (sections >> row->section & 1) != 0 && !is_left_out(key, even);
        if (wanted && !judge(row, operands, n, options, error)) {
            hpt_difference_free(row);
            return NULL;
        }
        bool shown = row->verdict > HPT_VERDICT_SAME && row->verdict != HPT_VERDICT_WITHIN &&
                     !(row->verdict == HPT_VERDICT_UNKNOWN &&
                       (all_missing(row) || is_unseen(row, operands)));
        if (wanted && (options->all || shown))
            g_ptr_array_add(rows, row);
        else
            hpt_difference_free(row);
    }
    return g_steal_pointer(&rows);
}

size_t hpt_compare_count(const HptFacts *const *operands, size_t n, HptSection section)
{
    g_autofree size_t *at = g_new0(size_t, n);
    size_t count = 0;
    bool even = is_even(operands, n);
    const HptFact *key;
    while ((key = least(operands, n, at)) != NULL) {
        hpt_difference_free(take_row(operands, n, at, key));
        count += key->section == section && !is_left_out(key, even);
    }
    return count;
}

size_t hpt_compare_missing(const HptFacts *const *operands, size_t n, HptSection section)
{
    g_autofree size_t *at = g_new0(size_t, n);
    size_t count = 0;
    const HptFact *key;
    while ((key = least(operands, n, at)) != NULL) {
        HptDifference *row = take_row(operands, n, at, key);
        count += row->section == section && all_missing(row);
        hpt_difference_free(row);
    }
    return count;
}
