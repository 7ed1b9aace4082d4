/* The environment record, from a made-up machine. */
#include "record/environment.h"
#include "record/process.h"
#include "record/profile.h"
#include "study/cause.h"

#include "base/json.h"
#include "run/workdir.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *root;
} Machine;

static void put(const Machine *m, const char *path, const char *text, int mode)
{
    g_autofree char *full = g_strconcat(m->root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(full);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(full, text, -1, NULL));
    g_assert_cmpint(chmod(full, (mode_t)mode), ==, 0);
}

static void setup(Machine *m, gconstpointer data)
{
    (void)data;
    m->root = g_dir_make_tmp("hpt-environment-XXXXXX", NULL);
    g_assert_nonnull(m->root);
    put(m, "/proc/sys/kernel/osrelease", "6.1.0-test\n", 0644);
    put(m, "/proc/sys/kernel/version", "#1 SMP\n", 0644);
    put(m, "/proc/sys/kernel/arch", "x86_64\n", 0644);
    put(m, "/proc/sys/vm/overcommit_memory", "1\n", 0644);
    put(m, "/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n", 0644);
    put(m, "/sys/devices/system/node/online", "0-1\n", 0644);
    put(m, "/proc/driver/nvidia/version", "NVRM version: NVIDIA 550.1\nGCC version: 12\n", 0644);
    put(m, "/proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t Test GPU\nIRQ: 1\n", 0644);
    put(m, "/sys/class/drm/card0/device/vendor", "0x1002\n", 0644);
    put(m, "/sys/class/drm/card0/device/device", "0x73bf\n", 0644);
    put(m, "/sys/class/drm/card0/device/uevent", "DRIVER=amdgpu\nPCI_ID=1\n", 0644);
    put(m, "/sys/class/drm/card0-DP-1/status", "connected\n", 0644);
    put(m, "/usr/share/zoneinfo/Europe/Paris", "TZif Paris", 0644);
    put(m, "/run/.containerenv", "engine=\"podman-4\"\nimage=\"reg/x:1\"\nimageid=\"abc\"\n", 0644);
    put(m, "/proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: Test\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Test CPU: 9000\nstepping\t: 7\nmicrocode\t: 0xff\nflags\t\t: fpu avx\n\n"
        "processor\t: 1\nmodel name\t: Other\n",
        0644);
    put(m, "/proc/meminfo", "MemTotal:       1234 kB\nMemFree: 1 kB\n", 0644);
    put(m, "/proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-2,5\nMems_allowed_list:\t0\n", 0644);
    put(m, "/proc/self/cgroup", "0::/a/b\n", 0644);
    put(m, "/sys/fs/cgroup/a/b/memory.max", "1000\n", 0644);
    put(m, "/sys/fs/cgroup/a/memory.max", "max\n", 0644);
    put(m, "/sys/fs/cgroup/memory.max", "5000\n", 0644);
    put(m, "/sys/fs/cgroup/a/cpu.max", "50000 100000\n", 0644);
    put(m, "/etc/os-release", "PRETTY_NAME=\"Test OS 1\"\nID=test\nVERSION_ID='1.5'\n", 0644);
    put(m, "/bin/train", "#!/usr/bin/env  python3\nprint()\n", 0755);
    put(m, "/bin/data", "not a program", 0644);
    g_autofree char *link = g_strconcat(m->root, "/etc/localtime", NULL);
    g_assert_cmpint(symlink("/usr/share/zoneinfo/Asia/Tokyo", link), ==, 0);
}

static void remove_tree(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_workdir_remove(path, &error));
}

static void teardown(Machine *m, gconstpointer data)
{
    (void)data;
    remove_tree(m->root);
    g_free(m->root);
}

static HptEnvironment *collect(const Machine *m, const char *const *env, const char *command)
{
    g_autoptr(GError) error = NULL;
    const char *const capture[] = {"MY_*", "EXACT", NULL};
    HptEnvironmentSource source = {.root = m->root,
                                   .environ = env,
                                   .capture = capture,
                                   .command = command,
                                   .directory = m->root};
    HptEnvironment *environment = hpt_environment_collect(&source, &error);
    g_assert_no_error(error);
    return environment;
}

