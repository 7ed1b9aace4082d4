#include "record/process.h"

#include "base/number.h"
#include "base/path.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    __rlimit_resource_t resource;
} limits[] = {
    {"as", RLIMIT_AS},         {"core", RLIMIT_CORE},     {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},     {"fsize", RLIMIT_FSIZE},   {"memlock", RLIMIT_MEMLOCK},
    {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},   {"stack", RLIMIT_STACK},
};

/* path relative to the folder, "." for itself, path where it is not below. Owned. */
static char *below(const char *folder, const char *path)
{
    const char *inside = hpt_path_inside(folder, path);
    return g_strdup(inside == NULL ? path : *inside == '\0' ? "." : inside);
}

static void describe_place(const char *project, HptProcessFunc func, void *user)
{
    g_autofree char *here = g_get_current_dir();
    char *real_here = realpath(here, NULL);
    char *real = project == NULL ? NULL : realpath(project, NULL);
    if (real != NULL)
        func("project", real, user);
    if (real_here != NULL) {
        g_autofree char *place = real == NULL ? g_strdup(real_here) : below(real, real_here);
        func("directory", place, user);
    }
    free(real);
    free(real_here);
}

/* The file mode creation mask can only be asked for by setting it, which another thread would see. */
static void describe_umask(HptProcessFunc func, void *user)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
        return;
    const char *line = strstr(text, "\nUmask:");
    if (line == NULL)
        return;
    line += strlen("\nUmask:");
    g_autofree char *value = g_strndup(line, strcspn(line, "\n"));
    func("umask", g_strstrip(value), user);
}

static bool addresses_are_fixed(void)
{
    g_autofree char *text = NULL;
    int now = personality(0xffffffff);
    if (now != -1 && (now & ADDR_NO_RANDOMIZE) != 0)
        return true;
    return g_file_get_contents("/proc/sys/kernel/randomize_va_space", &text, NULL, NULL) &&
           text[0] == '0';
}

void hpt_process_describe(const char *project, HptProcessFunc func, void *user)
{
    describe_place(project, func, user);
    describe_umask(func, user);
    errno = 0;
    int nice_now = getpriority(PRIO_PROCESS, 0);
    if (errno == 0 && nice_now != 0) {
        g_autofree char *text = g_strdup_printf("%d", nice_now);
        func("nice", text, user);
    }
    if (addresses_are_fixed())
        func("aslr", "off", user);
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        struct rlimit limit;
        if (getrlimit(limits[i].resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
            continue;
        g_autofree char *name = g_strconcat("limit_", limits[i].name, NULL);
        g_autofree char *text = g_strdup_printf("%" PRIu64, (uint64_t)limit.rlim_cur);
        func(name, text, user);
    }
}

bool hpt_process_set_limit(const char *name, const char *value)
{
    int64_t wanted = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        struct rlimit limit;
        if (strcmp(limits[i].name, name) != 0)
            continue;
        if (!hpt_integer_parse(value, &wanted) || wanted < 0 ||
            getrlimit(limits[i].resource, &limit) != 0)
            return false;
        limit.rlim_cur = (rlim_t)wanted;
        return limit.rlim_cur <= limit.rlim_max && setrlimit(limits[i].resource, &limit) == 0;
    }
    return false;
}

bool hpt_process_fix_addresses(void)
{
    int now = personality(0xffffffff);
    return now != -1 && personality((unsigned long)now | ADDR_NO_RANDOMIZE) != -1;
}
