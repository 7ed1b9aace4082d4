#include "run/contain.h"

#include "run/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const hpt_contain_words[] = {"auto", "namespace", "subreaper", "cgroup", NULL};

struct HptContain {
    HptContainMode mode;
    char *helper, *cgroup, *uid_map, *gid_map;
};

void hpt_contain_free(HptContain *contain)
{
    if (contain == NULL)
        return;
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
    switch (mode) {
    case HPT_CONTAIN_NAMESPACE:
        return "namespace";
    case HPT_CONTAIN_CGROUP:
        return "cgroup";
    case HPT_CONTAIN_SUBREAPER:
        break;
    }
    return "subreaper";
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

/* The helper says what it could not do: its own part of the mode. */
static bool hear(int channel, GError **error)
{
    HptContainReport report;
    ssize_t n;
    while ((n = recv(channel, &report, sizeof report, 0)) < 0 && errno == EINTR)
        continue;
    if (n == (ssize_t)sizeof report && report.what == HPT_CONTAIN_GONE)
        return true;
    if (n == (ssize_t)sizeof report)
        hpt_error_set_errno(error, report.errnum, "not allowed here");
    else
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_IO, "its helper has ended at once");
    return false;
}

/* Starts a helper as a trial's would be, that runs nothing. */
static bool try_out(const HptContain *contain, GError **error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        hpt_error_set_errno(error, errno, "cannot make a socket");
        return false;
    }
    static const char *const argv[] = {"true", NULL}, *const env[] = {NULL};
    HptChildSpec spec = {.argv = argv, .env = env, .contain = contain};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* Not below what the child puts to 0, 1, 2 and 3 before. */
    int channel = fcntl(ends[1], F_DUPFD_CLOEXEC, HPT_CONTAIN_FD);
    HptLaunch launch = {&spec, null, null, null, channel};
    HptFault fault = {HPT_STEP_NONE, 0, NULL};
    bool ordered = null >= 0 && channel >= 0 && hpt_launch_order(ends[0], &spec, true);
    pid_t pid = ordered ? hpt_launch(&launch, &fault) : -1;
    if (pid < 0)
        fault = (HptFault){HPT_STEP_CONTAIN, errno, "new process"};
    close(ends[1]);
    if (channel >= 0)
        close(channel);
    if (null >= 0)
        close(null);
    bool had = fault.step == HPT_STEP_NONE && hear(ends[0], error);
    if (fault.step != HPT_STEP_NONE)
        hpt_error_set_errno(error, fault.errnum, "%s", fault.detail != NULL ? fault.detail : "start");
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    close(ends[0]);
    return had;
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
    contain->helper = helper != NULL ? g_strdup(helper) : find_helper(error);
    if (contain->helper == NULL)
        return NULL;
    size_t n = choice == HPT_CONTAIN_AUTO ? G_N_ELEMENTS(best_first) : 1;
    const HptContainMode *modes = choice == HPT_CONTAIN_AUTO ? best_first : &by_choice[choice];
    g_autoptr(GError) why = NULL;
    for (size_t i = 0; i < n; i++) {
        g_clear_error(&why);
        if (prepare(contain, modes[i], &why) && try_out(contain, &why))
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
