#include "run/template.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>

typedef enum {
    PIECE_TEXT,   /* text */
    PIECE_VALUE,  /* {name} */
    PIECE_OR,     /* {name:-text} */
    PIECE_FLAG,   /* {text name}: two words, or in a shell "text VALUE" */
    PIECE_PREFIX, /* {text= name}: one word */
} PieceKind;

/* Where in a shell script a placeholder stands. */
typedef enum { QUOTE_NONE, QUOTE_SINGLE, QUOTE_DOUBLE } Quote;

typedef struct {
    PieceKind kind;
    char *text;
    char *name;
    Quote quote;
} Piece;

struct HptTemplate {
    GPtrArray *words; /* of GArray of Piece */
    bool shell;
    char *canonical;
    char *note;
};

/* While parsing. */
typedef struct {
    const HptTemplateRules *rules;
    const char *word;
    size_t at;
    GArray *pieces;
    GString *literal; /* text that is not yet a piece */
    size_t depth;     /* foreign braces that are open */
    Quote quote;      /* over all words of a script */
    bool *used;       /* a parameter */
    bool any_used;
} Parse;

static const char *const reserved[] = {"hpt.trial",  "hpt.seed", "hpt.dir",  "hpt.params",
                                       "hpt.worker", "hpt.slot", "hpt.fold", "hpt.repeat",
                                       "hpt.split",  "hpt.budget", "hpt.resume", NULL};

/* Those that every study has. */
static const char *const offered[] = {"hpt.trial",  "hpt.seed", "hpt.dir",
                                      "hpt.params", "hpt.slot", NULL};

static void piece_clear(gpointer data)
{
    Piece *piece = data;
    g_free(piece->text);
    g_free(piece->name);
}

static void pieces_free(gpointer pieces)
{
    g_array_free(pieces, TRUE);
}

void hpt_template_free(HptTemplate *template)
{
    if (template == NULL)
        return;
    g_ptr_array_free(template->words, TRUE);
    g_free(template->canonical);
    g_free(template->note);
    g_free(template);
}

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool refuse(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, message);
    return false;
}

static size_t find(const char *const *names, const char *name)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return SIZE_MAX;
}

static bool has_bytes(const char *text, size_t length, const char *beyond)
{
    if (length == 0 || !(g_ascii_isalpha(*text) || *text == '_' || *text == '@'))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(text[i]) && strchr(beyond, text[i]) == NULL)
            return false;
    return true;
}

/* Is this meant as a placeholder's name? Plain words are, known or not (then it is an error); of
 * the odder names that a parameter may have only those that one has: {a:.b} is jq's. */
static bool is_name(const Parse *parse, const char *text, size_t length)
{
    if (has_bytes(text, length, "_.-") && *text != '@')
        return true;
    if (!has_bytes(text, length, "_.:@/+-"))
        return false;
    g_autofree char *name = g_strndup(text, length);
    return find(parse->rules->names, name) != SIZE_MAX;
}

/* ---- names ---- */

/* A process that runs many trials cannot be given those of one. */
static bool check_worker(const Parse *parse, const char *name, GError **error)
{
    if (!parse->rules->worker || strcmp(name, "hpt.slot") == 0 || strcmp(name, "hpt.worker") == 0)
        return true;
    return refuse(error,
                  "{%s} is another one in each trial, and a worker is started once\n"
                  "hint: it is in the trial's message, see hpt-worker(7); or leave --worker out",
                  name);
}

/* Those that this study has; the array alone is owned. */
static const char **names_there(const HptTemplateRules *rules)
{
    GPtrArray *names = g_ptr_array_new();
    for (const char *const *name = offered; *name != NULL; name++)
        g_ptr_array_add(names, (gpointer)*name);
    const struct {
        bool given;
        const char *name;
    } others[] = {{rules->folds, "hpt.fold"},
                  {rules->repeats, "hpt.repeat"},
                  {rules->folds || rules->repeats, "hpt.split"},
                  {rules->budget, "hpt.budget"},
                  {rules->budget, "hpt.resume"}};
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
        if (others[i].given)
            g_ptr_array_add(names, (gpointer)others[i].name);
    g_ptr_array_add(names, NULL);
    return (const char **)g_ptr_array_free(names, FALSE);
}

