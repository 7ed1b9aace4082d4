#include "record/environment-internal.h"

#include "base/text.h"
#include "record/secret.h"

#include <gnu/libc-version.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_MAX (1 << 20) /* bytes of a file that is one */

static void add(HptCollector *c, const char *kind, const char *name, const char *value)
{
    hpt_collector_add(c, HPT_PART_VARIABLES, kind, name, value);
}

/* ---- system ---- */

static void add_os_field(HptCollector *c, const char *text, const char *name, const char *key)
{
    g_autofree char *value = hpt_collector_assigned(text, key);
    hpt_collector_add(c, HPT_PART_PACKAGES, "os", name, value);
}

static void add_timezone(HptCollector *c)
{
    const char *set = hpt_collector_variable(c, "TZ");
    if (set != NULL) {
        g_autofree char *clean = hpt_secret_cut(set);
        add(c, "os", "timezone", *clean != '\0' ? clean : "UTC");
        return;
    }
    g_autofree char *path = g_strconcat(c->root, "/etc/localtime", NULL);
    char target[4096];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n > 0) {
        target[n] = '\0';
        const char *zone = strstr(target, "zoneinfo/");
        add(c, "os", "timezone", zone != NULL ? zone + strlen("zoneinfo/") : target);
        return;
    }
    g_autofree char *name = hpt_collector_slurp(c, "/etc/timezone");
    add(c, "os", "timezone", name != NULL && *name != '\0' ? name : "UTC");
}

static void add_locale(HptCollector *c)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(names) && (locale == NULL || *locale == '\0'); i++)
        locale = hpt_collector_variable(c, names[i]);
    g_autofree char *clean = hpt_secret_cut(locale != NULL && *locale != '\0' ? locale : "C");
    add(c, "os", "locale", clean);
}

/* The rules of a zone are changed every year: those of the file that the C library reads. */
static void add_zone_digest(HptCollector *c)
{
    const char *zone = hpt_collector_variable(c, "TZ");
    if (zone != NULL && *zone == ':')
        zone++;
    if (zone != NULL && (*zone == '\0' || strstr(zone, "..") != NULL))
        return;
    g_autofree char *path = zone == NULL ? g_strconcat(c->root, "/etc/localtime", NULL)
                            : *zone == '/'
                                ? g_strconcat(c->root, zone, NULL)
                                : g_strconcat(c->root, "/usr/share/zoneinfo/", zone, NULL);
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > ZONE_MAX)
        return;
    g_autofree char *digest = hpt_collector_digest(path);
    add(c, "os", "timezone_sha256", digest);
}

void hpt_collector_settings(HptCollector *c)
{
    g_autofree char *release = hpt_collector_slurp(c, "/etc/os-release");
    if (release == NULL)
        release = hpt_collector_slurp(c, "/usr/lib/os-release");
    if (release != NULL) {
        add_os_field(c, release, "id", "ID");
        add_os_field(c, release, "name", "PRETTY_NAME");
        add_os_field(c, release, "version", "VERSION_ID");
    }
    g_autofree char *libc = g_strconcat("glibc ", gnu_get_libc_version(), NULL);
    hpt_collector_add(c, HPT_PART_PACKAGES, "os", "libc", libc);
    add_locale(c);
    add_timezone(c);
    add_zone_digest(c);
}

/* ---- variables ---- */

static bool matches(const char *name, const char *pattern)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return strncmp(name, pattern, length - 1) == 0;
    return strcmp(name, pattern) == 0;
}

/* Names that are known to change what programs compute, or how they print it, and that do not carry
 * secrets. A list of names to hide would always be too short. */
bool hpt_environment_allowed(const char *name)
{
    static const char *const allowed[] = {"LANG",
                                          "LANGUAGE",
                                          "LC_*",
                                          "TZ",
                                          "PATH",
                                          "LD_LIBRARY_PATH",
                                          "LD_PRELOAD",
                                          "MALLOC_*",
                                          "GLIBC_TUNABLES",
                                          "SOURCE_DATE_EPOCH",
                                          "OMP_*",
                                          "GOMP_*",
                                          "KMP_*",
                                          "MKL_*",
                                          "OPENBLAS_*",
                                          "BLIS_*",
                                          "GOTO_NUM_THREADS",
                                          "NVPL_*",
                                          "VECLIB_MAXIMUM_THREADS",
                                          "NUMEXPR_*",
                                          "RAYON_NUM_THREADS",
                                          "POLARS_MAX_THREADS",
                                          "LOKY_MAX_CPU_COUNT",
                                          "GOMAXPROCS",
                                          "MC_CORES",
                                          "RCPP_PARALLEL_NUM_THREADS",
                                          "CUDA_VISIBLE_DEVICES",
                                          "CUDA_DEVICE_ORDER",
                                          "CUDA_LAUNCH_BLOCKING",
                                          "CUBLAS_*",
                                          "CUDNN_*",
                                          "NVIDIA_TF32_OVERRIDE",
                                          "NCCL_*",
                                          "HIP_VISIBLE_DEVICES",
                                          "ROCR_VISIBLE_DEVICES",
                                          "PYTHONHASHSEED",
                                          "PYTHONPATH",
                                          "PYTHONHOME",
                                          "PYTHONOPTIMIZE",
                                          "PYTHONNOUSERSITE",
                                          "VIRTUAL_ENV",
                                          "CONDA_PREFIX",
                                          "CONDA_DEFAULT_ENV",
                                          "TF_DETERMINISTIC_OPS",
                                          "TF_CUDNN_DETERMINISTIC",
                                          "TF_ENABLE_ONEDNN_OPTS",
                                          "TF_NUM_INTEROP_THREADS",
                                          "TF_NUM_INTRAOP_THREADS",
                                          "TF_XLA_FLAGS",
                                          "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
                                          "XLA_FLAGS",
                                          "JAX_PLATFORMS",
                                          "R_LIBS",
                                          "R_LIBS_USER",
                                          "R_LIBS_SITE",
                                          "R_HOME",
                                          "R_DATATABLE_NUM_THREADS",
                                          "JULIA_NUM_THREADS",
                                          "JULIA_LOAD_PATH",
                                          "JULIA_DEPOT_PATH",
                                          "JULIA_PROJECT",
                                          NULL};
    for (const char *const *pattern = allowed; *pattern != NULL; pattern++)
        if (matches(name, *pattern))
            return true;
    return false;
}

static bool wanted(const char *name, const char *const *capture)
{
    for (; capture != NULL && *capture != NULL; capture++)
        if (matches(name, *capture))
            return true;
    return hpt_environment_allowed(name);
}

void hpt_collector_variables(HptCollector *c, const char *const *capture)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (const char *const *v = c->environ; *v != NULL; v++) {
        const char *equals = strchr(*v, '=');
        if (equals == NULL || equals == *v)
            continue;
        char *name = g_strndup(*v, (gsize)(equals - *v));
        if (!g_hash_table_add(seen, name))
            continue; /* getenv(3) finds the first of a name */
        /* Per-trial variables of hpt itself are part of the trial, not of the environment. */
        if (g_str_has_prefix(name, "HPT_"))
            continue;
        g_autofree char *shown = hpt_text_printable(name, -1);
        if (wanted(name, capture)) {
            g_autofree char *value = hpt_secret_cut(equals + 1);
            add(c, "variable", shown, value);
        } else {
            add(c, "hidden", shown, "");
        }
    }
}
