#include "base/path.h"
#include "record/codegit.h"
#include "record/codetext.h"
#include "record/codewalk.h"
#include "record/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a path held when it was read last. */
typedef struct {
    HptStamp stamp;
    bool racy;
    HptDigest digest;
    char blob[65]; /* git's name for it; "": not asked for */
    char *target; /* of a link */
    char *reason; /* not captured; NULL: it is */
    bool passed;
} Content;

/* A repository of the tree. */
typedef struct {
    char *path; /* "." or relative */
    char *root;
    char *stamp;
    HptGit *git;
} Repo;

struct HptCodeTree {
    char *root, *below; /* where the command runs, from root on */
    char *off;          /* why nothing is taken; NULL: it is */
    char **environ;
    int64_t max_bytes;
    bool allow_secrets;
    bool (*pass)(const void *bytes, size_t length);
    HptCodeKeep keep;
    void *user;
    int fd;            /* of the root, while it is looked at */
    GPtrArray *repos;  /* of Repo *, by path */
    GHashTable *ignored;
    bool no_git;       /* it took too long once */
    HptWalk *walk;
    GHashTable *contents; /* path → Content */
    bool racy;            /* some content is */
    HptCode *code;
};

static void content_free(void *data)
{
    Content *content = data;
    g_free(content->target);
    g_free(content->reason);
    g_free(content);
}

static void repo_free(void *data)
{
    Repo *repo = data;
    g_free(repo->path);
    g_free(repo->root);
    g_free(repo->stamp);
    hpt_git_free(repo->git);
    g_free(repo);
}

static void code_free(HptCode *code)
{
    if (code == NULL)
        return;
    g_free(code->canonical);
    g_free(code);
}

/* path, from folder on, "." for itself; owned; NULL: it is not in it. */
static char *below(const char *folder, const char *path)
{
    const char *inside = hpt_path_inside(folder, path);
    return g_strdup(inside != NULL && *inside == '\0' ? "." : inside);
}

HptCodeTree *hpt_code_tree_new(const HptCodeSpec *spec)
{
    HptCodeTree *tree = g_new0(HptCodeTree, 1);
    tree->environ = g_strdupv((char **)spec->environ);
    tree->max_bytes = spec->max_bytes > 0 ? spec->max_bytes : HPT_CODE_MAX;
    tree->allow_secrets = spec->allow_secrets;
    tree->pass = spec->pass;
    tree->keep = spec->keep;
    tree->user = spec->user;
    tree->root = hpt_git_find(spec->directory, spec->environ);
    bool git = tree->root != NULL;
    if (!git) {
        g_autofree char *inside = below(spec->project, spec->directory);
        tree->root = g_strdup(inside != NULL ? spec->project : spec->directory);
    }
    tree->below = below(tree->root, spec->directory);
    const char *home = g_environ_getenv(tree->environ, "HOME");
    if (spec->off)
        tree->off = g_strdup("it was not wanted (--no-code)");
    else if (!git && strcmp(tree->root, "/") == 0)
        tree->off = g_strdup("the root of all files is no project");
    else if (!git && home != NULL && strcmp(tree->root, home) == 0)
        tree->off = g_strdup("a home folder is no project");
    tree->repos = g_ptr_array_new_with_free_func(repo_free);
    tree->contents = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, content_free);
    return tree;
}

void hpt_code_tree_free(HptCodeTree *tree)
{
    if (tree == NULL)
        return;
    g_free(tree->root);
    g_free(tree->below);
    g_free(tree->off);
    g_strfreev(tree->environ);
    g_ptr_array_unref(tree->repos);
    if (tree->ignored != NULL)
        g_hash_table_unref(tree->ignored);
    hpt_walk_free(tree->walk);
    g_hash_table_unref(tree->contents);
    code_free(tree->code);
    g_free(tree);
}

/* ---- git ---- */

/* path of the repository, as seen from the tree's root; owned. */
static char *from_root(const Repo *repo, const char *path)
{
    return strcmp(repo->path, ".") == 0 ? g_strdup(path) : g_build_filename(repo->path, path, NULL);
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(Repo *const *)a)->path, (*(Repo *const *)b)->path);
}

