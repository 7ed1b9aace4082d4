#include "study/intake-internal.h"

#include "base/path.h"
#include "base/text.h"
#include "record/declared.h"
#include "record/secret.h"

#include <stdlib.h>
#include <string.h>

/* ---- the worker's ---- */

void intake_remember(GHashTable *table, const HptDigest *digest, guint max)
{
    if (g_hash_table_size(table) >= max)
        g_hash_table_remove_all(table);
    g_hash_table_add(table, g_memdup2(digest, sizeof *digest));
}

static char *real(const char *path)
{
    char *found = realpath(path, NULL);
    char *copy = g_strdup(found != NULL ? found : path);
    free(found);
    return copy;
}

char *hpt_intake_project(const char *folder)
{
    g_autofree char *name = g_path_get_basename(folder);
    g_autofree char *path =
        strcmp(name, ".hpt") == 0 ? g_path_get_dirname(folder) : g_get_current_dir();
    return real(path);
}

char *hpt_intake_cache(const char *folder, const char *host)
{
    char *file = g_strdup_printf("%s/digests/%s", folder, host);
    g_strdelimit(file + strlen(folder) + strlen("/digests/"), "/", '_');
    return file;
}

HptIntake *hpt_intake_new(const HptIntakeSpec *spec)
{
    HptIntake *intake = g_new0(HptIntake, 1);
    g_autofree char *file = hpt_intake_cache(spec->folder, spec->host);
    intake->project = real(spec->project);
    intake->folder = real(spec->folder);
    intake->store = spec->store;
    intake->patterns = spec->patterns;
    intake->max_bytes = spec->max_bytes;
    intake->allow_secrets = spec->allow_secrets;
    intake->environment = spec->environment;
    intake->path = g_strdup(spec->path);
    intake->software = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, g_free);
    intake->cache = hpt_digest_cache_new(file, spec->host, spec->boot);
    intake->sent = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    intake->known = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    intake->buffer = g_malloc(PIECE);
    return intake;
}

void intake_save_cache(HptIntake *intake)
{
    g_autoptr(GError) ignored = NULL; /* the next run reads the files again */
    if (!hpt_digest_cache_save(intake->cache, &ignored))
        g_debug("%s", ignored->message);
    intake->unsaved_bytes = 0;
}

void hpt_intake_free(HptIntake *intake)
{
    if (intake == NULL)
        return;
    intake_save_cache(intake);
    hpt_digest_cache_free(intake->cache);
    g_hash_table_unref(intake->software);
    g_hash_table_unref(intake->sent);
    g_hash_table_unref(intake->known);
    hpt_tracked_unref(intake->tracked);
    g_free(intake->path);
    g_free(intake->project);
    g_free(intake->folder);
    g_free(intake->buffer);
    g_free(intake);
}

HptTracked *hpt_intake_track(HptIntake *intake, const HptCode *code)
{
    g_autofree char *directory = g_get_current_dir();
    if (intake->tracked == NULL || !hpt_tracked_is(intake->tracked, &code->digest)) {
        hpt_tracked_unref(intake->tracked);
        intake->tracked = hpt_tracked_new(directory, code);
    }
    return hpt_tracked_ref(intake->tracked);
}

/* ---- the trial's files ---- */

static void clear_item(void *data)
{
    IntakeItem *item = data;
    g_free(item->path);
}

static bool is_left_out(const HptIntake *intake, const char *path)
{
    static const char *const folders[] = {"/proc", "/sys", "/dev"};
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
        if (hpt_path_inside(folders[i], path) != NULL)
            return true;
    return hpt_path_inside(intake->folder, path) != NULL;
}

static void add(HptGathering *gathering, const char *path, IntakeItem *item)
{
    if (is_left_out(gathering->intake, path))
        return;
    item->path = g_strdup(path);
    item->state = HPT_INPUT_UNREAD;
    g_array_append_val(gathering->items, *item);
}

void hpt_gathering_add(HptGathering *gathering, const char *path, HptInputRole role,
                       const struct stat *then)
{
    IntakeItem item = {.role = role, .size = -1, .has_then = then != NULL};
    if (then != NULL)
        item.then = *then;
    add(gathering, path, &item);
}

