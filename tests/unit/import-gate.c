/* Evil archives: what is wrong with each, and that it is refused for that reason. A sound record is
 * the base of all; rows and files are changed under right digests, the container under wrong ones.
 */
#include "base/json.h"
#include "study/import.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zstd.h>

/* ---- a sound record ---- */

#define EMPTY "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" /* {} */
#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" /* hello */
#define AT "\"2026-01-01T00:00:00.000000Z\""
#define WORKER "10000000-0000-4000-8000-000000000001"
#define ATTEMPT "20000000-0000-4000-8000-00000000000"
#define HELLO_PATH                                                                                 \
    "objects/sha256/2c/f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

#define TRIAL(n)                                                                                   \
    "{\"attempt\":1,\"config\":{\"x\":0." #n "5},\"created_at\":" AT ",\"definition\":1,"          \
    "\"number\":" #n ",\"origin\":\"random\",\"seed\":1" #n                                        \
    ",\"state\":\"complete\",\"study\":\"s\"}\n"
#define RUN(n)                                                                                     \
    "{\"argv\":[\"./train\",{\"hex\":\"ff\"}],\"attempt\":1,\"cause\":\"exit status "              \
    "0\",\"ended_at\":" AT ",\"environment\":\"" EMPTY                                             \
    "\",\"evaluation\":0,\"exit_status\":0,\"id\":\"" ATTEMPT #n "\",\"number\":" #n               \
    ",\"outcome\":\"complete\",\"started_at\":" AT ",\"study\":\"s\",\"worker_id\":\"" WORKER      \
    "\"}\n"

static const struct {
    const char *path, *text;
} base[] = {
    {"README.txt", "about\n"},
    {HELLO_PATH, "hello"},
    {"record/artefact.jsonl",
     "{\"attempt\":1,\"digest\":\"" HELLO
     "\",\"full_size\":5,\"kind\":\"stdout\",\"number\":0,\"path\":\"stdout\",\"study\":\"s\"}\n"},
    {"record/attempt.jsonl", RUN(0) RUN(1)},
    {"record/definition.jsonl",
     "{\"canonical\":{\"allow_unused\":true,\"chdir_trial\":false,\"command\":[\"./train\"],\"default_first\":false,"
     "\"format\":1,\"grace_us\":0,\"metrics\":[],\"output_cap\":0,\"parameters\":[{\"constant\":false,"
     "\"name\":\"x\",\"type\":\"real\"}],\"points\":[],\"positions\":[\"x\"],\"sampler\":\"random\","
     "\"sampler_version\":1,\"seed\":1,\"shell\":false,\"space\":\"x real [0, 1]\\n\",\"stdin_json\":false,"
     "\"timeout_us\":0},\"created_at\":" AT ",\"study\":\"s\",\"version\":1}\n"},
    {"record/environment.jsonl", "{\"canonical\":{},\"digest\":\"" EMPTY "\"}\n"},
    {"record/format.json", "{\"format\":\"hpt-record/1\"}\n"},
    {"record/metric.jsonl", "{\"attempt\":1,\"name\":\"loss\",\"number\":0,\"rule\":\"text\","
                            "\"source\":\"stdout\",\"study\":\"s\",\"value\":0.5}\n"
                            "{\"attempt\":1,\"name\":\"loss\",\"number\":1,\"rule\":\"text\","
                            "\"source\":\"stdout\",\"study\":\"s\",\"value\":\"NaN\"}\n"},
    {"record/metric_chunk.jsonl", "{\"attempt\":1,\"chunk\":0,\"name\":\"loss\",\"number\":0,"
                                  "\"steps\":[1,2],\"study\":\"s\",\"vals\":[0.1,\"-0\"]}\n"},
    {"record/object.jsonl", "{\"digest\":\"" HELLO "\",\"size\":5}\n"},
    {"record/study.jsonl",
     "{\"created_at\":" AT ",\"limits\":{},\"name\":\"s\",\"seed\":1,\"total\":2}\n"},
    {"record/trial.jsonl", TRIAL(0) TRIAL(1)},
    {"record/worker.jsonl",
     "{\"boot_id\":\"b\",\"cost\":0,\"cpu_us\":0,\"host\":\"h\",\"id\":\"" WORKER
     "\",\"launcher\":{},\"pid\":1,\"pid_namespace\":\"n\",\"pid_started\":1,\"started_at\":" AT
     ",\"study\":\"s\",\"tool_version\":\"0\"}\n"},
};

static char *dir;

static GHashTable *base_files(void)
{
    GHashTable *files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0; i < G_N_ELEMENTS(base); i++)
        g_hash_table_insert(files, g_strdup(base[i].path), g_strdup(base[i].text));
    return files;
}

/* A descriptor of a bundle of these files. */
static const char *kind = "study";

