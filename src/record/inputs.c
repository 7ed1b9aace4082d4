#include "record/inputs.h"

#include "base/number.h"
#include "record/codetext.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC "hpt-inputs/1\n"

static const char *const roles[HPT_INPUT_ROLE_COUNT] = {"changed", "declared", "read", "written"};
static const char *const states[HPT_INPUT_STATE_COUNT] = {
    "stored", "digest", "large", "secret", "unstable", "gone", "unread"};

const char *hpt_input_role_name(HptInputRole role)
{
    return roles[role];
}

const char *hpt_input_state_name(HptInputState state)
{
    return states[state];
}

bool hpt_input_state_has_digest(HptInputState state)
{
    return state <= HPT_INPUT_LARGE;
}

/* ---- writing ---- */

static int compare(const void *a, const void *b)
{
    const HptInputFile *x = a, *y = b;
    int by_path = strcmp(x->path, y->path);
    return by_path != 0 ? by_path : (x->role > y->role) - (x->role < y->role);
}

/* Of two that are one file in one role the first counts, whatever order they came in: what is known comes first. */
static int compare_all(const void *a, const void *b)
{
    const HptInputFile *x = a, *y = b;
    int same = compare(a, b);
    if (same == 0)
        same = (x->state > y->state) - (x->state < y->state);
    if (same == 0 && hpt_input_state_has_digest(x->state))
        same = memcmp(&x->digest, &y->digest, sizeof x->digest);
    return same != 0 ? same : (x->size > y->size) - (x->size < y->size);
}

static void append_file(GString *out, const HptInputFile *file)
{
    char hex[HPT_DIGEST_HEX_SIZE] = "";
    if (hpt_input_state_has_digest(file->state))
        hpt_digest_hex(&file->digest, hex);
    g_string_append_printf(out, "%s\t%s\t", roles[file->role], states[file->state]);
    if (file->size >= 0)
        g_string_append_printf(out, "%" PRId64, file->size);
    g_string_append_printf(out, "\t%s\t%s\t", hex, file->ignored ? "ignored" : "");
    hpt_code_append_field(out, file->path);
    g_string_append_c(out, '\n');
}

static void write_canonical(HptInputs *inputs)
{
    GString *out = g_string_sized_new(128 + inputs->n * 160);
    g_string_append(out, MAGIC);
    for (size_t i = 0; i < inputs->n; i++)
        append_file(out, &inputs->files[i]);
    inputs->length = out->len;
    inputs->canonical = g_string_free(out, false);
    inputs->digest = hpt_digest(inputs->canonical, inputs->length);
}

HptInputs *hpt_inputs_new(const HptInputFile *files, size_t n)
{
    HptInputs *inputs = g_new0(HptInputs, 1);
    inputs->strings = g_string_chunk_new(4096);
    inputs->files = g_memdup2(files, n * sizeof *files);
    if (n > 1)
        qsort(inputs->files, n, sizeof *files, compare_all);
    for (size_t i = 0; i < n; i++) {
        HptInputFile *file = &inputs->files[i];
        if (inputs->n > 0 && compare(&inputs->files[inputs->n - 1], file) == 0)
            continue;
        file->path = g_string_chunk_insert(inputs->strings, file->path);
        inputs->files[inputs->n++] = *file;
    }
    write_canonical(inputs);
    return inputs;
}

void hpt_inputs_free(HptInputs *inputs)
{
    if (inputs == NULL)
        return;
    g_string_chunk_free(inputs->strings);
    g_free(inputs->files);
    g_free(inputs->canonical);
    g_free(inputs);
}

const HptInputFile *hpt_inputs_find(const HptInputs *inputs, const char *path, HptInputRole role)
{
    HptInputFile wanted = {.path = path, .role = role};
    return inputs->n == 0
               ? NULL
               : bsearch(&wanted, inputs->files, inputs->n, sizeof *inputs->files, compare);
}

/* ---- reading ---- */

enum { FIELDS = 6 };

static bool wrong(GError **error, size_t line, const char *what)
{
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "input set: line %zu: %s", line, what);
    return false;
}

static int find_word(const char *const *words, int n, const char *word)
{
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

/* fields point into the line and are changed. */
static bool read_file(char **fields, size_t line, HptInputFile *out, GError **error)
{
    int role = find_word(roles, HPT_INPUT_ROLE_COUNT, fields[0]);
    int state = find_word(states, HPT_INPUT_STATE_COUNT, fields[1]);
    *out = (HptInputFile){.size = -1, .path = fields[5]};
    if (role < 0 || state < 0)
        return wrong(error, line, "a role or a state that is none");
    out->role = (HptInputRole)role;
    out->state = (HptInputState)state;
    if (*fields[2] != '\0' && (!hpt_integer_parse(fields[2], &out->size) || out->size < 0))
        return wrong(error, line, "the size is no number");
    if (hpt_input_state_has_digest(out->state) ? !hpt_digest_parse(fields[3], &out->digest)
                                               : *fields[3] != '\0')
        return wrong(error, line, "the digest is none, or has no place there");
    out->ignored = strcmp(fields[4], "ignored") == 0;
    if (!out->ignored && *fields[4] != '\0')
        return wrong(error, line, "a word that is none");
    return (hpt_code_unescape(fields[5]) && *fields[5] != '\0') ||
           wrong(error, line, "the path is none");
}

static bool read_line(GArray *files, char *text, size_t line, GError **error)
{
    char *fields[FIELDS + 1];
    int n = 0;
    for (char *at = text; at != NULL && n <= FIELDS;) {
        fields[n++] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    HptInputFile file;
    if (n != FIELDS)
        return wrong(error, line, "it has not six fields");
    if (!read_file(fields, line, &file, error))
        return false;
    g_array_append_val(files, file);
    return true;
}

HptInputs *hpt_inputs_parse(const void *canonical, size_t length, GError **error)
{
    if (length < strlen(MAGIC) || memcmp(canonical, MAGIC, strlen(MAGIC)) != 0 ||
        memchr(canonical, '\0', length) != NULL || ((const char *)canonical)[length - 1] != '\n') {
        (void)wrong(error, 1, "it is no input set of a kind that this hpt knows");
        return NULL;
    }
    g_autofree char *text = g_strndup(canonical, length);
    g_autoptr(GArray) files = g_array_new(false, false, sizeof(HptInputFile));
    size_t line = 1;
    for (char *at = text + strlen(MAGIC); at < text + length;) {
        char *end = strchr(at, '\n');
        *end = '\0';
        if (!read_line(files, at, ++line, error))
            return NULL;
        at = end + 1;
    }
    g_autoptr(HptInputs) inputs = hpt_inputs_new((const HptInputFile *)(void *)files->data, files->len);
    if (inputs->length != length || memcmp(inputs->canonical, canonical, length) != 0) {
        (void)wrong(error, line, "it is not in canonical form");
        return NULL;
    }
    return g_steal_pointer(&inputs);
}
