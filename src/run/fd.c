#include "run/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void hpt_fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int hpt_fd_raise(int fd, int least)
{
    if (fd < 0 || fd >= least)
        return fd;
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, least);
    int saved = errno;
    close(fd);
    errno = saved;
    return raised;
}

int hpt_fd_of_bytes(const char *name, const void *bytes, size_t length)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    const char *next = bytes;
    for (size_t left = length; fd >= 0 && left > 0;) {
        ssize_t n = write(fd, next, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int saved = errno;
            hpt_fd_close(&fd);
            errno = saved;
            return -1;
        }
        next += n;
        left -= (size_t)n;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}
