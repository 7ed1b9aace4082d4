/* From statements to a checked space. */
#include "space/internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- statements in ---- */

HptSpaceBuilder *hpt_space_builder_new(void)
{
    HptSpaceBuilder *builder = g_new0(HptSpaceBuilder, 1);
    builder->params = g_ptr_array_new_with_free_func((GDestroyNotify)hpt_param_free);
    builder->index = g_hash_table_new(g_str_hash, g_str_equal);
    builder->conditions = g_ptr_array_new_with_free_func(hpt_rule_free);
    builder->forbidden = g_ptr_array_new_with_free_func(hpt_rule_free);
    builder->notes = g_ptr_array_new_with_free_func(g_free);
    return builder;
}

void hpt_space_builder_free(HptSpaceBuilder *builder)
{
    if (builder == NULL) {
        return;
    }
    g_hash_table_unref(builder->index);
    g_ptr_array_unref(builder->params);
    g_ptr_array_unref(builder->conditions);
    g_ptr_array_unref(builder->forbidden);
    g_ptr_array_unref(builder->notes);
    g_free(builder);
}

void hpt_rule_free(void *data)
{
    HptRule *rule = data;
    if (rule == NULL) {
        return;
    }
    g_free(rule->place);
    g_free(rule->child);
    hpt_expr_free(rule->expr);
    g_free(rule);
}

void hpt_space_builder_rule(GPtrArray *rules, const char *place, const char *child, HptExpr *expr)
{
    HptRule *rule = g_new0(HptRule, 1);
    rule->place = g_strdup(place);
    rule->child = g_strdup(child);
    rule->expr = expr;
    g_ptr_array_add(rules, rule);
}

/* Values end up in argument vectors, in JSON and on terminals, and statements in lines. */
static bool check_bytes(const char *text, size_t length, GError **error)
{
    if (length > HPT_SPACE_MAX_STATEMENT) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the statement is longer than %u bytes",
                    HPT_SPACE_MAX_STATEMENT);
        return false;
    }
    const char *end = NULL;
    if (!g_utf8_validate_len(text, length, &end)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "byte %zu is not valid UTF-8",
                    (size_t)(end - text) + 1);
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "byte %zu is a control character", i + 1);
            return false;
        }
    }
    return true;
}

bool hpt_space_builder_add_line(HptSpaceBuilder *builder, const char *place, const char *text,
                                size_t length, GError **error)
{
    builder->n_bytes += length;
    if (builder->n_bytes > HPT_SPACE_MAX_TEXT) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%sthe space is larger than %u bytes", place,
                    HPT_SPACE_MAX_TEXT);
        return false;
    }
    if (!check_bytes(text, length, error)) {
        g_prefix_error(error, "%s", place);
        return false;
    }
    HptScan scan = hpt_scan(text, length);
    if (!hpt_parse_statement(builder, place, &scan, error)) {
        g_prefix_error(error, "%s", place);
        return false;
    }
    return true;
}

bool hpt_space_builder_add_text(HptSpaceBuilder *builder, const char *name, const char *text,
                                GError **error)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* some editors begin UTF-8 files so */
    const char *line = g_str_has_prefix(text, mark) ? text + strlen(mark) : text;
    for (size_t number = 1; *line != '\0'; number++) {
        size_t length = strcspn(line, "\n");
        const char *next = line[length] == '\n' ? line + length + 1 : line + length;
        if (length > 0 && line[length - 1] == '\r') {
            length--;
        }
        if (length == 0) {
            line = next;
            continue;
        }
        g_autofree char *place =
            name != NULL ? g_strdup_printf("%s:%zu: ", name, number) : g_strdup("");
        if (!hpt_space_builder_add_line(builder, place, line, length, error)) {
            return false;
        }
        line = next;
    }
    return true;
}

bool hpt_space_builder_add_statement(HptSpaceBuilder *builder, const char *what, const char *text,
                                     GError **error)
{
    const size_t most = 60; /* bytes that the place shows */
    size_t shown = strlen(text);
    if (shown > most) {
        shown = most;
        while (shown > 0 && ((unsigned char)text[shown] & 0xc0u) == 0x80u) {
            shown--;
        }
    }
    g_autofree char *place =
        g_strdup_printf("%s '%.*s%s': ", what, (int)shown, text, text[shown] != '\0' ? "…" : "");
    return hpt_space_builder_add_line(builder, place, text, strlen(text), error);
}

bool hpt_space_builder_add_argument(HptSpaceBuilder *builder, int position, const char *text,
                                    GError **error)
{
    g_autofree char *what = g_strdup_printf("argument %d", position);
    return hpt_space_builder_add_statement(builder, what, text, error);
}

