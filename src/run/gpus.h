/* GPUs dealt out to slots: a slot has some for itself, on this machine and beside every other
 * hpt-run of any user.
 *
 * A GPU is held by a lock (flock) on a file of its name in /run/lock, or in /tmp where that is not
 * open to everybody. The files are empty, may be read by all and stay; the lock ends with us.
 * Under Slurm jobs may number their GPUs from 0 each; the lock then has the machine's number.
 */
#ifndef HPT_RUN_GPUS_H
#define HPT_RUN_GPUS_H

#include "base/error.h"

typedef struct HptGpus HptGpus;

/* text is "all", a count, or names with commas ("0,1", "2,", "GPU-5f…,GPU-8a…"). env (environ) says by
 * CUDA_VISIBLE_DEVICES which we may use; without it they are those of /dev/nvidia*. Fails
 * HPT_ERROR_USAGE if they are fewer than slots × each, or not ours; HPT_ERROR_IO for the locks. */
HptGpus *hpt_gpus_new(const char *text, int each, int slots, const char *const *env,
                      GError **error) HPT_WARN_UNUSED;
void hpt_gpus_free(HptGpus *gpus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptGpus, hpt_gpus_free)

/* True: slot has what it needs, now or from before. False: others hold too many; nothing changed. */
bool hpt_gpus_take(HptGpus *gpus, int slot);
void hpt_gpus_leave(HptGpus *gpus, int slot);

/* What slot holds, "0,1"; NULL: nothing. Owned. */
char *hpt_gpus_text(const HptGpus *gpus, int slot);

/* The variables by which programs are told of them; owned strings are added. The environment that
 * env is put behind must be without them: hpt_gpus_is_variable. */
void hpt_gpus_add_env(const HptGpus *gpus, int slot, GPtrArray *env);
bool hpt_gpus_is_variable(const char *entry);

#endif
