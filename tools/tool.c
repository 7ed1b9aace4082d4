#include "config.h"

#include "tool.h"

#include "base/number.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef GArray Entries; /* of GOptionEntry, with a terminating zero entry */

/* The tool that is running, for hpt_tool_note; and its command line, for hpt_tool_position. */
static const HptTool *running;
static char *const *command_line;

static gboolean want_help, want_version, want_dump;

static const GOptionEntry common_options[] = {
    {"help", 0, 0, G_OPTION_ARG_NONE, &want_help, "show this help and exit", NULL},
    {"version", 0, 0, G_OPTION_ARG_NONE, &want_version, "show the version and exit", NULL},
    {"dump-options", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &want_dump, NULL, NULL},
    G_OPTION_ENTRY_NULL,
};

/* ---- messages ---- */

/* What was given is quoted in messages, and may be of any length: nobody reads more of a line. */
#define MOST_LINE 4000

/* Prints "NAME: TEXT" to stderr; every further line of text is a line of its own, and nothing in it
 * can act on the terminal. One write, so that lines of parallel tools do not mix. */
static void print_message(const HptTool *tool, const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        if (i > 0 && lines[i][0] == '\0' && lines[i + 1] == NULL)
            break;
        size_t length = strlen(lines[i]);
        g_autofree char *line = hpt_text_printable(lines[i], (gssize)MIN(length, MOST_LINE));
        if (i == 0)
            g_string_append_printf(out, "%s: ", tool->name);
        g_string_append(out, line);
        g_string_append(out, length > MOST_LINE ? " ...\n" : "\n");
    }
    fputs(out->str, stderr);
    fflush(stderr);
}

static bool is_quiet(const HptTool *tool)
{
    for (const GOptionEntry *o = tool->options; o != NULL && o->long_name != NULL; o++)
        if (strcmp(o->long_name, "quiet") == 0 && o->arg == G_OPTION_ARG_NONE)
            return *(const gboolean *)o->arg_data;
    return false;
}

void hpt_tool_note(const char *format, ...)
{
    if (is_quiet(running))
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *note = g_strconcat("note: ", text, NULL);
    print_message(running, note);
}

void hpt_tool_note_once(const char *text)
{
    static GHashTable *said; /* as long as the program */
    if (said == NULL)
        said = g_hash_table_new(g_str_hash, g_str_equal);
    if (g_hash_table_add(said, (gpointer)g_intern_string(text)))
        hpt_tool_note("%s", text);
}

void hpt_tool_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    print_message(running, text);
}

bool hpt_tool_whole(const char *name, const char *text, int64_t least, int64_t most, int64_t *out, GError **error)
{
    if (text == NULL)
        return true;
    int64_t value = 0;
    if (!hpt_integer_parse(text, &value) || value < least || value > most) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--%s takes a whole number from %" PRId64 " to %" PRId64 ", not '%s'", name, least, most, text);
        return false;
    }
    *out = value;
    return true;
}

bool hpt_tool_span(const char *name, const char *text, int64_t *out, GError **error)
{
    if (text == NULL || hpt_duration_parse(text, out, error))
        return true;
    g_prefix_error(error, "--%s: ", name);
    return false;
}

int hpt_tool_position(char *const *argument)
{
    return (int)(argument - command_line);
}

/* ---- the option table ---- */

static bool takes_value(const GOptionEntry *o)
{
    return o->arg != G_OPTION_ARG_NONE &&
           !(o->arg == G_OPTION_ARG_CALLBACK && (o->flags & G_OPTION_FLAG_NO_ARG) != 0);
}

/* The tool's options and the common ones. GLib would convert G_OPTION_ARG_STRING from the locale's
 * charset and refuse what is not ASCII, as no tool calls setlocale; file names come as they are. */
