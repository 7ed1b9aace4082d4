#include "base/digest.h"

#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

struct HptDigester {
    EVP_MD_CTX *context;
};

/* libcrypto fails here only without memory or without its default provider; there is nothing a
 * caller could do then, as with g_malloc. */
static void must(bool done)
{
    if (!done)
        g_error("libcrypto cannot compute SHA-256");
}

HptDigest hpt_digest(const void *data, size_t length)
{
    HptDigest digest;
    must(EVP_Digest(data, length, digest.bytes, NULL, EVP_sha256(), NULL) == 1);
    return digest;
}

guint hpt_digest_hash(gconstpointer key)
{
    guint hash;
    memcpy(&hash, key, sizeof hash);
    return hash;
}

gboolean hpt_digest_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, HPT_DIGEST_SIZE) == 0;
}

HptDigester *hpt_digester_new(void)
{
    HptDigester *digester = g_new0(HptDigester, 1);
    digester->context = EVP_MD_CTX_new();
    must(digester->context != NULL &&
         EVP_DigestInit_ex(digester->context, EVP_sha256(), NULL) == 1);
    return digester;
}

void hpt_digester_add(HptDigester *digester, const void *data, size_t length)
{
    must(EVP_DigestUpdate(digester->context, data, length) == 1);
}

HptDigest hpt_digester_get(const HptDigester *digester)
{
    HptDigest digest = {{0}};
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    must(copy != NULL && EVP_MD_CTX_copy_ex(copy, digester->context) == 1 &&
         EVP_DigestFinal_ex(copy, digest.bytes, NULL) == 1);
    EVP_MD_CTX_free(copy);
    return digest;
}

void hpt_digester_free(HptDigester *digester)
{
    if (digester == NULL)
        return;
    EVP_MD_CTX_free(digester->context);
    g_free(digester);
}

char *hpt_digest_hex(const HptDigest *digest, char *out)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < HPT_DIGEST_SIZE; i++) {
        out[2 * i] = hex[digest->bytes[i] >> 4];
        out[2 * i + 1] = hex[digest->bytes[i] & 15];
    }
    out[2 * HPT_DIGEST_SIZE] = '\0';
    return out;
}

bool hpt_digest_parse(const char *hex, HptDigest *out)
{
    HptDigest digest;
    if (strlen(hex) != 2 * HPT_DIGEST_SIZE)
        return false;
    for (size_t i = 0; i < HPT_DIGEST_SIZE; i++) {
        if (g_ascii_isupper(hex[2 * i]) || g_ascii_isupper(hex[2 * i + 1]))
            return false; /* one digest has one text */
        int high = g_ascii_xdigit_value(hex[2 * i]), low = g_ascii_xdigit_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = digest;
    return true;
}

char *hpt_uuid_new(void)
{
    uint8_t b[16];
    if (getentropy(b, sizeof b) != 0)
        g_error("the kernel gives no random bytes");
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                           b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                           b[12], b[13], b[14], b[15]);
}
