/* Ends of trials on this machine's disk, while the database cannot take them, and the records that they
 * name: code, inputs, environments.
 *
 * One file per attempt, FOLDER/spool/ATTEMPT.end: the statements that record it, points that were not
 * yet answered and then the end. One file per record that was not yet answered, FOLDER/spool/record-DIGEST.end;
 * in which order the two kinds are sent does not matter. A file appears complete and synced or not at all, carries
 * its own checksum, and is removed after the answer. Sending is idempotent under the attempt's id, so any
 * process may send any file any number of times.
 *
 * What hpt-tell was told has a file of its own, told-DIGEST.end: one entry called "told", the text of study/told.h in
 * the place of arguments. It is checked when it is delivered, as nobody knows the study before.
 *
 * Form, version 1: the line "hpt-spool/1 TOOL-VERSION", then per statement its name and a newline, a
 * 32-bit big-endian length and the arguments as hpt_args_append_to writes them; at last the 32 bytes
 * of the SHA-256 of all before.
 *
 * Later versions of hpt only add arguments behind the others, and NULL is what was before them: what an earlier one left
 * is sent with NULLs.
 *
 * With a standby that may take over (hpt_spool_keep) an end lies here *before* it is sent and stays
 * for an hour after its answer as ATTEMPT.sent: a promoted standby may lack what the old primary
 * acknowledged.
 *
 * What cannot be read is renamed ATTEMPT.damaged, what the database refuses for good ATTEMPT.refused;
 * neither is ever removed, but for what is told again: that waits anew.
 */
#ifndef HPT_STUDY_SPOOL_H
#define HPT_STUDY_SPOOL_H

#include "db/timeline.h"

typedef struct HptSpool HptSpool;

/* folder is the project's. Touches no disk. */
HptSpool *hpt_spool_new(const char *folder);
void hpt_spool_free(HptSpool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptSpool, hpt_spool_free)

const char *hpt_spool_peek_folder(const HptSpool *spool);

/* Answered ends are kept for an hour. */
void hpt_spool_keep(HptSpool *spool);
bool hpt_spool_keeps(const HptSpool *spool);

typedef struct {
    HptSql sql;
    const HptArgs *args;
} HptSpoolItem;

/* What the names of files of records begin with, in front of their digests; they are given as an attempt's. */
#define HPT_SPOOL_RECORD "record-"

/* Writes the file of an attempt and waits for the disk. A reservation that an end asks for is left
 * out: nobody would run it. Fails HPT_ERROR_IO, _PERMISSION. */
bool hpt_spool_put(HptSpool *spool, const char *attempt, const HptSpoolItem *items, size_t n,
                   GError **error) HPT_WARN_UNUSED;
/* The same for what hpt-tell was told: text as hpt_told_text makes it; one that waits already keeps its place. The name
 * that its file has takes an attempt's place below; owned. */
char *hpt_spool_told_name(const char *text);
bool hpt_spool_put_told(HptSpool *spool, const char *text, GError **error) HPT_WARN_UNUSED;

/* Is there one of that name that could not be delivered? */
bool hpt_spool_is_aside(const HptSpool *spool, const char *attempt);

/* The end was answered: the file, if there is one, is removed or kept. */
void hpt_spool_answered(HptSpool *spool, const char *attempt);

/* Ends that wait, and files that were put aside. No folder: none. */
bool hpt_spool_count(HptSpool *spool, size_t *waiting, size_t *aside, GError **error) HPT_WARN_UNUSED;

typedef struct {
    size_t recorded; /* by this sending */
    size_t again;    /* were recorded before */
    size_t fenced;   /* their trials were taken over meanwhile */
    size_t aside;    /* damaged or refused */
} HptSpoolReplay;

/* Sends what waits, oldest first, and with also_sent what was kept; adds to *result. note (may be
 * NULL) gets a line for each file put aside. Fails only where sending later may help (HPT_ERROR_DB_CONNECT), or
 * HPT_ERROR_IO. */
bool hpt_spool_replay(HptSpool *spool, HptDb *db, bool also_sent, HptSpoolReplay *result,
                      GPtrArray *notes, GError **error) HPT_WARN_UNUSED;

/* The highest timeline that was seen from this project, FOLDER/spool/timeline. No file: timeline 0. */
void hpt_spool_read_timeline(const HptSpool *spool, HptTimeline *out);
bool hpt_spool_write_timeline(const HptSpool *spool, const HptTimeline *timeline,
                              GError **error) HPT_WARN_UNUSED;

#endif
