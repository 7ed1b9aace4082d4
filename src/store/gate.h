/* The gate for bundles from outside: read once, checked, and only then to be used.
 *
 * A child process reads: it may open nothing (Landlock, where the kernel has it), has a limit on
 * memory, CPU time and what it writes, and no database. It checks the container as hpt_bundle_open
 * does, holds it to the limits, copies the content into the quarantine, and asks a function of the
 * caller about the whole. The quarantine is one file without a name: whatever dies, nothing is
 * left. What the child says is not trusted further than that: sizes and places are checked again,
 * and readers of rows and objects check what they read.
 */
#ifndef HPT_STORE_GATE_H
#define HPT_STORE_GATE_H

#include "store/bundle.h"

typedef struct {
    int64_t bytes; /* of all content together, as the manifest declares it */
    size_t entries;
    int64_t ratio; /* content for each byte that was read, above slack */
    int64_t slack;
    int64_t memory, cpu_s; /* of the child */
} HptGateLimits;

/* 64 GiB, 4 million, 1000 beyond 64 MiB, 4 GiB, an hour. */
HptGateLimits hpt_gate_limits(void);

typedef struct {
    char *path;
    HptObjectId id;
    int64_t offset; /* in the quarantine */
} HptGateEntry;

typedef struct HptGate HptGate;

/* Is what is in the gate what the caller takes? Runs in the child; entries can be read. */
typedef bool (*HptGateCheck)(const HptGate *gate, void *user, GError **error);

/* Reads a bundle from fd (borrowed) to its end. name is for messages, dir the folder whose file
 * system has the quarantine. Must be called by a process with one thread. Fails HPT_ERROR_INTEGRITY
 * for a damaged or forged container, HPT_ERROR_DATA where a limit is passed, as check does, or with
 * HPT_ERROR_IO. */
HptGate *hpt_gate_open(int fd, const char *name, const char *dir, const HptGateLimits *limits,
                       HptGateCheck check, void *user, GError **error) HPT_WARN_UNUSED;
void hpt_gate_close(HptGate *gate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptGate, hpt_gate_close)

const HptBundleInfo *hpt_gate_get_info(const HptGate *gate);
/* The manifest's kind, for check alone; borrowed. */
const char *hpt_gate_peek_kind(const HptGate *gate);
size_t hpt_gate_count(const HptGate *gate);
/* In the order of their paths. */
const HptGateEntry *hpt_gate_peek(const HptGate *gate, size_t i);
const HptGateEntry *hpt_gate_find(const HptGate *gate, const char *path); /* or NULL */

/* Reads length bytes at offset of an entry; fewer is a failure. */
bool hpt_gate_read(const HptGate *gate, const HptGateEntry *entry, int64_t offset, void *buffer,
                   size_t length, GError **error) HPT_WARN_UNUSED;

/* Calls line for each line of an entry, without its end; number counts from 1. A last line without
 * an end, or one over 64 MiB, is HPT_ERROR_DATA. Messages get "PATH:NUMBER: " in front. */
typedef bool (*HptGateLine)(const char *line, size_t length, void *user, GError **error);
bool hpt_gate_lines(const HptGate *gate, const HptGateEntry *entry, HptGateLine line, void *user,
                    GError **error) HPT_WARN_UNUSED;

#endif
