#include "run/metric.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

struct HptMetrics {
    GPtrArray *all; /* of HptMetric */
};

static const char *const directions[] = {"min", "max", "track", "le", "ge", NULL};
static const char *const sources[] = {"auto",     "re=",   "re.first=", "re.min=", "re.max=",
                                      "re.mean=", "json=", "file=",     "time",    "cpu",
                                      "maxrss",   "exit",  NULL};
static const char *const words[] = {"min",   "max",   "track", "le",  "ge",     "auto", "re=",
                                    "json=", "file=", "time",  "cpu", "maxrss", "exit", NULL};
static const char *const aggregates[] = {"re", "re.first", "re.min", "re.max", "re.mean", NULL};
static const char *const measured[] = {"time", "cpu", "maxrss", "exit", NULL};

static void metric_free(gpointer data)
{
    HptMetric *metric = data;
    if (metric->source == HPT_SOURCE_RE && metric->pattern != NULL)
        regfree(&metric->regex);
    g_free(metric->name);
    g_free(metric->pattern);
    g_free(metric->path);
    g_free(metric->pointer);
    g_free(metric->canonical);
    g_free(metric);
}

HptMetrics *hpt_metrics_new(void)
{
    HptMetrics *metrics = g_new0(HptMetrics, 1);
    metrics->all = g_ptr_array_new_with_free_func(metric_free);
    return metrics;
}

void hpt_metrics_free(HptMetrics *metrics)
{
    if (metrics == NULL)
        return;
    g_ptr_array_free(metrics->all, TRUE);
    g_free(metrics);
}

bool hpt_metric_name_valid(const char *name, size_t length)
{
    if (length == 0 || length > HPT_METRIC_NAME_MAX || !(g_ascii_isalpha(*name) || *name == '_'))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isalnum(name[i]) && (name[i] == '\0' || strchr("_./@%+-", name[i]) == NULL))
            return false;
    return true;
}

static size_t find_name(const char *const *names, const char *name)
{
    for (size_t i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return SIZE_MAX;
}

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static bool refuse(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, HPT_ERROR, HPT_ERROR_USAGE, message);
    return false;
}

/* "le=0.5": name length up to "=", the bound behind it. */
static bool parse_bound(HptMetric *metric, const char *word, GError **error)
{
    bool overflow = false;
    if (!hpt_number_parse(word + 3, &metric->bound, &overflow))
        return refuse(error, "the bound in '%s' is not a %snumber", word,
                      overflow ? "finite " : "");
    metric->direction = word[0] == 'l' ? HPT_METRIC_LE : HPT_METRIC_GE;
    return true;
}

/* Is word a direction? Sets *error only when it is one that is badly written. */
static bool parse_direction(HptMetric *metric, const char *word, GError **error)
{
    if (g_str_has_prefix(word, "le=") || g_str_has_prefix(word, "ge="))
        return parse_bound(metric, word, error);
    if (strcmp(word, "le") == 0 || strcmp(word, "ge") == 0)
        return refuse(error, "'%s' needs a bound, as in %s=0.5", word, word);
    size_t found = find_name(directions, word);
    if (found == SIZE_MAX)
        return false;
    metric->direction = (HptMetricDirection)found;
    return true;
}

static bool parse_regex(HptMetric *metric, const char *kind, const char *pattern, GError **error)
{
    size_t aggregate = find_name(aggregates, kind);
    if (aggregate == SIZE_MAX)
        return refuse(error,
                      "unknown source '%s='; one of re= re.first= re.min= re.max= re.mean=", kind);
    if (*pattern == '\0')
        return refuse(error, "'%s=' needs a regular expression", kind);
    int code = regcomp(&metric->regex, pattern, REG_EXTENDED);
    if (code != 0) {
        char reason[256];
        regerror(code, &metric->regex, reason, sizeof reason);
        return refuse(error, "regular expression '%s': %s", pattern, reason);
    }
    size_t groups = metric->regex.re_nsub;
    if (groups < 1 || groups > 2) {
        regfree(&metric->regex);
        return refuse(error,
                      "regular expression '%s' has %zu groups; it takes one (the value) or two "
                      "(step and value)\nhint: put ( ) around the number, as in 'loss=([0-9.]+)'",
                      pattern, groups);
    }
    metric->source = HPT_SOURCE_RE;
    metric->aggregate = (HptMetricAggregate)aggregate;
    metric->pattern = g_strdup(pattern);
    return true;
}

