#include "run/gpus.h"

#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *name; /* as programs know it */
    int lock;
    int slot; /* who holds it; -1: nobody of ours */
} Gpu;

struct HptGpus {
    int each;
    GArray *all; /* Gpu */
};

static void clear_gpu(void *data)
{
    Gpu *gpu = data;
    g_free(gpu->name);
    if (gpu->lock >= 0)
        close(gpu->lock);
}

void hpt_gpus_free(HptGpus *gpus)
{
    if (gpus == NULL)
        return;
    g_array_unref(gpus->all);
    g_free(gpus);
}

/* ---- which there are ---- */

static const char *look_up(const char *const *env, const char *name)
{
    for (size_t length = strlen(name); *env != NULL; env++)
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return *env + length + 1;
    return NULL;
}

/* Words between commas, without blanks and empty ones. Owned. */
static char **split(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    GPtrArray *kept = g_ptr_array_new();
    for (char **word = words; *word != NULL; word++)
        if (*g_strstrip(*word) != '\0')
            g_ptr_array_add(kept, g_strdup(*word));
    g_ptr_array_add(kept, NULL);
    return (char **)g_ptr_array_free(kept, false);
}

static int by_number(const void *a, const void *b)
{
    long first = strtol(*(char *const *)a, NULL, 10), second = strtol(*(char *const *)b, NULL, 10);
    return (first > second) - (first < second);
}

static char **list_devices(void)
{
    GPtrArray *names = g_ptr_array_new();
    g_autoptr(GDir) dev = g_dir_open("/dev", 0, NULL);
    for (const char *name; dev != NULL && (name = g_dir_read_name(dev)) != NULL;) {
        int64_t number = 0;
        if (g_str_has_prefix(name, "nvidia") && hpt_integer_parse(name + strlen("nvidia"), &number))
            g_ptr_array_add(names, g_strdup(name + strlen("nvidia")));
    }
    qsort(names->pdata, names->len, sizeof(char *), by_number);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, false);
}

/* What CUDA_VISIBLE_DEVICES allows, up to the first -1, which hides the rest. */
static char **list_visible(const char *visible)
{
    char **names = split(visible);
    char **name = names;
    while (*name != NULL && **name != '-')
        name++;
    for (; *name != NULL; name++)
        g_clear_pointer(name, g_free);
    return names;
}

static bool is_name(const char *word)
{
    return *word != '\0' && *word != '.' &&
           word[strspn(word, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_.:/")] == '\0' &&
           strlen(word) < 200;
}

/* The ones that text means, of the visible. NULL: text names none of them. Owned. */
static char **choose(const char *text, char **visible, const char *source, GError **error)
{
    guint n = g_strv_length(visible);
    int64_t count = 0;
    if (strcmp(text, "all") == 0)
        return g_strdupv(visible);
    if (hpt_integer_parse(text, &count)) {
        if (count >= 1 && count <= n) {
            char **first = g_strdupv(visible);
            for (guint i = (guint)count; i < n; i++)
                g_clear_pointer(&first[i], g_free);
            return first;
        }
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--gpus=%s: %s shows %u GPUs%s", text, source, n,
                    count == 0 && n > 0 ? "\nhint: GPU 0 alone is '0,'" : "");
        return NULL;
    }
    g_auto(GStrv) words = split(text);
    for (char **word = words; *word != NULL; word++) {
        bool known = n == 0 && strcmp(source, "/dev") == 0; /* not NVIDIA's: the user must know */
        if (!is_name(*word))
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                        "--gpus takes all, a count or names with commas, not '%s'", text);
        else if (!known && !g_strv_contains((const char *const *)visible, *word))
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--gpus: %s does not show GPU %s", source,
                        *word);
        else if (g_strv_contains((const char *const *)word + 1, *word))
            g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--gpus names %s twice", *word);
        else
            continue;
        return NULL;
    }
    return g_steal_pointer(&words);
}

/* ---- locks ---- */

static const char *lock_folder(void)
{
    struct stat about;
    bool open_to_all = stat("/run/lock", &about) == 0 && S_ISDIR(about.st_mode) &&
                       (about.st_mode & 01002) == 01002;
    return open_to_all ? "/run/lock" : "/tmp";
}

/* In a folder where anybody makes files: no link is followed, nothing is waited for, and only a plain
 * file will do. Opened before it is made, as the kernel may forbid O_CREAT on somebody else's. */
static int open_lock(const char *name, GError **error)
{
    g_autofree char *base = g_strdup_printf("hpt-gpu-%s", name);
    g_autofree char *path = g_build_filename(lock_folder(), g_strdelimit(base, "/:", '_'), NULL);
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = -1;
    for (int tries = 0; fd < 0 && tries < 10; tries++) {
        fd = open(path, flags);
        if (fd >= 0 || errno != ENOENT)
            break;
        fd = open(path, flags | O_CREAT | O_EXCL, 0444);
        if (fd >= 0 && fchmod(fd, 0444) != 0)
            g_debug("%s: %s", path, g_strerror(errno)); /* the umask alone was in the way */
        if (fd < 0 && errno != EEXIST)
            break;
    }
    struct stat about;
    if (fd >= 0 && (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))) {
        close(fd);
        fd = -1;
        errno = EINVAL;
    }
    if (fd < 0)
        hpt_error_set_errno(error, errno, "cannot open the lock '%s' of a GPU", path);
    return fd;
}