static Entries *all_options(const HptTool *tool)
{
    const GOptionEntry *tables[] = {tool->options, common_options};
    Entries *all = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
    for (size_t t = 0; t < G_N_ELEMENTS(tables); t++)
        for (const GOptionEntry *o = tables[t]; o != NULL && o->long_name != NULL; o++) {
            GOptionEntry copy = *o;
            if (copy.arg == G_OPTION_ARG_STRING)
                copy.arg = G_OPTION_ARG_FILENAME;
            else if (copy.arg == G_OPTION_ARG_STRING_ARRAY)
                copy.arg = G_OPTION_ARG_FILENAME_ARRAY;
            else if (copy.arg == G_OPTION_ARG_CALLBACK)
                copy.flags |= G_OPTION_FLAG_FILENAME;
            g_array_append_val(all, copy);
        }
    return all;
}

static const GOptionEntry *entry_at(const Entries *all, size_t i)
{
    return &g_array_index(all, GOptionEntry, i);
}

/* Sets a usage error that names an unknown option and, where one is near, the one that was meant. */
static void set_unknown(GError **error, const HptTool *tool, const Entries *all, const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (size_t i = 0; i < all->len; i++)
        if ((entry_at(all, i)->flags & G_OPTION_FLAG_HIDDEN) == 0)
            g_ptr_array_add(names, (char *)entry_at(all, i)->long_name);
    g_ptr_array_add(names, NULL);
    const char *near = hpt_suggest(name, (const char *const *)names->pdata);
    if (near != NULL)
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "unknown option '--%s'; did you mean '--%s'?",
                    name, near);
    else
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "unknown option '--%s'\nhint: %s --help lists the options", name, tool->name);
}

/* The option that name stands for: itself or a unique beginning of it. */
static const GOptionEntry *find_long(const HptTool *tool, const Entries *all, const char *name,
                                     GError **error)
{
    const GOptionEntry *found = NULL;
    size_t length = strlen(name);
    for (size_t i = 0; i < all->len; i++) {
        const GOptionEntry *o = entry_at(all, i);
        if (strcmp(o->long_name, name) == 0)
            return o;
        if (length == 0 || (o->flags & G_OPTION_FLAG_HIDDEN) != 0 ||
            strncmp(o->long_name, name, length) != 0)
            continue;
        if (found != NULL) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "option '--%s' could be '--%s' or '--%s'", name, found->long_name,
                        o->long_name);
            return NULL;
        }
        found = o;
    }
    if (found == NULL)
        set_unknown(error, tool, all, name);
    return found;
}

static const GOptionEntry *find_short(const HptTool *tool, const Entries *all, const char *letter,
                                      GError **error)
{
    for (size_t i = 0; i < all->len; i++)
        if (entry_at(all, i)->short_name == *letter)
            return entry_at(all, i);
    const char *end = g_utf8_get_char_validated(letter, -1) > (gunichar)-3
                          ? letter + 1
                          : g_utf8_next_char(letter);
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "unknown option '-%.*s'\nhint: %s --help lists the options", (int)(end - letter),
                letter, tool->name);
    return NULL;
}

/* Adds an option in the one form "--NAME" or "--NAME=VALUE" to plain; *at is the argument it came
 * from and moves on when the value is the next one. */
static bool add_plain(GPtrArray *plain, const GOptionEntry *o, const char *value, char **argv,
                      size_t *at, GError **error)
{
    if (!takes_value(o) && value != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "option '--%s' takes no value",
                    o->long_name);
        return false;
    }
    if (takes_value(o) && value == NULL) {
        value = argv[*at + 1];
        if (value == NULL) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "option '--%s' needs a value (%s)",
                        o->long_name, o->arg_description);
            return false;
        }
        ++*at;
    }
    g_ptr_array_add(plain, value == NULL ? g_strconcat("--", o->long_name, NULL)
                                         : g_strconcat("--", o->long_name, "=", value, NULL));
    return true;
}

