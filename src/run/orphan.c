#include "run/orphan.h"

#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/resource.h>
#include <unistd.h>

#define ENVIRON_MAX (4 << 20) /* a marker beyond this is not found; group and session still are */

static GPtrArray *owners; /* of HptOrphanOwner, borrowed: the children that are running */

typedef enum { ORPHAN_OURS, ORPHAN_OTHERS, ORPHAN_UNKNOWN, ORPHAN_KEEP } Whose;

void hpt_orphan_enter(HptOrphanOwner *owner)
{
    if (owners == NULL)
        owners = g_ptr_array_new();
    g_ptr_array_add(owners, owner);
    owner->entered = true;
}

void hpt_orphan_leave(HptOrphanOwner *owner)
{
    if (owner->entered)
        g_ptr_array_remove_fast(owners, owner);
    owner->entered = false;
    g_clear_pointer(&owner->known, g_hash_table_destroy);
}

/* The whole of a /proc file, NUL-terminated, or NULL. */
static GByteArray *read_proc(const char *path, size_t limit)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    GByteArray *bytes = g_byte_array_sized_new(4096);
    for (;;) {
        char buffer[16384];
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || bytes->len > limit)
            break;
        g_byte_array_append(bytes, (const guint8 *)buffer, (guint)n);
    }
    close(fd);
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return bytes;
}

/* State letter, parent and start time from /proc/PID/stat; false: gone. */
static bool read_stat(pid_t pid, char *state, pid_t *parent, uint64_t *start)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    g_autoptr(GByteArray) bytes = read_proc(path, 65536);
    if (bytes == NULL)
        return false;
    /* The command in parentheses may hold anything; the last ")" ends it. */
    const char *rest = strrchr((const char *)bytes->data, ')');
    if (rest == NULL || rest[1] == '\0')
        return false;
    g_auto(GStrv) fields = g_strsplit(rest + 2, " ", -1);
    if (g_strv_length(fields) < 20)
        return false;
    *state = fields[0][0];
    *parent = (pid_t)g_ascii_strtoll(fields[1], NULL, 10);
    *start = g_ascii_strtoull(fields[19], NULL, 10);
    return true;
}

static uint64_t start_of(HptOrphanOwner *owner)
{
    char state;
    pid_t parent;
    if (owner->start == 0)
        (void)read_stat(owner->pid, &state, &parent, &owner->start);
    return owner->start;
}

/* Without CONFIG_PROC_CHILDREN: everything in /proc whose parent we are. */
static void scan_proc(GArray *pids)
{
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return;
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        pid_t pid = (pid_t)g_ascii_strtoll(entry->d_name, NULL, 10), parent = 0;
        char state;
        uint64_t start;
        if (pid > 0 && read_stat(pid, &state, &parent, &start) && parent == getpid())
            g_array_append_val(pids, pid);
    }
    closedir(proc);
}

/* Our direct children but the main processes. Orphans go to a process's first thread. */
static GArray *list_orphans(void)
{
    GArray *pids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    char path[64];
    g_snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    g_autoptr(GByteArray) bytes = read_proc(path, SIZE_MAX);
    if (bytes == NULL) {
        scan_proc(pids);
    } else {
        for (const char *next = (const char *)bytes->data; *next != '\0';) {
            char *end;
            pid_t pid = (pid_t)g_ascii_strtoll(next, &end, 10);
            if (end == next)
                break;
            g_array_append_val(pids, pid);
            next = end + strspn(end, " \n");
        }
    }
    for (guint i = pids->len; i-- > 0;)
        for (guint k = 0; owners != NULL && k < owners->len; k++)
            if (((HptOrphanOwner *)g_ptr_array_index(owners, k))->pid ==
                g_array_index(pids, pid_t, i)) {
                g_array_remove_index_fast(pids, i);
                break;
            }
    return pids;
}

static bool has_entry_of(const GByteArray *env, const char *entry, bool beginning)
{
    const char *next = (const char *)env->data, *end = next + env->len;
    for (; next < end; next += strlen(next) + 1)
        if (beginning ? g_str_has_prefix(next, entry) : strcmp(next, entry) == 0)
            return true;
    return false;
}

static bool has_entry(const GByteArray *env, const char *entry)
{
    return has_entry_of(env, entry, false);
}

/* A database server of ours, or its keeper, whoever's trial happened to start it. */
static bool is_kept(pid_t pid, const GByteArray *env)
{
    if (!has_entry(env, "HPT_KEEP=1"))
        return false;
    char path[64], target[4096];
    g_snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    char *gone = g_strrstr(target, " (deleted)"); /* replaced by an upgrade */
    if (gone != NULL)
        *gone = '\0';
    g_autofree char *name = g_path_get_basename(target);
    return strcmp(name, "postgres") == 0 || strcmp(name, "hpt-init") == 0;
}

