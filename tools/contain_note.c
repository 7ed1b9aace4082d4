#include "tools/contain_note.h"

#include "tools/contain_files.h"
#include "tools/contain_later.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PATH_ROOM 4096            /* of the kernel, with the NUL */
#define RACE_NS INT64_C(20000000) /* that a call may take that does not wait for anything */

/* ---- the memory of a process ---- */

static bool told; /* addresses are ours: a process has said what it does */

static void refused(pid_t tid)
{
    if (errno == EPERM)
        files_incomplete(false, "the memory of process %d could not be read", (int)tid);
    else if (errno == ENOSYS)
        files_incomplete(true, "this system does not let trials be traced (process_vm_readv)");
}

bool note_read(pid_t tid, uint64_t address, void *bytes, size_t length)
{
    struct iovec here = {bytes, length}, there = {(void *)(uintptr_t)address, length};
    if (process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)length)
        return true;
    refused(tid);
    return false;
}

/* A path of at most PATH_ROOM bytes; false: as note_read. Most are short, so a page is not copied.
 */
static bool read_path(pid_t tid, uint64_t address, char text[PATH_ROOM])
{
    size_t have = 0;
    if (told)
        return memccpy(text, (const char *)(uintptr_t)address, '\0', PATH_ROOM) != NULL;
    for (size_t step = 256; have < PATH_ROOM; step = PATH_ROOM) {
        size_t to_page = 4096 - (size_t)((address + have) & 4095);
        size_t want = step < to_page ? step : to_page;
        want = want < PATH_ROOM - have ? want : PATH_ROOM - have;
        struct iovec here = {text + have, want};
        struct iovec there = {(void *)(uintptr_t)(address + have), want};
        ssize_t n = process_vm_readv(tid, &here, 1, &there, 1, 0);
        if (n <= 0) {
            refused(tid);
            return false;
        }
        if (memchr(text + have, '\0', (size_t)n) != NULL)
            return true;
        have += (size_t)n;
    }
    return false; /* ENAMETOOLONG */
}

/* ---- names ---- */

/* In a process's own words: /proc/self is not ours. */
static const char *own_words(pid_t tid, const char *path, char room[PATH_ROOM])
{
    static const struct {
        const char *is, *means;
    } words[] = {{"/proc/self/", ""},    {"/proc/thread-self/", ""}, {"/dev/fd/", "fd/"},
                 {"/dev/stdin", "fd/0"}, {"/dev/stdout", "fd/1"},    {"/dev/stderr", "fd/2"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i].is);
        if (strncmp(path, words[i].is, length) == 0 &&
            (words[i].is[length - 1] == '/' || path[length] == '\0') &&
            snprintf(room, PATH_ROOM, "/proc/%d/%s%s", (int)tid, words[i].means, path + length) <
                PATH_ROOM)
            return room;
    }
    return path;
}

/* Below chroot, what is in another mount namespace than ours is called by its name outside: what it
 * calls "/", or "" if that is ours, too. The same for all, as who changes its root is not followed. */
static char outside[PATH_ROOM];

static void learn_root(pid_t tid)
{
    static bool known;
    if (known)
        return;
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/root", (int)tid);
    ssize_t n = readlink(link, outside, PATH_ROOM - 1);
    outside[n > 1 && outside[0] == '/' ? n : 0] = '\0';
    known = n > 0;
}

static void name_inside(char *path)
{
    size_t length = strlen(outside);
    if (length == 0 || strncmp(path, outside, length) != 0 ||
        (path[length] != '/' && path[length] != '\0'))
        return;
    memmove(path, path + length, strlen(path + length) + 1);
    if (path[0] == '\0')
        memcpy(path, "/", 2);
}

/* The folder that a relative path begins at; false: there is none. */
static bool base_of(pid_t tid, int at, char text[PATH_ROOM])
{
    char link[64];
    if (at == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/%d/cwd", (int)tid);
    else
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)tid, at);
    ssize_t n = readlink(link, text, PATH_ROOM - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    learn_root(tid);
    name_inside(text);
    if (text[0] == '/')
        return true;
    if (text[0] == '(')
        files_incomplete(false, "a program worked outside of its root");
    return false;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The beginning of a file of /proc. */
static void read_proc(pid_t tid, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)tid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
}

