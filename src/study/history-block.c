/* Results in blocks: what a process that is new to a study reads instead of a row and a JSON text for each trial.
 *
 * A body is for trials 1024 k to 1024 k + 1023, their first results, little-endian and without gaps:
 *   4 × uint32   1, how many objectives, constraints and parameters
 *   1024 bytes   a trial's flags: 1 it has objectives, 2 it has constraints
 *   doubles      1024 of each objective, to be minimised (0: none); of each constraint, how far beyond its bound
 *                (0: none); of each parameter in the space's order: its value, of categories and ordinals the
 *                index, NaN where it is inactive
 */
#include "study/history-internal.h"

#include <math.h>
#include <string.h>

enum { FORMAT = 1, HEAD = 16, HAS_VALUES = 1, HAS_CONSTRAINTS = 2, PAGE = 64, MOST_BLOCKS = 1 << 24 };
#define N ((size_t)HPT_PAST_BLOCK)

static size_t length_of(const HptPast *past)
{
    size_t columns = past->n_objectives + past->bounded->len + hpt_space_size(past->definition->space);
    return HEAD + N + columns * N * sizeof(double);
}

/* ---- packing ---- */

static void put_word(uint8_t *out, uint32_t word)
{
    word = GUINT32_TO_LE(word);
    memcpy(out, &word, sizeof word);
}

static void put_double(uint8_t *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = GUINT64_TO_LE(bits);
    memcpy(out, &bits, sizeof bits);
}

static double get_double(const uint8_t *in)
{
    uint64_t bits;
    double value;
    memcpy(&bits, in, sizeof bits);
    bits = GUINT64_FROM_LE(bits);
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double flat(const HptParam *param, HptValue value)
{
    return !value.active           ? (double)NAN
           : param->values != NULL ? (double)value.index
                                   : value.number;
}

/* The first result of each trial of the block, or false: one is not there. */
static bool find_block(const HptPast *past, int64_t block, const HptPastEntry **entries)
{
    size_t place = hpt_past_find(past, block * HPT_PAST_BLOCK, 1);
    for (size_t i = 0; i < N; i++) {
        int64_t number = block * HPT_PAST_BLOCK + (int64_t)i;
        while (place < past->entries->len && ((HptPastEntry *)past->entries->pdata[place])->turn != 1)
            place++;
        if (place == past->entries->len)
            return false;
        entries[i] = past->entries->pdata[place++];
        if (entries[i]->number != number || entries[i]->config == NULL)
            return false;
    }
    return true;
}

static GBytes *pack(const HptPast *past, const HptPastEntry *const *entries)
{
    const HptSpace *space = past->definition->space;
    size_t length = length_of(past), n_params = hpt_space_size(space);
    uint8_t *body = g_malloc0(length), *column = body + HEAD + N;
    put_word(body, FORMAT);
    put_word(body + 4, (uint32_t)past->n_objectives);
    put_word(body + 8, (uint32_t)past->bounded->len);
    put_word(body + 12, (uint32_t)n_params);
    for (size_t i = 0; i < N; i++) {
        const HptPastEntry *entry = entries[i];
        uint8_t *at = column + i * sizeof(double);
        body[HEAD + i] = (uint8_t)((entry->values != NULL ? HAS_VALUES : 0) |
                                   (entry->constraints != NULL ? HAS_CONSTRAINTS : 0));
        for (size_t k = 0; k < past->n_objectives; k++, at += N * sizeof(double))
            put_double(at, entry->values != NULL ? entry->values[k] : 0);
        for (size_t k = 0; k < past->bounded->len; k++, at += N * sizeof(double))
            put_double(at, entry->constraints != NULL ? entry->constraints[k] : 0);
        for (size_t j = 0; j < n_params; j++, at += N * sizeof(double))
            put_double(at, flat(hpt_space_get(space, j), entry->config->values[j]));
    }
    return g_bytes_new_take(body, length);
}

static bool *flag_of(const HptPast *past, int64_t block)
{
    if ((guint)block >= past->blocks->len)
        g_array_set_size(past->blocks, (guint)block + 1);
    return &g_array_index(past->blocks, bool, block);
}

void hpt_past_own(HptPast *past, int64_t number)
{
    int64_t block = number / HPT_PAST_BLOCK;
    if (number % HPT_PAST_BLOCK != HPT_PAST_BLOCK - 1 || *flag_of(past, block))
        return;
    for (guint i = 0; i < past->own->len; i++)
        if (g_array_index(past->own, int64_t, i) == block)
            return;
    g_array_append_val(past->own, block);
}

GBytes *hpt_past_pack(HptPast *past, int64_t *block)
{
    g_autofree const HptPastEntry **entries = past->own->len == 0 ? NULL : g_new(const HptPastEntry *, N);
    for (guint i = 0; i < past->own->len; i++) {
        *block = g_array_index(past->own, int64_t, i);
        if (!find_block(past, *block, entries))
            continue;
        *flag_of(past, *block) = true;
        g_array_remove_index(past->own, i);
        return pack(past, entries);
    }
    return NULL;
}

HptArgs *hpt_past_pack_args(HptPast *past, int64_t study_id)
{
    int64_t block = 0;
    g_autoptr(GBytes) body = hpt_past_pack(past, &block);
    if (body == NULL)
        return NULL;
    HptDigest space = hpt_space_hash(past->definition->space);
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, study_id);
    hpt_args_bytea(args, space.bytes, sizeof space.bytes);
    hpt_args_int8(args, block);
    hpt_args_bytea(args, g_bytes_get_data(body, NULL), g_bytes_get_size(body));
    return args;
}

/* ---- unpacking ---- */