static GByteArray *environment_of(pid_t pid)
{
    char path[64];
    g_snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    return read_proc(path, ENVIRON_MAX);
}

size_t hpt_child_kill_marked(const char *marker, bool beginning)
{
    size_t killed = 0;
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    for (const char *name; proc != NULL && (name = g_dir_read_name(proc)) != NULL;) {
        int64_t pid = 0;
        if (!hpt_integer_parse(name, &pid) || pid == getpid())
            continue;
        g_autoptr(GByteArray) env = environment_of((pid_t)pid);
        if (env != NULL && has_entry_of(env, marker, beginning) && !is_kept((pid_t)pid, env))
            killed += kill((pid_t)pid, SIGKILL) == 0;
    }
    return killed;
}

static Whose by_environment(const HptOrphanOwner *owner, pid_t pid)
{
    g_autoptr(GByteArray) env = environment_of(pid);
    if (env == NULL)
        return ORPHAN_UNKNOWN;
    if (is_kept(pid, env))
        return ORPHAN_KEEP;
    for (guint i = 0; i < owners->len; i++) {
        const HptOrphanOwner *other = g_ptr_array_index(owners, i);
        if (other->marker != NULL && has_entry(env, other->marker))
            return other == owner ? ORPHAN_OURS : ORPHAN_OTHERS;
    }
    return ORPHAN_UNKNOWN;
}

/* Started while owner ran and before every other child that still runs: it can only be owner's or
 * that of a child that has ended. Ticks are coarse, so a tie speaks for the other child. */
static bool by_elimination(HptOrphanOwner *owner, pid_t pid)
{
    char state;
    pid_t parent;
    uint64_t start;
    if (start_of(owner) == 0 || !read_stat(pid, &state, &parent, &start) || start < start_of(owner))
        return false;
    for (guint i = 0; i < owners->len; i++) {
        HptOrphanOwner *other = g_ptr_array_index(owners, i);
        if (other != owner && !other->contained && start_of(other) <= start)
            return false;
    }
    return true;
}

static Whose whose(HptOrphanOwner *owner, pid_t pid)
{
    Whose found = by_environment(owner, pid);
    if (found != ORPHAN_UNKNOWN)
        return found;
    pid_t group = getpgid(pid), session = getsid(pid);
    for (guint i = 0; i < owners->len; i++) {
        const HptOrphanOwner *other = g_ptr_array_index(owners, i);
        if (group == other->pid || session == other->pid)
            return other == owner ? ORPHAN_OURS : ORPHAN_OTHERS;
    }
    return by_elimination(owner, pid) ? ORPHAN_OURS : ORPHAN_UNKNOWN;
}

static bool note(HptOrphanOwner *owner, pid_t pid)
{
    if (owner->known == NULL)
        owner->known = g_hash_table_new(NULL, NULL);
    return g_hash_table_add(owner->known, GINT_TO_POINTER(pid));
}

/* Takes the status of an orphan that has ended; false: it lives. */
static bool collect(pid_t pid, HptEnd *end, bool mine)
{
    struct rusage usage;
    if (wait4(pid, NULL, WNOHANG, &usage) != pid)
        return false;
    if (mine) {
        end->user_us += (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec;
        end->system_us += (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    }
    return true;
}

bool hpt_orphan_sweep(HptOrphanOwner *owner, HptEnd *end)
{
    g_autoptr(GArray) orphans = list_orphans();
    bool first = owner->passes++ == 0, none = true;
    if (orphans->len > 0)
        (void)start_of(owner); /* while the main process still has its entry in /proc */
    for (guint i = 0; i < orphans->len; i++) {
        pid_t pid = g_array_index(orphans, pid_t, i);
        bool in_group = getpgid(pid) == owner->pid;
        bool mine = in_group || (owner->known != NULL &&
                                 g_hash_table_contains(owner->known, GINT_TO_POINTER(pid)));
        if (collect(pid, end, mine)) {
            /* Dead at the first look: it ended by itself. Later: we killed its group. */
            if (!first && in_group && note(owner, pid))
                end->left_behind++;
            none = none && (first || !mine);
            continue;
        }
        if (whose(owner, pid) != ORPHAN_OURS)
            continue;
        if (note(owner, pid))
            end->left_behind++;
        kill(pid, SIGKILL);
        none = false;
    }
    return none;
}
