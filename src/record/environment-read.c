#include "record/environment-internal.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>

/* ---- items ---- */

static bool wrong(GError **error, const char *what)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "not an environment: %s", what);
    return false;
}

/* Where an item of format 1 belongs; COUNT: nowhere, it is about the worker. */
static HptEnvironmentPartKind old_part(const char *kind, const char *name)
{
    if (strcmp(kind, "host") == 0)
        return strcmp(name, "boot_id") == 0 || strcmp(name, "hostname") == 0 ? HPT_PART_COUNT
                                                                             : HPT_PART_HOST;
    if (strcmp(kind, "os") == 0)
        return strcmp(name, "locale") == 0 || strcmp(name, "timezone") == 0 ? HPT_PART_VARIABLES
                                                                            : HPT_PART_PACKAGES;
    if (strcmp(kind, "executable") == 0)
        return strcmp(name, "interpreter") == 0 ? HPT_PART_INTERPRETER : HPT_PART_LIBRARIES;
    return strcmp(kind, "hpt") == 0 ? HPT_PART_COUNT : HPT_PART_VARIABLES;
}

/* part COUNT: of format 1. */
static bool read_item(HptCollector *c, const json_t *item, HptEnvironmentPartKind part,
                      GError **error)
{
    const char *kind = json_string_value(json_object_get(item, "kind"));
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *value = json_string_value(json_object_get(item, "value"));
    const char *hex = json_string_value(json_object_get(item, "value_hex"));
    size_t length = 0;
    g_autofree char *bytes = hex == NULL ? NULL : hpt_text_unhex(hex, &length);
    bool is_text = bytes != NULL && strlen(bytes) == length;
    if (kind == NULL || name == NULL || (value == NULL && !is_text))
        return wrong(error, "an item without kind, name and value");
    if (part == HPT_PART_COUNT)
        part = old_part(kind, name);
    if (part != HPT_PART_COUNT)
        hpt_collector_add(c, part, kind, name, value != NULL ? value : bytes);
    return true;
}

static bool read_items(HptCollector *c, const json_t *object, HptEnvironmentPartKind part,
                       GError **error)
{
    const json_t *items = json_object_get(object, "items");
    if (!json_is_array(items))
        return wrong(error, "it has no items");
    for (size_t i = 0; i < json_array_size(items); i++)
        if (!read_item(c, json_array_get(items, i), part, error))
            return false;
    return true;
}

static bool is_format(const json_t *object, const char *format)
{
    return g_strcmp0(json_string_value(json_object_get(object, "format")), format) == 0;
}

/* ---- parts ---- */

static bool read_part(HptCollector *c, HptEnvironmentPartKind part, const HptDigest *digest,
                      const HptEnvironmentText *parts, size_t n, GError **error)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    for (size_t i = 0; i < n; i++) {
        HptDigest found = hpt_digest(parts[i].text, parts[i].length);
        if (memcmp(&found, digest, sizeof found) != 0)
            continue;
        g_autoptr(json_t) object = hpt_json_parse(parts[i].text, parts[i].length, error);
        if (object == NULL)
            return false;
        const char *name = json_string_value(json_object_get(object, "part"));
        if (!is_format(object, "hpt-environment-part/1") ||
            g_strcmp0(name, hpt_environment_part_name(part)) != 0)
            return wrong(error, "a part is of another format or kind");
        return read_items(c, object, part, error);
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                "the environment's part %s, sha256:%s, is missing", hpt_environment_part_name(part),
                hpt_digest_hex(digest, hex));
    return false;
}

static bool read_parts(HptCollector *c, const json_t *object, const HptEnvironmentText *parts,
                       size_t n, GError **error)
{
    const json_t *names = json_object_get(object, "parts");
    for (HptEnvironmentPartKind i = 0; i < HPT_PART_COUNT; i++) {
        const char *hex = json_string_value(json_object_get(names, hpt_environment_part_name(i)));
        HptDigest digest;
        if (hex == NULL || !hpt_digest_parse(hex, &digest))
            return wrong(error, "a part is not named");
        if (!read_part(c, i, &digest, parts, n, error))
            return false;
    }
    return true;
}

