#include "record/codetext.h"

#include <stdio.h>
#include <string.h>

#define MAGIC "hpt-code/1\n"

static const char *const kinds[] = {
    [HPT_CODE_FILE] = "file",
    [HPT_CODE_LINK] = "link",
    [HPT_CODE_FOLDER] = "folder",
    [HPT_CODE_MISSING] = "missing",
};

/* ---- writing ---- */

void hpt_code_append_field(GString *out, const char *field)
{
    for (const char *at = field == NULL ? "" : field; *at != '\0';) {
        const char *end = NULL;
        g_utf8_validate(at, -1, &end);
        for (; at < end; at++)
            if (*at == '\\')
                g_string_append(out, "\\\\");
            else if (g_ascii_iscntrl(*at))
                g_string_append_printf(out, "\\%03o", (unsigned char)*at);
            else
                g_string_append_c(out, *at);
        if (*at != '\0')
            g_string_append_printf(out, "\\%03o", (unsigned char)*at++);
    }
}

void hpt_code_append_head(GString *out, const char *directory)
{
    g_string_append(out, MAGIC "directory\t");
    hpt_code_append_field(out, directory);
    g_string_append_c(out, '\n');
}

void hpt_code_append_repo(GString *out, const HptCodeRepo *repo)
{
    g_string_append_printf(out, "repo\t%s\t", repo->head == NULL ? "" : repo->head);
    hpt_code_append_field(out, repo->branch);
    g_string_append_c(out, '\t');
    hpt_code_append_field(out, repo->remote);
    g_string_append_printf(out, "\t%" PRId64 "\t", repo->deleted);
    hpt_code_append_field(out, repo->path);
    g_string_append_c(out, '\t');
    hpt_code_append_field(out, repo->note);
    g_string_append_c(out, '\n');
}

void hpt_code_append_entry(GString *out, const HptCodeEntry *entry)
{
    char hex[HPT_DIGEST_HEX_SIZE] = "";
    g_string_append_printf(out, "%s\t%.1s\t", kinds[entry->kind], &entry->state);
    if (entry->mode >= 0)
        g_string_append_printf(out, "%03o", (unsigned)entry->mode);
    g_string_append_c(out, '\t');
    if (entry->size >= 0)
        g_string_append_printf(out, "%" PRId64, entry->size);
    g_string_append_printf(out, "\t%s\t",
                           entry->kind == HPT_CODE_FILE ? hpt_digest_hex(&entry->digest, hex) : "");
    hpt_code_append_field(out, entry->path);
    g_string_append_c(out, '\t');
    hpt_code_append_field(out, entry->text);
    g_string_append_c(out, '\n');
}

/* ---- reading ---- */

struct HptCodeReader {
    const char *at, *end;
    int64_t line;
    char *directory;
    GArray *repos;      /* of HptCodeRepo */
    GPtrArray *strings; /* theirs */
    char *fields;       /* of the entry that was read last */
    char *path;         /* of the one before it */
};

enum { FIELDS = 7 };

static bool wrong(const HptCodeReader *reader, const char *what, GError **error)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "code snapshot: line %" PRId64 ": %s", reader->line, what);
    return false;
}

bool hpt_code_unescape(char *field)
{
    char *to = field;
    for (const char *from = field; *from != '\0';) {
        if (*from != '\\') {
            *to++ = *from++;
        } else if (from[1] == '\\') {
            *to++ = '\\';
            from += 2;
        } else {
            int byte = 0, i = 1;
            for (; i <= 3 && from[i] >= '0' && from[i] <= '7'; i++)
                byte = byte * 8 + from[i] - '0';
            if (i != 4 || byte < 1 || byte > 255)
                return false;
            *to++ = (char)byte;
            from += 4;
        }
    }
    *to = '\0';
    return true;
}

/* The next line as its own bytes in *line (owned), cut into at most FIELDS fields that point into it. False:
 * the end, or *error. */
