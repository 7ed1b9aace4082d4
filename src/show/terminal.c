#include "show/terminal.h"

#include "base/number.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool hpt_color_parse(const char *text, HptColor *out, GError **error)
{
    static const char *const names[] = {"auto", "always", "never", NULL};
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (HptColor)i;
            return true;
        }
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--color is auto, always or never, not '%s'",
                text);
    return false;
}

static const char *get(const char *const *env, const char *name)
{
    size_t length = strlen(name);
    for (; env != NULL && *env != NULL; env++)
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return *env + length + 1;
    return "";
}

static bool is_utf8(const char *const *env)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = get(env, names[i]);
        if (*value == '\0')
            continue;
        g_autofree char *upper = g_ascii_strup(value, -1);
        return strstr(upper, "UTF-8") != NULL || strstr(upper, "UTF8") != NULL;
    }
    return false;
}

static size_t size_of(const char *text, unsigned short answer)
{
    int64_t given = 0;
    return hpt_integer_parse(text, &given) && given > 0 && given < 100000 ? (size_t)given : answer;
}

HptTerminal hpt_terminal_look(int fd, const char *const *env, HptColor choice)
{
    HptTerminal terminal = {.tty = isatty(fd) == 1, .utf8 = is_utf8(env)};
    struct winsize size = {0};
    if (terminal.tty && ioctl(fd, TIOCGWINSZ, &size) == 0) {
        terminal.width = size_of(get(env, "COLUMNS"), size.ws_col);
        terminal.height = size_of(get(env, "LINES"), size.ws_row);
    }
    const char *term = get(env, "TERM");
    bool able = terminal.tty && *get(env, "NO_COLOR") == '\0' && *term != '\0' &&
                strcmp(term, "dumb") != 0;
    terminal.color = choice == HPT_COLOR_ALWAYS || (choice == HPT_COLOR_AUTO && able);
    return terminal;
}
