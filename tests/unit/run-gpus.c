/* Dealing out cores and GPUs. */
#include "run/cores.h"
#include "run/gpus.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *visible; /* CUDA_VISIBLE_DEVICES=… with names of this process alone */

static char *name(int i)
{
    return g_strdup_printf("GPU-test-%d-%d", (int)getpid(), i);
}

static HptGpus *deal(const char *text, int each, int slots, const char *more, GError **error)
{
    const char *const entries[] = {"HOME=/", visible, more, NULL};
    return hpt_gpus_new(text, each, slots, entries, error);
}

static void check_refused(const char *text, int each, int slots, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptGpus) gpus = deal(text, each, slots, NULL, &error);
    g_assert_null(gpus);
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
    if (strstr(error->message, message) == NULL)
        g_error("'%s' is not in '%s'", message, error->message);
}

static void test_choice(void)
{
    check_refused("0", 1, 1, "shows 4 GPUs");
    check_refused("5", 1, 1, "shows 4 GPUs");
    check_refused("x,", 1, 1, "does not show GPU x");
    check_refused("a b", 1, 1, "not 'a b'");
    check_refused("../x,", 1, 1, "takes all, a count or names");
    g_autofree char *first = name(0), *twice = g_strdup_printf("%s,%s", first, first);
    check_refused(twice, 1, 1, "twice");
    check_refused("all", 2, 3, "--jobs=3 with --gpus-per-trial=2 needs 6 GPUs, and "
                               "CUDA_VISIBLE_DEVICES shows 4");
    check_refused("2", 1, 3, "needs 3 GPUs, and --gpus shows 2");
    g_autofree char *one = g_strdup_printf("%s,", first);
    g_autoptr(HptGpus) gpus = deal(one, 1, 1, NULL, NULL);
    g_assert_true(hpt_gpus_take(gpus, 0));
    g_autofree char *text = hpt_gpus_text(gpus, 0);
    g_assert_cmpstr(text, ==, first);
}

/* Everybody has his own, beside others in this process and behind other descriptors. */
static void test_exclusive(void)
{
    g_autoptr(HptGpus) ours = deal("all", 1, 4, NULL, NULL);
    HptGpus *theirs = deal("all", 2, 2, NULL, NULL);
    g_assert_nonnull(ours);
    g_assert_nonnull(theirs);
    g_assert_null(hpt_gpus_text(ours, 0));
    g_assert_true(hpt_gpus_take(ours, 0));
    g_assert_true(hpt_gpus_take(ours, 0)); /* has it */
    g_assert_true(hpt_gpus_take(ours, 1));
    g_autofree char *a = hpt_gpus_text(ours, 0), *b = hpt_gpus_text(ours, 1);
    g_assert_cmpstr(a, !=, b);
    g_assert_true(hpt_gpus_take(theirs, 0));
    g_autofree char *two = hpt_gpus_text(theirs, 0);
    g_assert_null(strstr(two, a));
    g_assert_null(strstr(two, b));
    g_assert_false(hpt_gpus_take(theirs, 1));
    g_assert_false(hpt_gpus_take(ours, 2));
    hpt_gpus_leave(ours, 0);
    g_assert_false(hpt_gpus_take(theirs, 1)); /* one is free: it takes none rather than half */
    g_assert_true(hpt_gpus_take(ours, 2));
    hpt_gpus_free(theirs);
    g_assert_true(hpt_gpus_take(ours, 3));
}

static void test_environment(void)
{
    g_autoptr(HptGpus) gpus = deal("all", 2, 2, NULL, NULL);
    g_assert_true(hpt_gpus_take(gpus, 1));
    g_autofree char *text = hpt_gpus_text(gpus, 1);
    g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);
    hpt_gpus_add_env(gpus, 0, env);
    g_assert_cmpuint(env->len, ==, 0);
    hpt_gpus_add_env(gpus, 1, env);
    for (guint i = 0; i < env->len; i++)
        g_assert_true(hpt_gpus_is_variable(env->pdata[i]));
    g_ptr_array_add(env, NULL);
    g_auto(GStrv) all = g_strdupv((char **)env->pdata);
    g_autofree char *joined = g_strjoinv(" ", all);
    g_autofree char *wanted = g_strdup_printf(
        "CUDA_VISIBLE_DEVICES=%s ROCR_VISIBLE_DEVICES=%s ZE_AFFINITY_MASK=%s "
        "HIP_VISIBLE_DEVICES=0,1 GPU_DEVICE_ORDINAL=0,1 HPT_GPUS=%s", text, text, text, text);
    g_assert_cmpstr(joined, ==, wanted);
    g_assert_false(hpt_gpus_is_variable("CUDA_VISIBLE_DEVICES_X=1"));
}

/* Two jobs of a scheduler that both count from 0 have different GPUs. */
static void test_scheduler(void)
{
    g_autofree char *a = g_strdup_printf("SLURM_JOB_GPUS=t%da,t%db", (int)getpid(), (int)getpid());
    g_autofree char *b = g_strdup_printf("SLURM_JOB_GPUS=t%dc,t%da", (int)getpid(), (int)getpid());
    const char *const first[] = {"CUDA_VISIBLE_DEVICES=0,1", a, NULL};
    const char *const second[] = {"CUDA_VISIBLE_DEVICES=0,1", b, NULL};
    g_autoptr(HptGpus) one = hpt_gpus_new("all", 1, 2, first, NULL);
    g_autoptr(HptGpus) other = hpt_gpus_new("all", 1, 2, second, NULL);
    g_assert_true(hpt_gpus_take(one, 0)); /* t…a */
    g_assert_true(hpt_gpus_take(other, 0));
    g_autofree char *text = hpt_gpus_text(other, 0);
    g_assert_cmpstr(text, ==, "0"); /* t…c */
    g_assert_false(hpt_gpus_take(other, 1)); /* t…a */
    hpt_gpus_leave(one, 0);
    g_assert_true(hpt_gpus_take(other, 1));
}

