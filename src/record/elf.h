/* The build id of a program or library: what its linker wrote into it to tell builds apart. */
#ifndef HPT_RECORD_ELF_H
#define HPT_RECORD_ELF_H

#include "base/error.h"

/* The note NT_GNU_BUILD_ID of an open ELF file of this machine's byte order, in hexadecimal; owned.
 * NULL: it is no such file, or has none. The offset is not used and not moved. Nothing in the file
 * is believed: at most 64 program headers and 64 KiB of notes are read. */
char *hpt_elf_build_id(int fd);

#endif