bool hpt_space_is_short(const char *word)
{
    size_t length = hpt_name_length(word, strlen(word));
    return length > 0 && word[length] == '=';
}

/* ---- the whole ---- */

typedef struct {
    HptSpaceBuilder *builder;
    size_t n;
    HptParam **params;          /* as declared */
    HptExpr **conditions;       /* joined; as declared */
    const HptRule **first_rule; /* for the place of a loop */
    size_t *depth;              /* longest way up to a parameter without condition */
} End;

static void end_clear(End *end)
{
    for (size_t i = 0; end->conditions != NULL && i < end->n; i++) {
        hpt_expr_free(end->conditions[i]);
    }
    g_free(end->conditions);
    g_free(end->first_rule);
    g_free(end->depth);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(End, end_clear)

/* Binds the rule, with its place in front of an error. */
static bool bind_rule(const End *end, HptRule *rule, GError **error)
{
    HptNames names = {.params = (const HptParam *const *)end->params, .index = end->builder->index};
    if (!hpt_expr_resolve(rule->expr, &names, rule->child, error)) {
        g_prefix_error(error, "%s", rule->place);
        return false;
    }
    return true;
}

static size_t find_child(const End *end, const char *name)
{
    gpointer found = g_hash_table_lookup(end->builder->index, name);
    return found == NULL ? SIZE_MAX : GPOINTER_TO_SIZE(found) - 1;
}

static bool fail_child(const End *end, const HptRule *rule, GError **error)
{
    g_autofree const char **names = g_new0(const char *, end->n + 1);
    for (size_t i = 0; i < end->n; i++) {
        names[i] = end->params[i]->name;
    }
    const char *near = hpt_suggest(rule->child, names);
    g_autofree char *hint =
        near != NULL ? g_strdup_printf("; did you mean '%s'?", near) : g_strdup("");
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%scondition of unknown parameter '%s'%s",
                rule->place, rule->child, hint);
    return false;
}

/* Binds all conditions and joins those of one child with "and". */
static bool join_conditions(End *end, GError **error)
{
    GPtrArray *rules = end->builder->conditions;
    for (guint i = 0; i < rules->len; i++) {
        HptRule *rule = rules->pdata[i];
        size_t child = find_child(end, rule->child);
        if (child == SIZE_MAX) {
            return fail_child(end, rule, error);
        }
        if (!bind_rule(end, rule, error)) {
            return false;
        }
        if (end->conditions[child] == NULL) {
            end->conditions[child] = hpt_expr_new(HPT_EXPR_AND);
            end->first_rule[child] = rule;
        }
        g_ptr_array_add(end->conditions[child]->kids, g_steal_pointer(&rule->expr));
    }
    for (size_t i = 0; i < end->n; i++) {
        end->params[i]->conditional = end->conditions[i] != NULL;
        if (end->conditions[i] != NULL) {
            end->conditions[i] =
                hpt_expr_normalise(end->conditions[i], (const HptParam *const *)end->params);
            /* Joining may have added a level. */
            if (hpt_expr_depth(end->conditions[i]) > HPT_SPACE_MAX_DEPTH) {
                g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                            "%sthe conditions of '%s' have more than 64 parentheses within each "
                            "other",
                            end->first_rule[i]->place, end->params[i]->name);
                return false;
            }
        }
    }
    return true;
}

/* ---- order and loops ---- */

typedef struct {
    GArray **children; /* size_t: who depends on the parameter, once a mention */
    size_t *waiting;   /* mentions of parents that are not placed yet */
    size_t child;
} Graph;

static void add_edge(HptExpr *atom, void *data)
{
    Graph *graph = data;
    if (graph->children[atom->param] == NULL) {
        graph->children[atom->param] = g_array_new(FALSE, FALSE, sizeof(size_t));
    }
    g_array_append_val(graph->children[atom->param], graph->child);
    graph->waiting[graph->child]++;
}

typedef struct {
    const End *end;
    const size_t *waiting;
    size_t parent; /* the first by name that is in a loop or behind one */
} Upward;

static void find_parent(HptExpr *atom, void *data)
{
    Upward *up = data;
    if (up->waiting[atom->param] > 0 &&
        (up->parent == SIZE_MAX ||
         strcmp(up->end->params[atom->param]->name, up->end->params[up->parent]->name) < 0)) {
        up->parent = atom->param;
    }
}

static size_t waiting_parent(const End *end, const size_t *waiting, size_t child)
{
    Upward up = {.end = end, .waiting = waiting, .parent = SIZE_MAX};
    hpt_expr_each(end->conditions[child], find_parent, &up);
    return up.parent;
}

