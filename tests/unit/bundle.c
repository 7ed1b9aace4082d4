/* Bundles: the same bytes every time, and nothing but what was written reads back. */
#include "store/bundle.h"
#include "run/workdir.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

typedef struct {
    char *dir, *path; /* dir/x.tar */
    HptStore *store;
} Place;

static void setup(Place *place, gconstpointer data)
{
    (void)data;
    place->dir = g_dir_make_tmp("hpt-bundle-XXXXXX", NULL);
    g_assert_nonnull(place->dir);
    place->path = g_build_filename(place->dir, "x.tar", NULL);
    g_autofree char *objects = g_build_filename(place->dir, "objects", NULL);
    place->store = hpt_store_open(objects, NULL);
    g_assert_nonnull(place->store);
}

static void remove_tree(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_workdir_remove(path, &error));
}

static void teardown(Place *place, gconstpointer data)
{
    (void)data;
    hpt_store_close(place->store);
    remove_tree(place->dir);
    g_free(place->path);
    g_free(place->dir);
}

/* The same content, its entries added in one order or the other. */
static HptBundle *make(const Place *place, bool backwards)
{
    static const char *const names[] = {"README.txt", "a/b.txt", "trials.jsonl", "-rf", "empty"};
    g_autoptr(GError) error = NULL;
    HptBundle *bundle = hpt_bundle_new("test", place->dir, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *name = names[backwards ? G_N_ELEMENTS(names) - 1 - i : i];
        size_t length = strcmp(name, "empty") == 0 ? 0 : strlen(name);
        g_assert_true(hpt_bundle_add_bytes(bundle, name, name, length, &error));
    }
    g_autofree char *large = g_malloc(200000);
    memset(large, 'x', 200000);
    HptObjectId id;
    g_assert_true(hpt_object_put_bytes(place->store, large, 200000, &id, &error));
    for (int twice = 0; twice < 2; twice++) {
        g_assert_true(hpt_bundle_add_object(bundle, place->store, &id, &error));
        g_assert_true(hpt_bundle_add_object_bytes(bundle, "small", 5, &error));
    }
    g_assert_no_error(error);
    return bundle;
}

static char *slurp(const char *path, size_t *length)
{
    char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_file_get_contents(path, &text, length, &error);
    g_assert_no_error(error);
    return text;
}

static void test_same_bytes(Place *place, gconstpointer data)
{
    (void)data;
    HptBundleInfo info, again;
    g_autoptr(GError) error = NULL;
    g_autoptr(HptBundle) one = make(place, false), two = make(place, true);
    g_assert_true(hpt_bundle_write(one, place->path, false, &info, &error));
    g_assert_no_error(error);
    size_t n = 0, m = 0, z = 0;
    g_autofree char *a = slurp(place->path, &n);
    g_assert_cmpint(setenv("TZ", "Asia/Kathmandu", 1), ==, 0);
    mode_t mask = umask(077);
    g_assert_true(hpt_bundle_write(two, place->path, false, &again, &error));
    umask(mask);
    g_autofree char *b = slurp(place->path, &m);
    g_assert_cmpuint(n, ==, m);
    g_assert_true(memcmp(a, b, n) == 0);
    g_assert_cmpuint(info.entries, ==, 9); /* 5 files, 2 objects, SHA256SUMS, the manifest */
    g_assert_true(memcmp(&info, &again, sizeof info) == 0);

    /* A frame around the same tar: another file, the same identity. */
    g_assert_true(hpt_bundle_write(one, place->path, true, &again, &error));
    g_assert_true(memcmp(&info.identity, &again.identity, sizeof info.identity) == 0);
    g_autofree char *c = slurp(place->path, &z);
    g_assert_cmpuint(z, <, n / 10);
    g_autofree char *inside = g_malloc(n);
    g_assert_cmpuint(ZSTD_decompress(inside, n, c, z), ==, n);
    g_assert_true(memcmp(inside, a, n) == 0);
    g_assert_true(hpt_bundle_check(place->path, &again, &error));
    g_assert_cmpuint(again.entries, ==, 9);
    g_assert_cmpint(again.bytes, ==, info.bytes);
}

