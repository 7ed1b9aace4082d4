#include "study/identity.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/number.h"
#include "record/secret.h"

#include <string.h>
#include <unistd.h>

/* What schedulers tell a job about itself; provenance, never identity and never a seed. */
static const char *const launcher_names[] = {
    "SLURM_CLUSTER_NAME", "SLURM_JOB_ID",        "SLURM_ARRAY_JOB_ID",    "SLURM_ARRAY_TASK_ID",
    "SLURM_STEP_ID",      "SLURM_PROCID",         "SLURM_RESTART_COUNT", "SLURMD_NODENAME",
    "PARALLEL_SEQ",       "PBS_JOBID",            "JOB_COMPLETION_INDEX", "KUBERNETES_SERVICE_HOST",
    "HPT_POD",            "HPT_POD_NAMESPACE",    "HPT_NODE",           NULL};

/* The start time is the 22nd field; the second, the name, may hold blanks and parentheses. A
 * zombie is as dead as a process that is gone. */
static int64_t start_time(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return -1;
    const char *rest = strrchr(text, ')');
    if (rest == NULL || strlen(rest) < 3)
        return -1;
    g_auto(GStrv) fields = g_strsplit(rest + 2, " ", 22);
    int64_t ticks = -1;
    if (g_strv_length(fields) < 21 || fields[0][0] == 'Z' || fields[0][0] == 'X' ||
        !hpt_integer_parse(fields[19], &ticks))
        return -1;
    return ticks;
}

bool hpt_process_lives(int pid, int64_t pid_started)
{
    return start_time(pid) == pid_started;
}

static char *launcher_json(const char *const *environment)
{
    g_autoptr(json_t) object = json_object();
    for (const char *const *name = launcher_names; *name != NULL; name++) {
        const char *value = g_environ_getenv((char **)environment, *name);
        if (value == NULL || !g_utf8_validate(value, -1, NULL))
            continue;
        g_autofree char *clean = hpt_secret_cut(value);
        json_object_set_new(object, *name, json_string(clean));
    }
    return hpt_json_canonical(object, NULL);
}

HptIdentity *hpt_identity_new(const char *const *environment)
{
    HptIdentity *identity = g_new0(HptIdentity, 1);
    identity->worker = hpt_uuid_new();
    identity->host = g_strdup(g_get_host_name());
    if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &identity->boot_id, NULL, NULL))
        g_strchomp(identity->boot_id);
    else
        identity->boot_id = g_strdup("");
    identity->pid_namespace = g_file_read_link("/proc/self/ns/pid", NULL);
    if (identity->pid_namespace == NULL)
        identity->pid_namespace = g_strdup("");
    identity->pid = (int)getpid();
    identity->pid_started = start_time(identity->pid);
    identity->launcher = launcher_json(environment);
    return identity;
}

void hpt_identity_free(HptIdentity *identity)
{
    if (identity == NULL)
        return;
    g_free(identity->worker);
    g_free(identity->host);
    g_free(identity->boot_id);
    g_free(identity->pid_namespace);
    g_free(identity->launcher);
    g_free(identity);
}

HptArgs *hpt_identity_args(const HptIdentity *identity, int64_t study_id, const char *tool_version,
                           const HptEnvironment *environment)
{
    const void *parts[HPT_PART_COUNT];
    size_t lengths[HPT_PART_COUNT];
    for (int i = 0; i < HPT_PART_COUNT; i++) {
        parts[i] = environment->parts[i].canonical;
        lengths[i] = strlen(environment->parts[i].canonical);
    }
    HptArgs *args = hpt_args_new();
    hpt_args_uuid(args, identity->worker);
    hpt_args_int8(args, study_id);
    hpt_args_text(args, identity->host);
    hpt_args_text(args, identity->boot_id);
    hpt_args_text(args, identity->pid_namespace);
    hpt_args_int4(args, identity->pid);
    hpt_args_int8(args, identity->pid_started);
    hpt_args_json(args, identity->launcher);
    hpt_args_text(args, tool_version);
    hpt_args_bytea(args, environment->canonical, strlen(environment->canonical));
    hpt_args_byteas(args, parts, lengths, HPT_PART_COUNT);
    return args;
}
