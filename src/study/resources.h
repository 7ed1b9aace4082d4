/* What a worker's trials run in and on: containment, cores, GPUs, and the prefix that starts them
 * elsewhere. Made once, before anything is recorded. */
#ifndef HPT_STUDY_RESOURCES_H
#define HPT_STUDY_RESOURCES_H

#include "run/contain.h"
#include "run/cores.h"
#include "run/gpus.h"

typedef struct {
    int jobs;
    int cores;          /* each trial; 0: not dealt out */
    const char *gpus;   /* as in hpt_gpus_new; NULL: not dealt out */
    int gpus_per_trial;
    const char *via;    /* words as in a shell, without its expansions; NULL: none */
    const char *const *environment; /* environ */
} HptResourcesInput;

typedef struct {
    HptContain *contain[HPT_CONTAIN_AS_CGROUP + 1]; /* by choice, as they are asked for */
    HptCores *cores; /* NULL: not dealt out; so with gpus */
    HptGpus *gpus;
    char **via; /* NULL: none */
    char *via_text;
} HptResources;

/* Fails HPT_ERROR_USAGE, and as hpt_gpus_new and hpt_check_program (for the prefix). */
HptResources *hpt_resources_new(const HptResourcesInput *input, GError **error) HPT_WARN_UNUSED;
void hpt_resources_free(HptResources *resources);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptResources, hpt_resources_free)

/* The containment of a choice, tried when it is first asked for; borrowed. Fails as
 * hpt_contain_new. */
const HptContain *hpt_resources_contain(HptResources *resources, HptContainChoice choice,
                                        GError **error) HPT_WARN_UNUSED;

/* The environment of all trials, from env: without what a slot sets for itself. Owned. */
char **hpt_resources_environment(const HptResources *resources, char **steal_env);

#endif
