#include "tools/contain_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- lists of process numbers ---- */

typedef struct {
    pid_t *pids;
    size_t length, room;
} Pids;

static void add(Pids *list, pid_t pid)
{
    if (list->length == list->room) {
        size_t room = list->room == 0 ? 64 : 2 * list->room;
        pid_t *grown = realloc(list->pids, room * sizeof *grown);
        if (grown == NULL)
            return; /* out of memory we see less, and kill in the next round */
        list->pids = grown;
        list->room = room;
    }
    list->pids[list->length++] = pid;
}

/* What a file of /proc begins with, NUL-terminated; false: gone. */
static bool read_file(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t length = 0;
    ssize_t n = 0;
    while (length < size - 1 && (n = read(fd, text + length, size - 1 - length)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        length += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    text[length] = '\0';
    return n >= 0 || length > 0;
}

/* Numbers between blanks, from a file of any length. False: no such file. */
static bool add_from(Pids *list, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    pid_t pid = 0;
    for (int c = getc(file);; c = getc(file)) {
        if (c >= '0' && c <= '9') {
            pid = pid * 10 + (c - '0');
            continue;
        }
        if (pid > 0)
            add(list, pid);
        pid = 0;
        if (c == EOF)
            break;
    }
    fclose(file);
    return true;
}

/* The fields behind the command of /proc/PID/stat: *rest begins with the state. */
static bool read_stat(pid_t pid, char *text, size_t size, const char **rest)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_file(path, text, size))
        return false;
    /* The command in parentheses may hold anything; the last ")" ends it. */
    const char *end = strrchr(text, ')');
    if (end == NULL || end[1] != ' ')
        return false;
    *rest = end + 2;
    return true;
}

/* Field number (as in proc(5); the state is 3) of what read_stat gave. */
static long long field(const char *rest, int number)
{
    for (; number > 3 && rest != NULL; number--) {
        rest = strchr(rest, ' ');
        rest = rest == NULL ? NULL : rest + 1;
    }
    return rest == NULL ? 0 : strtoll(rest, NULL, 10);
}

static void add_all(Pids *list)
{
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return;
    for (struct dirent *entry = readdir(proc); entry != NULL; entry = readdir(proc))
        if (isdigit((unsigned char)entry->d_name[0]) && strtol(entry->d_name, NULL, 10) != getpid())
            add(list, (pid_t)strtol(entry->d_name, NULL, 10));
    closedir(proc);
}

/* The children of a process, thread by thread. False: this kernel does not tell. */
static bool add_children(Pids *list, pid_t pid)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return true; /* has ended */
    bool told = true;
    for (struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks))
        if (isdigit((unsigned char)entry->d_name[0])) {
            snprintf(path, sizeof path, "/proc/%d/task/%ld/children", (int)pid,
                     strtol(entry->d_name, NULL, 10));
            told = add_from(list, path) || access(path, F_OK) == 0 || errno == ENOENT;
        }
    closedir(tasks);
    return told;
}

static bool tells_children(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    return access(path, R_OK) == 0;
}

/* Descendants without CONFIG_PROC_CHILDREN: whoever in /proc has a parent on the list, until nobody
 * is found any more. */
static void add_by_parent(Pids *list, bool deep)
{
    Pids everybody = {0};
    add_all(&everybody);
    bool *taken = calloc(everybody.length + 1, sizeof *taken);
    for (bool found = taken != NULL; found;) {
        found = false;
        for (size_t i = 0; i < everybody.length; i++) {
            char text[1024];
            const char *rest;
            if (taken[i] || !read_stat(everybody.pids[i], text, sizeof text, &rest))
                continue;
            pid_t parent = (pid_t)field(rest, 4);
            bool ours = parent == getpid();
            for (size_t k = 0; deep && k < list->length && !ours; k++)
                ours = list->pids[k] == parent;
            if (!ours)
                continue;
            taken[i] = true;
            found = deep;
            add(list, everybody.pids[i]);
        }
    }
    free(taken);
    free(everybody.pids);
}

static Pids list_tree(bool is_pid_one, const char *cgroup)
{
    Pids list = {0};
    char path[4096 + 32];
    if (is_pid_one) {
        add_all(&list);
        return list;
    }
    snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
    if (cgroup[0] != '\0' && add_from(&list, path))
        return list;
    if (!tells_children()) {
        add_by_parent(&list, true);
        return list;
    }
    add_children(&list, getpid());
    for (size_t i = 0; i < list.length; i++)
        add_children(&list, list.pids[i]);
    return list;
}

/* ---- what they use ---- */

static int64_t timeval_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

int64_t tree_ended_us(void)
{
    struct rusage ended;
    getrusage(RUSAGE_CHILDREN, &ended);
    return timeval_us(ended.ru_utime) + timeval_us(ended.ru_stime);
}

TreeUse tree_measure(bool is_pid_one, const char *cgroup)
{
    int64_t page = sysconf(_SC_PAGESIZE), tick_us = 1000000 / sysconf(_SC_CLK_TCK);
    TreeUse use = {.cpu_us = tree_ended_us()};
    Pids list = list_tree(is_pid_one, cgroup);
    for (size_t i = 0; i < list.length; i++) {
        char text[1024];
        const char *rest;
        if (!read_stat(list.pids[i], text, sizeof text, &rest))
            continue;
        for (int number = 14; number <= 17; number++) /* its own and its waited-for children's */
            use.cpu_us += field(rest, number) * tick_us;
        use.rss_bytes += field(rest, 24) * page;
    }
    free(list.pids);
    return use;
}

static int64_t proportional(pid_t pid)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    const char *line = read_file(path, text, sizeof text) ? strstr(text, "\nPss:") : NULL;
    if (line != NULL)
        return strtoll(line + strlen("\nPss:"), NULL, 10) * 1024;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    if (!read_file(path, text, sizeof text))
        return 0;
    char *next = text;
    (void)strtoll(next, &next, 10); /* the address space */
    long long resident = strtoll(next, &next, 10), shared = strtoll(next, &next, 10);
    return (resident - shared) * sysconf(_SC_PAGESIZE);
}

int64_t tree_proportional_bytes(bool is_pid_one, const char *cgroup)
{
    int64_t bytes = 0;
    Pids list = list_tree(is_pid_one, cgroup);
    for (size_t i = 0; i < list.length; i++)
        bytes += proportional(list.pids[i]);
    free(list.pids);
    return bytes;
}

/* ---- their end ---- */

void tree_kill_children(void)
{
    Pids list = {0};
    if (tells_children())
        add_children(&list, getpid());
    else
        add_by_parent(&list, false);
    for (size_t i = 0; i < list.length; i++)
        kill(list.pids[i], SIGKILL);
    free(list.pids);
}
