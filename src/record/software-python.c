#include "record/software-internal.h"

#include <string.h>

/* One folder of distributions: what of it was read. */
typedef struct {
    GHashTable *files; /* paths from there, byte-code by its source */
    GHashTable *tops;  /* the first parts of these, modules without their endings */
    bool read;         /* by the metadata that is looked at: one of them was */
} Site;

static void site_free(void *data)
{
    Site *site = data;
    g_hash_table_unref(site->files);
    g_hash_table_unref(site->tops);
    g_free(site);
}

static Site *site_of(GHashTable *sites, const char *folder)
{
    Site *site = g_hash_table_lookup(sites, folder);
    if (site != NULL)
        return site;
    site = g_new0(Site, 1);
    site->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    site->tops = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_insert(sites, g_strdup(folder), site);
    return site;
}

static void add_file(GHashTable *sites, const char *file)
{
    static const char *const names[] = {"/site-packages/", "/dist-packages/"};
    g_autofree char *source = hpt_software_source(file);
    const char *path = source != NULL ? source : file;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *at = strstr(path, names[i]);
        if (at == NULL)
            continue;
        const char *rest = at + strlen(names[i]);
        g_autofree char *folder = g_strndup(path, (gsize)(rest - path) - 1);
        Site *site = site_of(sites, folder);
        g_hash_table_add(site->files, g_strdup(rest));
        size_t first = strcspn(rest, "/");
        bool module = rest[first] == '\0';
        g_hash_table_add(site->tops, g_strndup(rest, module ? strcspn(rest, ".") : first));
        return;
    }
}

/* "numpy/core/x.py,sha256=…,123"; a name with a comma in it is in quotes. */
static void record_line(const char *line, void *user)
{
    Site *site = user;
    if (site->read)
        return;
    const char *start = *line == '"' ? line + 1 : line;
    g_autofree char *path = g_strndup(start, strcspn(start, *line == '"' ? "\"" : ","));
    /* Reading metadata is not reading the distribution. */
    site->read = strstr(path, ".dist-info/") == NULL && g_hash_table_contains(site->files, path);
}

static void top_line(const char *line, void *user)
{
    Site *site = user;
    if (g_hash_table_contains(site->tops, line))
        site->read = true;
}

static bool was_read(HptCollector *c, Site *site, const char *info)
{
    g_autofree char *record = g_strconcat(info, "/RECORD", NULL);
    g_autofree char *tops = g_strconcat(info, "/top_level.txt", NULL);
    site->read = false;
    if (!hpt_software_lines(c, record, record_line, site) &&
        !hpt_software_lines(c, tops, top_line, site)) {
        /* A single file, as of distutils: by its name alone. */
        const char *name = strrchr(info, '/') + 1;
        g_autofree char *bare = g_strndup(name, strcspn(name, "-"));
        top_line(bare, site);
    }
    return site->read;
}

static void add_distribution(HptCollector *c, const char *info)
{
    const char *const places[] = {"/METADATA", "/PKG-INFO", ""};
    g_autofree char *text = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(places) && text == NULL; i++) {
        g_autofree char *path = g_strconcat(info, places[i], NULL);
        text = hpt_collector_slurp(c, path);
    }
    g_autofree char *name = text != NULL ? hpt_collector_field(text, "Name", ':') : NULL;
    g_autofree char *version = text != NULL ? hpt_collector_field(text, "Version", ':') : NULL;
    if (name != NULL)
        hpt_collector_add(c, HPT_PART_INTERPRETER, "python", name, version);
}

void hpt_software_python(HptCollector *c, const char *const *files)
{
    g_autoptr(GHashTable) sites =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, site_free);
    for (; *files != NULL; files++)
        add_file(sites, *files);
    GHashTableIter iter;
    gpointer folder, site;
    g_hash_table_iter_init(&iter, sites);
    while (g_hash_table_iter_next(&iter, &folder, &site)) {
        g_auto(GStrv) names = hpt_software_list(c, folder);
        for (char **name = names; *name != NULL; name++) {
            if (!g_str_has_suffix(*name, ".dist-info") && !g_str_has_suffix(*name, ".egg-info"))
                continue;
            g_autofree char *info = g_strdup_printf("%s/%s", (const char *)folder, *name);
            if (was_read(c, site, info))
                add_distribution(c, info);
        }
    }
}