/* Are its parts, written again, those that it names? */
static bool is_canonical(const HptEnvironment *read, const json_t *object, GError **error)
{
    const json_t *names = json_object_get(object, "parts");
    for (HptEnvironmentPartKind i = 0; i < HPT_PART_COUNT; i++) {
        char hex[HPT_DIGEST_HEX_SIZE];
        const char *named = json_string_value(json_object_get(names, hpt_environment_part_name(i)));
        if (g_strcmp0(named, hpt_digest_hex(&read->parts[i].digest, hex)) != 0)
            return wrong(error, "a part is not in canonical form");
    }
    return true;
}

HptEnvironment *hpt_environment_parse(const HptEnvironmentText *environment,
                                      const HptEnvironmentText *parts, size_t n, GError **error)
{
    g_autoptr(json_t) object = hpt_json_parse(environment->text, environment->length, error);
    if (object == NULL)
        return NULL;
    HptCollector c = {.root = ""};
    for (HptEnvironmentPartKind i = 0; i < HPT_PART_COUNT; i++)
        c.parts[i] = g_array_new(FALSE, FALSE, sizeof(HptEnvironmentItem));
    bool old = is_format(object, "hpt-environment/1");
    bool ok = old ? read_items(&c, object, HPT_PART_COUNT, error)
              : is_format(object, "hpt-environment/2")
                  ? read_parts(&c, object, parts, n, error)
                  : wrong(error, "its format is not one that this hpt knows");
    g_autoptr(HptEnvironment) read = hpt_environment_build(c.parts);
    if (!ok || (!old && !is_canonical(read, object, error)))
        return NULL;
    g_free(read->canonical);
    read->canonical = g_strndup(environment->text, environment->length);
    read->digest = hpt_digest(environment->text, environment->length);
    for (int i = 0; old && i < HPT_PART_COUNT; i++)
        g_clear_pointer(&read->parts[i].canonical, g_free);
    return g_steal_pointer(&read);
}

/* ---- comparing ---- */

static int by_name(const HptEnvironmentItem *a, const HptEnvironmentItem *b)
{
    int by_kind = strcmp(a->kind, b->kind);
    return by_kind != 0 ? by_kind : strcmp(a->name, b->name);
}

static void add_difference(GArray *out, HptEnvironmentPartKind part, const HptEnvironmentItem *a,
                           const HptEnvironmentItem *b)
{
    const HptEnvironmentItem *named = a != NULL ? a : b;
    HptEnvironmentDifference found = {
        .part = part,
        .kind = named->kind,
        .name = named->name,
        .a = a != NULL ? a->value : NULL,
        .b = b != NULL ? b->value : NULL,
    };
    g_array_append_val(out, found);
}

static void compare_part(GArray *out, HptEnvironmentPartKind part, const HptEnvironmentPart *a,
                         const HptEnvironmentPart *b)
{
    for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
        int order = i == a->n ? 1 : k == b->n ? -1 : by_name(&a->items[i], &b->items[k]);
        const HptEnvironmentItem *left = order <= 0 ? &a->items[i++] : NULL;
        const HptEnvironmentItem *right = order >= 0 ? &b->items[k++] : NULL;
        bool same = left == NULL    ? a->canonical == NULL
                    : right == NULL ? b->canonical == NULL
                                    : strcmp(left->value, right->value) == 0;
        if (!same)
            add_difference(out, part, left, right);
    }
}

GArray *hpt_environment_compare(const HptEnvironment *a, const HptEnvironment *b)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(HptEnvironmentDifference));
    for (HptEnvironmentPartKind i = 0; i < HPT_PART_COUNT; i++)
        if (memcmp(&a->parts[i].digest, &b->parts[i].digest, sizeof(HptDigest)) != 0)
            compare_part(out, i, &a->parts[i], &b->parts[i]);
    return out;
}