/* Do the repositories say what they said? */
static bool repos_changed(const HptCodeTree *tree)
{
    for (guint i = 0; i < tree->repos->len; i++) {
        const Repo *repo = tree->repos->pdata[i];
        g_autofree char *stamp = hpt_git_stamp(repo->root);
        if (strcmp(stamp, repo->stamp) != 0)
            return true;
    }
    return false;
}

static void read_repo(HptCodeTree *tree, const char *path)
{
    Repo *repo = g_new0(Repo, 1);
    repo->path = g_strdup(path);
    repo->root = strcmp(path, ".") == 0 ? g_strdup(tree->root) : g_build_filename(tree->root, path, NULL);
    repo->stamp = hpt_git_stamp(repo->root); /* before it is read: a change in between is seen next time */
    repo->git = tree->no_git ? hpt_git_unknown("git took too long before")
                             : hpt_git_read(repo->root, (const char *const *)tree->environ);
    tree->no_git = tree->no_git || repo->git->timed_out;
    for (guint i = 0; i < repo->git->ignored->len; i++)
        g_hash_table_add(tree->ignored, from_root(repo, repo->git->ignored->pdata[i]));
    g_ptr_array_add(tree->repos, repo);
}

/* Asks all repositories of the tree anew. The ones within others come to light when what those ignore is
 * known. */
static void read_repos(HptCodeTree *tree)
{
    g_ptr_array_set_size(tree->repos, 0);
    if (tree->ignored != NULL)
        g_hash_table_unref(tree->ignored);
    tree->ignored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (bool more = true; more;) {
        more = false;
        for (guint i = 0; i < tree->walk->repos->len; i++) {
            const char *path = tree->walk->repos->pdata[i];
            if (g_hash_table_add(done, g_strdup(path))) {
                read_repo(tree, path);
                more = true;
                break;
            }
        }
        if (more) {
            hpt_walk_free(tree->walk);
            tree->walk = hpt_walk(tree->fd, tree->ignored);
        }
    }
    g_ptr_array_sort(tree->repos, by_path);
}

/* The innermost repository that path is in, and its name there; NULL: none. */
static const Repo *repo_of(const HptCodeTree *tree, const char *path, const char **inside)
{
    const Repo *found = NULL;
    for (guint i = 0; i < tree->repos->len; i++) {
        const Repo *repo = tree->repos->pdata[i];
        size_t n = strlen(repo->path);
        bool root = strcmp(repo->path, ".") == 0;
        if (root || (strncmp(path, repo->path, n) == 0 && path[n] == '/')) {
            if (found == NULL || root < (strcmp(found->path, ".") == 0) || n > strlen(found->path)) {
                found = repo;
                *inside = root ? path : path + n + 1;
            }
        }
    }
    return found;
}

/* ---- contents ---- */

static const char unsteady[] = "changed while it was read";

