#include "record/codegit.h"

#include "base/text.h"
#include "record/ask.h"
#include "record/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- running it ---- */

#define OUTPUT_MAX ((size_t)256 << 20)

static bool is_gits(const char *entry)
{
    return g_str_has_prefix(entry, "GIT_");
}

static char **git_environment(const char *root, const char *const *variables)
{
    g_autoptr(GPtrArray) env = g_ptr_array_new();
    for (const char *const *entry = variables; entry != NULL && *entry != NULL; entry++)
        if (!is_gits(*entry) && !g_str_has_prefix(*entry, "LC_ALL="))
            g_ptr_array_add(env, g_strdup(*entry));
    static const char *const ours[] = {
        "GIT_CONFIG_NOSYSTEM=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
        "GIT_ASKPASS=true",      "SSH_ASKPASS=true",     "GIT_NO_LAZY_FETCH=1",
        "GIT_ALLOW_PROTOCOL=",   "GIT_SSH_COMMAND=false", "GIT_PAGER=cat",
        "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(ours); i++)
        g_ptr_array_add(env, g_strdup(ours[i]));
    /* What is no repository after all is not looked for further up. */
    g_autofree char *parent = g_path_get_dirname(root);
    g_ptr_array_add(env, g_strconcat("GIT_CEILING_DIRECTORIES=", parent, NULL));
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&env), false);
}

typedef struct {
    const char *root;
    char **env;
    int64_t until_us; /* monotonic */
} Caller;

typedef enum { GIT_SAID, GIT_REFUSED, GIT_TOO_LONG, GIT_MISSING } Said;

/* Runs git with words. *out: its output, NUL-terminated; *complaint: the first line of its errors; owned. */
static Said ask(const Caller *caller, const char *const *words, char **out, size_t *length, char **complaint)
{
    g_autofree char *tree = g_strconcat("--work-tree=", caller->root, NULL);
    const char *const front[] = {
        "git", "-C", caller->root, tree, "--no-pager",
        "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false",
        "-c", "protocol.allow=never", "-c", "credential.helper=",
    };
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(front); i++)
        g_ptr_array_add(argv, (gpointer)front[i]);
    for (; *words != NULL; words++)
        g_ptr_array_add(argv, (gpointer)*words);
    g_ptr_array_add(argv, NULL);
    g_autoptr(HptAnswer) answer = hpt_ask(&(HptAsk){
        .program = "git",
        .argv = (const char *const *)argv->pdata,
        .env = (const char *const *)caller->env,
        .until_us = caller->until_us,
        .output_max = OUTPUT_MAX,
    });
    *length = answer->out->len;
    *out = (char *)g_byte_array_steal(answer->out, NULL);
    g_autofree char *errors = (char *)g_byte_array_steal(answer->err, NULL);
    errors[strcspn(errors, "\n")] = '\0';
    g_autofree char *clean = hpt_secret_cut(errors);
    int errnum = answer->start_errno;
    *complaint = errnum == 0 ? hpt_text_printable(clean, -1) : g_strdup(g_strerror(errnum));
    if (errnum != 0)
        return errnum == ENOENT ? GIT_MISSING : GIT_REFUSED;
    return !answer->complete ? GIT_TOO_LONG : answer->status == 0 ? GIT_SAID : GIT_REFUSED;
}

/* ---- what it says ---- */

/* The text without its end of line and without secrets; owned; NULL: it said nothing. */
static char *line_of(const char *text)
{
    g_autofree char *line = g_strndup(text, strcspn(text, "\n"));
    return *line == '\0' ? NULL : hpt_secret_cut(line);
}

static bool note(HptGit *git, Said said, const char *complaint)
{
    static const char *const words[] = {
        [GIT_REFUSED] = "git refused", [GIT_TOO_LONG] = "git took too long", [GIT_MISSING] = "git is not installed"};
    if (said == GIT_SAID)
        return true;
    git->timed_out = said == GIT_TOO_LONG;
    git->note = said == GIT_REFUSED ? g_strdup_printf("%s: %s", words[said], complaint) : g_strdup(words[said]);
    return false;
}

