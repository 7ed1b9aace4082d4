#include "study/restore.h"

#include "base/path.h"
#include "base/json.h"
#include "record/code.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 31) /* bytes of a file that is restored from the record */
#define PIECE ((size_t)1 << 20)    /* of one that is copied */

void hpt_restored_clear(HptRestored *restored)
{
    g_free(restored->base);
    g_free(restored->base_then);
    g_free(restored->directory);
    *restored = (HptRestored){0};
}

/* ---- places ---- */

static bool ends_name(char c)
{
    return !(g_ascii_isalnum(c) || c == '_' || c == '-' || c == '.');
}

char *hpt_restore_path(const char *text, const char *then, const char *now)
{
    GString *out = g_string_new(NULL);
    size_t length = strlen(then);
    while (*text != '\0') {
        if (strncmp(text, then, length) == 0 && ends_name(text[length])) {
            g_string_append(out, now);
            text += length;
        } else {
            g_string_append_c(out, *text++);
        }
    }
    return g_string_free(out, false);
}

/* As it stands in a JSON string, without the quotes. */
static char *json_text(const char *text)
{
    GString *out = g_string_new(NULL);
    hpt_json_append_string(out, text);
    g_string_truncate(out, out->len - 1);
    g_string_erase(out, 0, 1);
    return g_string_free(out, false);
}

HptDefinition *hpt_restore_definition(const HptDefinition *definition, const char *then,
                                      const char *now, GError **error)
{
    g_autofree char *from = json_text(then);
    g_autofree char *to = json_text(now);
    g_autofree char *text = hpt_restore_path(definition->canonical, from, to);
    return hpt_definition_parse(text, strlen(text), error);
}

/* The folder so many components up. */
static char *above(const char *path, const char *relative)
{
    g_autofree char *at = g_strdup(path);
    if (strcmp(relative, ".") == 0)
        return g_steal_pointer(&at);
    g_auto(GStrv) parts = g_strsplit(relative, "/", -1);
    for (char **part = parts; *part != NULL; part++) {
        char *up = g_path_get_dirname(at);
        g_free(at);
        at = up;
    }
    return g_steal_pointer(&at);
}

static char *join(const char *folder, const char *relative)
{
    return *relative == '\0' || strcmp(relative, ".") == 0
               ? g_strdup(folder)
               : g_strconcat(folder, "/", relative, NULL);
}

typedef struct {
    const HptRestoreSpec *spec;
    HptRestored *out;
    char *root;      /* the fresh folder of the tree */
    char *root_then, *project_then; /* absolute */
    char *project; /* the fresh folder of the project */
    GPtrArray *links; /* path, target, path, target … */
    GHashTable *done; /* relative to the fresh folder */
    GHashTable *read; /* fresh name → HptRecordedInput: what the trial is known to have read in the project */
} Restore;

/* The directories of then and now. */
static void find_places(Restore *restore, const HptCodeReader *reader)
{
    const HptRestoreSpec *spec = restore->spec;
    const GPtrArray *facts = spec->recorded->facts;
    HptRestored *out = restore->out;
    const char *project = hpt_items_get(facts, "process", "project");
    const char *directory = hpt_items_get(facts, "process", "directory");
    const char *inside = hpt_code_reader_peek_directory(reader);
    g_autofree char *place = directory == NULL             ? g_strdup("/")
                             : g_path_is_absolute(directory) ? g_strdup(directory)
                                                             : join(project != NULL ? project : "/", directory);
    restore->root_then = above(place, inside);
    restore->project_then = g_strdup(project != NULL ? project : restore->root_then);
    bool tree_is_outer = hpt_path_inside(restore->root_then, restore->project_then) != NULL;
    bool project_is_outer = hpt_path_inside(restore->project_then, restore->root_then) != NULL;
    out->base_then = g_strdup(!tree_is_outer && project_is_outer ? restore->project_then
                                                                 : restore->root_then);
    out->whole = strcmp(out->base_then, restore->project_then) == 0;
    out->base = g_strconcat(spec->folder, out->base_then, NULL);
    const char *below = hpt_path_inside(out->base_then, restore->project_then);
    restore->root = join(out->base, hpt_path_inside(out->base_then, restore->root_then));
    restore->project = join(out->base, below != NULL ? below : "");
    out->directory = join(restore->root, inside);
}

