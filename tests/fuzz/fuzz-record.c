/* What the record reads of strangers. The first byte says what the rest is: e an ELF file; v an
 * environment, a line for it and one for each part; i an input set; d a digest cache. */
#include "record/digestcache.h"
#include "record/elf.h"
#include "record/environment.h"
#include "record/inputs.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void elf(const uint8_t *data, size_t size)
{
    int fd = memfd_create("elf", MFD_CLOEXEC);
    g_assert_cmpint(write(fd, data, size), ==, (ssize_t)size);
    g_autofree char *id = hpt_elf_build_id(fd);
    close(fd);
    if (id != NULL) {
        g_assert_cmpuint(strlen(id) % 2, ==, 0);
        g_assert_cmpuint(strspn(id, "0123456789abcdef"), ==, strlen(id));
    }
}

/* What is read is its own canonical form and differs from itself in nothing. */
static void environment(const uint8_t *data, size_t size)
{
    g_autoptr(GArray) lines = g_array_new(false, false, sizeof(HptEnvironmentText));
    for (const char *at = (const char *)data, *end = at + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        HptEnvironmentText line = {at, (size_t)((stop == NULL ? end : stop) - at)};
        g_array_append_val(lines, line);
        at = stop == NULL ? end : stop + 1;
    }
    if (lines->len == 0)
        return;
    const HptEnvironmentText *texts = (const HptEnvironmentText *)(void *)lines->data;
    g_autoptr(GError) error = NULL;
    g_autoptr(HptEnvironment) read =
        hpt_environment_parse(texts, texts + 1, lines->len - 1, &error);
    if (read == NULL) {
        g_assert_nonnull(error);
        return;
    }
    g_autoptr(GArray) differences = hpt_environment_compare(read, read);
    g_assert_cmpuint(differences->len, ==, 0);
    HptEnvironmentText again[HPT_PART_COUNT];
    for (int i = 0; i < HPT_PART_COUNT && read->parts[i].canonical != NULL; i++)
        again[i] = (HptEnvironmentText){read->parts[i].canonical, strlen(read->parts[i].canonical)};
    if (read->parts[0].canonical == NULL)
        return;
    g_autoptr(HptEnvironment) second =
        hpt_environment_parse(&(HptEnvironmentText){read->canonical, strlen(read->canonical)},
                              again, HPT_PART_COUNT, &error);
    g_assert_no_error(error);
    g_assert_true(memcmp(&second->digest, &read->digest, sizeof read->digest) == 0);
}

/* What is read is its own canonical form, sorted, and every file is found in it. */
static void inputs(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptInputs) read = hpt_inputs_parse(data, size, &error);
    if (read == NULL) {
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
        return;
    }
    g_assert_cmpuint(read->length, ==, size);
    g_assert_true(memcmp(read->canonical, data, size) == 0);
    for (size_t i = 0; i < read->n; i++)
        g_assert_true(hpt_inputs_find(read, read->files[i].path, read->files[i].role) ==
                      &read->files[i]);
}

/* The checksum is made right, so that what is behind it is reached. */
static void cache(const uint8_t *data, size_t size)
{
    static const char head[] = "hpt-digests/1 h b\n";
    g_autoptr(HptDigestCache) cache = hpt_digest_cache_new(NULL, "h", "b");
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *)head, sizeof head - 1);
    g_byte_array_append(bytes, data, (guint)size);
    HptDigest digest = hpt_digest(bytes->data, bytes->len);
    g_byte_array_append(bytes, digest.bytes, sizeof digest.bytes);
    bool read = hpt_digest_cache_parse(cache, bytes->data, bytes->len);
    g_assert_true(read == (size % 80 == 0));
    g_assert_cmpuint(hpt_digest_cache_count(cache), <=, size / 80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 'i')
        inputs(data + 1, size - 1);
    if (size > 0 && data[0] == 'd')
        cache(data + 1, size - 1);
    if (size > 0 && data[0] == 'e')
        elf(data + 1, size - 1);
    if (size > 0 && data[0] == 'v')
        environment(data + 1, size - 1);
    return 0;
}
