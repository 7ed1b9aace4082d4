/* The parts of hpt-export: rows of the wide view (export_rows.c), a shell script that runs trials
 * again (export_script.c), a bundle of the whole record (export_tar.c). */
#ifndef HPT_TOOLS_EXPORT_H
#define HPT_TOOLS_EXPORT_H

#include "base/json.h"
#include "db/db.h"
#include "show/format.h"
#include "store/bundle.h"
#include "study/name.h"

typedef struct {
    HptDb *db;
    HptStudyName study;   /* tar: none is all studies */
    GArray *trials;       /* int64_t; NULL: all */
    const char *objects;  /* folder of the object store */
    bool artefacts, logs; /* tar: files that trials left, their output */
    bool environments;    /* tar: environment records */
    bool code;            /* tar: snapshots of the code and their files */
    bool inputs;          /* tar: sets of input files, and those of them that are kept */
    bool no_header, no_guard;
    bool crate;        /* tar: with ro-crate-metadata.json */
    const char *agent; /* for that, or NULL */
} Export;

/* Appends the trials as an argument. */
void export_trials(const Export *export, HptArgs *args);

/* Runs an embedded statement and writes its rows in constant memory. Text columns named in json
 * (NULL-terminated, may be NULL) hold JSON. */
bool export_stream(const Export *export, const char *sql, const HptArgs *args, const HptShow *show,
                   const char *const *json, HptSink sink, void *user,
                   GError **error) HPT_WARN_UNUSED;

/* The wide view of the study as csv or jsonl. */
bool export_rows(const Export *export, HptFormat format, HptSink sink, void *user,
                 GError **error) HPT_WARN_UNUSED;

/* A plain sh script. *left_out counts trials that never had a command. */
bool export_script(const Export *export, HptSink sink, void *user, int64_t *left_out,
                   GError **error) HPT_WARN_UNUSED;

/* The bundle, complete but not yet written. It refers to *store, which is opened if the bundle
 * needs it and must be closed after writing. */
HptBundle *export_bundle(const Export *export, const char *spool_dir, HptStore **store,
                         GError **error) HPT_WARN_UNUSED;

/* RO-Crate's description of what is in a bundle (export_crate.c): rows are given as they are written,
 * then the text is made. files: paths of bundle that are no objects, NULL-terminated; objects: digests
 * of those that are in it; agent: who ran the trials, or NULL. */
typedef struct ExportCrate ExportCrate;
ExportCrate *export_crate_new(void);
void export_crate_free(ExportCrate *crate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExportCrate, export_crate_free)
void export_crate_row(ExportCrate *crate, const char *table, json_t *row);
char *export_crate_text(ExportCrate *crate, const HptBundle *bundle, const char *const *files,
                        GHashTable *objects, const char *agent, GError **error) HPT_WARN_UNUSED;

#endif
