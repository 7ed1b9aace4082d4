#include "tools/contain_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Headers before Linux 5.19. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#ifdef FILTER_ARCH
/* execve has a case of its own. */
static const uint32_t traced[] = {
    SYS_openat,
#ifdef SYS_open
    SYS_open,
    SYS_creat,
    SYS_unlink,
    SYS_rename,
    SYS_link,
    SYS_symlink,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
    SYS_openat2,
    SYS_unlinkat,
    SYS_renameat2,
    SYS_linkat,
    SYS_symlinkat,
    SYS_truncate,
    SYS_execveat,
    SYS_chdir,
    SYS_fchdir,
    /* What a tracer of names cannot follow. */
    SYS_chroot,
    SYS_pivot_root,
    SYS_mount,
    SYS_umount2,
    SYS_move_mount,
    SYS_setns,
    SYS_open_by_handle_at,
    SYS_io_uring_setup,
};

/* Of the machine's older self: open, openat, openat2, execve. That one of them was called is all
 * that is asked. */
#ifdef __x86_64__
#define FOREIGN_ARCH AUDIT_ARCH_I386
static const uint32_t foreign[] = {5, 295, 437, 11};
static const uint32_t other_abi[] = {2, 257, 437, 520};
#else
#define FOREIGN_ARCH AUDIT_ARCH_ARM
static const uint32_t foreign[] = {5, 322, 437, 11};
#endif

enum { MAX_STEPS = 128 };

typedef struct {
    struct sock_filter steps[MAX_STEPS];
    unsigned short n;
} Program;

static void add(Program *program, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false)
{
    program->steps[program->n++] = (struct sock_filter){code, if_true, if_false, value};
}

static void load(Program *program, size_t where)
{
    add(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)where, 0, 0);
}

static void answer(Program *program, uint32_t what)
{
    add(program, BPF_RET | BPF_K, what, 0, 0);
}

static void send_all(Program *program, const uint32_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add(program, BPF_JMP | BPF_JEQ | BPF_K, numbers[i], 0, 1);
        answer(program, SECCOMP_RET_USER_NOTIF);
    }
}

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define DATA(member) offsetof(struct seccomp_data, member)

/* Little-endian halves of an argument: both machines are. */
static void make_program(Program *program, uint64_t free_env)
{
    load(program, DATA(arch));
    enum { FOREIGN_STEPS = 2 * COUNT(foreign) + 3 };
    add(program, BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, FOREIGN_STEPS, 0);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, FOREIGN_ARCH, 0, FOREIGN_STEPS - 2);
    load(program, DATA(nr));
    send_all(program, foreign, COUNT(foreign));
    answer(program, SECCOMP_RET_ALLOW);
    load(program, DATA(nr));
#ifdef FILTER_OTHER_ABI
    add(program, BPF_JMP | BPF_JGE | BPF_K, FILTER_OTHER_ABI, 0, 2 * COUNT(other_abi) + 2);
    add(program, BPF_ALU | BPF_AND | BPF_K, ~(uint32_t)FILTER_OTHER_ABI, 0, 0);
    send_all(program, other_abi, COUNT(other_abi));
    answer(program, SECCOMP_RET_ALLOW);
#endif
    send_all(program, traced, COUNT(traced));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 5);
    load(program, DATA(args[2]));
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)free_env, 0, 2);
    load(program, DATA(args[2]) + 4);
    add(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(free_env >> 32), 1, 0);
    answer(program, SECCOMP_RET_USER_NOTIF);
    answer(program, SECCOMP_RET_ALLOW);
}

int filter_attach(uintptr_t free_env, int *no_new_privs)
{
    Program program = {.n = 0};
    make_program(&program, free_env);
    struct sock_fprog filter = {program.n, program.steps};
    /* A signal does not disturb a call that the tracer looks at, where the kernel can do that. */
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    *no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
    for (int try = 0; try < 3; try++) {
        long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
        if (fd >= 0)
            return (int)fd;
        if (errno == EINVAL)
            flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
        else if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return -1;
        else
            *no_new_privs = 1;
    }
    return -1;
}

int filter_supported(void)
{
    struct utsname name;
    if (uname(&name) != 0)
        return 0;
    char *next = name.release;
    long major = strtol(next, &next, 10), minor = *next == '.' ? strtol(next + 1, NULL, 10) : 0;
    return major > 5 || (major == 5 && minor >= 5);
}
#else
int filter_attach(uintptr_t free_env, int *no_new_privs)
{
    (void)free_env;
    (void)no_new_privs;
    errno = ENOSYS;
    return -1;
}

int filter_supported(void)
{
    return 0;
}
#endif