/* Is name known and there in this study? Sets *conditional. */
static bool check_reserved(const Parse *parse, const char *name, bool *conditional, GError **error)
{
    if (find(reserved, name) == SIZE_MAX) {
        g_autofree const char **there = names_there(parse->rules);
        const char *near = hpt_suggest(name, there);
        g_autofree char *all = g_strjoinv(" ", (char **)offered);
        return near != NULL
                   ? refuse(error, "unknown placeholder {%s}; did you mean {%s}?", name, near)
                   : refuse(error, "unknown placeholder {%s}; one of %s", name, all);
    }
    if (strcmp(name, "hpt.fold") == 0 && !parse->rules->folds)
        return refuse(error, "{hpt.fold} in a study without --folds");
    if (strcmp(name, "hpt.repeat") == 0 && !parse->rules->repeats)
        return refuse(error, "{hpt.repeat} in a study without --repeats");
    if (strcmp(name, "hpt.split") == 0 && !parse->rules->folds && !parse->rules->repeats)
        return refuse(error, "{hpt.split} in a study without --folds or --repeats");
    if ((strcmp(name, "hpt.budget") == 0 || strcmp(name, "hpt.resume") == 0) && !parse->rules->budget)
        return refuse(error, "{%s} in a study without --budget", name);
    *conditional = strcmp(name, "hpt.resume") == 0;
    return check_worker(parse, name, error);
}

static bool check_name(Parse *parse, const char *name, bool *conditional, GError **error)
{
    const HptTemplateRules *rules = parse->rules;
    *conditional = false;
    if (g_str_has_prefix(name, "hpt."))
        return check_reserved(parse, name, conditional, error);
    size_t i = find(rules->names, name);
    if (i == SIZE_MAX) {
        const char *near = hpt_suggest(name, rules->names);
        return near != NULL ? refuse(error,
                                     "unknown placeholder {%s}; did you mean {%s}? Write {{%s}} "
                                     "for literal braces",
                                     name, near, name)
                            : refuse(error,
                                     "unknown placeholder {%s}: no such parameter. Write {{%s}} "
                                     "for literal braces",
                                     name, name);
    }
    if (!check_worker(parse, name, error))
        return false;
    parse->used[i] = parse->any_used = true;
    *conditional = rules->conditional != NULL && rules->conditional[i];
    return true;
}

/* ---- pieces ---- */

static void end_literal(Parse *parse)
{
    if (parse->literal->len == 0)
        return;
    Piece piece = {PIECE_TEXT, g_strdup(parse->literal->str), NULL, QUOTE_NONE};
    g_array_append_val(parse->pieces, piece);
    g_string_truncate(parse->literal, 0);
}

/* Follows the quotes of a script; nothing rests on it but where a variable's own quotes go. */
static void add_literal(Parse *parse, char c)
{
    size_t n = parse->literal->len;
    bool escaped = parse->quote != QUOTE_SINGLE && n > 0 && parse->literal->str[n - 1] == '\\' &&
                   !(n > 1 && parse->literal->str[n - 2] == '\\');
    if (c == '\'' && parse->quote != QUOTE_DOUBLE && !escaped)
        parse->quote = parse->quote == QUOTE_SINGLE ? QUOTE_NONE : QUOTE_SINGLE;
    else if (c == '"' && parse->quote != QUOTE_SINGLE && !escaped)
        parse->quote = parse->quote == QUOTE_DOUBLE ? QUOTE_NONE : QUOTE_DOUBLE;
    g_string_append_c(parse->literal, c);
}

static void add_piece(Parse *parse, PieceKind kind, const char *text, size_t length,
                      const char *name)
{
    end_literal(parse);
    Piece piece = {kind, g_strndup(text, length), g_strdup(name), parse->quote};
    g_array_append_val(parse->pieces, piece);
}

