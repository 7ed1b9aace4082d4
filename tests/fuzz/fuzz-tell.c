/* What is told to hpt-tell: a line, or the header of columns, a newline and a row.
 *
 * A line that is read lies in the spool as a text that is read again as the same; it settles to numbers of the study, or has
 * a reason. What is a report stays one. Messages are printable. */
#include "study/told.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static HptDefinition *define(void)
{
    static const char *const metrics[] = {"loss", "acc:max", "size:le=10", "note:track", "step:track", NULL};
    GError *error = NULL;
    g_autoptr(HptSpace) space = hpt_space_parse("x real [0, 1]\nk {a, b}\n", &error);
    g_assert_no_error(error);
    HptDefinitionInput input = {.space = space, .metrics = metrics, .folds = 1, .repeats = 1};
    HptDefinition *definition = hpt_definition_new(&input, &error);
    g_assert_no_error(error);
    return definition;
}

static void assert_refused(const GError *error)
{
    g_assert_nonnull(error);
    g_assert_true(error->domain == HPT_ERROR && (error->code == HPT_ERROR_USAGE || error->code == HPT_ERROR_DATA));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void settle(HptTellLine *line, const HptDefinition *definition)
{
    HptTelling telling;
    g_autoptr(GError) error = NULL;
    if (!hpt_tell_line_settle(line, definition, &telling, &error)) {
        assert_refused(error);
        return;
    }
    g_assert_true(telling.outcome == HPT_TELL_FAILED || telling.n > 0);
    g_assert_true(telling.number >= 0 && telling.attempt >= 1 && telling.step >= 0);
    g_assert_true((telling.outcome == HPT_TELL_REPORT) == (line->report && telling.outcome != HPT_TELL_FAILED));
    for (size_t i = 0; i < telling.n; i++)
        g_assert_cmpuint(hpt_metrics_find(definition->metrics, telling.names[i]), !=, SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static HptDefinition *definition;
    if (definition == NULL)
        definition = define();
    g_autofree char *text = g_strndup((const char *)data, size);
    char *newline = strchr(text, '\n');
    g_auto(GStrv) header = NULL;
    if (newline != NULL && g_utf8_validate(text, newline - text, NULL)) {
        *newline = '\0';
        header = hpt_tell_header(text);
    }
    const char *line = newline != NULL ? newline + 1 : text;
    g_auto(HptTellLine) read = {0}, again = {0};
    g_autoptr(GError) error = NULL;
    if (!hpt_tell_line_read(header, line, strlen(line), &read, &error)) {
        assert_refused(error);
        return 0;
    }
    g_autofree char *told = hpt_told_text(&read, "study", &error);
    g_assert_no_error(error);
    g_assert_true(hpt_told_parse(told, strlen(told), &again, &error));
    g_assert_true(again.number == read.number && again.attempt == read.attempt && again.failed == read.failed &&
                  again.report == read.report && again.step == read.step);
    g_autofree char *twice = hpt_told_text(&again, "study", &error);
    g_assert_cmpstr(told, ==, twice);
    settle(&read, definition);
    settle(&again, definition);
    return 0;
}
