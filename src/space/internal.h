/* What the files of space/ share; other layers use space/space.h alone. */
#ifndef HPT_SPACE_INTERNAL_H
#define HPT_SPACE_INTERNAL_H

#include "space/space.h"

/* Limits that keep hostile input cheap; hpt-space(5) names them. */
#define HPT_SPACE_MAX_TEXT (16u << 20)     /* bytes of all statements together */
#define HPT_SPACE_MAX_STATEMENT (1u << 20) /* bytes of one statement */
#define HPT_SPACE_MAX_PARAMS 10000u
#define HPT_SPACE_MAX_VALUES 10000u            /* of one set */
#define HPT_SPACE_MAX_COMPARISONS 100000u      /* of all conditions and clauses */
#define HPT_SPACE_MAX_DEPTH 64u                /* nested parentheses */
#define HPT_SPACE_MAX_WHOLE 9007199254740992.0 /* 2^53 */

/* ---- scan.c: the characters of one statement ---- */
typedef struct {
    const char *text; /* the statement, for columns */
    const char *at;
    const char *end; /* where the comment or the statement ends */
} HptScan;

HptScan hpt_scan(const char *text, size_t length); /* comment and trailing blanks cut off */
void hpt_scan_blanks(HptScan *scan);
/* The next character after blanks, '\0' at the end; and: take it if it is c. */
char hpt_scan_peek(HptScan *scan);
bool hpt_scan_take(HptScan *scan, char c);
bool hpt_scan_expect(HptScan *scan, char c, GError **error) HPT_WARN_UNUSED;
/* The word at the cursor (maybe empty), its length; stop is a further character that ends it. */
size_t hpt_scan_word_length(const HptScan *scan, char stop);
char *hpt_scan_word(HptScan *scan); /* after blanks; NULL if none is there */
/* A word or quoted value after blanks; *quoted may be NULL. */
char *hpt_scan_value(HptScan *scan, char stop, bool *quoted, GError **error) HPT_WARN_UNUSED;
/* Sets "col N: expected WHAT, found 'TOKEN'"; always false. */
bool hpt_scan_expected(HptScan *scan, GError **error, const char *what);

size_t hpt_name_length(const char *text, size_t length); /* of the name that text begins with */
bool hpt_is_word(const char *text);                      /* needs no quotes in the long spelling */
void hpt_append_value(GString *out, const char *value);  /* quoted if it must be */
bool hpt_is_whole_text(const char *text);                /* "-"? digits */

/* ---- expr.c: conditions and forbidden clauses ---- */
typedef enum {
    HPT_EXPR_IN, /* also == */
    HPT_EXPR_NOT,
    HPT_EXPR_LESS,
    HPT_EXPR_LESS_EQUAL,
    HPT_EXPR_GREATER,
    HPT_EXPR_GREATER_EQUAL,
    HPT_EXPR_AND,
    HPT_EXPR_OR,
} HptExprKind;

typedef struct HptExpr HptExpr;
struct HptExpr {
    HptExprKind kind;
    GPtrArray *kids;  /* and, or: HptExpr */
    char *name;       /* comparison, as read */
    GPtrArray *texts; /* its values, as read */
    size_t param;     /* resolved: the parameter, */
    double *operands; /* ascending: numbers, or positions of cat and ord */
    size_t n_operands;
    bool by_number; /* the operand is a number although the parameter is an ordinal */
    char *text;     /* canonical; of inner nodes only while normalising */
};

HptExpr *hpt_expr_new(HptExprKind kind);
HptExpr *hpt_expr_copy(const HptExpr *expr);
void hpt_expr_free(HptExpr *expr);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptExpr, hpt_expr_free)

/* Finds a parameter by name: its index and description, or false. */
typedef struct {
    const HptParam *const *params;
    GHashTable *index; /* name to index + 1 */
} HptNames;

/* Binds names and values. owner is the child's name, or NULL for a forbidden clause. */
bool hpt_expr_resolve(HptExpr *expr, const HptNames *names, const char *owner,
                      GError **error) HPT_WARN_UNUSED;
