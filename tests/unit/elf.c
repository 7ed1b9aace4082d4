/* The build id of ELF files, made here byte by byte. */
#include "record/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const unsigned char id[] = {0xde, 0xad, 0xbe, 0xef};

/* Two notes, the second of which is the one. */
static size_t write_notes(char *out)
{
    Elf64_Nhdr other = {.n_namesz = 6, .n_descsz = 3, .n_type = 1};
    Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = sizeof id, .n_type = NT_GNU_BUILD_ID};
    memset(out, 0, 64);
    memcpy(out, &other, sizeof other);
    memcpy(out + 12, "Other", 6); /* 8 with its padding, then 4 */
    memcpy(out + 24, &note, sizeof note);
    memcpy(out + 36, "GNU", 4);
    memcpy(out + 40, id, sizeof id);
    return 44;
}

static size_t write_wide(char *out)
{
    Elf64_Ehdr file = {.e_phoff = sizeof file, .e_phnum = 2};
    memcpy(file.e_ident, ELFMAG, SELFMAG);
    file.e_ident[EI_CLASS] = ELFCLASS64;
    file.e_ident[EI_DATA] = G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
    size_t notes = sizeof file + 2 * sizeof(Elf64_Phdr), length = write_notes(out + notes);
    Elf64_Phdr headers[2] = {{.p_type = PT_LOAD},
                             {.p_type = PT_NOTE, .p_offset = notes, .p_filesz = length}};
    memcpy(out, &file, sizeof file);
    memcpy(out + sizeof file, headers, sizeof headers);
    return notes + length;
}

static size_t write_narrow(char *out)
{
    Elf32_Ehdr file = {.e_phoff = sizeof file, .e_phnum = 1};
    memcpy(file.e_ident, ELFMAG, SELFMAG);
    file.e_ident[EI_CLASS] = ELFCLASS32;
    file.e_ident[EI_DATA] = G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
    size_t notes = sizeof file + sizeof(Elf32_Phdr), length = write_notes(out + notes);
    Elf32_Phdr header = {
        .p_type = PT_NOTE, .p_offset = (Elf32_Off)notes, .p_filesz = (Elf32_Word)length};
    memcpy(out, &file, sizeof file);
    memcpy(out + sizeof file, &header, sizeof header);
    return notes + length;
}

static char *look(const void *data, size_t length)
{
    int fd = memfd_create("elf", MFD_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, length), ==, (ssize_t)length);
    char *found = hpt_elf_build_id(fd);
    close(fd);
    return found;
}

static void test_found(void)
{
    char file[512];
    g_autofree char *wide = look(file, write_wide(file));
    g_assert_cmpstr(wide, ==, "deadbeef");
    g_autofree char *narrow = look(file, write_narrow(file));
    g_assert_cmpstr(narrow, ==, "deadbeef");
}

/* Cut anywhere there is none; with any byte changed there is one, another or none. */
static void test_damaged(void)
{
    char file[512];
    size_t (*const writers[])(char *) = {write_wide, write_narrow};
    for (size_t w = 0; w < 2; w++) {
        size_t length = writers[w](file);
        for (size_t cut = 0; cut < length; cut++)
            g_assert_null(look(file, cut));
        for (size_t i = 0; i < length; i++) {
            file[i] = (char)~file[i];
            g_autofree char *found = look(file, length);
            g_assert_true(found == NULL || strlen(found) % 2 == 0);
            file[i] = (char)~file[i];
        }
    }
    g_assert_null(look("#!/bin/sh\n", 10));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/elf/found", test_found);
    g_test_add_func("/elf/damaged", test_damaged);
    return g_test_run();
}