/* Records that end with NUL, "MODE TYPE OID\tPATH". */
static void take_tree(HptGit *git, const char *text, size_t length)
{
    for (const char *at = text, *end = text + length; at < end; at += strlen(at) + 1) {
        const char *path = strchr(at, '\t');
        g_auto(GStrv) words = path == NULL ? NULL : g_strsplit(at, " ", 3);
        if (words == NULL || g_strv_length(words) != 3)
            continue;
        HptGitFile *file = g_new0(HptGitFile, 1);
        file->mode = (int)g_ascii_strtoll(words[0], NULL, 8);
        words[2][strcspn(words[2], "\t")] = '\0';
        g_strlcpy(file->oid, words[2], sizeof file->oid);
        g_hash_table_replace(git->files, g_strdup(path + 1), file);
    }
}

static void take_ignored(HptGit *git, const char *text, size_t length)
{
    for (const char *at = text, *end = text + length; at < end; at += strlen(at) + 1) {
        size_t n = strlen(at);
        g_ptr_array_add(git->ignored, g_strndup(at, n > 0 && at[n - 1] == '/' ? n - 1 : n));
    }
}

/* HEAD and the branch; a repository without a commit has none. */
static bool read_head(HptGit *git, const Caller *caller)
{
    static const char *const head[] = {"rev-parse", "-q", "--verify", "HEAD", NULL};
    static const char *const branch[] = {"symbolic-ref", "-q", "--short", "HEAD", NULL};
    g_autofree char *out = NULL, *name = NULL, *complaint = NULL, *ignored = NULL;
    size_t length = 0;
    Said said = ask(caller, branch, &name, &length, &complaint);
    if (said != GIT_SAID && *complaint != '\0')
        return note(git, said, complaint);
    git->branch = said == GIT_SAID ? line_of(name) : NULL; /* else HEAD is detached */
    said = ask(caller, head, &out, &length, &ignored);
    if (said != GIT_SAID && *ignored != '\0')
        return note(git, said, ignored);
    git->head = said == GIT_SAID ? line_of(out) : NULL;
    return true;
}

static bool read_remote(HptGit *git, const Caller *caller)
{
    static const char *const words[] = {"config", "--get", "remote.origin.url", NULL};
    g_autofree char *out = NULL, *complaint = NULL;
    size_t length = 0;
    Said said = ask(caller, words, &out, &length, &complaint);
    if (said != GIT_SAID && *complaint != '\0')
        return note(git, said, complaint);
    git->remote = line_of(out);
    return true;
}

static bool read_lists(HptGit *git, const Caller *caller)
{
    static const char *const ignored[] = {"ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", NULL};
    static const char *const tree[] = {"ls-tree", "-r", "-z", "--full-tree", "HEAD", NULL};
    g_autofree char *out = NULL, *files = NULL, *complaint = NULL, *also = NULL;
    size_t length = 0;
    if (!note(git, ask(caller, ignored, &out, &length, &complaint), complaint))
        return false;
    take_ignored(git, out, length);
    if (git->head == NULL)
        return true;
    if (!note(git, ask(caller, tree, &files, &length, &also), also))
        return false;
    take_tree(git, files, length);
    return true;
}

HptGit *hpt_git_unknown(const char *note)
{
    HptGit *git = g_new0(HptGit, 1);
    git->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    git->ignored = g_ptr_array_new_with_free_func(g_free);
    git->note = g_strdup(note);
    return git;
}

HptGit *hpt_git_read(const char *root, const char *const *variables)
{
    HptGit *git = hpt_git_unknown(NULL);
    g_auto(GStrv) env = git_environment(root, variables);
    Caller caller = {root, env, hpt_time_monotonic_us() + HPT_GIT_TIME_US};
    if (!read_head(git, &caller) || !read_remote(git, &caller) || !read_lists(git, &caller)) {
        g_hash_table_remove_all(git->files);
        g_ptr_array_set_size(git->ignored, 0);
        g_clear_pointer(&git->head, g_free);
        g_clear_pointer(&git->branch, g_free);
        g_clear_pointer(&git->remote, g_free);
    }
    return git;
}