/* The whole file, if it was one file all the time. *bytes is owned. The reason why not: owned, or NULL. */
static char *read_once(HptCodeTree *tree, const char *path, int64_t most, char **bytes, HptStamp *stamp)
{
    struct stat before, after;
    int fd = hpt_open_below(tree->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return g_strdup(g_strerror(errno));
    char *reason = NULL;
    if (fstat(fd, &before) != 0)
        reason = g_strdup(g_strerror(errno));
    else if (!S_ISREG(before.st_mode) || before.st_size > most)
        reason = g_strdup(unsteady);
    size_t size = reason == NULL ? (size_t)before.st_size : 0, have = 0;
    g_autofree char *text = g_malloc(size + 1);
    while (reason == NULL && have <= size) {
        ssize_t got = read(fd, text + have, size + 1 - have);
        if (got == 0)
            break;
        if (got > 0)
            have += (size_t)got;
        else if (errno != EINTR)
            reason = g_strdup(g_strerror(errno));
    }
    if (reason == NULL && (have != size || fstat(fd, &after) != 0))
        reason = g_strdup(unsteady);
    close(fd);
    if (reason != NULL)
        return reason;
    HptStamp first = hpt_stamp(&before);
    *stamp = hpt_stamp(&after);
    if (!hpt_stamp_equal(&first, stamp))
        return g_strdup(unsteady);
    text[size] = '\0';
    *bytes = g_steal_pointer(&text);
    return NULL;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Reads a file and hands its bytes on. */
static Content *read_file(HptCodeTree *tree, const HptSeen *seen, const HptGitFile *head, int64_t most)
{
    Content *content = g_new0(Content, 1);
    content->stamp = seen->stamp;
    g_autofree char *bytes = NULL;
    int64_t looked_ns = 0;
    for (int attempt = 0; attempt == 0 || (attempt < 3 && g_strcmp0(content->reason, unsteady) == 0); attempt++) {
        g_free(content->reason);
        looked_ns = hpt_stamp_now_ns();
        content->reason = read_once(tree, seen->path, most, &bytes, &content->stamp);
    }
    content->racy = bytes == NULL ? strcmp(content->reason, unsteady) == 0
                                  : hpt_stamp_is_racy(&content->stamp, looked_ns);
    if (bytes == NULL)
        return content;
    size_t size = (size_t)content->stamp.size;
    HptSecret secret;
    g_autoptr(GError) error = NULL;
    content->passed = tree->pass != NULL && tree->pass(bytes, MIN(size, HPT_CODE_HEAD));
    if (content->passed)
        return content;
    content->digest = hpt_digest(bytes, size);
    if (head != NULL)
        hpt_git_blob(bytes, size, strlen(head->oid) == 64, content->blob);
    if (!tree->allow_secrets && hpt_secret_in_file(name_of(seen->path), bytes, size, &secret))
        content->reason = g_strdup_printf("holds a secret (%s)", secret.kind);
    else if (tree->keep != NULL && !tree->keep(&content->digest, bytes, size, tree->user, &error))
        content->reason = hpt_secret_cut(error->message);
    return content;
}

static Content *read_link(HptCodeTree *tree, const HptSeen *seen, const HptGitFile *head)
{
    Content *content = g_new0(Content, 1);
    content->stamp = seen->stamp;
    char target[4097];
    int fd = hpt_open_below(tree->fd, seen->path, O_PATH);
    ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof target - 1);
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    content->racy = n <= 0; /* it was something else meanwhile: look again */
    HptSecret secret;
    if (n <= 0) {
        content->reason = g_strdup(n < 0 ? g_strerror(errnum) : "an empty link");
        return content;
    }
    target[n] = '\0';
    if (head != NULL)
        hpt_git_blob(target, (size_t)n, strlen(head->oid) == 64, content->blob);
    if (!tree->allow_secrets && hpt_secret_in_file("", target, (size_t)n, &secret))
        content->reason = g_strdup_printf("holds a secret (%s)", secret.kind);
    else
        content->target = g_strndup(target, (size_t)n);
    return content;
}

/* What is known of a file or link, read again if that may be old. Borrowed. */
static const Content *content_of(HptCodeTree *tree, const HptSeen *seen, const HptGitFile *head, int64_t most)
{
    Content *content = g_hash_table_lookup(tree->contents, seen->path);
    if (content == NULL || content->racy || (head != NULL && strlen(content->blob) != strlen(head->oid)) ||
        !hpt_stamp_equal(&content->stamp, &seen->stamp)) {
        content = S_ISLNK(seen->stamp.mode) ? read_link(tree, seen, head) : read_file(tree, seen, head, most);
        g_hash_table_replace(tree->contents, g_strdup(seen->path), content);
    }
    return content;
}

/* ---- the snapshot ---- */

static int by_size(const void *a, const void *b)
{
    const HptSeen *x = *(const HptSeen *const *)a, *y = *(const HptSeen *const *)b;
    if (x->stamp.size != y->stamp.size)
        return x->stamp.size < y->stamp.size ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp((*(const HptSeen *const *)a)->path, (*(const HptSeen *const *)b)->path);
}

/* The paths of files for which there is no room: the small ones come first. */
static GHashTable *find_excess(const HptCodeTree *tree, GPtrArray *sorted)
{
    GHashTable *excess = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) files = g_ptr_array_new();
    int64_t total = 0;
    for (guint i = 0; i < sorted->len; i++) {
        const HptSeen *seen = sorted->pdata[i];
        if (seen->reason == NULL && S_ISREG(seen->stamp.mode))
            g_ptr_array_add(files, sorted->pdata[i]);
    }
    g_ptr_array_sort(files, by_size);
    for (guint i = 0; i < files->len; i++) {
        const HptSeen *seen = files->pdata[i];
        total += seen->stamp.size;
        if (total > tree->max_bytes || seen->stamp.size > tree->max_bytes / HPT_CODE_PARTS)
            g_hash_table_add(excess, (gpointer)seen->path);
    }
    return excess;
}

