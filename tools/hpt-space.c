/* hpt-space: check, canonicalise, convert and sample a search space; a filter without a database.
 */
#include "tool.h"

#include "base/digest.h"
#include "search/sampler.h"
#include "space/configspace.h"
#include "space/space.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOST_BYTES (64u << 20) /* of one file; the parser has closer limits */

static gchar *from, *to, *output, **params;
static gboolean check, hash, strict;
#define NO_SAMPLES G_MININT64
static gint64 n_samples = NO_SAMPLES;
static gint64 seed;

static const GOptionEntry options[] = {
    {"from", 0, 0, G_OPTION_ARG_STRING, &from, "notation of the files: pcs or configspace", "FORM"},
    {"to", 0, 0, G_OPTION_ARG_STRING, &to, "notation to print: pcs or configspace", "FORM"},
    {"check", 0, 0, G_OPTION_ARG_NONE, &check, "print nothing; the status tells", NULL},
    {"hash", 0, 0, G_OPTION_ARG_NONE, &hash, "print the SHA-256 of the canonical form", NULL},
    {"sample", 0, 0, G_OPTION_ARG_INT64, &n_samples, "print N random configurations as JSON lines",
     "N"},
    {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "seed of the random configurations [0]", "N"},
    {"strict", 0, 0, G_OPTION_ARG_NONE, &strict, "refuse a conversion that loses anything", NULL},
    {"param", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &params, "one statement, repeatable", "STATEMENT"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "write to FILE, not standard output",
     "FILE"},
    G_OPTION_ENTRY_NULL,
};

/* ---- input ---- */

static char *read_stream(FILE *file, const char *name, size_t *length, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char block[65536];
    size_t n = 0;
    while ((n = fread(block, 1, sizeof block, file)) > 0) {
        g_string_append_len(text, block, (gssize)n);
        if (text->len > MOST_BYTES) {
            g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: larger than 64 MiB", name);
            return NULL;
        }
    }
    if (ferror(file)) {
        hpt_error_set_errno(error, errno, "%s", name);
        return NULL;
    }
    *length = text->len;
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool add_text(HptSpaceBuilder *builder, const char *name, const char *text, size_t length,
                     GPtrArray *losses, GError **error)
{
    if (g_strcmp0(from, "configspace") == 0) {
        return hpt_configspace_read(builder, name, text, length, losses, error);
    }
    if (strlen(text) != length) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "%s: holds a NUL byte", name);
        return false;
    }
    if (hpt_space_builder_add_text(builder, name, text, error)) {
        return true;
    }
    /* JSON begins as a forbidden clause does. */
    const char *first = text + strspn(text, " \t\r\n{");
    if (first > text && *first == '"') {
        g_autofree char *message = g_strdup((*error)->message);
        g_clear_error(error);
        g_set_error(error, HPT_ERROR, HPT_ERROR_DATA,
                    "%s\nhint: this looks like JSON; ConfigSpace's is read with --from=configspace",
                    message);
    }
    return false;
}

static bool add_stream(HptSpaceBuilder *builder, FILE *file, const char *name, GPtrArray *losses,
                       GError **error)
{
    size_t length = 0;
    g_autofree char *text = read_stream(file, name, &length, error);
    return text != NULL && add_text(builder, name, text, length, losses, error);
}

/* Does the argument, which is no file, have the looks of a statement? */
static bool is_statement(const char *argument)
{
    return argument[0] != '-' && strpbrk(argument, "=|{[ ") != NULL;
}

/* A file if there is one of that name, else a statement. */
static bool add_argument(HptSpaceBuilder *builder, char **argument, GPtrArray *losses,
                         GError **error)
{
    const char *text = *argument;
    if (strcmp(text, "-") == 0) {
        return add_stream(builder, stdin, "standard input", losses, error);
    }
    FILE *file = fopen(text, "re");
    if (file != NULL) {
        bool good = add_stream(builder, file, text, losses, error);
        fclose(file);
        return good;
    }
    if (is_statement(text)) {
        return hpt_space_builder_add_argument(builder, hpt_tool_position(argument), text, error);
    }
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s: %s%s", text, g_strerror(errno),
                text[0] == '-' ? "\nhint: options come before the first argument" : "");
    return false;
}

