/* What a program file is; inside record only. */
#ifndef HPT_RECORD_PROGRAM_H
#define HPT_RECORD_PROGRAM_H

#include "base/digest.h"
#include "base/error.h"

typedef struct {
    HptDigest digest;
    int64_t size;
    char *interpreter; /* of a script: its first line after "#!"; NULL otherwise; owned */
} HptProgramContent;

/* Reads the open file from its beginning to its end. Fails HPT_ERROR_IO. */
bool hpt_program_read(int fd, HptProgramContent *out, GError **error) HPT_WARN_UNUSED;

#endif
