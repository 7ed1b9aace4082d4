#include "store/gate.h"

#include "base/number.h"
#include "store/folder.h"
#include "store/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its shadow is many times what a child may have of memory. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ADDRESS_SANITIZER
#endif

#define LINE_MAX_BYTES ((size_t)64 * 1024 * 1024)

struct HptGate {
    int quarantine;
    int64_t size; /* of it */
    HptBundleInfo info;
    char *kind;         /* in the child */
    GPtrArray *entries; /* of HptGateEntry */
};

HptGateLimits hpt_gate_limits(void)
{
    const int64_t mib = 1024 * 1024;
    return (HptGateLimits){.bytes = 64 * 1024 * mib,
                           .entries = 4000000,
                           .ratio = 1000,
                           .slack = 64 * mib,
                           .memory = 4096 * mib,
                           .cpu_s = 3600};
}

static bool fault(GError **error, HptErrorCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool fault(GError **error, HptErrorCode code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, HPT_ERROR, (int)code, text);
    return false;
}

static void entry_free(void *data)
{
    HptGateEntry *entry = data;
    g_free(entry->path);
    g_free(entry);
}

static void add_entry(HptGate *gate, const char *path, const HptObjectId *id)
{
    HptGateEntry *entry = g_new(HptGateEntry, 1);
    *entry = (HptGateEntry){.path = g_strdup(path), .id = *id, .offset = gate->size};
    g_ptr_array_add(gate->entries, entry);
    gate->size += id->size;
}

void hpt_gate_close(HptGate *gate)
{
    if (gate == NULL)
        return;
    if (gate->quarantine >= 0)
        close(gate->quarantine);
    g_ptr_array_unref(gate->entries);
    g_free(gate->kind);
    g_free(gate);
}

/* ---- the child ---- */

