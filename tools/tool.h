/* What every tool shares: options, help, version, errors on stderr, a checked stdout.
 *
 * A tool's main is one call:
 *     static const HptTool tool = {"hpt-space", "[OPTION]... [FILE]", "check …", options, run};
 *     int main(int argc, char **argv) { return hpt_tool_main(&tool, argc, argv); }
 */
#ifndef HPT_TOOLS_TOOL_H
#define HPT_TOOLS_TOOL_H

#include "base/error.h"

typedef struct {
    const char *name;
    const char *usage;   /* after the name in the synopsis */
    const char *summary; /* one line, lower case */
    const GOptionEntry *options;
    /* argv without options and without the first "--", NULL-terminated. Returns the exit status;
     * on an error sets *error and the status comes from hpt_error_exit. */
    int (*run)(int argc, char **argv, GError **error);
} HptTool;

/* Adds --help, --version and the hidden --dump-options (a line per option, tab separated: short
 * letter or "-", long name, argument name or "-", help), from which manual, help and completion are
 * kept equal by a test. POSIX order: options end at the first argument that is not one. Prints an
 * error as "NAME: MESSAGE" with hints on their own lines, unknown options with a suggestion; flushes
 * stdout and fails with HPT_EXIT_TOOL if that does not work (a full disk, a closed pipe). */
int hpt_tool_main(const HptTool *tool, int argc, char **argv);

/* Where an element of run's argv stood on the command line: 1 is the first word after the name. */
int hpt_tool_position(char *const *argument);

/* The value of option --NAME: a whole number from least to most, a span of time. text NULL: it was not given, and out
 * stays as it is. Fail HPT_ERROR_USAGE. */
bool hpt_tool_whole(const char *name, const char *text, int64_t least, int64_t most, int64_t *out,
                    GError **error) HPT_WARN_UNUSED;
bool hpt_tool_span(const char *name, const char *text, int64_t *out, GError **error) HPT_WARN_UNUSED;

/* A note or warning for people: "NAME: note: …" on stderr, escaped; silent under --quiet tools. */
void hpt_tool_note(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* The same for what may happen again and again, as long as the program lives: each text is said once. */
void hpt_tool_note_once(const char *text);

/* An error that does not end the tool: "NAME: …" on stderr, escaped, as hpt_tool_main prints one. */
void hpt_tool_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
