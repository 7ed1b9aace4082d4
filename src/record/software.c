#include "record/software-internal.h"

#include "record/elf.h"
#include "record/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading ---- */

bool hpt_software_lines(const HptCollector *c, const char *path, HptLineFunc func, void *user)
{
    g_autofree char *full = g_strconcat(c->root, path, NULL);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, file)) > 0;) {
        if (line[n - 1] == '\n')
            line[n - 1] = '\0';
        func(line, user);
    }
    free(line);
    fclose(file);
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **hpt_software_list(const HptCollector *c, const char *folder)
{
    g_autofree char *full = g_strconcat(c->root, folder, NULL);
    GPtrArray *names = g_ptr_array_new();
    GDir *dir = g_dir_open(full, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
        g_ptr_array_add(names, g_strdup(name));
    if (dir != NULL)
        g_dir_close(dir);
    g_ptr_array_sort(names, by_bytes);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

char *hpt_software_source(const char *path)
{
    const char *folder = strstr(path, "/__pycache__/");
    if (folder == NULL || !g_str_has_suffix(path, ".pyc"))
        return NULL;
    const char *name = folder + strlen("/__pycache__/");
    return g_strdup_printf("%.*s/%.*s.py", (int)(folder - path), path, (int)strcspn(name, "."), name);
}

/* ---- libraries ---- */

static bool is_library(const char *name)
{
    const char *at = strstr(name, ".so");
    return at != NULL && (at[3] == '\0' || at[3] == '.');
}

static void add_library(HptCollector *c, const HptSoftwareFile *file)
{
    const char *slash = strrchr(file->path, '/');
    const char *name = slash == NULL ? file->path : slash + 1;
    bool library = is_library(name);
    char magic[4] = "", hex[HPT_DIGEST_HEX_SIZE];
    if (!library && strchr(name, '.') != NULL && !g_str_has_prefix(name, "python") &&
        !g_str_has_prefix(name, "perl"))
        return; /* programs have no endings */
    g_autofree char *full = g_strconcat(c->root, file->path, NULL);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return;
    bool elf = pread(fd, magic, sizeof magic, 0) == sizeof magic && memcmp(magic, "\177ELF", 4) == 0;
    g_autofree char *id = elf ? hpt_elf_build_id(fd) : NULL;
    close(fd);
    if (!elf)
        return;
    g_autofree char *value =
        g_strdup_printf("sha256:%s%s%s", hpt_digest_hex(&file->digest, hex),
                        id != NULL ? " build-id:" : "", id != NULL ? id : "");
    g_autofree char *clean = hpt_secret_cut(file->path);
    hpt_collector_add(c, HPT_PART_LIBRARIES, library ? "library" : "program", clean, value);
}

/* ---- R ---- */

/* The folder of the package that a file belongs to, …/library/NAME or …/site-library/NAME; NULL: it belongs
 * to none. Owned. */
static char *r_folder(const char *path)
{
    const char *at = strstr(path, "library/");
    if (at == NULL || at == path || (at[-1] != '/' && !g_str_has_prefix(at - strlen("/site-"), "/site-")))
        return NULL;
    const char *end = strchr(at + strlen("library/"), '/');
    return end == NULL ? NULL : g_strndup(path, (gsize)(end - path));
}

void hpt_software_r(HptCollector *c, const char *const *files)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (; *files != NULL; files++) {
        char *folder = strlen(*files) > strlen("/site-library/") ? r_folder(*files) : NULL;
        if (folder == NULL || !g_hash_table_add(seen, folder))
            continue;
        g_autofree char *path = g_strconcat(folder, "/DESCRIPTION", NULL);
        g_autofree char *text = hpt_collector_slurp(c, path);
        g_autofree char *name = text != NULL ? hpt_collector_field(text, "Package", ':') : NULL;
        g_autofree char *version = text != NULL ? hpt_collector_field(text, "Version", ':') : NULL;
        if (name != NULL)
            hpt_collector_add(c, HPT_PART_INTERPRETER, "r", name, version);
    }
}

/* ---- the whole ---- */

static void copy_items(HptCollector *c, const HptEnvironment *base)
{
    for (HptEnvironmentPartKind part = 0; part < HPT_PART_COUNT; part++)
        for (size_t i = 0; i < base->parts[part].n; i++) {
            const HptEnvironmentItem *item = &base->parts[part].items[i];
            hpt_collector_add(c, part, item->kind, item->name, item->value);
        }
}

HptEnvironment *hpt_software_environment(const HptEnvironment *base, const char *root,
                                         const char *path, const HptSoftwareFile *files, size_t n)
{
    static const char *const nothing[] = {NULL};
    HptCollector c = {.root = root != NULL ? root : "", .environ = nothing};
    for (int i = 0; i < HPT_PART_COUNT; i++)
        c.parts[i] = g_array_new(FALSE, FALSE, sizeof(HptEnvironmentItem));
    copy_items(&c, base);
    g_autofree const char **paths = g_new0(const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        paths[i] = files[i].path;
        add_library(&c, &files[i]);
    }
    g_autofree char *rpm = path == NULL ? NULL : hpt_find_program("rpm", path, NULL);
    hpt_software_dpkg(&c, paths);
    if (rpm != NULL)
        hpt_software_rpm(&c, rpm, paths);
    hpt_software_python(&c, paths);
    hpt_software_r(&c, paths);
    return hpt_environment_build(c.parts);
}
