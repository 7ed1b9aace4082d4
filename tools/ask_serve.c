#include "tools/ask_serve.h"

#include "base/text.h"
#include "tools/ask_print.h"
#include "study/teller.h"
#include "tools/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const AskSettings *settings;
    HptProject *project;
    HptStudy *study;
    HptAsker *asker;
    HptTeller *teller;
    GPtrArray *notes; /* of the teller */
    GPtrArray *open;  /* of HptAsked: given out and without a result */
    int64_t renew_us; /* monotonic */
    bool quit;
} Serve;

/* ---- what is given out ---- */

static void forget(Serve *serve, int64_t number, int attempt)
{
    for (guint i = 0; i < serve->open->len; i++) {
        const HptAsked *asked = serve->open->pdata[i];
        if (asked->number == number && asked->attempt == attempt) {
            g_ptr_array_remove_index_fast(serve->open, i);
            return;
        }
    }
}

/* ---- being told to end ---- */

static volatile sig_atomic_t ended_by; /* a signal; 0: none */
static int wake[2] = {-1, -1};         /* what the handler writes to and poll sees */

/* The second one ends the program: SA_RESETHAND. */
static void on_signal(int signal)
{
    int before = errno;
    ended_by = signal;
    ssize_t ignored = write(wake[1], "", 1);
    (void)ignored;
    errno = before;
}

static bool catch_signals(GError **error)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        hpt_error_set_errno(error, errno, "pipe");
        return false;
    }
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        struct sigaction old;
        /* nohup and background jobs of sh ignore them: that stays so. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
    return true;
}

/* One that cannot be renewed was taken back: its result will be refused, and says why. */
static bool renew(Serve *serve, GError **error)
{
    serve->renew_us = hpt_time_monotonic_us() + serve->settings->lease_us / 3;
    for (guint i = 0; i < serve->open->len; i++) {
        const HptAsked *asked = serve->open->pdata[i];
        int64_t until_us = 0;
        GError *problem = NULL;
        if (hpt_tell_alive(serve->project, serve->study, asked->number, asked->attempt, 0,
                           serve->settings->patience_us, &until_us, &problem))
            continue;
        if (!g_error_matches(problem, HPT_ERROR, HPT_ERROR_CONFLICT)) {
            g_propagate_error(error, problem);
            return false;
        }
        g_error_free(problem);
        g_ptr_array_remove_index_fast(serve->open, i--);
    }
    return true;
}

/* ---- answers ---- */

static json_t *done(void)
{
    return json_pack("{s:b}", "ok", true);
}

/* A result that nobody needs any more. */
static json_t *over(void)
{
    return json_pack("{s:b, s:b}", "ok", true, "over", true);
}

static json_t *ask(Serve *serve, const json_t *object, GError **error)
{
    const json_t *fixed = json_object_get(object, "fixed");
    HptAskEnd end = HPT_ASK_ENOUGH;
    if (fixed != NULL && !json_is_object(fixed)) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, "'fixed' must be an object of parameters and their values");
        return NULL;
    }
    g_autoptr(GPtrArray) asked = hpt_asker_ask(serve->asker, 1, fixed, &end, error);
    if (asked == NULL)
        return NULL;
    if (asked->len == 0) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_EXHAUSTED,
                            end == HPT_ASK_DONE ? "the study has all its trials"
                            : serve->study->definition->window > 0
                                ? "the study is ordered: the next trial comes when one that is given out has its result"
                            : hpt_definition_has_parts(serve->study->definition)
                                ? "all runs that are settled are given out"
                                : "the last trials are given out");
        return NULL;
    }
    json_t *answer = ask_json(serve->study, asked->pdata[0]);
    g_ptr_array_extend_and_steal(serve->open, g_steal_pointer(&asked));
    return answer;
}

/* The trial that a line is about; it must be one of this study. */
static bool check_study(const Serve *serve, const char *named, GError **error)
{
    if (named == NULL || strcmp(named, serve->study->name) == 0)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "this is study '%s', not '%s'", serve->study->name, named);
    return false;
}

static void say_notes(Serve *serve)
{
    for (guint i = 0; i < serve->notes->len; i++)
        hpt_tool_note("%s", (const char *)serve->notes->pdata[i]);
    g_ptr_array_set_size(serve->notes, 0);
}

