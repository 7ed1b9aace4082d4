#include "record/software-internal.h"

#include "base/text.h"
#include "record/ask.h"

#include <string.h>

/* ---- Debian ---- */

#define INFO "/var/lib/dpkg/info"

typedef struct {
    HptCollector *c;
    GHashTable *wanted;   /* paths as a list may have them */
    GHashTable *packages; /* names of those that own one */
    const char *package;
    bool owns;
    /* of the paragraph of the status file that is read */
    char *name, *architecture, *version;
} Dpkg;

/* A list has /lib/x or /usr/lib/x for what the kernel calls /usr/lib/x. */
static void want(GHashTable *wanted, const char *path)
{
    static const char *const merged[] = {"/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"};
    g_hash_table_add(wanted, g_strdup(path));
    bool usr = g_str_has_prefix(path, "/usr/");
    const char *rest = usr ? path + strlen("/usr") : path;
    for (size_t i = 0; i < G_N_ELEMENTS(merged); i++)
        if (g_str_has_prefix(rest, merged[i]))
            g_hash_table_add(wanted, usr ? g_strdup(rest) : g_strconcat("/usr", path, NULL));
}

static void list_line(const char *line, void *user)
{
    Dpkg *dpkg = user;
    dpkg->owns = dpkg->owns || g_hash_table_contains(dpkg->wanted, line);
}

static void end_paragraph(Dpkg *dpkg)
{
    g_autofree char *full = g_strdup_printf("%s:%s", dpkg->name, dpkg->architecture);
    if (dpkg->name != NULL && dpkg->version != NULL) {
        /* Packages of several architectures are listed with theirs, others without. */
        if (g_hash_table_contains(dpkg->packages, full))
            hpt_collector_add(dpkg->c, HPT_PART_PACKAGES, "package", full, dpkg->version);
        else if (g_hash_table_contains(dpkg->packages, dpkg->name))
            hpt_collector_add(dpkg->c, HPT_PART_PACKAGES, "package", dpkg->name, dpkg->version);
    }
    g_clear_pointer(&dpkg->name, g_free);
    g_clear_pointer(&dpkg->architecture, g_free);
    g_clear_pointer(&dpkg->version, g_free);
}

static void take_field(const char *line, const char *key, char **out)
{
    if (*out == NULL && g_str_has_prefix(line, key))
        *out = g_strstrip(g_strdup(line + strlen(key)));
}

static void status_line(const char *line, void *user)
{
    Dpkg *dpkg = user;
    if (*line == '\0')
        end_paragraph(dpkg);
    take_field(line, "Package:", &dpkg->name);
    take_field(line, "Architecture:", &dpkg->architecture);
    take_field(line, "Version:", &dpkg->version);
}

void hpt_software_dpkg(HptCollector *c, const char *const *files)
{
    g_auto(GStrv) names = hpt_software_list(c, INFO);
    if (names[0] == NULL)
        return;
    g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) packages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (; *files != NULL; files++) {
        g_autofree char *source = hpt_software_source(*files);
        want(wanted, source != NULL ? source : *files);
    }
    Dpkg dpkg = {.c = c, .wanted = wanted, .packages = packages};
    for (char **name = names; *name != NULL; name++) {
        if (!g_str_has_suffix(*name, ".list"))
            continue;
        g_autofree char *path = g_strconcat(INFO "/", *name, NULL);
        dpkg.owns = false;
        if (hpt_software_lines(c, path, list_line, &dpkg) && dpkg.owns)
            g_hash_table_add(packages, g_strndup(*name, strlen(*name) - strlen(".list")));
    }
    hpt_software_lines(c, "/var/lib/dpkg/status", status_line, &dpkg);
    end_paragraph(&dpkg);
}

/* ---- RPM ---- */

#define RPM_OUTPUT_MAX ((size_t)16 << 20)
#define RPM_FILES_MAX 4096 /* of one call: a command line has its limits */

static HptAnswer *ask_rpm(const char *program, const char *const *files, size_t n, int64_t until_us)
{
    static const char *const env[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};
    static char *const front[] = {"rpm", "-q", "--queryformat",
                                  "%{NAME}.%{ARCH}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n", "-f", "--"};
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(front); i++)
        g_ptr_array_add(argv, front[i]);
    for (size_t i = 0; i < n; i++)
        g_ptr_array_add(argv, (gpointer)files[i]);
    g_ptr_array_add(argv, NULL);
    return hpt_ask(&(HptAsk){
        .program = program,
        .argv = (const char *const *)argv->pdata,
        .env = env,
        .until_us = until_us,
        .output_max = RPM_OUTPUT_MAX,
    });
}

/* A line is NAME.ARCH, a tab and the version; complaints about files of nobody have no tab. */
void hpt_software_rpm(HptCollector *c, const char *program, const char *const *files)
{
    int64_t until_us = hpt_time_monotonic_us() + HPT_RPM_TIME_US;
    size_t n = g_strv_length((char **)(gpointer)files);
    for (size_t at = 0; at < n && hpt_time_monotonic_us() < until_us; at += RPM_FILES_MAX) {
        g_autoptr(HptAnswer) answer =
            ask_rpm(program, files + at, MIN(n - at, RPM_FILES_MAX), until_us);
        g_auto(GStrv) lines = g_strsplit((const char *)answer->out->data, "\n", -1);
        for (char **line = lines; *line != NULL; line++) {
            char *tab = strchr(*line, '\t');
            if (tab == NULL || line[1] == NULL) /* the last may be cut */
                continue;
            *tab = '\0';
            g_autofree char *name = hpt_text_printable(*line, -1);
            hpt_collector_add(c, HPT_PART_PACKAGES, "package", name,
                              g_str_has_prefix(tab + 1, "0:") ? tab + 3 : tab + 1);
        }
    }
}
