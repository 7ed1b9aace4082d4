#include "tools/run_code.h"

#include "base/text.h"

#include <string.h>
#include <unistd.h>

/* The word as a path in the folder that the command runs in, if there is no such file; borrowed from it, else NULL. */
static const char *missing_path(const char *word)
{
    const char *path = g_str_has_prefix(word, "./") ? word + 2 : word;
    bool plain = *path != '\0' && *path != '/' && *path != '-' && strpbrk(path, "{}") == NULL;
    return plain && g_utf8_validate(path, -1, NULL) && access(path, F_OK) != 0 ? path : NULL;
}

/* Of the newest trial with code; NULL: there is none, or it cannot be asked for: then nothing is said. */
static HptRows *look_up(HptDb *db, const HptStudy *study)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (char **word = study->definition->command; *word != NULL; word++)
        if (missing_path(*word) != NULL)
            g_ptr_array_add(words, (gpointer)missing_path(*word));
    if (words->len == 0)
        return NULL;
    g_autoptr(GError) ignored = NULL;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, study->name);
    hpt_args_texts(args, (const char *const *)words->pdata, words->len);
    HptRows *rows = hpt_db_rows(db, HPT_SQL_STUDY_WORDS, args, &ignored);
    if (rows == NULL)
        g_debug("%s", ignored->message);
    return rows;
}

char *run_code_missing(HptDb *db, const HptStudy *study, const char *directory)
{
    g_autofree char *quoted = directory == NULL ? NULL : hpt_text_shell_quote(directory);
    g_autoptr(HptRows) rows = study->definition->shell ? NULL : look_up(db, study);
    size_t n = rows == NULL ? 0 : hpt_rows_count(rows);
    if (n == 0)
        return NULL;
    int64_t trial = hpt_rows_int8(rows, 0, 0);
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < n; i++)
        g_string_append_printf(text, "%s'%s'", i == 0 ? "" : i + 1 < n ? ", " : " and ", hpt_rows_peek_text(rows, i, 1));
    g_string_append_printf(text,
                           " %s not here, but what trial %" PRId64 " ran is in the record: hpt-replay%s%s --check "
                           "--keep=DIR %s/%" PRId64 " puts it into DIR",
                           n == 1 ? "is" : "are", trial, directory == NULL ? "" : " -C ",
                           quoted == NULL ? "" : quoted, study->name, trial);
    return g_string_free(text, false);
}