/* The machine's numbers of what is visible, where the scheduler tells them. Owned; NULL: it does not.
 */
static char **scheduler_names(const char *const *env, guint n)
{
    static const char *const variables[] = {"SLURM_STEP_GPUS", "SLURM_JOB_GPUS"};
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        const char *text = look_up(env, variables[i]);
        g_auto(GStrv) names = text == NULL ? NULL : split(text);
        if (names != NULL && g_strv_length(names) == n)
            return g_steal_pointer(&names);
    }
    return NULL;
}

HptGpus *hpt_gpus_new(const char *text, int each, int slots, const char *const *env,
                      GError **error)
{
    const char *allowed = look_up(env, "CUDA_VISIBLE_DEVICES");
    const char *source = allowed != NULL ? "CUDA_VISIBLE_DEVICES" : "/dev";
    g_auto(GStrv) visible = allowed != NULL ? list_visible(allowed) : list_devices();
    g_auto(GStrv) chosen = choose(text, visible, source, error);
    if (chosen == NULL)
        return NULL;
    guint n = g_strv_length(chosen);
    if ((int64_t)each * slots > n) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE,
                    "--jobs=%d with --gpus-per-trial=%d needs %" PRId64 " GPUs, and %s shows %u",
                    slots, each, (int64_t)each * slots, strcmp(text, "all") == 0 ? source : "--gpus",
                    n);
        return NULL;
    }
    g_auto(GStrv) global = allowed == NULL ? NULL : scheduler_names(env, g_strv_length(visible));
    g_autoptr(HptGpus) gpus = g_new0(HptGpus, 1);
    gpus->each = each;
    gpus->all = g_array_new(false, false, sizeof(Gpu));
    g_array_set_clear_func(gpus->all, clear_gpu);
    for (char **name = chosen; *name != NULL; name++) {
        guint at = 0;
        while (global != NULL && strcmp(visible[at], *name) != 0)
            at++;
        Gpu gpu = {g_strdup(*name), open_lock(global != NULL ? global[at] : *name, error), -1};
        g_array_append_val(gpus->all, gpu);
        if (gpu.lock < 0)
            return NULL;
    }
    return g_steal_pointer(&gpus);
}

bool hpt_gpus_take(HptGpus *gpus, int slot)
{
    int held = 0;
    for (guint i = 0; i < gpus->all->len; i++)
        held += g_array_index(gpus->all, Gpu, i).slot == slot;
    if (held == gpus->each)
        return true;
    for (guint i = 0; i < gpus->all->len && held < gpus->each; i++) {
        Gpu *gpu = &g_array_index(gpus->all, Gpu, i);
        if (gpu->slot < 0 && flock(gpu->lock, LOCK_EX | LOCK_NB) == 0) {
            gpu->slot = slot;
            held++;
        }
    }
    if (held == gpus->each)
        return true;
    hpt_gpus_leave(gpus, slot);
    return false;
}

void hpt_gpus_leave(HptGpus *gpus, int slot)
{
    for (guint i = 0; i < gpus->all->len; i++) {
        Gpu *gpu = &g_array_index(gpus->all, Gpu, i);
        if (gpu->slot != slot)
            continue;
        flock(gpu->lock, LOCK_UN);
        gpu->slot = -1;
    }
}

char *hpt_gpus_text(const HptGpus *gpus, int slot)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < gpus->all->len; i++) {
        const Gpu *gpu = &g_array_index(gpus->all, Gpu, i);
        if (gpu->slot == slot)
            g_string_append_printf(text, "%s%s", text->len > 0 ? "," : "", gpu->name);
    }
    return g_string_free(text, text->len == 0);
}

/* ---- for programs ---- */

/* Names count from all of the machine's, except where ROCR_VISIBLE_DEVICES has already left only
 * ours: HIP and OpenCL count within what that leaves. */
static const struct {
    const char *variable;
    bool within;
} variables[] = {
    {"CUDA_VISIBLE_DEVICES", false}, {"ROCR_VISIBLE_DEVICES", false}, {"ZE_AFFINITY_MASK", false},
    {"HIP_VISIBLE_DEVICES", true},   {"GPU_DEVICE_ORDINAL", true},    {"HPT_GPUS", false},
};

bool hpt_gpus_is_variable(const char *entry)
{
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        size_t length = strlen(variables[i].variable);
        if (strncmp(entry, variables[i].variable, length) == 0 && entry[length] == '=')
            return true;
    }
    return false;
}

void hpt_gpus_add_env(const HptGpus *gpus, int slot, GPtrArray *env)
{
    g_autofree char *names = hpt_gpus_text(gpus, slot);
    if (names == NULL)
        return;
    g_autoptr(GString) within = g_string_new("0");
    for (int i = 1; i < gpus->each; i++)
        g_string_append_printf(within, ",%d", i);
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
        g_ptr_array_add(env, g_strconcat(variables[i].variable, "=",
                                         variables[i].within ? within->str : names, NULL));
}
