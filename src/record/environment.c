#include "record/environment.h"

#include "base/json.h"
#include "base/text.h"
#include "record/process.h"
#include "record/program.h"
#include "record/secret.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PROC_MAX ((size_t)256 * 1024) /* of a file under /proc, /sys, /etc that is looked at */

/* ---- items ---- */

typedef struct {
    const char *root;
    const char *const *environ;
    GArray *items; /* of HptEnvironmentItem */
} Collector;

static void add(Collector *c, const char *kind, const char *name, const char *value)
{
    if (value == NULL)
        return;
    HptEnvironmentItem item = {g_strdup(kind), g_strdup(name), g_strdup(value)};
    g_array_append_val(c->items, item);
}

/* The beginning of a file below the root, NUL-terminated, without blanks at its end; NULL if there
 * is none. Files of /proc have no size, so it is read until it ends. */
static char *slurp(const Collector *c, const char *path)
{
    g_autofree char *full = g_strconcat(c->root, path, NULL);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[4096];
    ssize_t n;
    while (text->len < PROC_MAX && (n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        g_string_append_len(text, buffer, n);
    }
    close(fd);
    return g_strchomp(g_string_free(g_steal_pointer(&text), FALSE));
}

static void add_file(Collector *c, const char *kind, const char *name, const char *path)
{
    g_autofree char *text = slurp(c, path);
    if (text != NULL && *text != '\0')
        add(c, kind, name, text);
}

/* What stands after "KEY<blanks><separator>" in the first line that begins with KEY; owned. */
static char *field(const char *text, const char *key, char separator)
{
    size_t length = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        const char *at = line + length;
        if (strncmp(line, key, length) == 0) {
            while (*at == ' ' || *at == '\t')
                at++;
            if (*at == separator)
                return g_strstrip(g_strndup(at + 1, (gsize)(end - at - 1)));
        }
        line = *end == '\n' ? end + 1 : NULL;
    }
    return NULL;
}

static const char *variable(const Collector *c, const char *name)
{
    size_t length = strlen(name);
    for (const char *const *v = c->environ; *v != NULL; v++)
        if (strncmp(*v, name, length) == 0 && (*v)[length] == '=')
            return *v + length + 1;
    return NULL;
}

/* ---- host ---- */

/* The first processor of /proc/cpuinfo speaks for all; flags are many, so their digest is kept. */
static void add_cpu(Collector *c)
{
    g_autofree char *text = slurp(c, "/proc/cpuinfo");
    if (text == NULL)
        return;
    char *second = strstr(text, "\n\n");
    if (second != NULL)
        *second = '\0';
    g_autofree char *model = field(text, "model name", ':');
    g_autofree char *microcode = field(text, "microcode", ':');
    g_autofree char *flags = field(text, "flags", ':');
    if (model == NULL)
        model = field(text, "CPU part", ':'); /* ARM has no name */
    if (flags == NULL)
        flags = field(text, "Features", ':');
    add(c, "host", "cpu_model", model);
    add(c, "host", "microcode", microcode);
    if (flags != NULL) {
        char hex[HPT_DIGEST_HEX_SIZE];
        HptDigest digest = hpt_digest(flags, strlen(flags));
        add(c, "host", "cpu_flags_sha256", hpt_digest_hex(&digest, hex));
    }
}

/* "0-3,8" counts 5; 0 if it is no such list. */
static unsigned count_list(const char *list)
{
    unsigned count = 0;
    while (*list != '\0') {
        char *end;
        unsigned long low = strtoul(list, &end, 10), high = low;
        if (end == list)
            return 0;
        if (*end == '-') {
            list = end + 1;
            high = strtoul(list, &end, 10);
        }
        if (high < low || high > 1u << 20)
            return 0;
        count += (unsigned)(high - low + 1);
        list = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != '\0')
            return 0;
    }
    return count;
}

