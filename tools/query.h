/* The parts of hpt-query: from options to SQL (query_plan.c), from rows to text (query_print.c), from rows to the
 * importance of parameters (query_importance.c) and to the trial to prefer (query_recommend.c), and what the server has to
 * say about it (query_error.c). */
#ifndef HPT_TOOLS_QUERY_H
#define HPT_TOOLS_QUERY_H

#include "db/db.h"
#include "show/format.h"
#include "study/name.h"

#define QUERY_SEARCH_PATH "hpt, hpt_study, public"
#define QUERY_TABLE_ROWS 200 /* a table shows so many unless asked for more */

typedef enum {
    QUERY_STUDIES,
    QUERY_TRIALS,
    QUERY_FAILURES,
    QUERY_METRICS,
    QUERY_CURVE,
    QUERY_WORKERS,
    QUERY_IMPORTANCE,
    QUERY_SQL, /* the user's own */
} QueryMode;

/* What the options ask for; all borrowed. */
typedef struct {
    QueryMode mode;
    const char *study; /* NULL: all (studies) or the current one */
    const char *curve; /* the trial of QUERY_CURVE */
    const char *sql;   /* QUERY_SQL */
    const char *where;
    char **columns, **sort; /* NULL: none */
    int top;                /* 0: all */
    bool best, recommend, pareto, all_columns, long_form;
    bool table; /* for people: the columns that matter, not all */
    int64_t timeout_us; /* of what is asked to make the plan; 0: none */
} QueryWant;

/* A column that can be asked for. */
typedef struct {
    char *name; /* as the user knows it: parameters and metrics as they were declared */
    char *sql;  /* the name as SQL, quoted where needed */
    char *fold; /* the name of the column of the view */
    int rank;   /* as in HptColumn */
    bool keep;  /* as in HptColumn */
    bool extra; /* not in tables unless asked for */
} QueryColumn;

/* What a mode looks at. */
typedef struct {
    GString *from;         /* after FROM */
    GString *condition;    /* fixed part of WHERE; empty: none */
    GString *order;        /* last part of ORDER BY, without the words */
    GPtrArray *columns;    /* QueryColumn *, all that there are */
    GPtrArray *objectives; /* char *: SQL of each such that less is better, "x" or "-x" */
} QueryRelation;

void query_relation_free(QueryRelation *relation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QueryRelation, query_relation_free)

/* The relation of a mode but QUERY_SQL; *study (clear) is filled for modes that concern one. */
QueryRelation *query_relation_new(HptDb *db, const QueryWant *want, HptStudyName *study,
                                  GError **error) HPT_WARN_UNUSED;

typedef struct {
    char *sql;
    GPtrArray *columns; /* QueryColumn * of the result, borrowed from relation; NULL: user's SQL */
    QueryRelation *relation; /* NULL: user's SQL */
    HptStudyName study;      /* empty if it concerns no single study */
    bool one_objective_of_several;
    char *recommended; /* what the recommendation is, for people; NULL: none was asked for */
    bool importance; /* what is printed is made of the rows; columns are the metrics, behind trial and params */
} QueryPlan;

/* Makes the statement. Fails HPT_ERROR_USAGE for a column that is not there and where a best trial
 * is asked for and there can be none, HPT_ERROR_NOT_FOUND for a study or trial. */
QueryPlan *query_plan_new(HptDb *db, const QueryWant *want, GError **error) HPT_WARN_UNUSED;
void query_plan_free(QueryPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QueryPlan, query_plan_free)

/* How to print. */
typedef struct {
    HptShow show;
    int64_t timeout_us; /* of the statement on the server; 0: none */
    size_t most_rows;   /* 0: all */
    bool long_form;     /* a row of trial, name, value for each value that is not NULL */
} QueryPrint;

/* Runs the plan and writes its rows through sink. *rows (may be NULL) is how many there were before
 * the limit of most_rows took away some; -1 if nobody counted. *note as in hpt_writer_end. */
bool query_print(HptDb *db, const QueryPlan *plan, const QueryPrint *print, HptSink sink,
                 void *user, int64_t *rows, char **note, GError **error) HPT_WARN_UNUSED;

/* The same for a plan of QUERY_IMPORTANCE: a row for each metric and parameter; notes say what the shares are worth. */
bool query_importance(HptDb *db, const QueryPlan *plan, const QueryPrint *print, HptSink sink, void *user,
                      int64_t *rows, char **note, GError **error) HPT_WARN_UNUSED;

/* The trial to prefer of those that among, a statement, lists in ascending order, as a relation q of its row or, if there
 * is none, of no row: the relation's with the columns expected, expected_low and expected_high, which are added to its
 * own. *text: what it is, for people. Owned. */
char *query_recommend(HptDb *db, QueryRelation *relation, const char *study, const char *among, int64_t timeout_us,
                      char **text, GError **error) HPT_WARN_UNUSED;

/* A new column in the place-th place (QUERY_LAST: the last), called name and, in SQL, fold. */
#define QUERY_LAST (-1)
QueryColumn *query_add_column(QueryRelation *relation, int place, const char *name, const char *fold);

/* Where output goes: standard output, a file that appears when it is complete, or, for text that is
 * longer than the screen, the user's pager. */
bool query_write_file(const char *path, bool (*body)(FILE *file, void *user, GError **error),
                      void *user, GError **error) HPT_WARN_UNUSED;
/* *shown is false if there is no such pager: then text is still to be written. */
bool query_page(const char *text, const char *pager, bool *shown, GError **error) HPT_WARN_UNUSED;

/* Turns what the server said about sql into what the user can do about it: a caret under the place,
 * and the exit status of wrong input where it is that. */
void query_error_explain(GError **error, const char *sql, int64_t timeout_us);

#endif