/* Every parameter that waits has a parent that waits, so that going up ends in a loop; the loop is
 * shown from its first name in byte order. */
static bool fail_loop(const End *end, const size_t *waiting, GError **error)
{
    g_autofree bool *seen = g_new0(bool, end->n);
    size_t at = 0;
    while (waiting[at] == 0) {
        at++;
    }
    while (!seen[at]) {
        seen[at] = true;
        at = waiting_parent(end, waiting, at);
    }
    size_t start = at;
    for (size_t i = waiting_parent(end, waiting, at); i != at;
         i = waiting_parent(end, waiting, i)) {
        if (strcmp(end->params[i]->name, end->params[start]->name) < 0) {
            start = i;
        }
    }
    g_autoptr(GString) loop = g_string_new(end->params[start]->name);
    for (size_t i = waiting_parent(end, waiting, start);; i = waiting_parent(end, waiting, i)) {
        g_string_append_printf(loop, " -> %s", end->params[i]->name);
        if (i == start) {
            break;
        }
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%sconditions form a loop: %s",
                end->first_rule[start]->place, loop->str);
    return false;
}

static bool set_depths(End *end, GError **error)
{
    size_t n = end->n;
    g_autofree size_t *waiting = g_new0(size_t, n);
    g_autofree GArray **children = g_new0(GArray *, n);
    g_autofree size_t *queue = g_new(size_t, n);
    Graph graph = {.children = children, .waiting = waiting};
    for (graph.child = 0; graph.child < n; graph.child++) {
        if (end->conditions[graph.child] != NULL) {
            hpt_expr_each(end->conditions[graph.child], add_edge, &graph);
        }
    }
    size_t n_queued = 0;
    for (size_t i = 0; i < n; i++) {
        if (waiting[i] == 0) {
            queue[n_queued++] = i;
        }
    }
    for (size_t i = 0; i < n_queued; i++) {
        size_t parent = queue[i];
        for (guint k = 0; children[parent] != NULL && k < children[parent]->len; k++) {
            size_t child = g_array_index(children[parent], size_t, k);
            end->depth[child] = MAX(end->depth[child], end->depth[parent] + 1);
            if (--waiting[child] == 0) {
                queue[n_queued++] = child;
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (children[i] != NULL) {
            g_array_unref(children[i]);
        }
    }
    return n_queued == n || fail_loop(end, waiting, error);
}

typedef struct {
    size_t depth;
    const char *name;
    size_t declared; /* index */
} Rank;

static int compare_ranks(const void *a, const void *b)
{
    const Rank *x = a;
    const Rank *y = b;
    if (x->depth != y->depth) {
        return x->depth < y->depth ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static void renumber(HptExpr *atom, void *data)
{
    const size_t *places = data;
    atom->param = places[atom->param];
}

/* ---- the finished space ---- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fails if the text could not be read back. */
static bool set_canonical(HptSpace *space, GError **error)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < space->n; i++) {
        GString *line = g_string_new(NULL);
        hpt_param_append(line, space->params[i]);
        g_ptr_array_add(lines, g_string_free(line, FALSE));
        if (space->conditions[i] != NULL) {
            g_ptr_array_add(lines, g_strdup_printf("%s | %s", space->params[i]->name,
                                                   space->conditions[i]->text));
        }
    }
    for (size_t i = 0; i < space->n_forbidden; i++) {
        g_ptr_array_add(lines, g_strdup(space->forbidden_texts[i]));
    }
    g_ptr_array_sort(lines, compare_lines);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < lines->len; i++) {
        const char *line = lines->pdata[i];
        if (strlen(line) > HPT_SPACE_MAX_STATEMENT ||
            text->len + strlen(line) > HPT_SPACE_MAX_TEXT) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                        "the canonical form is too long at '%.*s…'",
                        (int)MIN(hpt_name_length(line, strlen(line)), 60), line);
            return false;
        }
        g_string_append(text, line);
        g_string_append_c(text, '\n');
    }
    space->hash = hpt_digest(text->str, text->len);
    space->canonical = g_string_free(g_steal_pointer(&text), FALSE);
    return true;
}

/* Two names that become one environment variable. */
static void note_collisions(HptSpace *space, GPtrArray *notes)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < space->n; i++) {
        const char *name = space->params[i]->name;
        char *variable = g_strconcat("HPT_PARAM_", name, NULL);
        for (char *p = variable; *p != '\0'; p++) {
            *p = g_ascii_isalnum(*p) ? *p : '_';
        }
        const char *other = g_hash_table_lookup(seen, variable);
        if (other != NULL) {
            g_ptr_array_add(notes, g_strdup_printf("parameters '%s' and '%s' share the environment "
                                                   "variable %s",
                                                   other, name, variable));
            g_free(variable);
        } else {
            g_hash_table_insert(seen, variable, space->params[i]->name);
        }
    }
}

