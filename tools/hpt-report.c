/* hpt-report: inside a trial, a metric in, go on or stop out. Links libc alone and starts in well under a millisecond,
 * as a trial may call it thousands of times; so it does by hand what tool.c does for the others. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME "hpt-report"
#define NAME_MAX_BYTES 200
#define REASON_MAX 2000
#define WAIT_MS 10000 /* for a reader that is behind */

#define REPLY_PREFIX ".hpt-reply-" /* as in run/reply.h */

enum { EXIT_GO_ON = 0, EXIT_ERROR = 1, EXIT_WRONG_USE = 2, EXIT_STOP = 10, EXIT_STDOUT = 125 };

typedef struct {
    char letter;
    const char *name, *value, *help;
} Option;

static const Option options[] = {
    {'-', "fail", "REASON", "report that the trial has failed, and why"},
    {'-', "artifact", "FILE", "keep a copy of FILE with the trial; may be repeated"},
    {'-', "should-stop", NULL, "ask whether to go on, without a report"},
    {'-', "help", NULL, "show this help and exit"},
    {'-', "version", NULL, "show the version and exit"},
    {'-', "dump-options", NULL, NULL},
    {0, NULL, NULL, NULL},
};

/* The one line that is sent. */
static char line[PIPE_BUF + 1];
static size_t line_length;
static bool line_full;

/* ---- messages ---- */

/* Prints text with every byte that could act on a terminal made visible. */
static void print_safe(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c == '\n')
            fputs("\\n", stderr);
        else if (*c >= 0x20 && *c < 0x7f)
            fputc(*c, stderr);
        else
            fprintf(stderr, "\\x%02x", *c);
}

/* Says what is wrong and returns status; hint may be NULL. */
static int complain(int status, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int complain(int status, const char *hint, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs(NAME ": ", stderr);
    print_safe(text);
    fprintf(stderr, "\n%s%s%s", hint != NULL ? "hint: " : "", hint != NULL ? hint : "",
            hint != NULL ? "\n" : "");
    return status;
}

/* Status after everything on stdout has arrived. */
static int check_stdout(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && close(STDOUT_FILENO) == 0)
        return status;
    if (errno == EPIPE)
        return 128 + SIGPIPE;
    return complain(EXIT_STDOUT, NULL, "standard output: %s",
                    errno != 0 ? strerror(errno) : "write error");
}

/* ---- the line ---- */

static void put(const char *text, size_t length)
{
    if (length > PIPE_BUF - line_length) {
        line_full = true;
        return;
    }
    memcpy(line + line_length, text, length);
    line_length += length;
}

static void put_text(const char *text)
{
    put(text, strlen(text));
}

/* How many bytes the UTF-8 sequence at c has, or 0 if it is none. */
static size_t sequence_length(const unsigned char *c)
{
    size_t n = *c < 0x80 ? 1 : *c >= 0xc2 && *c < 0xe0 ? 2 : *c >= 0xe0 && *c < 0xf0 ? 3 : 0;
    if (*c >= 0xf0 && *c < 0xf5)
        n = 4;
    for (size_t i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    bool wrong = (*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) ||
                 (*c == 0xf0 && c[1] < 0x90) || (*c == 0xf4 && c[1] > 0x8f);
    return n > 1 && wrong ? 0 : n;
}

/* As a JSON string; what is not UTF-8 becomes U+FFFD. */
static void put_string(const char *text)
{
    size_t written = 0;
    put("\"", 1);
    for (const unsigned char *c = (const unsigned char *)text;
         *c != '\0' && written < REASON_MAX;) {
        size_t n = sequence_length(c);
        char escape[8];
        if (n == 0) {
            put_text("\xef\xbf\xbd");
        } else if (*c == '"' || *c == '\\' || *c < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", *c);
            put_text(escape);
        } else {
            put((const char *)c, n);
        }
        c += n == 0 ? 1 : n;
        written += n == 0 ? 1 : n;
    }
    put("\"", 1);
}

/* ---- numbers ---- */

static bool is_word(const char *text, const char *word)
{
    return strcasecmp(text, word) == 0;
}

/* Writes a number of ordinary form as JSON wants it ("+.5" is 0.5, "5." is 5.0, "007" is 7): the
 * digits stay as they are, nothing is rounded and no locale is asked. False: not a number. */
static bool put_number(const char *text)
{
    bool minus = *text == '-';
    const char *c = text + (*text == '-' || *text == '+');
    if (is_word(c, "nan") || is_word(c, "inf") || is_word(c, "infinity")) {
        bool nan = is_word(c, "nan");
        put_text(nan ? "NaN" : minus ? "-Infinity" : "Infinity");
        return true;
    }
    size_t whole = strspn(c, "0123456789");
    const char *fraction = c + whole + (c[whole] == '.');
    size_t decimals = c[whole] == '.' ? strspn(fraction, "0123456789") : 0;
    const char *rest = fraction + decimals;
    if (whole + decimals == 0)
        return false;
    if (*rest == 'e' || *rest == 'E') {
        const char *digits = rest + 1 + (rest[1] == '-' || rest[1] == '+');
        size_t n = strspn(digits, "0123456789");
        if (n == 0 || digits[n] != '\0')
            return false;
    } else if (*rest != '\0') {
        return false;
    }
    size_t zeros = strspn(c, "0");
    if (zeros >= whole)
        zeros = whole > 0 ? whole - 1 : 0;
    put(minus ? "-" : "", minus);
    put(whole > 0 ? c + zeros : "0", whole > 0 ? whole - zeros : 1);
    if (decimals > 0) {
        put(".", 1);
        put(fraction, decimals);
    }
    put_text(rest);
    return true;
}

static bool is_integer(const char *text)
{
    text += *text == '-';
    size_t n = strspn(text, "0123456789");
    return n > 0 && n <= 15 && text[n] == '\0';
}

static bool is_name(const char *text, size_t length)
{
    if (length == 0 || length > NAME_MAX_BYTES || !(isalpha((unsigned char)*text) || *text == '_'))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("_./@%+-", text[i]) == NULL)
            return false;
    return true;
}

