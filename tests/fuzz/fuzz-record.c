/* What the record reads of strangers. The first byte says what the rest is: e an ELF file; v an
 * environment, a line for it and one for each part. */
#include "record/elf.h"
#include "record/environment.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 'e')
        elf(data + 1, size - 1);
    if (size > 0 && data[0] == 'v')
        environment(data + 1, size - 1);
    return 0;
}
