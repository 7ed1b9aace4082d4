/* The input set of a trial: the files that it was declared to read, that it was seen to read and that it
 * wrote outside its own folder, each with what it held. Content-addressed, stored once, shared by the trials
 * that have the same.
 *
 * An attempt names two sets: its own, and one of what is common, the files of the system that it only read. Trials
 * that differ in a file of their own share the two thousand of their interpreter.
 *
 * Paths are relative to the project's folder where they lie below it, else absolute; bytes.
 *
 * role       declared  matched by --input when the trial began
 *            read      opened to be read, mapped or executed, with what it held then
 *            changed   was there and was opened to be written, with what it held before
 *            written   made or written by the trial, with what it held at the trial's end
 * state      stored     the bytes are an object
 *            digest     the digest alone: of the machine's or another project's, or what the trial wrote
 *            large      more than --input-max: the digest alone
 *            secret     it holds one: not even the digest
 *            unstable   it changed while it was used or read: no digest is its own
 *            gone       it was not there any more when it was to be read
 *            unread     it could not be read, or nobody waited for it
 * ignored    below the project, and not in the code snapshot because git ignores it
 *
 * Canonical form, version 1: UTF-8 lines of fields between tabs; in a field a backslash is \\, and control
 * characters and bytes that are not UTF-8 are \ooo.
 *
 *   hpt-inputs/1
 *   ROLE     state, size, SHA-256, "ignored" or "", path     of each file, by the bytes of path, then role
 *
 * size is empty where it is not known, the digest where there is none. Its SHA-256 is the set's digest.
 */
#ifndef HPT_RECORD_INPUTS_H
#define HPT_RECORD_INPUTS_H

#include "base/digest.h"
#include "base/error.h"

typedef enum { /* by their names */
    HPT_INPUT_CHANGED,
    HPT_INPUT_DECLARED,
    HPT_INPUT_READ,
    HPT_INPUT_WRITTEN,
    HPT_INPUT_ROLE_COUNT
} HptInputRole;

typedef enum {
    HPT_INPUT_STORED,
    HPT_INPUT_DIGEST,
    HPT_INPUT_LARGE,
    HPT_INPUT_SECRET,
    HPT_INPUT_UNSTABLE,
    HPT_INPUT_GONE,
    HPT_INPUT_UNREAD,
    HPT_INPUT_STATE_COUNT
} HptInputState;

/* "read", "stored" and so on; static. */
const char *hpt_input_role_name(HptInputRole role);
const char *hpt_input_state_name(HptInputState state);
/* Has a file in this state a digest? The first three have. */
bool hpt_input_state_has_digest(HptInputState state);

typedef struct {
    HptInputRole role;
    HptInputState state;
    bool ignored;
    int64_t size; /* -1: not known */
    HptDigest digest;
    const char *path;
} HptInputFile;

typedef struct {
    HptInputFile *files; /* by path, then role */
    size_t n;
    char *canonical; /* NUL-terminated */
    size_t length;   /* of canonical */
    HptDigest digest;
    GStringChunk *strings;
} HptInputs;

/* A set of these files, in any order, paths copied; of one path and role the first counts. */
HptInputs *hpt_inputs_new(const HptInputFile *files, size_t n);
void hpt_inputs_free(HptInputs *inputs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptInputs, hpt_inputs_free)

/* Reads a canonical form, and nothing that is not one. Fails HPT_ERROR_DATA with the line. */
HptInputs *hpt_inputs_parse(const void *canonical, size_t length, GError **error) HPT_WARN_UNUSED;

/* The file of that path and role, or NULL. */
const HptInputFile *hpt_inputs_find(const HptInputs *inputs, const char *path, HptInputRole role);

#endif
