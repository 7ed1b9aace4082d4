/* The tracer where the kernel does not send calls: a library before libc says them (tools/preload.c).
 * For hpt-contain; libc only; there is one. */
#ifndef HPT_TOOLS_CONTAIN_PRELOAD_H
#define HPT_TOOLS_CONTAIN_PRELOAD_H

/* A socket that is readable when there is a call to serve, close-on-exec; and what loads the library,
 * before what the user loads so, and tells it of the socket, in the environment: valid until the next
 * one. -1: noted, and nothing was changed. What it cannot see is noted in any case. */
int preload_open(void);
/* One call; without waiting, but for a caller that is slow. */
void preload_serve(int listener);

#endif