#define ITEM(kind, name, expected)                                                                 \
    g_assert_cmpstr(hpt_environment_get(environment, kind, name), ==, expected)

static void test_machine(Machine *m, gconstpointer data)
{
    (void)data;
    g_autofree char *path = g_strdup_printf("PATH=/nowhere:%s/bin", m->root);
    const char *const env[] = {path, "LANG=C.UTF-8", "container=lxc", NULL};
    g_autoptr(HptEnvironment) environment = collect(m, env, "train");
    ITEM("host", "kernel", "6.1.0-test");
    ITEM("host", "kernel_build", "#1 SMP");
    ITEM("host", "hostname", NULL);
    ITEM("host", "arch", "x86_64");
    ITEM("host", "boot_id", NULL);
    ITEM("host", "cpu_vendor", "Test");
    ITEM("host", "cpu_family", "6");
    ITEM("host", "cpu_model", "Test CPU: 9000");
    ITEM("host", "cpu_model_number", "85");
    ITEM("host", "cpu_stepping", "7");
    ITEM("host", "cpu_flags", "fpu avx");
    ITEM("host", "microcode", "0xff");
    /* printf 'fpu avx' | sha256sum */
    ITEM("host", "cpu_flags_sha256",
         "07984f93a0f782e93b0482608bfde4c433d14a4a4e36e73dc98c417c6a13e823");
    ITEM("host", "cores", "4 (0-2,5)");
    ITEM("host", "memory_kib", "1234");
    ITEM("host", "cgroup_memory", "1000 < 5000");
    ITEM("host", "cgroup_cpu", "50000 100000");
    ITEM("host", "container", "lxc");
    ITEM("host", "container_image", "reg/x:1 abc");
    ITEM("host", "numa_nodes", "0-1");
    ITEM("host", "memory_nodes", "0");
    ITEM("gpu", "nvidia_driver", "NVRM version: NVIDIA 550.1");
    ITEM("gpu", "nvidia/0000:01:00.0", "Test GPU");
    ITEM("gpu", "drm/card0", "0x1002:0x73bf amdgpu");
    ITEM("gpu", "drm/card0-DP-1", NULL);
    ITEM("sysctl", "vm.overcommit_memory", "1");
    ITEM("sysctl", "transparent_hugepage", "madvise");
    ITEM("os", "id", "test");
    ITEM("os", "name", "Test OS 1");
    ITEM("os", "version", "1.5");
    ITEM("os", "timezone", "Asia/Tokyo");
    ITEM("os", "locale", "C.UTF-8");
    g_assert_true(g_str_has_prefix(hpt_environment_get(environment, "os", "libc"), "glibc 2."));
    ITEM("executable", "command", "train");
    ITEM("executable", "size", "32");
    ITEM("executable", "interpreter", "/usr/bin/env  python3");
    g_assert_true(
        g_str_has_suffix(hpt_environment_get(environment, "executable", "path"), "/bin/train"));
    g_assert_nonnull(hpt_environment_get(environment, "executable", "sha256"));
    ITEM("host", "no such item", NULL);
}

static void test_variables(Machine *m, gconstpointer data)
{
    (void)data;
    const char *const env[] = {"OMP_NUM_THREADS=2",
                               "AWS_SECRET_ACCESS_KEY=hunter2",
                               "MY_NOTE=a\033b",
                               "EXACT=1",
                               "EXACTLY=2",
                               "PYTHONPATH=https://user:hunter2@host/x",
                               "LC_ALL=de_DE.ISO-8859-1\xe4",
                               "TZ=Europe/Paris",
                               "TZ=second",
                               "HPT_TRIAL=hunter2",
                               "=C:=weird",
                               "novalue",
                               "BAD\nNAME=hunter2",
                               NULL};
    g_autoptr(HptEnvironment) environment = collect(m, env, NULL);
    ITEM("variable", "OMP_NUM_THREADS", "2");
    ITEM("variable", "MY_NOTE", "a\033b");
    ITEM("variable", "EXACT", "1");
    ITEM("variable", "EXACTLY", NULL);
    ITEM("hidden", "EXACTLY", "");
    ITEM("hidden", "AWS_SECRET_ACCESS_KEY", "");
    ITEM("hidden", "BAD\\nNAME", "");
    ITEM("variable", "PYTHONPATH", "https://[cut]@host/x");
    ITEM("variable", "TZ", "Europe/Paris");
    ITEM("os", "timezone", "Europe/Paris");
    /* printf 'TZif Paris' | sha256sum */
    ITEM("os", "timezone_sha256",
         "4030c4a7a8612dba56867348ff40ab60f226a2af93563547d03fc440bdef9321");
    ITEM("hidden", "HPT_TRIAL", NULL);
    const char *text = environment->parts[HPT_PART_VARIABLES].canonical;
    for (int i = 0; i < HPT_PART_COUNT; i++)
        g_assert_null(strstr(environment->parts[i].canonical, "hunter2"));
    g_assert_nonnull(strstr(text,
                            "\"name\":\"LC_ALL\",\"value_hex\":\"64655f44452e49534f2d383835392d"
                            "31e4\""));
}