static bool plain_long(const HptTool *tool, const Entries *all, GPtrArray *plain, char **argv,
                       size_t *at, GError **error)
{
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    g_autofree char *name = equals ? g_strndup(text, (size_t)(equals - text)) : g_strdup(text);
    const GOptionEntry *o = find_long(tool, all, name, error);
    return o != NULL && add_plain(plain, o, equals ? equals + 1 : NULL, argv, at, error);
}

/* A cluster such as "-qt100" is -q -t 100. */
static bool plain_short(const HptTool *tool, const Entries *all, GPtrArray *plain, char **argv,
                        size_t *at, GError **error)
{
    for (const char *letter = argv[*at] + 1; *letter != '\0'; letter++) {
        const GOptionEntry *o = find_short(tool, all, letter, error);
        if (o == NULL)
            return false;
        bool attached = takes_value(o) && letter[1] != '\0';
        if (!add_plain(plain, o, attached ? letter + 1 : NULL, argv, at, error))
            return false;
        if (takes_value(o))
            break;
    }
    return true;
}

/* Reads options up to the first argument that is none; returns the index of the first argument
 * behind them (and behind the "--" that ended them), or 0 with *error set. */
static size_t parse_options(const HptTool *tool, const Entries *all, char **argv, GError **error)
{
    g_autoptr(GPtrArray) plain = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(plain, g_strdup(tool->name));
    size_t at = 1;
    for (; argv[at] != NULL && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        bool is_long = argv[at][1] == '-';
        if (!(is_long ? plain_long : plain_short)(tool, all, plain, argv, &at, error))
            return 0;
    }
    g_ptr_array_add(plain, NULL);

    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, (const GOptionEntry *)all->data, NULL);
    g_autofree char **copy = g_memdup2(plain->pdata, plain->len * sizeof(char *));
    int count = (int)plain->len - 1;
    if (!g_option_context_parse(context, &count, &copy, error)) {
        if (error != NULL && *error != NULL) /* GLib begins with a capital letter, hpt does not */
            (*error)->message[0] = g_ascii_tolower((*error)->message[0]);
        return 0;
    }
    return at;
}

/* ---- help ---- */

static void print_wrapped(const char *text, size_t column, size_t width)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    size_t at = column;
    for (size_t i = 0; words[i] != NULL; i++) {
        size_t length = hpt_text_width(words[i]);
        if (i > 0 && at + 1 + length > width) {
            printf("\n%*s", (int)column, "");
            at = column;
        } else if (i > 0) {
            putchar(' ');
            at++;
        }
        fputs(words[i], stdout);
        at += length;
    }
    putchar('\n');
}

static void print_help(const HptTool *tool, const Entries *all)
{
    enum { COLUMN = 28, WIDTH = 96 };
    printf("usage: %s %s\n", tool->name, tool->usage);
    print_wrapped(tool->summary, 0, WIDTH);
    putchar('\n');
    for (size_t i = 0; i < all->len; i++) {
        const GOptionEntry *o = entry_at(all, i);
        if ((o->flags & G_OPTION_FLAG_HIDDEN) != 0)
            continue;
        g_autoptr(GString) left = g_string_new("  ");
        if (o->short_name != 0)
            g_string_append_printf(left, "-%c, ", o->short_name);
        else
            g_string_append(left, "    ");
        g_string_append_printf(left, "--%s", o->long_name);
        if (takes_value(o))
            g_string_append_printf(left, "=%s", o->arg_description);
        if (left->len + 2 > COLUMN)
            printf("%s\n%*s", left->str, COLUMN, "");
        else
            printf("%-*s", COLUMN, left->str);
        print_wrapped(o->description, COLUMN, WIDTH);
    }
}

static void print_dump(const Entries *all)
{
    for (size_t i = 0; i < all->len; i++) {
        const GOptionEntry *o = entry_at(all, i);
        if ((o->flags & G_OPTION_FLAG_HIDDEN) != 0)
            continue;
        printf("%c\t%s\t%s\t%s\n", o->short_name ? o->short_name : '-', o->long_name,
               takes_value(o) ? o->arg_description : "-", o->description);
    }
}