/* Of a file that is too large to be read. */
static bool is_passed(const HptCodeTree *tree, const char *path)
{
    int fd = tree->pass == NULL ? -1 : hpt_open_below(tree->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    g_autofree char *head = g_malloc(HPT_CODE_HEAD);
    ssize_t n = pread(fd, head, HPT_CODE_HEAD, 0);
    close(fd);
    return n > 0 && tree->pass(head, (size_t)n);
}

static bool mode_as_in(const HptGitFile *head, uint64_t mode)
{
    if (S_ISLNK(mode))
        return head->mode == 0120000;
    return head->mode == ((mode & 0100) != 0 ? 0100755 : 0100644);
}

static void append_seen(HptCodeTree *tree, GString *out, const HptSeen *seen, GHashTable *excess)
{
    const char *inside = NULL;
    const Repo *repo = repo_of(tree, seen->path, &inside);
    bool git = repo != NULL && repo->git->note == NULL;
    const HptGitFile *head = git ? g_hash_table_lookup(repo->git->files, inside) : NULL;
    bool regular = S_ISREG(seen->stamp.mode);
    HptCodeEntry entry = {.kind = HPT_CODE_MISSING, .mode = -1, .size = regular ? seen->stamp.size : -1,
                          .path = seen->path, .text = seen->reason};
    if (git)
        entry.state = head == NULL ? '+' : 'M';
    if (seen->reason != NULL) {
        hpt_code_append_entry(out, &entry);
        return;
    }
    if (regular && g_hash_table_contains(excess, seen->path)) {
        if (is_passed(tree, seen->path))
            return;
        entry.text = seen->stamp.size > tree->max_bytes / HPT_CODE_PARTS
                         ? "too large (see --code-max)"
                         : "the tree is too large (see --code-max)";
        hpt_code_append_entry(out, &entry);
        return;
    }
    if (S_ISDIR(seen->stamp.mode)) {
        entry = (HptCodeEntry){.kind = HPT_CODE_FOLDER, .mode = (int)(seen->stamp.mode & 0777), .size = -1,
                               .path = seen->path};
        hpt_code_append_entry(out, &entry);
        return;
    }
    const Content *content = content_of(tree, seen, head, tree->max_bytes / HPT_CODE_PARTS);
    tree->racy = tree->racy || content->racy;
    if (content->passed)
        return;
    if (entry.state == 'M' && strcmp(content->blob, head->oid) == 0 && mode_as_in(head, content->stamp.mode))
        entry.state = '=';
    entry.text = content->reason != NULL ? content->reason : content->target;
    if (content->reason == NULL) {
        entry.kind = regular ? HPT_CODE_FILE : HPT_CODE_LINK;
        entry.mode = regular ? (int)(content->stamp.mode & 0777) : -1;
        entry.size = regular ? content->stamp.size : -1;
        entry.digest = content->digest;
    }
    hpt_code_append_entry(out, &entry);
}

/* Files of HEAD that the walk has not seen; those that are repositories of their own are not files. */
static int64_t count_deleted(const HptCodeTree *tree, const Repo *repo, GHashTable *there)
{
    int64_t n = 0;
    GHashTableIter all;
    void *path, *file;
    g_hash_table_iter_init(&all, repo->git->files);
    while (g_hash_table_iter_next(&all, &path, &file)) {
        g_autofree char *full = from_root(repo, path);
        n += ((const HptGitFile *)file)->mode != 0160000 && !g_hash_table_contains(there, full) &&
             !g_hash_table_contains(tree->ignored, full);
    }
    return n;
}

static void append_repos(const HptCodeTree *tree, GString *out, const GPtrArray *sorted)
{
    if (tree->repos->len == 0)
        return;
    g_autoptr(GHashTable) there = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < sorted->len; i++)
        g_hash_table_add(there, (gpointer)((const HptSeen *)sorted->pdata[i])->path);
    for (guint i = 0; i < tree->repos->len; i++) {
        const Repo *repo = tree->repos->pdata[i];
        HptCodeRepo line = {
            .head = repo->git->head,
            .branch = repo->git->branch,
            .remote = repo->git->remote,
            .note = repo->git->note,
            .deleted = count_deleted(tree, repo, there),
            .path = repo->path,
        };
        hpt_code_append_repo(out, &line);
    }
}