static int bundle_of(GHashTable *files, bool zstd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptBundle) bundle = hpt_bundle_new(kind, dir, &error);
    g_assert_no_error(error);
    GHashTableIter iter;
    void *path, *text;
    g_hash_table_iter_init(&iter, files);
    while (g_hash_table_iter_next(&iter, &path, &text)) {
        bool ok = hpt_bundle_add_bytes(bundle, path, text, strlen(text), &error);
        g_assert_no_error(error);
        g_assert_true(ok);
    }
    int fd = memfd_create("bundle", 0);
    bool ok = hpt_bundle_write_fd(bundle, fd, "x", zstd, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return fd;
}

static HptGate *pass(int fd, const HptGateLimits *limits, GError **error)
{
    g_autoptr(HptTables) tables = hpt_import_tables();
    HptGateLimits usual = hpt_gate_limits();
    g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
    return hpt_gate_open(fd, "x", dir, limits != NULL ? limits : &usual, hpt_import_check, tables,
                         error);
}

static int refused;

static void refuse(const char *name, int fd, const HptGateLimits *limits, int code,
                   const char *reason)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptGate) gate = pass(fd, limits, &error);
    close(fd);
    if (gate != NULL)
        g_error("%s: accepted", name);
    if (strstr(error->message, reason) == NULL || !g_error_matches(error, HPT_ERROR, code))
        g_error("%s: code %d '%s' and not '%s'", name, error->code, error->message, reason);
    refused++;
}

static void test_sound(void)
{
    g_autoptr(GHashTable) files = base_files();
    for (int zstd = 0; zstd < 2; zstd++) {
        g_autoptr(GError) error = NULL;
        int fd = bundle_of(files, zstd);
        g_autoptr(HptGate) gate = pass(fd, NULL, &error);
        g_assert_no_error(error);
        g_assert_nonnull(gate);
        close(fd);
        g_assert_cmpuint(hpt_gate_count(gate), ==, G_N_ELEMENTS(base) + 1);
        const HptGateEntry *entry = hpt_gate_find(gate, HELLO_PATH);
        char text[6] = "";
        g_assert_true(hpt_gate_read(gate, entry, 0, text, 5, NULL));
        g_assert_cmpstr(text, ==, "hello");
        g_assert_null(hpt_gate_find(gate, "none"));
    }
}

