#include "diff.h"
#include "tool.h"

#include "base/json.h"
#include "base/number.h"
#include "show/table.h"

#include <stdio.h>
#include <string.h>

bool diff_counts(const HptDifference *row)
{
    /* That a file that went in was not captured is no difference; of a result it is one. */
    if (row->verdict == HPT_VERDICT_UNKNOWN &&
        (row->section == HPT_SECTION_CODE || row->section == HPT_SECTION_INPUTS))
        return false;
    return row->verdict != HPT_VERDICT_SAME && row->verdict != HPT_VERDICT_WITHIN;
}

typedef struct {
    const HptFacts *const *operands;
    size_t n;
    bool people; /* table, md */
    bool json;
    HptWriter *writer;
    const char *last;         /* section of the row before */
    bool quiet_section;       /* table: a section is named once */
    bool any_delta, any_note; /* for people: else there is no such column */
} Printer;

/* ---- values ---- */

/* Numbers of a row rounded for people, to as many digits as it takes to tell them apart. */
static int digits_apart(const HptDifference *row)
{
    for (int digits = 6; digits < 17; digits++) {
        bool apart = true;
        for (size_t i = 1; i < row->n && apart; i++)
            for (size_t k = 0; k < i && apart; k++) {
                const HptFact *a = row->facts[i], *b = row->facts[k];
                if (a == NULL || b == NULL || !a->is_number || !b->is_number ||
                    hpt_compare_numbers(a->number, b->number, NULL) == HPT_VERDICT_SAME)
                    continue;
                g_autofree char *x = hpt_number_round(a->number, digits);
                g_autofree char *y = hpt_number_round(b->number, digits);
                apart = strcmp(x, y) != 0;
            }
        if (apart)
            return digits;
    }
    return 17;
}

static char *json_text(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    hpt_json_append_string(out, valid);
    return g_string_free(out, FALSE);
}

static char *value_text(const Printer *printer, const HptFact *fact, int digits)
{
    if (fact == NULL)
        return NULL;
    if (printer->json) {
        bool bare = fact->is_number && fact->value[0] != 'N' && strchr(fact->value, 'I') == NULL;
        return bare ? g_strdup(fact->value) : json_text(fact->value);
    }
    if (printer->people && fact->is_number)
        return hpt_number_round(fact->number, digits);
    if (printer->people && fact->is_file && fact->has_digest) {
        char hex[HPT_DIGEST_HEX_SIZE];
        return g_strdup_printf("%.*s sha256:%.12s",
                               (int)(strstr(fact->value, " sha256:") - fact->value), fact->value,
                               hpt_digest_hex(&fact->digest, hex));
    }
    return g_strdup(fact->value);
}

/* "-0.37 [-0.9, 0.16]" */
static char *difference_text(const HptDifference *row)
{
    if (!row->has_delta)
        return NULL;
    g_autofree char *delta = hpt_number_round(row->delta, 6);
    const char *sign = row->delta > 0 ? "+" : "";
    if (!row->has_interval)
        return g_strconcat(sign, delta, NULL);
    g_autofree char *low = hpt_number_round(row->low, 3);
    g_autofree char *high = hpt_number_round(row->high, 3);
    return g_strconcat(sign, delta, " [", low, ", ", high, "]", NULL);
}

static char *number_or_null(bool has, double value)
{
    char text[HPT_NUMBER_TEXT_SIZE];
    return has ? g_strdup(hpt_number_text(value, text)) : NULL;
}

/* ---- rows ---- */

/* Columns before the operands: section, name for people, and group for programs. */
static size_t lead(const Printer *printer)
{
    return printer->people ? 2 : 3;
}

static size_t n_columns(const Printer *printer)
{
    if (printer->people)
        return lead(printer) + printer->n + printer->any_delta + printer->any_note;
    return lead(printer) + printer->n + (printer->n == 2 ? 5 : 2);
}

static HptWriter *open_writer(const Printer *printer, const HptShow *show)
{
    g_autofree HptColumn *columns = g_new0(HptColumn, n_columns(printer));
    size_t at = 0;
    columns[at++] = (HptColumn){.name = "section", .type = HPT_COLUMN_TEXT, .keep = true};
    if (!printer->people)
        columns[at++] = (HptColumn){.name = "group", .type = HPT_COLUMN_TEXT, .keep = true};
    columns[at++] = (HptColumn){.name = "name", .type = HPT_COLUMN_TEXT, .keep = true};
    for (size_t i = 0; i < printer->n; i++)
        columns[at++] = (HptColumn){.name = printer->operands[i]->label,
                                    .type = printer->json ? HPT_COLUMN_JSON : HPT_COLUMN_TEXT,
                                    .rank = (int)i,
                                    .keep = i < 2};
    if (printer->n == 2 && (!printer->people || printer->any_delta)) {
        HptColumnType type = printer->people ? HPT_COLUMN_TEXT : HPT_COLUMN_REAL;
        columns[at++] = (HptColumn){.name = "difference", .type = type, .keep = true};
        if (!printer->people) {
            columns[at++] = (HptColumn){.name = "low", .type = type};
            columns[at++] = (HptColumn){.name = "high", .type = type};
        }
    }
    if (!printer->people)
        columns[at++] = (HptColumn){.name = "verdict", .type = HPT_COLUMN_TEXT};
    if (!printer->people || printer->any_note)
        columns[at++] = (HptColumn){.name = "note", .type = HPT_COLUMN_TEXT, .rank = 1000};
    return hpt_writer_new(show, columns, at, hpt_sink_file, stdout);
}