static bool check_pointer(const char *pointer, GError **error)
{
    if (*pointer != '\0' && *pointer != '/')
        return refuse(error, "JSON pointer '%s' does not begin with '/'; did you mean '/%s'?",
                      pointer, pointer);
    for (const char *tilde = strchr(pointer, '~'); tilde != NULL; tilde = strchr(tilde + 1, '~'))
        if (tilde[1] != '0' && tilde[1] != '1')
            return refuse(error, "JSON pointer '%s': '~' is written ~0", pointer);
    return true;
}

static bool parse_json(HptMetric *metric, const char *pointer, GError **error)
{
    if (!check_pointer(pointer, error))
        return false;
    metric->source = HPT_SOURCE_JSON;
    metric->pointer = g_strdup(pointer);
    return true;
}

/* Does a relative path lead out of its folder? An absolute one says openly where it leads. */
static bool leaves_folder(const char *path)
{
    if (g_path_is_absolute(path))
        return false;
    int depth = 0;
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part != NULL; part++) {
        if (strcmp(*part, "..") == 0)
            depth--;
        else if (**part != '\0' && strcmp(*part, ".") != 0)
            depth++;
        if (depth < 0)
            return true;
    }
    return false;
}

static bool parse_file(HptMetric *metric, const char *text, GError **error)
{
    const char *hash = strrchr(text, '#');
    if (hash != NULL && !check_pointer(hash + 1, error))
        return false;
    size_t length = hash != NULL ? (size_t)(hash - text) : strlen(text);
    if (length == 0)
        return refuse(error, "'file=' needs a path");
    g_autofree char *path = g_strndup(text, length);
    if (leaves_folder(path))
        return refuse(error,
                      "file '%s' is outside the trial's folder\n"
                      "hint: a path elsewhere is written in full, from '/'",
                      path);
    metric->source = HPT_SOURCE_FILE;
    metric->path = g_steal_pointer(&path);
    metric->pointer = hash != NULL ? g_strdup(hash + 1) : NULL;
    return true;
}

static bool unknown_word(const char *word, const char *const *known, const char *what,
                         GError **error)
{
    const char *suggestion = hpt_suggest(word, known);
    g_autofree char *all = g_strjoinv(" ", (char **)known);
    if (suggestion != NULL)
        return refuse(error, "unknown %s '%s'; did you mean '%s'?", what, word, suggestion);
    return refuse(error, "unknown %s '%s'; one of %s", what, word, all);
}

static bool is_source(const char *word)
{
    for (size_t i = 0; sources[i] != NULL; i++)
        if (g_str_has_suffix(sources[i], "=") ? g_str_has_prefix(word, sources[i])
                                              : strcmp(word, sources[i]) == 0)
            return true;
    return g_str_has_prefix(word, "re.") && strchr(word, '=') != NULL;
}

static bool parse_source(HptMetric *metric, const char *word, GError **error)
{
    const char *equals = strchr(word, '=');
    if (g_str_has_prefix(word, "json="))
        return parse_json(metric, equals + 1, error);
    if (g_str_has_prefix(word, "file="))
        return parse_file(metric, equals + 1, error);
    if (g_str_has_prefix(word, "re=") || g_str_has_prefix(word, "re.")) {
        g_autofree char *kind = g_strndup(word, (size_t)(equals - word));
        return parse_regex(metric, kind, equals + 1, error);
    }
    size_t found = find_name(measured, word);
    metric->source =
        found == SIZE_MAX ? HPT_SOURCE_AUTO : (HptMetricSource)(HPT_SOURCE_TIME + found);
    return true;
}

/* [DIR][:SOURCE]; SOURCE takes the rest, colons and all. */
static bool parse_rest(HptMetric *metric, const char *rest, GError **error)
{
    if (is_source(rest))
        return parse_source(metric, rest, error);
    const char *colon = strchr(rest, ':');
    g_autofree char *word = g_strndup(rest, colon != NULL ? (size_t)(colon - rest) : strlen(rest));
    GError *bad = NULL;
    if (!parse_direction(metric, word, &bad)) {
        if (bad != NULL) {
            g_propagate_error(error, bad);
            return false;
        }
        return unknown_word(word, words, "direction or source", error);
    }
    if (colon == NULL)
        return true;
    if (!is_source(colon + 1))
        return unknown_word(colon + 1, sources, "source", error);
    return parse_source(metric, colon + 1, error);
}

