#include "study/name.h"

#include "base/number.h"
#include "record/secret.h"
#include "study/recommend.h"
#include "study/study.h"

#include <string.h>

void hpt_study_name_clear(HptStudyName *name)
{
    g_clear_pointer(&name->study, g_free);
    g_clear_pointer(&name->view, g_free);
}

void hpt_trial_name_clear(HptTrialName *name)
{
    hpt_study_name_clear(&name->study);
}

/* ---- studies ---- */

/* The record is text, and a name is shown in every message. */
bool hpt_study_name_check(const char *name, GError **error)
{
    const char *wrong = NULL;
    if (name[0] == '\0')
        wrong = "is empty";
    else if (!g_utf8_validate(name, -1, NULL))
        wrong = "is not UTF-8";
    else if (g_utf8_strlen(name, -1) > 200)
        wrong = "is longer than 200 characters";
    for (const char *c = name; wrong == NULL && *c != '\0'; c++)
        if (g_ascii_iscntrl(*c))
            wrong = "holds a control character";
    if (wrong == NULL && hpt_secret_in_name(name))
        wrong = "holds what looks like a secret, and it would be kept in the record";
    if (wrong == NULL)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "the study's name %s\nhint: give it another one with -s NAME", wrong);
    return false;
}

static bool fail_unknown_study(HptDb *db, const char *text, GError **error)
{
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_STUDY_NAMES, NULL, error);
    if (rows == NULL)
        return false;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < hpt_rows_count(rows); i++)
        g_ptr_array_add(names, (char *)hpt_rows_peek_text(rows, i, 0));
    g_ptr_array_add(names, NULL);
    const char *near = hpt_suggest(text, (const char *const *)names->pdata);
    if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "no study '%s'; did you mean '%s'?",
                    text, near);
    else if (names->len == 1)
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND,
                    "no study '%s': there is no study here yet\nhint: hpt-run or hpt-ask makes one", text);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND,
                    "no study '%s'\nhint: hpt-query --studies lists them", text);
    return false;
}

static bool find_current(HptDb *db, HptStudyName *out, GError **error)
{
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, HPT_SQL_STUDY_CURRENT, NULL, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND,
                    "there is no study here yet\nhint: hpt-run or hpt-ask makes one");
        return false;
    }
    out->study = g_strdup(hpt_rows_peek_text(rows, 0, 0));
    out->view = g_strdup(hpt_rows_peek_text(rows, 0, 1));
    out->count = hpt_rows_int8(rows, 0, 2);
    out->chosen = out->count > 1;
    return true;
}

bool hpt_study_name_find(HptDb *db, const char *text, HptStudyName *out, GError **error)
{
    if (text == NULL)
        return find_current(db, out, error);
    /* No server could compare bytes that are not UTF-8, and no study has such a name. */
    if (!g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "no study '%s': not UTF-8", text);
        return false;
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, text);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, HPT_SQL_STUDY_BY_NAME, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0)
        return fail_unknown_study(db, text, error);
    out->study = g_strdup(hpt_rows_peek_text(rows, 0, 0));
    out->view = g_strdup(hpt_rows_peek_text(rows, 0, 1));
    return true;
}

/* ---- trials ---- */

/* "best" and "best~K": true with *back = 0 or K when text is word in one of these forms. */
static bool counted(const char *text, const char *word, int64_t *back)
{
    size_t length = strlen(word);
    if (strncmp(text, word, length) != 0)
        return false;
    *back = 0;
    if (text[length] == '\0')
        return true;
    return text[length] == '~' && g_ascii_isdigit(text[length + 1]) &&
           hpt_integer_parse(text + length + 1, back) && *back < INT64_MAX;
}

static bool fail_form(const char *text, GError **error)
{
    static const char *const words[] = {"best", "recommended", "last", "@first-failed", "@last-failed", NULL};
    const char *near = hpt_suggest(text, words);
    g_autofree char *meant = near != NULL ? g_strdup_printf("; did you mean '%s'?", near) : NULL;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "'%s' does not name a trial%s\n"
                "hint: a trial is a number, STUDY/NUMBER, best, best~1, recommended, last, @first-failed "
                "or sha256:HASH",
                text, meant != NULL ? meant : "");
    return false;
}

/* Says that there is no such trial, and which trials the study has. */
static bool fail_no_trial(HptDb *db, const char *study, const char *text, const char *why,
                          GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_TRIAL_SPAN, args, error);
    if (rows == NULL)
        return false;
    int64_t count = hpt_rows_int8(rows, 0, 0);
    g_autoptr(GString) message = g_string_new(NULL);
    g_string_append_printf(message, "study '%s' has no trial '%s'", study, text);
    if (count == 0)
        g_string_append(message, ": it has no trials yet");
    else if (why != NULL)
        g_string_append_printf(message, ": %s", why);
    else
        g_string_append_printf(
            message, "; it has %" G_GINT64_FORMAT " from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
            count, hpt_rows_int8(rows, 0, 1), hpt_rows_int8(rows, 0, 2));
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, message->str);
    return false;
}

