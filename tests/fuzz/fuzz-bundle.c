/* Bytes from anywhere as a bundle: every input is read to its end or refused with a reason. */
#include "store/bundle.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("bundle", 0);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size ||
        lseek(fd, 0, SEEK_SET) != 0)
        abort();
    GError *error = NULL;
    HptBundleReader *reader = hpt_bundle_open(fd, "x", &error);
    bool end = false;
    while (reader != NULL && !end && error == NULL) {
        HptBundleEntry entry;
        char text[100];
        int64_t total = 0;
        if (!hpt_bundle_next(reader, &entry, &end, &error) || end)
            break;
        /* Every second entry is read here, the others are skipped, which checks them too. */
        for (gssize n = entry.size % 2; n > 0; total += n)
            if ((n = hpt_bundle_read(reader, text, sizeof text, &error)) < 0)
                break;
        g_assert(total <= entry.size);
    }
    g_assert(end || (error != NULL && error->domain == HPT_ERROR));
    g_clear_error(&error);
    hpt_bundle_close(reader);
    return 0;
}
