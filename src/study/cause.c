#include "study/cause.h"

#include "base/json.h"

#include <string.h>

static const char *const cause_names[] = {
    "not deterministic", "input",  "code",   "command",
    "library",           "package", "threads and BLAS", "CPU",
    "GPU",               "kernel", "locale and time zone", "variable",
    "limit",             "machine", "",
};

const char *hpt_cause_name(HptCauseKind kind)
{
    return cause_names[kind];
}

/* The first line that fits decides. A "*" at the end fits any rest. */
static const struct {
    const char *kind, *name;
    HptCauseKind cause;
} rules[] = {
    {"executable", "path", HPT_CAUSE_NONE},
    {"executable", "*", HPT_CAUSE_COMMAND},
    {"library*", "*", HPT_CAUSE_LIBRARY},
    {"os", "libc", HPT_CAUSE_LIBRARY},
    {"variable", "LD_*", HPT_CAUSE_LIBRARY},
    {"variable", "GLIBC_TUNABLES", HPT_CAUSE_LIBRARY},
    {"interpreter", "path", HPT_CAUSE_NONE},
    {"interpreter", "*", HPT_CAUSE_COMMAND},
    {"package*", "*", HPT_CAUSE_PACKAGE},
    {"os-package*", "*", HPT_CAUSE_PACKAGE},
    {"variable", "PYTHONHASHSEED", HPT_CAUSE_VARIABLE},
    {"variable", "PYTHON*", HPT_CAUSE_PACKAGE},
    {"variable", "VIRTUAL_ENV", HPT_CAUSE_PACKAGE},
    {"variable", "CONDA_*", HPT_CAUSE_PACKAGE},
    {"variable", "R_DATATABLE_NUM_THREADS", HPT_CAUSE_THREADS},
    {"variable", "R_*", HPT_CAUSE_PACKAGE},
    {"variable", "JULIA_NUM_THREADS", HPT_CAUSE_THREADS},
    {"variable", "JULIA_*", HPT_CAUSE_PACKAGE},
    {"variable", "OMP_*", HPT_CAUSE_THREADS},
    {"variable", "GOMP_*", HPT_CAUSE_THREADS},
    {"variable", "KMP_*", HPT_CAUSE_THREADS},
    {"variable", "MKL_*", HPT_CAUSE_THREADS},
    {"variable", "OPENBLAS_*", HPT_CAUSE_THREADS},
    {"variable", "BLIS_*", HPT_CAUSE_THREADS},
    {"variable", "GOTO_NUM_THREADS", HPT_CAUSE_THREADS},
    {"variable", "VECLIB_MAXIMUM_THREADS", HPT_CAUSE_THREADS},
    {"variable", "NUMEXPR_*", HPT_CAUSE_THREADS},
    {"variable", "RAYON_NUM_THREADS", HPT_CAUSE_THREADS},
    {"variable", "NVPL_*", HPT_CAUSE_THREADS},
    {"variable", "POLARS_MAX_THREADS", HPT_CAUSE_THREADS},
    {"variable", "LOKY_MAX_CPU_COUNT", HPT_CAUSE_THREADS},
    {"variable", "GOMAXPROCS", HPT_CAUSE_THREADS},
    {"variable", "MC_CORES", HPT_CAUSE_THREADS},
    {"variable", "RCPP_PARALLEL_NUM_THREADS", HPT_CAUSE_THREADS},
    {"variable", "TF_NUM_INT*", HPT_CAUSE_THREADS},
    {"threads", "*", HPT_CAUSE_THREADS},
    {"host", "cores", HPT_CAUSE_THREADS},
    {"host", "cgroup_cpu", HPT_CAUSE_THREADS},
    {"host", "arch", HPT_CAUSE_CPU},
    {"host", "cpu*", HPT_CAUSE_CPU},
    {"host", "microcode", HPT_CAUSE_CPU},
    {"host", "gpu*", HPT_CAUSE_GPU},
    {"gpu*", "*", HPT_CAUSE_GPU},
    {"variable", "CUDA_*", HPT_CAUSE_GPU},
    {"variable", "CUBLAS_*", HPT_CAUSE_GPU},
    {"variable", "CUDNN_*", HPT_CAUSE_GPU},
    {"variable", "NVIDIA_*", HPT_CAUSE_GPU},
    {"variable", "NCCL_*", HPT_CAUSE_GPU},
    {"variable", "HIP_*", HPT_CAUSE_GPU},
    {"variable", "ROCR_*", HPT_CAUSE_GPU},
    {"host", "kernel*", HPT_CAUSE_KERNEL},
    {"sysctl", "*", HPT_CAUSE_KERNEL},
    {"os", "locale", HPT_CAUSE_LOCALE},
    {"os", "timezone*", HPT_CAUSE_LOCALE},
    {"variable", "TZ", HPT_CAUSE_LOCALE},
    {"variable", "LANG*", HPT_CAUSE_LOCALE},
    {"variable", "LC_*", HPT_CAUSE_LOCALE},
    {"os", "*", HPT_CAUSE_MACHINE},
    {"variable", "*", HPT_CAUSE_VARIABLE},
    {"hidden", "*", HPT_CAUSE_VARIABLE},
    {"process", "directory", HPT_CAUSE_NONE},
    {"process", "project", HPT_CAUSE_NONE},
    {"process", "*", HPT_CAUSE_LIMIT},
    {"host", "boot_id", HPT_CAUSE_NONE},
    {"host", "hostname", HPT_CAUSE_NONE},
    {"host", "*", HPT_CAUSE_MACHINE},
    {"hpt", "*", HPT_CAUSE_NONE},
    {"*", "*", HPT_CAUSE_MACHINE},
};