static pid_t process_of(pid_t tid)
{
    char text[512];
    read_proc(tid, "status", text, sizeof text);
    const char *line = strstr(text, "\nTgid:");
    return line == NULL ? -tid : (pid_t)strtol(line + strlen("\nTgid:"), NULL, 10);
}

/* The last relative open, and the last change of the folder. */
typedef struct {
    pid_t tid;
    int64_t at_ns;
    char folder[PATH_ROOM]; /* before */
} Moment;
static Moment opened, moved;

/* Whether the thread has come to wait in another call: then the one that we have let go is done. */
static bool is_under_way(const Moment *call)
{
    char text[64];
    read_proc(call->tid, "syscall", text, sizeof text);
    return text[0] == 'r'; /* running */
}

/* Two threads of a process, one of which changes the folder while the other's path depends on it:
 * which file it got depends on who was faster, after we have looked. True: it was close, look
 * again. */
static bool race(const Moment *other, Moment *own, pid_t tid, const char *folder)
{
    own->tid = tid;
    own->at_ns = now_ns();
    snprintf(own->folder, sizeof own->folder, "%s", folder);
    if (other->tid == 0 || other->tid == tid || own->at_ns - other->at_ns > RACE_NS ||
        strcmp(other->folder, folder) != 0)
        return false;
    if (is_under_way(other) && process_of(other->tid) == process_of(tid))
        files_incomplete(false,
                         "a thread changed the working directory while another opened a file by "
                         "a relative name");
    return true;
}

void note_chdir(pid_t tid)
{
    static char folder[PATH_ROOM];
    if (base_of(tid, AT_FDCWD, folder))
        (void)race(&opened, &moved, tid, folder);
}

/* The path of a call as an absolute name, as the program gave it; NULL: it will fail, or the trace
 * is not complete. */
static const char *name_of(pid_t tid, int at, uint64_t address, char name[PATH_ROOM])
{
    static char given[PATH_ROOM];
    if (!read_path(tid, address, name))
        return NULL;
    if (name[0] == '/')
        return own_words(tid, name, given);
    if (name[0] == '\0')
        return NULL; /* with AT_EMPTY_PATH: for whom it matters */
    memcpy(given, name, strlen(name) + 1);
    if (!base_of(tid, at, name) ||
        (at == AT_FDCWD && race(&moved, &opened, tid, name) && !base_of(tid, at, name)))
        return NULL;
    size_t base = strlen(name), length = strlen(given);
    if (base + 1 + length >= PATH_ROOM) {
        files_incomplete(false, "a program used a path longer than %d bytes", PATH_ROOM - 1);
        return NULL;
    }
    name[base] = '/';
    memcpy(name + base + 1, given, length + 1);
    return name;
}

/* ---- files ---- */

/* What a descriptor of ours is called; false: by no name. */
static bool path_of(int fd, char path[PATH_ROOM])
{
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(self, path, PATH_ROOM - 1);
    if (n == PATH_ROOM - 1 || (n < 0 && errno == ENAMETOOLONG))
        files_incomplete(false, "a program used a path longer than %d bytes", PATH_ROOM - 1);
    if (n <= 0 || n == PATH_ROOM - 1 || path[0] != '/')
        return false;
    path[n] = '\0';
    name_inside(path);
    return true;
}

static bool of_kernel(const char *path)
{
    return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0;
}

