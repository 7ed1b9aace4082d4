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

size_t hpt_chunk_cut(const void *data, size_t length)
{
    const uint64_t *gear = gear_table();
    const uint8_t *bytes = data;
    size_t end = MIN(length, HPT_CHUNK_MAX), normal = MIN(end, HPT_CHUNK_NORMAL);
    size_t i = HPT_CHUNK_MIN;
    uint64_t h = 0;
    for (; i < normal; i++) {
        h = (h << 1) + gear[bytes[i]];
        if (h >> SMALL_SHIFT == 0)
            return i + 1;
    }
    for (; i < end; i++) {
        h = (h << 1) + gear[bytes[i]];
        if (h >> LARGE_SHIFT == 0)
            return i + 1;
    }
    return end;
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
