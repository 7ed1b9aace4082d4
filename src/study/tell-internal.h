/* What telling of results (study/tell.c) and of reports (study/tell-report.c) share. */
#ifndef HPT_STUDY_TELL_INTERNAL_H
#define HPT_STUDY_TELL_INTERNAL_H

#include "study/tell.h"

/* Who is asked: a database once, or a project for as long as that takes. */
typedef struct {
    HptDb *db;
    HptProject *project;
    int64_t patience_us;
} HptTellWay;

HptRows *hpt_tell_send(const HptTellWay *way, HptSql sql, const HptArgs *args, GError **error) HPT_WARN_UNUSED;

/* The columns that trial_tell and trial_report begin with. */
enum {
    HPT_TOLD_ROW_VERDICT,
    HPT_TOLD_ROW_COUNTS,
    HPT_TOLD_ROW_STATE,
    HPT_TOLD_ROW_ENDED_AS,
    HPT_TOLD_ROW_CAUSE,
    HPT_TOLD_ROW_ENDED,
    HPT_TOLD_ROW_NAMES,
    HPT_TOLD_ROW_VALUES,
    HPT_TOLD_ROW_MORE,
};

/* Its numbers, as "loss=0.3 size=4". Owned. */
char *hpt_told_known(const HptRows *rows);
/* False, with an error for a verdict that both refuse. */
bool hpt_told_refuse(const char *study, const char *id, const HptTelling *telling, const HptRows *rows, GError **error);

bool hpt_tell_report(const HptTellWay *way, const HptStudy *study, const HptTelling *telling, HptTellAnswer *answer,
                     GError **error) HPT_WARN_UNUSED;

#endif