/* Written by nobody: 77 if that cannot be tried, 0 if it is the same file. */
static int write_as_nobody(const Place *place)
{
    g_autofree char *path = g_build_filename(place->dir, "nobody", "x.tar", NULL);
    g_autofree char *dir = g_path_get_dirname(path);
    if (setgid(65534) != 0 || setuid(65534) != 0)
        return 77;
    HptBundle *bundle = hpt_bundle_new("test", dir, NULL);
    bool ok = bundle != NULL && hpt_bundle_add_bytes(bundle, "a", "x", 1, NULL) &&
              hpt_bundle_write(bundle, path, false, NULL, NULL);
    hpt_bundle_free(bundle);
    return ok ? 0 : 1;
}

static void test_other_user(Place *place, gconstpointer data)
{
    (void)data;
    g_autofree char *dir = g_build_filename(place->dir, "nobody", NULL);
    g_autofree char *other = g_build_filename(dir, "x.tar", NULL);
    g_assert_cmpint(chmod(place->dir, 0755), ==, 0);
    g_assert_cmpint(mkdir(dir, 0777), ==, 0);
    g_assert_cmpint(chmod(dir, 0777), ==, 0);
    int status = 0;
    pid_t child = getuid() == 0 ? fork() : -1;
    if (child == 0)
        _exit(write_as_nobody(place));
    if (child < 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) == 77) {
        g_test_skip("needs root");
        return;
    }
    g_assert_cmpint(status, ==, 0);
    g_autoptr(HptBundle) bundle = hpt_bundle_new("test", place->dir, NULL);
    g_assert_true(hpt_bundle_add_bytes(bundle, "a", "x", 1, NULL));
    g_assert_true(hpt_bundle_write(bundle, place->path, false, NULL, NULL));
    size_t n = 0, m = 0;
    g_autofree char *a = slurp(place->path, &n), *b = slurp(other, &m);
    g_assert_cmpuint(n, ==, m);
    g_assert_true(memcmp(a, b, n) == 0);
}

/* Bytes that must not change with a release of a library: the digest is of the file itself. Only a
 * name beyond 99 bytes would: libarchive 3.6 and 3.7 cut its copy in the old header differently;
 * the bundles of hpt have none. */
static void test_pinned(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(HptBundle) bundle = hpt_bundle_new("pinned", place->dir, NULL);
    g_assert_true(hpt_bundle_add_bytes(bundle, "a.txt", "hello\n", 6, NULL));
    g_assert_true(hpt_bundle_add_bytes(bundle, "u", "u", 1, NULL));
    g_assert_true(hpt_bundle_write(bundle, place->path, false, NULL, NULL));
    size_t n = 0;
    g_autofree char *bytes = slurp(place->path, &n);
    HptDigest digest = hpt_digest(bytes, n);
    char hex[HPT_DIGEST_HEX_SIZE];
    g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==,
                    "5c1e7547492875dea8590294efe96bc9ba998ac2758ccdfc19266f285cfb488f");
}

static void test_read(Place *place, gconstpointer data)
{
    (void)data;
    static const char *const expected[] = {"-rf", "README.txt", "SHA256SUMS", "a/b.txt"};
    g_autoptr(HptBundle) bundle = make(place, false);
    g_assert_true(hpt_bundle_write(bundle, place->path, true, NULL, NULL));
    int fd = open(place->path, O_RDONLY);
    g_autoptr(GError) error = NULL;
    g_autoptr(HptBundleReader) reader = hpt_bundle_open(fd, "x.tar", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(hpt_bundle_get_kind(reader), ==, "test");
    HptBundleEntry entry;
    bool end = false;
    size_t count = 0;
    for (; hpt_bundle_next(reader, &entry, &end, &error) && !end; count++) {
        if (count < 4)
            g_assert_cmpstr(entry.path, ==, expected[count]);
        char text[64];
        if (strcmp(entry.path, "a/b.txt") == 0) {
            g_assert_cmpint(hpt_bundle_read(reader, text, sizeof text, &error), ==, 7);
            g_assert_true(memcmp(text, "a/b.txt", 7) == 0);
            g_assert_cmpint(hpt_bundle_read(reader, text, sizeof text, &error), ==, 0);
            g_assert_cmpint(hpt_bundle_read(reader, text, sizeof text, &error), ==, 0);
        }
        if (count % 2 == 0) /* the rest of an entry may be left */
            g_assert_cmpint(hpt_bundle_read(reader, text, 1, &error), >=, 0);
    }
    g_assert_no_error(error);
    g_assert_cmpuint(count, ==, 8);
    close(fd);
}

static void test_fd(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(HptBundle) bundle = make(place, false);
    g_autoptr(GError) error = NULL;
    g_assert_true(hpt_bundle_write(bundle, place->path, false, NULL, &error));
    size_t n = 0;
    g_autofree char *file = slurp(place->path, &n), *copy = g_malloc(n);
    int fd = memfd_create("out", 0);
    HptBundleInfo info;
    g_assert_true(hpt_bundle_write_fd(bundle, fd, "out", false, &info, &error));
    g_assert_cmpint(pread(fd, copy, n, 0), ==, (ssize_t)n);
    g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, (off_t)n);
    g_assert_true(memcmp(file, copy, n) == 0);
    close(fd);
    /* devices are written to, not replaced */
    g_assert_true(hpt_bundle_write(bundle, "/dev/null", false, &info, &error));
    g_autoptr(GError) full = NULL;
    g_assert_false(hpt_bundle_write(bundle, "/dev/full", false, &info, &full));
    g_assert_error(full, HPT_ERROR, HPT_ERROR_IO);
    struct stat there;
    g_assert_cmpint(stat("/dev/null", &there), ==, 0);
    g_assert_true(S_ISCHR(there.st_mode));
}