/* ---- main ---- */

/* A tool started with a closed standard stream would open its first file in its place. Standard
 * output becomes one that cannot be written, so that output is an error and not lost. */
static void fill_standard_streams(void)
{
    static const int modes[] = {O_RDONLY, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", modes[fd]) != fd)
            _exit(HPT_EXIT_TOOL);
}

/* Status of the tool after everything on stdout has arrived. A reader that left is no error worth a
 * message (SIGPIPE, where it is not ignored, has ended the tool before). told: a failed
 * write has had its message. */
static int check_stdout(const HptTool *tool, int status, bool told)
{
    if (status == HPT_EXIT_SIGNAL + SIGPIPE) /* known already, and heeded */
        return status;
    bool failed = ferror(stdout) != 0;
    errno = 0;
    failed = (fflush(stdout) != 0) | failed;
    int errnum = errno;
    failed = (close(STDOUT_FILENO) != 0 && errno != EBADF) | failed;
    if (!failed)
        return status;
    if (errnum == EPIPE)
        return HPT_EXIT_SIGNAL + SIGPIPE;
    if (told)
        return HPT_EXIT_TOOL;
    g_autofree char *text =
        g_strdup_printf("standard output: %s", errnum ? g_strerror(errnum) : "write error");
    print_message(tool, text);
    return HPT_EXIT_TOOL;
}

/* An option that stands behind an argument and so was taken for one; NULL if there is none. Borrowed. */
static const char *find_late(const HptTool *tool, const Entries *all, char **rest)
{
    if (strstr(tool->usage, "COMMAND") != NULL || strcmp(rest[-1], "--") == 0)
        return NULL; /* words of the user's own */
    for (; *rest != NULL && strcmp(*rest, "--") != 0; rest++) {
        g_autoptr(GError) unknown = NULL;
        const char *text = *rest;
        g_autofree char *name = g_strndup(text + 1, strcspn(text + 1, "="));
        if (text[0] == '-' && text[1] != '\0' &&
            (text[1] == '-' ? find_long(tool, all, name + 1, &unknown)
                            : find_short(tool, all, text + 1, &unknown)) != NULL)
            return text;
    }
    return NULL;
}

static int run_rest(const HptTool *tool, const Entries *all, char **rest, GError **error)
{
    int status = tool->run((int)g_strv_length(rest), rest, error);
    const char *late = g_error_matches(*error, HPT_ERROR, HPT_ERROR_USAGE) ? find_late(tool, all, rest) : NULL;
    if (late != NULL) {
        char *text = g_strdup_printf("%s\nhint: options stand before the arguments: '%s'", (*error)->message, late);
        g_free((*error)->message);
        (*error)->message = text;
    }
    return status;
}

static int run_tool(const HptTool *tool, const Entries *all, char **argv, GError **error)
{
    size_t first = parse_options(tool, all, argv, error);
    if (first == 0)
        return HPT_EXIT_USAGE;
    if (want_help) {
        print_help(tool, all);
        return HPT_EXIT_OK;
    }
    if (want_version) {
        printf("%s (hpt) %s\n", tool->name, PACKAGE_VERSION);
        return HPT_EXIT_OK;
    }
    if (want_dump) {
        print_dump(all);
        return HPT_EXIT_OK;
    }
    return run_rest(tool, all, argv + first, error);
}

int hpt_tool_main(const HptTool *tool, int argc, char **argv)
{
    fill_standard_streams();
    running = tool;
    command_line = argv;
    char *nothing[] = {(char *)tool->name, NULL};
    g_autoptr(GArray) all = all_options(tool);
    g_autoptr(GError) error = NULL;
    int status = run_tool(tool, all, argc > 0 ? argv : nothing, &error);
    if (error != NULL) {
        print_message(tool, error->message);
        status = (int)hpt_error_exit(error);
    }
    return check_stdout(tool, status, g_error_matches(error, HPT_ERROR, HPT_ERROR_IO));
}
