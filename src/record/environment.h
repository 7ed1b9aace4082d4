/* The environment record: what the machine and the software were, as sorted typed items.
 *
 * kind        names
 * host        arch, boot_id, cgroup_cpu, cgroup_memory, container, cores, cpu_flags_sha256,
 *             cpu_model, hostname, kernel, kernel_build, memory_kib, microcode
 * os          id, libc, locale, name, timezone, version
 * variable    allow-listed variables of the environment, with value
 * hidden      names of all other variables, value ""
 * executable  command, interpreter (first line of a script), path, sha256, size
 * hpt         version
 * process     directory, umask, limits and the like, see record/process.h
 *
 * What cannot be read is left out. Canonical form: RFC 8785 JSON
 *   {"format":"hpt-environment/1","items":[{"kind":…,"name":…,"value":…},…]}
 * items sorted by the bytes of kind, then name; a value that is not UTF-8 is "value_hex" instead.
 * Its SHA-256 is the environment's digest. Collected once per worker, in milliseconds plus the
 * hashing of the executable.
 */
#ifndef HPT_RECORD_ENVIRONMENT_H
#define HPT_RECORD_ENVIRONMENT_H

#include "base/digest.h"
#include "base/error.h"

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