/* A bundle of an hpt that had fewer tables and columns: what it lacks is empty. */
static void test_older(void)
{
    g_autoptr(GHashTable) files = base_files();
    g_autoptr(GError) error = NULL;
    g_hash_table_remove(files, "record/metric_chunk.jsonl");
    g_hash_table_remove(files, "record/metric.jsonl");
    g_hash_table_insert(
        files, g_strdup("record/study.jsonl"),
        g_strdup("{\"created_at\":" AT ",\"limits\":{},\"name\":\"s\",\"seed\":1}\n"));
    int fd = bundle_of(files, false);
    g_autoptr(HptGate) gate = pass(fd, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(gate);
    close(fd);
}

/* ---- rows and files, under right digests ---- */

#define TRIALS "record/trial.jsonl"
#define ATTEMPTS "record/attempt.jsonl"
#define STUDIES "record/study.jsonl"
#define METRICS "record/metric.jsonl"

static const struct {
    const char *name, *path;
    const char *from,
        *to; /* in the file, the first one; from NULL: all of it; to NULL: no such file */
    int code;
    const char *reason;
} edits[] = {
    {"no format", "record/format.json", NULL, NULL, HPT_ERROR_DATA, "it holds no record"},
    {"a newer format", "record/format.json", "/1", "/2", HPT_ERROR_DATA,
     "the format of its record is 'hpt-record/2'"},
    {"a format that is none", "record/format.json", NULL, "[", HPT_ERROR_DATA,
     "the format of its record is ''"},
    {"a format to print", "record/format.json", "hpt-record/1", "\\u001b[2J", HPT_ERROR_DATA,
     "record is '\\x1b[2J'"},
    {"a table of the future", "record/future.jsonl", NULL, "{}\n", HPT_ERROR_DATA,
     "the table 'record/future.jsonl' is unknown"},
    {"a table that is not taken", "record/lease.jsonl", NULL, "{}\n", HPT_ERROR_DATA,
     "'record/lease.jsonl' is unknown"},
    {"a table in a folder", "record/x/trial.jsonl", NULL, "{}\n", HPT_ERROR_DATA, "is unknown"},
    {"a file beside", ".bashrc", NULL, "id\n", HPT_ERROR_DATA,
     "the entry '.bashrc' belongs to no record"},
    {"a file of another case", "readme.txt", NULL, "x", HPT_ERROR_DATA,
     "the entry 'readme.txt' belongs to no record"},
    {"a configuration of ours", ".hpt/config", NULL, "dsn = x\n", HPT_ERROR_DATA,
     "'.hpt/config' belongs to no record"},
    {"a metric of a trial beyond 2^53", METRICS, "\"number\":1", "\"number\":\"9007199254740993\"", HPT_ERROR_DATA,
     "names trial 's 9007199254740993', which is not in the bundle"},
    {"a seed below -2^53", STUDIES, "\"seed\":1", "\"seed\":\"-9007199254740993\"", HPT_ERROR_DATA,
     "the seed of a study is negative"},
    {"an object that lies", HELLO_PATH, NULL, "hellp", HPT_ERROR_DATA,
     "has another digest than its name"},
    {"an object elsewhere", "objects/sha256/ab/x", NULL, "hello", HPT_ERROR_DATA,
     "has another digest than its name"},
    {"an object too many",
     "objects/sha256/2d/711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", NULL, "x",
     HPT_ERROR_DATA, "no row names the object"},
    {"an object too few", HELLO_PATH, NULL, NULL, HPT_ERROR_INTEGRITY,
     "object sha256:" HELLO " is missing"},
    {"an object of another size", "record/object.jsonl", "5}", "6}", HPT_ERROR_DATA,
     "has another size than its row says"},
    {"no JSON", TRIALS, "{", "", HPT_ERROR_DATA, TRIALS ":1: line 1"},
    {"two in a line", TRIALS, "}\n{", "}{", HPT_ERROR_DATA, TRIALS ":1: line 1"},
    {"an empty line", TRIALS, "}\n{", "}\n\n{", HPT_ERROR_DATA, TRIALS ":2: line 1"},
    {"no end", TRIALS, "11,\"state\":\"complete\",\"study\":\"s\"}\n",
     "11,\"state\":\"complete\",\"study\":\"s\"}", HPT_ERROR_DATA, "the last line has no end"},
    {"a carriage return", TRIALS, "}\n", "}\r\n", HPT_ERROR_DATA, "not canonical JSON"},
    {"a list", TRIALS, NULL, "[]\n", HPT_ERROR_DATA, "not a JSON object"},
    {"a blank", TRIALS, "{\"attempt\":", "{\"attempt\": ", HPT_ERROR_DATA, "not canonical JSON"},
    {"members in another order", STUDIES, "\"seed\":1,\"total\":2", "\"total\":2,\"seed\":1",
     HPT_ERROR_DATA, "not canonical JSON"},
    {"a member twice", TRIALS, "\"number\":0", "\"number\":0,\"number\":0", HPT_ERROR_DATA,
     "duplicate"},
    {"a member of the future", TRIALS, "\"study\":\"s\"}", "\"study\":\"s\",\"zeal\":1}",
     HPT_ERROR_DATA, "the member 'zeal' is unknown"},
    {"a column that is made here", TRIALS, "\"created_at\"",
     "\"config_hash\":\"" EMPTY "\",\"created_at\"", HPT_ERROR_DATA,
     "the member 'config_hash' is unknown"},
    {"an id of ours", STUDIES, "\"limits\"", "\"id\":1,\"limits\"", HPT_ERROR_DATA,
     "the member 'id' is unknown"},
    {"bytes in a row", "record/object.jsonl", "{", "{\"bytes\":\"00\",", HPT_ERROR_DATA,
     "the member 'bytes' is unknown"},
    {"a member too few", TRIALS, "\"attempt\":1,", "", HPT_ERROR_DATA,
     "the member 'attempt' is missing"},
    {"a null", TRIALS, "\"origin\":\"random\"", "\"origin\":null", HPT_ERROR_DATA,
     "'origin' is not a text"},
    {"a text for a number", TRIALS, "\"number\":0", "\"number\":\"0\"", HPT_ERROR_DATA,
     "'number' is not a whole number"},
    {"a real for a number", TRIALS, "\"number\":0", "\"number\":0.5", HPT_ERROR_DATA,
     "'number' is not a whole number"},
    {"a number beyond 32 bits", TRIALS, "\"attempt\":1", "\"attempt\":4294967297", HPT_ERROR_DATA,
     "'attempt' is not a whole number of 32 bits"},
    {"a number beyond 64 bits", TRIALS, "\"number\":0", "\"number\":99999999999999999999",
     HPT_ERROR_DATA, "column"},
    {"a number for a text", STUDIES, "\"name\":\"s\"", "\"name\":7", HPT_ERROR_DATA,
     "'name' is not a text"},
    {"a value that is a list", METRICS, "0.5", "[0.5]", HPT_ERROR_DATA, "'value' is not a number"},
    {"a value beyond doubles", METRICS, "0.5", "1e999", HPT_ERROR_DATA, "column"},
    {"another spelling of NaN", METRICS, "\"NaN\"", "\"nan\"", HPT_ERROR_DATA,
     "'value' is not a number"},
    {"a day that is none", TRIALS, "2026-01-01T", "2026-02-30T", HPT_ERROR_DATA,
     "'created_at' is not a time"},
    {"a digest that is none", "record/artefact.jsonl", HELLO, "2CF2", HPT_ERROR_DATA,
     "'digest' is not a SHA-256"},
    {"an id that is none", ATTEMPTS, ATTEMPT "0", "'); drop table x", HPT_ERROR_DATA,
     "'id' is not a UUID"},
    {"text as hexadecimal", ATTEMPTS, "\"hex\":\"ff\"", "\"hex\":\"41\"", HPT_ERROR_DATA,
     "'argv' is not bytes"},
    {"a NUL", TRIALS, "random", "ran\\u0000dom", HPT_ERROR_DATA, "column"},
    {"half a surrogate", TRIALS, "random", "\\ud800", HPT_ERROR_DATA, "column"},
    {"no UTF-8", TRIALS, "random", "\xff", HPT_ERROR_DATA, "column"},
    {"an environment that lies", "record/environment.jsonl", "{}", "{\"a\":1}", HPT_ERROR_DATA,
     "is damaged: its bytes have another digest"},
    {"a row twice", TRIALS, "\"number\":1", "\"number\":0", HPT_ERROR_DATA,
     "trial study 's', number 0 is there twice"},
    {"rows in another order", TRIALS, NULL, TRIAL(1) TRIAL(0), HPT_ERROR_DATA,
     "number 0 is not in the order of its key"},
    {"a trial of no study", TRIALS, "\"study\":\"s\"", "\"study\":\"r\"", HPT_ERROR_DATA,
     "names study 'r', which is not in the bundle"},
    {"an attempt of no trial", ATTEMPTS, "\"number\":1", "\"number\":7", HPT_ERROR_DATA,
     "names trial 's 7', which is not in the bundle"},
    {"a metric of no attempt", METRICS, "\"attempt\":1", "\"attempt\":2", HPT_ERROR_DATA,
     "names attempt 's 0 2', which is not in the bundle"},
    {"a definition of no study", "record/definition.jsonl", "\"study\":\"s\"", "\"study\":\"r\"",
     HPT_ERROR_DATA, "names study 'r'"},
    {"an attempt of no worker", "record/worker.jsonl", WORKER,
     "10000000-0000-4000-8000-000000000002", HPT_ERROR_DATA, "names worker '" WORKER "'"},
    {"an attempt of no environment", "record/environment.jsonl", NULL, NULL, HPT_ERROR_DATA,
     "names environment '" EMPTY "'"},
    {"an artefact of no object", "record/object.jsonl", NULL, NULL, HPT_ERROR_DATA,
     "names object '" HELLO "'"},
    {"a part that is not there", "record/environment.jsonl", NULL,
     "{\"canonical\":{},\"digest\":\"" EMPTY "\"}\n"
     "{\"canonical\":{\"parts\":{\"host\":\"" HELLO
     "\"}},\"digest\":\"9e96a3b11b48c4d5e3e2b1b0a1a9f5ad0b0ba1f0b0ba1f0b0ba1f0b0ba1f0b0b\"}\n",
     HPT_ERROR_DATA, "another digest"},
    {"a trial without its attempt", TRIALS, "\"attempt\":1", "\"attempt\":3", HPT_ERROR_DATA,
     "names attempt 's 0 3'"},
    {"a trial of no definition", TRIALS, "\"definition\":1", "\"definition\":2", HPT_ERROR_DATA,
     "names definition 's 2'"},
    {"a study of no definition", "record/definition.jsonl", "\"version\":1", "\"version\":2",
     HPT_ERROR_DATA, "names definition 's 1'"},
    {"a definition of another format", "record/definition.jsonl", "\"format\":1", "\"format\":2",
     HPT_ERROR_INTEGRITY, "definition study 's', version 1: recorded definition is not understood"},
    {"a definition with a space that is none", "record/definition.jsonl", "real [0, 1]", "real [1, 0]",
     HPT_ERROR_DATA, "definition study 's', version 1: recorded definition: "},
    {"a definition of nothing", "record/definition.jsonl", "\"command\":[\"./train\"],", "",
     HPT_ERROR_INTEGRITY, "not understood: Object item not found: command"},
    {"a trial that runs", TRIALS, "complete", "running", HPT_ERROR_DATA,
     "number 0 has not ended, but is running"},
    {"a trial that waits", TRIALS, "complete", "waiting", HPT_ERROR_DATA,
     "number 0 has not ended, but is waiting"},
    {"a state that is none", TRIALS, "complete", "\\u001b]0;x\\u0007", HPT_ERROR_DATA,
     "has the unknown state"},
    {"an attempt that runs", ATTEMPTS, "\"outcome\":\"complete\",", "", HPT_ERROR_DATA,
     "number 0, attempt 1 has not ended"},
    {"a negative number", TRIALS, "\"number\":0", "\"number\":-1", HPT_ERROR_DATA,
     "numbers begin with 0"},
    {"an attempt zero", TRIALS, "\"attempt\":1", "\"attempt\":0", HPT_ERROR_DATA,
     "attempts with 1"},
    {"a study without a name", STUDIES, "\"name\":\"s\"", "\"name\":\"\"", HPT_ERROR_DATA,
     "has 1 to 200 characters"},
    {"a name that clears the screen", STUDIES, "\"name\":\"s\"", "\"name\":\"\\u001b[2J\"",
     HPT_ERROR_DATA, "has a control character"},
    {"a name of two lines", STUDIES, "\"name\":\"s\"", "\"name\":\"a\\nb\"", HPT_ERROR_DATA,
     "has a control character"},
    {"a negative seed", STUDIES, "\"seed\":1", "\"seed\":-1", HPT_ERROR_DATA,
     "the seed of a study is negative"},
};

static void test_edits(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autoptr(GHashTable) files = base_files();
        const char *old = g_hash_table_lookup(files, edits[i].path);
        if (edits[i].to == NULL) {
            g_assert_true(g_hash_table_remove(files, edits[i].path));
        } else if (edits[i].from == NULL) {
            g_hash_table_insert(files, g_strdup(edits[i].path), g_strdup(edits[i].to));
        } else {
            const char *at = old != NULL ? strstr(old, edits[i].from) : NULL;
            if (at == NULL)
                g_error("%s: there is no %s", edits[i].name, edits[i].from);
            g_hash_table_insert(files, g_strdup(edits[i].path),
                                g_strdup_printf("%.*s%s%s", (int)(at - old), old, edits[i].to,
                                                at + strlen(edits[i].from)));
        }
        refuse(edits[i].name, bundle_of(files, i % 2), NULL, edits[i].code, edits[i].reason);
    }
}