/* Whatever is found in the bytes: nothing can be opened, and what is used up has an end. */
static void confine(const HptGateLimits *limits)
{
    const struct {
        int resource;
        int64_t value;
    } kept[] = {
#ifndef ADDRESS_SANITIZER
        {RLIMIT_AS, limits->memory},
#endif
        {RLIMIT_CPU, limits->cpu_s},
        {RLIMIT_FSIZE, limits->bytes},
        {RLIMIT_CORE, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        struct rlimit limit = {(rlim_t)kept[i].value, (rlim_t)kept[i].value}, old;
        if (getrlimit((__rlimit_resource_t)kept[i].resource, &old) == 0 &&
            old.rlim_max > limit.rlim_max)
            setrlimit((__rlimit_resource_t)kept[i].resource, &limit);
    }
    const struct landlock_ruleset_attr all = {.handled_access_fs =
                                                  (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && rules >= 0)
        syscall(SYS_landlock_restrict_self, rules, 0);
    if (rules >= 0)
        close(rules);
}

static bool check_limits(const HptBundleInfo *info, const HptGateLimits *limits, GError **error)
{
    if (info->entries > limits->entries)
        return fault(error, HPT_ERROR_DATA, "it has %zu entries, and %zu are the limit",
                     info->entries, limits->entries);
    if (info->bytes <= limits->bytes)
        return true;
    g_autofree char *found = hpt_size_text(info->bytes), *limit = hpt_size_text(limits->bytes);
    return fault(error, HPT_ERROR_DATA,
                 "its content is %s, and %s is the limit\nhint: --limit=SIZE raises it", found,
                 limit);
}

static bool copy_entry(HptGate *gate, HptBundleReader *reader, const HptBundleEntry *entry,
                       const HptGateLimits *limits, const char *dir, char *buffer, GError **error)
{
    gssize n;
    int64_t done = gate->size;
    while ((n = hpt_bundle_read(reader, buffer, HPT_STREAM_CHUNK, error)) > 0) {
        done += n;
        if (done > limits->slack && done / limits->ratio > hpt_bundle_get_read(reader))
            return fault(error, HPT_ERROR_DATA,
                         "it unpacks to more than %" G_GINT64_FORMAT " times its size\n"
                         "hint: if that is meant, unpack it first: zstd -d",
                         limits->ratio);
        if (!hpt_stream_write_all(gate->quarantine, buffer, (size_t)n, dir, error))
            return false;
    }
    if (n < 0)
        return false;
    const HptObjectId id = {.digest = entry->digest, .size = entry->size};
    add_entry(gate, entry->path, &id);
    return true;
}

static bool read_all(HptGate *gate, int fd, const char *name, const char *dir,
                     const HptGateLimits *limits, GError **error)
{
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    g_autoptr(HptBundleReader) reader = hpt_bundle_open(fd, name, error);
    if (reader == NULL)
        return false;
    gate->info = *hpt_bundle_get_info(reader);
    gate->kind = g_strdup(hpt_bundle_get_kind(reader));
    HptBundleEntry entry;
    bool ok = check_limits(&gate->info, limits, error), end = false;
    while (ok && hpt_bundle_next(reader, &entry, &end, error) && !end)
        ok = copy_entry(gate, reader, &entry, limits, dir, buffer, error);
    if (!ok && error != NULL && *error != NULL && !g_str_has_prefix((*error)->message, name))
        g_prefix_error(error, "%s: ", name);
    return end;
}

/* What goes to the parent: for each entry and at last for the outcome. */
typedef struct {
    HptObjectId id;
    int32_t length; /* of the path or message that follows */
    int32_t code;   /* -1: an entry; -2: all is well; else that of an error */
} Note;

static bool tell(int fd, int32_t code, const HptObjectId *id, const char *text)
{
    Note note = {.length = (int32_t)strlen(text), .code = code};
    if (id != NULL)
        note.id = *id;
    return hpt_stream_write_all(fd, &note, sizeof note, "", NULL) &&
           hpt_stream_write_all(fd, text, (size_t)note.length, "", NULL);
}

static void child(HptGate *gate, int fd, int out, const char *name, const char *dir,
                  const HptGateLimits *limits, HptGateCheck check, void *user)
{
    g_autoptr(GError) error = NULL;
    confine(limits);
    bool ok = read_all(gate, fd, name, dir, limits, &error);
    if (ok && !check(gate, user, &error)) {
        g_prefix_error(&error, "%s: ", name);
        ok = false;
    }
    if (!ok) {
        /* Cut to what the parent takes. */
        g_autofree char *head =
            g_utf8_substring(error->message, 0, MIN(g_utf8_strlen(error->message, -1), 4000));
        (void)!tell(out, error->domain == HPT_ERROR ? error->code : HPT_ERROR_DATA, NULL, head);
        return;
    }
    for (guint i = 0; ok && i < gate->entries->len; i++) {
        const HptGateEntry *entry = gate->entries->pdata[i];
        ok = tell(out, -1, &entry->id, entry->path);
    }
    const HptObjectId whole = {.digest = gate->info.identity, .size = gate->info.bytes};
    if (ok)
        (void)!tell(out, -2, &whole, "");
}

/* ---- the parent ---- */

/* False at the end or after anything that is no note. */
static bool read_exactly(int fd, void *buffer, size_t length)
{
    char *at = buffer;
    while (length > 0) {
        ssize_t n = read(fd, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

/* Takes what the child says until the outcome. *said: there was one. */
static bool listen_to(HptGate *gate, int fd, const HptGateLimits *limits, bool *said,
                      GError **error)
{
    Note note;
    while (read_exactly(fd, &note, sizeof note)) {
        if (note.length < 0 || note.length > 32768)
            return false;
        g_autofree char *text = g_malloc0((size_t)note.length + 1);
        if (!read_exactly(fd, text, (size_t)note.length))
            return false;
        const HptGateEntry *last =
            gate->entries->len > 0 ? gate->entries->pdata[gate->entries->len - 1] : NULL;
        if (note.code == -1) {
            if (!hpt_bundle_path_check(text, NULL) || note.id.size < 0 ||
                note.id.size > limits->bytes - gate->size ||
                gate->entries->len >= limits->entries ||
                (last != NULL && strcmp(last->path, text) >= 0))
                return false;
            add_entry(gate, text, &note.id);
            continue;
        }
        *said = true;
        if (note.code != -2) {
            g_autofree char *shown = g_utf8_make_valid(text, -1);
            return fault(error, note.code < 0 ? HPT_ERROR_DATA : (HptErrorCode)note.code, "%s",
                         shown);
        }
        gate->info = (HptBundleInfo){
            .identity = note.id.digest, .entries = 1 + gate->entries->len, .bytes = note.id.size};
        return true;
    }
    return false;
}

static bool run_child(HptGate *gate, int fd, const char *name, const char *dir,
                      const HptGateLimits *limits, HptGateCheck check, void *user, GError **error)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0) {
        hpt_error_set_errno(error, errno, "cannot make a pipe");
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        if (getppid() == parent)
            child(gate, fd, ends[1], name, dir, limits, check, user);
        _exit(0);
    }
    int errnum = errno, status = 0;
    close(ends[1]);
    bool said = false, ok = pid > 0 && listen_to(gate, ends[0], limits, &said, error);
    close(ends[0]);
    if (pid < 0) {
        hpt_error_set_errno(error, errnum, "cannot make a process");
        return false;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!said && WIFSIGNALED(status))
        return fault(error, HPT_ERROR_DATA,
                     "%s: reading it was ended by signal %d: it took more memory or time than it "
                     "may, or hit a fault of hpt",
                     name, WTERMSIG(status));
    return said ? ok : fault(error, HPT_ERROR_DATA, "%s: reading it failed", name);
}

HptGate *hpt_gate_open(int fd, const char *name, const char *dir, const HptGateLimits *limits,
                       HptGateCheck check, void *user, GError **error)
{
    g_autoptr(HptGate) gate = g_new0(HptGate, 1);
    gate->entries = g_ptr_array_new_with_free_func(entry_free);
    gate->quarantine = hpt_store_unnamed_file(dir, error);
    if (gate->quarantine < 0 || !run_child(gate, fd, name, dir, limits, check, user, error))
        return NULL;
    return g_steal_pointer(&gate);
}

/* ---- reading what is in the gate ---- */

const HptBundleInfo *hpt_gate_get_info(const HptGate *gate)
{
    return &gate->info;
}

const char *hpt_gate_peek_kind(const HptGate *gate)
{
    return gate->kind;
}

size_t hpt_gate_count(const HptGate *gate)
{
    return gate->entries->len;
}

const HptGateEntry *hpt_gate_peek(const HptGate *gate, size_t i)
{
    return gate->entries->pdata[i];
}

const HptGateEntry *hpt_gate_find(const HptGate *gate, const char *path)
{
    size_t low = 0, high = gate->entries->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const HptGateEntry *entry = gate->entries->pdata[middle];
        int order = strcmp(path, entry->path);
        if (order == 0)
            return entry;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool hpt_gate_read(const HptGate *gate, const HptGateEntry *entry, int64_t offset, void *buffer,
                   size_t length, GError **error)
{
    g_assert(offset >= 0 && (int64_t)length <= entry->id.size - offset);
    gssize n = hpt_stream_read_at(gate->quarantine, buffer, length, entry->offset + offset);
    if (n != (gssize)length)
        hpt_error_set_errno(error, n < 0 ? errno : EIO, "reading the quarantine");
    return n == (gssize)length;
}

bool hpt_gate_lines(const HptGate *gate, const HptGateEntry *entry, HptGateLine line, void *user,
                    GError **error)
{
    g_autofree char *buffer = g_malloc(HPT_STREAM_CHUNK);
    g_autoptr(GString) held = g_string_new(NULL);
    int64_t number = 0, done = 0;
    bool ok = true;
    while (ok && done < entry->id.size) {
        size_t n = (size_t)MIN((int64_t)HPT_STREAM_CHUNK, entry->id.size - done);
        if (!hpt_gate_read(gate, entry, done, buffer, n, error))
            return false;
        done += (int64_t)n;
        const char *at = buffer, *stop = buffer + n, *end;
        while (ok && (end = memchr(at, '\n', (size_t)(stop - at))) != NULL) {
            g_string_append_len(held, at, end - at);
            number++;
            ok = line(held->str, held->len, user, error);
            g_string_truncate(held, 0);
            at = end + 1;
        }
        if (ok)
            g_string_append_len(held, at, stop - at);
        if (ok && held->len > LINE_MAX_BYTES) {
            number++;
            ok = fault(error, HPT_ERROR_DATA, "the line is longer than 64 MiB");
        }
    }
    if (ok && held->len > 0) {
        number++;
        ok = fault(error, HPT_ERROR_DATA, "the last line has no end");
    }
    if (!ok)
        g_prefix_error(error, "%s:%" G_GINT64_FORMAT ": ", entry->path, number);
    return ok;
}
