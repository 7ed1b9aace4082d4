/* flip BUNDLE FLIPS: turns one bit of a bundle at a time, FLIPS of them spread evenly, and cuts it
 * at every length; prints how many of each were found and how many not, and how many flips were
 * accepted with exactly the content of before (a zstd code may have two spellings). */
#include "store/bundle.h"
#include "study/import.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static HptDigest identity;

static bool accepted(int fd, const char *bytes, size_t length)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, bytes, length, 0) != (ssize_t)length ||
        lseek(fd, 0, SEEK_SET) != 0)
        abort();
    g_autoptr(HptBundleReader) reader = hpt_bundle_open(fd, "x", NULL);
    HptBundleEntry entry;
    for (bool end = false; reader != NULL && !end;)
        if (!hpt_bundle_next(reader, &entry, &end, NULL))
            return false;
    if (reader == NULL || !hpt_import_is_kind(hpt_bundle_get_kind(reader)))
        return false;
    identity = hpt_bundle_get_info(reader)->identity;
    return true;
}

int main(int argc, char **argv)
{
    g_autofree char *bytes = NULL;
    gsize n;
    int fd = memfd_create("flip", 0);
    if (argc != 3 || !g_file_get_contents(argv[1], &bytes, &n, NULL) || !accepted(fd, bytes, n)) {
        fprintf(stderr, "usage: flip BUNDLE FLIPS\n");
        return 2;
    }
    const HptDigest original = identity;
    size_t flips = strtoul(argv[2], NULL, 10), found = 0, same = 0, cut = 0;
    for (size_t i = 0; i < flips; i++) {
        size_t bit = (size_t)((__extension__(unsigned __int128) i * n * 8) / flips);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        if (!accepted(fd, bytes, n))
            found++;
        else if (memcmp(&identity, &original, sizeof identity) == 0)
            same++;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t keep = 0; keep < n; keep++)
        cut += !accepted(fd, bytes, keep);
    printf("bytes %zu flips %zu found %zu same %zu missed %zu cuts %zu missed %zu\n", n, flips,
           found, same, flips - found - same, n, n - cut);
    return 0;
}