/* NAME=VALUE words into the line, its last brace left open: {"metrics":{…},"step":N. */
static int put_metrics(char **words, bool *has_step)
{
    const char *step = NULL, *comma = "";
    put_text("{\"metrics\":{");
    for (; *words != NULL; words++) {
        const char *equals = strchr(*words, '=');
        size_t length = equals != NULL ? (size_t)(equals - *words) : 0;
        if (equals == NULL)
            return complain(EXIT_WRONG_USE, NAME " loss=0.25 reports a number",
                            "'%s' is not NAME=VALUE", *words);
        if (!is_name(*words, length))
            return complain(EXIT_WRONG_USE, NULL,
                            "'%.*s' is not a metric's name: a letter or '_', then letters, digits "
                            "and _ . / @ %% + -, at most 200",
                            (int)(length < 300 ? length : 300), *words);
        if (length == 4 && strncmp(*words, "step", 4) == 0) {
            if (step != NULL || !is_integer(equals + 1))
                return complain(EXIT_WRONG_USE, NULL,
                                step != NULL ? "'%s': there is a step already"
                                             : "'%s': a step is a whole number of at most 15 digits",
                                *words);
            step = equals + 1;
            continue;
        }
        put_text(comma);
        put("\"", 1);
        put(*words, length);
        put("\":", 2);
        if (!put_number(equals + 1))
            return complain(EXIT_WRONG_USE, NULL, "'%s': the value is not a number", *words);
        comma = ",";
    }
    if (*comma == '\0')
        return complain(EXIT_WRONG_USE, NAME " step=3 loss=0.25 reports a number at a step",
                        "a step without a metric");
    put_text("}");
    if (step != NULL) {
        put_text(",\"step\":");
        (void)put_number(step);
    }
    *has_step = step != NULL;
    return EXIT_GO_ON;
}

/* ---- sending ---- */

static const char *get_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* One write, which for a pipe is all or nothing. A pipe that is full is waited for, not for ever.
 * *channel is what it was written to, the caller's. */
static int send_line(const char *path, int *channel)
{
    int fd = *channel = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENXIO)
        return complain(EXIT_ERROR, NULL, "nobody reads '%s': the run that made it has ended",
                        path);
    if (fd < 0)
        return complain(EXIT_ERROR, NULL, "cannot open '%s': %s", path, strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    for (int64_t end = now_ms() + WAIT_MS;;) {
        ssize_t n = write(fd, line, line_length);
        if (n == (ssize_t)line_length)
            break;
        if (n >= 0)
            return complain(EXIT_ERROR, NULL, "'%s' took only a part of the report", path);
        if (errno == EINTR)
            continue;
        if (errno == EPIPE)
            return complain(EXIT_ERROR, NULL, "nobody reads '%s': the run that made it has ended",
                            path);
        if (errno != EAGAIN)
            return complain(EXIT_ERROR, NULL, "cannot write to '%s': %s", path, strerror(errno));
        int64_t left = end - now_ms();
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (left <= 0 || (poll(&wait, 1, (int)left) == 0))
            return complain(EXIT_ERROR, NULL, "'%s' is full and nobody reads it", path);
    }
    return EXIT_GO_ON;
}