/* {name} and {name:-text}. Returns false with no error set when it is neither. */
static bool read_plain(Parse *parse, const char *content, size_t length, GError **error)
{
    const char * or = g_strstr_len(content, (gssize)length, ":-");
    size_t name_length = or != NULL ? (size_t)(or -content) : length;
    if (!is_name(parse, content, name_length))
        return false;
    g_autofree char *name = g_strndup(content, name_length);
    bool conditional;
    if (!check_name(parse, name, &conditional, error))
        return false;
    if (or != NULL) {
        add_piece(parse, PIECE_OR, or +2, length - name_length - 2, name);
        return true;
    }
    if (conditional && !parse->rules->shell) {
        bool own = strlen(parse->word) == length + 2;
        if (own)
            return refuse(error,
                          "{%s} is not always active and would leave an option without its value; "
                          "write '{-%c %s}' or '{--%s= %s}'",
                          name, g_str_has_prefix(name, "hpt.") ? 'r' : name[0], name,
                          g_str_has_prefix(name, "hpt.") ? name + 4 : name, name);
        return refuse(error,
                      "{%s} is not always active; write '{TEXT= %s}' as a word of its own, or "
                      "{%s:-TEXT}",
                      name, name, name);
    }
    if (conditional)
        return refuse(error, "{%s} is not always active; write {-%c %s} or {%s:-TEXT}", name,
                      g_str_has_prefix(name, "hpt.") ? 'r' : name[0], name, name);
    add_piece(parse, PIECE_VALUE, "", 0, name);
    return true;
}

/* {-g gamma} and {--gamma= gamma}. Likewise. */
static bool read_flag(Parse *parse, const char *content, size_t length, GError **error)
{
    const char *blank = memchr(content, ' ', length);
    if (blank == NULL || blank == content)
        return false;
    size_t flag_length = (size_t)(blank - content);
    bool joined = content[flag_length - 1] == '=';
    const char *name_start = blank + strspn(blank, " ");
    size_t name_length = length - (size_t)(name_start - content);
    if (!(content[0] == '-' || joined) || name_start > content + length ||
        !is_name(parse, name_start, name_length))
        return false;
    if (!parse->rules->shell && strlen(parse->word) != length + 2)
        return refuse(error, "{%.*s} must be a word of its own", (int)length, content);
    g_autofree char *name = g_strndup(name_start, name_length);
    bool conditional;
    if (!check_name(parse, name, &conditional, error))
        return false;
    add_piece(parse, joined ? PIECE_PREFIX : PIECE_FLAG, content, flag_length, name);
    return true;
}

/* ${name} is the shell's, unless it could as well be ours. */
static bool check_dollar(const Parse *parse, const char *content, size_t length, GError **error)
{
    g_autofree char *name = g_strndup(content, length);
    char *colon = strstr(name, ":-");
    if (colon != NULL)
        *colon = '\0';
    if (find(parse->rules->names, name) == SIZE_MAX)
        return true;
    return refuse(error, "${%s} may mean the shell's variable or the parameter; write $%s or {%s}",
                  name, name, name);
}

/* ---- here-documents ---- */

/* Behind "<<": adds the line that ends the document, with '-' before it when tabs may be. */
static const char *read_here(const char *at, GPtrArray *ends)
{
    GString *end = g_string_new(*at == '-' ? "-" : " ");
    at += *at == '-';
    at += strspn(at, " \t");
    for (; *at != '\0' && strchr(" \t\n;|&<>()", *at) == NULL; at++)
        if (strchr("'\"\\", *at) == NULL)
            g_string_append_c(end, *at);
    g_ptr_array_add(ends, g_string_free(end, FALSE));
    return at;
}

/* At the line behind those that began documents: where they have ended, or NULL. */
static const char *skip_documents(const char *at, GPtrArray *ends)
{
    while (ends->len > 0) {
        const char *end = g_ptr_array_index(ends, 0), *next = strchr(at, '\n');
        if (next == NULL)
            return NULL;
        const char *line = at + (*end == '-' ? strspn(at, "\t") : 0);
        size_t length = (size_t)(next - line);
        if (length == strlen(end + 1) && memcmp(line, end + 1, length) == 0)
            g_ptr_array_remove_index(ends, 0);
        at = next + 1;
    }
    return at;
}

