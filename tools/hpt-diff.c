/* hpt-diff: in what trials, studies or environments differ. */
#include "diff.h"
#include "tool.h"

#include "base/text.h"
#include "db/project.h"
#include "show/terminal.h"
#include "study/compare-bundle.h"
#include "study/compare-read.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static char *opt_study, *opt_format, *opt_color, *opt_dsn, *opt_directory;
static char **opt_only, **opt_tolerance;
static gboolean opt_all, opt_stat, opt_patch, opt_no_header, opt_no_content, opt_quiet;

static const GOptionEntry options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &opt_study,
     "where to look for trials; without it the only study, or the last active one", "NAME"},
    {"only", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_only,
     "only these sections; repeat or join by commas", "SECTION"},
    {"all", 'a', 0, G_OPTION_ARG_NONE, &opt_all, "also what is the same", NULL},
    {"patch", 'p', 0, G_OPTION_ARG_NONE, &opt_patch,
     "what makes the second one's code, or the files that --only names, of the first one's", NULL},
    {"stat", 0, 0, G_OPTION_ARG_NONE, &opt_stat, "only how many differ in each section", NULL},
    {"tolerance", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_tolerance,
     "numbers of this metric, file or stream may differ so much; * is all of them; repeat",
     "NAME=EPS"},
    {"no-content", 0, 0, G_OPTION_ARG_NONE, &opt_no_content,
     "do not look into files and streams: digests alone", NULL},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &opt_format,
     "table, tsv, csv, jsonl, json or md; table on a terminal, else tsv", "FORMAT"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &opt_no_header, "no line with the column names", NULL},
    {"color", 0, 0, G_OPTION_ARG_STRING, &opt_color, "auto, always or never", "WHEN"},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "the database, instead of the project's", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory,
     "look for the project from this folder upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "print nothing: the status tells", NULL},
    G_OPTION_ENTRY_NULL,
};

/* ---- options ---- */

static bool read_show(HptShow *show, GError **error)
{
    HptColor color = HPT_COLOR_AUTO;
    if (opt_color != NULL && !hpt_color_parse(opt_color, &color, error))
        return false;
    HptTerminal terminal = hpt_terminal_look(STDOUT_FILENO, (const char *const *)environ, color);
    *show = (HptShow){
        .format = terminal.tty ? HPT_FORMAT_TABLE : HPT_FORMAT_TSV,
        .no_header = opt_no_header,
        .width = terminal.tty ? terminal.width : 0,
        .utf8 = terminal.utf8,
        .color = terminal.color,
    };
    if (opt_format != NULL && !hpt_format_parse(opt_format, &show->format, error))
        return false;
    if (show->format != HPT_FORMAT_ENV)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "-f env: not a form for differences");
    return false;
}

static bool read_options(HptCompareOptions *options_out, GArray *tolerances, GError **error)
{
    for (char **text = opt_tolerance; text != NULL && *text != NULL; text++) {
        HptTolerance tolerance;
        if (!hpt_tolerance_parse(*text, &tolerance, error))
            return false;
        g_array_append_val(tolerances, tolerance);
    }
    options_out->tolerances = (const HptTolerance *)(const void *)tolerances->data;
    options_out->n_tolerances = tolerances->len;
    options_out->all = opt_all || opt_patch; /* a file may be the same but for its mode */
    options_out->no_content = opt_no_content || opt_stat || opt_quiet || opt_patch;
    for (char **text = opt_only; text != NULL && *text != NULL; text++)
        if (!hpt_sections_parse(*text, &options_out->sections, error))
            return false;
    if (!opt_patch)
        return true;
    if (opt_stat || opt_format != NULL) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--patch does not go with --stat or -f");
        return false;
    }
    if (options_out->sections == 0)
        options_out->sections = HPT_SECTION_BIT(CODE);
    return true;
}

/* ---- operands ---- */