/* Is in the record. While the database is away it lies in the spool. */
static bool record(Serve *serve, const HptTellLine *line, HptTellFate *told, GError **error)
{
    g_autofree char *id = NULL;
    size_t refused = 0;
    bool fine = hpt_teller_tell(serve->teller, line, told, &id, serve->notes, error) &&
                (*told != HPT_TOLD_SPOOLED || hpt_teller_owed(serve->teller) == 0 ||
                 hpt_teller_end(serve->teller, &refused, serve->notes, error));
    say_notes(serve);
    if (refused > 0)
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_CONFLICT, "it lay in the spool and could not be delivered");
    return fine && refused == 0;
}

static json_t *tell(Serve *serve, const json_t *object, bool report, GError **error)
{
    g_auto(HptTellLine) line = {0};
    HptTellFate told = HPT_TOLD_RECORDED;
    if (!hpt_tell_line_from_json(object, &line, error) || !check_study(serve, line.study, error))
        return NULL;
    if (line.report != report) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA,
                            report ? "'step' must be a whole number from 0 on" : "'step' is for the op 'report'");
        return NULL;
    }
    if (!record(serve, &line, &told, error))
        return NULL;
    if (!report || told == HPT_TOLD_STOP)
        forget(serve, line.number, line.attempt);
    if (report)
        return json_pack("{s:b, s:b}", "ok", true, "stop", told == HPT_TOLD_STOP);
    return told == HPT_TOLD_OVER ? over() : done();
}

static json_t *release(Serve *serve, const json_t *object, GError **error)
{
    g_auto(HptTellLine) line = {0};
    if (!hpt_tell_line_id(json_object_get(object, "id"), &line, error) || !check_study(serve, line.study, error))
        return NULL;
    HptTelling telling = {.number = line.number, .attempt = line.attempt, .outcome = HPT_TELL_RELEASED};
    if (!hpt_tell(serve->project, serve->study, &telling, serve->settings->patience_us, NULL, error))
        return NULL;
    forget(serve, telling.number, telling.attempt);
    return done();
}

static json_t *best(Serve *serve, GError **error)
{
    int64_t number = -1;
    if (!hpt_asker_best(serve->asker, &number, error))
        return NULL;
    if (number >= 0) {
        g_autofree char *id = hpt_asked_id(serve->study->name, number, 1);
        return json_pack("{s:s}", "id", id);
    }
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_NOT_FOUND, "no trial has a result yet");
    return NULL;
}

static json_t *answer(Serve *serve, const json_t *object, GError **error)
{
    static const char *const ops[] = {"ask", "best", "quit", "release", "report", "tell", NULL};
    const char *op = json_string_value(json_object_get(object, "op"));
    if (op == NULL) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, "a line must be an object with the member 'op'");
        return NULL;
    }
    if (strcmp(op, "ask") == 0)
        return ask(serve, object, error);
    if (strcmp(op, "tell") == 0 || strcmp(op, "report") == 0)
        return tell(serve, object, strcmp(op, "report") == 0, error);
    if (strcmp(op, "release") == 0)
        return release(serve, object, error);
    if (strcmp(op, "best") == 0)
        return best(serve, error);
    if (strcmp(op, "init") == 0) {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_DATA, "there is no 'init' with a study (-s): it has its search space");
        return NULL;
    }
    const char *near = hpt_suggest(op, ops);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "unknown op '%s'%s%s%s", op, near == NULL ? "" : "; did you mean '",
                near == NULL ? "" : near, near == NULL ? "" : "'?");
    return NULL;
}

/* ---- lines ---- */

static char *refusal(const GError *error)
{
    g_autofree char *message = g_utf8_make_valid(error->message, -1);
    GString *text = g_string_new("{\"error\":");
    hpt_json_append_string(text, message);
    g_string_append_c(text, '}');
    return g_string_free(text, false);
}

/* Waits until fd is ready, and renews leases meanwhile. *ready false: somebody said to end. */
static bool wait_for(Serve *serve, int fd, short events, bool *ready, GError **error)
{
    for (*ready = false; !*ready && ended_by == 0;) {
        if (hpt_time_monotonic_us() >= serve->renew_us && !renew(serve, error))
            return false;
        int64_t wait_us = MAX(serve->renew_us - hpt_time_monotonic_us(), 0);
        struct pollfd files[] = {{.fd = fd, .events = events}, {.fd = wake[0], .events = POLLIN}};
        if (poll(files, G_N_ELEMENTS(files), (int)MIN(wait_us / 1000 + 1, G_MAXINT32)) < 0 && errno != EINTR) {
            hpt_error_set_errno(error, errno, "poll");
            return false;
        }
        *ready = files[0].revents != 0;
    }
    return true;
}

