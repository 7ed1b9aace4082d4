#include "study/persist.h"

#include "base/text.h"
#include "study/outbox.h"

HptRows *hpt_persist_rows(HptProject *project, HptSql sql, const HptArgs *args, int64_t patience_us,
                          GError **error)
{
    HptBackoff backoff = {0};
    int64_t until_us =
        hpt_time_monotonic_us() + (patience_us > 0 ? patience_us : HPT_OUTBOX_PATIENCE_US);
    for (;;) {
        g_autoptr(GError) reason = NULL;
        HptRows *rows = hpt_db_rows(hpt_project_get_db(project), sql, args, &reason);
        if (rows != NULL)
            return rows;
        bool again = hpt_db_retry_class(reason) == HPT_RETRY_RECONNECT ||
                     g_error_matches(reason, HPT_ERROR, HPT_ERROR_DB_CONNECT);
        int64_t wait_us = hpt_backoff_next_us(&backoff);
        if (!again || hpt_time_monotonic_us() + wait_us > until_us) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return NULL;
        }
        g_usleep((gulong)wait_us);
        g_autoptr(GError) away = NULL;
        if (!hpt_project_reopen(project, &away))
            g_debug("%s", away->message);
    }
}