/* All of them have something in common, and what was asked for besides. */
static bool check_kinds(const HptFacts *const *operands, size_t n, unsigned wanted, GError **error)
{
    unsigned all = ~0u;
    for (size_t i = 0; i < n; i++) {
        all &= operands[i]->sections;
        if (all == 0 || (operands[i]->trial < 0) != (operands[0]->trial < 0)) {
            if (all == HPT_SECTIONS_ENVIRONMENT)
                continue;
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s and %s are not of one kind",
                        operands[0]->label, operands[i]->label);
            return false;
        }
    }
    for (unsigned i = 0; i < HPT_SECTION_COUNT; i++)
        if ((wanted >> i & 1) != 0 && (all >> i & 1) == 0) {
            size_t lacks = 0;
            while ((operands[lacks]->sections >> i & 1) != 0)
                lacks++;
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "%s has no section '%s'",
                        operands[lacks]->label, hpt_section_names[i]);
            return false;
        }
    return true;
}

/* Whether these are the same nobody can tell. */
static void tell_missing(const HptFacts *const *operands, size_t n, unsigned wanted)
{
    static const HptSection of[] = {HPT_SECTION_CODE, HPT_SECTION_INPUTS};
    for (size_t i = 0; !opt_all && i < G_N_ELEMENTS(of); i++) {
        if (wanted != 0 && (wanted >> of[i] & 1) == 0)
            continue;
        size_t count = hpt_compare_missing(operands, n, of[i]);
        if (count > 0)
            hpt_tool_note("files that belong to the %s and were not captured, so are not compared: "
                          "%zu (--all shows them)",
                          hpt_section_names[of[i]], count);
    }
}

/* Sections that were not recorded of some, and so are compared of none. */
static void tell_unknown(const HptFacts *const *operands, size_t n, unsigned wanted)
{
    for (unsigned section = 0; section < HPT_SECTION_COUNT; section++) {
        g_autoptr(GString) without = g_string_new(NULL);
        size_t lacking = 0;
        for (size_t i = 0; i < n; i++) {
            unsigned whole = operands[i]->trial >= 0 ? HPT_SECTIONS_TRIAL : operands[i]->sections;
            if (((whole & ~operands[i]->sections) >> section & 1) != 0)
                g_string_append_printf(without, "%s%s", lacking++ > 0 ? ", " : "",
                                       operands[i]->label);
        }
        if (section == HPT_SECTION_INPUTS && lacking == n) /* neither traced nor declared */
            continue;
        if (without->len > 0 && (wanted == 0 || (wanted >> section & 1) != 0))
            hpt_tool_note("%s is not recorded of %s, so it is not compared",
                          hpt_section_names[section], without->str);
    }
}

/* Where operands are read from, each opened once and only if one of them is there. */
typedef struct {
    HptProject *project;
    HptStore *store;     /* NULL: there is no folder of objects */
    GHashTable *bundles; /* path → HptFactsBundle */
} Sources;

static void free_bundle(void *data)
{
    hpt_facts_bundle_free(data);
}

static void sources_clear(Sources *sources)
{
    hpt_store_close(sources->store);
    hpt_project_close(sources->project);
    g_hash_table_unref(sources->bundles);
}

static bool open_project(Sources *sources, GError **error)
{
    HptProjectOptions where = {.dsn = opt_dsn,
                               .directory = opt_directory,
                               .application_name = "hpt-diff",
                               .role = HPT_ROLE_READER};
    sources->project = hpt_project_open(&where, error);
    if (sources->project == NULL)
        return false;
    g_autofree char *objects =
        g_build_filename(hpt_project_peek_folder(sources->project), "objects", NULL);
    if (!g_file_test(objects, G_FILE_TEST_IS_DIR))
        return true;
    sources->store = hpt_store_open_reading(objects, error);
    return sources->store != NULL;
}

static HptFacts *read_bundle(Sources *sources, char *steal_path, const char *inside, GError **error)
{
    g_autofree char *path = steal_path;
    HptFactsBundle *bundle = g_hash_table_lookup(sources->bundles, path);
    if (bundle == NULL) {
        bundle = hpt_facts_bundle_open(path, error);
        if (bundle == NULL)
            return NULL;
        g_hash_table_insert(sources->bundles, g_steal_pointer(&path), bundle);
    }
    return hpt_facts_bundle_read(bundle, inside, error);
}

static HptFacts *read_operand(Sources *sources, const char *text, GError **error)
{
    char *path = NULL;
    const char *inside = NULL;
    if (hpt_facts_is_bundle(text, &path, &inside))
        return read_bundle(sources, path, inside, error);
    if (sources->project == NULL && !open_project(sources, error))
        return NULL;
    return hpt_facts_read(hpt_project_get_db(sources->project), sources->store, opt_study, text,
                          error);
}