/* The value that flat gave; false: it is none of the parameter's. */
static bool read_flat(const HptParam *param, double from, HptValue *out)
{
    *out = (HptValue){.active = !isnan(from)};
    if (!out->active)
        return true;
    if (param->values == NULL)
        return hpt_param_number_fits(param, from, out);
    if (!(from >= 0 && from < (double)param->n_values) || floor(from) < from)
        return false;
    out->index = (uint32_t)from;
    return true;
}

/* The configuration whose first value is there; NULL: it is none of the space. */
static HptConfig *read_config(const HptSpace *space, const uint8_t *at)
{
    g_autoptr(HptConfig) config = hpt_config_new(space);
    for (size_t j = 0; j < hpt_space_size(space); j++, at += N * sizeof(double)) {
        HptValue value;
        if (!read_flat(hpt_space_get(space, j), get_double(at), &value) ||
            value.active != hpt_space_active(space, config, j))
            return NULL;
        config->values[j] = value;
    }
    return g_steal_pointer(&config);
}

static bool has_head(const HptPast *past, const uint8_t *body, size_t length)
{
    uint8_t head[HEAD];
    put_word(head, FORMAT);
    put_word(head + 4, (uint32_t)past->n_objectives);
    put_word(head + 8, (uint32_t)past->bounded->len);
    put_word(head + 12, (uint32_t)hpt_space_size(past->definition->space));
    return length == length_of(past) && memcmp(head, body, HEAD) == 0;
}

static double *take_doubles(const uint8_t *at, size_t n)
{
    double *values = g_new(double, n);
    for (size_t k = 0; k < n; k++)
        values[k] = get_double(at + k * N * sizeof(double));
    return values;
}

static HptPastEntry *unpack_one(const HptPast *past, int64_t number, uint8_t flags, const uint8_t *at,
                                HptConfig *steal_config)
{
    HptPastEntry *entry = g_new0(HptPastEntry, 1);
    *entry = (HptPastEntry){.number = number, .turn = 1, .config = steal_config};
    if (flags & HAS_VALUES)
        entry->values = take_doubles(at, past->n_objectives);
    if (flags & HAS_CONSTRAINTS)
        entry->constraints = take_doubles(at + past->n_objectives * N * sizeof(double), past->bounded->len);
    return entry;
}

static void free_config(void *config)
{
    hpt_config_free(config);
}

bool hpt_past_unpack(HptPast *past, int64_t block, const void *body, size_t length)
{
    const uint8_t *bytes = body, *columns = bytes + HEAD + N;
    size_t before = past->n_objectives + past->bounded->len;
    if (block < 0 || block > MOST_BLOCKS || !has_head(past, bytes, length))
        return false;
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func(free_config);
    for (size_t i = 0; i < N; i++) {
        HptConfig *config =
            read_config(past->definition->space, columns + (before * N + i) * sizeof(double));
        if (config == NULL)
            return false;
        g_ptr_array_add(configs, config);
    }
    for (size_t i = 0; i < N; i++) {
        int64_t number = block * HPT_PAST_BLOCK + (int64_t)i;
        if (hpt_past_peek(past, number, 1) == NULL)
            hpt_past_insert(past, unpack_one(past, number, bytes[HEAD + i], columns + i * sizeof(double),
                                             g_steal_pointer(&configs->pdata[i])));
    }
    *flag_of(past, block) = true;
    return true;
}

/* ---- loading ---- */

/* The blocks that are packed; their numbers into known. */
static bool load_blocks(HptPast *past, HptDb *db, int64_t study_id, GArray *known, GError **error)
{
    HptDigest space = hpt_space_hash(past->definition->space);
    for (int64_t from = 0; from >= 0;) {
        g_autoptr(HptArgs) args = hpt_args_new();
        hpt_args_int8(args, study_id);
        hpt_args_bytea(args, space.bytes, sizeof space.bytes);
        hpt_args_int8(args, from);
        hpt_args_int4(args, PAGE);
        g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_HISTORY_BLOCKS, args, error);
        if (rows == NULL)
            return false;
        from = -1;
        for (size_t row = 0; row < hpt_rows_count(rows); row++) {
            size_t length = 0;
            const void *body = hpt_rows_peek_bytea(rows, row, 1, &length);
            int64_t block = hpt_rows_int8(rows, row, 0);
            if (hpt_past_unpack(past, block, body, length))
                g_array_append_val(known, block);
            from = block + 1;
        }
    }
    return true;
}

/* The mark is that of the first page: what came after it is new to later ones and to the next history_read. */
static bool load_rest(HptPast *past, HptDb *db, int64_t study_id, const GArray *known, GError **error)
{
    int64_t mark = 0, last = 0;
    for (int64_t from = 0; from <= last; from += PAGE) {
        g_autoptr(HptArgs) args = hpt_args_new();
        hpt_args_int8(args, study_id);
        hpt_args_int8s(args, (const int64_t *)(const void *)known->data, NULL, known->len);
        hpt_args_int8(args, from);
        hpt_args_int4(args, PAGE);
        g_autoptr(HptRows) rows = hpt_db_rows(db, HPT_SQL_HISTORY_REST, args, error);
        if (rows == NULL)
            return false;
        hpt_past_add(past, rows);
        last = hpt_rows_int8(rows, 0, 6);
        if (from == 0)
            mark = past->mark;
    }
    past->mark = mark;
    for (int64_t block = 0; block < last; block++)
        if (!*flag_of(past, block))
            g_array_append_val(past->own, block);
    return true;
}

bool hpt_past_load(HptPast *past, HptDb *db, int64_t study_id, GError **error)
{
    g_autoptr(GArray) known = g_array_new(false, false, sizeof(int64_t));
    return load_blocks(past, db, study_id, known, error) && load_rest(past, db, study_id, known, error);
}
