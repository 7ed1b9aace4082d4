/* What the other end of a descriptor is: a terminal, how wide, may it have colour and UTF-8? */
#ifndef HPT_SHOW_TERMINAL_H
#define HPT_SHOW_TERMINAL_H

#include "base/error.h"

typedef enum { HPT_COLOR_AUTO, HPT_COLOR_ALWAYS, HPT_COLOR_NEVER } HptColor;

bool hpt_color_parse(const char *text, HptColor *out, GError **error) HPT_WARN_UNUSED;

typedef struct {
    bool tty;
    size_t width, height; /* 0: not known; COLUMNS and LINES win over the terminal's own answer */
    bool utf8;            /* LC_ALL, LC_CTYPE or LANG (the first that is set) names UTF-8 */
    bool color; /* choice; AUTO: a terminal, NO_COLOR empty, TERM neither unset nor dumb */
} HptTerminal;

/* env: NAME=VALUE, NULL-terminated, as in environ(7). */
HptTerminal hpt_terminal_look(int fd, const char *const *env, HptColor choice);

#endif