/* Flattens, sorts by text, removes doubles and sets the text. Takes and gives ownership. */
HptExpr *hpt_expr_normalise(HptExpr *expr, const HptParam *const *params);
/* Calls each comparison with data. */
void hpt_expr_each(HptExpr *expr, void (*call)(HptExpr *atom, void *data), void *data);
void hpt_expr_append_atom(GString *out, const HptExpr *atom, const HptParam *param);
/* Parentheses within each other in the canonical text. */
unsigned int hpt_expr_depth(const HptExpr *expr);
bool hpt_expr_atom_holds(const HptExpr *atom, const HptParam *param, HptValue value);
bool hpt_expr_holds(const HptExpr *expr, const HptParam *const *params, const HptValue *values);

/* ---- param.c: one parameter ---- */
typedef struct {
    char *name;
    HptParamType type;
    const char *type_text; /* as written, for messages */
    char *low, *high;      /* a range, as written; NULL for a set */
    GPtrArray *values;     /* a set, without its quotes; NULL for a range */
    bool log;
    char *step;     /* as written, or NULL */
    char *fallback; /* the default, or NULL */
} HptDeclaration;
void hpt_declaration_clear(HptDeclaration *declaration);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HptDeclaration, hpt_declaration_clear)

HptParam *hpt_param_new(const HptDeclaration *declaration, GError **error) HPT_WARN_UNUSED;
void hpt_param_free(HptParam *param);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptParam, hpt_param_free)
const char *hpt_param_type_name(HptParamType type);
void hpt_param_append(GString *out, const HptParam *param); /* the canonical statement */
void hpt_param_append_domain(GString *out, const HptParam *param);
/* For messages: "[LOW, HIGH]", or the values without braces, at most a dozen. */
void hpt_param_append_domain_short(GString *out, const HptParam *param);
void hpt_param_set_log(HptParam *param);
HptValue hpt_param_middle(const HptParam *param); /* the default that stands in for one not given */
/* Position of text among the values of a set, or SIZE_MAX; numeric ordinals also match by number.
 */
size_t hpt_param_find_value(const HptParam *param, const char *text);
/* The level of a value that may lie between levels; false then. Not for a real without step. */
bool hpt_param_level_of(const HptParam *param, HptValue value, uint64_t *out);

/* ---- parse.c: one statement into a builder ---- */
typedef struct {
    char *place;
    char *child; /* condition: whose; NULL: forbidden clause */
    HptExpr *expr;
} HptRule;

struct HptSpaceBuilder {
    GPtrArray *params;     /* HptParam, as declared */
    GHashTable *index;     /* name to index + 1 */
    GPtrArray *conditions; /* HptRule */
    GPtrArray *forbidden;  /* HptRule */
    GPtrArray *notes;      /* char * */
    size_t n_comparisons;
    size_t n_bytes; /* read so far */
};

/* One statement; place is "", or what messages begin with. */
bool hpt_space_builder_add_line(HptSpaceBuilder *builder, const char *place, const char *text,
                                size_t length, GError **error) HPT_WARN_UNUSED;
/* Appends a rule that owns expr; hpt_rule_free is the array's free function. */
void hpt_space_builder_rule(GPtrArray *rules, const char *place, const char *child, HptExpr *expr);
void hpt_rule_free(void *rule);
bool hpt_parse_statement(HptSpaceBuilder *builder, const char *place, HptScan *scan,
                         GError **error) HPT_WARN_UNUSED;

/* ---- config.c: values as JSON ---- */
bool hpt_param_value_from_json(const HptParam *param, const json_t *given, HptValue *out,
                               GError **error) HPT_WARN_UNUSED;
/* Fails if object has a member that is no parameter's name; with a suggestion. */
bool hpt_space_refuse_unknown(const HptSpace *space, const json_t *object, GError **error) HPT_WARN_UNUSED;

/* ---- the space ---- */
struct HptSpace {
    int n_refs;
    size_t n;
    HptParam **params;    /* by depth of conditions, then by name */
    char **names;         /* borrowed from params, NULL-terminated */
    GHashTable *index;    /* name to index + 1 */
    HptExpr **conditions; /* one per parameter, NULL: always active */
    size_t n_forbidden;
    HptExpr **forbidden;
    char **forbidden_texts; /* "{…}" */
    char **notes;
    char *canonical;
    HptDigest hash;
    bool any_default;
};

#endif
