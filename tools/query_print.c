/* From rows to text, and from text to where the user wants it. */
#include "query.h"

#include "base/number.h"
#include "store/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- rows ---- */

typedef struct {
    const QueryPlan *plan;
    const QueryPrint *print;
    HptSink sink;
    void *user;
    HptWriter *writer;
    HptColumnType *types; /* of the columns that come from the server */
    char **names;         /* long form: their names */
    const char **values;
    size_t n;
    int64_t rows;
    bool stopped; /* at the limit */
} Printer;

/* In the long form every row of the server becomes a row per value. */
static const HptColumn long_columns[] = {
    {.name = "trial", .type = HPT_COLUMN_INT, .keep = true},
    {.name = "name", .type = HPT_COLUMN_TEXT, .keep = true},
    {.name = "value", .type = HPT_COLUMN_TEXT, .keep = true},
};

static bool begin(const HptDbColumn *columns, size_t n, void *user, GError **error)
{
    Printer *p = user;
    if (n == 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the statement returns nothing to print");
        return false;
    }
    g_autofree HptColumn *shown = g_new0(HptColumn, n);
    p->n = n;
    p->types = g_new0(HptColumnType, n);
    p->names = g_new0(char *, n + 1);
    p->values = g_new0(const char *, n);
    for (size_t i = 0; i < n; i++) {
        shown[i] = (HptColumn){.name = columns[i].name,
                               .type = hpt_column_type_of_oid(columns[i].type),
                               .rank = (int)i,
                               .keep = p->plan->columns == NULL};
        p->types[i] = shown[i].type;
        p->names[i] = g_strdup(columns[i].name);
        if (p->plan->columns != NULL && i < p->plan->columns->len) {
            const QueryColumn *column = p->plan->columns->pdata[i];
            shown[i].rank = column->rank;
            shown[i].keep = column->keep;
        }
    }
    p->writer = p->print->long_form ? hpt_writer_new(&p->print->show, long_columns,
                                                     G_N_ELEMENTS(long_columns), p->sink, p->user)
                                    : hpt_writer_new(&p->print->show, shown, n, p->sink, p->user);
    return true;
}

/* A value in the long form, where a column has all types: as a data format writes it. Owned. */
static char *long_value(HptColumnType type, const char *text)
{
    if (type == HPT_COLUMN_REAL) {
        char shortest[HPT_NUMBER_TEXT_SIZE];
        double value = 0;
        if (hpt_number_parse(text, &value, NULL))
            return g_strdup(hpt_number_text(value, shortest));
    } else if (type == HPT_COLUMN_TIME) {
        char *time = hpt_time_normalise(text);
        if (time != NULL)
            return time;
    } else if (type == HPT_COLUMN_BOOL)
        return g_strdup(*text == 't' ? "true" : "false");
    return g_strdup(text);
}

static bool add_long(Printer *p, const HptDbText *values, GError **error)
{
    for (size_t i = 1; i < p->n; i++) {
        if (values[i].text == NULL)
            continue;
        g_autofree char *value = long_value(p->types[i], values[i].text);
        const char *fact[] = {values[0].text, p->names[i], value};
        if (!hpt_writer_add(p->writer, fact, error))
            return false;
    }
    return true;
}

static bool row(const HptDbText *values, size_t n, void *user, GError **error)
{
    Printer *p = user;
    if (p->print->most_rows > 0 && p->rows == (int64_t)p->print->most_rows) {
        p->stopped = true;
        g_set_error(error, HPT_ERROR, HPT_ERROR_EXHAUSTED, "enough rows");
        return false;
    }
    p->rows++;
    if (p->print->long_form)
        return add_long(p, values, error);
    for (size_t i = 0; i < n; i++)
        p->values[i] = values[i].text;
    return hpt_writer_add(p->writer, p->values, error);
}

static void printer_clear(Printer *p)
{
    hpt_writer_free(p->writer);
    g_free(p->types);
    g_strfreev(p->names);
    g_free(p->values);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Printer, printer_clear)

/* How many rows there are in all; -1 if the user's own statement was stopped: running it to its end
 * only to count could take for ever. */
static bool count_rows(HptDb *db, const Printer *p, int64_t *count, GError **error)
{
    *count = p->stopped ? -1 : p->rows;
    if (!p->stopped || p->plan->columns == NULL)
        return true;
    g_autofree char *sql = g_strdup_printf("select count(*) from (%s) q", p->plan->sql);
    g_autoptr(HptRows) rows = hpt_db_rows_text(db, sql, NULL, error);
    if (rows == NULL)
        return false;
    *count = hpt_rows_int8(rows, 0, 0);
    return true;
}

