/* What trials read: gathered, digested, kept. */
#include "study/intake.h"
#include "study/tracked.h"

#include "base/text.h"
#include "run/workdir.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *root, *project, *folder, *outside;
    HptStore *store;
    HptIntake *intake;
    HptEnvironment *environment;
} Lab;

static char *put(const char *folder, const char *name, const char *text)
{
    char *path = g_strdup_printf("%s/%s", folder, name);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static HptIntake *intake_new(const Lab *lab, const char *const *patterns, int64_t max_bytes)
{
    HptIntakeSpec spec = {
        .project = lab->project,
        .folder = lab->folder,
        .host = "host/1",
        .boot = "boot",
        .store = lab->store,
        .patterns = patterns,
        .max_bytes = max_bytes,
        .environment = lab->environment,
    };
    return hpt_intake_new(&spec);
}

static void setup(Lab *lab, gconstpointer data)
{
    (void)data;
    lab->root = g_dir_make_tmp("hpt-intake-XXXXXX", NULL);
    lab->project = g_strconcat(lab->root, "/project", NULL);
    lab->folder = g_strconcat(lab->project, "/.hpt", NULL);
    lab->outside = g_strconcat(lab->root, "/outside", NULL);
    g_autofree char *objects = g_strconcat(lab->folder, "/objects", NULL);
    g_assert_cmpint(g_mkdir_with_parents(objects, 0700), ==, 0);
    g_assert_cmpint(g_mkdir(lab->outside, 0700), ==, 0);
    lab->store = hpt_store_open(objects, NULL);
    lab->environment = hpt_environment_collect(&(HptEnvironmentSource){0}, NULL);
    lab->intake = intake_new(lab, NULL, 100000);
}

static void teardown(Lab *lab, gconstpointer data)
{
    (void)data;
    hpt_intake_free(lab->intake);
    hpt_environment_free(lab->environment);
    hpt_store_close(lab->store);
    g_assert_true(hpt_workdir_remove(lab->root, NULL));
    g_free(lab->root);
    g_free(lab->project);
    g_free(lab->folder);
    g_free(lab->outside);
}

static HptGathering *begin(HptIntake *intake)
{
    g_autoptr(GError) error = NULL;
    HptGathering *gathering = hpt_gathering_new(intake, NULL, 0, &error);
    g_assert_no_error(error);
    return gathering;
}

static HptGathered finish(HptGathering *gathering)
{
    g_assert_true(hpt_gathering_step(gathering, INT64_MAX));
    return hpt_gathering_end(gathering);
}

static void forget(HptGathered *gathered)
{
    g_clear_pointer(&gathered->put_own, hpt_args_free);
    g_clear_pointer(&gathered->put_common, hpt_args_free);
    g_clear_pointer(&gathered->put_environment, hpt_args_free);
}

static void add(HptGathering *gathering, const char *path, HptInputRole role)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    hpt_gathering_add(gathering, path, role, there ? &info : NULL);
}

static void is(const HptInputs *inputs, const char *path, HptInputRole role, HptInputState state,
               const char *content)
{
    const HptInputFile *file = hpt_inputs_find(inputs, path, role);
    g_assert_nonnull(file);
    g_assert_cmpstr(hpt_input_state_name(file->state), ==, hpt_input_state_name(state));
    HptDigest digest = hpt_digest(content, strlen(content));
    if (hpt_input_state_has_digest(state)) {
        g_assert_true(memcmp(&digest, &file->digest, sizeof digest) == 0);
        g_assert_cmpint(file->size, ==, (int64_t)strlen(content));
    }
}

