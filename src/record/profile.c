#include "record/profile.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* The kernel of OpenBLAS must exist on every machine of the architecture, or it would choose by
 * itself again. */
#if defined(__x86_64__)
#define CORETYPE "Prescott"
#elif defined(__aarch64__)
#define CORETYPE "ARMV8"
#else
#define CORETYPE "GENERIC"
#endif

const char *const hpt_profile_variables[] = {
    "BLIS_NUM_THREADS=1",
    "CUBLAS_WORKSPACE_CONFIG=:4096:8",
    "LC_ALL=C.UTF-8",
    "MKL_CBWR=COMPATIBLE",
    "MKL_NUM_THREADS=1",
    "NUMEXPR_NUM_THREADS=1",
    "OMP_NUM_THREADS=1",
    "OPENBLAS_CORETYPE=" CORETYPE,
    "OPENBLAS_NUM_THREADS=1",
    "PYTHONHASHSEED=0",
    "SOURCE_DATE_EPOCH=0",
    "TF_CUDNN_DETERMINISTIC=1",
    "TF_DETERMINISTIC_OPS=1",
    "TZ=UTC",
    NULL,
};

static bool same_name(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");
    return strncmp(a, b, length) == 0 && b[length] == '=';
}

/* The last of sets with the name of entry; NULL: there is none. */
static const char *replacement(const char *entry, const char *const *sets)
{
    const char *found = NULL;
    for (; sets != NULL && *sets != NULL; sets++)
        if (same_name(entry, *sets))
            found = *sets;
    return found;
}

char **hpt_environment_with(const char *const *env, const char *const *sets)
{
    GPtrArray *out = g_ptr_array_new();
    for (; *env != NULL; env++) {
        const char *set = replacement(*env, sets);
        g_ptr_array_add(out, g_strdup(set != NULL ? set : *env));
    }
    for (const char *const *set = sets; set != NULL && *set != NULL; set++) {
        bool there = replacement(*set, sets) != *set;
        for (guint i = 0; i < out->len && !there; i++)
            there = same_name(*set, out->pdata[i]);
        if (!there)
            g_ptr_array_add(out, g_strdup(*set));
    }
    g_ptr_array_add(out, NULL);
    return (char **)g_ptr_array_free(out, false);
}
