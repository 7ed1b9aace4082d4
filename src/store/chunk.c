#include "store/chunk.h"

#include <openssl/evp.h>
#include <string.h>

#define GEAR_SEED UINT64_C(0x6870742067656172) /* "hpt gear" */
#define SMALL_SHIFT (64 - 17)
#define LARGE_SHIFT (64 - 15)

static const uint64_t *gear_table(void)
{
    static uint64_t gear[256];
    static gsize made;
    if (g_once_init_enter(&made)) {
        uint64_t state = GEAR_SEED;
        for (int i = 0; i < 256; i++) {
            uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
            z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
            z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
            gear[i] = z ^ (z >> 31);
        }
        g_once_init_leave(&made, 1);
    }
    return gear;
}

/* From *at to end, until the hash is below 2^shift: true, and *at is then behind that byte.
 * Two bytes a step, since each waits for the one before: 2 (2 h + a) + b = 4 h + (2 a + b). */
static bool scan(const uint8_t *bytes, size_t *at, size_t end, uint64_t *hash, int shift)
{
    const uint64_t *gear = gear_table();
    uint64_t h = *hash, limit = UINT64_C(1) << shift;
    size_t i = *at;
    for (; i + 1 < end; i += 2) {
        uint64_t a = gear[bytes[i]], b = gear[bytes[i + 1]];
        if ((h << 1) + a < limit) {
            *at = i + 1;
            return true;
        }
        h = (h << 2) + ((a << 1) + b);
        if (h < limit) {
            *at = i + 2;
            return true;
        }
    }
    *at = end;
    if (i < end)
        h = (h << 1) + gear[bytes[i]];
    *hash = h;
    return i < end && h < limit;
}

size_t hpt_chunk_cut(const void *data, size_t length)
{
    size_t end = MIN(length, HPT_CHUNK_MAX), normal = MIN(end, HPT_CHUNK_NORMAL);
    size_t at = MIN(end, HPT_CHUNK_MIN);
    uint64_t h = 0;
    if (!scan(data, &at, normal, &h, SMALL_SHIFT))
        (void)scan(data, &at, end, &h, LARGE_SHIFT);
    return at;
}

gboolean hpt_chunk_key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, HPT_CHUNK_KEY_SIZE) == 0;
}

struct HptKeyer {
    EVP_CIPHER_CTX *context;
};

static void must(bool done)
{
    if (!done)
        g_error("libcrypto cannot compute AES-GCM");
}

HptKeyer *hpt_keyer_new(void)
{
    static const uint8_t zero[16] = {0};
    HptKeyer *keyer = g_new0(HptKeyer, 1);
    keyer->context = EVP_CIPHER_CTX_new();
    must(keyer->context != NULL &&
         EVP_EncryptInit_ex(keyer->context, EVP_aes_128_gcm(), NULL, zero, zero) == 1);
    return keyer;
}

void hpt_keyer_free(HptKeyer *keyer)
{
    if (keyer == NULL)
        return;
    EVP_CIPHER_CTX_free(keyer->context);
    g_free(keyer);
}

HptChunkKey hpt_keyer_key(HptKeyer *keyer, const void *data, size_t length)
{
    static const uint8_t nonce[12] = {0};
    HptChunkKey key = {{0}};
    int n = 0;
    g_assert(length <= HPT_CHUNK_MAX);
    must(EVP_EncryptInit_ex(keyer->context, NULL, NULL, NULL, nonce) == 1 &&
         EVP_EncryptUpdate(keyer->context, NULL, &n, data, (int)length) == 1 &&
         EVP_EncryptFinal_ex(keyer->context, key.bytes, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(keyer->context, EVP_CTRL_AEAD_GET_TAG, sizeof key.bytes, key.bytes) ==
             1);
    return key;
}