/* ---- the answer ---- */

/* Where it comes: a FIFO of ours alone in the trial's directory. */
static char reply_path[PATH_MAX];

static void remove_reply(void)
{
    if (*reply_path != '\0')
        unlink(reply_path);
    *reply_path = '\0';
}

static void on_signal(int number)
{
    remove_reply();
    raise(number); /* by its default now (SA_RESETHAND) */
}

static void remove_on_signals(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
}

/* Makes the FIFO and names it in the line. A trial whose directory takes none (a full disk) goes on
 * without an answer: -1. */
static int open_reply(const char *directory)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char name[80];
    int length = snprintf(name, sizeof name, REPLY_PREFIX "%ld-%lld-%09ld", (long)getpid(),
                          (long long)now.tv_sec, now.tv_nsec);
    int all = snprintf(reply_path, sizeof reply_path, "%s/%s", directory, name);
    if (length <= 0 || (size_t)length >= sizeof name || all <= 0 ||
        (size_t)all >= sizeof reply_path || mkfifo(reply_path, 0600) != 0) {
        *reply_path = '\0';
        return -1;
    }
    remove_on_signals();
    int fd = open(reply_path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        remove_reply();
        return -1;
    }
    put_text(line_length > 1 ? ",\"reply\":\"" : "\"reply\":\"");
    put_text(name);
    put_text("\"");
    return fd;
}

/* Waits for "go" or "stop". Whoever does not answer in time does not hold up the trial, and a run
 * that has ended (nobody reads the channel) never will. */
static int wait_for_reply(int fd, int channel)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = channel, .events = 0}};
    char word = 'g';
    for (int64_t left, end = now_ms() + WAIT_MS; (left = end - now_ms()) > 0;) {
        int n = poll(fds, 2, (int)left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0 && (fds[0].revents & POLLIN) != 0 && read(fd, &word, 1) != 1)
            word = 'g';
        break;
    }
    close(fd);
    return word == 's' ? EXIT_STOP : EXIT_GO_ON;
}

/* Ends the line that was begun, sends it, or outside a trial prints it; with a question, waits for
 * its answer. */
static int deliver(const char *path, bool ask)
{
    const char *directory = get_env("HPT_DIR"), *pruning = get_env("HPT_PRUNING");
    int reply = -1, channel = -1;
    if (ask && path != NULL && directory != NULL && pruning != NULL)
        reply = open_reply(directory);
    if (line_length == 1 && reply < 0)
        return EXIT_GO_ON; /* a question alone that nobody could answer */
    put_text("}\n");
    if (line_full) {
        remove_reply();
        return complain(EXIT_WRONG_USE, "report the metrics in several calls",
                        "the report is longer than %d bytes", PIPE_BUF);
    }
    int status = EXIT_GO_ON;
    if (path == NULL)
        fwrite(line, 1, line_length, stdout);
    else
        status = send_line(path, &channel);
    if (reply >= 0 && status == EXIT_GO_ON)
        status = wait_for_reply(reply, channel);
    remove_reply();
    if (channel >= 0)
        close(channel);
    return status;
}

/* ---- artifacts ---- */

static bool copy_bytes(int from, int to)
{
    static char buffer[65536];
    if (ioctl(to, FICLONE, from) == 0)
        return true; /* shares the blocks until either is changed */
    for (;;) {
        ssize_t n = read(from, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(to, buffer + done, (size_t)(n - done));
            if (written < 0 && errno != EINTR)
                return false;
            done += written > 0 ? written : 0;
        }
    }
}

/* Is file already somewhere below the trial's directory? */
static bool is_inside(const char *file, const char *directory)
{
    char real_file[PATH_MAX], real_directory[PATH_MAX];
    if (realpath(file, real_file) == NULL || realpath(directory, real_directory) == NULL)
        return false;
    size_t n = strlen(real_directory);
    return strncmp(real_file, real_directory, n) == 0 && real_file[n] == '/';
}

