/* The software that files belong to, on a made-up machine. */
#include "record/software.h"

#include "base/text.h"
#include "run/workdir.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *root, *bin;
    HptEnvironment *base;
} Machine;

static void put_bytes(const Machine *m, const char *path, const char *bytes, gssize length)
{
    g_autofree char *full = g_strconcat(m->root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(full);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
    g_assert_true(g_file_set_contents(full, bytes, length, NULL));
}

static void put(const Machine *m, const char *path, const char *text)
{
    put_bytes(m, path, text, -1);
}

static void setup(Machine *m, gconstpointer data)
{
    (void)data;
    m->root = g_dir_make_tmp("hpt-software-XXXXXX", NULL);
    m->bin = g_strconcat(m->root, "/usr/bin", NULL);
    m->base = hpt_environment_collect(&(HptEnvironmentSource){.root = m->root}, NULL);
    put(m, "/var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n");
    put(m, "/var/lib/dpkg/info/libc6:i386.list", "/lib/i386-linux-gnu/libc.so.6\n");
    put(m, "/var/lib/dpkg/info/python3-six.list", "/usr/lib/python3/dist-packages/six.py\n");
    put(m, "/var/lib/dpkg/info/coreutils.list", "/bin/cat\n/usr/bin/env");
    put(m, "/var/lib/dpkg/info/unused.list", "/usr/lib/unused\n");
    put(m, "/var/lib/dpkg/info/unused.md5sums", "x /usr/bin/env\n");
    put(m, "/var/lib/dpkg/status",
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n"
        "Package: libc6\nArchitecture: i386\nVersion: 2.36-9\n\n"
        "Package: python3-six\nArchitecture: all\nVersion: 1.16.0-4\nDescription: x\n Version: 9\n\n"
        "Package: unused\nArchitecture: all\nVersion: 1\n\n"
        "Package: coreutils\nArchitecture: amd64\nVersion: 9.1-1");
    put_bytes(m, "/usr/lib/x86_64-linux-gnu/libc.so.6", "\177ELF....", 8);
    put_bytes(m, "/usr/bin/cat", "\177ELF", 4);
    put_bytes(m, "/usr/bin/env", "\177ELF", 4);
    put(m, "/usr/bin/script", "#!/bin/sh\n");
    put(m, "/usr/lib/text.so", "INPUT(libx.so)\n");
    static const char site[] = "/opt/venv/lib/python3.11/site-packages";
    static const char *const texts[][2] = {
        {"numpy-1.24.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 1.24.2\n\nName: no\n"},
        {"numpy-1.24.2.dist-info/RECORD", "numpy/__init__.py,sha256=x,1\n\"numpy/a,b.py\",,\nnumpy-1.24.2.dist-info/METADATA,,\n"},
        {"pip-23.dist-info/METADATA", "Name: pip\nVersion: 23\n"},
        {"pip-23.dist-info/RECORD", "pip/__init__.py,,\npip-23.dist-info/METADATA,,\n"},
        {"old.egg-info/PKG-INFO", "Name: Old\nVersion: 0.1\n"},
        {"old.egg-info/top_level.txt", "old\n_old\n"},
        {"flat-2.0.egg-info", "Metadata-Version: 1.0\nName: flat\nVersion: 2.0\n"},
        {"unread-1.egg-info", "Name: unread\nVersion: 1\n"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", site, texts[i][0]);
        put(m, path, texts[i][1]);
    }
    put(m, "/usr/lib/R/library/stats/DESCRIPTION", "Package: stats\nVersion: 4.2.2\nTitle: x\n");
    put(m, "/usr/local/lib/R/site-library/e1071/DESCRIPTION", "Package: e1071\nVersion: 1.7-13\n");
}

static void teardown(Machine *m, gconstpointer data)
{
    (void)data;
    hpt_environment_free(m->base);
    g_assert_true(hpt_workdir_remove(m->root, NULL));
    g_free(m->root);
    g_free(m->bin);
}

static HptEnvironment *look(const Machine *m, const char *path, const char *const *paths)
{
    HptSoftwareFile files[64];
    size_t n = 0;
    for (; paths[n] != NULL; n++)
        files[n] = (HptSoftwareFile){.path = paths[n]};
    return hpt_software_environment(m->base, m->root, path, files, n);
}

static size_t count(const HptEnvironment *environment, const char *kind)
{
    size_t n = 0;
    for (int i = 0; i < HPT_PART_COUNT; i++)
        for (size_t k = 0; k < environment->parts[i].n; k++)
            n += strcmp(environment->parts[i].items[k].kind, kind) == 0;
    return n;
}

#define ITEM(kind, name, expected)                                                                 \
    g_assert_cmpstr(hpt_environment_get(environment, kind, name), ==, expected)

static void test_debian(Machine *m, gconstpointer data)
{
    (void)data;
    const char *const files[] = {"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/cat", "/usr/bin/env", "/usr/bin/script",
                                 "/usr/lib/text.so", "/etc/nobody",
                                 "/usr/lib/python3/dist-packages/__pycache__/six.cpython-311.pyc", NULL};
    g_autoptr(HptEnvironment) environment = look(m, NULL, files);
    ITEM("package", "libc6:amd64", "2.36-9");
    ITEM("package", "python3-six", "1.16.0-4");
    ITEM("package", "coreutils", "9.1-1");
    g_assert_cmpuint(count(environment, "package"), ==, 3);
    g_autofree char *zeros = g_strnfill(64, '0');
    g_autofree char *sha = g_strconcat("sha256:", zeros, NULL);
    ITEM("library", "/usr/lib/x86_64-linux-gnu/libc.so.6", sha);
    ITEM("program", "/usr/bin/cat", sha);
    g_assert_cmpuint(count(environment, "library"), ==, 1);
    g_assert_cmpuint(count(environment, "program"), ==, 2);
    /* What was known before stays, and the parts that learn nothing keep their digests. */
    g_assert_true(memcmp(&environment->parts[HPT_PART_HOST].digest, &m->base->parts[HPT_PART_HOST].digest,
                         HPT_DIGEST_SIZE) == 0);
    g_assert_cmpstr(hpt_environment_get(environment, "os", "libc"), ==,
                    hpt_environment_get(m->base, "os", "libc"));
}

#define SITE "/opt/venv/lib/python3.11/site-packages/"

static void test_python(Machine *m, gconstpointer data)
{
    (void)data;
    const char *const files[] = {SITE "numpy/__pycache__/__init__.cpython-311.pyc", SITE "_old.cpython-311-x86_64.so",
                                 SITE "flat/x.py", SITE "pip-23.dist-info/METADATA", NULL};
    g_autoptr(HptEnvironment) environment = look(m, NULL, files);
    ITEM("python", "numpy", "1.24.2");
    ITEM("python", "Old", "0.1");
    ITEM("python", "flat", "2.0");
    ITEM("python", "pip", NULL); /* its metadata alone was read */
    g_assert_cmpuint(count(environment, "python"), ==, 3);
    const char *const comma[] = {SITE "numpy/a,b.py", NULL};
    g_autoptr(HptEnvironment) quoted = look(m, NULL, comma);
    g_assert_cmpuint(count(quoted, "python"), ==, 1);
}

static void test_r(Machine *m, gconstpointer data)
{
    (void)data;
    const char *const files[] = {"/usr/lib/R/library/stats/R/stats.rdb", "/usr/lib/R/library/stats/R/stats.rdx",
                                 "/usr/local/lib/R/site-library/e1071/libs/e1071.so", "/usr/lib/mylibrary/x/y",
                                 "library/x", "/library/", NULL};
    g_autoptr(HptEnvironment) environment = look(m, NULL, files);
    ITEM("r", "stats", "4.2.2");
    ITEM("r", "e1071", "1.7-13");
    g_assert_cmpuint(count(environment, "r"), ==, 2);
}

static void test_rpm(Machine *m, gconstpointer data)
{
    (void)data;
    const char *const files[] = {"/usr/bin/cat", "-e evil", NULL};
    g_autofree char *rpm = g_strconcat(m->bin, "/rpm", NULL);
    put(m, "/usr/bin/rpm",
        "#!/bin/sh\n[ \"$4|$5|$6|$7\" = '-f|--|/usr/bin/cat|-e evil' ] || exit 1\n"
        "printf 'coreutils.x86_64\\t0:9.1-1.el9\\nerror: file x: No such file\\nvim.x86_64\\t2:9-1\\ncut.x86\\t0:1'\n");
    g_assert_cmpint(chmod(rpm, 0755), ==, 0);
    g_autoptr(HptEnvironment) environment = look(m, m->bin, files);
    ITEM("package", "coreutils.x86_64", "9.1-1.el9");
    ITEM("package", "vim.x86_64", "2:9-1");
    ITEM("package", "cut.x86", NULL);
    /* One that hangs has its time, and its children with it. */
    put(m, "/usr/bin/rpm", "#!/bin/sh\nprintf 'a.x\\t0:1\\n\\n'; tail -f /dev/null & tail -f /dev/null\n");
    g_assert_cmpint(chmod(rpm, 0755), ==, 0);
    int64_t begin_us = hpt_time_monotonic_us();
    g_autoptr(HptEnvironment) hung = look(m, m->bin, files);
    g_assert_cmpint(hpt_time_monotonic_us() - begin_us, >=, HPT_RPM_TIME_US);
    g_assert_cmpstr(hpt_environment_get(hung, "package", "a.x"), ==, "1");
}

/* Names that are no UTF-8 are written so that they are, and no secret in one reaches the record. */
static void test_names(Machine *m, gconstpointer data)
{
    (void)data;
    static const char token[] = "ghp_" "aA0bB1cC2dD3eE4fF5gG6hH7iI8jJ9kK0lL1";
    g_autofree char *secret = g_strdup_printf("/opt/%s/libs.so", token);
    const char *const files[] = {"/opt/b\377/libb.so", SITE "bytes/x.py", secret, NULL};
    put(m, files[0], "\177ELF");
    put(m, secret, "\177ELF");
    put(m, SITE "bytes-1.dist-info/METADATA", "Name: b\377\nVersion: 1\n");
    put(m, SITE "bytes-1.dist-info/RECORD", "bytes/x.py,,\n");
    g_autoptr(HptEnvironment) environment = look(m, NULL, files);
    g_assert_nonnull(hpt_environment_get(environment, "library", "/opt/b\\xff/libb.so"));
    g_assert_nonnull(hpt_environment_get(environment, "library", "/opt/ghp_[cut]/libs.so"));
    ITEM("python", "b\\xff", "1");
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        g_assert_true(g_utf8_validate(environment->parts[i].canonical, -1, NULL));
        g_assert_null(strstr(environment->parts[i].canonical, token + strlen("ghp_")));
    }
}

#define ADD(name, function) g_test_add(name, Machine, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/software/debian", test_debian);
    ADD("/software/python", test_python);
    ADD("/software/r", test_r);
    ADD("/software/rpm", test_rpm);
    ADD("/software/names", test_names);
    return g_test_run();
}
