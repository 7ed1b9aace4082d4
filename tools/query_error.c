/* What the server said, said so that the user can act on it. */
#include "query.h"

#include "base/number.h"
#include "base/text.h"

#include <string.h>

/* "…, line 2, column 7…" of a message of the server. */
static bool find_place(const char *message, size_t *line, size_t *column)
{
    g_autoptr(GRegex) regex = g_regex_new(", line ([0-9]{1,9}), column ([0-9]{1,9})", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    if (!g_regex_match(regex, message, 0, &match))
        return false;
    g_autofree char *l = g_match_info_fetch(match, 1), *c = g_match_info_fetch(match, 2);
    int64_t at_line = 0, at_column = 0;
    if (!hpt_integer_parse(l, &at_line) || !hpt_integer_parse(c, &at_column) || at_line < 1 ||
        at_column < 1)
        return false;
    *line = (size_t)at_line;
    *column = (size_t)at_column;
    return true;
}

/* The line of sql and a caret under the column, each on its own line; NULL if there is no such
 * place. A long line is cut around the place. */
static char *mark_place(const char *sql, size_t line, size_t column)
{
    enum { BEFORE = 50, AFTER = 25 };
    g_auto(GStrv) lines = g_strsplit(sql, "\n", -1);
    if (line > g_strv_length(lines))
        return NULL;
    const char *text = lines[line - 1];
    if (!g_utf8_validate(text, -1, NULL) || (glong)column > g_utf8_strlen(text, -1) + 1)
        return NULL;
    glong length = g_utf8_strlen(text, -1), at = (glong)column - 1;
    glong begin = MAX(at - BEFORE, 0), end = MIN(at + AFTER, length);
    g_autofree char *before = g_utf8_substring(text, begin, at);
    g_autofree char *after = g_utf8_substring(text, at, end);
    /* Tabs would move the caret, and other controls are not for the terminal. */
    g_strdelimit(before, "\t", ' ');
    g_strdelimit(after, "\t", ' ');
    g_autofree char *shown_before = hpt_text_printable(before, -1);
    g_autofree char *shown_after = hpt_text_printable(after, -1);
    const char *left = begin > 0 ? "..." : "";
    return g_strdup_printf("  %s%s%s%s\n  %*s^", left, shown_before, shown_after,
                           end < length ? "..." : "",
                           (int)(strlen(left) + hpt_text_width(shown_before)), "");
}

/* message with the marked place after its first line. */
static char *with_place(const char *message, const char *sql)
{
    size_t line = 0, column = 0;
    g_autofree char *mark =
        find_place(message, &line, &column) ? mark_place(sql, line, column) : NULL;
    if (mark == NULL)
        return g_strdup(message);
    const char *end = strchr(message, '\n');
    size_t first = end != NULL ? (size_t)(end - message) : strlen(message);
    return g_strdup_printf("%.*s\n%s%s", (int)first, message, mark, message + first);
}

static void replace(GError **error, HptErrorCode code, const char *message)
{
    g_autofree char *kept = g_strdup(message);
    g_clear_error(error);
    g_set_error_literal(error, HPT_ERROR, (int)code, kept);
}

/* Classes of SQLSTATE that say the statement itself cannot be done. */
static bool is_wrong_statement(const char *state)
{
    static const char *const classes[] = {"0A", "0L", "20", "21", "22", "23", "24",
                                          "25", "26", "2B", "2D", "34", "38", "39",
                                          "3B", "3D", "3F", "42", "44", "55", "P0"};
    for (size_t i = 0; i < G_N_ELEMENTS(classes); i++)
        if (strncmp(state, classes[i], 2) == 0)
            return true;
    return false;
}

/* Somebody who types "hpt-query svm" means the study. */
static bool is_word(const char *sql)
{
    return sql[strspn(sql, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] ==
           '\0';
}

void query_error_explain(GError **error, const char *sql, int64_t timeout_us)
{
    char state[6];
    if (error == NULL || !hpt_db_sqlstate(*error, state))
        return;
    const char *was = (*error)->message;
    g_autofree char *message = NULL;
    if (strcmp(state, "57014") == 0 && timeout_us > 0) {
        g_autofree char *span = hpt_duration_text(timeout_us);
        message = g_strdup_printf("stopped after %s\nhint: --timeout=30m waits longer, --timeout=0 "
                                  "for ever",
                                  span);
        replace(error, HPT_ERROR_DB, message);
    } else if (strcmp(state, "08P01") == 0) { /* what the server says of $1, which nobody gives */
        message = g_strdup_printf("%s\nhint: hpt-query has no values for $1, $2 …", was);
        replace(error, HPT_ERROR_DATA, message);
    } else if (strcmp(state, "25006") == 0) {
        message = g_strdup_printf("hpt-query only reads: %s", was);
        replace(error, HPT_ERROR_DATA, message);
    } else if (strcmp(state, "42501") == 0) {
        message = g_strdup_printf("%s\nhint: hpt-query reads the views of the schemas hpt and "
                                  "hpt_study; hpt-schema(7) lists them",
                                  was);
        replace(error, HPT_ERROR_DATA, message);
    } else if (strcmp(state, "42601") == 0 && strstr(was, "multiple commands") != NULL) {
        replace(error, HPT_ERROR_DATA,
                "one statement at a time\nhint: hpt-query --psql opens psql for more");
    } else if (is_wrong_statement(state)) {
        g_autofree char *placed = with_place(was, sql);
        message = g_strconcat(
            placed, is_word(sql) ? "\nhint: an argument is SQL; -s NAME shows a study" : "", NULL);
        replace(error, HPT_ERROR_DATA, message);
    }
}
