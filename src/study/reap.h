/* Taking over what dead workers held: statements' arguments, and what is left on this machine. */
#ifndef HPT_STUDY_REAP_H
#define HPT_STUDY_REAP_H

#include "study/identity.h"
#include "study/slot.h"

/* Arguments of worker_peers: who holds leases and ran on this boot of this machine. Owned. */
HptArgs *hpt_reap_peers_args(int64_t study_id, const HptIdentity *identity);

/* Kills what is left of the persistent workers of peers that are no more; arguments of lease_reap, by
 * which those lose their leases at once. Owned. */
HptArgs *hpt_reap_dead(int64_t study_id, const HptRows *peers, int lease_s, int max_lost);

/* What a lost attempt left on this machine: its processes, and a folder that nobody will read. */
void hpt_reap_clear(const HptSlotContext *context, int64_t number, int attempt);

#endif
