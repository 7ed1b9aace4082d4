/* Descriptors: what several files of this folder do with them. Internal to run/. */
#ifndef HPT_RUN_FD_H
#define HPT_RUN_FD_H

#include "base/error.h"

/* Closes *fd if there is one, and sets it to -1. */
void hpt_fd_close(int *fd);

/* The same file as a descriptor not below least, close-on-exec; fd, when it is lower, is closed. A
 * negative fd is handed through. -1: errno. */
int hpt_fd_raise(int fd, int least);

/* A file in memory that holds bytes, to be read from its beginning; -1: errno. */
int hpt_fd_of_bytes(const char *name, const void *bytes, size_t length);

#endif