static int compare_clauses(const void *a, const void *b)
{
    const HptExpr *x = *(const HptExpr *const *)a;
    const HptExpr *y = *(const HptExpr *const *)b;
    return strcmp(x->text, y->text);
}

static void set_forbidden(HptSpace *space, GPtrArray *clauses)
{
    g_ptr_array_sort(clauses, compare_clauses);
    space->forbidden = g_new0(HptExpr *, clauses->len + 1);
    space->forbidden_texts = g_new0(char *, clauses->len + 1);
    for (guint i = 0; i < clauses->len; i++) {
        HptExpr *clause = clauses->pdata[i];
        size_t n = space->n_forbidden;
        if (n > 0 && strcmp(space->forbidden[n - 1]->text, clause->text) == 0) {
            continue;
        }
        clauses->pdata[i] = NULL;
        space->forbidden[n] = clause;
        space->forbidden_texts[n] = g_strdup_printf("{%s}", clause->text);
        space->n_forbidden = n + 1;
    }
}

static void move_params(End *end, HptSpace *space)
{
    g_autofree Rank *ranks = g_new(Rank, end->n + 1);
    g_autofree size_t *places = g_new(size_t, end->n + 1);
    for (size_t i = 0; i < end->n; i++) {
        ranks[i] = (Rank){end->depth[i], end->params[i]->name, i};
    }
    qsort(ranks, end->n, sizeof *ranks, compare_ranks);
    space->n = end->n;
    space->params = g_new0(HptParam *, end->n + 1);
    space->names = g_new0(char *, end->n + 1);
    space->conditions = g_new0(HptExpr *, end->n + 1);
    space->index = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < end->n; i++) {
        size_t declared = ranks[i].declared;
        HptParam *param = end->params[declared];
        places[declared] = i;
        space->params[i] = param;
        space->names[i] = param->name;
        space->any_default = space->any_default || param->default_given;
        space->conditions[i] = g_steal_pointer(&end->conditions[declared]);
        g_hash_table_insert(space->index, param->name, GSIZE_TO_POINTER(i + 1));
    }
    for (size_t i = 0; i < end->n; i++) {
        if (space->conditions[i] != NULL) {
            hpt_expr_each(space->conditions[i], renumber, places);
        }
    }
    for (size_t i = 0; i < space->n_forbidden; i++) {
        hpt_expr_each(space->forbidden[i], renumber, places);
    }
}

HptSpace *hpt_space_builder_end(HptSpaceBuilder *builder, GError **error)
{
    size_t n = builder->params->len;
    g_auto(End) end = {.builder = builder,
                       .n = n,
                       .params = (HptParam **)builder->params->pdata,
                       .conditions = g_new0(HptExpr *, n + 1),
                       .first_rule = g_new0(const HptRule *, n + 1),
                       .depth = g_new0(size_t, n + 1)};
    if (!join_conditions(&end, error) || !set_depths(&end, error)) {
        return NULL;
    }
    g_autoptr(GPtrArray) clauses = g_ptr_array_new_with_free_func((GDestroyNotify)hpt_expr_free);
    for (guint i = 0; i < builder->forbidden->len; i++) {
        HptRule *rule = builder->forbidden->pdata[i];
        if (!bind_rule(&end, rule, error)) {
            return NULL;
        }
        g_ptr_array_add(clauses, hpt_expr_normalise(g_steal_pointer(&rule->expr),
                                                    (const HptParam *const *)end.params));
    }
    g_autoptr(HptSpace) space = g_new0(HptSpace, 1);
    space->n_refs = 1;
    set_forbidden(space, clauses);
    move_params(&end, space);
    /* The parameters belong to the space now. */
    g_hash_table_remove_all(builder->index);
    for (guint i = 0; i < builder->params->len; i++) {
        builder->params->pdata[i] = NULL;
    }
    g_ptr_array_set_size(builder->params, 0);
    note_collisions(space, builder->notes);
    g_ptr_array_add(builder->notes, NULL);
    space->notes = (char **)g_ptr_array_free(g_steal_pointer(&builder->notes), FALSE);
    builder->notes = g_ptr_array_new_with_free_func(g_free);
    return set_canonical(space, error) ? g_steal_pointer(&space) : NULL;
}

HptSpace *hpt_space_parse(const char *text, GError **error)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    if (!hpt_space_builder_add_text(builder, NULL, text, error)) {
        return NULL;
    }
    return hpt_space_builder_end(builder, error);
}
