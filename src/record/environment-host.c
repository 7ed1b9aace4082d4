#include "record/environment-internal.h"

#include "record/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void add(HptCollector *c, const char *name, const char *value)
{
    hpt_collector_add(c, HPT_PART_HOST, "host", name, value);
}

static void add_file(HptCollector *c, const char *name, const char *path)
{
    g_autofree char *text = hpt_collector_slurp(c, path);
    if (text != NULL && *text != '\0')
        add(c, name, text);
}

/* The first processor of /proc/cpuinfo speaks for all. */
static void add_cpu(HptCollector *c)
{
    static const struct {
        const char *name, *key;
    } fields[] = {
        {"cpu_vendor", "vendor_id"},        {"cpu_family", "cpu family"},
        {"cpu_model_number", "model"},      {"cpu_stepping", "stepping"},
        {"microcode", "microcode"},         {"cpu_vendor", "CPU implementer"}, /* ARM */
        {"cpu_family", "CPU architecture"}, {"cpu_stepping", "CPU revision"},
    };
    g_autofree char *text = hpt_collector_slurp(c, "/proc/cpuinfo");
    if (text == NULL)
        return;
    char *second = strstr(text, "\n\n");
    if (second != NULL)
        *second = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autofree char *value = hpt_collector_field(text, fields[i].key, ':');
        add(c, fields[i].name, value);
    }
    g_autofree char *model = hpt_collector_field(text, "model name", ':');
    g_autofree char *flags = hpt_collector_field(text, "flags", ':');
    if (model == NULL)
        model = hpt_collector_field(text, "CPU part", ':'); /* ARM has no name */
    if (flags == NULL)
        flags = hpt_collector_field(text, "Features", ':');
    add(c, "cpu_model", model);
    add(c, "cpu_flags", flags);
    if (flags != NULL) {
        char hex[HPT_DIGEST_HEX_SIZE];
        HptDigest digest = hpt_digest(flags, strlen(flags));
        add(c, "cpu_flags_sha256", hpt_digest_hex(&digest, hex));
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

static void add_affinity(HptCollector *c)
{
    g_autofree char *status = hpt_collector_slurp(c, "/proc/self/status");
    g_autofree char *list =
        status != NULL ? hpt_collector_field(status, "Cpus_allowed_list", ':') : NULL;
    g_autofree char *nodes =
        status != NULL ? hpt_collector_field(status, "Mems_allowed_list", ':') : NULL;
    add(c, "memory_nodes", nodes);
    if (list == NULL)
        return;
    g_autofree char *text = g_strdup_printf("%u (%s)", count_list(list), list);
    add(c, "cores", text);
}

static void add_memory(HptCollector *c)
{
    g_autofree char *text = hpt_collector_slurp(c, "/proc/meminfo");
    g_autofree char *total = text != NULL ? hpt_collector_field(text, "MemTotal", ':') : NULL;
    if (total != NULL && g_str_has_suffix(total, " kB"))
        total[strlen(total) - 3] = '\0';
    add(c, "memory_kib", total);
}

/* "max" in version 2; in version 1 -1, or the largest multiple of a page. */
static bool is_limit(const char *value)
{
    return *value != '\0' && *value != '-' && !g_str_has_prefix(value, "max") &&
           g_ascii_strtoull(value, NULL, 10) < UINT64_C(1) << 62;
}

/* A limit of a cgroup holds for all below it, so the whole path is walked. The limits that are set,
 * innermost first, joined by " < "; NULL if there is none; owned. */
static char *cgroup_limit(const HptCollector *c, const char *base, const char *group,
                          const char *file)
{
    g_autofree char *at = g_strdup(group);
    g_autoptr(GString) found = g_string_new(NULL);
    for (;;) {
        g_autofree char *path =
            g_strdup_printf("%s%s/%s", base, strcmp(at, "/") == 0 ? "" : at, file);
        g_autofree char *value = hpt_collector_slurp(c, path);
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

static void add_cgroup(HptCollector *c)
{
    static const struct {
        const char *name, *controller, *base, *file;
    } limits[] = {
        {"cgroup_memory", "", "/sys/fs/cgroup", "memory.max"},
        {"cgroup_cpu", "", "/sys/fs/cgroup", "cpu.max"},
        {"cgroup_memory", "memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
        {"cgroup_cpu", "cpu", "/sys/fs/cgroup/cpu", "cpu.cfs_quota_us"},
    };
    g_autofree char *text = hpt_collector_slurp(c, "/proc/self/cgroup");
    bool seen_memory = false, seen_cpu = false;
    for (size_t i = 0; text != NULL && i < G_N_ELEMENTS(limits); i++) {
        bool *seen = g_str_has_suffix(limits[i].name, "memory") ? &seen_memory : &seen_cpu;
        g_autofree char *group = cgroup_of(text, limits[i].controller);
        g_autofree char *value =
            group != NULL ? cgroup_limit(c, limits[i].base, group, limits[i].file) : NULL;
        if (value != NULL && !*seen) {
            add(c, limits[i].name, value);
            *seen = true;
        }
    }
}

/* What podman, apptainer and users say; others do not tell it inside. */
static void add_image(HptCollector *c)
{
    static const char *const names[] = {"HPT_CONTAINER_IMAGE", "APPTAINER_CONTAINER",
                                        "SINGULARITY_CONTAINER"};
    const char *said = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(names) && said == NULL; i++)
        said = hpt_collector_variable(c, names[i]);
    g_autofree char *text = hpt_collector_slurp(c, "/run/.containerenv");
    g_autofree char *image = text != NULL ? hpt_collector_assigned(text, "image") : NULL;
    g_autofree char *id = text != NULL ? hpt_collector_assigned(text, "imageid") : NULL;
    g_autofree char *both =
        image != NULL && id != NULL ? g_strdup_printf("%s %s", image, id) : g_strdup(image);
    g_autofree char *clean = hpt_secret_cut(said != NULL ? said : both != NULL ? both : "");
    if (*clean != '\0')
        add(c, "container_image", clean);
}

/* A hint, not a proof: what the usual engines leave behind. */
static void add_container(HptCollector *c)
{
    static const struct {
        const char *path, *name;
    } marks[] = {{"/.dockerenv", "docker"}, {"/run/.containerenv", "podman"}};
    const char *hint = hpt_collector_variable(c, "container");
    for (size_t i = 0; hint == NULL && i < G_N_ELEMENTS(marks); i++) {
        g_autofree char *path = g_strconcat(c->root, marks[i].path, NULL);
        if (access(path, F_OK) == 0)
            hint = marks[i].name;
    }
    if (hint == NULL && hpt_collector_variable(c, "KUBERNETES_SERVICE_HOST") != NULL)
        hint = "kubernetes";
    add(c, "container", hint);
    add_image(c);
}

/* ---- graphics and compute cards ---- */

static void add_gpu(HptCollector *c, const char *name, const char *value)
{
    hpt_collector_add(c, HPT_PART_HOST, "gpu", name, value);
}

/* The names in a folder below the root; NULL: there is none. Owned. */
static char **list(const HptCollector *c, const char *folder)
{
    g_autofree char *full = g_strconcat(c->root, folder, NULL);
    GDir *dir = g_dir_open(full, 0, NULL);
    if (dir == NULL)
        return NULL;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
        g_strv_builder_add(names, name);
    g_dir_close(dir);
    return g_strv_builder_end(names);
}

static void add_nvidia(HptCollector *c)
{
    g_autofree char *version = hpt_collector_slurp(c, "/proc/driver/nvidia/version");
    if (version != NULL) {
        version[strcspn(version, "\n")] = '\0';
        add_gpu(c, "nvidia_driver", version);
    }
    g_auto(GStrv) cards = list(c, "/proc/driver/nvidia/gpus");
    for (char **card = cards; card != NULL && *card != NULL; card++) {
        g_autofree char *path = g_strdup_printf("/proc/driver/nvidia/gpus/%s/information", *card);
        g_autofree char *text = hpt_collector_slurp(c, path);
        g_autofree char *model = text != NULL ? hpt_collector_field(text, "Model", ':') : NULL;
        g_autofree char *name = g_strdup_printf("nvidia/%s", *card);
        add_gpu(c, name, model);
    }
}

/* "card0" and not "card0-HDMI-A-1", "renderD128". */
static bool is_card(const char *name)
{
    return g_str_has_prefix(name, "card") && name[4] != '\0' &&
           strspn(name + 4, "0123456789") == strlen(name + 4);
}

static void add_drm(HptCollector *c)
{
    g_auto(GStrv) cards = list(c, "/sys/class/drm");
    for (char **card = cards; card != NULL && *card != NULL; card++) {
        if (!is_card(*card))
            continue;
        g_autofree char *device = g_strdup_printf("/sys/class/drm/%s/device", *card);
        g_autofree char *vendor_path = g_strconcat(device, "/vendor", NULL);
        g_autofree char *model_path = g_strconcat(device, "/device", NULL);
        g_autofree char *uevent_path = g_strconcat(device, "/uevent", NULL);
        g_autofree char *vendor = hpt_collector_slurp(c, vendor_path);
        g_autofree char *model = hpt_collector_slurp(c, model_path);
        g_autofree char *uevent = hpt_collector_slurp(c, uevent_path);
        g_autofree char *driver =
            uevent != NULL ? hpt_collector_field(uevent, "DRIVER", '=') : NULL;
        g_autofree char *name = g_strdup_printf("drm/%s", *card);
        g_autofree char *value =
            g_strdup_printf("%s:%s%s%s", vendor != NULL ? vendor : "?", model != NULL ? model : "?",
                            driver != NULL ? " " : "", driver != NULL ? driver : "");
        add_gpu(c, name, value);
    }
}

/* ---- settings of the kernel ---- */

/* Those that change what a program computes or whether it can. */
static void add_sysctls(HptCollector *c)
{
    static const char *const names[] = {"kernel.randomize_va_space", "vm.max_map_count",
                                        "vm.overcommit_memory", "vm.overcommit_ratio"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_strconcat("/proc/sys/", names[i], NULL);
        g_strdelimit(path, ".", '/');
        g_autofree char *value = hpt_collector_slurp(c, path);
        hpt_collector_add(c, HPT_PART_HOST, "sysctl", names[i], value);
    }
    g_autofree char *pages = hpt_collector_slurp(c, "/sys/kernel/mm/transparent_hugepage/enabled");
    char *chosen = pages != NULL ? strchr(pages, '[') : NULL; /* always [madvise] never */
    if (chosen != NULL) {
        chosen[strcspn(chosen, "]")] = '\0';
        hpt_collector_add(c, HPT_PART_HOST, "sysctl", "transparent_hugepage", chosen + 1);
    }
}

void hpt_collector_host(HptCollector *c)
{
    add_file(c, "kernel", "/proc/sys/kernel/osrelease");
    add_file(c, "kernel_build", "/proc/sys/kernel/version");
    g_autofree char *arch = hpt_collector_slurp(c, "/proc/sys/kernel/arch"); /* since Linux 6.1 */
    struct utsname name;
    if (arch == NULL && uname(&name) == 0)
        arch = g_strdup(name.machine);
    add(c, "arch", arch);
    add_cpu(c);
    add_affinity(c);
    add_memory(c);
    add_file(c, "numa_nodes", "/sys/devices/system/node/online");
    add_cgroup(c);
    add_container(c);
    add_nvidia(c);
    add_drm(c);
    add_sysctls(c);
}
