#include "study/software-now.h"

#include "record/codetext.h"
#include "record/digestcache.h"
#include "record/program.h"
#include "record/software.h"
#include "study/identity.h"
#include "study/intake.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The digest of a file as it is now. */
static bool digest_of(HptDigestCache *cache, const char *path, HptDigest *out)
{
    HptFileDigest found = {0};
    struct stat before, after;
    if (stat(path, &before) != 0 || !S_ISREG(before.st_mode))
        return false;
    bool ok = hpt_digest_cache_find(cache, &before, &found);
    int fd = ok ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0) {
        HptProgramContent content = {0};
        g_autoptr(GError) ignored = NULL;
        ok = hpt_program_read(fd, &content, &ignored) && fstat(fd, &after) == 0 &&
             is_same(&before, &after);
        g_free(content.interpreter);
        found.digest = content.digest;
        close(fd);
    }
    *out = found.digest;
    return ok;
}

static bool knows_software(const HptRecorded *run)
{
    for (guint i = 0; i < run->facts->len; i++) {
        const HptItem *fact = run->facts->pdata[i];
        if (strcmp(fact->kind, "program") == 0 || strcmp(fact->kind, "library") == 0)
            return true;
    }
    return false;
}

HptEnvironment *hpt_software_now(HptDb *db, const HptRecorded *run, const HptEnvironment *base,
                                 const char *project, const char *path, GError **error)
{
    if (!knows_software(run))
        return NULL;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, run->study);
    hpt_args_int8(args, run->trial);
    hpt_args_int4(args, run->attempt);
    g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_RECORDED_INPUTS, args, error);
    if (rows == NULL)
        return NULL;
    static const char *const nobody[] = {NULL};
    g_autoptr(HptIdentity) identity = hpt_identity_new(nobody);
    g_autofree char *folder = project == NULL ? NULL : g_build_filename(project, ".hpt", NULL);
    g_autofree char *store = folder == NULL ? NULL : hpt_intake_cache(folder, identity->host);
    g_autoptr(HptDigestCache) cache =
        hpt_digest_cache_new(store, identity->host, identity->boot_id);
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) files = g_array_new(false, false, sizeof(HptSoftwareFile));
    for (size_t i = 0; i < hpt_rows_count(rows); i++) {
        g_autofree char *name = g_strdup(hpt_rows_peek_text(rows, i, 0));
        if (!hpt_code_unescape(name) ||
            !(hpt_rows_bool(rows, i, 2) || hpt_intake_is_software(name)))
            continue;
        HptSoftwareFile file = {
            .path = *name == '/' || project == NULL ? g_strdup(name)
                                                    : g_build_filename(project, name, NULL)};
        g_ptr_array_add(paths, (gpointer)file.path);
        if (digest_of(cache, file.path, &file.digest))
            g_array_append_val(files, file);
    }
    return hpt_software_environment(base, NULL, path,
                                    (const HptSoftwareFile *)(void *)files->data, files->len);
}