/* Behind one byte c that is neither quoted nor escaped. */
static const char *skip_syntax(const char *at, char c, bool word_begins, GPtrArray *ends)
{
    const char *close = c == '(' && *at == '(' ? strstr(at, "))") : NULL;
    if (close != NULL)
        return close; /* arithmetic shifts bits */
    if (c == '#' && word_begins)
        return at + strcspn(at, "\n");
    if (c != '<' || *at != '<')
        return at;
    return at[1] == '<' ? at + 2 : read_here(at + 1, ends);
}

/* Is what follows this part of a script in a here-document? One within "$(…)" is not seen. */
static bool in_here_document(const char *text, size_t length)
{
    g_autoptr(GPtrArray) ends = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *script = g_strndup(text, length);
    char quote = '\0', before = '\n';
    for (const char *at = script; *at != '\0';) {
        char c = *at++;
        if (c == '\\' && quote != '\'' && *at != '\0')
            at++;
        else if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == '\n' && ends->len > 0)
            at = skip_documents(at, ends);
        else
            at = skip_syntax(at, c, g_ascii_isspace(before), ends);
        if (at == NULL)
            return true;
        before = c;
    }
    return false;
}

static bool check_here(const Parse *parse, const char *content, size_t length, GError **error)
{
    if (!parse->rules->shell || !in_here_document(parse->word, parse->at))
        return true;
    return refuse(error,
                  "{%.*s} stands in a here-document, which would hold the quotes of a value too\n"
                  "hint: give it to a variable before, as in v={%.*s}, and write $v there",
                  (int)length, content, (int)length, content);
}

/* At an opening brace. Advances. */
static bool read_brace(Parse *parse, GError **error)
{
    const char *open = parse->word + parse->at;
    size_t length = strcspn(open + 1, "{}");
    bool closed = open[1 + length] == '}';
    bool dollar = parse->at > 0 && open[-1] == '$';
    if (closed && dollar) {
        if (!check_dollar(parse, open + 1, length, error))
            return false;
    } else if (closed) {
        GError *bad = NULL;
        if (read_plain(parse, open + 1, length, &bad) ||
            (bad == NULL && read_flag(parse, open + 1, length, &bad))) {
            bool allowed = check_here(parse, open + 1, length, error);
            parse->at += length + 2;
            return allowed;
        }
        if (bad != NULL) {
            g_propagate_error(error, bad);
            return false;
        }
    }
    if (open[1] == '{' && !dollar) {
        add_literal(parse, '{');
        parse->at += 2;
        return true;
    }
    add_literal(parse, '{');
    parse->depth++;
    parse->at++;
    return true;
}

static void read_close(Parse *parse)
{
    bool two = parse->word[parse->at + 1] == '}';
    if (parse->depth > 0)
        parse->depth--;
    else if (two)
        parse->at++;
    add_literal(parse, '}');
    parse->at++;
}

static GArray *read_word(Parse *parse, const char *word, GError **error)
{
    parse->word = word;
    parse->at = parse->depth = 0;
    g_autoptr(GArray) pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
    g_array_set_clear_func(pieces, piece_clear);
    parse->pieces = pieces;
    g_string_truncate(parse->literal, 0);
    while (word[parse->at] != '\0') {
        char c = word[parse->at];
        if (c == '{') {
            if (!read_brace(parse, error))
                return NULL;
        } else if (c == '}') {
            read_close(parse);
        } else {
            add_literal(parse, c);
            parse->at++;
        }
    }
    end_literal(parse);
    return g_steal_pointer(&pieces);
}

/* ---- the whole ---- */

char *hpt_template_env_name(const char *name)
{
    char *env = g_strconcat("HPT_PARAM_", name, NULL);
    for (char *c = env; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c))
            *c = '_';
    return env;
}

static bool contains_name(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name))
        if (!g_ascii_isalnum(at[length]) && at[length] != '_')
            return true;
    return false;
}