/* ---- writing ---- */

/* The folder of that name in another, made if it is not there; no link. -1 with errno. */
static int enter(int at, const char *name)
{
    int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT || mkdirat(at, name, 0777) != 0)
        return fd;
    return openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens a folder below the fresh one and makes what is not there. Its name may be anything, but
 * leads nowhere else: neither up nor through a link. -1 with *error, HPT_ERROR_DATA if it would. */
static int open_folder(const Restore *restore, const char *path, GError **error)
{
    const char *fresh = restore->spec->folder, *below = hpt_path_inside(fresh, path);
    g_auto(GStrv) parts = g_strsplit(below != NULL ? below : "..", "/", -1);
    int fd = open(fresh, O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (char **part = parts; fd >= 0 && *part != NULL; part++) {
        if (**part == '\0' || strcmp(*part, ".") == 0)
            continue;
        int next = strcmp(*part, "..") != 0 ? enter(fd, *part) : -1;
        int errnum = strcmp(*part, "..") != 0 ? errno : ELOOP;
        close(fd);
        fd = next;
        errno = errnum;
    }
    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "the way to '%s' leads through what is no folder", path);
    else if (fd < 0)
        hpt_error_set_errno(error, errno, "cannot make '%s'", path);
    return fd;
}

static int open_parent(const Restore *restore, const char *path, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);
    return open_folder(restore, parent, error);
}

