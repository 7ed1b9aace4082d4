/* SHA-256 of bytes, in one call or as a stream (OpenSSL EVP). */
#ifndef HPT_BASE_DIGEST_H
#define HPT_BASE_DIGEST_H

#include "base/error.h"

#define HPT_DIGEST_SIZE 32
#define HPT_DIGEST_HEX_SIZE 65 /* 64 digits and a terminator */

typedef struct {
    uint8_t bytes[HPT_DIGEST_SIZE];
} HptDigest;

HptDigest hpt_digest(const void *data, size_t length);

/* For tables whose keys are digests; the hash also where they are others whose first bytes are random. */
guint hpt_digest_hash(gconstpointer key);
gboolean hpt_digest_equal(gconstpointer a, gconstpointer b);

/* Stream: new, add any number of times, then end (which may be called repeatedly: it gives the
 * digest of what was added so far), free. */
typedef struct HptDigester HptDigester;
HptDigester *hpt_digester_new(void);
void hpt_digester_add(HptDigester *digester, const void *data, size_t length);
HptDigest hpt_digester_get(const HptDigester *digester);
void hpt_digester_free(HptDigester *digester);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptDigester, hpt_digester_free)

/* Lower-case hexadecimal; out has HPT_DIGEST_HEX_SIZE bytes and is returned. */
char *hpt_digest_hex(const HptDigest *digest, char *out);
bool hpt_digest_parse(const char *hex, HptDigest *out) HPT_WARN_UNUSED;

/* 16 random bytes (version 4, RFC 9562) as text, e.g. for idempotency keys; owned. */
char *hpt_uuid_new(void);

#endif