void hpt_git_free(HptGit *git)
{
    if (git == NULL)
        return;
    g_free(git->head);
    g_free(git->branch);
    g_free(git->remote);
    g_free(git->note);
    g_hash_table_unref(git->files);
    g_ptr_array_unref(git->ignored);
    g_free(git);
}

void hpt_git_blob(const void *bytes, size_t length, bool sha256, char *out)
{
    g_autoptr(GChecksum) sum = g_checksum_new(sha256 ? G_CHECKSUM_SHA256 : G_CHECKSUM_SHA1);
    g_autofree char *front = g_strdup_printf("blob %zu", length);
    g_checksum_update(sum, (const guchar *)front, (gssize)strlen(front) + 1);
    g_checksum_update(sum, bytes, (gssize)length);
    g_strlcpy(out, g_checksum_get_string(sum), 65);
}

/* ---- what it depends on ---- */

static void add_stat(GString *stamp, const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct stat info;
    if (stat(path, &info) != 0)
        g_string_append(stamp, "-\n");
    else
        g_string_append_printf(stamp, "%ju %ju %jd %jd.%ld %jd.%ld\n", (uintmax_t)info.st_dev, (uintmax_t)info.st_ino,
                               (intmax_t)info.st_size, (intmax_t)info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                               (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

/* A short regular file as a line; owned; NULL: none. */
static char *read_line(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info;
    char text[4096];
    ssize_t got = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return NULL;
    text[got] = '\0';
    return g_strndup(text, strcspn(text, "\n"));
}

/* name, from folder on. */
static char *resolve(const char *folder, const char *name)
{
    return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(folder, name, NULL);
}

char *hpt_git_stamp(const char *root)
{
    GString *stamp = g_string_new(NULL);
    g_autofree char *link = read_line(root, ".git"); /* of a submodule or a linked work tree */
    g_autofree char *folder = link != NULL && g_str_has_prefix(link, "gitdir: ")
                                  ? resolve(root, link + strlen("gitdir: "))
                                  : g_build_filename(root, ".git", NULL);
    g_autofree char *other = read_line(folder, "commondir");
    g_autofree char *common = other == NULL ? g_strdup(folder) : resolve(folder, other);
    g_autofree char *head = read_line(folder, "HEAD");
    g_string_append_printf(stamp, "%s\n", head == NULL ? "" : head);
    if (head != NULL && g_str_has_prefix(head, "ref: "))
        add_stat(stamp, common, head + strlen("ref: "));
    static const char *const shared[] = {"packed-refs", "reftable/tables.list", "config", "info/exclude"};
    for (size_t i = 0; i < G_N_ELEMENTS(shared); i++)
        add_stat(stamp, common, shared[i]);
    add_stat(stamp, folder, "index");
    return g_string_free(stamp, false);
}

/* ---- where it is ---- */

static bool is_ceiling(const char *folder, const char *const *variables)
{
    const char *list = g_environ_getenv((char **)variables, "GIT_CEILING_DIRECTORIES");
    g_auto(GStrv) ceilings = g_strsplit(list == NULL ? "" : list, ":", -1);
    for (char **ceiling = ceilings; *ceiling != NULL; ceiling++) {
        size_t n = strlen(*ceiling);
        while (n > 1 && (*ceiling)[n - 1] == '/')
            (*ceiling)[--n] = '\0';
        if (strcmp(*ceiling, folder) == 0)
            return true;
    }
    return false;
}

char *hpt_git_find(const char *directory, const char *const *variables)
{
    struct stat start, info;
    if (stat(directory, &start) != 0)
        return NULL;
    g_autofree char *folder = g_strdup(directory);
    for (;;) {
        g_autofree char *git = g_build_filename(folder, ".git", NULL);
        if (stat(folder, &info) != 0 || info.st_dev != start.st_dev)
            return NULL;
        if (lstat(git, &info) == 0 && (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)))
            return g_steal_pointer(&folder);
        char *parent = g_path_get_dirname(folder);
        bool top = strcmp(parent, folder) == 0 || is_ceiling(parent, variables);
        g_free(folder);
        folder = parent;
        if (top)
            return NULL;
    }
}
