#include "study/codebook.h"

#include "store/batch.h"
#include "store/bundle.h"
#include "study/sent.h"

#include <string.h>
#include <unistd.h>

struct HptCodebook {
    HptCodeTree *tree;
    HptStore *store;
    HptBatch *batch; /* of this look; NULL: nothing large is new */
    char *broken;    /* why nothing can be stored; NULL: it can */
    const HptCode *last; /* the tree's */
    GHashTable *objects; /* of HptDigest: recorded, or on the way there */
    GHashTable *fresh;   /* of HptSentObject, by digest: not yet */
    GHashTable *codes;   /* of HptDigest: snapshots recorded, or on the way there */
};

static void object_free(void *object)
{
    hpt_sent_object_clear(object);
    g_free(object);
}

static void remember(GHashTable *digests, const HptDigest *digest)
{
    g_hash_table_add(digests, g_memdup2(digest, sizeof *digest));
}

/* Small ones go to the database with the snapshot; the others are in the store before it is sent. */
static bool keep(const HptDigest *digest, const void *bytes, size_t length, void *user, GError **error)
{
    HptCodebook *book = user;
    if (g_hash_table_contains(book->objects, digest) || g_hash_table_contains(book->fresh, digest))
        return true;
    HptSentObject *object = g_new0(HptSentObject, 1);
    *object = (HptSentObject){.digest = *digest, .size = (int64_t)length};
    if (hpt_object_is_small((int64_t)length)) {
        object->bytes = g_bytes_new(bytes, length);
    } else if (book->broken != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_IO, "could not be stored: %s", book->broken);
        object_free(object);
        return false;
    } else {
        if (book->batch == NULL)
            book->batch = hpt_batch_begin(book->store);
        HptObjectId id;
        if (!hpt_batch_put_bytes(book->batch, bytes, length, &id, error)) {
            g_prefix_error(error, "could not be stored: ");
            object_free(object);
            return false;
        }
    }
    g_hash_table_add(book->fresh, object);
    return true;
}

static gboolean is_stored(gpointer object, gpointer value G_GNUC_UNUSED, gpointer user G_GNUC_UNUSED)
{
    return ((const HptSentObject *)object)->bytes == NULL;
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
    book->objects = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    book->codes = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    book->fresh = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, object_free, NULL);
    HptCodeSpec code = {
        .directory = directory,
        .project = project,
        .max_bytes = spec->max_bytes,
        .off = spec->off,
        .allow_secrets = spec->allow_secrets,
        .environ = spec->environ,
        .pass = hpt_bundle_is,
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

/* The arguments of code_put, or NULL: the record has it. What is fresh is on its way then. */
static HptArgs *put_unless_known(HptCodebook *book, const HptCode *code)
{
    if (g_hash_table_contains(book->codes, &code->digest))
        return NULL;
    remember(book->codes, &code->digest);
    g_autoptr(GArray) objects = g_array_new(false, false, sizeof(HptSentObject));
    GHashTableIter all;
    void *key;
    g_hash_table_iter_init(&all, book->fresh);
    while (g_hash_table_iter_next(&all, &key, NULL)) {
        const HptSentObject *object = key;
        g_array_append_val(objects, *object);
        remember(book->objects, &object->digest);
    }
    HptArgs *args = hpt_args_new();
    hpt_args_bytea(args, code->canonical, code->length);
    hpt_args_objects(args, (const HptSentObject *)(void *)objects->data, objects->len);
    g_hash_table_remove_all(book->fresh);
    return args;
}

bool hpt_codebook_begin(HptCodebook *book, HptDb *db, GError **error)
{
    const HptCode *code = book->last = look(book);
    g_autoptr(GPtrArray) digests = g_ptr_array_new();
    g_autoptr(GArray) lengths = g_array_new(false, false, sizeof(size_t));
    size_t length = HPT_DIGEST_SIZE;
    GHashTableIter all;
    void *key;
    g_ptr_array_add(digests, (gpointer)code->digest.bytes);
    g_array_append_val(lengths, length);
    g_hash_table_iter_init(&all, book->fresh);
    while (g_hash_table_iter_next(&all, &key, NULL)) {
        g_ptr_array_add(digests, ((HptSentObject *)key)->digest.bytes);
        g_array_append_val(lengths, length);
    }
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_byteas(args, (const void *const *)digests->pdata, (const size_t *)(void *)lengths->data, digests->len);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_DIGESTS_MISSING, args, error);
    if (rows == NULL)
        return false;
    g_autoptr(GHashTable) missing = g_hash_table_new_full(hpt_digest_hash, hpt_digest_equal, g_free, NULL);
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        const void *digest = hpt_rows_peek_bytea(rows, i, 0, &length);
        if (length == HPT_DIGEST_SIZE)
            remember(missing, digest);
    }
    if (!g_hash_table_contains(missing, &code->digest))
        remember(book->codes, &code->digest);
    g_hash_table_iter_init(&all, book->fresh);
    while (g_hash_table_iter_next(&all, &key, NULL))
        if (!g_hash_table_contains(missing, key)) {
            remember(book->objects, key);
            g_hash_table_iter_remove(&all);
        }
    return true;
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