/* -1 hides what stands behind it. */
static void test_hidden(void)
{
    const char *const entries[] = {"CUDA_VISIBLE_DEVICES=3,-1,4", NULL};
    const char *const none[] = {"CUDA_VISIBLE_DEVICES=", NULL};
    g_autoptr(GError) error = NULL, empty = NULL;
    g_assert_null(hpt_gpus_new("all", 2, 1, entries, &error));
    g_assert_nonnull(strstr(error->message, "CUDA_VISIBLE_DEVICES shows 1"));
    g_assert_null(hpt_gpus_new("all", 1, 1, none, &empty));
    g_assert_nonnull(strstr(empty->message, "CUDA_VISIBLE_DEVICES shows 0"));
}

/* A link that somebody put where the lock is to be is not followed. */
static void test_lock_is_link(void)
{
    struct stat about;
    bool common = stat("/run/lock", &about) == 0 && (about.st_mode & 01002) == 01002;
    g_autofree char *path = g_strdup_printf("%s/hpt-gpu-link%d", common ? "/run/lock" : "/tmp",
                                            (int)getpid());
    g_autofree char *entry = g_strdup_printf("CUDA_VISIBLE_DEVICES=link%d", (int)getpid());
    const char *const entries[] = {entry, NULL};
    g_assert_cmpint(symlink("/etc/passwd", path), ==, 0);
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_gpus_new("all", 1, 1, entries, &error));
    g_assert_nonnull(strstr(error->message, "cannot open the lock"));
    g_assert_cmpint(unlink(path), ==, 0);
    g_autoptr(HptGpus) gpus = hpt_gpus_new("all", 1, 1, entries, NULL);
    g_assert_nonnull(gpus);
    g_assert_cmpint(lstat(path, &about), ==, 0);
    g_assert_true(S_ISREG(about.st_mode));
    g_assert_cmpint(about.st_mode & 0777, ==, 0444);
    g_assert_cmpint(unlink(path), ==, 0);
}

static void test_cores(void)
{
    cpu_set_t mine;
    g_assert_cmpint(sched_getaffinity(0, sizeof mine, &mine), ==, 0);
    int n = CPU_COUNT(&mine);
    g_autoptr(HptCores) cores = hpt_cores_new(1, n, NULL);
    cpu_set_t seen;
    CPU_ZERO(&seen);
    for (int i = 0; i < n; i++) {
        cpu_set_t both;
        g_assert_cmpint(CPU_COUNT(hpt_cores_get(cores, i)), ==, 1);
        CPU_AND(&both, &seen, hpt_cores_get(cores, i));
        g_assert_cmpint(CPU_COUNT(&both), ==, 0);
        CPU_OR(&seen, &seen, hpt_cores_get(cores, i));
    }
    g_assert_true(CPU_EQUAL(&seen, &mine));
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_cores_new(2, n, &error));
    g_autofree char *wanted = g_strdup_printf("--jobs=%d with --cores=2 needs %d CPUs, and this "
                                              "process may use %d", n, 2 * n, n);
    g_assert_cmpstr(error->message, ==, wanted);
    g_autoptr(GPtrArray) env = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(env, g_strdup("OMP_NUM_THREADS=7"));
    hpt_cores_add_env(cores, env);
    g_assert_cmpuint(env->len, ==, 5);
    g_assert_cmpstr(env->pdata[1], ==, "OPENBLAS_NUM_THREADS=1");
}

/* Those that were made for the names of this test. */
static void remove_locks(void)
{
    static const char *const folders[] = {"/run/lock", "/tmp"};
    g_autofree char *gpu = g_strdup_printf("hpt-gpu-GPU-test-%d-", (int)getpid());
    g_autofree char *job = g_strdup_printf("hpt-gpu-t%d", (int)getpid());
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autoptr(GDir) dir = g_dir_open(folders[i], 0, NULL);
        for (const char *file; dir != NULL && (file = g_dir_read_name(dir)) != NULL;)
            if (g_str_has_prefix(file, gpu) || g_str_has_prefix(file, job)) {
                g_autofree char *path = g_build_filename(folders[i], file, NULL);
                g_assert_cmpint(unlink(path), ==, 0);
            }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *a = name(0), *b = name(1), *c = name(2), *d = name(3);
    visible = g_strdup_printf("CUDA_VISIBLE_DEVICES=%s, %s,%s,%s", a, b, c, d);
    g_test_add_func("/gpus/choice", test_choice);
    g_test_add_func("/gpus/exclusive", test_exclusive);
    g_test_add_func("/gpus/environment", test_environment);
    g_test_add_func("/gpus/scheduler", test_scheduler);
    g_test_add_func("/gpus/hidden", test_hidden);
    g_test_add_func("/gpus/lock-is-link", test_lock_is_link);
    g_test_add_func("/cores", test_cores);
    int status = g_test_run();
    remove_locks();
    g_free(visible);
    return status;
}
