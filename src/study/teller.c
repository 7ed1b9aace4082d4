#include "study/teller.h"

#include "base/text.h"
#include "study/outbox.h"

#include <string.h>

struct HptTeller {
    HptTellerOptions options;
    HptProject *project; /* NULL: never reached */
    bool mine;           /* the project is */
    HptSpool *spool;
    GHashTable *studies;
    GHashTable *spooled; /* of char *: results that lie in the spool under these names */
    bool reported;       /* a report was taken */
    GError *away;        /* why; NULL: the database is there */
    HptBackoff backoff;
    int64_t reopen_us; /* monotonic: not tried before */
};

const GError *hpt_teller_away(const HptTeller *teller)
{
    return teller->away;
}

HptProject *hpt_teller_get_project(const HptTeller *teller)
{
    return teller->project;
}

static int64_t patience_of(const HptTeller *teller)
{
    return teller->options.patience_us > 0 ? teller->options.patience_us : HPT_OUTBOX_PATIENCE_US;
}

/* ---- the database comes and goes ---- */

static void go_away(HptTeller *teller, GError *steal_reason)
{
    g_clear_error(&teller->away);
    teller->away = steal_reason;
    teller->reopen_us = hpt_time_monotonic_us() + hpt_backoff_next_us(&teller->backoff);
}

/* Is this server one to write to, and what lies in the spool? A spool that cannot be read stops nobody from telling. */
static bool begin(HptTeller *teller, GPtrArray *notes, GError **error)
{
    HptOutbox outbox;
    GError *problem = NULL;
    hpt_outbox_init(&outbox, teller->project, teller->options.patience_us);
    bool fine = hpt_outbox_begin(&outbox, notes, &problem);
    hpt_outbox_clear(&outbox);
    if (hpt_db_has_standby(hpt_project_get_db(teller->project)))
        hpt_spool_keep(teller->spool);
    if (!fine && g_error_matches(problem, HPT_ERROR, HPT_ERROR_IO)) {
        g_ptr_array_add(notes, g_strdup_printf("the spool cannot be read: %s", problem->message));
        g_clear_error(&problem);
        return true;
    }
    if (!fine)
        g_propagate_error(error, problem);
    return fine;
}

static bool reach(HptTeller *teller, GError **error)
{
    if (teller->project != NULL)
        return teller->away == NULL || hpt_project_reopen(teller->project, error);
    teller->project = hpt_project_open(&teller->options.open, error);
    return teller->project != NULL;
}

/* What lay in the spool is delivered with it. */
static bool come_back(HptTeller *teller, GPtrArray *notes)
{
    GError *problem = NULL;
    if (!reach(teller, &problem) || !begin(teller, notes, &problem)) {
        go_away(teller, problem);
        return false;
    }
    g_clear_error(&teller->away);
    teller->backoff = (HptBackoff){0};
    return true;
}

HptTeller *hpt_teller_new(const HptTellerOptions *options, GPtrArray *notes, GError **error)
{
    g_autoptr(HptTeller) teller = g_new0(HptTeller, 1);
    g_autofree char *folder = options->project != NULL
                                  ? g_strdup(hpt_project_peek_folder(options->project))
                                  : hpt_project_locate(&options->open, error);
    if (folder == NULL)
        return NULL;
    teller->options = *options;
    teller->project = options->project;
    teller->mine = options->project == NULL;
    teller->spool = hpt_spool_new(folder);
    teller->studies = hpt_told_studies_new();
    teller->spooled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!come_back(teller, notes) && !g_error_matches(teller->away, HPT_ERROR, HPT_ERROR_DB_CONNECT)) {
        g_propagate_error(error, g_steal_pointer(&teller->away));
        return NULL;
    }
    return g_steal_pointer(&teller);
}

void hpt_teller_free(HptTeller *teller)
{
    if (teller == NULL)
        return;
    if (teller->spooled != NULL)
        g_hash_table_unref(teller->spooled);
    if (teller->studies != NULL)
        g_hash_table_unref(teller->studies);
    hpt_spool_free(teller->spool);
    if (teller->mine)
        hpt_project_close(teller->project);
    g_clear_error(&teller->away);
    g_free(teller);
}

HptStudy *hpt_teller_study(HptTeller *teller, const char *named, GError **error)
{
    if (teller->away != NULL) {
        g_propagate_error(error, g_error_copy(teller->away));
        return NULL;
    }
    return hpt_told_study(hpt_project_get_db(teller->project), teller->studies,
                          named != NULL ? named : teller->options.study, error);
}

/* ---- telling ---- */

/* Is the result itself wrong? Else its only copy must not be lost. */
static bool is_refusal(const GError *problem)
{
    return g_error_matches(problem, HPT_ERROR, HPT_ERROR_USAGE) || g_error_matches(problem, HPT_ERROR, HPT_ERROR_DATA) ||
           g_error_matches(problem, HPT_ERROR, HPT_ERROR_NOT_FOUND) ||
           g_error_matches(problem, HPT_ERROR, HPT_ERROR_CONFLICT);
}

/* A text that is on its way. */
typedef struct {
    char *text;
    char *name; /* in the spool */
    bool report;
} Sending;