/* One line; values are the operands' (n, stolen). row NULL: a line of a file, with nothing behind.
 */
static bool add_line(Printer *printer, const HptDifference *row, const char *name, char **values,
                     bool first, GError **error)
{
    g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func(g_free);
    g_autofree const char **cells = g_new0(const char *, n_columns(printer));
    const char *section = hpt_section_names[row->section];
    size_t at = 0;
    bool again = printer->quiet_section && printer->last == section;
    printer->last = section;
    cells[at++] = again ? "" : section;
    if (printer->people) {
        char *full =
            row->group[0] != '\0' ? g_strconcat(row->group, " ", name, NULL) : g_strdup(name);
        g_ptr_array_add(owned, full);
        cells[at++] = full;
    } else {
        cells[at++] = row->group;
        cells[at++] = name;
    }
    for (size_t i = 0; i < printer->n; i++) {
        g_ptr_array_add(owned, values[i]);
        cells[at++] = values[i];
    }
    char *more[] = {NULL, NULL, NULL};
    if (first && printer->people) {
        more[0] = difference_text(row);
    } else if (first) {
        more[0] = number_or_null(row->has_delta, row->delta);
        more[1] = number_or_null(row->has_interval, row->low);
        more[2] = number_or_null(row->has_interval, row->high);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(more); i++) {
        g_ptr_array_add(owned, more[i]);
        if (printer->n == 2 && (printer->people ? i == 0 && printer->any_delta : true))
            cells[at++] = more[i] != NULL ? more[i] : printer->people ? "" : NULL;
    }
    if (!printer->people)
        cells[at++] = hpt_verdict_names[row->verdict];
    const char *note = first ? row->note : NULL;
    if (!printer->people || printer->any_note)
        cells[at++] = note != NULL ? note : printer->people ? "" : NULL;
    return hpt_writer_add(printer->writer, cells, error);
}

static bool add_row(Printer *printer, const HptDifference *row, GError **error)
{
    g_autofree char **values = g_new0(char *, printer->n);
    int digits = printer->people ? digits_apart(row) : 17;
    for (size_t i = 0; i < printer->n; i++)
        values[i] = value_text(printer, row->facts[i], digits);
    if (!add_line(printer, row, row->name, values, true, error))
        return false;
    if (row->line == 0)
        return true;
    g_autofree char *name = g_strdup_printf("%s:%zu", row->name, row->line);
    for (size_t i = 0; i < printer->n; i++) {
        const char *line = row->lines[i];
        values[i] = line == NULL ? NULL : printer->json ? json_text(line) : g_strdup(line);
    }
    return add_line(printer, row, name, values, false, error);
}

bool diff_print(const HptFacts *const *operands, size_t n, const GPtrArray *rows,
                const HptShow *show, GError **error)
{
    bool people = show->format == HPT_FORMAT_TABLE || show->format == HPT_FORMAT_MD;
    if (people && rows->len == 0)
        return true;
    Printer printer = {
        .operands = operands,
        .n = n,
        .people = people,
        .json = show->format == HPT_FORMAT_JSON || show->format == HPT_FORMAT_JSONL,
        .quiet_section = show->format == HPT_FORMAT_TABLE,
    };
    for (guint i = 0; i < rows->len; i++) {
        const HptDifference *row = rows->pdata[i];
        printer.any_delta = printer.any_delta || row->has_delta;
        printer.any_note = printer.any_note || row->note != NULL;
    }
    g_autoptr(HptWriter) writer = open_writer(&printer, show);
    printer.writer = writer;
    for (guint i = 0; i < rows->len; i++)
        if (!add_row(&printer, rows->pdata[i], error))
            return false;
    g_autofree char *note = NULL;
    if (!hpt_writer_end(writer, &note, error))
        return false;
    if (note != NULL)
        hpt_tool_note("%s", note);
    return true;
}

/* ---- counts ---- */

bool diff_print_stat(const HptFacts *const *operands, size_t n, const GPtrArray *rows,
                     const HptShow *show, GError **error)
{
    static const HptColumn columns[] = {
        {.name = "section", .type = HPT_COLUMN_TEXT, .keep = true},
        {.name = "differs", .type = HPT_COLUMN_INT, .keep = true},
        {.name = "of", .type = HPT_COLUMN_INT, .keep = true},
    };
    g_autoptr(HptWriter) writer =
        hpt_writer_new(show, columns, G_N_ELEMENTS(columns), hpt_sink_file, stdout);
    for (guint i = 0; i < rows->len;) {
        const HptDifference *first = rows->pdata[i];
        size_t differs = 0;
        for (; i < rows->len && ((const HptDifference *)rows->pdata[i])->section == first->section;
             i++)
            differs += diff_counts(rows->pdata[i]);
        g_autofree char *count = g_strdup_printf("%zu", differs);
        g_autofree char *of =
            g_strdup_printf("%zu", hpt_compare_count(operands, n, first->section));
        const char *cells[] = {hpt_section_names[first->section], count, of};
        if (!hpt_writer_add(writer, cells, error))
            return false;
    }
    return hpt_writer_end(writer, NULL, error);
}