void hpt_gathering_add_content(HptGathering *gathering, const char *path, HptInputRole role,
                               const void *content, int64_t size)
{
    IntakeItem item = {.role = role, .size = size, .content = content, .has_content = true};
    add(gathering, path, &item);
}

static struct stat stat_of(const HptTraceFile *file)
{
    return (struct stat){
        .st_dev = file->dev,
        .st_ino = file->ino,
        .st_size = file->size,
        .st_mtim = {.tv_sec = file->mtime_ns / 1000000000, .tv_nsec = file->mtime_ns % 1000000000},
        .st_ctim = {.tv_sec = file->ctime_ns / 1000000000, .tv_nsec = file->ctime_ns % 1000000000},
    };
}

/* A file that the trial changed is an input by what it held before, if somebody has that, and an output by what
 * it holds now. */
static void add_traced(HptGathering *gathering, const HptTraceFile *file, bool shared)
{
    static const uint32_t read = HPT_TRACE_READ; /* a program that is no input was made by the trial */
    static const uint32_t written = HPT_TRACE_WRITE | HPT_TRACE_CREATED | HPT_TRACE_RENAMED_TO;
    static const uint32_t changed = HPT_TRACE_WRITE | HPT_TRACE_DELETED | HPT_TRACE_RENAMED_FROM |
                                    HPT_TRACE_RENAMED_TO;
    uint32_t used = file->roles | (shared ? file->before : 0);
    bool kept = file->keep == HPT_TRACE_KEPT, there = (file->roles & HPT_TRACE_CREATED) == 0;
    bool touched = there && (file->roles & changed) != 0;
    struct stat then = stat_of(file);
    if (!S_ISREG(file->mode))
        return; /* a folder, or made and gone again */
    if ((used & read) != 0 && touched && kept)
        hpt_gathering_add_content(gathering, file->path, HPT_INPUT_READ, file->content,
                                  (int64_t)file->content_bytes);
    else if ((used & read) != 0)
        hpt_gathering_add(gathering, file->path, HPT_INPUT_READ, &then);
    if (touched)
        hpt_gathering_add_content(gathering, file->path, HPT_INPUT_CHANGED,
                                  kept ? file->content : NULL,
                                  kept ? (int64_t)file->content_bytes : file->size);
    if ((file->roles & written) != 0)
        hpt_gathering_add(gathering, file->path, HPT_INPUT_WRITTEN, NULL);
}

void hpt_gathering_add_trace(HptGathering *gathering, const HptTrace *trace)
{
    gathering->traced = true;
    for (size_t i = 0; i < trace->n; i++)
        add_traced(gathering, &trace->files[i], trace->shared);
}

HptGathering *hpt_gathering_new(HptIntake *intake, HptTracked *tracked, int64_t looked_ns,
                                GError **error)
{
    g_autoptr(HptGathering) gathering = g_new0(HptGathering, 1);
    gathering->intake = intake;
    gathering->tracked = hpt_tracked_ref(tracked);
    gathering->looked_ns = looked_ns;
    gathering->changed = g_ptr_array_new_with_free_func(g_free);
    gathering->fd = -1;
    gathering->items = g_array_new(false, false, sizeof(IntakeItem));
    g_array_set_clear_func(gathering->items, clear_item);
    gathering->objects = g_array_new(false, false, sizeof(HptSentObject));
    g_array_set_clear_func(gathering->objects, hpt_sent_object_clear);
    gathering->kept = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    if (intake->patterns == NULL || intake->patterns[0] == NULL)
        return g_steal_pointer(&gathering);
    g_auto(GStrv) files = hpt_declared_expand(intake->project, intake->patterns, error);
    if (files == NULL)
        return NULL;
    for (char **file = files; *file != NULL; file++) {
        struct stat now;
        bool there = stat(*file, &now) == 0;
        hpt_gathering_add(gathering, *file, HPT_INPUT_DECLARED, there ? &now : NULL);
    }
    return g_steal_pointer(&gathering);
}

void hpt_gathering_free(HptGathering *gathering)
{
    if (gathering == NULL)
        return;
    intake_stop_reading(gathering);
    hpt_batch_free(gathering->batch);
    hpt_tracked_unref(gathering->tracked);
    g_ptr_array_unref(gathering->changed);
    g_array_unref(gathering->items);
    g_array_unref(gathering->objects);
    g_hash_table_unref(gathering->kept);
    hpt_inputs_free(gathering->own);
    hpt_inputs_free(gathering->common);
    g_free(gathering->note);
    g_free(gathering);
}