static bool next_line(HptCodeReader *reader, char **line, char *fields[FIELDS], int *n, GError **error)
{
    if (reader->at >= reader->end)
        return false;
    reader->line++;
    const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    if (end == NULL)
        return wrong(reader, "it is cut short", error);
    size_t length = (size_t)(end - reader->at);
    if (memchr(reader->at, '\0', length) != NULL || !g_utf8_validate(reader->at, (gssize)length, NULL))
        return wrong(reader, "it is not UTF-8", error);
    g_free(*line);
    *line = g_strndup(reader->at, length);
    reader->at = end + 1;
    *n = 0;
    for (char *at = *line; at != NULL && *n < FIELDS;) {
        fields[(*n)++] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
        if (at != NULL && *n == FIELDS)
            return wrong(reader, "it has too many fields", error);
    }
    /* One form for one thing: what was written again is what was read. */
    for (int i = 0; i < *n; i++) {
        g_autofree char *before = g_strdup(fields[i]);
        g_autoptr(GString) again = g_string_new(NULL);
        bool good = hpt_code_unescape(fields[i]);
        if (good)
            hpt_code_append_field(again, fields[i]);
        if (!good || strcmp(again->str, before) != 0)
            return wrong(reader, "a field is not escaped as it should be", error);
    }
    return true;
}

/* Relative, and nowhere up or back. */
static bool is_inside(const char *path)
{
    for (const char *at = path;; at++) {
        size_t n = strcspn(at, "/");
        if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += n;
        if (*at == '\0')
            return true;
    }
}

static bool is_hex(const char *text)
{
    size_t n = strspn(text, "0123456789abcdef");
    return text[n] == '\0' && (n == 40 || n == 64);
}

static bool parse_number(const char *text, int64_t *out)
{
    char *end = NULL;
    if (!g_ascii_isdigit(text[0]) || (text[0] == '0' && text[1] != '\0'))
        return false;
    gint64 value = g_ascii_strtoll(text, &end, 10);
    if (*end != '\0' || value == G_MAXINT64)
        return false;
    *out = value;
    return true;
}

static const char *keep(HptCodeReader *reader, const char *field)
{
    if (*field == '\0')
        return NULL;
    g_ptr_array_add(reader->strings, g_strdup(field));
    return reader->strings->pdata[reader->strings->len - 1];
}

static bool take_repo(HptCodeReader *reader, char *fields[FIELDS], int n, GError **error)
{
    HptCodeRepo repo = {0};
    if (n != FIELDS || (*fields[1] != '\0' && !is_hex(fields[1])) || !parse_number(fields[4], &repo.deleted) ||
        (strcmp(fields[5], ".") != 0 && !is_inside(fields[5])))
        return wrong(reader, "it is not a repository", error);
    guint before = reader->repos->len;
    if (before > 0 && strcmp(g_array_index(reader->repos, HptCodeRepo, before - 1).path, fields[5]) >= 0)
        return wrong(reader, "repositories are out of order", error);
    repo.head = keep(reader, fields[1]);
    repo.branch = keep(reader, fields[2]);
    repo.remote = keep(reader, fields[3]);
    repo.path = keep(reader, fields[5]);
    repo.note = keep(reader, fields[6]);
    g_array_append_val(reader->repos, repo);
    return true;
}

static bool read_head(HptCodeReader *reader, GError **error)
{
    g_autofree char *line = NULL;
    char *fields[FIELDS];
    int n = 0;
    size_t magic = strlen(MAGIC);
    if ((size_t)(reader->end - reader->at) < magic || memcmp(reader->at, MAGIC, magic) != 0)
        return wrong(reader, "it is not a snapshot, or of a version this hpt does not know", error);
    reader->at += magic;
    reader->line = 1;
    if (!next_line(reader, &line, fields, &n, error))
        return error != NULL && *error != NULL ? false : wrong(reader, "the directory is missing", error);
    if (n != 2 || strcmp(fields[0], "directory") != 0 || (strcmp(fields[1], ".") != 0 && !is_inside(fields[1])))
        return wrong(reader, "it is not the directory", error);
    reader->directory = g_strdup(fields[1]);
    while (reader->end - reader->at > 5 && memcmp(reader->at, "repo\t", 5) == 0)
        if (!next_line(reader, &line, fields, &n, error) || !take_repo(reader, fields, n, error))
            return false;
    return true;
}

