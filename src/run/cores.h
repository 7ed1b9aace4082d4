/* The CPUs that we may use, dealt out to slots: N each, never the same one twice. */
#ifndef HPT_RUN_CORES_H
#define HPT_RUN_CORES_H

#include "base/error.h"

#include <sched.h>

typedef struct HptCores HptCores;

/* Fails HPT_ERROR_USAGE if slots × each is more than there are for this process. */
HptCores *hpt_cores_new(int each, int slots, GError **error) HPT_WARN_UNUSED;
void hpt_cores_free(HptCores *cores);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptCores, hpt_cores_free)

/* Of a slot; borrowed. The text is as in "0-3,8". */
const cpu_set_t *hpt_cores_get(const HptCores *cores, int slot);
const char *hpt_cores_peek_text(const HptCores *cores, int slot);

/* Adds to env (owned strings) the variables by which libraries take their number of threads, as far
 * as env does not have them. */
void hpt_cores_add_env(const HptCores *cores, GPtrArray *env);

#endif