bool query_print(HptDb *db, const QueryPlan *plan, const QueryPrint *print, HptSink sink,
                 void *user, int64_t *rows, char **note, GError **error)
{
    if (plan->importance)
        return query_importance(db, plan, print, sink, user, rows, note, error);
    g_auto(Printer) p = {.plan = plan, .print = print, .sink = sink, .user = user};
    /* One row more than is shown tells whether there are more. */
    g_autofree char *limited =
        print->most_rows > 0 && plan->columns != NULL
            ? g_strdup_printf("%s\nlimit %zu", plan->sql, print->most_rows + 1)
            : g_strdup(plan->sql);
    HptDbStream stream = {.sql = limited,
                          .search_path = QUERY_SEARCH_PATH,
                          .timeout_us = print->timeout_us,
                          .begin = begin,
                          .row = row,
                          .user = &p};
    g_autoptr(GError) failed = NULL;
    if (!hpt_db_stream(db, &stream, &failed) && !p.stopped) {
        query_error_explain(&failed, plan->sql, print->timeout_us);
        g_propagate_error(error, g_steal_pointer(&failed));
        return false;
    }
    if (p.writer == NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "the statement returns nothing to print");
        return false;
    }
    return hpt_writer_end(p.writer, note, error) && count_rows(db, &p, rows, error);
}

/* ---- files ---- */

/* Runs body on a stream over fd, which it closes. */
static bool write_stream(int fd, const char *path,
                         bool (*body)(FILE *file, void *user, GError **error), void *user,
                         GError **error)
{
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        hpt_error_set_errno(error, errno, "%s", path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool done = body(file, user, error);
    errno = 0;
    bool written = !ferror(file) && fflush(file) == 0;
    int errnum = errno;
    if (fclose(file) != 0 && written) {
        written = false;
        errnum = errno;
    }
    if (done && !written)
        hpt_error_set_errno(error, errnum != 0 ? errnum : EIO, "%s", path);
    return done && written;
}

bool query_write_file(const char *path, bool (*body)(FILE *file, void *user, GError **error),
                      void *user, GError **error)
{
    if (hpt_new_file_is_special(path))
        return write_stream(open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), path, body, user, error);
    g_auto(HptNewFile) file = HPT_NEW_FILE_NONE;
    return hpt_new_file_open(&file, path, error) &&
           write_stream(fcntl(file.fd, F_DUPFD_CLOEXEC, 3), path, body, user, error) &&
           hpt_new_file_publish(&file, error);
}

/* ---- the pager ---- */

static bool spawn_pager(const char *pager, int input, pid_t *pid, GError **error)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    setenv("LESS", "FRSX", 0);
    char *const argv[] = {"sh", "-c", (char *)pager, NULL};
    int errnum = posix_spawn(pid, "/bin/sh", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errnum != 0)
        hpt_error_set_errno(error, errnum, "pager '%s'", pager);
    return errnum == 0;
}

/* Writes all of text; a reader that left has seen enough. */
static bool feed(int fd, const char *text, GError **error)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t done = write(fd, text, left);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno == EPIPE)
            return true;
        if (done < 0) {
            hpt_error_set_errno(error, errno, "pager");
            return false;
        }
        text += done;
        left -= (size_t)done;
    }
    return true;
}

bool query_page(const char *text, const char *pager, bool *shown, GError **error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        hpt_error_set_errno(error, errno, "pager");
        return false;
    }
    pid_t pid = 0;
    bool started = spawn_pager(pager, ends[0], &pid, error);
    close(ends[0]);
    /* The pager answers Ctrl-C itself, and may end before it has read all. */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, was_pipe, was_int;
    sigaction(SIGPIPE, &ignore, &was_pipe);
    sigaction(SIGINT, &ignore, &was_int);
    bool fed = started && feed(ends[1], text, error);
    close(ends[1]);
    int status = 0;
    while (started && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    /* What the shell says of a command that it cannot run. */
    *shown = !WIFEXITED(status) || (WEXITSTATUS(status) != HPT_EXIT_NO_COMMAND &&
                                    WEXITSTATUS(status) != HPT_EXIT_NOT_EXECUTABLE);
    sigaction(SIGPIPE, &was_pipe, NULL);
    sigaction(SIGINT, &was_int, NULL);
    return fed;
}
