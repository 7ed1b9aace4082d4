/* Shared by the tests of what is seen of a trial's files, however it is seen. The trials are the test's
 * own program with a word in front. */
#ifndef TRACE_TOOLS_H
#define TRACE_TOOLS_H

#include "tests/unit/run-lab.h"

#include "run/trace.h"

/* ---- what the trials do, in the folder they are given ---- */

static void need(bool fine, const char *what)
{
    if (!fine) {
        perror(what);
        _exit(9);
    }
}

static void touch(const char *name, int flags)
{
    int fd = open(name, flags, 0640);
    need(fd >= 0 && close(fd) == 0, name);
}

/* For threads. */
static void *open_one(void *name)
{
    touch(name, O_RDONLY);
    return NULL;
}

static void *exec_one(void *name)
{
    char *const argv[] = {name, NULL};
    execv(name, argv);
    need(false, "execv");
    return NULL;
}

typedef struct {
    const char *name;
    void (*act)(void);
} Act;

/* ---- the bench ---- */

typedef struct {
    Lab lab;
    char *work; /* where the trials work, by the kernel's name */
    HptTraceSpec spec;
} Bench;

static void bench_begin(Bench *bench)
{
    *bench = (Bench){.work = NULL};
    lab_begin(&bench->lab, "");
    g_autofree char *work = g_strconcat(bench->lab.root, "/work", NULL);
    g_assert_cmpint(mkdir(work, 0700), ==, 0);
    bench->work = realpath(work, NULL);
    bench->spec = (HptTraceSpec){.below = bench->work, .spool = bench->lab.root};
    bench->lab.trace = &bench->spec;
}

static void bench_end(Bench *bench)
{
    check_no_children();
    lab_end(&bench->lab);
    free(bench->work);
}

static void give(const Bench *bench, const char *name, const char *text, int mode)
{
    g_autofree char *path = g_build_filename(bench->work, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    g_assert_cmpint(chmod(path, (mode_t)mode), ==, 0);
}

static HptRun *begin_act(Bench *bench, const char *name)
{
    g_autofree char *self = realpath("/proc/self/exe", NULL);
    const char *const argv[] = {self, "--act", name, bench->work, NULL};
    return start_argv(&bench->lab, argv);
}

static const HptTrace *trace_of(HptRun *run)
{
    const HptRunResult *result = wait_for(run);
    if (result->failure != NULL) {
        g_autofree char *err = stored(result->err);
        g_test_message("%s", err);
    }
    g_assert_cmpstr(result->failure, ==, NULL);
    g_assert_nonnull(result->trace);
    return result->trace;
}

/* NULL: none with this path. */
static const HptTraceFile *find_path(const HptTrace *trace, const char *path)
{
    for (size_t i = 0; i < trace->n; i++)
        if (strcmp(trace->files[i].path, path) == 0)
            return &trace->files[i];
    return NULL;
}

static const HptTraceFile *find(const Bench *bench, const HptTrace *trace, const char *name)
{
    g_autofree char *path = g_build_filename(bench->work, name, NULL);
    return find_path(trace, path);
}

static void check_roles(const Bench *bench, const HptTrace *trace, const char *name, uint32_t roles)
{
    const HptTraceFile *file = find(bench, trace, name);
    g_autofree char *shown = hpt_text_printable(name, -1);
    g_test_message("%s: %x, wanted %x", shown, file == NULL ? 0 : file->roles, roles);
    g_assert_cmpuint(file == NULL ? 0 : file->roles, ==, roles);
}

/* text: what is kept; NULL: nothing. */
static void check_kept(const Bench *bench, const HptTrace *trace, const char *name, const char *text)
{
    const HptTraceFile *file = find(bench, trace, name);
    g_test_message("%s", name);
    g_assert_nonnull(file);
    g_assert_cmpint(file->keep, ==, text == NULL ? HPT_TRACE_NOT_KEPT : HPT_TRACE_KEPT);
    if (text != NULL)
        check_same(file->content, file->content_bytes, text, strlen(text));
}

static void check_identity(const HptTraceFile *file, int64_t size)
{
    struct stat status;
    g_assert_cmpint(stat(file->path, &status), ==, 0);
    g_assert_cmpuint(file->dev, ==, status.st_dev);
    g_assert_cmpuint(file->ino, ==, status.st_ino);
    g_assert_cmpint(file->size, ==, size);
    g_assert_cmpint(file->mtime_ns, ==,
                    (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec);
    g_assert_true(S_ISREG(file->mode));
}

static void check_run(const HptTrace *trace, const char *name)
{
    g_autofree char *path = realpath(name, NULL);
    const HptTraceFile *file = find_path(trace, path);
    g_assert_nonnull(file);
    g_assert_cmpuint(file->roles & HPT_TRACE_EXEC, !=, 0);
}

/* below of the project's; and the program, its loader and libraries, in order, and nothing of the kernel's
 * or of ours. */
static void check_files(const Bench *bench, const HptTrace *trace, size_t below)
{
    size_t found = 0, libc = 0, run = 0;
    for (size_t i = 0; i < trace->n; i++) {
        const char *path = trace->files[i].path;
        g_assert_true(i == 0 || strcmp(trace->files[i - 1].path, path) < 0);
        g_assert_false(g_str_has_prefix(path, "/proc/") || g_str_has_prefix(path, "/dev/") ||
                       g_str_has_suffix(path, "/hpt-trace.so"));
        found += g_str_has_prefix(path, bench->work) ? 1 : 0;
        libc += strstr(path, "/libc.so") != NULL;
        run += (trace->files[i].roles & HPT_TRACE_EXEC) != 0;
    }
    g_assert_cmpuint(found, ==, below);
    g_assert_cmpuint(libc, ==, 1);
    g_assert_cmpuint(run, ==, 2);
    check_run(trace, "/proc/self/exe");
}

/* The last of acts and of tests has no name. */
static int act_or_test(int argc, char **argv, const Act *acts, const TrialTest *tests)
{
    if (argc != 4 || strcmp(argv[1], "--act") != 0)
        return run_tests(argc, argv, tests);
    need(chdir(argv[3]) == 0, argv[3]);
    for (; acts->name != NULL; acts++)
        if (strcmp(argv[2], acts->name) == 0)
            acts->act();
    return 0;
}

#endif
