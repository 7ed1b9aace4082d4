#include "run/place.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t length = (ssize_t)strlen(text);
    bool done = fd >= 0 && write(fd, text, (size_t)length) == length;
    if (fd >= 0)
        close(fd);
    return done;
}

/* We keep our numbers of user and group, as trials do in theirs. */
static bool new_user_namespace(void)
{
    g_autofree char *users = g_strdup_printf("%u %u 1", geteuid(), geteuid());
    g_autofree char *groups = g_strdup_printf("%u %u 1", getegid(), getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_text("/proc/self/setgroups", "deny") &&
           write_text("/proc/self/uid_map", users) && write_text("/proc/self/gid_map", groups);
}

/* Below chroot it need not be one, and a namespace could not be cut off from the others; and the names
 * of /proc/self would be those outside. */
static bool root_is_mount(void)
{
    struct statx info;
    return statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &info) == 0 &&
           ((info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0 ||
            (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
}

/* Tried once. */
static bool have_namespace(void)
{
    static enum { UNTRIED, HAVE, HAVE_NOT } state;
    if (state == UNTRIED) {
        bool made = root_is_mount() && (unshare(CLONE_NEWNS) == 0 ||
                                        (geteuid() != 0 && new_user_namespace()));
        made = made && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
        state = made ? HAVE : HAVE_NOT;
    }
    return state == HAVE;
}

static char *own_folder(const char *folder)
{
    return g_strconcat(folder, "/.hpt", NULL);
}

/* What lies in NAME is hidden, but for .hpt. */
static bool would_hide(const char *path, const char *name)
{
    g_autofree char *own = own_folder(name);
    return hpt_path_is_below(name, path) && !hpt_path_is_below(own, path);
}

bool hpt_place_enter(const char *folder, const char *name, const char *needed)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *hidden = own_folder(name);
    g_autofree char *shown = own_folder(folder);
    struct stat info;
    if (would_hide(self, name) || would_hide(needed, name) || would_hide(folder, name) ||
        lstat(name, &info) != 0 || !S_ISDIR(info.st_mode) || !have_namespace())
        return false;
    bool own = lstat(hidden, &info) == 0 && S_ISDIR(info.st_mode);
    if (own && ((mkdir(shown, 0700) != 0 && errno != EEXIST) ||
                mount(hidden, shown, NULL, MS_BIND | MS_REC, NULL) != 0))
        return false;
    if (mount(folder, name, NULL, MS_BIND | MS_REC, NULL) == 0)
        return true;
    (void)umount2(shown, MNT_DETACH);
    return false;
}

void hpt_place_leave(const char *folder, const char *name)
{
    g_autofree char *shown = own_folder(folder);
    (void)umount2(name, MNT_DETACH);
    (void)umount2(shown, MNT_DETACH);
}
