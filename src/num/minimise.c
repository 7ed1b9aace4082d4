#include "num/minimise.h"

#include "num/linear.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { PAIRS = 5, HALVINGS = 20 };
#define ARMIJO 1e-4
#define LEAST_MOVE 1e-6
#define LEAST_SHARE 1e-9

typedef struct {
    size_t n;
    int count, next;           /* pairs kept, and where the next goes */
    double *s, *y;             /* PAIRS · n */
    double rho[PAIRS], alpha[PAIRS];
} Memory;

/* d becomes −H g on the free variables, 0 on the others. */
static void direction(Memory *memory, const double *g, const double *free, double *d)
{
    size_t n = memory->n;
    for (size_t i = 0; i < n; i++)
        d[i] = -g[i] * free[i];
    for (int k = 1; k <= memory->count; k++) {
        int p = (memory->next - k + PAIRS) % PAIRS;
        const double *s = memory->s + (size_t)p * n, *y = memory->y + (size_t)p * n;
        memory->alpha[p] = memory->rho[p] * hpt_dot(s, d, n);
        for (size_t i = 0; i < n; i++)
            d[i] -= memory->alpha[p] * y[i];
    }
    if (memory->count > 0) {
        int p = (memory->next - 1 + PAIRS) % PAIRS;
        const double *y = memory->y + (size_t)p * n;
        double scale = 1 / (memory->rho[p] * hpt_dot(y, y, n));
        for (size_t i = 0; i < n; i++)
            d[i] *= scale;
    }
    for (int k = memory->count; k >= 1; k--) {
        int p = (memory->next - k + PAIRS) % PAIRS;
        const double *s = memory->s + (size_t)p * n, *y = memory->y + (size_t)p * n;
        double beta = memory->rho[p] * hpt_dot(y, d, n);
        for (size_t i = 0; i < n; i++)
            d[i] += (memory->alpha[p] - beta) * s[i];
    }
    for (size_t i = 0; i < n; i++)
        d[i] *= free[i];
}

static void remember(Memory *memory, const double *x, const double *g, const double *x_new,
                     const double *g_new)
{
    size_t n = memory->n;
    double *s = memory->s + (size_t)memory->next * n, *y = memory->y + (size_t)memory->next * n;
    for (size_t i = 0; i < n; i++) {
        s[i] = x_new[i] - x[i];
        y[i] = g_new[i] - g[i];
    }
    double sy = hpt_dot(s, y, n);
    if (!(sy > 1e-12 * hpt_dot(y, y, n))) {
        memory->count = memory->count < PAIRS ? memory->count : PAIRS - 1; /* the oldest lay there */
        return;
    }
    memory->rho[memory->next] = 1 / sy;
    memory->next = (memory->next + 1) % PAIRS;
    memory->count = memory->count < PAIRS ? memory->count + 1 : PAIRS;
}

/* One step; false: there is none downhill. On success x, g and *f are the new ones. */
static bool step(HptSmooth function, void *user, Memory *memory, double *x, double *g, double *f,
                 const double *low, const double *high, double least_gain, double *work)
{
    size_t n = memory->n;
    double *free = work, *d = work + n, *x_new = work + 2 * n, *g_new = work + 3 * n;
    for (size_t i = 0; i < n; i++)
        free[i] = (x[i] <= low[i] && g[i] > 0) || (x[i] >= high[i] && g[i] < 0) ? 0 : 1;
    direction(memory, g, free, d);
    if (!(hpt_dot(d, g, n) < 0)) { /* forget, and go straight down */
        memory->count = 0;
        direction(memory, g, free, d);
    }
    double norm = sqrt(hpt_dot(d, d, n));
    if (!(norm > 0) || !isfinite(norm))
        return false;
    double t = memory->count > 0 ? 1 : fmin(1, 0.3 / norm);
    for (int half = 0; half < HALVINGS; half++, t *= 0.5) {
        double slope = 0, most = 0;
        for (size_t i = 0; i < n; i++) {
            double to = x[i] + t * d[i];
            x_new[i] = to < low[i] ? low[i] : to > high[i] ? high[i] : to;
            slope += g[i] * (x_new[i] - x[i]);
            most = fmax(most, fabs(x_new[i] - x[i]) / (high[i] - low[i]));
        }
        if (most < LEAST_MOVE)
            return false;
        double f_new = function(x_new, g_new, user);
        if (!(f_new <= *f + ARMIJO * slope))
            continue;
        bool gained = *f - f_new > fmax(least_gain, LEAST_SHARE * (fabs(*f) + LEAST_SHARE));
        remember(memory, x, g, x_new, g_new);
        memcpy(x, x_new, n * sizeof *x);
        memcpy(g, g_new, n * sizeof *g);
        *f = f_new;
        return gained;
    }
    return false;
}

double hpt_minimise(HptSmooth function, void *user, double *x, const double *low, const double *high, size_t n,
                    int max_steps, double least_gain, double *scratch)
{
    Memory memory = {.n = n, .s = scratch, .y = scratch + PAIRS * n};
    double *g = scratch + 2 * PAIRS * n, *work = g + n;
    double f = function(x, g, user);
    for (int i = 0; i < max_steps && isfinite(f); i++)
        if (!step(function, user, &memory, x, g, &f, low, high, least_gain, work))
            break;
    return f;
}