/* Words that mention the environment or the JSON file use parameters too. */
static void find_env_use(Parse *parse, const char *const *words)
{
    const char *const *names = parse->rules->names;
    for (; *words != NULL; words++) {
        bool all = contains_name(*words, "HPT_PARAMS") || contains_name(*words, "hpt.params");
        for (size_t i = 0; names[i] != NULL; i++) {
            g_autofree char *env = hpt_template_env_name(names[i]);
            if (all || contains_name(*words, env))
                parse->used[i] = true;
        }
    }
}

static bool check_used(const Parse *parse, HptTemplate *template, GError **error)
{
    const HptTemplateRules *rules = parse->rules;
    bool any_used = false, any = false;
    for (size_t i = 0; rules->names[i] != NULL; i++) {
        any = any || rules->constant == NULL || !rules->constant[i];
        any_used = any_used || parse->used[i];
    }
    if (!any_used && any && !rules->worker)
        template->note = g_strdup("no parameter is in the command: it must read the environment "
                                  "(HPT_PARAM_…) or the file $HPT_PARAMS by itself");
    if (!parse->any_used || rules->allow_unused)
        return true;
    for (size_t i = 0; rules->names[i] != NULL; i++) {
        if (parse->used[i] || (rules->constant != NULL && rules->constant[i]))
            continue;
        g_autofree char *env = hpt_template_env_name(rules->names[i]);
        return refuse(error,
                      "parameter '%s' is never used: no {%s} in the command; read %s or add "
                      "--allow-unused",
                      rules->names[i], rules->names[i], env);
    }
    return true;
}

static char *write_canonical(const char *const *words, bool shell)
{
    GString *text = g_string_new(shell ? "{\"shell\":true,\"words\":[" : "[");
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            g_string_append_c(text, ',');
        hpt_json_append_string(text, words[i]);
    }
    g_string_append(text, shell ? "]}" : "]");
    return g_string_free(text, FALSE);
}

static bool read_words(Parse *parse, HptTemplate *template, const char *const *words,
                       GError **error)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        GArray *pieces = NULL;
        if (!g_utf8_validate(words[i], -1, NULL))
            (void)refuse(error, "not UTF-8; the record of a command is text");
        else
            pieces = read_word(parse, words[i], error);
        if (pieces == NULL) {
            g_autofree char *shown = hpt_text_printable(words[i], -1);
            g_prefix_error(error, "argument %zu '%s': ", i + 1, shown);
            return false;
        }
        g_ptr_array_add(template->words, pieces);
        add_literal(parse, ' '); /* between the words of a script */
    }
    return true;
}

HptTemplate *hpt_template_parse(const char *const *words, const HptTemplateRules *rules,
                                GError **error)
{
    if (words[0] == NULL || (words[0][0] == '\0' && !rules->shell)) {
        (void)refuse(error, "the command is missing");
        return NULL;
    }
    g_autoptr(HptTemplate) template = g_new0(HptTemplate, 1);
    template->words = g_ptr_array_new_with_free_func(pieces_free);
    template->shell = rules->shell;
    size_t n = g_strv_length((char **)rules->names);
    g_autofree bool *used = g_new0(bool, n + 1);
    Parse parse = {.rules = rules, .used = used, .literal = g_string_new(NULL)};
    bool ok = read_words(&parse, template, words, error);
    g_string_free(parse.literal, TRUE);
    if (!ok)
        return NULL;
    find_env_use(&parse, words);
    if (!check_used(&parse, template, error))
        return NULL;
    template->canonical = write_canonical(words, rules->shell);
    return g_steal_pointer(&template);
}

const char *hpt_template_get_note(const HptTemplate *template)
{
    return template->note;
}

const char *hpt_template_get_canonical(const HptTemplate *template)
{
    return template->canonical;
}

/* ---- expansion ---- */

typedef struct {
    HptTemplateValue value;
    void *user;
    GString *assignments; /* shell: of values that are not plain text */
    unsigned n_assigned;
} Expansion;

/* The text of a piece's value; *active says whether there is one. */
static bool get_value(const Expansion *expansion, const Piece *piece, const char **out,
                      GError **error)
{
    *out = expansion->value(piece->name, expansion->user);
    if (*out == NULL && piece->kind == PIECE_VALUE) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "placeholder {%s} has no value", piece->name);
        return false;
    }
    if (*out != NULL && **out == '-' && g_str_has_prefix(piece->name, "hpt.")) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the text of {%s} begins with '-'",
                    piece->name);
        return false;
    }
    return true;
}

