/* In what trials, studies or environments differ.
 *
 * Facts are what is known of one of them, wherever it was read from (study/compare-read.h: the
 * database or a bundle). hpt_compare lays any number of them side by side and gives the rows in
 * which they differ, each with a verdict:
 *
 *     same     the same bytes
 *     equal    other bytes, but the same text with the same numbers in it ("0.50" and "0.5")
 *     within   numbers differ, none by more than the tolerance for that name
 *     differs  anything else, also what only some of them have
 *     unknown  bytes that were not stored or are not here: it cannot be told
 *
 * Metrics of two trials with evaluations in common (the same budget, fold and repeat) get the mean
 * paired difference with a two-sided 95 % interval by Student's t, the variance of folds of one
 * split corrected as in Nadeau & Bengio 2003 (prune/race.c has the same): s² (1/n + 1/(folds − 1)).
 */
#ifndef HPT_STUDY_COMPARE_H
#define HPT_STUDY_COMPARE_H

#include "store/object.h"

typedef enum {
    HPT_SECTION_PARAMETERS,
    HPT_SECTION_METRICS,
    HPT_SECTION_RUN,     /* state, cause, exit status, seed */
    HPT_SECTION_COMMAND, /* its words */
    HPT_SECTION_LIMITS,
    HPT_SECTION_CODE,        /* files of the tree by path; group: repository */
    HPT_SECTION_INPUTS,      /* files read and written elsewhere; group: their role */
    HPT_SECTION_ENVIRONMENT, /* group: the kind of the item */
    HPT_SECTION_ARTEFACTS,   /* group: the evaluation, if there are several */
    HPT_SECTION_STREAMS,     /* likewise */
    HPT_SECTION_DEFINITION,  /* of a study: sampler, pruner, metrics, points … */
    HPT_SECTION_SPACE,
    HPT_SECTION_RESULTS, /* of a study: the best, and trials by state */
    HPT_SECTION_USAGE,   /* time and memory: only compared if asked for */
    HPT_SECTION_COUNT
} HptSection;

/* Names, in the order of the enum, NULL-terminated. */
extern const char *const hpt_section_names[];

/* The bits of a list such as "params,env": each word a section's name, a unique beginning of one,
 * or params, files, artifacts, logs. Fails HPT_ERROR_USAGE with a suggestion. */
bool hpt_sections_parse(const char *text, unsigned *bits, GError **error) HPT_WARN_UNUSED;

#define HPT_SECTION_BIT(name) (1u << HPT_SECTION_##name)
#define HPT_SECTIONS_TRIAL                                                                         \
    (HPT_SECTION_BIT(PARAMETERS) | HPT_SECTION_BIT(METRICS) | HPT_SECTION_BIT(RUN) |               \
     HPT_SECTION_BIT(COMMAND) | HPT_SECTION_BIT(LIMITS) | HPT_SECTION_BIT(CODE) |                  \
     HPT_SECTION_BIT(INPUTS) | HPT_SECTION_BIT(ENVIRONMENT) | HPT_SECTION_BIT(ARTEFACTS) |         \
     HPT_SECTION_BIT(STREAMS) | HPT_SECTION_BIT(USAGE))
#define HPT_SECTIONS_STUDY                                                                         \
    (HPT_SECTION_BIT(COMMAND) | HPT_SECTION_BIT(LIMITS) | HPT_SECTION_BIT(DEFINITION) |            \
     HPT_SECTION_BIT(SPACE) | HPT_SECTION_BIT(RESULTS))
#define HPT_SECTIONS_ENVIRONMENT HPT_SECTION_BIT(ENVIRONMENT)
/* All but usage. */
#define HPT_SECTIONS_DEFAULT (((1u << HPT_SECTION_COUNT) - 1) & ~HPT_SECTION_BIT(USAGE))

/* ---- facts ---- */

/* The value of a metric in one evaluation. */
typedef struct {
    double budget; /* 0: the study has none */
    int fold, repeat;
    double value;
} HptPartValue;

/* The fact of section command that has all words: compared where commands differ in how many there
 * are, as then a word has no counterpart; else the words are. */
#define HPT_FACT_LINE "words"
/* The fact of section inputs, without a group, that says whether every file was seen. */
#define HPT_FACT_TRACE "trace"

typedef struct {
    HptSection section;
    char *group, *name; /* never NULL; the group may be "" */
    char *value;        /* as it is shown; text or printable bytes */
    bool is_number;     /* value is the text of number */
    double number;
    HptPartValue *parts; /* of a metric in each evaluation; NULL: one run */
    size_t n_parts;
    int folds;       /* that one split makes, for the variance of parts; ≤ 1: no split */
    bool has_digest; /* digest is of all bytes, stored or not */
    HptDigest digest;
    bool is_file;       /* the content is compared: by digest, then by what is stored */
    HptObjectId stored; /* what is stored; size -1: nothing */
    int mode;           /* of a file; -1: not known */
    char *target;       /* of a link, bytes; else NULL */
    bool missing;       /* known to have been there, and not captured: no verdict but unknown */
} HptFact;

/* Bytes that a fact's stored names, owned, NUL-terminated; NULL without an error: they are not
 * here. Fails HPT_ERROR_INTEGRITY, _IO. */
typedef char *HptFactsRead(void *source, const HptObjectId *id, size_t *length, GError **error);

typedef struct {
    char *label;                /* "svm/17", "svm/", "env:12ab…", "heart.tar#17" */
    char *study;                /* of a trial or a study; NULL: an environment */
    int64_t trial;              /* -1: not a trial */
    unsigned sections;          /* bits of those it can have: an environment has no parameters */
    GPtrArray *facts;           /* HptFact *, sorted by hpt_facts_end */
    HptFactsRead *read;         /* NULL: no content */
    void *source;               /* for read */
    GDestroyNotify free_source; /* NULL: source is borrowed */
} HptFacts;

