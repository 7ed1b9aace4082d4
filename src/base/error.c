#include "base/error.h"

#include <errno.h>
#include <string.h>

G_DEFINE_QUARK(hpt-error, hpt_error)

HptExit hpt_error_exit(const GError *error)
{
    if (error->domain == G_OPTION_ERROR)
        return HPT_EXIT_USAGE;
    if (error->domain != HPT_ERROR)
        return HPT_EXIT_TOOL;
    switch ((HptErrorCode)error->code) {
    case HPT_ERROR_USAGE:
    case HPT_ERROR_DATA:
    case HPT_ERROR_NO_ROOM:
    case HPT_ERROR_CONFLICT:
        return HPT_EXIT_USAGE;
    case HPT_ERROR_DB_CONNECT:
        return HPT_EXIT_DATABASE;
    case HPT_ERROR_NOT_FOUND:
        return HPT_EXIT_NOT_FOUND;
    case HPT_ERROR_INTEGRITY:
        return HPT_EXIT_INTEGRITY;
    case HPT_ERROR_FAILURES:
        return HPT_EXIT_FAILURES;
    case HPT_ERROR_EXHAUSTED:
        return HPT_EXIT_NO;
    case HPT_ERROR_NO_COMMAND:
        return HPT_EXIT_NO_COMMAND;
    case HPT_ERROR_NOT_EXECUTABLE:
        return HPT_EXIT_NOT_EXECUTABLE;
    case HPT_ERROR_DB:
    case HPT_ERROR_IO:
    case HPT_ERROR_PERMISSION:
    case HPT_ERROR_UNSUPPORTED:
        break;
    }
    return HPT_EXIT_TOOL;
}

void hpt_error_set_errno(GError **error, int errnum, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *context = g_strdup_vprintf(format, args);
    va_end(args);
    bool denied = errnum == EACCES || errnum == EPERM;
    g_set_error(error, HPT_ERROR, denied ? HPT_ERROR_PERMISSION : HPT_ERROR_IO, "%s: %s", context,
                g_strerror(errnum));
}

/* Optimal string alignment distance; rows are short names, so the quadratic table is small. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), width = m + 1;
    g_autofree size_t *d = g_new(size_t, (n + 1) * width);
    for (size_t i = 0; i <= n; i++)
        d[i * width] = i;
    for (size_t j = 0; j <= m; j++)
        d[j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t substitute = d[(i - 1) * width + j - 1] + (a[i - 1] != b[j - 1]);
            size_t best = MIN(substitute, MIN(d[(i - 1) * width + j], d[i * width + j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, d[(i - 2) * width + j - 2] + 1);
            d[i * width + j] = best;
        }
    return d[n * width + m];
}

const char *hpt_suggest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX, length = strlen(word);
    if (length > 256)
        return NULL;
    for (; *candidates != NULL; candidates++) {
        size_t other = strlen(*candidates);
        if (other > 256)
            continue;
        size_t found = distance(word, *candidates);
        if (found < best_distance && found * 3 <= MAX(length, other)) {
            best = *candidates;
            best_distance = found;
        }
    }
    return best;
}