static void free_facts(void *data)
{
    hpt_facts_free(data);
}

static void clear_tolerance(void *data)
{
    hpt_tolerance_clear(data);
}

static bool has_name(const HptFacts *facts, const char *name)
{
    for (guint i = 0; i < facts->facts->len; i++)
        if (strcmp(((const HptFact *)facts->facts->pdata[i])->name, name) == 0)
            return true;
    return strcmp(name, "*") == 0;
}

/* A tolerance for what none of them has is a slip of the pen, and nothing would be tolerated. */
static bool check_tolerances(const HptFacts *const *operands, size_t n,
                             const HptCompareOptions *wanted, GError **error)
{
    for (size_t i = 0; i < wanted->n_tolerances; i++) {
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = has_name(operands[k], wanted->tolerances[i].name);
        if (known)
            continue;
        g_autofree char *name = hpt_text_printable(wanted->tolerances[i].name, -1);
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--tolerance: none of them has a metric, a stream or a file '%s'", name);
        return false;
    }
    return true;
}

/* 0: all the same, 1: they differ. */
static int compare(const HptFacts *const *operands, size_t n, const HptCompareOptions *wanted,
                   const HptShow *show, GError **error)
{
    if (!check_kinds(operands, n, wanted->sections, error) ||
        !check_tolerances(operands, n, wanted, error))
        return HPT_EXIT_USAGE;
    tell_unknown(operands, n, wanted->sections);
    tell_missing(operands, n, wanted->sections);
    g_autoptr(GPtrArray) rows = hpt_compare(operands, n, wanted, error);
    if (rows == NULL)
        return HPT_EXIT_TOOL;
    bool differ = false;
    guint damaged = 0;
    for (guint i = 0; i < rows->len; i++) {
        const HptDifference *row = rows->pdata[i];
        differ = differ || diff_counts(row);
        damaged += row->damaged;
    }
    if (opt_patch && !opt_quiet &&
        !diff_print_patch(operands, n, rows, isatty(STDOUT_FILENO) == 1, error))
        return HPT_EXIT_TOOL;
    if (!opt_quiet && !opt_patch &&
        !(opt_stat ? diff_print_stat : diff_print)(operands, n, rows, show, error))
        return HPT_EXIT_TOOL;
    if (damaged > 0) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY,
                    "stored files that are damaged or gone: %u", damaged);
        return HPT_EXIT_INTEGRITY;
    }
    return differ ? HPT_EXIT_NO : HPT_EXIT_OK;
}

static int run(int argc, char **argv, GError **error)
{
    HptShow show;
    HptCompareOptions wanted = {0};
    g_autoptr(GArray) tolerances = g_array_new(FALSE, FALSE, sizeof(HptTolerance));
    g_array_set_clear_func(tolerances, clear_tolerance);
    if (argc < 2) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "two things to compare are needed, or more\n"
                    "hint: hpt-diff best best~1; hpt-diff svm/ svm2/");
        return HPT_EXIT_USAGE;
    }
    if (!read_show(&show, error) || !read_options(&wanted, tolerances, error))
        return HPT_EXIT_USAGE;
    Sources sources = {.bundles =
                           g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_bundle)};
    g_autoptr(GPtrArray) operands = g_ptr_array_new_with_free_func(free_facts);
    int status = HPT_EXIT_OK;
    for (int i = 0; i < argc && status == HPT_EXIT_OK; i++) {
        HptFacts *facts = read_operand(&sources, argv[i], error);
        if (facts != NULL) {
            g_ptr_array_add(operands, facts);
            continue;
        }
        status = HPT_EXIT_TOOL;
        if (*error != NULL &&
            ((*error)->code == HPT_ERROR_USAGE || (*error)->code == HPT_ERROR_NOT_FOUND))
            g_prefix_error(error, "argument %d: ", hpt_tool_position(&argv[i]));
    }
    if (status == HPT_EXIT_OK)
        status =
            compare((const HptFacts *const *)operands->pdata, operands->len, &wanted, &show, error);
    g_clear_pointer(&operands, g_ptr_array_unref); /* they read from the sources */
    sources_clear(&sources);
    return status;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-diff", "[OPTION]... A B...",
                                 "in what trials, studies or environments differ", options, run};
    return hpt_tool_main(&tool, argc, argv);
}
