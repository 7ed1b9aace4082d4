/* The end of a scan: which rule gives which number. */
#include "run/jsonscan.h"
#include "run/scanstate.h"
#include "run/textrule.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_MAX (16 << 20)

/* ---- the last line ---- */

typedef struct {
    HptScan *scan;
    int64_t numbers;
} LastLine;

static void put_line_number(HptScan *scan, const char *name, double value, size_t offset,
                            size_t length)
{
    HptScanEntry *entry = hpt_scan_entry(scan, name, &scan->line_names);
    if (entry != NULL)
        hpt_candidate_put(&entry->line, value, NULL, scan->last_offset + (int64_t)offset,
                          (int64_t)length);
}

static bool last_leaf(const HptLeaf *leaf, void *user)
{
    LastLine *line = user;
    if (*leaf->path == '\0')
        return leaf->kind == HPT_LEAF_OBJECT; /* only an object is meant */
    if (leaf->kind != HPT_LEAF_NUMBER && leaf->kind != HPT_LEAF_BOOL)
        return true;
    g_autofree char *name = hpt_json_path_name(leaf->path, "");
    if (hpt_metric_name_valid(name, strlen(name)))
        put_line_number(line->scan, name, leaf->number, leaf->offset, leaf->length);
    else
        line->scan->result.names_dropped++;
    line->numbers++;
    return true;
}

static bool check_leaf(const HptLeaf *leaf, void *user)
{
    (void)user;
    return *leaf->path != '\0' || leaf->kind == HPT_LEAF_OBJECT;
}

static void last_word(const HptTextNumber *number, void *user)
{
    put_line_number(user, number->name, number->value, number->offset, number->length);
}

static void read_last_line(HptScan *scan)
{
    if (scan->last == NULL || scan->last->len == 0 || scan->last_cut)
        return;
    const char *text = scan->last->str, *reason;
    size_t length = scan->last->len;
    LastLine line = {scan, 0};
    HptTextNumber bare;
    if (hpt_json_scan(text, length, check_leaf, NULL, &reason)) {
        if (hpt_json_scan(text, length, last_leaf, &line, &reason) && line.numbers > 0)
            scan->line_rule = HPT_RULE_JSON;
    } else if (hpt_text_words(text, length, last_word, scan)) {
        scan->line_rule = HPT_RULE_WORDS;
    } else if (hpt_text_bare(text, length, &bare)) {
        scan->line_rule = HPT_RULE_NUMBER;
        hpt_candidate_put(&scan->bare, bare.value, NULL, scan->last_offset + (int64_t)bare.offset,
                          (int64_t)bare.length);
    }
}

/* ---- pointers into JSON ---- */

typedef struct {
    const char *pointer;
    bool found;
    HptLeaf leaf;
} Lookup;

static bool lookup_leaf(const HptLeaf *leaf, void *user)
{
    Lookup *lookup = user;
    bool number = leaf->kind == HPT_LEAF_NUMBER || leaf->kind == HPT_LEAF_BOOL;
    if (number && strcmp(leaf->path, lookup->pointer) == 0) {
        lookup->found = true;
        lookup->leaf = *leaf;
    }
    return true;
}

static bool look_up(const char *text, size_t length, const char *pointer, Lookup *lookup,
                    const char **reason)
{
    *lookup = (Lookup){.pointer = pointer};
    *reason = "no number there";
    return hpt_json_scan(text, length, lookup_leaf, lookup, reason) && lookup->found;
}

static void set_found(HptFound *found, HptRule rule, HptPlace place, const HptCandidate *from)
{
    found->found = true;
    found->rule = rule;
    found->place = place;
    found->value = from->value;
    found->has_step = from->has_step;
    found->step = from->step;
    found->offset = from->offset;
    found->length = from->length;
    found->count = from->count;
}

static void set_looked_up(HptFound *found, HptRule rule, HptPlace place, const HptLeaf *leaf,
                          int64_t base)
{
    HptCandidate candidate = {0};
    hpt_candidate_put(&candidate, leaf->number, NULL, base + (int64_t)leaf->offset,
                      (int64_t)leaf->length);
    set_found(found, rule, place, &candidate);
}

static void find_json(HptScan *scan, HptFound *found, const char *output, size_t output_length)
{
    const char *pointer = found->metric->pointer, *reason;
    Lookup lookup;
    if (scan->last != NULL && !scan->last_cut &&
        look_up(scan->last->str, scan->last->len, pointer, &lookup, &reason))
        set_looked_up(found, HPT_RULE_JSON, HPT_PLACE_STDOUT, &lookup.leaf, scan->last_offset);
    else if (output != NULL && look_up(output, output_length, pointer, &lookup, &reason))
        set_looked_up(found, HPT_RULE_JSON, HPT_PLACE_STDOUT, &lookup.leaf, 0);
}

