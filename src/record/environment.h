/* The environment record: what the machine and the software were, as typed items in five parts,
 * each content-addressed, so that many trials share their rows and two environments are compared by
 * five digests first.
 *
 * part         kind        names
 * host         host        arch, cgroup_cpu, cgroup_memory, container, container_image, cores,
 *                          cpu_family, cpu_flags, cpu_flags_sha256, cpu_model, cpu_model_number,
 *                          cpu_stepping, cpu_vendor, kernel, kernel_build, memory_kib,
 * memory_nodes, microcode, numa_nodes gpu         nvidia_driver; nvidia/ADDRESS, drm/CARD with what
 * it is sysctl      kernel.randomize_va_space, vm.overcommit_memory, …, transparent_hugepage
 * interpreter  executable  interpreter (first line of a script)
 *              interpreter path, sha256 of the program that the line names
 * libraries    executable  build_id, command, path, sha256, size
 * packages     os          id, libc, name, version
 * variables    variable    allow-listed variables of the environment, with value
 *              hidden      names of all other variables, value ""
 *              os          locale, timezone, timezone_sha256 (of the zone's file)
 *              process     directory, umask, limits and the like, see record/process.h
 *
 * What cannot be read is left out. Which machine it was and which hpt are facts about the worker,
 * not items: machines that are alike have one environment. Canonical forms, RFC 8785 JSON: part
 * {"format":"hpt-environment-part/1","items":[{"kind":…,"name":…,"value":…},…],"part":…}
 *   environment  {"format":"hpt-environment/2","parts":{"host":SHA-256,"interpreter":…,…}}
 * items sorted by the bytes of kind, then name; a value that is not UTF-8 is "value_hex" instead.
 * Format 1, still read, had all items of an environment in one list and boot_id, hostname and hpt's
 * version among them. Collected once per worker, in milliseconds plus the hashing of the
 * executable.
 */
#ifndef HPT_RECORD_ENVIRONMENT_H
#define HPT_RECORD_ENVIRONMENT_H

#include "base/digest.h"
#include "base/error.h"

typedef enum { /* by their names, as the canonical form has them */
               HPT_PART_HOST,
               HPT_PART_INTERPRETER,
               HPT_PART_LIBRARIES,
               HPT_PART_PACKAGES,
               HPT_PART_VARIABLES,
               HPT_PART_COUNT
} HptEnvironmentPartKind;

/* "host" and so on; static. */
const char *hpt_environment_part_name(HptEnvironmentPartKind part);

typedef struct {
    const char *root;           /* folder that stands for "/" in proc, sys, etc; "" or NULL: real */
    const char *const *environ; /* NAME=VALUE, NULL-terminated; NULL: empty */
    const char *const *capture; /* further variables to keep with value; a trailing * matches any
                                   rest; NULL-terminated; may be NULL */
    const char *command;        /* program to resolve in the PATH of environ; may be NULL */
    const char *directory;      /* where a relative command is looked up; NULL: here */
    bool process;               /* with the kind process, of ours */
    const char *project;        /* the project's folder; NULL: none */
} HptEnvironmentSource;

typedef struct {
    char *kind, *name, *value; /* value: bytes without NUL, not always UTF-8 */
} HptEnvironmentItem;

typedef struct {
    HptEnvironmentItem *items; /* sorted by kind, name */
    size_t n;
    char *canonical; /* NUL-terminated; NULL: of an environment of format 1 */
    HptDigest digest;
} HptEnvironmentPart;

typedef struct {
    HptEnvironmentPart parts[HPT_PART_COUNT];
    char *canonical; /* NUL-terminated */
    HptDigest digest;
} HptEnvironment;

/* A command that is not found is no error: the executable's path, size and digest are then absent.
 */
HptEnvironment *hpt_environment_collect(const HptEnvironmentSource *source,
                                        GError **error) HPT_WARN_UNUSED;
void hpt_environment_free(HptEnvironment *environment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptEnvironment, hpt_environment_free)

/* The value of an item, or NULL. Borrowed. */
const char *hpt_environment_get(const HptEnvironment *environment, const char *kind,
                                const char *name);

/* ---- from the record ---- */

typedef struct {
    const char *text; /* the canonical form as it is stored */
    size_t length;
} HptEnvironmentText;

/* Reads an environment of either format. parts are those of format 2, in any order; what it does
 * not name is passed over. Fails HPT_ERROR_DATA with what is wrong, HPT_ERROR_INTEGRITY where a
 * part that is named is not among them. */
HptEnvironment *hpt_environment_parse(const HptEnvironmentText *environment,
                                      const HptEnvironmentText *parts, size_t n,
                                      GError **error) HPT_WARN_UNUSED;

typedef struct {
    HptEnvironmentPartKind part;
    const char *kind, *name; /* borrowed, like the values, from the environments */
    const char *a, *b;       /* NULL: it is not there */
} HptEnvironmentDifference;

/* What differs, by part, kind and name; parts with one digest are passed over. An array of
 * HptEnvironmentDifference, owned, empty when there is nothing. What an environment of format 1
 * lacks is no difference, nor what it alone had (boot_id, hostname, hpt's version). */
GArray *hpt_environment_compare(const HptEnvironment *a, const HptEnvironment *b);

/* ---- variables and programs ---- */

/* Is the variable's value recorded by default? */
bool hpt_environment_allowed(const char *name);

/* The program that execvp(3) would run for command under this PATH (NULL: the system's default),
 * relative names looked up in directory (NULL: here); owned; NULL if there is none. */
char *hpt_find_program(const char *command, const char *path, const char *directory);

/* Is there such a program? Fails HPT_ERROR_NO_COMMAND, or HPT_ERROR_NOT_EXECUTABLE when something
 * has its name and cannot be run. */
bool hpt_check_program(const char *command, const char *path, const char *directory,
                       GError **error) HPT_WARN_UNUSED;

#endif