static void add_affinity(Collector *c)
{
    g_autofree char *status = slurp(c, "/proc/self/status");
    g_autofree char *list = status != NULL ? field(status, "Cpus_allowed_list", ':') : NULL;
    if (list == NULL)
        return;
    g_autofree char *text = g_strdup_printf("%u (%s)", count_list(list), list);
    add(c, "host", "cores", text);
}

static void add_memory(Collector *c)
{
    g_autofree char *text = slurp(c, "/proc/meminfo");
    g_autofree char *total = text != NULL ? field(text, "MemTotal", ':') : NULL;
    if (total != NULL && g_str_has_suffix(total, " kB"))
        total[strlen(total) - 3] = '\0';
    add(c, "host", "memory_kib", total);
}

/* "max" in version 2; in version 1 -1, or the largest multiple of a page. */
static bool is_limit(const char *value)
{
    return *value != '\0' && *value != '-' && !g_str_has_prefix(value, "max") &&
           g_ascii_strtoull(value, NULL, 10) < UINT64_C(1) << 62;
}

/* A limit of a cgroup holds for all below it, so the whole path is walked. The limits that are set,
 * innermost first, joined by " < "; NULL if there is none; owned. */
static char *cgroup_limit(const Collector *c, const char *base, const char *group, const char *file)
{
    g_autofree char *at = g_strdup(group);
    g_autoptr(GString) found = g_string_new(NULL);
    for (;;) {
        g_autofree char *path =
            g_strdup_printf("%s%s/%s", base, strcmp(at, "/") == 0 ? "" : at, file);
        g_autofree char *value = slurp(c, path);
        if (value != NULL && is_limit(value))
            g_string_append_printf(found, "%s%s", found->len > 0 ? " < " : "", value);
        char *slash = strrchr(at, '/');
        if (slash == NULL || strcmp(at, "/") == 0)
            break;
        slash[slash == at ? 1 : 0] = '\0';
    }
    return found->len > 0 ? g_string_free(g_steal_pointer(&found), FALSE) : NULL;
}

/* The group in the controller's hierarchy: "0::/a/b" (version 2) or "4:memory:/a/b"; owned. */
static char *cgroup_of(const char *text, const char *controller)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++) {
        g_auto(GStrv) parts = g_strsplit(*line, ":", 3);
        if (g_strv_length(parts) != 3 || parts[2][0] != '/')
            continue;
        g_auto(GStrv) names = g_strsplit(parts[1], ",", -1);
        if (*controller == '\0' ? parts[1][0] == '\0'
                                : g_strv_contains((const char *const *)names, controller))
            return g_strdup(parts[2]);
    }
    return NULL;
}