static void clear_sending(Sending *sending)
{
    g_free(sending->text);
    g_free(sending->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sending, clear_sending)

static bool put(HptTeller *teller, const Sending *sending, GError **error)
{
    if (!hpt_spool_put_told(teller->spool, sending->text, error))
        return false;
    if (!sending->report)
        g_hash_table_add(teller->spooled, g_strdup(sending->name));
    return true;
}

/* It has its answer. */
static void take_out(HptTeller *teller, const char *name)
{
    hpt_spool_answered(teller->spool, name);
    g_hash_table_remove(teller->spooled, name);
}

/* Neither the database nor the spool: all that is left is to wait for one of the two. */
static bool wait_with(HptTeller *teller, const Sending *sending, int64_t until_us, GPtrArray *notes,
                      GError **error)
{
    for (;;) {
        g_autoptr(GError) problem = NULL;
        int64_t now_us = hpt_time_monotonic_us();
        if (put(teller, sending, &problem) || (now_us >= teller->reopen_us && come_back(teller, notes)))
            return true;
        if (teller->project == NULL || now_us >= until_us) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT, "%s\nhint: the result is lost: %s", teller->away->message,
                        problem->message);
            return false;
        }
        g_usleep((gulong)CLAMP(teller->reopen_us - now_us, 0, until_us - now_us));
    }
}

/* lay: in the spool, from which it may have been delivered meanwhile. */
static bool record(HptTeller *teller, const char *text, bool lay, HptTellFate *told, char **id, GError **error)
{
    HptTellAnswer answer = HPT_TELL_DONE;
    if (!hpt_told_record(hpt_project_get_db(teller->project), teller->studies, text, strlen(text), &answer, id,
                         error))
        return false;
    *told = answer == HPT_TELL_OVER             ? HPT_TOLD_OVER
            : answer == HPT_TELL_STOP           ? HPT_TOLD_STOP
            : answer == HPT_TELL_AGAIN && !lay ? HPT_TOLD_AGAIN
                                               : HPT_TOLD_RECORDED;
    return true;
}

/* It lies in the spool, or there is a database again. */
static bool keep(HptTeller *teller, const Sending *sending, bool first, int64_t until_us,
                 GError *steal_reason, GPtrArray *notes, GError **error)
{
    go_away(teller, steal_reason);
    g_autoptr(GError) unspooled = NULL;
    /* At once for the first time, as the server may only have been started anew; one without room is there each time. */
    bool kept = put(teller, sending, &unspooled);
    return ((kept || first) && come_back(teller, notes)) || kept ||
           wait_with(teller, sending, until_us, notes, error);
}

bool hpt_teller_tell(HptTeller *teller, const HptTellLine *line, HptTellFate *told, char **id, GPtrArray *notes,
                     GError **error)
{
    g_auto(Sending) sending = {.text = hpt_told_text(line, teller->options.study, error), .report = line->report};
    if (sending.text == NULL)
        return false;
    sending.name = hpt_spool_told_name(sending.text);
    teller->reported = teller->reported || line->report;
    bool standby = hpt_spool_keeps(teller->spool), lay = false;
    int64_t until_us = hpt_time_monotonic_us() + patience_of(teller);
    *id = NULL;
    *told = HPT_TOLD_SPOOLED;
    if (teller->away != NULL && hpt_time_monotonic_us() >= teller->reopen_us)
        come_back(teller, notes);
    g_autoptr(GError) ignored = NULL; /* what matters is that it is sent */
    if ((standby || teller->away != NULL) && !put(teller, &sending, &ignored) && teller->away != NULL &&
        !wait_with(teller, &sending, until_us, notes, error))
        return false;
    while (teller->away == NULL) {
        GError *problem = NULL;
        if (record(teller, sending.text, lay, told, id, &problem)) {
            take_out(teller, sending.name);
            return true;
        }
        if (is_refusal(problem)) {
            take_out(teller, sending.name);
            g_propagate_error(error, problem);
            return false;
        }
        if (!g_error_matches(problem, HPT_ERROR, HPT_ERROR_DB_CONNECT)) {
            if (put(teller, &sending, NULL))
                g_prefix_error(&problem, "the result is kept as %s/%s.end, as the database does not take it: ",
                               hpt_spool_peek_folder(teller->spool), sending.name);
            g_propagate_error(error, problem);
            return false;
        }
        if (!keep(teller, &sending, !lay, until_us, problem, notes, error))
            return false;
        lay = true;
    }
    return true;
}

/* ---- the end ---- */

size_t hpt_teller_owed(const HptTeller *teller)
{
    return g_hash_table_size(teller->spooled);
}

static void explain(const HptTeller *teller, GError **error)
{
    size_t n = hpt_teller_owed(teller);
    GError *problem = g_error_copy(teller->away);
    if (n > 0) {
        g_autofree char *before = g_steal_pointer(&problem->message);
        problem->message = g_strdup_printf("%s\nhint: %zu result%s in the spool, %s; the next hpt-tell, hpt-ask or hpt-run of "
                                           "this project delivers %s",
                                           before, n, n == 1 ? " lies" : "s lie", hpt_spool_peek_folder(teller->spool),
                                           n == 1 ? "it" : "them");
    }
    g_propagate_error(error, problem);
}

bool hpt_teller_end(HptTeller *teller, size_t *refused, GPtrArray *notes, GError **error)
{
    int64_t until_us = hpt_time_monotonic_us() + patience_of(teller);
    while (teller->away != NULL &&
           (hpt_teller_owed(teller) > 0 || (teller->project == NULL && !teller->reported))) {
        int64_t now_us = hpt_time_monotonic_us();
        if (teller->project == NULL || teller->reopen_us > until_us) {
            explain(teller, error);
            return false;
        }
        if (teller->reopen_us > now_us)
            g_usleep((gulong)(teller->reopen_us - now_us));
        come_back(teller, notes);
    }
    *refused = 0;
    GHashTableIter iter;
    gpointer name;
    for (g_hash_table_iter_init(&iter, teller->spooled); g_hash_table_iter_next(&iter, &name, NULL);)
        *refused += hpt_spool_is_aside(teller->spool, name);
    g_hash_table_remove_all(teller->spooled);
    return true;
}