static void test_kind(void)
{
    g_autoptr(GHashTable) files = base_files();
    kind = "backup\033";
    refuse("another kind", bundle_of(files, false), NULL, HPT_ERROR_DATA,
           "it is a bundle of 'backup\\x1b', not of a record");
    kind = "study";
}

/* Deeper than anything is read; a line that is longer than any is. */
static void test_large_rows(void)
{
    g_autoptr(GHashTable) files = base_files();
    g_autoptr(GString) deep = g_string_new("{\"created_at\":" AT ",\"limits\":");
    for (int i = 0; i < 100000; i++)
        g_string_append_c(deep, '[');
    for (int i = 0; i < 100000; i++)
        g_string_append_c(deep, ']');
    g_string_append(deep, ",\"name\":\"s\",\"seed\":1}\n");
    g_hash_table_insert(files, g_strdup(STUDIES), g_strdup(deep->str));
    refuse("deep JSON", bundle_of(files, false), NULL, HPT_ERROR_DATA,
           STUDIES ":1: line 1, column");
    char *line = g_malloc(65 << 20);
    memset(line, 'x', 65 << 20);
    line[(65 << 20) - 1] = '\0';
    g_hash_table_insert(files, g_strdup(STUDIES), line);
    refuse("an endless line", bundle_of(files, false), NULL, HPT_ERROR_DATA, "longer than 64 MiB");
}

