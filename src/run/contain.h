/* How trials are contained: what of the three ways this machine allows, and what they need.
 *
 * Each trial that runs has a helper, hpt-contain, which starts the command, waits for it, kills and
 * counts what it leaves behind, and does the same when hpt-run is gone; then the next trial has it. The mode says what
 * the helper is beside that:
 *   namespace   PID 1 of a PID namespace with its own /proc. Nothing gets out, and when the helper
 *               is gone the kernel kills the rest. Ordinary users need user namespaces for it.
 *   cgroup      the command is in a cgroup (v2) of its own, which is killed as a whole
 *   subreaper   orphans become the helper's children, and it kills them one by one
 */
#ifndef HPT_RUN_CONTAIN_H
#define HPT_RUN_CONTAIN_H

#include "base/error.h"
#include "run/wire.h"

typedef enum {
    HPT_CONTAIN_AUTO, /* namespace, else cgroup, else subreaper */
    HPT_CONTAIN_AS_NAMESPACE,
    HPT_CONTAIN_AS_SUBREAPER,
    HPT_CONTAIN_AS_CGROUP,
} HptContainChoice;

/* NULL-terminated, in the order of HptContainChoice. */
extern const char *const hpt_contain_words[];

typedef struct HptContain HptContain;

/* Tries the choice by a helper that runs nothing; a few milliseconds. helper is the program, NULL:
 * looked for beside the running one and where it is installed. Fails HPT_ERROR_UNSUPPORTED with the
 * reason when the choice cannot be had here (auto always can), HPT_ERROR_IO. */
HptContain *hpt_contain_new(HptContainChoice choice, const char *helper,
                            GError **error) HPT_WARN_UNUSED;
void hpt_contain_free(HptContain *contain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptContain, hpt_contain_free)

HptContainMode hpt_contain_get_mode(const HptContain *contain);
/* "namespace", "subreaper" or "cgroup"; static. */
const char *hpt_contain_mode_name(HptContainMode mode);

/* Of HptHelper, those that wait; see run/helper.h. */
GPtrArray *hpt_contain_peek_pool(const HptContain *contain);
/* For launch.c; borrowed. NULL: not of this mode. */
const char *hpt_contain_peek_helper(const HptContain *contain);
const char *hpt_contain_peek_cgroup(const HptContain *contain);
/* One line for /proc/PID/uid_map and gid_map; NULL: no user namespace is needed. */
const char *hpt_contain_peek_uid_map(const HptContain *contain);
const char *hpt_contain_peek_gid_map(const HptContain *contain);

/* Kills and removes the cgroup of a helper that could not do it any more. */
void hpt_contain_clear_cgroup(const char *parent, pid_t helper);

#endif
