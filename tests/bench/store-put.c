/* The object store against the clock: what tests/bench/store runs.
 *
 *     store-put put STORE PATH...     all files (or those of a folder) in one batch
 *     store-put each STORE PATH...    a batch for each
 *     store-put check STORE PATH...   reads the objects of these files and checks them
 *     store-put sha256 PATH...        OpenSSL's SHA-256 of their bytes in memory
 * prints seconds of wall and CPU and megabytes, tab-separated; check's own hashing of the files is not
 * in them. */
#include "store/batch.h"
#include "base/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what, const GError *error)
{
    fprintf(stderr, "store-put: %s: %s\n", what, error == NULL ? "failed" : error->message);
    exit(1);
}

static GPtrArray *files_of(int argc, char **argv, int first)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    for (int i = first; i < argc; i++) {
        GDir *dir = g_dir_open(argv[i], 0, NULL);
        if (dir == NULL)
            g_ptr_array_add(files, g_strdup(argv[i]));
        for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;)
            g_ptr_array_add(files, g_build_filename(argv[i], name, NULL));
        if (dir != NULL)
            g_dir_close(dir);
    }
    return files;
}

static void put(HptStore *store, GPtrArray *files, bool each)
{
    GError *error = NULL;
    HptBatch *batch = NULL;
    for (guint i = 0; i < files->len; i++) {
        HptObjectId id;
        int fd = open(files->pdata[i], O_RDONLY | O_CLOEXEC);
        if (batch == NULL)
            batch = hpt_batch_begin(store);
        if (fd < 0 || !hpt_batch_put_fd(batch, fd, files->pdata[i], &id, &error))
            fail(files->pdata[i], error);
        close(fd);
        if (!each && i + 1 < files->len)
            continue;
        if (!hpt_batch_commit(batch, &error))
            fail("commit", error);
        g_clear_pointer(&batch, hpt_batch_free);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    bool sha256 = strcmp(argv[1], "sha256") == 0, check = strcmp(argv[1], "check") == 0;
    GPtrArray *files = files_of(argc, argv, sha256 ? 2 : 3);
    HptObjectId *ids = g_new(HptObjectId, files->len + 1);
    GError *error = NULL;
    double bytes = 0, wall = 0, cpu = 0;
    for (guint i = 0; i < files->len; i++) {
        struct stat info;
        char *content;
        gsize length;
        if (stat(files->pdata[i], &info) != 0)
            fail(files->pdata[i], NULL);
        bytes += (double)info.st_size;
        if (!sha256 && !check)
            continue;
        if (!g_file_get_contents(files->pdata[i], &content, &length, NULL))
            fail(files->pdata[i], NULL);
        int64_t begin = hpt_time_monotonic_us();
        double before = cpu_s();
        ids[i] = hpt_object_id(content, length);
        if (sha256) {
            cpu += cpu_s() - before;
            wall += (double)(hpt_time_monotonic_us() - begin) / 1e6;
        }
        g_free(content);
    }
    if (!sha256) {
        int64_t begin = hpt_time_monotonic_us();
        double before = cpu_s();
        HptStore *store = hpt_store_open(argv[2], &error);
        if (store == NULL)
            fail(argv[2], error);
        for (guint i = 0; check && i < files->len; i++)
            if (!hpt_object_check(store, &ids[i], &error))
                fail(files->pdata[i], error);
        if (!check)
            put(store, files, strcmp(argv[1], "each") == 0);
        hpt_store_close(store);
        cpu = cpu_s() - before;
        wall = (double)(hpt_time_monotonic_us() - begin) / 1e6;
    }
    printf("wall_s\t%.4f\ncpu_s\t%.4f\nmegabytes\t%.3f\n", wall, cpu, bytes / 1e6);
    g_ptr_array_unref(files);
    g_free(ids);
    return 0;
}
