/* Search spaces: parameters with domains, conditions, forbidden clauses.
 *
 * Life of a space: hpt_space_builder_new, any number of _add_* (the file form and the short form
 * are one language), hpt_space_builder_end. A finished space never changes.
 * The notation is hpt-space(5). A configuration belongs to one space.
 */
#ifndef HPT_SPACE_SPACE_H
#define HPT_SPACE_SPACE_H

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"

typedef enum { HPT_PARAM_REAL, HPT_PARAM_INT, HPT_PARAM_CAT, HPT_PARAM_ORD } HptParamType;

/* One value: number for real and int (whole, |n| ≤ 2^53), index into values for cat and ord. */
typedef struct {
    double number;
    uint32_t index;
    bool active; /* an inactive parameter is absent everywhere; the other members are then 0 */
} HptValue;

typedef struct {
    char *name;
    HptParamType type;
    double low, high; /* real, int: inclusive bounds, high ≥ low */
    bool log;         /* real, int */
    double step;      /* real, int: 0 = none; values are low, low + step, … ≤ high */
    size_t n_values;  /* cat, ord */
    char **values;    /* cat, ord: texts as written, NULL-terminated */
    double *numbers;  /* ord whose values are all numbers, strictly ascending; else NULL */
    bool whole;       /* ord: all numbers are whole */
    bool constant;    /* one possible value: passed to the command, not searched */
    bool default_given;
    HptValue fallback; /* the default, given or filled in; active */
    bool conditional;  /* has a condition */
    bool fixed;        /* the fallback is the only value that is proposed, see hpt_space_fix */

    /* Derived, for the functions below: number of values (0: uncountable); the values of a grid
     * are (grid_low + k grid_step) 10^grid_exponent, so that 0.3 + 7 * 0.05 is 0.65; and the log
     * scale's lower end and width. */
    uint64_t levels;
    int64_t grid_low, grid_step;
    int grid_exponent;
    double log_low, log_width;
    GHashTable *places; /* cat, ord: value to index + 1 */
} HptParam;

typedef struct HptSpace HptSpace;

typedef struct {
    HptValue *values; /* one per parameter of its space, in the space's order */
    size_t n;
} HptConfig;

/* ---- building ---- */
typedef struct HptSpaceBuilder HptSpaceBuilder;
HptSpaceBuilder *hpt_space_builder_new(void);
void hpt_space_builder_free(HptSpaceBuilder *builder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptSpaceBuilder, hpt_space_builder_free)

/* Adds statements, one per line; messages begin "name:LINE: " (with name NULL they name no place).
 * Adds one statement; messages begin "what 'TEXT': ", with what such as "--param".
 * Adds one statement of the command line; the same with what "argument POSITION".
 * Fail HPT_ERROR_DATA; the builder is then only good for freeing. */
bool hpt_space_builder_add_text(HptSpaceBuilder *builder, const char *name, const char *text,
                                GError **error) HPT_WARN_UNUSED;
bool hpt_space_builder_add_statement(HptSpaceBuilder *builder, const char *what, const char *text,
                                     GError **error) HPT_WARN_UNUSED;
bool hpt_space_builder_add_argument(HptSpaceBuilder *builder, int position, const char *text,
                                    GError **error) HPT_WARN_UNUSED;

/* Checks the whole and gives the space, or HPT_ERROR_DATA with the place of the statement at fault.
 * An empty space is legal. The builder stays and must still be freed. */
HptSpace *hpt_space_builder_end(HptSpaceBuilder *builder, GError **error) HPT_WARN_UNUSED;

/* One text of statements in one go; for canonical forms read back from the record. */
HptSpace *hpt_space_parse(const char *text, GError **error) HPT_WARN_UNUSED;

HptSpace *hpt_space_ref(const HptSpace *space);
void hpt_space_free(HptSpace *space); /* drops one reference */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptSpace, hpt_space_free)

/* Does word look like a statement in the short spelling (NAME=…)? hpt-run uses it to tell domains
 * from the command when "--" is left out. */
bool hpt_space_is_short(const char *word);

/* ---- looking ---- */
size_t hpt_space_size(const HptSpace *space);
/* The order: by depth of conditions (parents before children), then names in byte order; so equal
 * canonical forms mean equal order. */
const HptParam *hpt_space_get(const HptSpace *space, size_t i);
/* Index of name, or SIZE_MAX. */
size_t hpt_space_find(const HptSpace *space, const char *name);
/* NULL-terminated, in the space's order; and the notes for stderr, NULL-terminated. Borrowed. */
const char *const *hpt_space_get_names(const HptSpace *space);
const char *const *hpt_space_get_notes(const HptSpace *space);
bool hpt_space_any_default(const HptSpace *space); /* did the user give any default? */

/* The canonical form: one statement a line in byte order, each line ended by a newline; parsing it
 * gives an equal space. Its SHA-256 is the space's hash. Borrowed / value. */
