/* What hpt-run shows while it works: the progress line, a line or a record per finished trial. */
#ifndef HPT_TOOLS_RUN_SHOW_H
#define HPT_TOOLS_RUN_SHOW_H

#include "show/format.h"
#include "study/worker.h"

typedef enum { RUN_PROGRESS_NONE, RUN_PROGRESS_PLAIN, RUN_PROGRESS_BAR } RunProgress;

typedef struct RunShow RunShow;

typedef struct {
    HptProject *project;
    const HptStudy *study;
    int64_t total; /* -1: no end */
    int jobs;
    RunProgress progress;
    bool print_all; /* a record per finished trial on stdout */
    bool quiet;
    HptShow format; /* of those records */
    const volatile sig_atomic_t *interrupts, *requested; /* requested: SIGUSR1 wants the line */
} RunShowOptions;

RunShow *run_show_new(const RunShowOptions *options);
/* The worker's on_event; user is the RunShow. */
void run_show_event(const HptWorkerEvent *event, void *user);
/* Clears the line, ends the records and prints the summary on stderr. False: stdout failed. */
bool run_show_end(RunShow *show, GError **error) HPT_WARN_UNUSED;
/* Did the reader of stdout leave? The run was ended for it, as a filter ends. */
bool run_show_reader_left(const RunShow *show);
void run_show_free(RunShow *show);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RunShow, run_show_free)

#endif