HptFacts *hpt_facts_new(const char *label, unsigned sections);
void hpt_facts_free(HptFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptFacts, hpt_facts_free)

/* Adds a fact; everything is copied; value NULL adds nothing and returns NULL. The result is
 * borrowed, to be completed before hpt_facts_end. */
HptFact *hpt_facts_add(HptFacts *facts, HptSection section, const char *group, const char *name,
                       const char *value);
HptFact *hpt_facts_add_number(HptFacts *facts, HptSection section, const char *group,
                              const char *name, double number);
/* A whole number as text: seeds and sizes may be beyond 2^53. */
void hpt_facts_add_integer(HptFacts *facts, HptSection section, const char *group, const char *name,
                           int64_t number);

/* Sorts facts and their parts; to be called once, after the last fact. */
void hpt_facts_end(HptFacts *facts);

/* The fact of a name, or NULL; O(log n). Borrowed. */
const HptFact *hpt_facts_find(const HptFacts *facts, HptSection section, const char *group,
                              const char *name);

/* ---- comparing ---- */

typedef enum {
    HPT_VERDICT_SAME,
    HPT_VERDICT_EQUAL,
    HPT_VERDICT_WITHIN,
    HPT_VERDICT_UNKNOWN,
    HPT_VERDICT_DIFFERS,
} HptVerdict;

extern const char *const hpt_verdict_names[];

/* How far numbers of this name may be apart: |a − b| ≤ absolute + relative × max(|a|, |b|). */
typedef struct {
    char *name; /* of a metric, a file or a stream; "*": every one */
    double absolute, relative;
} HptTolerance;

/* "NAME=EPS" (absolute) or "NAME=P%" (relative). Fails HPT_ERROR_USAGE. */
bool hpt_tolerance_parse(const char *text, HptTolerance *out, GError **error) HPT_WARN_UNUSED;
void hpt_tolerance_clear(HptTolerance *tolerance);

/* The last one for the name, else the last for every one; NULL: none. */
const HptTolerance *hpt_tolerance_find(const HptTolerance *tolerances, size_t n, const char *name);

typedef struct {
    unsigned sections;              /* bits; 0: HPT_SECTIONS_DEFAULT */
    const HptTolerance *tolerances; /* as hpt_tolerance_find takes them */
    size_t n_tolerances;
    bool all;        /* also what is the same */
    bool no_content; /* files and streams by digest alone */
} HptCompareOptions;

typedef struct {
    HptSection section;
    const char *group, *name; /* borrowed from the facts */
    HptVerdict verdict;
    size_t n;              /* operands */
    const HptFact **facts; /* n; NULL: that one has none */
    /* Of two numbers: second minus first. */
    bool has_delta;
    double delta;
    /* Of two metrics with at least two evaluations in common. */
    bool has_interval;
    double low, high;
    size_t pairs;
    char *note; /* owned, or NULL: "not distinguishable", why it is unknown … */
    bool damaged; /* stored bytes are not what was stored: the note says which */
    /* Of files and streams that are text: the first line (from 1) in which they differ, and the
     * lines, escaped and cut around the first difference; NULL for an operand that ended before.
     * line 0: none. */
    size_t line;
    char **lines;
} HptDifference;

void hpt_difference_free(HptDifference *difference);

/* Compares n ≥ 2 operands; rows that are the same, within tolerance, or missing in all that have
 * them are only given if all are asked for. The rows are HptDifference *, freed with the array, in
 * the order of sections, groups and names (numbers in a name by value). The verdict of a row is the
 * worst of any operand with the first. Sections that one of them cannot have are left out for all.
 * An input that a trace which is not complete has not seen is unknown, and not given either.
 * Reads content of files only where the digests differ. Fails as their read does, but for
 * HPT_ERROR_INTEGRITY, which is the row's. Cost: O(facts)
 * and, for files that differ, their size; those above HPT_COMPARE_MAX bytes are not looked into. */
#define HPT_COMPARE_MAX ((size_t)64 << 20)
GPtrArray *hpt_compare(const HptFacts *const *operands, size_t n, const HptCompareOptions *options,
                       GError **error) HPT_WARN_UNUSED;

/* How many facts of a section (any operand's; a name once) there are: what --stat says besides. */
size_t hpt_compare_count(const HptFacts *const *operands, size_t n, HptSection section);

/* How many of them were captured by none that had them. */
size_t hpt_compare_missing(const HptFacts *const *operands, size_t n, HptSection section);

/* ---- pieces, also of use alone ---- */

/* two numbers; NaN is the same as NaN */
HptVerdict hpt_compare_numbers(double a, double b, const HptTolerance *tolerance);

/* Two texts; SAME, EQUAL, WITHIN (tolerance may be NULL) or DIFFERS. Numbers are decimal and stand
 * where no letter, digit or _ is before them; everything else must be the same bytes, but for CR
 * before LF. */
HptVerdict hpt_compare_texts(const char *a, size_t n_a, const char *b, size_t n_b,
                             const HptTolerance *tolerance);

/* Is it text: UTF-8 without NUL? */
bool hpt_compare_is_text(const char *bytes, size_t length);

/* The mean of d and its two-sided 95 % interval; overlap as in prune/race.c. False if there are
 * fewer than two or they do not vary. */
bool hpt_compare_interval(const double *d, size_t n, double overlap, double *low, double *high);

#endif
