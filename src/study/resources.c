#include "study/resources.h"

#include "record/environment.h"

#include <string.h>

static bool split_via(HptResources *resources, const HptResourcesInput *input, GError **error)
{
    if (input->via == NULL)
        return true;
    if (input->via[strspn(input->via, " \t\n")] == '\0') {
        g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, "--via: no words");
        return false;
    }
    g_autoptr(GError) local = NULL;
    if (!g_shell_parse_argv(input->via, NULL, &resources->via, &local)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_USAGE, "--via: %s", local->message);
        return false;
    }
    resources->via_text = g_strdup(input->via);
    if (hpt_check_program(resources->via[0], g_getenv("PATH"), NULL, error))
        return true;
    g_prefix_error(error, "--via: ");
    return false;
}

HptResources *hpt_resources_new(const HptResourcesInput *input, GError **error)
{
    g_autoptr(HptResources) resources = g_new0(HptResources, 1);
    if (!split_via(resources, input, error))
        return NULL;
    if (input->cores > 0) {
        resources->cores = hpt_cores_new(input->cores, input->jobs, error);
        if (resources->cores == NULL)
            return NULL;
    }
    if (input->gpus != NULL) {
        resources->gpus = hpt_gpus_new(input->gpus, input->gpus_per_trial, input->jobs,
                                       input->environment, error);
        if (resources->gpus == NULL)
            return NULL;
    }
    return g_steal_pointer(&resources);
}

void hpt_resources_free(HptResources *resources)
{
    if (resources == NULL)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(resources->contain); i++)
        hpt_contain_free(resources->contain[i]);
    hpt_cores_free(resources->cores);
    hpt_gpus_free(resources->gpus);
    g_strfreev(resources->via);
    g_free(resources->via_text);
    g_free(resources);
}

const HptContain *hpt_resources_contain(HptResources *resources, HptContainChoice choice,
                                        GError **error)
{
    HptContain **contain = &resources->contain[choice];
    if (*contain == NULL)
        *contain = hpt_contain_new(choice, NULL, error);
    return *contain;
}

char **hpt_resources_environment(const HptResources *resources, char **steal_env)
{
    GPtrArray *env = g_ptr_array_new();
    for (char **entry = steal_env; *entry != NULL; entry++)
        if (resources->gpus != NULL && hpt_gpus_is_variable(*entry))
            g_free(*entry);
        else
            g_ptr_array_add(env, *entry);
    g_free(steal_env);
    if (resources->cores != NULL)
        hpt_cores_add_env(resources->cores, env);
    g_ptr_array_add(env, NULL);
    return (char **)g_ptr_array_free(env, false);
}
