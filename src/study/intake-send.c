#include "study/intake-internal.h"

#include "record/software.h"

#include <string.h>

#define SAVE_BYTES (INT64_C(256) << 20) /* read before the digest cache is written, not at the end alone */

/* ---- the environment ---- */

bool hpt_intake_is_software(const char *path)
{
    static const char *const parts[] = {"/site-packages/", "/dist-packages/", "library/", ".so", "/bin/"};
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        if (strstr(path, parts[i]) != NULL)
            return true;
    return false;
}

/* The software that was read; the digest of all that is the key under which it is remembered. */
static GArray *software_of(const HptGathering *gathering, HptDigest *key)
{
    GArray *files = g_array_new(false, false, sizeof(HptSoftwareFile));
    g_autoptr(HptDigester) digester = hpt_digester_new();
    for (guint i = 0; i < gathering->items->len; i++) {
        const IntakeItem *item = &g_array_index(gathering->items, IntakeItem, i);
        if (item->role != HPT_INPUT_READ || item->left_out || !hpt_input_state_has_digest(item->state) ||
            !(intake_is_common(gathering, item) || hpt_intake_is_software(item->path)))
            continue;
        HptSoftwareFile file = {.path = item->path, .digest = item->digest};
        g_array_append_val(files, file);
        hpt_digester_add(digester, item->path, strlen(item->path) + 1);
        hpt_digester_add(digester, item->digest.bytes, sizeof item->digest.bytes);
    }
    *key = hpt_digester_get(digester);
    return files;
}

static HptArgs *environment_args(const HptEnvironment *environment)
{
    const void *parts[HPT_PART_COUNT];
    size_t lengths[HPT_PART_COUNT];
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        parts[i] = environment->parts[i].canonical;
        lengths[i] = strlen(environment->parts[i].canonical);
    }
    HptArgs *args = hpt_args_new();
    hpt_args_bytea(args, environment->canonical, strlen(environment->canonical));
    hpt_args_byteas(args, parts, lengths, HPT_PART_COUNT);
    return args;
}

/* The arguments of environment_put, or NULL if it was sent. */
static HptArgs *find_environment(HptGathering *gathering)
{
    HptIntake *intake = gathering->intake;
    HptDigest key;
    g_autoptr(GArray) files = software_of(gathering, &key);
    const HptDigest *known = g_hash_table_lookup(intake->software, &key);
    if (known != NULL) {
        gathering->environment = *known;
        return NULL;
    }
    g_autoptr(HptEnvironment) environment =
        hpt_software_environment(intake->environment, NULL, intake->path,
                                 (const HptSoftwareFile *)(void *)files->data, files->len);
    gathering->environment = environment->digest;
    if (g_hash_table_size(intake->software) >= SENT_MAX)
        g_hash_table_remove_all(intake->software);
    g_hash_table_insert(intake->software, g_memdup2(&key, sizeof key),
                        g_memdup2(&environment->digest, sizeof environment->digest));
    return environment_args(environment);
}

/* ---- as arguments ---- */

static HptArgs *put(HptIntake *intake, const HptInputs *inputs, const GArray *objects)
{
    if (inputs == NULL || g_hash_table_contains(intake->sent, &inputs->digest))
        return NULL;
    const HptSentObject *all = objects == NULL ? NULL : (const HptSentObject *)(void *)objects->data;
    guint n = objects == NULL ? 0 : objects->len;
    intake_remember(intake->sent, &inputs->digest, SENT_MAX);
    for (guint i = 0; i < n; i++)
        intake_remember(intake->known, &all[i].digest, KNOWN_MAX);
    HptArgs *args = hpt_args_new();
    hpt_args_bytea(args, inputs->canonical, inputs->length);
    hpt_args_objects(args, all, n);
    return args;
}

HptGathered hpt_gathering_end(HptGathering *gathering)
{
    HptGathered out = {
        .own = gathering->own, .common = gathering->common, .changed = gathering->changed};
    if (gathering->intake->unsaved_bytes > SAVE_BYTES)
        intake_save_cache(gathering->intake);
    out.put_common = put(gathering->intake, gathering->common, NULL);
    if (gathering->traced) {
        out.put_environment = find_environment(gathering);
        out.environment = &gathering->environment;
    }
    out.put_own = put(gathering->intake, gathering->own, gathering->objects);
    return out;
}