static void test_kinds(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *big = g_strnfill(100001, 'x'), *middle = g_strnfill(10000, 'y');
    g_autofree char *small = put(lab->project, "small", "1,2\n");
    g_autofree char *stored = put(lab->project, "stored", middle);
    g_autofree char *large = put(lab->project, "large", big);
    g_autofree char *secret = put(lab->project, "secret",
                                  "user: me\nkey: ghp_" "0123456789abcdefghijABCDEFGHIJ012345\n");
    g_autofree char *written = put(lab->project, "written", "out");
    g_autofree char *outside = put(lab->outside, "lib", "elsewhere");
    g_autofree char *passwords = put(lab->outside, ".netrc", "machine x");
    g_autofree char *own = put(lab->folder, "params.json", "{}");
    g_autofree char *gone = g_strconcat(lab->project, "/gone", NULL);
    g_autofree char *empty = put(lab->project, "empty", "");
    g_autoptr(HptGathering) gathering = begin(lab->intake);
    const char *const paths[] = {small, stored, large, secret, outside, passwords, own, gone, empty,
                                 "/proc/self/status", "/dev/null", lab->project};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
        add(gathering, paths[i], HPT_INPUT_READ);
    add(gathering, written, HPT_INPUT_WRITTEN);
    add(gathering, gone, HPT_INPUT_WRITTEN);
    HptGathered got = finish(gathering);
    g_assert_null(hpt_gathering_peek_note(gathering));
    const HptInputs *set = got.own;
    is(set, "small", HPT_INPUT_READ, HPT_INPUT_STORED, "1,2\n");
    is(set, "stored", HPT_INPUT_READ, HPT_INPUT_STORED, middle);
    is(set, "empty", HPT_INPUT_READ, HPT_INPUT_STORED, "");
    is(set, "large", HPT_INPUT_READ, HPT_INPUT_LARGE, big);
    is(set, "secret", HPT_INPUT_READ, HPT_INPUT_SECRET, "");
    is(set, passwords, HPT_INPUT_READ, HPT_INPUT_SECRET, "");
    is(set, "gone", HPT_INPUT_READ, HPT_INPUT_GONE, "");
    is(set, "written", HPT_INPUT_WRITTEN, HPT_INPUT_DIGEST, "out");
    /* Below /tmp, so not shared by trials. */
    is(set, outside, HPT_INPUT_READ, HPT_INPUT_DIGEST, "elsewhere");
    g_assert_cmpuint(set->n, ==, 9);
    g_assert_null(got.common);
    g_assert_nonnull(got.put_own);
    HptObjectId id = {.digest = hpt_digest(middle, strlen(middle)), .size = -1};
    g_assert_true(hpt_object_check(lab->store, &id, NULL));
    HptObjectId not_kept = {.digest = hpt_digest(big, strlen(big)), .size = -1};
    g_assert_false(hpt_object_check(lab->store, &not_kept, NULL));
    forget(&got);
}

/* A set is sent once, and the common one is shared by those that differ in their own. */
static void test_sharing(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *one = put(lab->project, "one", "1"), *two = put(lab->project, "two", "2");
    const char *const own[] = {one, one, two};
    HptDigest common = {0};
    for (size_t i = 0; i < 3; i++) {
        g_autoptr(HptGathering) gathering = begin(lab->intake);
        add(gathering, own[i], HPT_INPUT_READ);
        add(gathering, "/bin/sh", HPT_INPUT_READ);
        HptGathered got = finish(gathering);
        g_assert_cmpuint(got.own->n, ==, 1);
        g_assert_cmpuint(got.common->n, ==, 1);
        g_assert_true((got.put_common != NULL) == (i == 0));
        g_assert_true((got.put_own != NULL) == (i != 1));
        if (i == 0)
            common = got.common->digest;
        g_assert_true(memcmp(&common, &got.common->digest, sizeof common) == 0);
        forget(&got);
    }
    g_autoptr(HptGathering) nothing = begin(lab->intake);
    HptGathered got = finish(nothing);
    g_assert_true(got.own == NULL && got.common == NULL && got.put_own == NULL && got.put_common == NULL);
}

/* What changed between its use and now has no digest; with its earlier bytes at hand it has theirs. */
static void test_changed(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *file = put(lab->project, "file", "before"), *other = put(lab->project, "other", "same");
    struct stat then, other_then;
    g_assert_cmpint(stat(file, &then), ==, 0);
    g_assert_cmpint(stat(other, &other_then), ==, 0);
    other_then.st_mtim.tv_nsec ^= 1; /* the same size, written in the same second */
    g_free(put(lab->project, "file", "after"));
    g_autoptr(HptGathering) gathering = begin(lab->intake);
    hpt_gathering_add(gathering, file, HPT_INPUT_READ, &then);
    hpt_gathering_add(gathering, other, HPT_INPUT_READ, &other_then);
    hpt_gathering_add_content(gathering, file, HPT_INPUT_CHANGED, "before", 6);
    hpt_gathering_add_content(gathering, other, HPT_INPUT_CHANGED, NULL, 4);
    hpt_gathering_add(gathering, file, HPT_INPUT_WRITTEN, NULL);
    HptGathered got = finish(gathering);
    is(got.own, "file", HPT_INPUT_READ, HPT_INPUT_UNSTABLE, "");
    is(got.own, "other", HPT_INPUT_READ, HPT_INPUT_UNSTABLE, "");
    is(got.own, "file", HPT_INPUT_CHANGED, HPT_INPUT_STORED, "before");
    is(got.own, "other", HPT_INPUT_CHANGED, HPT_INPUT_UNREAD, "");
    is(got.own, "file", HPT_INPUT_WRITTEN, HPT_INPUT_DIGEST, "after");
    forget(&got);
}

