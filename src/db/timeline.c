#include "db/timeline.h"

#include "base/number.h"

#include <string.h>

#define REFUSAL "nothing is written to "

static bool parse_hex(const char *text, uint32_t *out)
{
    uint32_t value = 0;
    for (int i = 0; i < 8; i++) {
        int digit = g_ascii_xdigit_value(text[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint32_t)digit;
    }
    *out = value;
    return true;
}

bool hpt_timeline_read(HptDb *db, HptTimeline *out, GError **error)
{
    HptTimeline now = {0};
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_SERVER_TIMELINE, NULL, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_bool(rows, 0, 0)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                    "%s is a standby: it can be read, by hpt-query and hpt-export, but trials "
                    "cannot be recorded there (SQLSTATE 25006)\n"
                    "hint: name the primary in the dsn too, with target_session_attrs=read-write",
                    hpt_db_peek_where(db));
        return false;
    }
    const char *file = hpt_rows_peek_text(rows, 0, 1);
    if (file == NULL || strlen(file) != 24 || !parse_hex(file, &now.timeline)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB, "%s does not say its timeline",
                    hpt_db_peek_where(db));
        return false;
    }
    g_autoptr(GError) refused = NULL;
    g_autoptr(HptRows) system = hpt_db_row(db, HPT_SQL_SERVER_SYSTEM, NULL, &refused);
    char state[6];
    if (system != NULL) {
        g_strlcpy(now.system, hpt_rows_peek_text(system, 0, 0), sizeof now.system);
    } else if (!hpt_db_sqlstate(refused, state) || strcmp(state, "42501") != 0) {
        g_propagate_error(error, g_steal_pointer(&refused));
        return false;
    }
    *out = now;
    return true;
}

bool hpt_timeline_advance(HptTimeline *highest, const HptTimeline *now, const char *where,
                          bool *risen, GError **error)
{
    bool known = highest->timeline != 0;
    if (known && highest->system[0] != '\0' && now->system[0] != '\0' &&
        strcmp(highest->system, now->system) != 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                    REFUSAL "%s: it is system %s, and this study was on system %s", where,
                    now->system, highest->system);
        return false;
    }
    if (known && now->timeline < highest->timeline) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT,
                    REFUSAL "%s: it is on timeline %u, and timeline %u was seen before\n"
                            "hint: an old primary came back after a standby was promoted; stop it, "
                            "or make it a standby",
                    where, now->timeline, highest->timeline);
        return false;
    }
    if (risen != NULL)
        *risen = known && now->timeline > highest->timeline;
    *highest = *now;
    return true;
}

bool hpt_timeline_is_refusal(const GError *error)
{
    return error != NULL && error->domain == HPT_ERROR && strstr(error->message, REFUSAL) != NULL;
}

char *hpt_timeline_text(const HptTimeline *timeline)
{
    return g_strdup_printf("%s %u\n", timeline->system[0] != '\0' ? timeline->system : "-",
                           timeline->timeline);
}

bool hpt_timeline_parse(const char *text, HptTimeline *out)
{
    g_autofree char *line = g_strstrip(g_strdup(text));
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    int64_t timeline = 0;
    if (g_strv_length(words) != 2 || strlen(words[0]) >= sizeof out->system ||
        !hpt_integer_parse(words[1], &timeline) || timeline < 1 || timeline > UINT32_MAX)
        return false;
    *out = (HptTimeline){.timeline = (uint32_t)timeline};
    g_strlcpy(out->system, strcmp(words[0], "-") == 0 ? "" : words[0], sizeof out->system);
    return true;
}