/* Copies into a new file and gives it its name when it is whole. */
static int copy_into(int from, const char *file, const char *directory, const char *base)
{
    char *temporary = NULL, *target = NULL;
    if (asprintf(&temporary, "%s/.hpt-artifact-XXXXXX", directory) < 0 ||
        asprintf(&target, "%s/%s", directory, base) < 0)
        return complain(EXIT_ERROR, NULL, "out of memory");
    int to = mkostemp(temporary, O_CLOEXEC);
    bool ok = to >= 0 && copy_bytes(from, to) && close(to) == 0;
    ok = ok && rename(temporary, target) == 0;
    int status = ok ? EXIT_GO_ON
                    : complain(EXIT_ERROR, NULL, "cannot keep '%s' in '%s': %s", file, directory,
                               strerror(errno));
    if (!ok && to >= 0)
        unlink(temporary);
    free(temporary);
    free(target);
    return status;
}

static int keep(const char *file, const char *directory)
{
    struct stat stat;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &stat) != 0)
        return complain(EXIT_ERROR, NULL, "cannot read '%s': %s", file, strerror(errno));
    int status = EXIT_GO_ON;
    const char *slash = strrchr(file, '/');
    if (S_ISDIR(stat.st_mode))
        status = complain(EXIT_ERROR, "make an archive of it first, or write it below $HPT_DIR",
                          "'%s' is a directory", file);
    else if (!S_ISREG(stat.st_mode))
        status = complain(EXIT_ERROR, NULL, "'%s' is not a regular file", file);
    else if (directory == NULL)
        printf("artifact: %s\n", file);
    else if (!is_inside(file, directory))
        status = copy_into(fd, file, directory, slash != NULL ? slash + 1 : file);
    close(fd);
    return status;
}

/* ---- options ---- */

static void print_help(void)
{
    puts("usage: " NAME " [step=N] NAME=VALUE...\n"
         "       " NAME " --fail=REASON | --artifact=FILE | --should-stop\n"
         "report metrics from inside a trial and say by the status whether to go on (0) or stop (10);"
         "\n"
         " elsewhere print what would have been reported\n");
    for (const Option *o = options; o->name != NULL; o++) {
        char left[64];
        snprintf(left, sizeof left, "      --%s%s%s", o->name, o->value != NULL ? "=" : "",
                 o->value != NULL ? o->value : "");
        if (o->help != NULL)
            printf("%-28s%s\n", left, o->help);
    }
}

static void print_dump(void)
{
    for (const Option *o = options; o->name != NULL; o++)
        if (o->help != NULL)
            printf("%c\t%s\t%s\t%s\n", o->letter, o->name, o->value != NULL ? o->value : "-",
                   o->help);
}

/* Near enough to be a slip: the same letters but two, in any order. */
static const Option *suggest(const char *name, size_t length)
{
    for (const Option *o = options; o->help != NULL; o++) {
        size_t same = 0, n = strlen(o->name);
        char left[32];
        snprintf(left, sizeof left, "%s", o->name);
        for (size_t i = 0; i < length; i++) {
            char *at = name[i] != '\0' ? strchr(left, name[i]) : NULL;
            if (at != NULL) {
                *at = '\1';
                same++;
            }
        }
        size_t longer = n > length ? n : length;
        if ((longer - same) * 3 <= longer)
            return o;
    }
    return NULL;
}

/* The option that name (length bytes) or a unique beginning of it stands for; else NULL, said. */
static const Option *find_option(const char *name, size_t length)
{
    const Option *found = NULL;
    for (const Option *o = options; o->name != NULL; o++) {
        if (strncmp(o->name, name, length) != 0)
            continue;
        if (o->name[length] == '\0')
            return o;
        if (o->help == NULL || length == 0)
            continue;
        if (found != NULL) {
            complain(EXIT_WRONG_USE, NULL, "option '--%.*s' could be '--%s' or '--%s'", (int)length,
                     name, found->name, o->name);
            return NULL;
        }
        found = o;
    }
    if (found != NULL)
        return found;
    const Option *near = suggest(name, length);
    if (near != NULL)
        complain(EXIT_WRONG_USE, NULL, "unknown option '--%.*s'; did you mean '--%s'?", (int)length,
                 name, near->name);
    else
        complain(EXIT_WRONG_USE, NAME " --help lists the options", "unknown option '--%.*s'",
                 (int)length, name);
    return NULL;
}

typedef struct {
    const char *fail;
    const char **artifacts;
    size_t n_artifacts;
    bool should_stop, help, version, dump;
    char **words;
} Wanted;