/* ---- files ---- */

/* A relative path stays below the trial's directory, whatever links the trial made. */
static int open_metric_file(int directory, const char *path)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (g_path_is_absolute(path))
        return open(path, flags);
    if (directory < 0) {
        errno = ENOENT;
        return -1;
    }
    struct open_how how = {.flags = (__u64)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM) && strstr(path, "..") == NULL)
        return openat(directory, path, flags | O_NOFOLLOW);
    return (int)fd;
}

/* The whole of a regular file, or NULL and *reason. */
static GByteArray *read_metric_file(int directory, const char *path, char **reason)
{
    int fd = open_metric_file(directory, path);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat) != 0) {
        *reason = g_strdup(g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    if (!S_ISREG(stat.st_mode))
        *reason = g_strdup("not a regular file");
    while (*reason == NULL) {
        char buffer[32768];
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            *reason = g_strdup(g_strerror(errno));
        if (n <= 0)
            break;
        g_byte_array_append(bytes, (const guint8 *)buffer, (guint)n);
        if (bytes->len > FILE_MAX)
            *reason = g_strdup("larger than 16 MiB");
    }
    close(fd);
    return *reason == NULL ? g_steal_pointer(&bytes) : NULL;
}

/* Without a pointer: the file is a number, or an object with the metric's name. */
static void find_file(HptFound *found, int directory, char **reason)
{
    const HptMetric *metric = found->metric;
    g_autoptr(GByteArray) bytes = read_metric_file(directory, metric->path, reason);
    if (bytes == NULL)
        return;
    const char *text = (const char *)bytes->data, *why = NULL;
    HptTextNumber bare;
    if (metric->pointer == NULL && bytes->len > 0 && hpt_text_bare(text, bytes->len, &bare)) {
        HptCandidate candidate = {0};
        hpt_candidate_put(&candidate, bare.value, NULL, (int64_t)bare.offset, (int64_t)bare.length);
        set_found(found, HPT_RULE_FILE, HPT_PLACE_FILE, &candidate);
        return;
    }
    g_autofree char *member = g_strconcat("/", metric->name, NULL);
    if (metric->pointer == NULL) {
        g_auto(GStrv) parts = g_strsplit(metric->name, "/", -1);
        g_autofree char *escaped = g_strjoinv("~1", parts);
        g_free(member);
        member = g_strconcat("/", escaped, NULL);
    }
    Lookup lookup;
    if (look_up(text, bytes->len, metric->pointer != NULL ? metric->pointer : member, &lookup,
                &why))
        set_looked_up(found, HPT_RULE_FILE, HPT_PLACE_FILE, &lookup.leaf, 0);
    else
        *reason = g_strdup(why != NULL ? why : "no number there");
}

/* ---- one declared metric ---- */

static void find_measured(HptFound *found, const HptEnd *end)
{
    HptCandidate candidate = {0};
    double value = 0;
    switch (found->metric->source) {
    case HPT_SOURCE_TIME:
        value = (double)end->wall_us / 1e6;
        break;
    case HPT_SOURCE_CPU:
        value = (double)(end->user_us + end->system_us) / 1e6;
        break;
    case HPT_SOURCE_MAXRSS:
        value = (double)end->maxrss_bytes;
        break;
    default:
        value = end->status;
        break;
    }
    hpt_candidate_put(&candidate, value, NULL, 0, 0);
    set_found(found, HPT_RULE_MEASURED, HPT_PLACE_NONE, &candidate);
}

static bool is_first_auto_objective(const HptScan *scan, const HptMetric *metric)
{
    for (size_t i = 0; scan->declared[i] != NULL; i++) {
        const HptMetric *other = scan->declared[i]->metric;
        if (hpt_metric_is_objective(other) && other->source == HPT_SOURCE_AUTO)
            return other == metric;
    }
    return false;
}

static void find_auto(HptScan *scan, const HptScanEntry *entry, HptFound *found)
{
    if (entry->report.count > 0)
        set_found(found, HPT_RULE_REPORT, HPT_PLACE_REPORT, &entry->report);
    else if (entry->line.count > 0)
        set_found(found, scan->line_rule, HPT_PLACE_STDOUT, &entry->line);
    else if (entry->text.count > 0)
        set_found(found, HPT_RULE_TEXT, HPT_PLACE_STDOUT, &entry->text);
    else if (scan->bare.count > 0 && is_first_auto_objective(scan, found->metric))
        set_found(found, HPT_RULE_NUMBER, HPT_PLACE_STDOUT, &scan->bare);
}

/* Fills in found; *reason says more about a file that gives nothing. */
static void find_declared(HptScan *scan, const HptScanEntry *entry, HptFound *found,
                          const HptEnd *end, const char *output, size_t output_length,
                          int directory, char **reason)
{
    switch (found->metric->source) {
    case HPT_SOURCE_AUTO:
        find_auto(scan, entry, found);
        break;
    case HPT_SOURCE_RE:
        if (entry->re_out.count > 0)
            set_found(found, HPT_RULE_RE, HPT_PLACE_STDOUT, &entry->re_out);
        else if (entry->re_err.count > 0)
            set_found(found, HPT_RULE_RE, HPT_PLACE_STDERR, &entry->re_err);
        break;
    case HPT_SOURCE_JSON:
        find_json(scan, found, output, output_length);
        break;
    case HPT_SOURCE_FILE:
        find_file(found, directory, reason);
        break;
    case HPT_SOURCE_TIME:
    case HPT_SOURCE_CPU:
    case HPT_SOURCE_MAXRSS:
    case HPT_SOURCE_EXIT:
        find_measured(found, end);
        break;
    }
}

/* Why a declared value cannot count, or NULL. */
static char *judge(const HptScan *scan, const HptFound *found, const char *reason)
{
    const HptMetric *metric = found->metric;
    if (!hpt_metric_is_objective(metric) && !hpt_metric_is_constraint(metric))
        return NULL;
    if (found->found && isnan(found->value))
        return g_strdup_printf("'%s' is not a number (NaN)", metric->name);
    if (found->found && isinf(found->value))
        return g_strdup_printf("'%s' is infinite", metric->name);
    if (found->found)
        return NULL;
    const char *silent = scan->out.total == 0 ? "; the command printed nothing"
                         : scan->long_line   ? "; of lines longer than 64 KiB only the beginning counts"
                                             : "";
    switch (metric->source) {
    case HPT_SOURCE_RE:
        return g_strdup_printf("no value for '%s': '%s' matches no number in the output%s",
                               metric->name, metric->pattern, silent);
    case HPT_SOURCE_JSON:
        return g_strdup_printf("no value for '%s': the output has no JSON with a number at '%s'%s",
                               metric->name, metric->pointer, silent);
    case HPT_SOURCE_FILE:
        return g_strdup_printf("no value for '%s': file '%s'%s%s: %s", metric->name, metric->path,
                               metric->pointer != NULL ? " at " : "",
                               metric->pointer != NULL ? metric->pointer : "",
                               reason != NULL ? reason : "no number there");
    default:
        return g_strdup_printf("no value for '%s': no report, and nothing like '%s: 0.5' or "
                               "'%s=0.5' in the output%s",
                               metric->name, metric->name, metric->name, silent);
    }
}

/* ---- undeclared numbers ---- */

static int compare_found(gconstpointer a, gconstpointer b)
{
    return strcmp(((const HptFound *)a)->name, ((const HptFound *)b)->name);
}

static void add_undeclared(HptScan *scan)
{
    GHashTableIter iter;
    gpointer value;
    guint first = scan->found->len;
    bool line = scan->line_rule == HPT_RULE_JSON || scan->line_rule == HPT_RULE_WORDS;
    g_hash_table_iter_init(&iter, scan->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const HptScanEntry *entry = value;
        HptFound found = {.name = entry->name};
        if (entry->metric != NULL)
            continue;
        if (scan->reports > 0 ? entry->report.count > 0 : line ? entry->line.count > 0 : true)
            find_auto(scan, entry, &found);
        if (found.found)
            g_array_append_val(scan->found, found);
    }
    if (scan->found->len > first)
        qsort(&g_array_index(scan->found, HptFound, first), scan->found->len - first,
              sizeof(HptFound), compare_found);
}

const HptScanned *hpt_scan_end(HptScan *scan, const HptEnd *end, const char *output,
                               size_t output_length, int directory_fd)
{
    HptScanned *result = &scan->result;
    if (scan->ended)
        return result;
    scan->ended = true;
    hpt_scan_finish_lines(scan);
    read_last_line(scan);
    scan->found = g_array_new(FALSE, TRUE, sizeof(HptFound));
    scan->problem = g_steal_pointer(&scan->fail_reason);
    for (size_t i = 0; scan->declared[i] != NULL; i++) {
        g_autofree char *reason = NULL;
        HptFound found = {.name = scan->declared[i]->name, .metric = scan->declared[i]->metric};
        find_declared(scan, scan->declared[i], &found, end, output, output_length, directory_fd,
                      &reason);
        if (scan->problem == NULL)
            scan->problem = judge(scan, &found, reason);
        g_array_append_val(scan->found, found);
    }
    add_undeclared(scan);
    result->found = (const HptFound *)scan->found->data;
    result->n = scan->found->len;
    result->problem = scan->problem;
    return result;
}
