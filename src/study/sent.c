#include "study/sent.h"

void hpt_sent_object_clear(void *object)
{
    g_clear_pointer(&((HptSentObject *)object)->bytes, g_bytes_unref);
}

void hpt_args_objects(HptArgs *args, const HptSentObject *objects, size_t n)
{
    g_autofree const void **digests = g_new0(const void *, n + 1);
    g_autofree const void **bytes = g_new0(const void *, n + 1);
    g_autofree size_t *digest_lengths = g_new0(size_t, n + 1);
    g_autofree size_t *lengths = g_new0(size_t, n + 1);
    g_autofree int64_t *sizes = g_new0(int64_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        digests[i] = objects[i].digest.bytes;
        digest_lengths[i] = HPT_DIGEST_SIZE;
        sizes[i] = objects[i].size;
        if (objects[i].bytes != NULL) {
            bytes[i] = g_bytes_get_data(objects[i].bytes, &lengths[i]);
            if (bytes[i] == NULL)
                bytes[i] = ""; /* an empty object is bytes, not NULL */
        }
    }
    hpt_args_byteas(args, digests, digest_lengths, n);
    hpt_args_int8s(args, sizes, NULL, n);
    hpt_args_byteas(args, bytes, lengths, n);
}
