#include "study/codebook.h"

#include "store/batch.h"

#include <string.h>
#include <unistd.h>

/* What a snapshot names and the record is not known to have. */
typedef struct {
    HptObjectId id;
    GBytes *bytes; /* NULL: in the store */
} Object;

struct HptCodebook {
    HptCodeTree *tree;
    HptStore *store;
    HptBatch *batch; /* of this look; NULL: nothing large is new */
    char *broken;    /* why nothing can be stored; NULL: it can */
    const HptCode *last; /* the tree's */
    GHashTable *objects; /* of HptDigest, as GBytes: recorded, or on the way there */
    GHashTable *fresh;   /* GBytes → Object: not yet */
    GHashTable *codes;   /* of GBytes: snapshots recorded, or on the way there */
};

static void object_free(void *data)
{
    Object *object = data;
    if (object->bytes != NULL)
        g_bytes_unref(object->bytes);
    g_free(object);
}

static void unref(void *bytes)
{
    g_bytes_unref(bytes);
}

static GBytes *key_of(const HptDigest *digest)
{
    return g_bytes_new(digest->bytes, sizeof digest->bytes);
}

/* Small ones go to the database with the snapshot; the others are in the store before it is sent. */
static bool keep(const HptDigest *digest, const void *bytes, size_t length, void *user, GError **error)
{
    HptCodebook *book = user;
    g_autoptr(GBytes) key = key_of(digest);
    if (g_hash_table_contains(book->objects, key) || g_hash_table_contains(book->fresh, key))
        return true;
    Object *object = g_new0(Object, 1);
    object->id = (HptObjectId){*digest, (int64_t)length};
    if (hpt_object_is_small((int64_t)length)) {
        object->bytes = g_bytes_new(bytes, length);
    } else if (book->broken != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "could not be stored: %s", book->broken);
        object_free(object);
        return false;
    } else {
        if (book->batch == NULL)
            book->batch = hpt_batch_begin(book->store);
        if (!hpt_batch_put_bytes(book->batch, bytes, length, &object->id, error)) {
            g_prefix_error(error, "could not be stored: ");
            object_free(object);
            return false;
        }
    }
    g_hash_table_replace(book->fresh, g_steal_pointer(&key), object);
    return true;
}

static gboolean is_stored(gpointer key G_GNUC_UNUSED, gpointer value, gpointer user G_GNUC_UNUSED)
{
    return ((const Object *)value)->bytes == NULL;
}

/* Looks; the larger files of what is new are on the disk then, by one fsync. If they could not be written they
 * are looked at once more, and are missing. */
static const HptCode *look(HptCodebook *book)
{
    g_autoptr(GError) error = NULL;
    const HptCode *code = hpt_code_tree_look(book->tree);
    if (book->batch != NULL && !hpt_batch_commit(book->batch, &error)) {
        book->broken = g_strdup(error->message);
        g_hash_table_foreach_remove(book->fresh, is_stored, NULL);
        hpt_code_tree_forget(book->tree);
        code = hpt_code_tree_look(book->tree);
        hpt_code_tree_forget(book->tree); /* it may be possible the next time */
        g_clear_pointer(&book->broken, g_free);
    }
    g_clear_pointer(&book->batch, hpt_batch_free);
    return code;
}

HptCodebook *hpt_codebook_new(const HptCodebookSpec *spec)
{
    HptCodebook *book = g_new0(HptCodebook, 1);
    g_autofree char *directory = g_get_current_dir();
    g_autofree char *name = g_path_get_basename(spec->project);
    g_autofree char *project = strcmp(name, ".hpt") == 0 ? g_path_get_dirname(spec->project) : NULL;
    book->store = spec->store;
    book->objects = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, unref, NULL);
    book->codes = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, unref, NULL);
    book->fresh = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, unref, object_free);
    HptCodeSpec code = {
        .directory = directory,
        .project = project,
        .max_bytes = spec->max_bytes,
        .off = spec->off,
        .allow_secrets = spec->allow_secrets,
        .environ = spec->environ,
        .keep = keep,
        .user = book,
    };
    book->tree = hpt_code_tree_new(&code);
    return book;
}

void hpt_codebook_free(HptCodebook *book)
{
    if (book == NULL)
        return;
    hpt_code_tree_free(book->tree);
    g_hash_table_unref(book->objects);
    g_hash_table_unref(book->codes);
    g_hash_table_unref(book->fresh);
    g_free(book);
}

