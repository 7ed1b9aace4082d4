/* What import.c finds out and import-send.c does about it; inside the import alone. */
#ifndef HPT_STUDY_IMPORT_INTERNAL_H
#define HPT_STUDY_IMPORT_INTERNAL_H

#include "study/import.h"

typedef enum {
    HPT_TRIAL_FRESH,   /* not here */
    HPT_TRIAL_SAME,    /* every row is here */
    HPT_TRIAL_FURTHER, /* all that the bundle has is here, and more */
    HPT_TRIAL_GOES_ON, /* all that is here is in the bundle, and more */
} HptTrialRelation;

typedef struct {
    char *study; /* its name here */
    int64_t number;
    bool here, there;
    HptDigest here_rows, there_rows; /* of all rows, one after the other */
    HptTrialRelation relation;
    GHashTable *lines; /* of rows that are here, "TABLE LINE" → row; only where the rows differ */
    char *difference;  /* the first one, where they do */
    guint matched;     /* rows of the bundle that are here */
    int64_t only_there, common; /* rows that are never changed, by where they are */
    json_t *row;                /* the trial's own, of the bundle */
} HptTrialPair;

typedef struct {
    char *name, *there;      /* here and in the bundle */
    json_t *row;             /* of the bundle, under the name here */
    json_t *own;             /* the row that is here, or NULL */
    GHashTable *definitions; /* versions that are here → canonical line */
    GPtrArray *added;        /* definitions that are not here, on the wire */
    int64_t *seen;           /* by import_seen */
    size_t n_seen;
    HptImported counts;
} HptStudyPair;

typedef struct {
    HptDb *db;
    const HptGate *gate;
    const HptTables *tables;
    const HptImportOptions *options;
    GPtrArray *studies; /* of HptStudyPair */
    GHashTable *trials; /* "STUDY\1NUMBER" → HptTrialPair */
} HptImport;

/* A row of the bundle as it will be here: under another name, workers and attempts are others. */
void hpt_import_rename(const HptImport *import, const HptTable *table, json_t *row);

/* The pair of trials that a row belongs to, or NULL: it belongs to none. */
HptTrialPair *hpt_import_trial(const HptImport *import, const HptTable *table, const json_t *row);

/* Does the row belong to a study of which anything is taken? */
bool hpt_import_wants_study(const HptImport *import, const json_t *row);

bool hpt_study_pair_has_news(const HptStudyPair *study);

/* Objects into the store, then all rows in one transaction. */
bool hpt_import_send(const HptImport *import, GError **error) HPT_WARN_UNUSED;

/* "TABLE LINE"; owned. */
char *hpt_import_line(const HptTable *table, const json_t *row);

#endif