static void append_missing_tree(GString *out, const char *reason)
{
    HptCodeEntry entry = {.kind = HPT_CODE_MISSING, .mode = -1, .size = -1, .path = ".", .text = reason};
    hpt_code_append_entry(out, &entry);
}

static void finish(HptCodeTree *tree, GString *text)
{
    HptCode *code = g_new0(HptCode, 1);
    code->length = text->len;
    code->canonical = g_strndup(text->str, text->len);
    code->digest = hpt_digest(code->canonical, code->length);
    code_free(tree->code);
    tree->code = code;
}

static void take_nothing(HptCodeTree *tree, const char *reason)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_clear_pointer(&tree->walk, hpt_walk_free);
    hpt_code_append_head(out, tree->below);
    append_missing_tree(out, reason);
    finish(tree, out);
}

/* What the walk has seen, by path, without what is to be said of the whole tree: *whole is owned, or NULL. A
 * name that holds a secret is not written down. */
static GPtrArray *sort_out(const HptCodeTree *tree, char **whole)
{
    GPtrArray *sorted = g_ptr_array_new();
    size_t secrets = 0;
    const char *reason = NULL;
    for (guint i = 0; i < tree->walk->seen->len; i++) {
        HptSeen *seen = &g_array_index(tree->walk->seen, HptSeen, i);
        if (strcmp(seen->path, ".") == 0)
            reason = seen->reason;
        else if (!tree->allow_secrets && hpt_secret_in_name(seen->path))
            secrets++;
        else
            g_ptr_array_add(sorted, seen);
    }
    g_ptr_array_sort(sorted, by_bytes);
    g_autofree char *names = secrets == 0 ? NULL : g_strdup_printf("%zu whose names hold a secret", secrets);
    *whole = reason == NULL ? g_steal_pointer(&names)
                            : g_strjoin("; ", reason, names, NULL);
    return sorted;
}

static void take(HptCodeTree *tree)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *whole = NULL;
    g_autoptr(GPtrArray) sorted = sort_out(tree, &whole);
    g_autoptr(GHashTable) excess = find_excess(tree, sorted);
    tree->racy = false;
    hpt_code_append_head(out, tree->below);
    append_repos(tree, out, sorted);
    guint i = 0;
    for (; i < sorted->len && strcmp(((const HptSeen *)sorted->pdata[i])->path, ".") < 0; i++)
        append_seen(tree, out, sorted->pdata[i], excess);
    if (whole != NULL)
        append_missing_tree(out, whole);
    for (; i < sorted->len; i++)
        append_seen(tree, out, sorted->pdata[i], excess);
    finish(tree, out);
}

/* Forgets what is not there any more. */
static void forget(HptCodeTree *tree)
{
    g_autoptr(GHashTable) there = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < tree->walk->seen->len; i++)
        g_hash_table_add(there, (gpointer)g_array_index(tree->walk->seen, HptSeen, i).path);
    GHashTableIter all;
    void *path;
    g_hash_table_iter_init(&all, tree->contents);
    while (g_hash_table_iter_next(&all, &path, NULL))
        if (!g_hash_table_contains(there, path))
            g_hash_table_iter_remove(&all);
}

void hpt_code_tree_forget(HptCodeTree *tree)
{
    g_hash_table_remove_all(tree->contents);
    tree->racy = true;
}

/* Has anything changed since the last walk? Walks again unless it is known without. */
static bool walk_changed(HptCodeTree *tree)
{
    if (tree->walk != NULL && hpt_walk_holds(tree->walk, tree->fd))
        return false;
    HptWalk *walk = hpt_walk(tree->fd, tree->ignored);
    bool changed = tree->walk == NULL || !hpt_walk_equal(walk, tree->walk);
    hpt_walk_free(tree->walk);
    tree->walk = walk;
    return changed;
}

const HptCode *hpt_code_tree_look(HptCodeTree *tree)
{
    if (tree->off != NULL) {
        if (tree->code == NULL)
            take_nothing(tree, tree->off);
        return tree->code;
    }
    tree->fd = open(tree->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tree->fd < 0) {
        take_nothing(tree, g_strerror(errno));
        return tree->code;
    }
    bool changed = walk_changed(tree) || repos_changed(tree);
    if (changed)
        read_repos(tree);
    if (changed || tree->racy) {
        take(tree);
        forget(tree);
    }
    close(tree->fd);
    tree->fd = -1;
    return tree->code;
}