static void add_cgroup(Collector *c)
{
    static const struct {
        const char *name, *controller, *base, *file;
    } limits[] = {
        {"cgroup_memory", "", "/sys/fs/cgroup", "memory.max"},
        {"cgroup_cpu", "", "/sys/fs/cgroup", "cpu.max"},
        {"cgroup_memory", "memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
        {"cgroup_cpu", "cpu", "/sys/fs/cgroup/cpu", "cpu.cfs_quota_us"},
    };
    g_autofree char *text = slurp(c, "/proc/self/cgroup");
    bool seen_memory = false, seen_cpu = false;
    for (size_t i = 0; text != NULL && i < G_N_ELEMENTS(limits); i++) {
        bool *seen = g_str_has_suffix(limits[i].name, "memory") ? &seen_memory : &seen_cpu;
        g_autofree char *group = cgroup_of(text, limits[i].controller);
        g_autofree char *value =
            group != NULL ? cgroup_limit(c, limits[i].base, group, limits[i].file) : NULL;
        if (value != NULL && !*seen) {
            add(c, "host", limits[i].name, value);
            *seen = true;
        }
    }
}

/* A hint, not a proof: what the usual engines leave behind. */
static void add_container(Collector *c)
{
    static const struct {
        const char *path, *name;
    } marks[] = {{"/.dockerenv", "docker"}, {"/run/.containerenv", "podman"}};
    const char *hint = variable(c, "container");
    for (size_t i = 0; hint == NULL && i < G_N_ELEMENTS(marks); i++) {
        g_autofree char *path = g_strconcat(c->root, marks[i].path, NULL);
        if (access(path, F_OK) == 0)
            hint = marks[i].name;
    }
    if (hint == NULL && variable(c, "KUBERNETES_SERVICE_HOST") != NULL)
        hint = "kubernetes";
    add(c, "host", "container", hint);
}

static void add_host(Collector *c)
{
    add_file(c, "host", "kernel", "/proc/sys/kernel/osrelease");
    add_file(c, "host", "kernel_build", "/proc/sys/kernel/version");
    add_file(c, "host", "hostname", "/proc/sys/kernel/hostname");
    add_file(c, "host", "boot_id", "/proc/sys/kernel/random/boot_id");
    g_autofree char *arch = slurp(c, "/proc/sys/kernel/arch"); /* since Linux 6.1 */
    struct utsname name;
    if (arch == NULL && uname(&name) == 0)
        arch = g_strdup(name.machine);
    add(c, "host", "arch", arch);
    add_cpu(c);
    add_affinity(c);
    add_memory(c);
    add_cgroup(c);
    add_container(c);
}

/* ---- system ---- */

static void add_os_field(Collector *c, const char *text, const char *name, const char *key)
{
    g_autofree char *value = field(text, key, '=');
    if (value == NULL)
        return;
    size_t length = strlen(value);
    bool quoted = length >= 2 && (*value == '"' || *value == '\'') && value[length - 1] == *value;
    g_autofree char *bare = quoted ? g_strndup(value + 1, length - 2) : g_strdup(value);
    add(c, "os", name, bare);
}

static void add_timezone(Collector *c)
{
    const char *set = variable(c, "TZ");
    if (set != NULL) {
        add(c, "os", "timezone", *set != '\0' ? set : "UTC");
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
    g_autofree char *name = slurp(c, "/etc/timezone");
    add(c, "os", "timezone", name != NULL && *name != '\0' ? name : "UTC");
}

static void add_locale(Collector *c)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(names) && (locale == NULL || *locale == '\0'); i++)
        locale = variable(c, names[i]);
    add(c, "os", "locale", locale != NULL && *locale != '\0' ? locale : "C");
}

