#include "record/elf.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MAX 64
#define NOTES_MAX ((size_t)64 << 10)
#define ID_MAX 64 /* bytes; linkers write 16 or 20 */

static bool read_at(int fd, void *out, size_t length, uint64_t offset)
{
    if (offset > INT64_MAX)
        return false;
    return pread(fd, out, length, (off_t)offset) == (ssize_t)length;
}

/* Both classes have the same note header. */
static char *find_note(const unsigned char *notes, size_t length)
{
    size_t at = 0;
    Elf64_Nhdr note;
    while (length - at >= sizeof note) {
        memcpy(&note, notes + at, sizeof note);
        at += sizeof note;
        size_t name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
        size_t body = ((size_t)note.n_descsz + 3) & ~(size_t)3;
        if (name > length - at || body > length - at - name)
            return NULL;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            memcmp(notes + at, "GNU", 4) == 0 && note.n_descsz > 0 && note.n_descsz <= ID_MAX) {
            GString *hex = g_string_new(NULL);
            for (size_t i = 0; i < note.n_descsz; i++)
                g_string_append_printf(hex, "%02x", notes[at + name + i]);
            return g_string_free(hex, FALSE);
        }
        at += name + body;
    }
    return NULL;
}

static char *look_into(int fd, uint64_t offset, uint64_t size)
{
    if (size == 0 || size > NOTES_MAX)
        return NULL;
    g_autofree unsigned char *notes = g_malloc((size_t)size);
    return read_at(fd, notes, (size_t)size, offset) ? find_note(notes, (size_t)size) : NULL;
}

/* The program header at offset, of either class, as the larger one. */
static bool read_header(int fd, bool wide, uint64_t offset, Elf64_Phdr *out)
{
    Elf32_Phdr narrow;
    if (wide)
        return read_at(fd, out, sizeof *out, offset);
    if (!read_at(fd, &narrow, sizeof narrow, offset))
        return false;
    *out = (Elf64_Phdr){
        .p_type = narrow.p_type, .p_offset = narrow.p_offset, .p_filesz = narrow.p_filesz};
    return true;
}

char *hpt_elf_build_id(int fd)
{
    static const unsigned char order = G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;
    Elf64_Ehdr file = {0};
    Elf32_Ehdr narrow;
    unsigned char ident[EI_NIDENT];
    if (!read_at(fd, ident, sizeof ident, 0) || memcmp(ident, ELFMAG, SELFMAG) != 0 ||
        ident[EI_DATA] != order)
        return NULL;
    bool wide = ident[EI_CLASS] == ELFCLASS64;
    if (wide ? !read_at(fd, &file, sizeof file, 0) : !read_at(fd, &narrow, sizeof narrow, 0))
        return NULL;
    uint64_t offset = wide ? file.e_phoff : narrow.e_phoff;
    unsigned n = wide ? file.e_phnum : narrow.e_phnum;
    size_t step = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    for (unsigned i = 0; i < MIN(n, HEADERS_MAX); i++) {
        Elf64_Phdr header;
        if (offset > INT64_MAX || !read_header(fd, wide, offset + i * step, &header))
            return NULL;
        char *found =
            header.p_type == PT_NOTE ? look_into(fd, header.p_offset, header.p_filesz) : NULL;
        if (found != NULL)
            return found;
    }
    return NULL;
}