const char *hpt_gathering_peek_note(const HptGathering *gathering)
{
    return gathering->note;
}

/* ---- the sets ---- */

bool intake_is_common(const HptGathering *gathering, const IntakeItem *item)
{
    static const char *const folders[] = {"/tmp", "/var/tmp", "/run"};
    if (item->role != HPT_INPUT_READ || item->state != HPT_INPUT_DIGEST ||
        hpt_path_inside(gathering->intake->project, item->path) != NULL)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
        if (hpt_path_inside(folders[i], item->path) != NULL)
            return false;
    return true;
}

static HptInputs *make_set(const HptGathering *gathering, bool common)
{
    g_autoptr(GArray) files = g_array_new(false, false, sizeof(HptInputFile));
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < gathering->items->len; i++) {
        const IntakeItem *item = &g_array_index(gathering->items, IntakeItem, i);
        if (item->left_out || intake_is_common(gathering, item) != common)
            continue;
        const char *relative = hpt_path_inside(gathering->intake->project, item->path);
        const char *plain = relative != NULL ? relative : item->path;
        char *path = gathering->intake->allow_secrets ? g_strdup(plain) : hpt_secret_cut(plain);
        g_ptr_array_add(paths, path);
        HptInputFile file = {
            .role = item->role,
            .state = item->state,
            .ignored = item->role != HPT_INPUT_WRITTEN && gathering->tracked != NULL &&
                       hpt_tracked_ignores(gathering->tracked, item->path),
            .size = item->state == HPT_INPUT_SECRET ? -1 : item->size,
            .digest = item->digest,
            .path = path,
        };
        g_array_append_val(files, file);
    }
    if (files->len == 0)
        return NULL;
    return hpt_inputs_new((const HptInputFile *)(void *)files->data, files->len);
}

/* Did it hold something else when it was used? Where nobody knows what, it is one if it was changed after the look.
 * What the trial changes itself is data. */
static bool is_other(const HptGathering *gathering, const IntakeItem *item, const HptDigest *code)
{
    if (item->left_out || item->has_content || item->role == HPT_INPUT_WRITTEN)
        return false;
    if (hpt_input_state_has_digest(item->state))
        return !hpt_digest_equal(&item->digest, code);
    int64_t changed_ns = (int64_t)item->then.st_ctim.tv_sec * 1000000000 + item->then.st_ctim.tv_nsec;
    return item->has_then && changed_ns >= gathering->looked_ns;
}

static void find_changed(HptGathering *gathering)
{
    for (guint i = 0; gathering->tracked != NULL && i < gathering->items->len; i++) {
        const IntakeItem *item = &g_array_index(gathering->items, IntakeItem, i);
        const HptDigest *code;
        const char *name = hpt_tracked_find(gathering->tracked, item->path, &code);
        if (name == NULL || !is_other(gathering, item, code) ||
            g_ptr_array_find_with_equal_func(gathering->changed, name, g_str_equal, NULL))
            continue;
        g_ptr_array_add(gathering->changed, gathering->intake->allow_secrets ? g_strdup(name)
                                                                             : hpt_secret_cut(name));
    }
}

bool hpt_gathering_step(HptGathering *gathering, int64_t until_us)
{
    if (gathering->done)
        return true;
    while (gathering->next < gathering->items->len) {
        IntakeItem *item = &g_array_index(gathering->items, IntakeItem, gathering->next);
        if (gathering->fd >= 0)
            intake_read_piece(gathering, item);
        else
            intake_look(gathering, item);
        if (gathering->fd < 0)
            gathering->next++;
        if (hpt_time_monotonic_us() >= until_us && gathering->next < gathering->items->len)
            return false;
    }
    intake_commit(gathering);
    gathering->own = make_set(gathering, false);
    gathering->common = make_set(gathering, true);
    find_changed(gathering);
    gathering->done = true;
    return true;
}

void hpt_gathering_cut(HptGathering *gathering)
{
    intake_stop_reading(gathering);
    gathering->next = gathering->items->len;
}