/* A file that changes while it is read, in steps, is not given a digest that was never its own. */
static void test_steps(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *text = g_strnfill(3 << 20, 'x');
    g_autofree char *file = put(lab->project, "file", text), *still = put(lab->project, "still", text);
    g_autoptr(HptGathering) gathering = begin(lab->intake);
    add(gathering, still, HPT_INPUT_READ);
    add(gathering, file, HPT_INPUT_READ);
    int steps = 0;
    bool touched = false;
    while (!hpt_gathering_step(gathering, 0)) {
        steps++;
        if (steps == 5 && !touched) {
            int fd = open(file, O_WRONLY | O_APPEND | O_CLOEXEC);
            g_assert_cmpint(write(fd, "y", 1), ==, 1);
            close(fd);
            touched = true;
        }
    }
    g_assert_cmpint(steps, >=, 6);
    HptGathered got = hpt_gathering_end(gathering);
    is(got.own, "still", HPT_INPUT_READ, HPT_INPUT_LARGE, text);
    is(got.own, "file", HPT_INPUT_READ, HPT_INPUT_UNSTABLE, "");
    forget(&got);
    /* Nobody waits: what was not read yet says so. */
    g_autoptr(HptGathering) cut = begin(lab->intake);
    add(cut, file, HPT_INPUT_READ);
    g_assert_false(hpt_gathering_step(cut, 0));
    hpt_gathering_cut(cut);
    got = finish(cut);
    is(got.own, "file", HPT_INPUT_READ, HPT_INPUT_UNREAD, "");
    forget(&got);
}

static HptTraceFile traced(const char *path, uint32_t roles)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return (HptTraceFile){.path = path, .roles = roles};
    return (HptTraceFile){
        .path = path,
        .roles = roles,
        .mode = info.st_mode,
        .dev = info.st_dev,
        .ino = info.st_ino,
        .size = info.st_size,
        .mtime_ns = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec,
        .ctime_ns = (int64_t)info.st_ctim.tv_sec * 1000000000 + info.st_ctim.tv_nsec,
    };
}

/* From what a tracer saw to roles. */
static void test_trace(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *read = put(lab->project, "read", "1"), *appended = put(lab->project, "appended", "12");
    g_autofree char *removed = put(lab->project, "removed", "123"), *lost = put(lab->project, "lost", "1234");
    g_autofree char *made = put(lab->project, "made", "12345"), *earlier = put(lab->project, "earlier", "6");
    HptTraceFile files[] = {
        traced(read, HPT_TRACE_READ),
        traced("/bin/sh", HPT_TRACE_READ | HPT_TRACE_EXEC),
        traced(appended, HPT_TRACE_READ | HPT_TRACE_WRITE),
        traced(removed, HPT_TRACE_DELETED),
        traced(lost, HPT_TRACE_WRITE),
        traced(made, HPT_TRACE_CREATED | HPT_TRACE_WRITE | HPT_TRACE_OWN),
        traced(earlier, 0),
        traced("/nowhere/gone", HPT_TRACE_CREATED | HPT_TRACE_DELETED),
        traced(lab->project, HPT_TRACE_RENAMED_TO),
    };
    files[2].keep = files[3].keep = HPT_TRACE_KEPT;
    files[2].content = "12";
    files[2].content_bytes = 2;
    files[3].content = "123";
    files[3].content_bytes = 3;
    files[4].keep = HPT_TRACE_TOO_LARGE;
    files[6].before = HPT_TRACE_READ;
    g_free(put(lab->project, "appended", "12more"));
    g_unlink(removed);
    for (int shared = 0; shared < 2; shared++) {
        HptTrace trace = {.complete = true, .files = files, .n = G_N_ELEMENTS(files), .shared = shared};
        g_autoptr(HptGathering) gathering = begin(lab->intake);
        hpt_gathering_add_trace(gathering, &trace);
        HptGathered got = finish(gathering);
        is(got.own, "read", HPT_INPUT_READ, HPT_INPUT_STORED, "1");
        is(got.own, "appended", HPT_INPUT_READ, HPT_INPUT_STORED, "12");
        is(got.own, "appended", HPT_INPUT_CHANGED, HPT_INPUT_STORED, "12");
        is(got.own, "appended", HPT_INPUT_WRITTEN, HPT_INPUT_DIGEST, "12more");
        is(got.own, "removed", HPT_INPUT_CHANGED, HPT_INPUT_STORED, "123");
        is(got.own, "lost", HPT_INPUT_CHANGED, HPT_INPUT_UNREAD, "");
        is(got.own, "lost", HPT_INPUT_WRITTEN, HPT_INPUT_DIGEST, "1234");
        is(got.own, "made", HPT_INPUT_WRITTEN, HPT_INPUT_DIGEST, "12345");
        if (shared)
            is(got.own, "earlier", HPT_INPUT_READ, HPT_INPUT_STORED, "6");
        g_assert_cmpuint(got.own->n, ==, shared ? 9 : 8);
        g_assert_cmpuint(got.common->n, ==, 1);
        /* The environment is found out once for the same software. */
        g_assert_nonnull(got.environment);
        g_assert_true((got.put_environment != NULL) == (shared == 0));
        forget(&got);
    }
}