/* Reads one long option; *argv moves on when its value is the next word. */
static int read_option(char ***argv, Wanted *wanted)
{
    const char *text = **argv + 2, *equals = strchr(text, '=');
    const Option *o = find_option(text, equals != NULL ? (size_t)(equals - text) : strlen(text));
    if (o == NULL)
        return EXIT_WRONG_USE;
    if (o->value == NULL && equals != NULL)
        return complain(EXIT_WRONG_USE, NULL, "option '--%s' takes no value", o->name);
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (o->value != NULL && value == NULL) {
        if ((*argv)[1] == NULL)
            return complain(EXIT_WRONG_USE, NULL, "option '--%s' needs a value (%s)", o->name,
                            o->value);
        value = *++*argv;
    }
    if (strcmp(o->name, "fail") == 0)
        wanted->fail = value;
    else if (strcmp(o->name, "artifact") == 0)
        wanted->artifacts[wanted->n_artifacts++] = value;
    else if (strcmp(o->name, "should-stop") == 0)
        wanted->should_stop = true;
    else if (strcmp(o->name, "help") == 0)
        wanted->help = true;
    else if (strcmp(o->name, "version") == 0)
        wanted->version = true;
    else
        wanted->dump = true;
    return EXIT_GO_ON;
}

static int read_options(char **argv, Wanted *wanted)
{
    for (argv++; *argv != NULL && (*argv)[0] == '-' && (*argv)[1] != '\0'; argv++) {
        if (strcmp(*argv, "--") == 0) {
            argv++;
            break;
        }
        if ((*argv)[1] != '-')
            return complain(EXIT_WRONG_USE, NAME " --help lists the options",
                            "unknown option '-%c'", (*argv)[1]);
        int status = read_option(&argv, wanted);
        if (status != EXIT_GO_ON)
            return status;
    }
    wanted->words = argv;
    return EXIT_GO_ON;
}

/* A question of its own asks about what was reported before, by whatever way. Outside a trial there
 * is nothing to stop. */
static int ask(const char *path)
{
    if (path == NULL || get_env("HPT_PRUNING") == NULL)
        return EXIT_GO_ON;
    line_length = 0;
    put_text("{");
    return deliver(path, true);
}

static int report(const Wanted *wanted)
{
    const char *path = get_env("HPT_REPORT"), *directory = get_env("HPT_DIR");
    int status = EXIT_GO_ON;
    bool has_words = *wanted->words != NULL, has_step = false;
    if (wanted->fail == NULL && wanted->n_artifacts == 0 && !has_words && !wanted->should_stop)
        return complain(EXIT_WRONG_USE, NAME " loss=0.25 reports a number", "nothing to report");
    if (wanted->fail != NULL && *wanted->fail == '\0')
        return complain(EXIT_WRONG_USE, NULL, "option '--fail' needs a reason");
    for (size_t i = 0; i < wanted->n_artifacts && status == EXIT_GO_ON; i++)
        status = keep(wanted->artifacts[i], path != NULL ? directory : NULL);
    /* A trial that has failed has nothing to ask. */
    bool asks = wanted->fail == NULL;
    if (status == EXIT_GO_ON && has_words) {
        status = put_metrics(wanted->words, &has_step);
        status = status == EXIT_GO_ON
                     ? deliver(path, asks && (has_step || wanted->should_stop))
                     : status;
    } else if (status == EXIT_GO_ON && wanted->should_stop && asks) {
        status = ask(path);
    }
    if (status == EXIT_GO_ON && wanted->fail != NULL) {
        line_length = 0;
        put_text("{\"fail\":");
        put_string(wanted->fail);
        status = deliver(path, false);
    }
    return status;
}

/* A closed standard stream must not be taken by the first file that is opened. */
static void fill_standard_streams(void)
{
    static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", modes[fd]) != fd)
            _exit(EXIT_STDOUT);
}

int main(int argc, char **argv)
{
    char *nothing[] = {NULL, NULL};
    Wanted wanted = {.words = nothing};
    fill_standard_streams();
    wanted.artifacts = calloc((size_t)argc + 1, sizeof *wanted.artifacts);
    if (wanted.artifacts == NULL)
        return complain(EXIT_ERROR, NULL, "out of memory");
    int status = argc > 0 ? read_options(argv, &wanted) : EXIT_GO_ON;
    if (status == EXIT_GO_ON && wanted.help)
        print_help();
    else if (status == EXIT_GO_ON && wanted.version)
        puts(NAME " (hpt) " PACKAGE_VERSION);
    else if (status == EXIT_GO_ON && wanted.dump)
        print_dump();
    else if (status == EXIT_GO_ON)
        status = report(&wanted);
    free(wanted.artifacts);
    return check_stdout(status);
}
