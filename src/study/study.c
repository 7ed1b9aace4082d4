#include "study/study.h"

#include "study/name.h"

#include <string.h>

void hpt_study_free(HptStudy *study)
{
    if (study == NULL)
        return;
    g_free(study->name);
    g_free(study->view_name);
    hpt_definition_free(study->definition);
    g_clear_pointer(&study->older, g_hash_table_unref);
    g_free(study);
}

static void free_definition(void *definition)
{
    hpt_definition_free(definition);
}

static HptDefinition *read_definition(const HptRows *rows, size_t column, GError **error)
{
    size_t length = 0;
    const void *canonical = hpt_rows_peek_bytea(rows, 0, column, &length);
    return hpt_definition_parse(canonical, length, error);
}

bool hpt_study_find(HptDb *db, const char *name, HptStudy **out, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, name);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, HPT_SQL_STUDY_READ, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0) {
        *out = NULL;
        return true;
    }
    g_autoptr(HptStudy) study = g_new0(HptStudy, 1);
    study->id = hpt_rows_int8(rows, 0, 0);
    study->name = g_strdup(name);
    study->view_name = g_strdup(hpt_rows_peek_text(rows, 0, 1));
    study->total = hpt_rows_null(rows, 0, 3) ? -1 : hpt_rows_int8(rows, 0, 3);
    study->limited = strcmp(hpt_rows_peek_text(rows, 0, 7), "{}") != 0;
    study->version = hpt_rows_int4(rows, 0, 4);
    study->older = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_definition);
    study->definition = read_definition(rows, 5, error);
    if (study->definition == NULL) {
        g_prefix_error(error, "study '%s': ", name);
        return false;
    }
    *out = g_steal_pointer(&study);
    return true;
}

HptStudy *hpt_study_open(HptDb *db, const char *name, GError **error)
{
    HptStudy *study = NULL;
    if (!hpt_study_find(db, name, &study, error))
        return NULL;
    g_auto(HptStudyName) unknown = {0};
    if (study == NULL && hpt_study_name_find(db, name, &unknown, error))
        return hpt_study_open(db, name, error); /* made since we looked */
    return study;
}

HptStudy *hpt_study_create(HptDb *db, const char *name, int64_t total,
                           HptDefinition *steal_definition, GError **error)
{
    g_autoptr(HptDefinition) definition = steal_definition;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, name);
    hpt_args_int8(args, (int64_t)definition->seed);
    if (total < 0)
        hpt_args_null(args, HPT_TYPE_INT8);
    else
        hpt_args_int8(args, total);
    hpt_args_bytea(args, definition->canonical, strlen(definition->canonical));
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_STUDY_CREATE, args, error);
    if (rows == NULL)
        return NULL;
    return hpt_study_open(db, name, error);
}

bool hpt_study_extend(HptDb *db, HptStudy *study, HptDefinition *steal_definition, GError **error)
{
    g_autoptr(HptDefinition) definition = steal_definition;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_int4(args, study->version + 1);
    hpt_args_bytea(args, definition->canonical, strlen(definition->canonical));
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_STUDY_EXTEND, args, error);
    if (rows == NULL)
        return false;
    if (!hpt_rows_bool(rows, 0, 0)) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT,
                    "study '%s' was extended by somebody else at this moment\n"
                    "hint: look at it and try again",
                    study->name);
        return false;
    }
    g_hash_table_insert(study->older, GINT_TO_POINTER(study->version), study->definition);
    study->definition = g_steal_pointer(&definition);
    study->version++;
    return true;
}

bool hpt_study_set_total(HptDb *db, HptStudy *study, int64_t total, GError **error)
{
    if (study->total == total)
        return true;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_int8(args, total);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_STUDY_SET_TOTAL, args, error);
    if (rows == NULL)
        return false;
    study->total = total;
    return true;
}

bool hpt_study_set_limits(HptDb *db, HptStudy *study, const char *limits, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_json(args, limits);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_STUDY_SET_LIMITS, args, error);
    return rows != NULL;
}

bool hpt_study_stopped(HptDb *db, const char *name, char **reason, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, name);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, HPT_SQL_STUDY_READ, args, error);
    if (rows == NULL)
        return false;
    *reason = hpt_rows_count(rows) == 0 ? NULL : g_strdup(hpt_rows_peek_text(rows, 0, 8));
    return true;
}

const HptDefinition *hpt_study_get_version(HptDb *db, HptStudy *study, int version, GError **error)
{
    if (version == study->version)
        return study->definition;
    HptDefinition *known = g_hash_table_lookup(study->older, GINT_TO_POINTER(version));
    if (known != NULL)
        return known;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_int8(args, study->id);
    hpt_args_int4(args, version);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_STUDY_DEFINITION, args, error);
    if (rows == NULL)
        return NULL;
    HptDefinition *definition = read_definition(rows, 0, error);
    if (definition != NULL)
        g_hash_table_insert(study->older, GINT_TO_POINTER(version), definition);
    return definition;
}

HptDefinition *hpt_study_definition(HptDb *db, const char *study, int version, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study);
    if (version > 0)
        hpt_args_int4(args, version);
    else
        hpt_args_null(args, HPT_TYPE_INT4);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_COMPARE_DEFINITION, args, error);
    if (rows == NULL)
        return NULL;
    size_t length = 0;
    const void *canonical = hpt_rows_peek_bytea(rows, 0, 0, &length);
    return hpt_definition_parse(canonical, length, error);
}

bool hpt_study_load_versions(HptDb *db, HptStudy *study, GError **error)
{
    for (int version = 1; version < study->version; version++)
        if (hpt_study_get_version(db, study, version, error) == NULL)
            return false;
    return true;
}

bool hpt_study_counts(HptDb *db, const char *name, HptStudyCounts *out, GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, name);
    g_autoptr(HptRows) rows = hpt_db_row(db, HPT_SQL_STUDY_COUNTS, args, error);
    if (rows == NULL)
        return false;
    *out = (HptStudyCounts){
        .complete = hpt_rows_int8(rows, 0, 0),
        .pruned = hpt_rows_int8(rows, 0, 1),
        .failed = hpt_rows_int8(rows, 0, 2),
        .lost = hpt_rows_int8(rows, 0, 3),
        .running = hpt_rows_int8(rows, 0, 4),
        .waiting = hpt_rows_int8(rows, 0, 5),
        .trials = hpt_rows_int8(rows, 0, 6),
    };
    return true;
}

bool hpt_study_best(HptDb *db, const HptStudy *study, int64_t *number, double *value,
                    GError **error)
{
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study->name);
    g_autoptr(HptRows) rows = hpt_db_maybe_row(db, HPT_SQL_TRIAL_BEST, args, error);
    if (rows == NULL)
        return false;
    if (hpt_rows_count(rows) == 0)
        *number = -1;
    else {
        *number = hpt_rows_int8(rows, 0, 0);
        *value = hpt_rows_float8(rows, 0, 1);
    }
    return true;
}

bool hpt_study_check_sampler(const HptStudy *study, const HptSampler *sampler, GError **error)
{
    const HptDefinition *definition = study->definition;
    int version = hpt_sampler_get_version(sampler);
    if (definition->window == 0 || definition->sampler_version == version)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_CONFLICT,
                "study '%s' is ordered, by version %d of sampler '%s', and this hpt has version %d\n"
                "hint: the hpt that began it can go on with it",
                study->name, definition->sampler_version, definition->sampler, version);
    return false;
}