/* Ignored: below the tree, not in the snapshot, nor below an entry of it. */
static void test_ignored(Lab *lab, gconstpointer data)
{
    (void)data;
    static const char text[] = "hpt-code/1\ndirectory\tsub\nrepo\t\tmain\t\t0\t.\t\n"
                               "missing\t\t\t\t\tenv\ta virtual environment\n"
                               "folder\t+\t755\t\t\tsub\t\n";
    HptCode code = {.canonical = (char *)(gpointer)text, .length = strlen(text)};
    code.digest = hpt_digest(text, strlen(text));
    g_autofree char *sub = g_strconcat(lab->project, "/sub", NULL);
    g_assert_cmpint(g_mkdir(sub, 0700), ==, 0);
    HptTracked *tracked = hpt_tracked_new(sub, &code);
    const struct {
        const char *path;
        bool ignored;
    } cases[] = {{"x.ini", true},           {"deep/x.ini", true}, {"env/lib/x.py", false},
                 {".git/config", false},    {"a/__pycache__/x.pyc", false}, {".hpt/x", false},
                 {"environment", true}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", lab->project, cases[i].path);
        g_assert_true(hpt_tracked_ignores(tracked, path) == cases[i].ignored);
    }
    g_assert_false(hpt_tracked_ignores(tracked, "/etc/passwd"));
    hpt_tracked_unref(tracked);
}

/* A file of the code that was another when it was read than in the snapshot, and one that was changed after the look
 * and of which nobody knows what was read. One that was changed after the trial had read it is none. */
static void test_code_changed(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *same = put(lab->project, "same", "1"), *other = put(lab->project, "other", "2");
    g_autofree char *unstable = put(lab->project, "unstable", "3"), *later = put(lab->project, "later", "4");
    g_autoptr(GString) text = g_string_new("hpt-code/1\ndirectory\t.\n");
    const char *const names[] = {"later", "other", "same", "unstable"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        HptDigest digest = hpt_digest(i == 0 ? "4" : i == 1 ? "0" : i == 2 ? "1" : "3", 1);
        char hex[HPT_DIGEST_HEX_SIZE];
        g_string_append_printf(text, "file\t\t644\t1\t%s\t%s\t\n", hpt_digest_hex(&digest, hex), names[i]);
    }
    HptCode code = {.canonical = text->str, .length = text->len, .digest = hpt_digest(text->str, text->len)};
    g_autoptr(GError) error = NULL;
    HptTracked *tracked = hpt_tracked_new(lab->project, &code);
    g_autoptr(HptGathering) gathering = hpt_gathering_new(lab->intake, tracked, 2000000000, &error);
    hpt_tracked_unref(tracked);
    const char *const paths[] = {same, other, unstable, later};
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        struct stat then;
        g_assert_cmpint(stat(paths[i], &then), ==, 0);
        if (i >= 2) /* it is another file now than it was when it was used */
            then.st_ctim = (struct timespec){i == 2 ? 3 : 1, 0};
        hpt_gathering_add(gathering, paths[i], HPT_INPUT_READ, &then);
        hpt_gathering_add(gathering, paths[i], HPT_INPUT_DECLARED, &then); /* named once */
    }
    hpt_gathering_add_content(gathering, later, HPT_INPUT_CHANGED, "0", 1); /* its own doing */
    HptGathered got = finish(gathering);
    g_assert_cmpuint(got.changed->len, ==, 2);
    g_assert_cmpstr(got.changed->pdata[0], ==, "other");
    g_assert_cmpstr(got.changed->pdata[1], ==, "unstable");
    forget(&got);
}