/* The arguments of code_put; what is fresh is on its way then. */
static HptArgs *put_args(HptCodebook *book, const HptCode *code)
{
    guint n = g_hash_table_size(book->fresh), i = 0;
    g_autofree const void **digests = g_new0(const void *, n + 1);
    g_autofree const void **bytes = g_new0(const void *, n + 1);
    g_autofree size_t *digest_lengths = g_new0(size_t, n + 1);
    g_autofree size_t *lengths = g_new0(size_t, n + 1);
    g_autofree int64_t *sizes = g_new0(int64_t, n + 1);
    GHashTableIter all;
    void *key, *value;
    g_hash_table_iter_init(&all, book->fresh);
    for (; g_hash_table_iter_next(&all, &key, &value); i++) {
        const Object *object = value;
        digests[i] = object->id.digest.bytes;
        digest_lengths[i] = HPT_DIGEST_SIZE;
        sizes[i] = object->id.size;
        if (object->bytes != NULL) {
            bytes[i] = g_bytes_get_data(object->bytes, &lengths[i]);
            if (bytes[i] == NULL)
                bytes[i] = ""; /* an empty object is bytes, not NULL */
        }
        g_hash_table_add(book->objects, g_bytes_ref(key));
    }
    HptArgs *args = hpt_args_new();
    hpt_args_bytea(args, code->canonical, code->length);
    hpt_args_byteas(args, digests, digest_lengths, n);
    hpt_args_int8s(args, sizes, NULL, n);
    hpt_args_byteas(args, bytes, lengths, n);
    g_hash_table_remove_all(book->fresh);
    return args;
}

/* NULL: the record has it. */
static HptArgs *put_unless_known(HptCodebook *book, const HptCode *code)
{
    g_autoptr(GBytes) key = key_of(&code->digest);
    if (g_hash_table_contains(book->codes, key))
        return NULL;
    g_hash_table_add(book->codes, g_steal_pointer(&key));
    return put_args(book, code);
}

bool hpt_codebook_begin(HptCodebook *book, HptDb *db, GError **error)
{
    const HptCode *code = book->last = look(book);
    g_autoptr(GPtrArray) digests = g_ptr_array_new();
    g_autoptr(GArray) lengths = g_array_new(false, false, sizeof(size_t));
    size_t length = HPT_DIGEST_SIZE;
    GHashTableIter all;
    void *key, *value;
    g_ptr_array_add(digests, (gpointer)code->digest.bytes);
    g_array_append_val(lengths, length);
    g_hash_table_iter_init(&all, book->fresh);
    while (g_hash_table_iter_next(&all, &key, &value)) {
        g_ptr_array_add(digests, ((Object *)value)->id.digest.bytes);
        g_array_append_val(lengths, length);
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_byteas(args, (const void *const *)digests->pdata, (const size_t *)(void *)lengths->data, digests->len);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_DIGESTS_MISSING, args, error);
    if (rows == NULL)
        return false;
    g_autoptr(GHashTable) missing = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, unref, NULL);
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        const void *digest = hpt_rows_peek_bytea(rows, i, 0, &length);
        g_hash_table_add(missing, g_bytes_new(digest, length));
    }
    g_autoptr(GBytes) own = key_of(&code->digest);
    if (!g_hash_table_contains(missing, own))
        g_hash_table_add(book->codes, g_steal_pointer(&own));
    g_hash_table_iter_init(&all, book->fresh);
    while (g_hash_table_iter_next(&all, &key, &value))
        if (!g_hash_table_contains(missing, key)) {
            g_hash_table_add(book->objects, g_bytes_ref(key));
            g_hash_table_iter_remove(&all);
        }
    g_autoptr(HptArgs) put = put_unless_known(book, code);
    g_autoptr(HptRows) done = put == NULL ? NULL : hpt_db_row(db, HPT_SQL_CODE_PUT, put, error);
    return put == NULL || done != NULL;
}

HptDigest hpt_codebook_look(HptCodebook *book, HptArgs **args)
{
    const HptCode *code = book->last = look(book);
    *args = put_unless_known(book, code);
    return code->digest;
}

const HptCode *hpt_codebook_peek(const HptCodebook *book)
{
    return book->last;
}
