/* Budgets of rungs from "LO..HI[:ETA]". */
#include "prune/prune.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

#define MAX_RUNGS 64

static bool is_whole(double x)
{
    return fabs(x) <= 0x1p53 && !(floor(x) < x);
}

static bool bad(const char *text, const char *what, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                "budget '%s': %s\nhint: LO..HI or LO..HI:ETA, as in 1..81:3", text, what);
    return false;
}

static bool read_budget(const char *text, double *low, double *high, double *eta, GError **error)
{
    g_autofree char *copy = g_strdup(text);
    char *dots = strstr(copy, ".."), *colon = strrchr(copy, ':');
    if (dots == NULL || (colon != NULL && colon < dots))
        return bad(text, "not of the form LO..HI", error);
    *dots = '\0';
    if (colon != NULL)
        *colon = '\0';
    *eta = 3;
    /* "1...5" is 1 to .5, as numbers go. */
    if (!hpt_number_parse(copy, low, NULL) || !hpt_number_parse(dots + 2, high, NULL) ||
        (colon != NULL && !hpt_number_parse(colon + 1, eta, NULL)))
        return bad(text, "LO, HI and ETA must be numbers", error);
    if (!(*low > 0) || !(*high >= *low))
        return bad(text, "LO must be above 0 and HI at least LO", error);
    if (!(*eta > 1))
        return bad(text, "ETA must be above 1", error);
    return true;
}

double *hpt_rungs_parse(const char *text, int *n, char **canonical, GError **error)
{
    double low, high, eta, rungs[MAX_RUNGS];
    if (!read_budget(text, &low, &high, &eta, error))
        return NULL;
    bool whole = is_whole(low) && is_whole(high);
    int count = 0;
    for (double exact = low; exact < high; exact *= eta) {
        double rung =
            whole ? floor(exact + 0.5) : hpt_number_snap(exact, 12); /* 0.3, not 0.1 · 3 */
        if (count > 0 && !(rung > rungs[count - 1]))
            continue; /* rounded to the one before */
        if (!(rung < high))
            break;
        if (count == MAX_RUNGS - 1) {
            (void)bad(text, "more than 64 rungs", error);
            return NULL;
        }
        rungs[count++] = rung;
    }
    rungs[count++] = high;
    char a[HPT_NUMBER_TEXT_SIZE], b[HPT_NUMBER_TEXT_SIZE], c[HPT_NUMBER_TEXT_SIZE];
    *canonical = g_strdup_printf("%s..%s:%s", hpt_number_text(low, a), hpt_number_text(high, b),
                                 hpt_number_text(eta, c));
    *n = count;
    double *owned = g_new(double, count);
    memcpy(owned, rungs, (size_t)count * sizeof *owned);
    return owned;
}
