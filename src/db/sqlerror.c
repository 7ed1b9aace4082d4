/* SQLSTATE to error code, message and class of trying again. */
#include "db/internal.h"
#include "db/process.h"

#include <string.h>
#include <sys/random.h>

#define STATE_MARK " (SQLSTATE "

HptErrorCode db_error_code(const char *s)
{
    static const struct {
        const char *prefix; /* the first that fits counts */
        HptErrorCode code;
    } codes[] = {
        {"08", HPT_ERROR_DB_CONNECT},    {"57P01", HPT_ERROR_DB_CONNECT},
        {"57P02", HPT_ERROR_DB_CONNECT}, {"57P03", HPT_ERROR_DB_CONNECT},
        {"53", HPT_ERROR_DB_CONNECT},    {"25006", HPT_ERROR_DB_CONNECT},
        {"40001", HPT_ERROR_CONFLICT},   {"40P01", HPT_ERROR_CONFLICT},
        {"55P03", HPT_ERROR_CONFLICT},   {"23505", HPT_ERROR_CONFLICT},
        {"42501", HPT_ERROR_PERMISSION}, {"28", HPT_ERROR_PERMISSION},
        {"22", HPT_ERROR_DATA},          {"23", HPT_ERROR_DATA},
        {"P0002", HPT_ERROR_NOT_FOUND},  {"XX001", HPT_ERROR_INTEGRITY},
        {"XX002", HPT_ERROR_INTEGRITY},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
        if (g_str_has_prefix(s, codes[i].prefix))
            return codes[i].code;
    return HPT_ERROR_DB;
}

/* Where in sql the server's character position is. */
static void append_place(GString *message, const char *sql, const char *position)
{
    int64_t place = position == NULL ? 0 : leading_number(position);
    size_t line = 1, column = 1;
    if (place <= 0 || sql == NULL)
        return;
    for (const char *p = sql; --place > 0 && *p != '\0'; p = g_utf8_next_char(p)) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    g_string_append_printf(message, ", line %zu, column %zu", line, column);
}

char *db_one_line(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) out = g_string_new(NULL);
    for (char **line = lines; *line != NULL; line++) {
        g_strstrip(*line);
        if (**line != '\0')
            g_string_append_printf(out, "%s%s", out->len > 0 ? "; " : "", *line);
    }
    return g_strdup(out->str);
}

void db_error_from_result(GError **error, const PGresult *result, const char *sql)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    g_autoptr(GString) message = g_string_new(NULL);
    if (state == NULL) { /* made by libpq itself: the connection broke */
        state = "08006";
        g_autofree char *line = db_one_line(PQresultErrorMessage(result));
        g_string_append(message, line);
    } else {
        g_autofree char *line = db_one_line(primary == NULL ? "no message" : primary);
        g_autofree char *more = db_one_line(detail == NULL ? "" : detail);
        g_string_append(message, line);
        append_place(message, sql, PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
        g_string_append_printf(message, "%s%s", detail == NULL ? "" : ": ", more);
    }
    g_string_append_printf(message, STATE_MARK "%s)", state);
    if (hint != NULL) {
        g_autofree char *line = db_one_line(hint);
        g_string_append_printf(message, "\nhint: %s", line);
    }
    g_set_error_literal(error, HPT_ERROR, (int)db_error_code(state), message->str);
}

void db_error_lost(GError **error, const HptDb *db)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                "connection to %s lost: %s" STATE_MARK "%s)", db->where,
                db->lost == NULL ? "closed" : db->lost, "08006");
}

bool hpt_db_sqlstate(const GError *error, char *out)
{
    const char *mark =
        error == NULL || error->domain != HPT_ERROR ? NULL : g_strrstr(error->message, STATE_MARK);
    if (mark == NULL)
        return false;
    mark += strlen(STATE_MARK);
    if (strlen(mark) < 6 || mark[5] != ')')
        return false;
    memcpy(out, mark, 5);
    out[5] = '\0';
    return true;
}

HptRetry hpt_db_retry_class(const GError *error)
{
    static const char *const reconnect[] = {"57P01", "57P02", "57P03", "53100", "53200",
                                            "53300", "25006", NULL};
    static const char *const again[] = {"40001", "40P01", "55P03", NULL};
    char state[6];
    if (!hpt_db_sqlstate(error, state))
        return HPT_RETRY_NO;
    if (g_str_has_prefix(state, "08") || g_strv_contains(reconnect, state))
        return HPT_RETRY_RECONNECT;
    return g_strv_contains(again, state) ? HPT_RETRY_STATEMENT : HPT_RETRY_NO;
}

#define BACKOFF_LEAST_US INT64_C(200000)
#define BACKOFF_MOST_US INT64_C(30000000)

/* Decorrelated jitter: uniform between the least wait and three times the last one. The kernel's
 * random bytes, so that a thousand workers that lost one server do not come back in step. */
int64_t hpt_backoff_next_us(HptBackoff *backoff)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)g_get_monotonic_time() * 2654435761u;
    int64_t upper = MAX(backoff->last_us * 3, 2 * BACKOFF_LEAST_US);
    int64_t span = MIN(upper, BACKOFF_MOST_US) - BACKOFF_LEAST_US;
    backoff->last_us = BACKOFF_LEAST_US + (int64_t)((double)span * ((double)random / 4294967296.0));
    return backoff->last_us;
}