/* ---- limits ---- */

static void test_limits(void)
{
    g_autoptr(GHashTable) files = base_files();
    HptGateLimits limits = hpt_gate_limits();
    limits.bytes = 1000;
    refuse("too large", bundle_of(files, true), &limits, HPT_ERROR_DATA, "and 1000 is the limit");
    limits = hpt_gate_limits();
    limits.entries = 5;
    refuse("too many", bundle_of(files, true), &limits, HPT_ERROR_DATA,
           "entries, and 5 are the limit");
    limits = hpt_gate_limits();
    char *zeros = g_malloc(3 << 20);
    memset(zeros, '0', 3 << 20);
    zeros[(3 << 20) - 1] = '\0';
    g_hash_table_insert(files, g_strdup("README.txt"), zeros);
    limits.slack = 1 << 20;
    limits.ratio = 100;
    refuse("a bomb", bundle_of(files, true), &limits, HPT_ERROR_DATA,
           "it unpacks to more than 100 times its size");
    g_autoptr(GError) error = NULL;
    int fd = bundle_of(files, false);
    g_autoptr(HptGate) gate = pass(fd, &limits, &error);
    g_assert_no_error(error); /* as it is, without zstd, it is no bomb */
    close(fd);
}

static bool opens(const HptGate *gate, void *user, GError **error)
{
    (void)gate;
    (void)user;
    int fd = open("/etc/passwd", O_RDONLY), made = open("/tmp/hpt-evil", O_CREAT | O_WRONLY, 0600);
    g_set_error(error, HPT_ERROR, HPT_ERROR_DATA, "opened %d %d", fd >= 0, made >= 0);
    return false;
}
static bool crashes(const HptGate *gate, void *user, GError **error)
{
    (void)gate;
    (void)user;
    (void)error;
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return true;
}
static bool spins(const HptGate *gate, void *user, GError **error)
{
    (void)gate;
    (void)user;
    (void)error;
    for (volatile unsigned i = 0;; i = i + 1)
        ;
    return true;
}
static bool leaves(const HptGate *gate, void *user, GError **error)
{
    (void)gate;
    (void)user;
    (void)error;
    _exit(0);
}