/* Told by its beginning, compressed or not; other archives and files of the same names are none. */
static void test_is(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(GError) error = NULL;
    for (int zstd = 0; zstd < 2; zstd++) {
        g_autoptr(HptBundle) bundle = make(place, false);
        g_assert_true(hpt_bundle_write(bundle, place->path, zstd == 1, NULL, &error));
        size_t length = 0;
        g_autofree char *text = slurp(place->path, &length);
        g_assert_true(hpt_bundle_is(text, length));
        g_assert_false(hpt_bundle_is(text, 3));
        g_assert_false(hpt_bundle_is(text, zstd == 1 ? 100 : 1023));
        text[0] ^= 1;
        g_assert_false(hpt_bundle_is(text, length));
    }
    g_autofree char *other = g_malloc0(2048);
    memcpy(other, HPT_BUNDLE_MANIFEST, strlen(HPT_BUNDLE_MANIFEST));
    memcpy(other + 257, "ustar", 5);
    memcpy(other + 512, "{\"format\":", 10);
    g_assert_false(hpt_bundle_is(other, 2048));
    memcpy(other + 512, "{\"entries\":[", 12);
    g_assert_true(hpt_bundle_is(other, 2048));
}

static void test_paths(Place *place, gconstpointer data)
{
    (void)data;
    g_autofree char *component = g_strnfill(256, 'c');
    g_autoptr(GString) deep = g_string_new("d");
    while (deep->len <= 4096)
        g_string_append(deep, "/d");
    const char *const bad[] = {"",           "/etc/passwd", "../x",    "a/../b", "a/..",
                               ".",          "./a",         "a//b",    "a/",     "a\nb",
                               "\033",       "a\\b",        "\xff",    "ü",      "MANIFEST.json",
                               "SHA256SUMS", "taken",       component, deep->str};
    g_autoptr(HptBundle) bundle = hpt_bundle_new("test", place->dir, NULL);
    g_assert_true(hpt_bundle_add_bytes(bundle, "taken", "", 0, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(hpt_bundle_add_bytes(bundle, bad[i], "", 0, &error));
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DATA);
    }
    static const char *const good[] = {"..a", "a/...", "-rf", "a b", "a:b"};
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(hpt_bundle_add_bytes(bundle, good[i], "", 0, NULL));
    g_assert_true(hpt_bundle_write(bundle, place->path, false, NULL, NULL));
}