static HptSpace *read_space(char **argv, GPtrArray *losses, GError **error)
{
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    for (char **param = params; param != NULL && *param != NULL; param++) {
        if (!hpt_space_builder_add_statement(builder, "--param", *param, error)) {
            return NULL;
        }
    }
    for (char **argument = argv; *argument != NULL; argument++) {
        if (!add_argument(builder, argument, losses, error)) {
            return NULL;
        }
    }
    if (params == NULL && argv[0] == NULL &&
        !add_stream(builder, stdin, "standard input", losses, error)) {
        return NULL;
    }
    return hpt_space_builder_end(builder, error);
}

/* ---- output ---- */

static bool print_samples(FILE *out, const HptSpace *space, GError **error)
{
    HptSearch search = {.space = space, .seed = (uint64_t)seed};
    g_autoptr(HptSampler) sampler = hpt_sampler_new("random", &search, error);
    if (sampler == NULL) {
        return false;
    }
    for (int64_t number = 0; number < n_samples && !ferror(out); number++) {
        HptProposal proposal = {0};
        if (!hpt_sampler_propose(sampler, NULL, number, &proposal, error)) {
            return false;
        }
        g_autofree char *line = hpt_config_canonical(space, proposal.config);
        hpt_proposal_clear(&proposal);
        fputs(line, out);
        fputc('\n', out);
    }
    return true;
}

/* What is to be printed but for samples; losses are only known after writing. */
static char *make_text(const HptSpace *space, GPtrArray *losses)
{
    if (check || n_samples != NO_SAMPLES) {
        return g_strdup("");
    }
    if (hash) {
        char hex[HPT_DIGEST_HEX_SIZE];
        HptDigest digest = hpt_space_hash(space);
        return g_strconcat(hpt_digest_hex(&digest, hex), "\n", NULL);
    }
    return g_strcmp0(to, "configspace") == 0 ? hpt_configspace_write(space, losses)
                                             : g_strdup(hpt_space_get_canonical(space));
}

static bool print_all(const HptSpace *space, const char *text, GError **error)
{
    FILE *out = output != NULL ? fopen(output, "we") : stdout;
    if (out == NULL) {
        hpt_error_set_errno(error, errno, "%s", output);
        return false;
    }
    fputs(text, out);
    bool good = n_samples == NO_SAMPLES || print_samples(out, space, error);
    if (out == stdout) {
        return good; /* checked at the end of every tool */
    }
    bool written = !ferror(out);
    written = fclose(out) == 0 && written;
    if (good && !written) {
        hpt_error_set_errno(error, errno, "%s", output);
    }
    return good && written;
}

/* ---- the tool ---- */

static bool check_form(const char *option, const char *form, GError **error)
{
    static const char *const forms[] = {"pcs", "configspace", NULL};
    if (form == NULL || g_strv_contains(forms, form)) {
        return true;
    }
    const char *near = hpt_suggest(form, forms);
    g_autofree char *hint =
        near != NULL ? g_strdup_printf("; did you mean '%s'?", near) : g_strdup("");
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s=%s: pcs and configspace are known%s", option,
                form, hint);
    return false;
}

static bool check_use(GError **error)
{
    if (!check_form("--from", from, error) || !check_form("--to", to, error)) {
        return false;
    }
    if (check + hash + (n_samples != NO_SAMPLES) + (to != NULL) > 1) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--check, --hash, --sample and --to exclude each other");
        return false;
    }
    if ((n_samples != NO_SAMPLES && n_samples < 0) || seed < 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s must not be negative",
                    seed < 0 ? "--seed" : "--sample");
        return false;
    }
    return true;
}

static int run(int argc G_GNUC_UNUSED, char **argv, GError **error)
{
    if (!check_use(error)) {
        return HPT_EXIT_USAGE;
    }
    g_autoptr(GPtrArray) losses = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(HptSpace) space = read_space(argv, losses, error);
    if (space == NULL) {
        return HPT_EXIT_USAGE;
    }
    g_autofree char *text = make_text(space, losses);
    for (const char *const *note = hpt_space_get_notes(space); *note != NULL; note++) {
        hpt_tool_note("%s", *note);
    }
    for (guint i = 0; i < losses->len; i++) {
        hpt_tool_note("%s", (const char *)losses->pdata[i]);
    }
    if (strict && losses->len > 0) {
        return HPT_EXIT_NO;
    }
    return print_all(space, text, error) ? HPT_EXIT_OK : HPT_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-space", "[OPTION]... [FILE | NAME=DOMAIN]...",
                                 "check, canonicalise, convert and sample a search space", options,
                                 run};
    return hpt_tool_main(&tool, argc, argv);
}