static void test_confined(void)
{
    g_autoptr(GHashTable) files = base_files();
    HptGateLimits limits = hpt_gate_limits();
    limits.cpu_s = 1;
    const struct {
        HptGateCheck check;
        const char *reason;
    } cases[] = {{opens, "opened 0 0"},
                 {crashes, "was ended by signal 11"},
                 {spins, "was ended by signal"},
                 {leaves, "reading it failed"}};
    bool landlock =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
    for (size_t i = landlock ? 0 : 1; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        int fd = bundle_of(files, true);
        g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
        g_assert_null(hpt_gate_open(fd, "x", dir, &limits, cases[i].check, NULL, &error));
        close(fd);
        if (strstr(error->message, cases[i].reason) == NULL)
            g_error("'%s' and not '%s'", error->message, cases[i].reason);
    }
    g_assert_false(g_file_test("/tmp/hpt-evil", G_FILE_TEST_EXISTS));
}

/* ---- the container ---- */

typedef struct {
    const char *name;
    char type;
    const char *link, *content;
    int64_t size;     /* as the header says; -1: that of the content */
    const char *mode; /* NULL: 0000644 */
    const char *mtime;
} Raw;

static void put_raw(GByteArray *out, const Raw *raw)
{
    char head[512] = "";
    size_t length = raw->content != NULL ? strlen(raw->content) : 0;
    int64_t size = raw->size >= 0 ? raw->size : (int64_t)length;
    memcpy(head, raw->name, MIN(strlen(raw->name), 100));
    g_snprintf(head + 100, 8, "%s", raw->mode != NULL ? raw->mode : "000644 ");
    g_snprintf(head + 108, 8, "000000 ");
    g_snprintf(head + 116, 8, "000000 ");
    if (size < (int64_t)1 << 33) {
        g_snprintf(head + 124, 13, "%011" PRIo64 " ", size);
    } else { /* GNU's base 256 */
        head[124] = (char)0x80;
        for (int i = 0; i < 8; i++)
            head[135 - i] = (char)(size >> (8 * i));
    }
    memcpy(head + 136, raw->mtime != NULL ? raw->mtime : "00000000000 ", 12);
    memset(head + 148, ' ', 8);
    head[156] = raw->type;
    if (raw->link != NULL)
        memcpy(head + 157, raw->link, strlen(raw->link));
    memcpy(head + 257,
           "ustar\0"
           "00",
           8);
    unsigned sum = 0;
    for (size_t i = 0; i < 512; i++)
        sum += (unsigned char)head[i];
    g_snprintf(head + 148, 8, "%06o", sum);
    head[155] = ' ';
    g_byte_array_append(out, (const guint8 *)head, 512);
    static const guint8 zeros[512];
    g_byte_array_append(out, (const guint8 *)raw->content, (guint)length);
    g_byte_array_append(out, zeros, (guint)((512 - length % 512) % 512));
}

/* A manifest of one file, then these entries, then the end. */
static int raw_bundle(const char *path, const char *content, const Raw *raws, size_t n)
{
    char hex[HPT_DIGEST_HEX_SIZE];
    HptDigest digest = hpt_digest(content, strlen(content));
    g_autoptr(GString) quoted = g_string_new(NULL);
    hpt_json_append_string(quoted, path);
    g_autofree char *manifest =
        g_strdup_printf("{\"entries\":[{\"path\":%s,\"sha256\":\"%s\",\"size\":%zu}],\"format\":"
                        "\"hpt-bundle/1\",\"kind\":\"study\"}",
                        quoted->str, hpt_digest_hex(&digest, hex), strlen(content));
    g_autoptr(GByteArray) out = g_byte_array_new();
    const Raw first = {.name = "MANIFEST.json", .type = '0', .content = manifest, .size = -1};
    put_raw(out, &first);
    for (size_t i = 0; i < n; i++)
        put_raw(out, &raws[i]);
    static const guint8 zeros[10240];
    g_byte_array_append(out, zeros, 1024);
    g_byte_array_append(out, zeros, (10240 - out->len % 10240) % 10240);
    int fd = memfd_create("raw", 0);
    g_assert_cmpint(write(fd, out->data, out->len), ==, (ssize_t)out->len);
    return fd;
}