static bool expand_word(const Expansion *expansion, const GArray *pieces, GPtrArray *argv,
                        GError **error)
{
    g_autoptr(GString) word = g_string_new(NULL);
    bool present = pieces->len == 0;
    for (guint i = 0; i < pieces->len; i++) {
        const Piece *piece = &g_array_index(pieces, Piece, i);
        const char *value = NULL;
        if (piece->kind != PIECE_TEXT && !get_value(expansion, piece, &value, error))
            return false;
        if (piece->kind == PIECE_TEXT || (piece->kind == PIECE_OR && value == NULL)) {
            g_string_append(word, piece->text);
        } else if (value == NULL) {
            continue; /* {-g gamma} alone in its word */
        } else if (piece->kind == PIECE_FLAG) {
            g_ptr_array_add(argv, g_strdup(piece->text));
            g_string_append(word, value);
        } else {
            if (piece->kind == PIECE_PREFIX)
                g_string_append(word, piece->text);
            g_string_append(word, value);
        }
        present = true;
    }
    if (present)
        g_ptr_array_add(argv, g_strdup(word->str));
    return true;
}

/* Puts a value into a script so that the shell takes it as it is: plain text as such, anything else
 * as a variable, whose content a shell never parses. */
static void append_shell(Expansion *expansion, GString *script, const char *value, Quote quote)
{
    g_autofree char *quoted = hpt_text_shell_quote(value);
    if (strcmp(quoted, value) == 0 && *value != '\0') {
        g_string_append(script, value);
        return;
    }
    unsigned number = ++expansion->n_assigned;
    g_string_append_printf(expansion->assignments, "hpt_%u=%s\n", number, quoted);
    static const char *const before[] = {"\"", "'\"", ""}, *const after[] = {"\"", "\"'", ""};
    g_string_append_printf(script, "%s${hpt_%u}%s", before[quote], number, after[quote]);
}

static bool expand_shell_word(Expansion *expansion, const GArray *pieces, GString *script,
                              GError **error)
{
    for (guint i = 0; i < pieces->len; i++) {
        const Piece *piece = &g_array_index(pieces, Piece, i);
        const char *value = NULL;
        if (piece->kind != PIECE_TEXT && !get_value(expansion, piece, &value, error))
            return false;
        if (piece->kind == PIECE_TEXT || (piece->kind == PIECE_OR && value == NULL)) {
            g_string_append(script, piece->text);
            continue;
        }
        if (value == NULL)
            continue;
        if (piece->kind == PIECE_FLAG)
            g_string_append_printf(script, "%s ", piece->text);
        if (piece->kind == PIECE_PREFIX)
            g_string_append(script, piece->text);
        append_shell(expansion, script, value, piece->quote);
    }
    return true;
}

char **hpt_template_expand(const HptTemplate *template, HptTemplateValue value, void *user,
                           GError **error)
{
    g_autoptr(GString) assignments = g_string_new(NULL);
    g_autoptr(GString) script = g_string_new(NULL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    Expansion expansion = {value, user, assignments, 0};
    for (guint i = 0; i < template->words->len; i++) {
        const GArray *pieces = g_ptr_array_index(template->words, i);
        if (template->shell && i > 0)
            g_string_append_c(script, ' ');
        if (template->shell ? !expand_shell_word(&expansion, pieces, script, error)
                            : !expand_word(&expansion, pieces, argv, error))
            return NULL;
    }
    if (template->shell) {
        g_ptr_array_add(argv, g_strdup("sh"));
        g_ptr_array_add(argv, g_strdup("-c"));
        g_ptr_array_add(argv, g_strconcat(assignments->str, script->str, NULL));
    }
    g_ptr_array_add(argv, NULL);
    g_ptr_array_set_free_func(argv, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&argv), FALSE);
}

char *hpt_template_study_name(const char *const *words)
{
    g_autofree char *first = g_strndup(words[0], strcspn(words[0], " \t\n")); /* of a script */
    return g_path_get_basename(first);
}