static char *canonical(const HptMetric *metric)
{
    GString *text = g_string_new(metric->name);
    g_string_append_printf(text, ":%s", directions[metric->direction]);
    if (hpt_metric_is_constraint(metric)) {
        char number[HPT_NUMBER_TEXT_SIZE];
        g_string_append_printf(text, "=%s", hpt_number_text(metric->bound, number));
    }
    switch (metric->source) {
    case HPT_SOURCE_AUTO:
        g_string_append(text, ":auto");
        break;
    case HPT_SOURCE_RE:
        g_string_append_printf(text, ":%s=%s", aggregates[metric->aggregate], metric->pattern);
        break;
    case HPT_SOURCE_JSON:
        g_string_append_printf(text, ":json=%s", metric->pointer);
        break;
    case HPT_SOURCE_FILE:
        g_string_append_printf(text, ":file=%s%s%s", metric->path,
                               metric->pointer != NULL ? "#" : "",
                               metric->pointer != NULL ? metric->pointer : "");
        break;
    case HPT_SOURCE_TIME:
    case HPT_SOURCE_CPU:
    case HPT_SOURCE_MAXRSS:
    case HPT_SOURCE_EXIT:
        g_string_append_printf(text, ":%s", measured[metric->source - HPT_SOURCE_TIME]);
        break;
    }
    return g_string_free(text, FALSE);
}

static bool parse_metric(HptMetric *metric, const char *text, GError **error)
{
    if (!g_utf8_validate(text, -1, NULL))
        return refuse(error, "not UTF-8");
    size_t length = strcspn(text, ":");
    if (!hpt_metric_name_valid(text, length))
        return refuse(error, "%s%.*s%s", length == 0 ? "the name is missing" : "'",
                      (int)MIN(length, 300), text,
                      length == 0 ? ""
                                  : "' is not a name: a letter or '_', then letters, digits and "
                                    "_ . / @ % + -, at most 200");
    metric->name = g_strndup(text, length);
    if (text[length] != '\0' && !parse_rest(metric, text + length + 1, error))
        return false;
    metric->canonical = canonical(metric);
    return true;
}

bool hpt_metrics_add(HptMetrics *metrics, const char *text, GError **error)
{
    HptMetric *metric = g_new0(HptMetric, 1);
    bool ok = parse_metric(metric, text, error);
    if (ok && hpt_metrics_find(metrics, metric->name) != SIZE_MAX)
        ok = refuse(error, "'%s' is declared twice", metric->name);
    if (!ok) {
        g_prefix_error(error, "metric '%s': ", text);
        metric_free(metric);
        return false;
    }
    g_ptr_array_add(metrics->all, metric);
    return true;
}

size_t hpt_metrics_size(const HptMetrics *metrics)
{
    return metrics->all->len;
}

const HptMetric *hpt_metrics_get(const HptMetrics *metrics, size_t i)
{
    return g_ptr_array_index(metrics->all, i);
}

size_t hpt_metrics_find(const HptMetrics *metrics, const char *name)
{
    for (size_t i = 0; i < metrics->all->len; i++)
        if (strcmp(hpt_metrics_get(metrics, i)->name, name) == 0)
            return i;
    return SIZE_MAX;
}

size_t hpt_metrics_objectives(const HptMetrics *metrics)
{
    size_t n = 0;
    for (size_t i = 0; i < metrics->all->len; i++)
        n += hpt_metric_is_objective(hpt_metrics_get(metrics, i));
    return n;
}

bool hpt_metric_is_objective(const HptMetric *metric)
{
    return metric->direction == HPT_METRIC_MIN || metric->direction == HPT_METRIC_MAX;
}

bool hpt_metric_is_constraint(const HptMetric *metric)
{
    return metric->direction == HPT_METRIC_LE || metric->direction == HPT_METRIC_GE;
}

const char *hpt_metric_direction_name(HptMetricDirection direction)
{
    return directions[direction];
}