static void assert_canonical(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) parsed = hpt_json_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    g_autofree char *again = hpt_json_canonical(parsed, &error);
    g_assert_cmpstr(again, ==, text);
}

/* Sorted, canonical, and the same whatever the order of the environment. */
static void test_canonical(Machine *m, gconstpointer data)
{
    (void)data;
    const char *const one[] = {"LANG=C", "OMP_A=1", "ZED=1", NULL};
    const char *const two[] = {"ZED=2", "OMP_A=1", "LANG=C", NULL};
    const char *const three[] = {"ZED=2", "OMP_A=2", "LANG=C", NULL};
    g_autoptr(HptEnvironment) a = collect(m, one, "train"), b = collect(m, two, "train"),
                              c = collect(m, three, "train");
    g_assert_cmpstr(a->canonical, ==, b->canonical);
    g_assert_true(memcmp(&a->digest, &b->digest, sizeof a->digest) == 0);
    g_assert_true(memcmp(&a->digest, &c->digest, sizeof a->digest) != 0);
    HptDigest digest = hpt_digest(a->canonical, strlen(a->canonical));
    g_assert_true(memcmp(&a->digest, &digest, sizeof digest) == 0);
    assert_canonical(a->canonical);
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        const HptEnvironmentPart *part = &a->parts[i];
        char hex[HPT_DIGEST_HEX_SIZE];
        assert_canonical(part->canonical);
        digest = hpt_digest(part->canonical, strlen(part->canonical));
        g_assert_true(memcmp(&part->digest, &digest, sizeof digest) == 0);
        g_assert_nonnull(strstr(a->canonical, hpt_digest_hex(&digest, hex)));
        for (size_t k = 1; k < part->n; k++) {
            int by_kind = strcmp(part->items[k - 1].kind, part->items[k].kind);
            g_assert_true(by_kind < 0 ||
                          (by_kind == 0 &&
                           strcmp(part->items[k - 1].name, part->items[k].name) < 0));
        }
        /* A variable changes one part of the five. */
        bool same = memcmp(&part->digest, &c->parts[i].digest, sizeof digest) == 0;
        g_assert_true(same == (i != HPT_PART_VARIABLES));
    }
}

static HptEnvironment *parse(const HptEnvironment *from, size_t without, const char **problem)
{
    HptEnvironmentText whole = {from->canonical, strlen(from->canonical)}, parts[HPT_PART_COUNT];
    size_t n = 0;
    for (size_t i = HPT_PART_COUNT; i-- > 0;) /* in any order */
        if (i != without)
            parts[n++] = (HptEnvironmentText){from->parts[i].canonical, strlen(from->parts[i].canonical)};
    g_autoptr(GError) error = NULL;
    HptEnvironment *read = hpt_environment_parse(&whole, parts, n, &error);
    g_assert_true((read != NULL) == (error == NULL));
    if (error != NULL)
        *problem = g_intern_string(error->message);
    return read;
}