static int count_packs(const Lab *lab)
{
    g_autofree char *folder = g_strconcat(lab->folder, "/objects/pack", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    int n = 0;
    while (dir != NULL && g_dir_read_name(dir) != NULL)
        n++;
    return n;
}

/* The larger files of a trial are stored together; where that fails their digests are kept. */
static void test_together(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *packs = g_strconcat(lab->folder, "/objects/pack", NULL);
    for (int turn = 0; turn < 2; turn++) {
        g_autofree char *first = g_strnfill(20000, (char)('a' + turn)), *second = g_strnfill(30000, (char)('m' + turn));
        g_autofree char *one = put(lab->project, "one", first), *two = put(lab->project, "two", second);
        g_autofree char *same = put(lab->project, "same", first), *small = put(lab->project, "small", turn == 0 ? "s" : "t");
        const char *const paths[] = {one, two, same, small};
        if (turn == 1) { /* a file in the place of the folder: nothing can be stored */
            g_assert_true(hpt_workdir_remove(packs, NULL));
            g_free(put(lab->folder, "objects/pack", ""));
        }
        g_autoptr(GError) error = NULL;
        g_autofree char *objects = g_strconcat(lab->folder, "/objects", NULL);
        hpt_intake_free(lab->intake); /* which remembers packs */
        hpt_store_close(lab->store);
        lab->store = hpt_store_open(objects, &error);
        g_assert_no_error(error);
        lab->intake = intake_new(lab, NULL, 100000);
        g_autoptr(HptGathering) gathering = begin(lab->intake);
        for (size_t i = 0; i < G_N_ELEMENTS(paths); i++)
            add(gathering, paths[i], HPT_INPUT_READ);
        HptGathered got = finish(gathering);
        HptInputState state = turn == 0 ? HPT_INPUT_STORED : HPT_INPUT_DIGEST;
        is(got.own, "one", HPT_INPUT_READ, state, first);
        is(got.own, "two", HPT_INPUT_READ, state, second);
        is(got.own, "same", HPT_INPUT_READ, state, first);
        is(got.own, "small", HPT_INPUT_READ, HPT_INPUT_STORED, turn == 0 ? "s" : "t");
        g_assert_true((hpt_gathering_peek_note(gathering) == NULL) == (turn == 0));
        if (turn == 0)
            g_assert_cmpint(count_packs(lab), ==, 1);
        forget(&got);
    }
}

static void test_declared(Lab *lab, gconstpointer data)
{
    (void)data;
    const char *const patterns[] = {"data*", NULL};
    g_autofree char *one = put(lab->project, "data1", "1"), *two = put(lab->project, "data2", "2");
    HptIntake *intake = intake_new(lab, patterns, 100);
    g_autoptr(HptGathering) gathering = begin(intake);
    add(gathering, one, HPT_INPUT_READ);
    g_free(put(lab->project, "data2", "3")); /* by the trial, say */
    HptGathered got = finish(gathering);
    is(got.own, "data1", HPT_INPUT_DECLARED, HPT_INPUT_STORED, "1");
    is(got.own, "data1", HPT_INPUT_READ, HPT_INPUT_STORED, "1");
    is(got.own, "data2", HPT_INPUT_DECLARED, HPT_INPUT_UNSTABLE, "");
    forget(&got);
    g_unlink(one);
    g_unlink(two);
    g_autoptr(GError) error = NULL;
    g_assert_null(hpt_gathering_new(intake, NULL, 0, &error));
    g_assert_error(error, HPT_ERROR, HPT_ERROR_USAGE);
    hpt_intake_free(intake);
}

/* The digest of a file that has been left alone comes from the cache of the run before. */
static void test_cache(Lab *lab, gconstpointer data)
{
    (void)data;
    g_autofree char *cache = g_strconcat(lab->folder, "/digests/host_1", NULL);
    for (int i = 0; i < 2; i++) {
        g_autoptr(HptGathering) gathering = begin(lab->intake);
        add(gathering, "/bin/sh", HPT_INPUT_READ); /* older than a minute, one hopes */
        HptGathered got = finish(gathering);
        g_assert_cmpuint(got.common->n, ==, 1);
        forget(&got);
        hpt_intake_free(lab->intake);
        lab->intake = intake_new(lab, NULL, 0);
        g_assert_cmpint(g_access(cache, R_OK), ==, 0);
    }
}

#define ADD(name, function) g_test_add(name, Lab, NULL, setup, function, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/intake/kinds", test_kinds);
    ADD("/intake/sharing", test_sharing);
    ADD("/intake/changed", test_changed);
    ADD("/intake/together", test_together);
    ADD("/intake/steps", test_steps);
    ADD("/intake/trace", test_trace);
    ADD("/intake/ignored", test_ignored);
    ADD("/intake/code-changed", test_code_changed);
    ADD("/intake/declared", test_declared);
    ADD("/intake/cache", test_cache);
    return g_test_run();
}