HptCodeReader *hpt_code_reader_new(const void *canonical, size_t length, GError **error)
{
    g_autoptr(HptCodeReader) reader = g_new0(HptCodeReader, 1);
    reader->at = canonical;
    reader->end = reader->at + length;
    reader->repos = g_array_new(false, false, sizeof(HptCodeRepo));
    reader->strings = g_ptr_array_new_with_free_func(g_free);
    return read_head(reader, error) ? g_steal_pointer(&reader) : NULL;
}

void hpt_code_reader_free(HptCodeReader *reader)
{
    if (reader == NULL)
        return;
    g_free(reader->directory);
    g_array_unref(reader->repos);
    g_ptr_array_unref(reader->strings);
    g_free(reader->fields);
    g_free(reader->path);
    g_free(reader);
}

const char *hpt_code_reader_peek_directory(const HptCodeReader *reader)
{
    return reader->directory;
}

const HptCodeRepo *hpt_code_reader_peek_repos(const HptCodeReader *reader, size_t *n)
{
    *n = reader->repos->len;
    return (const HptCodeRepo *)(const void *)reader->repos->data;
}

static bool parse_mode(const char *text, int *out)
{
    int mode = 0, i = 0;
    for (; i < 3 && text[i] >= '0' && text[i] <= '7'; i++)
        mode = mode * 8 + text[i] - '0';
    *out = mode;
    return i == 3 && text[3] == '\0';
}

/* Which fields an entry of this kind has. */
static bool read_entry(char *fields[FIELDS], HptCodeEntry *out)
{
    *out = (HptCodeEntry){.mode = -1, .size = -1, .state = fields[1][0], .path = fields[5]};
    bool state = *fields[1] == '\0' || (strchr("=M+", *fields[1]) != NULL && fields[1][1] == '\0');
    bool mode = *fields[2] != '\0', size = *fields[3] != '\0', digest = *fields[4] != '\0', text = *fields[6] != '\0';
    size_t kind = 0;
    while (kind < G_N_ELEMENTS(kinds) && strcmp(kinds[kind], fields[0]) != 0)
        kind++;
    if (kind == G_N_ELEMENTS(kinds) || !state || (mode && !parse_mode(fields[2], &out->mode)) ||
        (size && !parse_number(fields[3], &out->size)) || (digest && !hpt_digest_parse(fields[4], &out->digest)))
        return false;
    out->kind = (HptCodeKind)kind;
    out->text = text ? fields[6] : NULL;
    bool inside = is_inside(out->path);
    switch (out->kind) {
    case HPT_CODE_FILE:
        return inside && mode && size && digest && !text;
    case HPT_CODE_LINK:
        return inside && !mode && !size && !digest && text;
    case HPT_CODE_FOLDER:
        return inside && mode && !size && !digest && !text;
    case HPT_CODE_MISSING:
        return (inside || strcmp(out->path, ".") == 0) && !mode && !digest && text;
    }
    return false;
}

bool hpt_code_next(HptCodeReader *reader, HptCodeEntry *out, GError **error)
{
    char *fields[FIELDS];
    int n = 0;
    if (!next_line(reader, &reader->fields, fields, &n, error))
        return false;
    HptCodeEntry entry;
    if (n != FIELDS || !read_entry(fields, &entry))
        return wrong(reader, "it is not an entry", error);
    if (reader->path != NULL && strcmp(reader->path, entry.path) >= 0)
        return wrong(reader, "entries are out of order", error);
    g_free(reader->path);
    reader->path = g_strdup(entry.path);
    *out = entry;
    return true;
}
