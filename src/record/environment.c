#include "record/environment-internal.h"

#include "base/json.h"
#include "base/text.h"
#include "record/elf.h"
#include "record/process.h"
#include "record/program.h"
#include "record/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROC_MAX ((size_t)256 * 1024) /* of a file under /proc, /sys, /etc that is looked at */

static const char *const part_names[HPT_PART_COUNT] = {"host", "interpreter", "libraries",
                                                       "packages", "variables"};

const char *hpt_environment_part_name(HptEnvironmentPartKind part)
{
    return part_names[part];
}

/* ---- looking ---- */

void hpt_collector_add(HptCollector *c, HptEnvironmentPartKind part, const char *kind,
                       const char *name, const char *value)
{
    if (value == NULL)
        return;
    bool good = g_utf8_validate(name, -1, NULL);
    HptEnvironmentItem item = {g_strdup(kind), good ? g_strdup(name) : hpt_text_printable(name, -1),
                               g_strdup(value)};
    g_array_append_val(c->parts[part], item);
}

/* Files of /proc have no size, so it is read until it ends. */
char *hpt_collector_slurp(const HptCollector *c, const char *path)
{
    g_autofree char *full = g_strconcat(c->root, path, NULL);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[4096];
    ssize_t n;
    while (text->len < PROC_MAX && (n = read(fd, buffer, sizeof buffer)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        g_string_append_len(text, buffer, n);
    }
    close(fd);
    return g_strchomp(g_string_free(g_steal_pointer(&text), FALSE));
}

char *hpt_collector_field(const char *text, const char *key, char separator)
{
    size_t length = strlen(key);
    for (const char *line = text; line != NULL && *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        const char *at = line + length;
        if (strncmp(line, key, length) == 0) {
            while (*at == ' ' || *at == '\t')
                at++;
            if (*at == separator)
                return g_strstrip(g_strndup(at + 1, (gsize)(end - at - 1)));
        }
        line = *end == '\n' ? end + 1 : NULL;
    }
    return NULL;
}

char *hpt_collector_assigned(const char *text, const char *key)
{
    g_autofree char *value = hpt_collector_field(text, key, '=');
    size_t length = value == NULL ? 0 : strlen(value);
    bool quoted = length >= 2 && (*value == '"' || *value == '\'') && value[length - 1] == *value;
    return quoted ? g_strndup(value + 1, length - 2) : g_steal_pointer(&value);
}

const char *hpt_collector_variable(const HptCollector *c, const char *name)
{
    size_t length = strlen(name);
    for (const char *const *v = c->environ; *v != NULL; v++)
        if (strncmp(*v, name, length) == 0 && (*v)[length] == '=')
            return *v + length + 1;
    return NULL;
}

/* ---- canonical forms ---- */

static int compare(const void *a, const void *b)
{
    const HptEnvironmentItem *x = a, *y = b;
    int by_kind = strcmp(x->kind, y->kind);
    return by_kind != 0 ? by_kind : strcmp(x->name, y->name);
}

static void append_value(GString *out, const char *value)
{
    if (g_utf8_validate(value, -1, NULL)) {
        g_string_append(out, "\"value\":");
        hpt_json_append_string(out, value);
        return;
    }
    g_string_append(out, "\"value_hex\":\"");
    for (; *value != '\0'; value++)
        g_string_append_printf(out, "%02x", (unsigned char)*value);
    g_string_append_c(out, '"');
}

static char *part_canonical(const HptEnvironmentPart *part, const char *name)
{
    GString *out = g_string_new("{\"format\":\"hpt-environment-part/1\",\"items\":[");
    for (size_t i = 0; i < part->n; i++) {
        const HptEnvironmentItem *item = &part->items[i];
        g_string_append(out, i > 0 ? ",{\"kind\":" : "{\"kind\":");
        hpt_json_append_string(out, item->kind);
        g_string_append(out, ",\"name\":");
        hpt_json_append_string(out, item->name);
        g_string_append_c(out, ',');
        append_value(out, item->value);
        g_string_append_c(out, '}');
    }
    g_string_append_printf(out, "],\"part\":\"%s\"}", name);
    return g_string_free(out, FALSE);
}

static void item_clear(HptEnvironmentItem *item)
{
    g_free(item->kind);
    g_free(item->name);
    g_free(item->value);
}

static int compare_whole(const void *a, const void *b)
{
    const HptEnvironmentItem *x = a, *y = b;
    int by_name = compare(a, b);
    return by_name != 0 ? by_name : strcmp(x->value, y->value);
}

/* Of one kind and name the first value counts. */
static void take_items(HptEnvironmentPart *part, GArray *steal_items)
{
    part->n = steal_items->len;
    part->items = (HptEnvironmentItem *)(void *)g_array_free(steal_items, FALSE);
    if (part->n > 1)
        qsort(part->items, part->n, sizeof *part->items, compare_whole);
    size_t kept = 0;
    for (size_t i = 0; i < part->n; i++)
        if (kept > 0 && compare(&part->items[kept - 1], &part->items[i]) == 0)
            item_clear(&part->items[i]);
        else
            part->items[kept++] = part->items[i];
    part->n = kept;
}

HptEnvironment *hpt_environment_build(GArray *steal_parts[HPT_PART_COUNT])
{
    HptEnvironment *environment = g_new0(HptEnvironment, 1);
    GString *out = g_string_new("{\"format\":\"hpt-environment/2\",\"parts\":{");
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        HptEnvironmentPart *part = &environment->parts[i];
        char hex[HPT_DIGEST_HEX_SIZE];
        take_items(part, steal_parts[i]);
        part->canonical = part_canonical(part, part_names[i]);
        part->digest = hpt_digest(part->canonical, strlen(part->canonical));
        g_string_append_printf(out, "%s\"%s\":\"%s\"", i > 0 ? "," : "", part_names[i],
                               hpt_digest_hex(&part->digest, hex));
    }
    g_string_append(out, "}}");
    environment->canonical = g_string_free(out, FALSE);
    environment->digest = hpt_digest(environment->canonical, strlen(environment->canonical));
    return environment;
}