/* Into a pipe that has room for that much nobody waits, so that a slow reader costs no lease. */
static bool put(Serve *serve, const char *text, GError **error)
{
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    size_t length = strlen(line), from = 0;
    bool ready = true;
    while (from < length && wait_for(serve, STDOUT_FILENO, POLLOUT, &ready, error)) {
        if (!ready)
            return true; /* nobody waits for the answer any more */
        ssize_t n = write(STDOUT_FILENO, line + from, MIN(length - from, PIPE_BUF));
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            hpt_error_set_errno(error, errno, "standard output");
            return false;
        }
        from += (size_t)MAX(n, 0);
    }
    return from == length;
}

/* A line that means nothing is answered and changes nothing; a database that stays away ends it. */
static bool take_line(Serve *serve, const char *text, size_t length, GError **error)
{
    if (length == 0)
        return true;
    g_autoptr(GError) problem = NULL;
    g_autoptr(json_t) object = hpt_json_parse(text, length, &problem);
    serve->quit = g_strcmp0(json_string_value(json_object_get(object, "op")), "quit") == 0;
    if (serve->quit)
        return true;
    g_autoptr(json_t) said = object == NULL ? NULL : answer(serve, object, &problem);
    g_autofree char *line = said == NULL ? NULL : hpt_json_canonical(said, &problem);
    if (line == NULL && hpt_error_exit(problem) == HPT_EXIT_DATABASE) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    g_autofree char *refused = line == NULL ? refusal(problem) : NULL;
    return put(serve, line == NULL ? refused : line, error);
}

/* All lines that are whole; the last one at the end of the input need not be. */
static bool take_lines(Serve *serve, GString *buffer, bool at_end, GError **error)
{
    size_t from = 0;
    while (!serve->quit && ended_by == 0 && from < buffer->len) {
        const char *end = memchr(buffer->str + from, '\n', buffer->len - from);
        if (end == NULL && !at_end)
            break;
        size_t length = end == NULL ? buffer->len - from : (size_t)(end - (buffer->str + from));
        if (!take_line(serve, buffer->str + from, length, error))
            return false;
        from += length + (end != NULL);
    }
    g_string_erase(buffer, 0, (gssize)from);
    return true;
}

/* *end: there is nothing more to read. */
static bool read_some(GString *buffer, bool *end, GError **error)
{
    char bytes[65536];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        hpt_error_set_errno(error, errno, "standard input");
        return false;
    }
    *end = n == 0;
    if (n > 0)
        g_string_append_len(buffer, bytes, n);
    return true;
}

static bool loop(Serve *serve, GError **error)
{
    g_autoptr(GString) buffer = g_string_new(NULL);
    bool end = false, ready = true;
    while (!end && !serve->quit && ready) {
        if (!wait_for(serve, STDIN_FILENO, POLLIN, &ready, error) ||
            (ready && (!read_some(buffer, &end, error) || !take_lines(serve, buffer, end, error))))
            return false;
    }
    return true;
}

bool ask_serve(const AskSettings *settings, HptProject *project, HptStudy *study, HptAsker *asker, int *signal_number,
               GError **error)
{
    HptTellerOptions options = {.project = project, .study = study->name, .patience_us = settings->patience_us};
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(HptTeller) teller = hpt_teller_new(&options, notes, error);
    if (teller == NULL || !catch_signals(error))
        return false;
    Serve serve = {
        .settings = settings,
        .project = project,
        .study = study,
        .asker = asker,
        .teller = teller,
        .notes = notes,
        .open = g_ptr_array_new_with_free_func(hpt_asked_free),
        .renew_us = hpt_time_monotonic_us() + settings->lease_us / 3,
    };
    bool fine = loop(&serve, error);
    g_autoptr(GError) ignored = NULL; /* their leases end by themselves */
    if (!hpt_asker_release(asker, serve.open, &ignored))
        g_debug("%s", ignored->message);
    g_ptr_array_unref(serve.open);
    *signal_number = ended_by;
    return fine;
}