const char *hpt_space_get_canonical(const HptSpace *space);
HptDigest hpt_space_hash(const HptSpace *space);

/* Is wider a widening of narrow: every configuration of narrow is one of wider, no parameter gone,
 * new ones allowed? If not, *why (may be NULL) is an owned sentence. */
bool hpt_space_widens(const HptSpace *narrow, const HptSpace *wider, char **why);

/* A space of the same parameters and values in which those of values, a JSON object NAME → value as in a
 * configuration, are fixed: whatever is drawn, rounded or made of defaults in it has them, and configurations of
 * either space are configurations of the other. A parameter with a condition can be fixed only if those
 * that the condition names are fixed too, or constant, and it holds. Owned. Fails HPT_ERROR_DATA.
 * hpt_space_is_fixed: is any parameter fixed? */
HptSpace *hpt_space_fix(const HptSpace *space, const json_t *values, GError **error) HPT_WARN_UNUSED;
bool hpt_space_is_fixed(const HptSpace *space);
/* Has the configuration all the values that are fixed in space? */
bool hpt_space_keeps(const HptSpace *space, const HptConfig *config);

/* ---- values ---- */
/* How many values a parameter can take; 0: uncountable (a real without step). */
uint64_t hpt_param_levels(const HptParam *param);
/* Is its scale one of logarithms? Bounds so near each other that their logarithms are the same have none, whatever is said. */
bool hpt_param_is_log(const HptParam *param);
/* u in [0, 1] to a value: equal shares for levels, log scales as hpt-space(5) says; and back to the
 * middle of the value's share (a real without step: to its own place, so that its upper bound gives
 * 1). Monotone in u, always within the bounds. Arithmetic is num/'s: the same bits everywhere. On a
 * log scale of integers the way back is exact up to about 10^12. */
HptValue hpt_param_from_unit(const HptParam *param, double u);
double hpt_param_to_unit(const HptParam *param, HptValue value);
/* The level-th value, level < levels; a real without step has none, see hpt_param_from_unit. */
HptValue hpt_param_level(const HptParam *param, uint64_t level);
/* The text that is passed, stored and hashed; owned. value is active. */
char *hpt_param_value_text(const HptParam *param, HptValue value);
/* Reads such a text; HPT_ERROR_DATA if it is not a value of the domain. */
bool hpt_param_value_parse(const HptParam *param, const char *text, HptValue *out,
                           GError **error) HPT_WARN_UNUSED;
/* Is the number a value of the real or integer parameter? Then into out. */
bool hpt_param_number_fits(const HptParam *param, double number, HptValue *out);

/* ---- configurations ---- */
HptConfig *hpt_config_new(const HptSpace *space); /* all inactive */
HptConfig *hpt_config_copy(const HptConfig *config);
void hpt_config_free(HptConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptConfig, hpt_config_free)
bool hpt_config_equal(const HptConfig *a, const HptConfig *b);

/* Is parameter i active, given the values of the parameters before it? */
bool hpt_space_active(const HptSpace *space, const HptConfig *config, size_t i);
/* Makes every parameter whose condition does not hold inactive, parents first. */
void hpt_space_deactivate(const HptSpace *space, HptConfig *config);
/* The first forbidden clause that matches (0-based), or SIZE_MAX; and a clause's text, borrowed. */
size_t hpt_space_forbidden(const HptSpace *space, const HptConfig *config);
size_t hpt_space_n_forbidden(const HptSpace *space);
const char *hpt_space_get_forbidden(const HptSpace *space, size_t i);
/* The default configuration: NULL with HPT_ERROR_NO_ROOM if a clause forbids it. */
HptConfig *hpt_space_default(const HptSpace *space, GError **error) HPT_WARN_UNUSED;

/* The configuration as a JSON object of its active parameters: reals, ints and numeric ordinals as
 * numbers, the others as strings. Canonical bytes, owned; their SHA-256 is the configuration hash.
 */
json_t *hpt_config_json(const HptSpace *space, const HptConfig *config);
char *hpt_config_canonical(const HptSpace *space, const HptConfig *config);
HptDigest hpt_config_hash(const HptSpace *space, const HptConfig *config);
/* From such an object (values may also be strings that spell them). Missing active parameters take
 * their default when fill is true, else are an error; a value for an inactive one is an error; a
 * forbidden configuration is an error. All HPT_ERROR_DATA. */
HptConfig *hpt_config_from_json(const HptSpace *space, const json_t *object, bool fill,
                                GError **error) HPT_WARN_UNUSED;
/* The same of a text as hpt_config_canonical writes it, some times faster. NULL: the text is of another form (as are those
 * of ordinals that are numbers), or it is no configuration of the space, or not of all of it; the other says which. */
HptConfig *hpt_config_from_canonical(const HptSpace *space, const char *canonical, size_t length) HPT_WARN_UNUSED;

#endif