static bool make_folder(const Restore *restore, const char *path, GError **error)
{
    int fd = open_folder(restore, path, error);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* A new file; -1 with *error set. */
static int open_fresh(const Restore *restore, const char *path, GError **error)
{
    int parent = open_parent(restore, path, error);
    if (parent < 0)
        return -1;
    int fd = openat(parent, strrchr(path, '/') + 1,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int errnum = errno;
    close(parent);
    if (fd < 0)
        hpt_error_set_errno(error, errnum, "cannot write '%s'", path);
    return fd;
}

static bool write_piece(int fd, const char *path, const char *bytes, size_t length, GError **error)
{
    for (size_t at = 0; at < length;) {
        ssize_t n = write(fd, bytes + at, length - at);
        if (n < 0 && errno != EINTR) {
            hpt_error_set_errno(error, errno, "cannot write '%s'", path);
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Closes it, too. */
static bool end_fresh(int fd, const char *path, int mode, bool fine, GError **error)
{
    if (fine && fchmod(fd, (mode_t)mode & 0777) != 0) {
        hpt_error_set_errno(error, errno, "cannot write '%s'", path);
        fine = false;
    }
    close(fd);
    return fine;
}

static bool write_bytes(const Restore *restore, const char *path, const char *bytes, size_t length,
                        int mode, GError **error)
{
    int fd = open_fresh(restore, path, error);
    return fd >= 0 && end_fresh(fd, path, mode, write_piece(fd, path, bytes, length, error), error);
}

static bool remove_fresh(const Restore *restore, const char *path, GError **error)
{
    int parent = open_parent(restore, path, error);
    if (parent < 0)
        return false;
    bool fine = unlinkat(parent, strrchr(path, '/') + 1, 0) == 0;
    int errnum = errno;
    close(parent);
    if (!fine)
        hpt_error_set_errno(error, errnum, "cannot remove '%s'", path);
    return fine;
}

/* A program by its first bytes, where no mode was recorded. */
static int mode_of(const char *bytes, size_t length)
{
    bool program = (length >= 4 && memcmp(bytes, "\177ELF", 4) == 0) ||
                   (length >= 2 && memcmp(bytes, "#!", 2) == 0);
    return program ? 0755 : 0644;
}

static void tell(const Restore *restore, const char *what, const char *path, HptRestoreState state,
                 const char *why)
{
    restore->spec->func(what, path, state, why, restore->spec->user);
}

/* A regular file of the project as it is now; -1: it is not there. */
static int open_now(const char *path, struct stat *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, info) != 0 || !S_ISREG(info->st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Copies it piece by piece, as data may be larger than memory. *there is false, and nothing is left, where it
 * is not there or cannot be read. */
static bool copy_now(const Restore *restore, const char *now, const char *path, HptDigest *digest, bool *there,
                     GError **error)
{
    struct stat info;
    int from = open_now(now, &info);
    *there = from >= 0;
    if (from < 0)
        return true;
    int to = open_fresh(restore, path, error);
    bool fine = to >= 0;
    g_autoptr(HptDigester) digester = hpt_digester_new();
    g_autofree char *piece = g_malloc(PIECE);
    for (ssize_t n = 1; fine && n != 0;) {
        n = read(from, piece, PIECE);
        if (n > 0) {
            hpt_digester_add(digester, piece, (size_t)n);
            fine = write_piece(to, path, piece, (size_t)n, error);
        } else if (n < 0 && errno != EINTR) {
            *there = false;
            break;
        }
    }
    close(from);
    if (to >= 0)
        fine = end_fresh(to, path, (int)info.st_mode, fine, error);
    *digest = hpt_digester_get(digester);
    return fine && (*there || remove_fresh(restore, path, error));
}

/* False: it was before. */
static bool mark(Restore *restore, const char *path)
{
    return g_hash_table_add(restore->done, g_strdup(path));
}

/* From the record. False without an error: it is not there, and has been told. */
static bool restore_object(Restore *restore, const char *what, const char *name, const char *path,
                           const HptDigest *digest, int64_t size, int mode, GError **error)
{
    g_autoptr(GError) problem = NULL;
    size_t length = 0;
    g_autofree char *bytes =
        hpt_objects_get(restore->spec->objects, digest, size, FILE_MAX, &length, &problem);
    if (bytes == NULL && problem->code != HPT_ERROR_INTEGRITY) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (bytes == NULL) {
        tell(restore, what, name, HPT_RESTORE_MISSING, problem->message);
        return true;
    }
    restore->out->files++;
    restore->out->bytes += (int64_t)length;
    return write_bytes(restore, path, bytes, length, mode >= 0 ? mode : mode_of(bytes, length),
                       error);
}

/* ---- code ---- */

/* Where something of the tree lies in the project that is here now. */
static char *place_now(const Restore *restore, const char *then)
{
    const char *below = restore->spec->project == NULL
                            ? NULL
                            : hpt_path_inside(restore->project_then, then);
    return below != NULL ? join(restore->spec->project, below) : g_strdup(then);
}

static bool take_missing(Restore *restore, const HptCodeEntry *entry, const char *path,
                         GError **error)
{
    g_autofree char *then = join(restore->root_then, entry->path);
    g_autofree char *now = place_now(restore, then);
    HptDigest digest;
    bool there;
    if (!copy_now(restore, now, path, &digest, &there, error))
        return false;
    if (!there) { /* where all that it read is known, this was not among it */
        bool unread = restore->spec->recorded->traced;
        tell(restore, "code", entry->path, unread ? HPT_RESTORE_UNREAD : HPT_RESTORE_MISSING, entry->text);
        return true;
    }
    tell(restore, "code", entry->path, HPT_RESTORE_TAKEN, entry->text);
    return true;
}

/* From the project as it is now: a file whose digest alone was kept, or not even that. */
static bool take_input(Restore *restore, const HptRecordedInput *input, const char *path,
                       GError **error)
{
    g_autofree char *then = join(restore->project_then, input->path);
    g_autofree char *now = place_now(restore, then);
    HptDigest digest;
    bool there;
    if (!copy_now(restore, now, path, &digest, &there, error))
        return false;
    bool same = there && input->has_digest && memcmp(&digest, &input->digest, sizeof digest) == 0;
    if (there && !input->has_digest)
        tell(restore, "input", input->path, HPT_RESTORE_TAKEN, input->state);
    if (same || (there && !input->has_digest))
        return true;
    if (there && !remove_fresh(restore, path, error))
        return false;
    /* What went away while the trial ran need not come back. */
    if (strcmp(input->state, "gone") != 0)
        tell(restore, "input", input->path, HPT_RESTORE_MISSING,
             there ? "its bytes were not kept, and here it is another"
                   : "its bytes were not kept, and it is not here");
    return true;
}

/* Was it another when the trial read it? */
static bool is_other(const HptRecordedInput *input, const HptDigest *code)
{
    return input != NULL && input->has_digest && !hpt_digest_equal(&input->digest, code);
}

static bool restore_changed(Restore *restore, const HptCodeEntry *entry, const char *path,
                            GError **error)
{
    const HptRecordedInput *input = g_hash_table_lookup(restore->read, path);
    tell(restore, "code", entry->path, HPT_RESTORE_CHANGED, "");
    return strcmp(input->state, "stored") == 0
               ? restore_object(restore, "code", entry->path, path, &input->digest, input->size,
                                entry->mode, error)
               : take_input(restore, input, path, error);
}

static bool restore_entry(Restore *restore, const HptCodeEntry *entry, GError **error)
{
    g_autofree char *path = join(restore->root, entry->path);
    switch (entry->kind) {
    case HPT_CODE_FILE:
        mark(restore, path);
        if (is_other(g_hash_table_lookup(restore->read, path), &entry->digest))
            return restore_changed(restore, entry, path, error);
        return restore_object(restore, "code", entry->path, path, &entry->digest, entry->size,
                              entry->mode, error);
    case HPT_CODE_FOLDER:
        return make_folder(restore, path, error);
    case HPT_CODE_LINK:
        g_ptr_array_add(restore->links, g_strdup(path));
        g_ptr_array_add(restore->links, g_strdup(entry->text));
        return true;
    case HPT_CODE_MISSING:
        if (g_hash_table_contains(restore->read, path))
            return true; /* the input has more to say: its digest, or its bytes */
        if (strcmp(entry->path, ".") != 0)
            return take_missing(restore, entry, path, error);
        tell(restore, "code", entry->path, HPT_RESTORE_MISSING, entry->text);
        return true;
    }
    g_assert_not_reached();
}

static bool restore_code(Restore *restore, HptCodeReader *reader, GError **error)
{
    GError *problem = NULL;
    HptCodeEntry entry;
    while (hpt_code_next(reader, &entry, &problem))
        if (!restore_entry(restore, &entry, &problem))
            break;
    if (problem == NULL)
        return true;
    g_propagate_error(error, problem);
    return false;
}

/* ---- inputs ---- */

static bool restore_input(Restore *restore, const HptRecordedInput *input, GError **error)
{
    g_autofree char *path = join(restore->project, input->path);
    if (strcmp(input->role, "written") == 0) { /* its folder was there */
        g_autofree char *parent = g_path_get_dirname(path);
        return make_folder(restore, parent, error);
    }
    if (!mark(restore, path))
        return true; /* the code has it, or a role before */
    return strcmp(input->state, "stored") == 0
               ? restore_object(restore, "input", input->path, path, &input->digest, input->size,
                                -1, error)
               : take_input(restore, input, path, error);
}

/* A name in the record goes nowhere but down, whoever wrote it. */
static bool is_below(const char *path)
{
    if (path[0] == '/' || path[0] == '\0')
        return false;
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part != NULL; part++)
        if (**part == '\0' || strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0)
            return false;
    return true;
}

static void find_read(Restore *restore)
{
    const GArray *inputs = restore->spec->recorded->inputs;
    for (guint i = 0; i < inputs->len; i++) {
        const HptRecordedInput *input = &g_array_index(inputs, HptRecordedInput, i);
        if (!is_below(input->path) || strcmp(input->role, "written") == 0)
            continue;
        g_autofree char *path = join(restore->project, input->path);
        const HptRecordedInput *before = g_hash_table_lookup(restore->read, path);
        if (before == NULL || !before->has_digest)
            g_hash_table_replace(restore->read, g_steal_pointer(&path), (gpointer)input);
    }
}

/* A file outside that was read alone is reached by a relative name, too. */
static void link_outside(Restore *restore, const GArray *inputs, guint i)
{
    const HptRecordedInput *input = &g_array_index(inputs, HptRecordedInput, i);
    bool changed = false;
    for (guint k = i; k < inputs->len && !changed; k++) {
        const HptRecordedInput *other = &g_array_index(inputs, HptRecordedInput, k);
        if (strcmp(other->path, input->path) != 0)
            break;
        changed = strcmp(other->role, "written") == 0 || strcmp(other->role, "changed") == 0;
    }
    g_autofree char *path = g_strconcat(restore->spec->folder, input->path, NULL);
    if (changed || !is_below(input->path + 1) || !mark(restore, path))
        return;
    g_ptr_array_add(restore->links, g_steal_pointer(&path));
    g_ptr_array_add(restore->links, g_strdup(input->path));
}

static bool restore_inputs(Restore *restore, GError **error)
{
    const GArray *inputs = restore->spec->recorded->inputs;
    for (guint i = 0; i < inputs->len; i++) {
        const HptRecordedInput *input = &g_array_index(inputs, HptRecordedInput, i);
        if (is_below(input->path) && !restore_input(restore, input, error))
            return false;
        if (g_path_is_absolute(input->path) && !input->system)
            link_outside(restore, inputs, i);
    }
    return true;
}

/* Links of then that led to something in the tree by its whole name lead to the fresh one. */
static bool make_links(Restore *restore, GError **error)
{
    for (guint i = 0; i + 1 < restore->links->len; i += 2) {
        const char *path = restore->links->pdata[i];
        g_autofree char *target = hpt_restore_path(restore->links->pdata[i + 1],
                                                   restore->out->base_then, restore->out->base);
        GError *problem = NULL;
        int parent = open_parent(restore, path, &problem);
        if (g_error_matches(problem, HPT_ERROR, HPT_ERROR_DATA)) { /* behind one of the links */
            g_clear_error(&problem);
            continue;
        }
        bool fine = parent >= 0 &&
                    (symlinkat(target, parent, strrchr(path, '/') + 1) == 0 || errno == EEXIST);
        if (parent >= 0 && !fine)
            hpt_error_set_errno(&problem, errno, "cannot make '%s'", path);
        if (parent >= 0)
            close(parent);
        if (!fine) {
            g_propagate_error(error, problem);
            return false;
        }
    }
    return true;
}

static void clear(Restore *restore)
{
    g_free(restore->root);
    g_free(restore->root_then);
    g_free(restore->project_then);
    g_free(restore->project);
    g_ptr_array_unref(restore->links);
    g_hash_table_unref(restore->done);
    g_hash_table_unref(restore->read);
}

bool hpt_restore(const HptRestoreSpec *spec, HptRestored *out, GError **error)
{
    const HptRecorded *recorded = spec->recorded;
    g_autoptr(HptCodeReader) reader =
        hpt_code_reader_new(recorded->code_text, recorded->code_length, error);
    if (reader == NULL)
        return false;
    HptRestored restored = {0};
    Restore restore = {
        .spec = spec,
        .out = &restored,
        .links = g_ptr_array_new_with_free_func(g_free),
        .done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .read = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    find_places(&restore, reader);
    find_read(&restore);
    bool fine = make_folder(&restore, restore.project, error) &&
                make_folder(&restore, restored.directory, error) &&
                restore_code(&restore, reader, error) && restore_inputs(&restore, error) &&
                make_links(&restore, error);
    clear(&restore);
    if (fine)
        *out = restored;
    else
        hpt_restored_clear(&restored);
    return fine;
}