static void test_parse(Machine *m, gconstpointer data)
{
    (void)data;
    g_autofree char *path = g_strdup_printf("PATH=%s/bin", m->root);
    const char *const env[] = {"OMP_A=1", "LC_ALL=\xe4", path, NULL};
    g_autoptr(HptEnvironment) written = collect(m, env, "train");
    const char *problem = NULL;
    g_autoptr(HptEnvironment) read = parse(written, SIZE_MAX, &problem);
    g_assert_nonnull(read);
    g_assert_cmpstr(read->canonical, ==, written->canonical);
    g_assert_true(memcmp(&read->digest, &written->digest, sizeof read->digest) == 0);
    g_assert_cmpstr(hpt_environment_get(read, "variable", "LC_ALL"), ==, "\xe4");
    g_assert_cmpstr(hpt_environment_get(read, "executable", "size"), ==, "32");
    g_autoptr(HptEnvironment) missing = parse(written, HPT_PART_LIBRARIES, &problem);
    g_assert_null(missing);
    g_assert_nonnull(strstr(problem, "the environment's part libraries"));
    static const char *const bad[] = {"", "{}", "[]", "{\"format\":\"hpt-environment/3\"}",
                                      "{\"format\":\"hpt-environment/2\"}",
                                      "{\"format\":\"hpt-environment/2\",\"parts\":{\"host\":\"00\"}}",
                                      "{\"format\":\"hpt-environment/1\",\"items\":[{}]}"};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(hpt_environment_parse(&(HptEnvironmentText){bad[i], strlen(bad[i])}, NULL, 0, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    }
}

#define DIFFERENCE(i) g_array_index(differences, HptEnvironmentDifference, i)

static void test_compare(Machine *m, gconstpointer data)
{
    (void)data;
    const char *const one[] = {"LANG=C", "OMP_A=1", "TZ=UTC0", NULL}, *const two[] = {"LANG=C", "OMP_A=2", "TZ=EST5EDT", NULL};
    g_autoptr(HptEnvironment) a = collect(m, one, "train"), b = collect(m, two, "train");
    g_autoptr(GArray) none = hpt_environment_compare(a, a);
    g_assert_cmpuint(none->len, ==, 0);
    g_autoptr(GArray) differences = hpt_environment_compare(a, b);
    g_assert_cmpuint(differences->len, ==, 3);
    g_assert_cmpstr(DIFFERENCE(0).name, ==, "timezone");
    g_assert_cmpint(DIFFERENCE(0).part, ==, HPT_PART_VARIABLES);
    g_assert_cmpstr(DIFFERENCE(1).name, ==, "OMP_A");
    g_assert_cmpstr(DIFFERENCE(1).a, ==, "1");
    g_assert_cmpstr(DIFFERENCE(1).b, ==, "2");
    g_assert_cmpstr(DIFFERENCE(2).name, ==, "TZ");
    g_assert_cmpstr(DIFFERENCE(2).b, ==, "EST5EDT");
}

/* One of the first format: in one list, with less in it. */
static void test_old(Machine *m, gconstpointer data)
{
    (void)data;
    static const char text[] =
        "{\"format\":\"hpt-environment/1\",\"items\":["
        "{\"kind\":\"executable\",\"name\":\"size\",\"value\":\"32\"},"
        "{\"kind\":\"host\",\"name\":\"boot_id\",\"value\":\"9\"},"
        "{\"kind\":\"host\",\"name\":\"kernel\",\"value\":\"5.0\"},"
        "{\"kind\":\"hpt\",\"name\":\"version\",\"value\":\"0.1.0\"},"
        "{\"kind\":\"os\",\"name\":\"id\",\"value\":\"test\"},"
        "{\"kind\":\"variable\",\"name\":\"OMP_A\",\"value\":\"1\"}]}";
    g_autofree char *path = g_strdup_printf("PATH=%s/bin", m->root);
    const char *const env[] = {"OMP_A=2", path, NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(HptEnvironment) old =
        hpt_environment_parse(&(HptEnvironmentText){text, strlen(text)}, NULL, 0, &error);
    g_assert_no_error(error);
    HptDigest digest = hpt_digest(text, strlen(text));
    g_assert_true(memcmp(&old->digest, &digest, sizeof digest) == 0);
    g_autoptr(HptEnvironment) now = collect(m, env, "train");
    g_autoptr(GArray) differences = hpt_environment_compare(old, now);
    g_assert_cmpuint(differences->len, ==, 2);
    g_assert_cmpstr(DIFFERENCE(0).name, ==, "kernel");
    g_assert_cmpstr(DIFFERENCE(1).name, ==, "OMP_A");
}

/* A machine that tells nothing is no failure, and neither is a program that is not there. */
static void test_bare(Machine *m, gconstpointer data)
{
    (void)data;
    g_autofree char *none = g_strconcat(m->root, "/none", NULL);
    HptEnvironmentSource source = {.root = none, .command = "no-such-program"};
    g_autoptr(HptEnvironment) environment = hpt_environment_collect(&source, NULL);
    g_assert_nonnull(environment);
    ITEM("executable", "path", NULL);
    ITEM("os", "timezone", "UTC");
    ITEM("os", "locale", "C");
    g_autoptr(HptEnvironment) real =
        hpt_environment_collect(&(HptEnvironmentSource){.command = "sh"}, NULL);
    g_assert_nonnull(hpt_environment_get(real, "host", "kernel"));
    g_assert_nonnull(hpt_environment_get(real, "executable", "sha256"));
}

static void test_cgroup_v1(Machine *m, gconstpointer data)
{
    (void)data;
    put(m, "/proc/self/cgroup", "5:cpu,cpuacct:/j\n4:memory:/job:1\nbroken\n", 0644);
    put(m, "/sys/fs/cgroup/memory/job:1/memory.limit_in_bytes", "77\n", 0644);
    put(m, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", 0644);
    put(m, "/sys/fs/cgroup/cpu/j/cpu.cfs_quota_us", "-1\n", 0644);
    g_autoptr(HptEnvironment) environment = collect(m, NULL, NULL);
    ITEM("host", "cgroup_memory", "77");
    ITEM("host", "cgroup_cpu", NULL);
}

static void test_find(Machine *m, gconstpointer data)
{
    (void)data;
    g_autofree char *train = g_strconcat(m->root, "/bin/train", NULL);
    g_autofree char *bin = g_strconcat(m->root, "/bin", NULL);
    g_autofree char *by_path = hpt_find_program("train", bin, NULL);
    g_assert_cmpstr(by_path, ==, train);
    g_autofree char *relative = hpt_find_program("bin/train", NULL, m->root);
    g_assert_cmpstr(relative, ==, train);
    g_autofree char *relative_path = hpt_find_program("train", "bin", m->root);
    g_assert_cmpstr(relative_path, ==, train);
    g_autofree char *empty_element = hpt_find_program("train", "/x::/y", bin);
    g_assert_cmpstr(empty_element, ==, train);
    g_assert_null(hpt_find_program("data", bin, NULL)); /* not executable */
    g_assert_null(hpt_find_program("", bin, NULL));
    g_assert_null(hpt_find_program("bin", m->root, NULL)); /* a folder */
    g_autoptr(GError) not_executable = NULL, not_found = NULL;
    g_assert_true(hpt_check_program("train", bin, NULL, NULL));
    g_assert_false(hpt_check_program("data", bin, NULL, &not_executable));
    g_assert_error(not_executable, HPT_ERROR, HPT_ERROR_NOT_EXECUTABLE);
    g_assert_false(hpt_check_program("no-such", bin, NULL, &not_found));
    g_assert_error(not_found, HPT_ERROR, HPT_ERROR_NO_COMMAND);
    g_autofree char *system = hpt_find_program("sh", NULL, NULL);
    g_assert_cmpstr(system, ==, "/bin/sh");
}

/* What a command inherits from us, and where it works as seen from the project. */
static void test_process(Machine *m, gconstpointer data)
{
    (void)data;
    g_autofree char *here = g_get_current_dir();
    g_autofree char *inside = g_strconcat(m->root, "/etc", NULL);
    char *real = realpath(m->root, NULL);
    mode_t before = umask(027);
    struct rlimit limit, saved;
    g_assert_cmpint(getrlimit(RLIMIT_STACK, &saved), ==, 0);
    limit = (struct rlimit){1048576, saved.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_STACK, &limit), ==, 0);
    g_assert_cmpint(chdir(inside), ==, 0);
    HptEnvironmentSource source = {.root = m->root, .process = true, .project = m->root};
    g_autoptr(HptEnvironment) environment = hpt_environment_collect(&source, NULL);
    ITEM("process", "directory", "etc");
    ITEM("process", "project", real);
    ITEM("process", "umask", "0027");
    ITEM("process", "limit_stack", "1048576");
    g_assert_true(hpt_process_set_limit("stack", "2097152"));
    g_assert_false(hpt_process_set_limit("stack", "-1"));
    g_assert_false(hpt_process_set_limit("stock", "1"));
    g_assert_cmpint(getrlimit(RLIMIT_STACK, &limit), ==, 0);
    g_assert_cmpint((int64_t)limit.rlim_cur, ==, 2097152);
    g_assert_cmpint(chdir(here), ==, 0);
    source.project = inside;
    g_autoptr(HptEnvironment) outside = hpt_environment_collect(&source, NULL);
    g_assert_cmpstr(hpt_environment_get(outside, "process", "directory"), ==, here);
    umask(before);
    g_assert_cmpint(setrlimit(RLIMIT_STACK, &saved), ==, 0);
    free(real);
}

static void test_allowed(void)
{
    g_assert_true(hpt_environment_allowed("LC_NUMERIC"));
    g_assert_true(hpt_environment_allowed("PATH"));
    g_assert_false(hpt_environment_allowed("PATHS"));
    g_assert_false(hpt_environment_allowed("HOME"));
    g_assert_false(hpt_environment_allowed("WANDB_API_KEY"));
    /* What --deterministic sets is recorded, or a replay could not restore it. */
    for (const char *const *set = hpt_profile_variables; *set != NULL; set++) {
        g_autofree char *name = g_strndup(*set, strcspn(*set, "="));
        g_test_message("%s", name);
        g_assert_true(hpt_environment_allowed(name));
    }
}

/* Whatever says how many threads compute is recorded, and is that cause when it differs. */
static void test_threads(void)
{
    static const char *const names[] = {
        "OMP_NUM_THREADS", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "MKL_NUM_THREADS", "MKL_CBWR",
        "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "BLIS_NUM_THREADS", "GOTO_NUM_THREADS",
        "NVPL_BLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_MAX_THREADS", "RAYON_NUM_THREADS",
        "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT", "GOMAXPROCS", "MC_CORES", "RCPP_PARALLEL_NUM_THREADS",
        "R_DATATABLE_NUM_THREADS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS", "JULIA_NUM_THREADS",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_test_message("%s", names[i]);
        g_assert_true(hpt_environment_allowed(names[i]));
        g_assert_cmpint(hpt_cause_of("variable", names[i]), ==, HPT_CAUSE_THREADS);
    }
    g_assert_cmpint(hpt_cause_of("variable", "R_LIBS"), ==, HPT_CAUSE_PACKAGE);
}

/* A variable that one side has by its name alone, as an older hpt recorded it, is no difference. */
static void test_half_known(void)
{
    HptItem known = {.kind = "variable", .name = "MC_CORES", .value = "4"},
            other = {.kind = "variable", .name = "OMP_NUM_THREADS", .value = "4"},
            hidden = {.kind = "hidden", .name = "MC_CORES", .value = ""};
    g_autoptr(GPtrArray) then = g_ptr_array_new(), now = g_ptr_array_new();
    g_ptr_array_add(then, &hidden);
    g_ptr_array_add(now, &known);
    g_ptr_array_add(now, &other);
    for (int turned = 0; turned < 2; turned++) {
        g_autoptr(GPtrArray) causes = turned ? hpt_causes_between(now, then) : hpt_causes_between(then, now);
        g_assert_cmpuint(causes->len, ==, 1);
        const HptCause *cause = causes->pdata[0];
        g_assert_cmpstr(cause->name, ==, "OMP_NUM_THREADS");
    }
}

#define ADD(name, function) g_test_add(name, Machine, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/environment/machine", test_machine);
    ADD("/environment/variables", test_variables);
    ADD("/environment/canonical", test_canonical);
    ADD("/environment/parse", test_parse);
    ADD("/environment/compare", test_compare);
    ADD("/environment/old", test_old);
    ADD("/environment/bare", test_bare);
    ADD("/environment/cgroup-v1", test_cgroup_v1);
    ADD("/environment/find", test_find);
    ADD("/environment/process", test_process);
    g_test_add_func("/environment/allowed", test_allowed);
    g_test_add_func("/environment/threads", test_threads);
    g_test_add_func("/environment/half-known", test_half_known);
    return g_test_run();
}