static void add_os(Collector *c)
{
    g_autofree char *release = slurp(c, "/etc/os-release");
    if (release == NULL)
        release = slurp(c, "/usr/lib/os-release");
    if (release != NULL) {
        add_os_field(c, release, "id", "ID");
        add_os_field(c, release, "name", "PRETTY_NAME");
        add_os_field(c, release, "version", "VERSION_ID");
    }
    g_autofree char *libc = g_strconcat("glibc ", gnu_get_libc_version(), NULL);
    add(c, "os", "libc", libc);
    add_locale(c);
    add_timezone(c);
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
                                          "VECLIB_MAXIMUM_THREADS",
                                          "NUMEXPR_*",
                                          "RAYON_NUM_THREADS",
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
                                          "XLA_FLAGS",
                                          "JAX_PLATFORMS",
                                          "R_LIBS",
                                          "R_LIBS_USER",
                                          "R_LIBS_SITE",
                                          "R_HOME",
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

static void add_variables(Collector *c, const char *const *capture)
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

/* ---- process ---- */

static void add_process(const char *name, const char *value, void *user)
{
    g_autofree char *clean = hpt_secret_cut(value);
    add(user, "process", name, clean);
}

/* ---- canonical form ---- */

static int compare(const void *a, const void *b)
{
    const HptEnvironmentItem *x = a, *y = b;
    int by_kind = strcmp(x->kind, y->kind);
    return by_kind != 0 ? by_kind : strcmp(x->name, y->name);
}

static void append_value(GString *out, const char *value)
{
    if (g_utf8_validate(value, -1, NULL)) {
        g_string_append(out, "\"value\":");
        hpt_json_append_string(out, value);
        return;
    }
    g_string_append(out, "\"value_hex\":\"");
    for (; *value != '\0'; value++)
        g_string_append_printf(out, "%02x", (unsigned char)*value);
    g_string_append_c(out, '"');
}

static char *canonical(const HptEnvironment *environment)
{
    GString *out = g_string_new("{\"format\":\"hpt-environment/1\",\"items\":[");
    for (size_t i = 0; i < environment->n; i++) {
        const HptEnvironmentItem *item = &environment->items[i];
        g_string_append(out, i > 0 ? ",{\"kind\":" : "{\"kind\":");
        hpt_json_append_string(out, item->kind);
        g_string_append(out, ",\"name\":");
        hpt_json_append_string(out, item->name);
        g_string_append_c(out, ',');
        append_value(out, item->value);
        g_string_append_c(out, '}');
    }
    g_string_append(out, "]}");
    return g_string_free(out, FALSE);
}

/* ---- the whole ---- */

static bool add_executable(Collector *c, const HptEnvironmentSource *source, GError **error)
{
    g_autofree char *command = hpt_secret_cut(source->command);
    add(c, "executable", "command", command);
    g_autofree char *path =
        hpt_find_program(source->command, variable(c, "PATH"), source->directory);
    if (path == NULL)
        return true;
    add(c, "executable", "path", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return true; /* may be run but not read: no digest */
    HptProgramContent content = {0};
    bool ok = hpt_program_read(fd, &content, error);
    close(fd);
    if (!ok) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    char hex[HPT_DIGEST_HEX_SIZE];
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, content.size);
    add(c, "executable", "sha256", hpt_digest_hex(&content.digest, hex));
    add(c, "executable", "size", size);
    add(c, "executable", "interpreter", content.interpreter);
    g_free(content.interpreter);
    return true;
}

HptEnvironment *hpt_environment_collect(const HptEnvironmentSource *source, GError **error)
{
    static const char *const nothing[] = {NULL};
    Collector c = {.root = source->root != NULL ? source->root : "",
                   .environ = source->environ != NULL ? source->environ : nothing};
    c.items = g_array_new(FALSE, FALSE, sizeof(HptEnvironmentItem));
    add_host(&c);
    add_os(&c);
    add_variables(&c, source->capture);
    add(&c, "hpt", "version", PACKAGE_VERSION);
    if (source->process)
        hpt_process_describe(source->project, add_process, &c);
    g_autoptr(HptEnvironment) environment = g_new0(HptEnvironment, 1);
    bool ok = source->command == NULL || add_executable(&c, source, error);
    environment->n = c.items->len;
    environment->items = (HptEnvironmentItem *)(void *)g_array_free(c.items, FALSE);
    if (!ok)
        return NULL;
    qsort(environment->items, environment->n, sizeof *environment->items, compare);
    environment->canonical = canonical(environment);
    environment->digest = hpt_digest(environment->canonical, strlen(environment->canonical));
    return g_steal_pointer(&environment);
}

void hpt_environment_free(HptEnvironment *environment)
{
    if (environment == NULL)
        return;
    for (size_t i = 0; i < environment->n; i++) {
        g_free(environment->items[i].kind);
        g_free(environment->items[i].name);
        g_free(environment->items[i].value);
    }
    g_free(environment->items);
    g_free(environment->canonical);
    g_free(environment);
}

const char *hpt_environment_get(const HptEnvironment *environment, const char *kind,
                                const char *name)
{
    for (size_t i = 0; i < environment->n; i++)
        if (strcmp(environment->items[i].kind, kind) == 0 &&
            strcmp(environment->items[i].name, name) == 0)
            return environment->items[i].value;
    return NULL;
}
