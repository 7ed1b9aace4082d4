/* One output stream of a trial: all bytes are counted and hashed, head and tail are kept.
 *
 * Up to 64 KiB stay in memory and no file is made. Beyond that the head goes to an unnamed file in
 * the spool folder and the last 256 KiB to a ring, so that memory is flat whatever is printed. A
 * stream within the cap is kept whole. A spool that is full or fails ends the head; it is recorded
 * and never the trial's fault.
 */
#ifndef HPT_RUN_CAPTURE_H
#define HPT_RUN_CAPTURE_H

#include "base/digest.h"

#define HPT_CAPTURE_CAP (INT64_C(16) << 20) /* the usual cap, bytes a stream */

typedef struct HptCapture HptCapture;

typedef struct {
    int64_t total;    /* bytes that came */
    HptDigest digest; /* SHA-256 of all of them */
    int64_t stored;   /* bytes kept: head and tail together */
    int64_t head;     /* bytes of the head; == stored when nothing is missing */
    int64_t dropped;  /* total - stored; missing between head and tail */
    int spool_errno;  /* why the head ended early, or 0 */
    const void *data; /* the stored bytes when they are in memory, else NULL; borrowed */
    int fd;           /* else a file that holds them from offset 0 (pread); borrowed; or -1 */
} HptCaptured;

/* cap in bytes, ≥ 0, head and tail together. spool is borrowed until the end. */
HptCapture *hpt_capture_new(const char *spool, int64_t cap);
void hpt_capture_free(HptCapture *capture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptCapture, hpt_capture_free)

void hpt_capture_add(HptCapture *capture, const void *data, size_t length);

/* No more bytes will come. The result belongs to capture. */
const HptCaptured *hpt_capture_end(HptCapture *capture);

#endif
