/* From a system call's arguments to what it does with which file. For the tracer (contain_trace.h).
 *
 * The calling thread waits meanwhile: what is looked at is what the call will find. Whether a call
 * that makes, renames or removes something has succeeded is looked at later (contain_later.h). */
#ifndef HPT_TOOLS_CONTAIN_NOTE_H
#define HPT_TOOLS_CONTAIN_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    NOTE_READS = 1,
    NOTE_WRITES = 2,
    NOTE_TRUNCATES = 4,
    NOTE_CREATES = 8,
    NOTE_EXCLUSIVE = 16, /* fails if there is one */
    NOTE_NOFOLLOW = 32,
};

/* told: calls do not wait in the kernel, their processes say them (run/tracecall.h), and addresses are
 * of our own memory. */
void note_begin(bool told);

/* Arguments as the call has them: a folder's descriptor or AT_FDCWD, an address of a path. */
void note_open(pid_t tid, int at, uint64_t path, uint32_t how);
void note_openat(pid_t tid, int at, uint64_t path, uint64_t flags); /* O_… */
void note_exec(pid_t tid, int at, uint64_t path, unsigned flags, bool no_new_privs);
void note_unlink(pid_t tid, int at, uint64_t path);
void note_rename(pid_t tid, int at, uint64_t from, int to_at, uint64_t to, unsigned flags);
void note_link(pid_t tid, int at, uint64_t from, int to_at, uint64_t to, unsigned flags);
void note_symlink(pid_t tid, int at, uint64_t path);
void note_chdir(pid_t tid);

/* Told only: a file that was just made, and a program that is looked for in path. */
void note_made(pid_t tid, uint64_t path);
void note_search(pid_t tid, uint64_t program, uint64_t path);

/* As of trace_started. */
void note_command(pid_t pid, const char *program, const char *directory, const char *path,
                  bool no_new_privs);

/* Bytes of its memory; false: the call will fail too, or the trace is not complete. */
bool note_read(pid_t tid, uint64_t address, void *bytes, size_t length);

#endif
