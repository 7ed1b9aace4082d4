/* Who this process is, so that others can tell whether it still lives. */
#ifndef HPT_STUDY_IDENTITY_H
#define HPT_STUDY_IDENTITY_H

#include "db/db.h"
#include "record/environment.h"

typedef struct {
    char *worker; /* UUID made at start */
    char *host, *boot_id, *pid_namespace;
    int pid;
    int64_t pid_started; /* clock ticks since boot: a reused pid differs */
    char *launcher;      /* canonical JSON of what a scheduler says: SLURM_JOB_ID and the like */
} HptIdentity;

/* environment: NAME=VALUE, NULL-terminated. Never fails: what /proc does not tell is empty. */
HptIdentity *hpt_identity_new(const char *const *environment);
void hpt_identity_free(HptIdentity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptIdentity, hpt_identity_free)

/* Arguments of worker_start. Owned. */
HptArgs *hpt_identity_args(const HptIdentity *identity, int64_t study_id, const char *tool_version,
                           const HptEnvironment *environment);

/* Does a process of this boot and pid namespace with this pid and start time live? */
bool hpt_process_lives(int pid, int64_t pid_started);

#endif