/* ---- the program ---- */

static void add_program(HptCollector *c, const char *name, const char *value)
{
    hpt_collector_add(c, HPT_PART_LIBRARIES, "executable", name, value);
}

char *hpt_collector_digest(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    HptProgramContent content = {0};
    bool ok = hpt_program_read(fd, &content, NULL);
    close(fd);
    g_free(content.interpreter);
    char hex[HPT_DIGEST_HEX_SIZE];
    return ok ? g_strdup(hpt_digest_hex(&content.digest, hex)) : NULL;
}

/* The program that the first line of a script names; through env(1) the one that it would find. */
static void add_interpreter(HptCollector *c, const char *line)
{
    g_auto(GStrv) words = g_strsplit_set(line, " \t", -1);
    const char *name = NULL;
    for (char **word = words; *word != NULL && name == NULL; word++) {
        bool env = g_str_has_suffix(*word, "/env") || strcmp(*word, "env") == 0;
        if (**word != '\0' && **word != '-' && !env && strchr(*word, '=') == NULL)
            name = *word;
    }
    g_autofree char *path =
        name == NULL ? NULL : hpt_find_program(name, hpt_collector_variable(c, "PATH"), NULL);
    hpt_collector_add(c, HPT_PART_INTERPRETER, "executable", "interpreter", line);
    if (path == NULL)
        return;
    g_autofree char *digest = hpt_collector_digest(path);
    hpt_collector_add(c, HPT_PART_INTERPRETER, "interpreter", "path", path);
    hpt_collector_add(c, HPT_PART_INTERPRETER, "interpreter", "sha256", digest);
}

static bool add_executable(HptCollector *c, const HptEnvironmentSource *source, GError **error)
{
    g_autofree char *command = hpt_secret_cut(source->command);
    add_program(c, "command", command);
    g_autofree char *path =
        hpt_find_program(source->command, hpt_collector_variable(c, "PATH"), source->directory);
    if (path == NULL)
        return true;
    add_program(c, "path", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return true; /* may be run but not read: no digest */
    HptProgramContent content = {0};
    bool ok = hpt_program_read(fd, &content, error);
    g_autofree char *build_id = hpt_elf_build_id(fd);
    close(fd);
    if (!ok) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    char hex[HPT_DIGEST_HEX_SIZE];
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, content.size);
    add_program(c, "sha256", hpt_digest_hex(&content.digest, hex));
    add_program(c, "size", size);
    add_program(c, "build_id", build_id);
    if (content.interpreter != NULL)
        add_interpreter(c, content.interpreter);
    g_free(content.interpreter);
    return true;
}

/* ---- the process ---- */

static void add_process(const char *name, const char *value, void *user)
{
    g_autofree char *clean = hpt_secret_cut(value);
    hpt_collector_add(user, HPT_PART_VARIABLES, "process", name, clean);
}

/* ---- the whole ---- */

HptEnvironment *hpt_environment_collect(const HptEnvironmentSource *source, GError **error)
{
    static const char *const nothing[] = {NULL};
    HptCollector c = {.root = source->root != NULL ? source->root : "",
                      .environ = source->environ != NULL ? source->environ : nothing};
    for (int i = 0; i < HPT_PART_COUNT; i++)
        c.parts[i] = g_array_new(FALSE, FALSE, sizeof(HptEnvironmentItem));
    hpt_collector_host(&c);
    hpt_collector_settings(&c);
    hpt_collector_variables(&c, source->capture);
    if (source->process)
        hpt_process_describe(source->project, add_process, &c);
    bool ok = source->command == NULL || add_executable(&c, source, error);
    g_autoptr(HptEnvironment) environment = hpt_environment_build(c.parts);
    return ok ? g_steal_pointer(&environment) : NULL;
}

void hpt_environment_free(HptEnvironment *environment)
{
    if (environment == NULL)
        return;
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        HptEnvironmentPart *part = &environment->parts[i];
        for (size_t k = 0; k < part->n; k++)
            item_clear(&part->items[k]);
        g_free(part->items);
        g_free(part->canonical);
    }
    g_free(environment->canonical);
    g_free(environment);
}

const char *hpt_environment_get(const HptEnvironment *environment, const char *kind,
                                const char *name)
{
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        const HptEnvironmentPart *part = &environment->parts[i];
        for (size_t k = 0; k < part->n; k++)
            if (strcmp(part->items[k].kind, kind) == 0 && strcmp(part->items[k].name, name) == 0)
                return part->items[k].value;
    }
    return NULL;
}