#define FILE_ "README.txt"
#define ONE(...)                                                                                   \
    {                                                                                              \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
static const struct {
    const char *name, *listed; /* listed: the path in the manifest */
    Raw raws[3];
    const char *reason;
} raws[] = {
    {"a symbolic link", FILE_, ONE(FILE_, '2', "/etc/passwd", NULL, -1, NULL, NULL),
     "is not a regular file"},
    {"a hard link", FILE_, ONE(FILE_, '1', "MANIFEST.json", NULL, -1, NULL, NULL),
     "is not a regular file"},
    {"a hard link outside", FILE_, ONE(FILE_, '1', "../../etc/passwd", NULL, -1, NULL, NULL),
     "is not a regular file"},
    {"a character device", FILE_, ONE(FILE_, '3', NULL, NULL, -1, NULL, NULL),
     "is not a regular file"},
    {"a block device", FILE_, ONE(FILE_, '4', NULL, NULL, -1, NULL, NULL), "is not a regular file"},
    {"a folder", FILE_, ONE(FILE_ "/", '5', NULL, NULL, -1, NULL, NULL), "is not a regular file"},
    {"a FIFO", FILE_, ONE(FILE_, '6', NULL, NULL, -1, NULL, NULL), "is not a regular file"},
    {"a contiguous file", FILE_, ONE(FILE_, '7', NULL, "x", -1, NULL, NULL), "headers or padding"},
    {"an old kind of file", FILE_, ONE(FILE_, '\0', NULL, "x", -1, NULL, NULL),
     "headers or padding"},
    {"GNU sparse", FILE_, ONE(FILE_, 'S', NULL, "x", -1, NULL, NULL), "headers or padding"},
    {"a GNU long name",
     FILE_,
     {{"././@LongLink", 'L', NULL, "../../etc/passwd", -1, NULL, NULL},
      {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "'../../etc/passwd' stands where the manifest has 'README.txt'"},
    {"a GNU long link",
     FILE_,
     {{"././@LongLink", 'K', NULL, "/etc/passwd", -1, NULL, NULL},
      {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "headers or padding"},
    {"a pax path",
     FILE_,
     {{"p", 'x', NULL, "18 path=/etc/evil\n", -1, NULL, NULL},
      {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "'/etc/evil' stands where the manifest has 'README.txt'"},
    {"a pax size",
     FILE_,
     {{"p", 'x', NULL, "22 size=9223372036854\n", -1, NULL, NULL},
      {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "has 9223372036854 bytes instead of 1"},
    {"a pax link",
     FILE_,
     {{"p", 'x', NULL, "24 linkpath=/etc/passwd\n", -1, NULL, NULL},
      {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "headers or padding"},
    {"pax sparse 1.0",
     FILE_,
     {{"p", 'x', NULL,
       "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n32 GNU.sparse.realsize=99999999\n", -1, NULL,
       NULL},
      {FILE_, '0', NULL, "1\n0\n1\n", -1, NULL, NULL}},
     "not a bundle, or damaged"},
    {"pax that is no pax",
     FILE_,
     {{"p", 'x', NULL, "999 x", -1, NULL, NULL}, {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "not a bundle, or damaged"},
    {"a global pax header",
     FILE_,
     {{"g", 'g', NULL, "18 path=/etc/evil\n", -1, NULL, NULL},
      {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "headers or padding"},
    {"an extended attribute",
     FILE_,
     {{"p", 'x', NULL, "35 SCHILY.xattr.security.evil=root\n", -1, NULL, NULL},
      {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "headers or padding"},
    {"an absolute name", "/etc/passwd", ONE("/etc/passwd", '0', NULL, "x", -1, NULL, NULL),
     "is absolute"},
    {"a way up", "../x", ONE("../x", '0', NULL, "x", -1, NULL, NULL), "has a component . or .."},
    {"a way up inside", "a/../../x", ONE("a/../../x", '0', NULL, "x", -1, NULL, NULL),
     "has a component . or .."},
    {"a dot", "./x", ONE("./x", '0', NULL, "x", -1, NULL, NULL), "has a component . or .."},
    {"an empty component", "a//x", ONE("a//x", '0', NULL, "x", -1, NULL, NULL),
     "has an empty component"},
    {"a slash at the end", "a/", ONE("a/", '0', NULL, "x", -1, NULL, NULL),
     "has an empty component"},
    {"no name", "", ONE("", '0', NULL, "x", -1, NULL, NULL), "is empty"},
    {"a backslash", "..\\x", ONE("..\\x", '0', NULL, "x", -1, NULL, NULL), "a backslash"},
    {"a control character", "a\033[2J", ONE("a\033[2J", '0', NULL, "x", -1, NULL, NULL),
     "not printable ASCII"},
    {"a line end", "a\nb", ONE("a\nb", '0', NULL, "x", -1, NULL, NULL), "not printable ASCII"},
    {"letters beyond ASCII", "\xc3\xa9", ONE("\xc3\xa9", '0', NULL, "x", -1, NULL, NULL),
     "not printable ASCII"},
    {"other bytes", FILE_, ONE(FILE_, '0', NULL, "y", -1, NULL, NULL),
     "is damaged: its bytes have SHA-256"},
    {"another name", FILE_, ONE("README.md", '0', NULL, "x", -1, NULL, NULL),
     "'README.md' stands where"},
    {"a name of another case", FILE_, ONE("Readme.txt", '0', NULL, "x", -1, NULL, NULL),
     "'Readme.txt' stands where"},
    {"an entry twice",
     FILE_,
     {{FILE_, '0', NULL, "x", -1, NULL, NULL}, {FILE_, '0', NULL, "x", -1, NULL, NULL}},
     "is not in the manifest"},
    {"an entry too many",
     FILE_,
     {{FILE_, '0', NULL, "x", -1, NULL, NULL}, {"z", '0', NULL, "x", -1, NULL, NULL}},
     "'z' is not in the manifest"},
    {"an entry too few",
     FILE_,
     {{NULL, 0, NULL, NULL, 0, NULL, NULL}},
     "the entry 'README.txt' is missing"},
    {"a huge size", FILE_, ONE(FILE_, '0', NULL, "x", (int64_t)1 << 60, NULL, NULL),
     "bytes instead of 1"},
    {"a size that is too small", FILE_, ONE(FILE_, '0', NULL, "x", 0, NULL, NULL),
     "has 0 bytes instead of 1"},
    {"a set-id program", FILE_, ONE(FILE_, '0', NULL, "x", -1, "006755 ", NULL),
     "headers or padding"},
    {"a time", FILE_, ONE(FILE_, '0', NULL, "x", -1, NULL, "00000000001 "), "headers or padding"},
};

static void test_container(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(raws); i++) {
        size_t n = 0;
        while (n < 3 && raws[i].raws[n].name != NULL)
            n++;
        int fd = raw_bundle(raws[i].listed, "x", raws[i].raws, n);
        refuse(raws[i].name, fd, NULL, HPT_ERROR_INTEGRITY, raws[i].reason);
    }
}

/* The same bytes packed in other ways. */
static void test_frames(void)
{
    g_autoptr(GHashTable) files = base_files();
    int plain = bundle_of(files, false), packed = bundle_of(files, true);
    size_t n = (size_t)lseek(plain, 0, SEEK_END), z = (size_t)lseek(packed, 0, SEEK_END);
    g_autofree char *bytes = g_malloc(n), *frame = g_malloc(z),
                    *twice = g_malloc(ZSTD_compressBound(z));
    g_assert_cmpint(pread(plain, bytes, n, 0), ==, (ssize_t)n);
    g_assert_cmpint(pread(packed, frame, z, 0), ==, (ssize_t)z);
    close(plain);
    close(packed);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    size_t t = ZSTD_compress2(context, twice, ZSTD_compressBound(z), frame, z);
    ZSTD_freeCCtx(context);
    const struct {
        const char *name;
        const void *data[2];
        size_t length[2];
    } cases[] = {
        {"zstd in zstd", {twice, ""}, {t, 0}},
        {"two frames", {frame, frame}, {z, z}},
        {"a skippable frame", {frame, "\x50\x2a\x4d\x18\0\0\0\0"}, {z, 8}},
        {"a skippable frame in front", {"\x50\x2a\x4d\x18\0\0\0\0", frame}, {8, z}},
        {"a byte behind", {bytes, "x"}, {n, 1}},
        {"two bundles", {bytes, bytes}, {n, n}},
        {"half a bundle", {bytes, ""}, {n / 2, 0}},
        {"gzip", {"\x1f\x8b\x08\0\0\0\0\0\0\xff", bytes}, {10, 512}},
        {"cpio", {"070701", bytes}, {6, 512}},
        {"nothing", {"", ""}, {0, 0}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        int fd = memfd_create("frames", 0);
        for (int k = 0; k < 2; k++)
            g_assert_cmpint(write(fd, cases[i].data[k], cases[i].length[k]), ==,
                            (ssize_t)cases[i].length[k]);
        refuse(cases[i].name, fd, NULL, HPT_ERROR_INTEGRITY, "x: ");
    }
}

static void test_count(void)
{
    g_test_message("%d evil archives were refused for their reason", refused);
    g_assert_cmpint(refused, >=, 120);
    g_autoptr(GDir) left = g_dir_open(dir, 0, NULL);
    g_assert_null(g_dir_read_name(left)); /* and nothing is left of them */
    g_assert_cmpint(rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("hpt-gate-XXXXXX", NULL);
    g_test_add_func("/import-gate/sound", test_sound);
    g_test_add_func("/import-gate/older", test_older);
    g_test_add_func("/import-gate/edits", test_edits);
    g_test_add_func("/import-gate/kind", test_kind);
    g_test_add_func("/import-gate/large-rows", test_large_rows);
    g_test_add_func("/import-gate/limits", test_limits);
    g_test_add_func("/import-gate/confined", test_confined);
    g_test_add_func("/import-gate/container", test_container);
    g_test_add_func("/import-gate/frames", test_frames);
    g_test_add_func("/import-gate/count", test_count);
    return g_test_run();
}
