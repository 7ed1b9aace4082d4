/* Taking over what dead workers held: statements' arguments, and what is left on this machine. */
#ifndef HPT_STUDY_REAP_H
#define HPT_STUDY_REAP_H

#include "study/identity.h"
#include "study/slot.h"

/* Arguments of worker_peers: who holds leases and ran on this boot of this machine. Owned. */
HptArgs *hpt_reap_peers_args(int64_t study_id, const HptIdentity *identity);

/* Arguments of lease_reap: the peers that are no more lose their leases at once, and what is left of
 * their persistent workers is killed. Owned. */
HptArgs *hpt_reap_args(int64_t study_id, const HptRows *peers, int lease_s, int max_lost);

/* What a lost attempt left on this machine: its processes, and a folder that nobody will read. */
void hpt_reap_clear(const HptSlotContext *context, int64_t number, int attempt);

#endif
