#include "show/table.h"

#include "base/text.h"
#include "show/value.h"

#include <string.h>

#define LEAST_TEXT 12 /* a shortened text keeps this many columns */
#define GAP 2

struct HptTable {
    HptShow show;
    HptColumn *columns; /* names are printable copies */
    size_t n;
    GPtrArray *rows; /* char ** of n cells and a NULL */
};

/* What becomes of a column in this table. */
typedef struct {
    size_t natural; /* columns that its widest cell takes */
    size_t width;   /* columns it gets */
    bool constant, dropped;
} Fit;

HptTable *hpt_table_new(const HptShow *show, const HptColumn *columns, size_t n)
{
    HptTable *table = g_new0(HptTable, 1);
    table->show = *show;
    table->n = n;
    table->columns = g_new0(HptColumn, n);
    for (size_t i = 0; i < n; i++) {
        table->columns[i] = columns[i];
        table->columns[i].name = hpt_text_printable(columns[i].name, -1);
    }
    table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    return table;
}

void hpt_table_free(HptTable *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->n; i++)
        g_free((char *)table->columns[i].name);
    g_free(table->columns);
    g_ptr_array_unref(table->rows);
    g_free(table);
}

void hpt_table_add(HptTable *table, const char *const *values)
{
    char **cells = g_new0(char *, table->n + 1);
    for (size_t i = 0; i < table->n; i++)
        cells[i] = hpt_table_cell(&table->show, table->columns[i].type, values[i]);
    g_ptr_array_add(table->rows, cells);
}

static const char *cell(const HptTable *table, size_t row, size_t column)
{
    char **cells = table->rows->pdata[row];
    return cells[column];
}

static bool is_constant(const HptTable *table, size_t column)
{
    if (!table->show.hide_constant || table->columns[column].keep || table->rows->len < 2)
        return false;
    for (guint r = 1; r < table->rows->len; r++)
        if (strcmp(cell(table, 0, column), cell(table, r, column)) != 0)
            return false;
    return true;
}

static bool can_shrink(const HptTable *table, size_t column)
{
    HptColumnType type = table->columns[column].type;
    return type == HPT_COLUMN_TEXT || type == HPT_COLUMN_JSON;
}

static size_t line_width(const HptTable *table, const Fit *fit)
{
    size_t total = 0, shown = 0;
    for (size_t i = 0; i < table->n; i++)
        if (!fit[i].constant && !fit[i].dropped) {
            total += fit[i].width;
            shown++;
        }
    return total + (shown > 0 ? (shown - 1) * GAP : 0) + 1; /* lines begin with a blank */
}

/* Drops columns until the line fits with every text at its shortest. */
static void drop_columns(const HptTable *table, Fit *fit)
{
    for (size_t i = 0; i < table->n; i++)
        fit[i].width = can_shrink(table, i) ? MIN(fit[i].natural, LEAST_TEXT) : fit[i].natural;
    while (line_width(table, fit) > table->show.width) {
        size_t worst = SIZE_MAX;
        for (size_t i = 0; i < table->n; i++)
            if (!fit[i].constant && !fit[i].dropped && !table->columns[i].keep &&
                (worst == SIZE_MAX || table->columns[i].rank >= table->columns[worst].rank))
                worst = i;
        if (worst == SIZE_MAX)
            return;
        fit[worst].dropped = true;
    }
}

/* Gives the room that is left to the shortened texts, narrowest first, so that as many as possible
 * are whole. */
static void grow_columns(const HptTable *table, Fit *fit)
{
    size_t used = line_width(table, fit);
    while (used < table->show.width) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < table->n; i++)
            if (!fit[i].constant && !fit[i].dropped && fit[i].width < fit[i].natural &&
                (best == SIZE_MAX || fit[i].natural < fit[best].natural))
                best = i;
        if (best == SIZE_MAX)
            return;
        size_t more = MIN(table->show.width - used, fit[best].natural - fit[best].width);
        fit[best].width += more;
        used += more;
    }
}

static Fit *fit_columns(const HptTable *table)
{
    Fit *fit = g_new0(Fit, table->n);
    bool any = false;
    for (size_t i = 0; i < table->n; i++) {
        fit[i].natural = table->show.no_header ? 0 : hpt_text_width(table->columns[i].name);
        for (guint r = 0; r < table->rows->len; r++)
            fit[i].natural = MAX(fit[i].natural, hpt_text_width(cell(table, r, i)));
        fit[i].width = fit[i].natural;
        fit[i].constant = is_constant(table, i);
        any = any || !fit[i].constant;
    }
    for (size_t i = 0; i < table->n && !any; i++)
        fit[i].constant = false; /* all rows alike: an empty table would say less */
    if (table->show.width > 0 && line_width(table, fit) > table->show.width) {
        drop_columns(table, fit);
        grow_columns(table, fit);
    }
    return fit;
}

static void append_line(GString *out, const HptTable *table, const Fit *fit, char *const *cells)
{
    size_t begin = out->len;
    for (size_t i = 0; i < table->n; i++) {
        if (fit[i].constant || fit[i].dropped)
            continue;
        const char *text = cells != NULL ? cells[i] : table->columns[i].name;
        g_autofree char *cut = hpt_show_cut(text, fit[i].width, table->show.utf8 ? "…" : "~");
        size_t width = hpt_text_width(cut), pad = width < fit[i].width ? fit[i].width - width : 0;
        bool right = hpt_show_is_number(table->columns[i].type);
        int before = (out->len == begin ? 1 : GAP) + (right ? (int)pad : 0);
        g_string_append_printf(out, "%*s%s%*s", before, "", cut, right ? 0 : (int)pad, "");
    }
    while (out->len > begin && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
}

static void append_names(GString *out, const char *label, const char *names)
{
    if (*names == '\0')
        return;
    g_string_append_printf(out, "%s%s: %s", out->len > 0 ? "; " : "", label, names);
}

static char *make_note(const HptTable *table, const Fit *fit)
{
    g_autoptr(GString) dropped = g_string_new(NULL);
    g_autoptr(GString) constant = g_string_new(NULL);
    g_autoptr(GString) cut = g_string_new(NULL);
    for (size_t i = 0; i < table->n; i++) {
        GString *list = cut;
        if (fit[i].constant)
            list = constant;
        else if (fit[i].dropped)
            list = dropped;
        else if (fit[i].width == fit[i].natural)
            continue;
        g_string_append_printf(list, "%s%s", list->len > 0 ? ", " : "", table->columns[i].name);
        if (list == constant)
            g_string_append_printf(list, "=%s", cell(table, 0, i));
    }
    g_autoptr(GString) note = g_string_new(NULL);
    append_names(note, "no room for", dropped->str);
    append_names(note, "shortened", cut->str);
    append_names(note, "same in all rows", constant->str);
    return note->len > 0 ? g_string_free(g_steal_pointer(&note), FALSE) : NULL;
}

char *hpt_table_text(const HptTable *table, char **note)
{
    g_autofree Fit *fit = fit_columns(table);
    GString *out = g_string_new(NULL);
    if (!table->show.no_header) {
        if (table->show.color)
            g_string_append(out, "\033[1m");
        append_line(out, table, fit, NULL);
        g_string_append(out, table->show.color ? "\033[0m\n" : "\n");
    }
    for (guint r = 0; r < table->rows->len; r++) {
        append_line(out, table, fit, table->rows->pdata[r]);
        g_string_append_c(out, '\n');
    }
    if (note != NULL)
        *note = make_note(table, fit);
    return g_string_free(out, FALSE);
}