/* A missing or damaged object is named, and nothing is left of the file. */
static void test_bad_object(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(HptBundle) bundle = make(place, false);
    HptObjectId gone = hpt_object_id("gone", 4);
    g_autoptr(GError) error = NULL, damaged = NULL;
    g_assert_false(hpt_bundle_add_object(bundle, place->store, &gone, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    HptObjectId id;
    g_assert_true(hpt_object_put_bytes(place->store, "0123456789", 10, &id, NULL));
    g_assert_true(hpt_bundle_add_object(bundle, place->store, &id, NULL));
    char hex[HPT_DIGEST_HEX_SIZE];
    hpt_digest_hex(&id.digest, hex);
    g_autofree char *file = g_strdup_printf("%s/objects/sha256/%.2s/%s", place->dir, hex, hex + 2);
    g_assert_cmpint(chmod(file, 0644), ==, 0);
    FILE *stored = fopen(file, "w");
    fputs("0123456780", stored);
    fclose(stored);
    g_assert_false(hpt_bundle_write(bundle, place->path, false, NULL, &damaged));
    g_assert_error(damaged, HPT_ERROR, HPT_ERROR_INTEGRITY);
    g_assert_nonnull(strstr(damaged->message, hex));
    GDir *folder = g_dir_open(place->dir, 0, NULL);
    for (const char *name; (name = g_dir_read_name(folder)) != NULL;)
        g_assert_cmpstr(name, ==, "objects");
    g_dir_close(folder);
}

static HptDigest identity; /* of the last bundle that was accepted */

/* Is the bundle in bytes accepted? */
static bool accepted(int fd, const char *bytes, size_t length, GError **error)
{
    g_assert_cmpint(ftruncate(fd, 0), ==, 0);
    g_assert_cmpint(pwrite(fd, bytes, length, 0), ==, (ssize_t)length);
    g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
    g_autoptr(HptBundleReader) reader = hpt_bundle_open(fd, "x", error);
    HptBundleEntry entry;
    bool end = false;
    while (reader != NULL && !end)
        if (!hpt_bundle_next(reader, &entry, &end, error))
            return false;
    if (reader != NULL)
        identity = hpt_bundle_get_info(reader)->identity;
    return reader != NULL;
}

static void test_damage(Place *place, gconstpointer data)
{
    (void)data;
    g_autoptr(HptBundle) bundle = hpt_bundle_new("test", place->dir, NULL);
    g_assert_true(hpt_bundle_add_bytes(bundle, "a.txt", "hello", 5, NULL));
    int fd = memfd_create("damage", 0);
    for (int zstd = 0; zstd < 2; zstd++) {
        g_assert_true(hpt_bundle_write(bundle, place->path, zstd, NULL, NULL));
        size_t n = 0, harmless = 0;
        g_autofree char *bytes = slurp(place->path, &n);
        g_assert_true(accepted(fd, bytes, n, NULL));
        const HptDigest original = identity;
        /* frame: every bit; plain: every fifth of headers and content, every 13th of the rest */
        for (size_t bit = 0; bit < n * 8; bit += zstd ? 1 : bit < (size_t)3600 * 8 ? 5 : 13) {
            g_autoptr(GError) error = NULL;
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
            if (accepted(fd, bytes, n, &error)) /* the kind may change: another identity */
                harmless += memcmp(&identity, &original, sizeof identity) == 0;
            else
                g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        }
        if (!zstd) /* what a frame holds is right whenever it is accepted: codes have two forms */
            g_assert_cmpuint(harmless, ==, 0);
        for (size_t keep = 0; keep < n; keep += zstd ? 1 : 11) {
            g_autoptr(GError) error = NULL;
            g_assert_false(accepted(fd, bytes, keep, &error));
            g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
        }
        g_autofree char *longer = g_malloc0(n * 2);
        memcpy(longer, bytes, n);
        g_assert_false(accepted(fd, longer, n + 1, NULL));
        g_assert_false(accepted(fd, longer, n * 2, NULL));
        memcpy(longer + n, bytes, n);
        g_assert_false(accepted(fd, longer, n * 2, NULL));
    }
    close(fd);
}

/* ---- archives from elsewhere ---- */

typedef struct {
    const char *path;
    const char *content;
    mode_t type;      /* 0: regular */
    const char *link; /* of a symbolic link */
    const char *hard; /* of a hard link */
} Member;

static size_t pack(char *out, size_t room, const Member *members, size_t n)
{
    struct archive *archive = archive_write_new();
    size_t used = 0;
    archive_write_set_format_pax_restricted(archive);
    archive_write_set_bytes_in_last_block(archive, 10240);
    archive_write_open_memory(archive, out, room, &used);
    for (size_t i = 0; i < n; i++) {
        const Member *m = &members[i];
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, m->path);
        archive_entry_set_filetype(entry, m->type != 0 ? m->type : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        if (m->link != NULL)
            archive_entry_set_symlink(entry, m->link);
        if (m->hard != NULL)
            archive_entry_set_hardlink(entry, m->hard);
        size_t size = m->content != NULL ? strlen(m->content) : 0;
        archive_entry_set_size(entry, (la_int64_t)size);
        archive_entry_set_mtime(entry, 0, 0);
        g_assert_cmpint(archive_write_header(archive, entry), ==, ARCHIVE_OK);
        if (size > 0)
            g_assert_cmpint(archive_write_data(archive, m->content, size), ==, (la_ssize_t)size);
        archive_entry_free(entry);
    }
    g_assert_cmpint(archive_write_close(archive), ==, ARCHIVE_OK);
    archive_write_free(archive);
    return used;
}

static char *manifest(const char *entries)
{
    return g_strdup_printf("{\"entries\":[%s],\"format\":\"hpt-bundle/1\",\"kind\":\"t\"}",
                           entries);
}

static char *line(const char *path, const char *content)
{
    HptDigest digest = hpt_digest(content, strlen(content));
    char hex[HPT_DIGEST_HEX_SIZE];
    return g_strdup_printf("{\"path\":\"%s\",\"sha256\":\"%s\",\"size\":%zu}", path,
                           hpt_digest_hex(&digest, hex), strlen(content));
}

static void refuse(const Member *members, size_t n, const char *reason)
{
    g_autofree char *bytes = g_malloc0(1 << 18);
    size_t length = pack(bytes, 1 << 18, members, n);
    int fd = memfd_create("hostile", 0);
    g_autoptr(GError) error = NULL;
    g_assert_false(accepted(fd, bytes, length, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    if (strstr(error->message, reason) == NULL)
        g_error("'%s' does not say '%s'", error->message, reason);
    close(fd);
}

static void test_hostile(void)
{
    g_autofree char *a = line("a", "x"), *b = line("b", "y"), *up = line("../a", "x");
    g_autofree char *ab = g_strdup_printf("%s,%s", a, b), *ba = g_strdup_printf("%s,%s", b, a);
    g_autofree char *self = line("MANIFEST.json", "x");
    g_autofree char *one = manifest(a), *both = manifest(ab), *unsorted = manifest(ba),
                    *outside = manifest(up), *cycle = manifest(self),
                    *lacking = manifest("{\"path\":\"a\"}"), *none = manifest("");
    g_autofree char *spaced = g_strdup_printf(" %s", one);
    g_autofree char *minus = g_strdup_printf("%.*s-1}", (int)strlen(a) - 2, a);
    g_autofree char *negative = manifest(minus);
#define REFUSE(reason, ...)                                                                        \
    do {                                                                                           \
        const Member members_[] = {__VA_ARGS__};                                                   \
        refuse(members_, G_N_ELEMENTS(members_), reason);                                          \
    } while (0)
#define M "MANIFEST.json"
    REFUSE("first entry is not", {"a", "x", 0, NULL, NULL});
    REFUSE("'a' is missing", {M, one, 0, NULL, NULL});
    REFUSE("'a' is damaged", {M, one, 0, NULL, NULL}, {"a", "z", 0, NULL, NULL});
    REFUSE("has 2 bytes instead of 1", {M, one, 0, NULL, NULL}, {"a", "xx", 0, NULL, NULL});
    REFUSE("'b' is not in the manifest", {M, one, 0, NULL, NULL}, {"a", "x", 0, NULL, NULL},
           {"b", "y", 0, NULL, NULL});
    REFUSE("'a' is not in the manifest", {M, one, 0, NULL, NULL}, {"a", "x", 0, NULL, NULL},
           {"a", "x", 0, NULL, NULL});
    REFUSE("'b' stands where the manifest has 'a'", {M, both, 0, NULL, NULL},
           {"b", "y", 0, NULL, NULL}, {"a", "x", 0, NULL, NULL});
    REFUSE("is not sorted", {M, unsorted, 0, NULL, NULL});
    REFUSE("the path '../a' has a component . or ..", {M, outside, 0, NULL, NULL});
    REFUSE("lists itself", {M, cycle, 0, NULL, NULL});
    REFUSE("an entry of another form", {M, lacking, 0, NULL, NULL});
    REFUSE("not canonical", {M, spaced, 0, NULL, NULL});
    REFUSE("the manifest: ", {M, "{\"a\":", 0, NULL, NULL});
    REFUSE("an entry of another form", {M, negative, 0, NULL, NULL});
    REFUSE("format is not", {M, "{}", 0, NULL, NULL});
    REFUSE("not canonical", {M, "{\"entries\":[], \"format\":\"hpt-bundle/1\"}", 0, NULL, NULL});
    REFUSE("has another form",
           {M, "{\"entries\":1,\"format\":\"hpt-bundle/1\",\"kind\":\"t\"}", 0, NULL, NULL});
    REFUSE("'a' is not a regular file", {M, one, 0, NULL, NULL},
           {"a", NULL, AE_IFLNK, "/etc/passwd", NULL});
    REFUSE("'a' is not a regular file", {M, one, 0, NULL, NULL}, {"a", NULL, AE_IFIFO, NULL, NULL});
    REFUSE("'a' is not a regular file", {M, one, 0, NULL, NULL}, {"a", NULL, AE_IFCHR, NULL, NULL});
    REFUSE("'a/' is not a regular file", {M, one, 0, NULL, NULL},
           {"a", NULL, AE_IFDIR, NULL, NULL});
    REFUSE("'a' is not a regular file", {M, one, 0, NULL, NULL}, {"a", NULL, 0, NULL, M});
    REFUSE("'\\x1b[2J\\n' is not in the manifest", {M, none, 0, NULL, NULL},
           {"\033[2J\n", "x", 0, NULL, NULL});
}

/* Sizes that add up to more than a number holds would come out small, and pass every limit. */
static void test_sum(void)
{
    g_autoptr(GString) entries = g_string_new(NULL);
    for (int i = 0; i < 1024; i++)
        g_string_append_printf(entries, "%s{\"path\":\"%04d\",\"sha256\":\"%064d\",\"size\":9007199254740992}",
                               i > 0 ? "," : "", i, 0);
    g_autofree char *large = manifest(entries->str);
    const Member members[] = {{"MANIFEST.json", large, 0, NULL, NULL}};
    refuse(members, 1, "sizes that add up to more than there can be");
}

/* What a listing or another archiver makes of the same content is not a bundle either. */
static void test_other_forms(void)
{
    int fd = memfd_create("other", 0);
    g_autoptr(GError) error = NULL, empty = NULL, owner = NULL, frame = NULL;
    g_assert_false(accepted(fd, "PK\003\004 this is no tar", 20, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY);
    g_assert_false(accepted(fd, "", 0, &empty));
    g_assert_error(empty, HPT_ERROR, HPT_ERROR_INTEGRITY);

    g_autofree char *none = manifest(""), *bytes = g_malloc0(1 << 16);
    const Member member = {"MANIFEST.json", none, 0, NULL, NULL};
    size_t n = pack(bytes, 1 << 16, &member, 1);
    g_assert_true(accepted(fd, bytes, n, NULL));
    g_autofree char *other = g_malloc(n);
    memcpy(other, bytes, n);
    other[113] = '1'; /* the owner, with the header's checksum put right */
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? 0 : (unsigned char)other[i];
    g_snprintf(other + 148, 7, "%06o", sum);
    g_assert_false(accepted(fd, other, n, &owner));
    g_assert_nonnull(strstr(owner->message, "headers or padding"));

    g_autofree char *packed = g_malloc(1 << 16);
    size_t z = ZSTD_compress(packed, 1 << 16, bytes, n, 3); /* no checksum */
    g_assert_false(accepted(fd, packed, z, &frame));
    g_assert_nonnull(strstr(frame->message, "zstd frame is damaged: it has another header"));
    close(fd);
}

#define ADD(name, function) g_test_add(name, Place, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/bundle/same-bytes", test_same_bytes);
    ADD("/bundle/other-user", test_other_user);
    ADD("/bundle/pinned", test_pinned);
    ADD("/bundle/read", test_read);
    ADD("/bundle/fd", test_fd);
    ADD("/bundle/is", test_is);
    ADD("/bundle/paths", test_paths);
    ADD("/bundle/bad-object", test_bad_object);
    ADD("/bundle/damage", test_damage);
    g_test_add_func("/bundle/hostile", test_hostile);
    g_test_add_func("/bundle/sum", test_sum);
    g_test_add_func("/bundle/other-forms", test_other_forms);
    return g_test_run();
}