/* An object by name, without opening it. -1: there is none. */
static int look(const char *name, bool follow, struct stat *status)
{
    int fd = open(name, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (fd >= 0 && fstat(fd, status) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The file that a call would make: its folder by the kernel's name, then the last part. Through a
 * link that leads nowhere yet, too. */
static File *file_to_be(const char *name, int depth)
{
    static char copy[PATH_ROOM], path[PATH_ROOM + 256];
    snprintf(copy, sizeof copy, "%s", name);
    char *slash = strrchr(copy, '/');
    const char *last = strrchr(name, '/') + 1;
    if (slash == NULL || *last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return NULL;
    char target[PATH_ROOM];
    ssize_t n = depth < 8 ? readlink(name, target, sizeof target - 1) : -1;
    if (n > 0) {
        target[n] = '\0';
        char next[PATH_ROOM];
        int fits = target[0] == '/'
                       ? snprintf(next, sizeof next, "%s", target)
                       : snprintf(next, sizeof next, "%.*s/%s", (int)(slash - copy), copy, target);
        return fits < PATH_ROOM ? file_to_be(next, depth + 1) : NULL;
    }
    *(slash == copy ? slash + 1 : slash) = '\0';
    struct stat status;
    int fd = look(copy, true, &status);
    if (fd < 0)
        return NULL;
    bool named =
        path_of(fd, path) && S_ISDIR(status.st_mode) && strlen(path) + strlen(last) < PATH_ROOM - 1;
    close(fd);
    if (!named || of_kernel(path))
        return NULL;
    size_t length = strcmp(path, "/") == 0 ? 0 : strlen(path);
    path[length] = '/';
    memcpy(path + length + 1, last, strlen(last) + 1);
    return files_get(path);
}

/* ---- a trial ---- */

void note_begin(bool is_told)
{
    told = is_told;
    opened.tid = moved.tid = 0;
    later_begin();
}

/* ---- opening ---- */

static void use(File *file, uint32_t how, int fd)
{
    if ((how & NOTE_READS) != 0)
        file->item.roles |= file->ours ? HPT_TRACE_OWN : HPT_TRACE_READ;
    if ((how & NOTE_WRITES) == 0)
        return;
    bool before = (file->item.roles & HPT_TRACE_WRITE) != 0;
    if (!before && !file->ours)
        files_keep(file, fd);
    file->modest = (!before || file->modest) && (how & NOTE_TRUNCATES) == 0;
    file->item.roles |= HPT_TRACE_WRITE;
    if ((how & NOTE_TRUNCATES) != 0)
        file->ours = true;
}

/* An object by name, and what the kernel calls it, by which many of a folder are asked for once: of
 * those that are no links only the folder is to be resolved. -1: there is none; *named: path is its
 * name. */
static int look_by_folder(const char *name, char path[PATH_ROOM], struct stat *status, bool *named)
{
    static char key[PATH_ROOM + 1];
    const char *last = strrchr(name, '/') + 1;
    *named = false;
    int fd = look(name, false, status);
    if (fd < 0 || !S_ISREG(status->st_mode))
        return fd;
    snprintf(key, sizeof key, "\002%.*s", (int)(last - name), name);
    File *folder = NULL;
    if (!files_find(key, &folder) || folder == NULL) {
        struct stat unused;
        int at = look(key + 1, true, &unused);
        folder = at >= 0 && path_of(at, path) ? files_get(path) : NULL;
        if (at >= 0)
            close(at);
        if (folder == NULL)
            return fd;
        files_enter(key, folder);
    }
    const char *base = strcmp(folder->path, "/") == 0 ? "" : folder->path;
    *named = snprintf(path, PATH_ROOM, "%s/%s", base, last) < PATH_ROOM;
    return fd;
}

/* By the name, resolved now. */
static File *open_name(pid_t tid, const char *name, uint32_t how, bool ours)
{
    static char path[PATH_ROOM];
    struct stat status;
    bool follows = (how & (NOTE_NOFOLLOW | NOTE_EXCLUSIVE)) == 0, named = false;
    int fd = look_by_folder(name, path, &status, &named);
    if (fd >= 0 && follows && S_ISLNK(status.st_mode)) {
        close(fd);
        fd = look(name, true, &status);
    }
    if (fd < 0) {
        if (errno != ENOENT || (how & NOTE_CREATES) == 0)
            return NULL;
        File *file = file_to_be(name, 0);
        if (file == NULL)
            return NULL;
        later_settle_file(file);
        file->away = false;
        files_enter(name, file);
        later((Later){.tid = tid,
                        .what = LATER_MADE,
                        .file = file,
                        .ours = ours,
                        .writes = (how & NOTE_WRITES) != 0});
        return file;
    }
    File *file = NULL;
    bool counts = S_ISREG(status.st_mode) && (how & NOTE_EXCLUSIVE) == 0;
    if (counts && (named || path_of(fd, path)) && !of_kernel(path))
        file = files_get(path);
    if (file != NULL) {
        later_settle_file(file);
        if (file->away || file->item.mode == 0)
            file->ours = false; /* it was not made, or is another now */
        file->away = false;
        files_identify(file, &status);
        use(file, how, fd);
    }
    if ((how & NOTE_EXCLUSIVE) == 0 && (file != NULL || (how & NOTE_NOFOLLOW) == 0) && !of_kernel(name))
        files_enter(name, file);
    close(fd);
    return file;
}

/* Names in /proc are a process's own, but some lead to files. */
static bool is_kernels(const char *name)
{
    static const char *const ways_out[] = {"/fd/", "/cwd/", "/root/", "/exe", "/map_files/"};
    for (size_t i = 0; i < sizeof ways_out / sizeof *ways_out; i++)
        if (strstr(name, ways_out[i]) != NULL)
            return false;
    return true;
}

static File *open_given(pid_t tid, const char *name, uint32_t how)
{
    File *file = NULL;
    if (of_kernel(name))
        return is_kernels(name) ? NULL : open_name(tid, name, how, true);
    if ((how & (NOTE_EXCLUSIVE | NOTE_NOFOLLOW)) != 0 || !files_find(name, &file))
        return open_name(tid, name, how, true);
    bool writes = (how & NOTE_WRITES) != 0;
    if (file == NULL)
        return writes && strncmp(name, "/dev/", 5) != 0 ? open_name(tid, name, how, true) : NULL;
    /* One that was not yet seen to exist; and before the first change there is something to copy.
     */
    if (file->item.mode == 0 || file->unsettled > 0 ||
        (writes && !file->ours && (file->item.roles & HPT_TRACE_WRITE) == 0))
        return open_name(tid, name, how, true);
    use(file, how, -1);
    return file;
}

static uint32_t how_of(uint64_t flags)
{
    bool truncates = (flags & O_TRUNC) != 0;
    uint32_t how = (flags & O_CREAT) != 0 ? NOTE_CREATES : 0;
    how |= (flags & O_EXCL) != 0 && (flags & O_CREAT) != 0 ? NOTE_EXCLUSIVE : 0;
    how |= (flags & O_NOFOLLOW) != 0 ? NOTE_NOFOLLOW : 0;
    how |= truncates ? NOTE_TRUNCATES : 0;
    if ((flags & O_ACCMODE) != O_RDONLY || truncates)
        how |= NOTE_WRITES;
    if ((flags & O_ACCMODE) != O_WRONLY && !truncates)
        how |= NOTE_READS;
    return how;
}

void note_openat(pid_t tid, int at, uint64_t path, uint64_t flags)
{
    /* Folders, files without a name, and handles by which nothing is read. */
    if ((flags & (O_DIRECTORY | O_PATH)) == 0)
        note_open(tid, at, path, how_of(flags));
}

void note_made(pid_t tid, uint64_t address)
{
    static char room[PATH_ROOM];
    const char *name = name_of(tid, AT_FDCWD, address, room);
    File *file = name == NULL ? NULL : file_to_be(name, 0);
    if (file == NULL)
        return;
    later((Later){.tid = tid, .what = LATER_MADE, .file = file, .ours = true, .writes = true});
    later_settle(tid);
}

void note_open(pid_t tid, int at, uint64_t address, uint32_t how)
{
    static char room[PATH_ROOM];
    const char *name = name_of(tid, at, address, room);
    if (name != NULL)
        (void)open_given(tid, name, how);
}

/* ---- running ---- */

static void run_name(pid_t tid, const char *name, bool no_new_privs, int depth);

/* The interpreter of a script, or the loader of a program. */
static void look_inside(pid_t tid, const char *path, bool no_new_privs, int depth)
{
    union {
        char bytes[4096];
        Elf64_Ehdr header;
    } first;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, &first, sizeof first - 1, 0);
    if (fd >= 0)
        close(fd);
    if (n < 4)
        return;
    first.bytes[n] = '\0';
    if (first.bytes[0] == '#' && first.bytes[1] == '!') {
        char *word = first.bytes + 2;
        word += strspn(word, " \t");
        word[strcspn(word, " \t\n")] = '\0';
        if (word[0] == '/')
            run_name(tid, word, no_new_privs, depth + 1);
        return;
    }
    if (memcmp(first.bytes, ELFMAG, SELFMAG) != 0 || n < (ssize_t)sizeof(Elf64_Ehdr) ||
        first.header.e_ident[EI_CLASS] != ELFCLASS64)
        return;
    for (size_t i = 0; i < first.header.e_phnum; i++) {
        Elf64_Phdr part;
        size_t at = first.header.e_phoff + i * sizeof part;
        if (at > (size_t)n || (size_t)n - at < sizeof part)
            return;
        memcpy(&part, first.bytes + at, sizeof part);
        if (part.p_type == PT_INTERP && part.p_offset < (size_t)n &&
            first.bytes[part.p_offset] == '/')
            run_name(tid, first.bytes + part.p_offset, no_new_privs, depth + 1);
    }
}

static void run_name(pid_t tid, const char *name, bool no_new_privs, int depth)
{
    char copy[PATH_ROOM];
    snprintf(copy, sizeof copy, "%s", name);
    File *file = open_given(tid, copy, NOTE_READS);
    if (file == NULL || depth > 4)
        return;
    file->item.roles |= HPT_TRACE_EXEC;
    if (no_new_privs && (file->item.mode & (S_ISUID | S_ISGID)) != 0)
        files_incomplete(false,
                         "'%s' ran without the rights of its owner (set-uid), for it was traced",
                         file->path);
    if (file->looked)
        return;
    file->looked = true;
    look_inside(tid, file->path, no_new_privs, depth);
}

void note_exec(pid_t tid, int at, uint64_t address, unsigned flags, bool no_new_privs)
{
    static char room[PATH_ROOM];
    char text[64];
    const char *name = NULL;
    if ((flags & AT_EMPTY_PATH) != 0 && at != AT_FDCWD && read_path(tid, address, room) &&
        room[0] == '\0') {
        snprintf(text, sizeof text, "/proc/%d/fd/%d", (int)tid, at);
        name = text;
    } else {
        name = name_of(tid, at, address, room);
    }
    if (name != NULL)
        run_name(tid, name, no_new_privs, 0);
}

/* As execvp looks. */
void note_command(pid_t pid, const char *program, const char *directory, const char *path,
                  bool no_new_privs)
{
    static char name[PATH_ROOM], here[PATH_ROOM];
    if (directory != NULL)
        snprintf(here, sizeof here, "%s", directory);
    else if (getcwd(here, sizeof here) == NULL)
        return;
    bool plain = strchr(program, '/') == NULL;
    const char *next = plain ? (path != NULL ? path : "/bin:/usr/bin") : "";
    for (;;) {
        size_t length = strcspn(next, ":");
        char first = plain && length > 0 ? next[0] : program[0];
        const char *base = first == '/' ? "" : here;
        int fits =
            plain ? snprintf(name, sizeof name, "%s%s%.*s/%s", base, *base != '\0' ? "/" : "",
                             (int)length, next, program)
                  : snprintf(name, sizeof name, "%s%s%s", base, *base != '\0' ? "/" : "", program);
        struct stat status;
        if (fits < PATH_ROOM && stat(name, &status) == 0 && S_ISREG(status.st_mode) &&
            access(name, X_OK) == 0) {
            run_name(pid, name, no_new_privs, 0);
            return;
        }
        if (next[length] == '\0')
            return;
        next += length + 1;
    }
}

void note_search(pid_t tid, uint64_t program, uint64_t path)
{
    static char here[PATH_ROOM];
    if (base_of(tid, AT_FDCWD, here))
        note_command(tid, (const char *)(uintptr_t)program, here, (const char *)(uintptr_t)path, false);
}

/* ---- removing, renaming, linking ---- */

/* The object of this name itself, not what a link leads to. *fd is open, or -1. */
static File *object_of(const char *name, struct stat *status, int *fd)
{
    static char path[PATH_ROOM];
    *fd = look(name, false, status);
    File *file = *fd >= 0 && path_of(*fd, path) && !of_kernel(path) ? files_get(path) : NULL;
    if (file == NULL)
        return NULL;
    later_settle_file(S_ISDIR(status->st_mode) ? NULL : file);
    files_identify(file, status);
    return file;
}

static bool follows_names(mode_t mode)
{
    return S_ISLNK(mode) || S_ISDIR(mode);
}

void note_unlink(pid_t tid, int at, uint64_t address)
{
    static char room[PATH_ROOM];
    const char *name = name_of(tid, at, address, room);
    struct stat status;
    int fd = -1;
    File *file = name == NULL ? NULL : object_of(name, &status, &fd);
    if (file != NULL && !S_ISDIR(status.st_mode)) {
        files_keep(file, fd);
        if (follows_names(status.st_mode))
            files_forget_names();
        later((Later){
            .tid = tid, .what = LATER_REMOVED, .file = file, .dev = status.st_dev, .ino = status.st_ino});
    }
    if (fd >= 0)
        close(fd);
}

static void move(pid_t tid, const char *from, const char *to)
{
    struct stat status, there;
    int fd = -1, old = -1;
    File *file = object_of(from, &status, &fd);
    File *over = file == NULL ? NULL : object_of(to, &there, &old);
    File *target = over != NULL ? over : file == NULL || old >= 0 ? NULL : file_to_be(to, 8);
    if (over != NULL && !S_ISDIR(there.st_mode))
        files_keep(over, old);
    if (target != NULL && target != file) {
        if (over == NULL)
            later_settle_file(target);
        if (follows_names(status.st_mode) || (over != NULL && follows_names(there.st_mode)))
            files_forget_names();
        /* A file that is moved away is one that was used: its content is under the new name. */
        if (S_ISREG(status.st_mode) && !file->ours)
            file->item.roles |= HPT_TRACE_READ;
        files_enter(to, target);
        later((Later){.tid = tid,
                        .what = LATER_MOVED,
                        .file = file,
                        .to = target,
                        .dev = status.st_dev,
                        .ino = status.st_ino,
                        .ours = file->ours,
                        .fresh = over == NULL,
                        .folder = S_ISDIR(status.st_mode)});
    }
    if (fd >= 0)
        close(fd);
    if (old >= 0)
        close(old);
}

void note_rename(pid_t tid, int at, uint64_t from, int to_at, uint64_t to, unsigned flags)
{
    static char from_room[PATH_ROOM], to_room[PATH_ROOM], old[PATH_ROOM];
    const char *name = name_of(tid, at, from, from_room);
    if (name == NULL)
        return;
    snprintf(old, sizeof old, "%s", name);
    name = name_of(tid, to_at, to, to_room);
    if (name == NULL)
        return;
    move(tid, old, name);
    if ((flags & RENAME_EXCHANGE) != 0)
        move(tid, name, old);
}

/* A second name for a file, which was not there before. */
void note_link(pid_t tid, int at, uint64_t from, int to_at, uint64_t to, unsigned flags)
{
    static char from_room[PATH_ROOM], to_room[PATH_ROOM];
    const char *name = name_of(tid, at, from, from_room);
    uint32_t how = NOTE_READS | ((flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : NOTE_NOFOLLOW);
    const File *file = name == NULL ? NULL : open_given(tid, name, how);
    bool ours = file != NULL && file->ours;
    name = name_of(tid, to_at, to, to_room);
    if (name != NULL)
        (void)open_name(tid, name, NOTE_CREATES | NOTE_EXCLUSIVE, ours);
}

void note_symlink(pid_t tid, int at, uint64_t path)
{
    static char room[PATH_ROOM];
    const char *name = name_of(tid, at, path, room);
    if (name != NULL)
        (void)open_name(tid, name, NOTE_CREATES | NOTE_EXCLUSIVE, true);
    files_forget_names(); /* this one too: it leads elsewhere */
}
