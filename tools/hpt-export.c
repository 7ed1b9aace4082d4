/* hpt-export: a study as a table, as a script that runs it again, or as a bundle to keep. */
#include "export.h"
#include "tool.h"

#include "db/project.h"
#include "store/newfile.h"
#include "study/study.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *opt_study, *opt_format, *opt_output, *opt_agent, *opt_dsn, *opt_directory;
static char **opt_with;
static gboolean opt_all, opt_no_header, opt_no_guard, opt_quiet;

static const GOptionEntry options[] = {
    {"study", 's', 0, G_OPTION_ARG_STRING, &opt_study,
     "the study; without it the only one, or the last active one", "NAME"},
    {"all", 'a', 0, G_OPTION_ARG_NONE, &opt_all, "tar: all studies", NULL},
    {"format", 'f', 0, G_OPTION_ARG_STRING, &opt_format,
     "csv, jsonl, script, tar or ro-crate; without it what the name of the output ends in", "FORMAT"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &opt_output,
     "write to this file; - is standard output, as without it", "FILE"},
    {"with", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_with,
     "tar: only these of artefacts, logs, env, code, inputs, or none; repeat or join by commas (all)", "PART"},
    {"agent", 0, 0, G_OPTION_ARG_STRING, &opt_agent, "ro-crate: who ran the trials", "NAME"},
    {"no-header", 'H', 0, G_OPTION_ARG_NONE, &opt_no_header, "csv: no line with the column names",
     NULL},
    {"no-guard", 0, 0, G_OPTION_ARG_NONE, &opt_no_guard,
     "csv: leave texts that a spreadsheet takes for formulas as they are", NULL},
    {"dsn", 'd', 0, G_OPTION_ARG_STRING, &opt_dsn, "the database, instead of the project's", "DSN"},
    {"directory", 'C', 0, G_OPTION_ARG_FILENAME, &opt_directory,
     "look for the project from this folder upwards", "DIR"},
    {"quiet", 'q', 0, G_OPTION_ARG_NONE, &opt_quiet, "no notes on standard error", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef enum { AS_CSV, AS_JSONL, AS_SCRIPT, AS_TAR, AS_CRATE, AS_UNKNOWN } As;

static const char *const format_names[] = {"csv", "jsonl", "script", "tar", "ro-crate", NULL};

static bool usage(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool usage(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, text);
    return false;
}

/* ---- what and how ---- */

static As format_of_name(const char *path, bool *zstd)
{
    static const struct {
        const char *ending;
        As as;
        bool zstd;
    } endings[] = {{".csv", AS_CSV, false},      {".jsonl", AS_JSONL, false},
                   {".ndjson", AS_JSONL, false}, {".sh", AS_SCRIPT, false},
                   {".tar", AS_TAR, false},      {".tar.zst", AS_TAR, true},
                   {".tzst", AS_TAR, true}};
    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(path, endings[i].ending)) {
            *zstd = endings[i].zstd;
            return endings[i].as;
        }
    return AS_UNKNOWN;
}

static bool has_other_ending(const char *path)
{
    static const char *const endings[] = {".zip", ".gz", ".tgz", ".bz2", ".xz", ".7z"};
    for (size_t i = 0; path != NULL && i < G_N_ELEMENTS(endings); i++)
        if (g_str_has_suffix(path, endings[i]))
            return true;
    return false;
}

static bool choose_format(const char *path, As *as, bool *zstd, GError **error)
{
    *as = path != NULL ? format_of_name(path, zstd) : AS_UNKNOWN;
    if (opt_format != NULL) {
        int i = 0;
        while (format_names[i] != NULL && strcmp(opt_format, format_names[i]) != 0)
            i++;
        const char *near = hpt_suggest(opt_format, format_names);
        if (format_names[i] == NULL)
            return near != NULL
                       ? usage(error, "unknown format '%s'; did you mean '%s'?", opt_format, near)
                       : usage(error, "unknown format '%s' (csv, jsonl, script, tar or ro-crate)",
                               opt_format);
        *as = (As)i;
    }
    if (*as == AS_UNKNOWN)
        return usage(error, "which format? -f csv, jsonl, script, tar or ro-crate\n"
                            "hint: -o FILE.csv, .jsonl, .sh, .tar or .tar.zst says it too");
    bool bundle = *as == AS_TAR || *as == AS_CRATE;
    *zstd = *zstd && bundle;
    if (bundle && has_other_ending(path))
        return usage(error, "%s: a bundle is a tar, and its name says otherwise\nhint: -o FILE.tar or FILE.tar.zst", path);
    if (bundle && path == NULL && isatty(STDOUT_FILENO))
        return usage(error, "a bundle is no text for a terminal\nhint: -o FILE.tar.zst");
    if (opt_agent != NULL && *as != AS_CRATE)
        return usage(error, "--agent goes with -f ro-crate");
    if (opt_with != NULL && !bundle)
        return usage(error, "--with goes with -f tar");
    if (opt_all && *as != AS_TAR)
        return usage(error, "--all goes with -f tar");
    if ((opt_no_header || opt_no_guard) && *as != AS_CSV)
        return usage(error, "--no-header and --no-guard go with -f csv");
    return true;
}

static bool choose_parts(Export *export, GError **error)
{
    export->artefacts = export->logs = export->environments = export->code = export->inputs = opt_with == NULL;
    for (char **with = opt_with; with != NULL && *with != NULL; with++) {
        g_auto(GStrv) parts = g_strsplit(*with, ",", -1);
        for (char **part = parts; *part != NULL; part++) {
            if (strcmp(*part, "artefacts") == 0 || strcmp(*part, "artifacts") == 0)
                export->artefacts = true;
            else if (strcmp(*part, "logs") == 0)
                export->logs = true;
            else if (strcmp(*part, "env") == 0)
                export->environments = true;
            else if (strcmp(*part, "code") == 0)
                export->code = true;
            else if (strcmp(*part, "inputs") == 0)
                export->inputs = true;
            else if (strcmp(*part, "none") != 0)
                return usage(error, "--with=%s: a part is artefacts, logs, env, code, inputs or none",
                             *part);
        }
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The study and the trials that the arguments name; all of one study. */
static bool choose_trials(Export *export, int argc, char **argv, GError **error)
{
    if (opt_all && (opt_study != NULL || argc > 0))
        return usage(error, "--all means all studies and trials: leave %s out",
                     opt_study != NULL ? "--study" : argv[0]);
    if (opt_all)
        return true;
    if (argc == 0)
        return hpt_study_name_find(export->db, opt_study, &export->study, error);
    g_autoptr(GArray) trials = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (int i = 0; i < argc; i++) {
        g_auto(HptTrialName) name = {0};
        if (!hpt_trial_name_find(export->db, opt_study, argv[i], &name, error))
            return false;
        if (i > 0 && strcmp(name.study.study, export->study.study) != 0)
            return usage(error, "argument %d '%s': of study '%s', the others are of '%s'",
                         hpt_tool_position(&argv[i]), argv[i], name.study.study,
                         export->study.study);
        g_array_append_val(trials, name.trial);
        if (i == 0) {
            export->study = name.study;
            name.study = (HptStudyName){0};
        }
    }
    g_array_sort(trials, by_number);
    export->trials = g_steal_pointer(&trials);
    return true;
}

/* ---- where to ---- */

/* A file that appears when it is complete, or a device, or standard output. */
typedef struct {
    FILE *stream;
    HptNewFile file;
} Output;

static bool output_open(Output *output, const char *path, GError **error)
{
    *output = (Output){.stream = stdout, .file = HPT_NEW_FILE_NONE};
    if (path == NULL)
        return true;
    int fd;
    if (hpt_new_file_is_special(path))
        fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    else if (hpt_new_file_open(&output->file, path, error))
        fd = dup(output->file.fd);
    else
        return false;
    output->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (output->stream != NULL)
        return true;
    hpt_error_set_errno(error, errno, "cannot write %s", path);
    hpt_new_file_clear(&output->file);
    return false;
}

/* Whoever may read a script may run it. */
static bool make_program(int fd, const char *path, GError **error)
{
    struct stat info;
    if (fstat(fd, &info) == 0 && fchmod(fd, info.st_mode | ((info.st_mode & 0444) >> 2)) == 0)
        return true;
    hpt_error_set_errno(error, errno, "cannot make %s executable", path);
    return false;
}

/* If ok, the file gets its name; else nothing is left of it. */
static bool output_close(Output *output, const char *path, bool ok, bool program, GError **error)
{
    if (path == NULL)
        return ok;
    errno = 0;
    bool flushed = fflush(output->stream) == 0;
    int errnum = errno;
    if (fclose(output->stream) != 0 && flushed) {
        flushed = false;
        errnum = errno;
    }
    if (ok && !flushed)
        hpt_error_set_errno(error, errnum != 0 ? errnum : EIO, "cannot write %s", path);
    ok = ok && flushed;
    if (ok && output->file.fd >= 0)
        ok = (!program || make_program(output->file.fd, path, error)) &&
             hpt_new_file_publish(&output->file, error);
    hpt_new_file_clear(&output->file);
    return ok;
}

static bool write_text(const Export *export, As as, const char *path, GError **error)
{
    Output output;
    int64_t left_out = 0;
    if (!output_open(&output, path, error))
        return false;
    bool ok = as == AS_SCRIPT
                  ? export_script(export, hpt_sink_file, output.stream, &left_out, error)
                  : export_rows(export, as == AS_CSV ? HPT_FORMAT_CSV : HPT_FORMAT_JSONL,
                                hpt_sink_file, output.stream, error);
    ok = output_close(&output, path, ok, as == AS_SCRIPT, error);
    if (ok && left_out > 0 && !opt_quiet)
        hpt_tool_note("runs left out, never started or run outside: %" G_GINT64_FORMAT,
                      left_out);
    return ok;
}

/* Trials that have not ended change while they are read by others, so a bundle holds them only if
 * they are named. */
static bool tell_left_out(const Export *export, GError **error)
{
    if (export->trials != NULL || opt_quiet)
        return true;
    g_autoptr(HptArgs) args = hpt_args_new();
    const char *study = export->study.study;
    if (study != NULL)
        hpt_args_texts(args, &study, 1);
    else
        hpt_args_null(args, HPT_TYPE_TEXT_ARRAY);
    g_autoptr(HptRows) rows = hpt_db_row(export->db, HPT_SQL_EXPORT_UNFINISHED, args, error);
    if (rows != NULL && hpt_rows_int8(rows, 0, 0) > 0)
        hpt_tool_note("trials left out because they have not finished: %" G_GINT64_FORMAT,
                      hpt_rows_int8(rows, 0, 0));
    return rows != NULL;
}

static bool write_bundle(const Export *export, const char *path, bool zstd, GError **error)
{
    bool beside = path != NULL && !hpt_new_file_is_special(path);
    g_autofree char *spool = beside ? g_path_get_dirname(path) : g_strdup(g_get_tmp_dir());
    HptStore *store = NULL;
    HptBundleInfo info;
    g_autoptr(HptBundle) bundle = export_bundle(export, spool, &store, error);
    bool ok = bundle != NULL &&
              (path != NULL ? hpt_bundle_write(bundle, path, zstd, &info, error)
                            : hpt_bundle_write_fd(bundle, STDOUT_FILENO, "standard output", zstd,
                                                  &info, error));
    hpt_store_close(store);
    if (ok && !opt_quiet) {
        char hex[HPT_DIGEST_HEX_SIZE];
        hpt_tool_note("%zu files, %" G_GINT64_FORMAT " bytes, verified; identity sha256:%s",
                      info.entries, info.bytes, hpt_digest_hex(&info.identity, hex));
    }
    return ok;
}

static void tell_study(const HptStudyName *study)
{
    if (study->chosen && !opt_quiet)
        hpt_tool_note("study '%s', the last active of %" G_GINT64_FORMAT, study->study,
                      study->count);
}

static int run(int argc, char **argv, GError **error)
{
    const char *path = opt_output == NULL || strcmp(opt_output, "-") == 0 ? NULL : opt_output;
    As as = AS_UNKNOWN;
    bool zstd = false;
    Export export = {.no_header = opt_no_header, .no_guard = opt_no_guard, .agent = opt_agent};
    if (!choose_format(path, &as, &zstd, error) || !choose_parts(&export, error))
        return HPT_EXIT_TOOL;
    export.crate = as == AS_CRATE;
    HptProjectOptions where = {.dsn = opt_dsn,
                               .directory = opt_directory,
                               .application_name = "hpt-export",
                               .role = HPT_ROLE_READER};
    g_autoptr(HptProject) project = hpt_project_open(&where, error);
    if (project == NULL)
        return HPT_EXIT_TOOL;
    g_autofree char *objects = g_build_filename(hpt_project_peek_folder(project), "objects", NULL);
    export.db = hpt_project_get_db(project);
    export.objects = objects;
    bool ok = choose_trials(&export, argc, argv, error);
    if (ok) {
        tell_study(&export.study);
        ok = as == AS_TAR || as == AS_CRATE
                 ? tell_left_out(&export, error) && write_bundle(&export, path, zstd, error)
                 : write_text(&export, as, path, error);
    }
    hpt_study_name_clear(&export.study);
    if (export.trials != NULL)
        g_array_unref(export.trials);
    return ok ? HPT_EXIT_OK : HPT_EXIT_TOOL;
}

int main(int argc, char **argv)
{
    static const HptTool tool = {"hpt-export", "[OPTION]... [TRIAL]...",
                                 "write studies to a table, a script or a bundle", options, run};
    return hpt_tool_main(&tool, argc, argv);
}
