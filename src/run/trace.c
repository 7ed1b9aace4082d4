#include "run/trace.h"

#include "base/text.h"
#include "run/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

typedef struct {
    HptTrace trace; /* first: what others see */
    char *reason;
    void *map, *kept;
    size_t map_bytes, kept_bytes;
} Own;

static void *map_file(int fd, size_t *bytes)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size <= 0)
        return NULL;
    *bytes = (size_t)status.st_size;
    void *map = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const HptTraceFile *)a)->path, ((const HptTraceFile *)b)->path);
}

/* False: not what a helper writes. */
static bool read_item(Own *own, const char **next, const char *end, HptTraceFile *file)
{
    HptTraceItem item;
    if ((size_t)(end - *next) < sizeof item)
        return false;
    memcpy(&item, *next, sizeof item);
    const char *path = *next + sizeof item;
    size_t room = (size_t)(end - path), length = item.path_bytes;
    if (length == 0 || length > room || path[length - 1] != '\0' || item.size < 0)
        return false;
    *next = path + MIN((length + 7) / 8 * 8, room);
    *file = (HptTraceFile){
        .path = path,
        .roles = item.roles,
        .before = item.before,
        .mode = item.mode,
        .dev = item.dev,
        .ino = item.ino,
        .size = item.size,
        .mtime_ns = item.mtime_ns,
        .ctime_ns = item.ctime_ns,
        .keep = (HptTraceKeep)item.keep,
    };
    if (item.keep != HPT_TRACE_KEPT)
        return true;
    if (item.kept_at < 0 || item.kept_bytes < 0 || (size_t)item.kept_at > own->kept_bytes ||
        (size_t)item.kept_bytes > own->kept_bytes - (size_t)item.kept_at)
        return false;
    file->content = item.kept_bytes == 0 ? "" : (const char *)own->kept + item.kept_at;
    file->content_bytes = (size_t)item.kept_bytes;
    return true;
}

static bool read_all(Own *own)
{
    HptTraceHead head;
    if (own->map == NULL || own->map_bytes < sizeof head)
        return false;
    memcpy(&head, own->map, sizeof head);
    const char *next = (const char *)own->map + sizeof head;
    const char *end = (const char *)own->map + own->map_bytes;
    if (head.bytes != own->map_bytes || head.n_files > own->map_bytes / sizeof(HptTraceItem))
        return false;
    g_autofree HptTraceFile *files = g_new(HptTraceFile, head.n_files + 1);
    for (uint64_t i = 0; i < head.n_files; i++) {
        if (!read_item(own, &next, end, &files[i]))
            return false;
        own->trace.shared = own->trace.shared || files[i].before != 0;
    }
    qsort(files, head.n_files, sizeof *files, by_path);
    own->trace.n = head.n_files;
    own->trace.files = g_steal_pointer(&files);
    own->trace.complete = head.complete != 0;
    own->trace.refused = head.refused != 0;
    if (head.complete == 0)
        own->reason =
            hpt_text_printable(head.reason, (gssize)strnlen(head.reason, sizeof head.reason));
    return true;
}

HptTrace *hpt_trace_take(int fd, int kept)
{
    Own *own = g_new0(Own, 1);
    own->map = map_file(fd, &own->map_bytes);
    own->kept = map_file(kept, &own->kept_bytes);
    if (own->kept == NULL)
        own->kept_bytes = 0;
    hpt_fd_close(&fd);
    hpt_fd_close(&kept);
    if (!read_all(own))
        own->reason = g_strdup("the tracer has said nothing");
    own->trace.reason = own->reason;
    return &own->trace;
}

void hpt_trace_limit(HptTrace *trace, const char *reason)
{
    Own *own = (Own *)trace;
    if (!trace->complete)
        return;
    trace->complete = false;
    trace->reason = own->reason = g_strdup(reason);
}

void hpt_trace_free(HptTrace *trace)
{
    Own *own = (Own *)trace;
    if (trace == NULL)
        return;
    if (own->map != NULL)
        munmap(own->map, own->map_bytes);
    if (own->kept != NULL)
        munmap(own->kept, own->kept_bytes);
    g_free((void *)trace->files);
    g_free(own->reason);
    g_free(own);
}

size_t hpt_trace_count(const HptTrace *trace, uint32_t roles)
{
    size_t n = 0;
    for (size_t i = 0; i < trace->n; i++)
        n += (trace->files[i].roles & roles) != 0;
    return n;
}
