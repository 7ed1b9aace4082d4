#include "run/contain.h"

#include "run/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const hpt_contain_words[] = {"auto", "namespace", "subreaper", "cgroup", NULL};

struct HptContain {
    HptContainMode mode;
    char *helper, *cgroup, *uid_map, *gid_map;
    GPtrArray *pool; /* of HptHelper */
};

static void free_idle(gpointer helper)
{
    hpt_helper_free(helper, false);
}

void hpt_contain_free(HptContain *contain)
{
    if (contain == NULL)
        return;
    g_ptr_array_free(contain->pool, TRUE);
    g_free(contain->helper);
    g_free(contain->cgroup);
    g_free(contain->uid_map);
    g_free(contain->gid_map);
    g_free(contain);
}

HptContainMode hpt_contain_get_mode(const HptContain *contain)
{
    return contain->mode;
}

const char *hpt_contain_mode_name(HptContainMode mode)
{
    static const char *const names[] = HPT_CONTAIN_MODE_NAMES;
    return names[mode];
}

GPtrArray *hpt_contain_peek_pool(const HptContain *contain)
{
    return contain->pool;
}

const char *hpt_contain_peek_helper(const HptContain *contain)
{
    return contain->helper;
}

const char *hpt_contain_peek_cgroup(const HptContain *contain)
{
    return contain->cgroup;
}

const char *hpt_contain_peek_uid_map(const HptContain *contain)
{
    return contain->uid_map;
}

const char *hpt_contain_peek_gid_map(const HptContain *contain)
{
    return contain->gid_map;
}

/* Beside the running program (a build tree, or all in one folder), else where it is installed. */
static char *find_helper(GError **error)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    if (self != NULL) {
        g_autofree char *folder = g_path_get_dirname(self);
        g_autofree char *beside = g_build_filename(folder, "hpt-contain", NULL);
        if (access(beside, X_OK) == 0)
            return g_steal_pointer(&beside);
    }
    g_autofree char *installed = g_build_filename(HPT_LIBEXECDIR, "hpt-contain", NULL);
    if (access(installed, X_OK) == 0)
        return g_steal_pointer(&installed);
    hpt_error_set_errno(error, errno, "cannot run the helper '%s'", installed);
    return NULL;
}

/* The folder of our own cgroup in the unified hierarchy, wherever that is mounted. Owned. */
static char *own_cgroup(GError **error)
{
    g_autofree char *groups = NULL, *mounts = NULL;
    const char *why = "this process is in no cgroup of version 2";
    if (g_file_get_contents("/proc/self/cgroup", &groups, NULL, NULL) &&
        g_file_get_contents("/proc/self/mounts", &mounts, NULL, NULL)) {
        g_auto(GStrv) lines = g_strsplit(groups, "\n", -1);
        const char *path = NULL;
        for (char **line = lines; *line != NULL && path == NULL; line++)
            if (g_str_has_prefix(*line, "0::/"))
                path = *line + strlen("0::");
        g_auto(GStrv) entries = g_strsplit(mounts, "\n", -1);
        if (path != NULL)
            why = "no cgroup file system of version 2 is mounted";
        for (char **entry = entries; path != NULL && *entry != NULL; entry++) {
            g_auto(GStrv) fields = g_strsplit(*entry, " ", 4);
            if (g_strv_length(fields) == 4 && strcmp(fields[2], "cgroup2") == 0)
                return g_build_filename(fields[1], path, NULL);
        }
    }
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED, why);
    return NULL;
}

/* Fills in what the mode needs; false: it cannot be had. */
static bool prepare(HptContain *contain, HptContainMode mode, GError **error)
{
    contain->mode = mode;
    if (mode == HPT_CONTAIN_CGROUP) {
        contain->cgroup = own_cgroup(error);
        return contain->cgroup != NULL;
    }
    /* root without the right to make namespaces would lose more in one of its users than it wins. */
    if (mode == HPT_CONTAIN_NAMESPACE && geteuid() != 0) {
        contain->uid_map = g_strdup_printf("%u %u 1", geteuid(), geteuid());
        contain->gid_map = g_strdup_printf("%u %u 1", getegid(), getegid());
    }
    return true;
}

static void unprepare(HptContain *contain)
{
    g_clear_pointer(&contain->cgroup, g_free);
    g_clear_pointer(&contain->uid_map, g_free);
    g_clear_pointer(&contain->gid_map, g_free);
}

HptContain *hpt_contain_new(HptContainChoice choice, const char *helper, GError **error)
{
    static const HptContainMode by_choice[] = {
        [HPT_CONTAIN_AS_NAMESPACE] = HPT_CONTAIN_NAMESPACE,
        [HPT_CONTAIN_AS_SUBREAPER] = HPT_CONTAIN_SUBREAPER,
        [HPT_CONTAIN_AS_CGROUP] = HPT_CONTAIN_CGROUP,
    };
    static const HptContainMode best_first[] = {HPT_CONTAIN_NAMESPACE, HPT_CONTAIN_CGROUP,
                                                HPT_CONTAIN_SUBREAPER};
    g_autoptr(HptContain) contain = g_new0(HptContain, 1);
    contain->pool = g_ptr_array_new_with_free_func(free_idle);
    contain->helper = helper != NULL ? g_strdup(helper) : find_helper(error);
    if (contain->helper == NULL)
        return NULL;
    size_t n = choice == HPT_CONTAIN_AUTO ? G_N_ELEMENTS(best_first) : 1;
    const HptContainMode *modes = choice == HPT_CONTAIN_AUTO ? best_first : &by_choice[choice];
    g_autoptr(GError) why = NULL;
    for (size_t i = 0; i < n; i++) {
        g_clear_error(&why);
        if (prepare(contain, modes[i], &why) && hpt_helper_try(contain, &why))
            return g_steal_pointer(&contain);
        unprepare(contain);
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_UNSUPPORTED, "trials cannot be contained by %s here: %s",
                hpt_contain_mode_name(modes[n - 1]), why->message);
    return NULL;
}

void hpt_contain_clear_cgroup(const char *parent, pid_t helper)
{
    g_autofree char *folder = g_strdup_printf("%s/hpt-%d", parent, (int)helper);
    g_autofree char *path = g_build_filename(folder, "cgroup.kill", NULL);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "1", 1) != 1)
            g_debug("%s: %s", path, g_strerror(errno));
        close(fd);
    }
    (void)rmdir(folder);
}
