#include "run/cores.h"

#include <errno.h>
#include <string.h>

/* Of those who would otherwise start as many threads as the machine has cores. */
static const char *const variables[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                                        "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"};

typedef struct {
    cpu_set_t set;
    char *text;
} Share;

struct HptCores {
    int each, slots;
    Share *shares;
};

void hpt_cores_free(HptCores *cores)
{
    if (cores == NULL)
        return;
    for (int i = 0; i < cores->slots; i++)
        g_free(cores->shares[i].text);
    g_free(cores->shares);
    g_free(cores);
}

/* "0-3,8" */
static char *set_text(const cpu_set_t *set)
{
    GString *text = g_string_new(NULL);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, set))
            continue;
        int last = cpu;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET((size_t)last + 1, set))
            last++;
        g_string_append_printf(text, "%s%d", text->len > 0 ? "," : "", cpu);
        if (last > cpu)
            g_string_append_printf(text, "-%d", last);
        cpu = last;
    }
    return g_string_free(text, false);
}

HptCores *hpt_cores_new(int each, int slots, GError **error)
{
    cpu_set_t all;
    if (sched_getaffinity(0, sizeof all, &all) != 0) {
        hpt_error_set_errno(error, errno, "--cores: cannot ask for the CPUs of this process");
        return NULL;
    }
    if ((int64_t)each * slots > CPU_COUNT(&all)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--jobs=%d with --cores=%d needs %" PRId64 " CPUs, and this process may use %d",
                    slots, each, (int64_t)each * slots, CPU_COUNT(&all));
        return NULL;
    }
    HptCores *cores = g_new0(HptCores, 1);
    cores->each = each;
    cores->slots = slots;
    cores->shares = g_new0(Share, slots);
    size_t cpu = 0;
    for (int slot = 0; slot < slots; slot++) {
        Share *share = &cores->shares[slot];
        for (int left = each; left > 0; cpu++)
            if (CPU_ISSET(cpu, &all)) {
                CPU_SET(cpu, &share->set);
                left--;
            }
        share->text = set_text(&share->set);
    }
    return cores;
}

const cpu_set_t *hpt_cores_get(const HptCores *cores, int slot)
{
    return &cores->shares[slot].set;
}

const char *hpt_cores_peek_text(const HptCores *cores, int slot)
{
    return cores->shares[slot].text;
}

void hpt_cores_add_env(const HptCores *cores, GPtrArray *env)
{
    guint given = env->len;
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        g_autofree char *prefix = g_strconcat(variables[i], "=", NULL);
        bool there = false;
        for (guint k = 0; k < given && !there; k++)
            there = g_str_has_prefix(env->pdata[k], prefix);
        if (!there)
            g_ptr_array_add(env, g_strdup_printf("%s%d", prefix, cores->each));
    }
}