/* Runs a statement whose first argument is the study and the second a number. */
static bool find_numbered(HptDb *db, HptSql sql, const char *study, int64_t number,
                          const char *text, const char *why, int64_t *trial, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    hpt_args_int8(args, number);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, sql, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0)
        return fail_no_trial(db, study, text, why, error);
    *trial = hpt_rows_int8(rows, 0, 0);
    return true;
}

static bool find_recommended(HptDb *db, const char *study, const char *text, int64_t *trial, GError **error)
{
    g_autoptr(HptDefinition) definition = hpt_study_definition(db, study, 0, error);
    if (definition == NULL)
        return false;
    if (hpt_metrics_objectives(definition->metrics) != 1)
        return fail_no_trial(db, study, text, "it has not one objective", error);
    HptRecommendation recommendation;
    bool found = false;
    if (!hpt_recommend_study(db, study, definition, NULL, 0, &recommendation, &found, error))
        return false;
    if (!found)
        return fail_no_trial(db, study, text, "none is complete and feasible", error);
    *trial = recommendation.number;
    return true;
}

static bool is_state(HptDb *db, const char *word, bool *found, GError **error)
{
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_TRIAL_STATES, NULL, error);
    if (rows == NULL)
        return false;
    *found = false;
    for (size_t i = 0; i < hpt_rows_count(rows); i++)
        *found = *found || strcmp(hpt_rows_peek_text(rows, i, 0), word) == 0;
    return true;
}

/* "@first-STATE" and "@last-STATE". */
static bool find_by_state(HptDb *db, const char *study, const char *text, int64_t *trial,
                          GError **error)
{
    bool last = g_str_has_prefix(text, "@last-");
    const char *state = text + strlen(last ? "@last-" : "@first-");
    bool known = false;
    if (!is_state(db, state, &known, error))
        return false;
    if (!known)
        return fail_form(text, error);
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    hpt_args_text(args, state);
    hpt_args_bool(args, last);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_TRIAL_BY_STATE, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_null(rows, 0, 0)) {
        g_autofree char *why = g_strdup_printf("none is %s", state);
        return fail_no_trial(db, study, text, why, error);
    }
    *trial = hpt_rows_int8(rows, 0, 0);
    return true;
}

/* "sha256:PREFIX" */
static bool find_by_hash(HptDb *db, const char *study, const char *text, int64_t *trial,
                         GError **error)
{
    g_autofree char *prefix = g_ascii_strdown(text + strlen("sha256:"), -1);
    size_t digits = strspn(prefix, "0123456789abcdef");
    if (digits < 4 || digits > 64 || prefix[digits] != '\0') {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "'%s': a hash is 4 to 64 hexadecimal digits",
                    text);
        return false;
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    hpt_args_text(args, prefix);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_TRIAL_BY_CONFIG, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0)
        return fail_no_trial(db, study, text, "no configuration has that hash", error);
    if (hpt_rows_count(rows) > 1) {
        g_set_error(
            error, HPT_ERROR, HPT_ERROR_USAGE,
            "'%s' fits several configurations\nhint: sha256:%.12s is trial %" G_GINT64_FORMAT
            ", sha256:%.12s is trial %" G_GINT64_FORMAT,
            text, hpt_rows_peek_text(rows, 0, 1), hpt_rows_int8(rows, 0, 0),
            hpt_rows_peek_text(rows, 1, 1), hpt_rows_int8(rows, 1, 0));
        return false;
    }
    *trial = hpt_rows_int8(rows, 0, 0);
    return true;
}

static bool find_in_study(HptDb *db, const char *study, const char *text, int64_t *trial,
                          GError **error)
{
    int64_t number = 0;
    if (g_ascii_isdigit(text[0]) && hpt_integer_parse(text, &number))
        return find_numbered(db, HPT_SQL_TRIAL_BY_NUMBER, study, number, text, NULL, trial, error);
    if (counted(text, "best", &number))
        return find_numbered(db, HPT_SQL_TRIAL_BY_PLACE, study, number + 1, text,
                             number == 0 ? "none is complete and feasible"
                                         : "not so many are complete and feasible",
                             trial, error);
    if (strcmp(text, "recommended") == 0)
        return find_recommended(db, study, text, trial, error);
    if (counted(text, "last", &number))
        return find_numbered(db, HPT_SQL_TRIAL_FROM_LAST, study, number, text, NULL, trial, error);
    if (g_str_has_prefix(text, "@first-") || g_str_has_prefix(text, "@last-"))
        return find_by_state(db, study, text, trial, error);
    if (g_str_has_prefix(text, "sha256:"))
        return find_by_hash(db, study, text, trial, error);
    return fail_form(text, error);
}

bool hpt_trial_name_find(HptDb *db, const char *study, const char *text, HptTrialName *out,
                         GError **error)
{
    if (!g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "'%s' does not name a trial: not UTF-8",
                    text);
        return false;
    }
    const char *slash = strrchr(text, '/');
    g_autofree char *named = slash != NULL ? g_strndup(text, (size_t)(slash - text)) : NULL;
    const char *form = slash != NULL ? slash + 1 : text;
    g_auto(HptStudyName) found = {0};
    int64_t trial = 0;
    if (!hpt_study_name_find(db, named != NULL ? named : study, &found, error) ||
        !find_in_study(db, found.study, form, &trial, error))
        return false;
    out->study = found;
    out->trial = trial;
    found = (HptStudyName){0};
    return true;
}