static bool fits(const char *text, const char *form)
{
    size_t length = strlen(form);
    if (form[length - 1] == '*')
        return strncmp(text, form, length - 1) == 0;
    return strcmp(text, form) == 0;
}

HptCauseKind hpt_cause_of(const char *kind, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        if (fits(kind, rules[i].kind) && fits(name, rules[i].name))
            return rules[i].cause;
    g_assert_not_reached();
}

bool hpt_cause_is_system(const char *path)
{
    static const char *const places[] = {"/usr/", "/lib", "/bin/", "/sbin/", "/etc/",
                                         "/opt/", "/nix/", "/gnu/", "/snap/", "/var/lib/"};
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        if (g_str_has_prefix(path, places[i]))
            return true;
    return false;
}

HptCauseKind hpt_cause_of_file(const char *path, bool system)
{
    const char *name = strrchr(path, '/');
    bool library =
        g_str_has_suffix(path, ".so") || (name != NULL && strstr(name, ".so.") != NULL);
    if (library)
        return HPT_CAUSE_LIBRARY;
    if (strstr(path, "-packages/") != NULL || strstr(path, "/R/") != NULL)
        return HPT_CAUSE_PACKAGE;
    if (strstr(path, "/zoneinfo/") != NULL || strstr(path, "/locale/") != NULL ||
        strcmp(path, "/etc/localtime") == 0)
        return HPT_CAUSE_LOCALE;
    return system ? HPT_CAUSE_MACHINE : HPT_CAUSE_INPUT;
}

void hpt_cause_free(HptCause *difference)
{
    if (difference == NULL)
        return;
    g_free(difference->kind);
    g_free(difference->name);
    g_free(difference->then);
    g_free(difference->now);
    g_free(difference);
}

static void free_difference(void *difference)
{
    hpt_cause_free(difference);
}

GPtrArray *hpt_causes_new(void)
{
    return g_ptr_array_new_with_free_func(free_difference);
}

static int by_rank(const void *a, const void *b)
{
    const HptCause *x = *(HptCause *const *)a, *y = *(HptCause *const *)b;
    if (x->cause != y->cause)
        return x->cause < y->cause ? -1 : 1;
    int kind = strcmp(x->kind, y->kind);
    return kind != 0 ? kind : strcmp(x->name, y->name);
}

void hpt_causes_add(GPtrArray *list, HptCauseKind cause, const char *kind, const char *name,
                         const char *then, const char *now)
{
    HptCause *difference = g_new0(HptCause, 1);
    *difference = (HptCause){cause, g_strdup(kind), g_strdup(name), g_strdup(then),
                                  g_strdup(now)};
    guint at = list->len;
    while (at > 0 && by_rank(&list->pdata[at - 1], &difference) > 0)
        at--;
    g_ptr_array_insert(list, (gint)at, difference);
}

/* Which variables have their values recorded changes with the versions of hpt: is the item one of a
 * variable that the other side has by its name alone, or the other way round? Nothing is known then. */
static bool is_half_known(const HptItem *item, const GPtrArray *other)
{
    bool hidden = strcmp(item->kind, "hidden") == 0;
    if (!hidden && strcmp(item->kind, "variable") != 0)
        return false;
    for (guint i = 0; i < other->len; i++) {
        const HptItem *its = other->pdata[i];
        if (strcmp(its->kind, hidden ? "variable" : "hidden") == 0 && strcmp(its->name, item->name) == 0)
            return true;
    }
    return false;
}

GPtrArray *hpt_causes_between(const GPtrArray *then, const GPtrArray *now)
{
    GPtrArray *list = hpt_causes_new();
    guint i = 0, k = 0;
    while (i < then->len || k < now->len) {
        const HptItem *a = i < then->len ? then->pdata[i] : NULL;
        const HptItem *b = k < now->len ? now->pdata[k] : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->kind, b->kind);
        if (order == 0)
            order = strcmp(a->name, b->name);
        const HptItem *named = order <= 0 ? a : b;
        bool differs = order == 0 ? g_strcmp0(a->value, b->value) != 0
                                  : !is_half_known(named, order < 0 ? now : then);
        if (differs) {
            HptCause *difference = g_new0(HptCause, 1);
            *difference = (HptCause){
                hpt_cause_of(named->kind, named->name),
                g_strdup(named->kind),
                g_strdup(named->name),
                order <= 0 ? g_strdup(a->value) : NULL,
                order >= 0 ? g_strdup(b->value) : NULL,
            };
            g_ptr_array_add(list, difference);
        }
        i += order <= 0;
        k += order >= 0;
    }
    g_ptr_array_sort(list, by_rank);
    return list;
}

static json_t *text_or_null(const char *text)
{
    if (text == NULL)
        return json_null();
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    return json_string(valid);
}

char *hpt_causes_json(const GPtrArray *list)
{
    g_autoptr(json_t) array = json_array();
    for (guint i = 0; i < list->len; i++) {
        const HptCause *difference = list->pdata[i];
        if (difference->cause == HPT_CAUSE_NONE)
            continue;
        g_autofree char *item = g_strdup_printf("%s %s", difference->kind, difference->name);
        json_t *object = json_object();
        json_object_set_new(object, "cause", json_string(hpt_cause_name(difference->cause)));
        json_object_set_new(object, "item", text_or_null(item));
        json_object_set_new(object, "then", text_or_null(difference->then));
        json_object_set_new(object, "now", text_or_null(difference->now));
        json_array_append_new(array, object);
    }
    return hpt_json_canonical(array, NULL);
}
