/* Errors and exit statuses.
 *
 * A fallible function returns bool (false = failed) or a pointer (NULL = failed), takes
 * GError **error last and leaves its out-parameters untouched on failure. The codes say what a
 * caller can do; the message is lower case, has no full stop and names the object and the place.
 * A hint is the message's own last line and begins with "hint: ".
 */
#ifndef HPT_BASE_ERROR_H
#define HPT_BASE_ERROR_H

#include <glib.h>
#include <stdbool.h>
#include <inttypes.h>

#define HPT_ERROR (hpt_error_quark())
#define HPT_WARN_UNUSED G_GNUC_WARN_UNUSED_RESULT

typedef enum {
    HPT_ERROR_USAGE,          /* wrong option or argument: tell the user */
    HPT_ERROR_DATA,           /* input that does not mean anything */
    HPT_ERROR_NOT_FOUND,      /* no such study or trial */
    HPT_ERROR_CONFLICT,       /* somebody else changed it: try again */
    HPT_ERROR_DB_CONNECT,     /* database not reachable, or too old or too new */
    HPT_ERROR_DB,             /* the database refused a statement */
    HPT_ERROR_IO,             /* a file or a pipe failed */
    HPT_ERROR_INTEGRITY,      /* stored bytes are not what was stored */
    HPT_ERROR_PERMISSION,     /* not allowed */
    HPT_ERROR_UNSUPPORTED,    /* cannot be done here */
    HPT_ERROR_EXHAUSTED,      /* nothing left to propose */
    HPT_ERROR_NO_COMMAND,     /* a command that is not found */
    HPT_ERROR_NO_ROOM,        /* the forbidden clauses leave no room */
    HPT_ERROR_FAILURES,       /* too much failed to go on */
    HPT_ERROR_NOT_EXECUTABLE, /* a command that is found and cannot be run */
} HptErrorCode;

/* Exit statuses of every tool; the manual is hpt-exit-status(7). */
typedef enum {
    HPT_EXIT_OK = 0,
    HPT_EXIT_NO = 1,        /* the honest answer is no */
    HPT_EXIT_USAGE = 2,     /* wrong use or bad input */
    HPT_EXIT_DATABASE = 3,  /* database not reachable, or too old or too new */
    HPT_EXIT_NOT_FOUND = 4, /* no such study or trial */
    HPT_EXIT_FAILURES = 5,  /* too many trials failed */
    HPT_EXIT_INTEGRITY = 6,
    HPT_EXIT_STOP = 10,     /* hpt-report, hpt-tell: stop */
    HPT_EXIT_TOOL = 125,    /* the tool itself failed (I/O, refused statement) */
    HPT_EXIT_NOT_EXECUTABLE = 126,
    HPT_EXIT_NO_COMMAND = 127,
    HPT_EXIT_SIGNAL = 128, /* + signal number */
} HptExit;

GQuark hpt_error_quark(void);

/* The exit status that belongs to an error: HPT_EXIT_TOOL for those of other domains. */
HptExit hpt_error_exit(const GError *error);

/* Sets *error to HPT_ERROR_IO "CONTEXT: strerror(errnum)" (PERMISSION for EACCES and EPERM). */
void hpt_error_set_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The nearest of candidates to word by edit distance when it is near enough to suggest (at most a
 * third of the letters differ, transpositions count one), else NULL. NULL-terminated, borrowed. */
const char *hpt_suggest(const char *word, const char *const *candidates);

#endif
