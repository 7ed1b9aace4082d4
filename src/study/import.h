/* Taking a bundle (store/bundle.h) into the record of another project.
 *
 * A study is the same one here and in a bundle if name, seed and time of creation are; a trial the
 * same if every row of it is. What is here already is left alone, what is new is added, and a trial
 * that has gone on in the bundle (promoted, run again) goes on here. Anything else is a conflict,
 * and nothing is taken: HPT_ERROR_CONFLICT naming the first difference.
 *
 * All is one transaction; objects that lie in the project's folder are fsynced before. Killed at
 * any point it leaves the record as it was, or complete.
 */
#ifndef HPT_STUDY_IMPORT_H
#define HPT_STUDY_IMPORT_H

#include "db/db.h"
#include "store/gate.h"
#include "store/table.h"

/* The tables that a bundle may hold; owned. */
HptTables *hpt_import_tables(void);

/* Is a bundle of this kind a record: study, trials or all? */
bool hpt_import_is_kind(const char *kind);

/* For hpt_gate_open, with the tables as user: is the bundle a record, whole and sound? Every row's
 * form; order; that what a row names is there; that trials have ended; that objects are those that
 * rows name. Fails HPT_ERROR_DATA, or _INTEGRITY for a missing object. */
bool hpt_import_check(const HptGate *gate, void *tables, GError **error) HPT_WARN_UNUSED;

typedef struct {
    const char *as;      /* the only study's name here, or NULL: its own */
    const char *objects; /* folder of the object store */
    bool dry_run;
} HptImportOptions;

typedef struct {
    char *study;                  /* its name here */
    int64_t fresh, gone_on, same; /* trials; same: also those that are further here */
    bool is_new;                  /* the study was not here */
    bool wider;                   /* its definition has new versions */
} HptImported;

/* Imports what is in the gate (checked by hpt_import_check). Result: of HptImported, one a study,
 * owned. Fails as above; HPT_ERROR_USAGE if as is given for several studies.
 * Cost: reads the studies that are here and the bundle's rows twice; 150 bytes of memory a trial;
 * rows are sent once. */
GArray *hpt_import(HptDb *db, const HptGate *gate, const HptTables *tables,
                   const HptImportOptions *options, GError **error) HPT_WARN_UNUSED;

/* Whether anything of it was not here. */
bool hpt_imported_any(const GArray *imported);

#endif
