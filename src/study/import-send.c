#include "study/import-internal.h"

#include "store/batch.h"
#include "store/folder.h"
#include "store/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define BATCH_BYTES ((size_t)256 * 1024)

typedef struct {
    const HptImport *import;
    const HptTable *table;
    GString *rows; /* "[ROW,ROW" of the batch */
    GError *error; /* of the connection */
    uint64_t sent;
} Send;

/* ---- objects ---- */

/* Copies an entry to the beginning of the file fd, which is on the volume of folder. */
static bool copy_out(const HptGate *gate, const HptGateEntry *entry, int fd, const char *folder,
                     GError **error)
{
    enum { CHUNK = 65536 };
    g_autofree char *buffer = g_malloc(CHUNK);
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        hpt_error_set_errno(error, errno, "emptying a temporary file");
        return false;
    }
    for (int64_t done = 0; done < entry->id.size;) {
        size_t n = (size_t)MIN((int64_t)CHUNK, entry->id.size - done);
        if (!hpt_gate_read(gate, entry, done, buffer, n, error) ||
            !hpt_stream_write_all(fd, buffer, n, folder, error))
            return false;
        done += (int64_t)n;
    }
    return true;
}

static bool put_entry(HptBatch *batch, const HptImport *import, const HptGateEntry *entry, int fd,
                      GError **error)
{
    HptObjectId id;
    if (!copy_out(import->gate, entry, fd, import->options->objects, error) ||
        !hpt_batch_put_fd(batch, fd, entry->path, &id, error))
        return false;
    if (memcmp(&id.digest, &entry->id.digest, sizeof id.digest) == 0)
        return true;
    g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "%s changed in the quarantine", entry->path);
    return false;
}

static bool put_large(const HptImport *import, HptStore *store, int fd, GError **error)
{
    g_autoptr(HptBatch) batch = hpt_batch_begin(store);
    for (size_t i = 0; i < hpt_gate_count(import->gate); i++) {
        const HptGateEntry *entry = hpt_gate_peek(import->gate, i);
        if (g_str_has_prefix(entry->path, "objects/") && !hpt_object_is_small(entry->id.size) &&
            !put_entry(batch, import, entry, fd, error))
            return false;
    }
    return hpt_batch_commit(batch, error);
}

/* Those that do not go into the database: on the disk, in one pack, before any row names them. */
static bool put_objects(const HptImport *import, GError **error)
{
    bool any = false;
    for (size_t i = 0; i < hpt_gate_count(import->gate) && !any; i++) {
        const HptGateEntry *entry = hpt_gate_peek(import->gate, i);
        any = g_str_has_prefix(entry->path, "objects/") && !hpt_object_is_small(entry->id.size);
    }
    if (!any)
        return true;
    g_autoptr(HptStore) store = hpt_store_open(import->options->objects, error);
    int fd = store != NULL ? hpt_store_unnamed_file(import->options->objects, error) : -1;
    bool ok = fd >= 0 && put_large(import, store, fd, error);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- statements ---- */

/* Sends one, and sees that what is sent does not pile up here. */
static bool send_statement(Send *send, HptSql sql, const HptArgs *args, GError **error)
{
    HptDb *db = send->import->db;
    if (!hpt_db_send(db, sql, args, ++send->sent, error))
        return false;
    while (hpt_db_alive(db) && (hpt_db_events(db) & POLLOUT) != 0) {
        struct pollfd wait = {.fd = hpt_db_fd(db), .events = hpt_db_events(db)};
        if (poll(&wait, 1, -1) < 0 && errno != EINTR) {
            hpt_error_set_errno(error, errno, "waiting for the database");
            return false;
        }
        if (!hpt_db_pump(db, error))
            return false;
    }
    return true;
}

static bool flush(Send *send, GError **error)
{
    if (send->rows->len == 0)
        return true;
    g_string_append_c(send->rows, ']');
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_text(args, send->table->name);
    hpt_args_json(args, send->rows->str);
    g_string_truncate(send->rows, 0);
    return send_statement(send, HPT_SQL_IMPORT_ROWS, args, error);
}

static bool begin_study(Send *send, const HptStudyPair *study, GError **error)
{
    const HptTable *table = hpt_tables_find(send->import->tables, "study");
    g_autoptr(GString) row = g_string_new(NULL), added = g_string_new("[");
    g_autofree char *id = hpt_uuid_new();
    hpt_table_to_wire(table, study->row, row);
    for (guint i = 0; i < study->added->len; i++)
        g_string_append_printf(added, "%s%s", i > 0 ? "," : "", (char *)study->added->pdata[i]);
    g_string_append_c(added, ']');
    const HptDigest *identity = &hpt_gate_get_info(send->import->gate)->identity;
    g_autoptr(HptArgs) args = hpt_args_new();
    hpt_args_uuid(args, id);
    hpt_args_bytea(args, identity->bytes, sizeof identity->bytes);
    hpt_args_text(args, study->there);
    hpt_args_json(args, row->str);
    hpt_args_json(args, added->str);
    if (study->seen != NULL)
        hpt_args_int8s(args, study->seen, NULL, study->n_seen);
    else
        hpt_args_null(args, HPT_TYPE_INT8_ARRAY);
    hpt_args_int8(args, study->counts.fresh);
    hpt_args_int8(args, study->counts.gone_on);
    return send_statement(send, HPT_SQL_IMPORT_BEGIN, args, error);
}

/* Is the row one that is to be here and is not? */
static bool wants_row(const Send *send, const json_t *row)
{
    const HptTrialPair *trial = hpt_import_trial(send->import, send->table, row);
    if (trial == NULL)
        return hpt_import_wants_study(send->import, row);
    if (trial->relation != HPT_TRIAL_GOES_ON)
        return trial->relation == HPT_TRIAL_FRESH;
    g_autofree char *line = hpt_import_line(send->table, row);
    return !g_hash_table_contains(trial->lines, line);
}

/* The bytes of a small object go with its row. */
static bool append_content(const Send *send, const json_t *row, GString *wire, GError **error)
{
    HptDigest digest;
    const char *hex = hpt_row_text(row, "digest");
    int64_t size = hpt_row_integer(row, "size", 0);
    if (strcmp(send->table->name, "object") != 0 || !hpt_object_is_small(size))
        return true;
    bool ok = hpt_digest_parse(hex, &digest);
    g_assert(ok);
    g_autofree char *path = hpt_bundle_object_path(&digest);
    const HptGateEntry *entry = hpt_gate_find(send->import->gate, path);
    char bytes[HPT_OBJECT_INLINE_MAX];
    if (entry == NULL || entry->id.size != size) {
        g_set_error(error, HPT_ERROR, HPT_ERROR_INTEGRITY, "object sha256:%s is missing", hex);
        return false;
    }
    if (!hpt_gate_read(send->import->gate, entry, 0, bytes, (size_t)size, error))
        return false;
    g_string_truncate(wire, wire->len - 1); /* the brace */
    g_string_append(wire, ",\"bytes\":\"");
    for (int64_t i = 0; i < size; i++)
        g_string_append_printf(wire, "%02x", (unsigned char)bytes[i]);
    g_string_append(wire, "\"}");
    return true;
}

static bool send_line(const char *line, size_t length, void *user, GError **error)
{
    Send *send = user;
    g_autoptr(json_t) row = hpt_table_read(send->table, line, length, error);
    if (row == NULL)
        return false;
    hpt_import_rename(send->import, send->table, row);
    if (!wants_row(send, row))
        return true;
    g_string_append_c(send->rows, send->rows->len > 0 ? ',' : '[');
    hpt_table_to_wire(send->table, row, send->rows);
    return append_content(send, row, send->rows, error) &&
           (send->rows->len < BATCH_BYTES || flush(send, error));
}

static bool send_tables(Send *send, GError **error)
{
    for (size_t i = 0; i < hpt_tables_count(send->import->tables); i++) {
        send->table = hpt_tables_peek(send->import->tables, i);
        g_autofree char *path = g_strdup_printf("record/%s.jsonl", send->table->name);
        const HptGateEntry *entry = hpt_gate_find(send->import->gate, path);
        if (entry == NULL || strcmp(send->table->name, "study") == 0 ||
            strcmp(send->table->name, "definition") == 0)
            continue;
        if (!hpt_gate_lines(send->import->gate, entry, send_line, send, error) ||
            !flush(send, error))
            return false;
    }
    return true;
}

static bool send_all(Send *send, GError **error)
{
    const HptImport *import = send->import;
    for (guint i = 0; i < import->studies->len; i++) {
        const HptStudyPair *study = import->studies->pdata[i];
        if (hpt_study_pair_has_news(study) && !begin_study(send, study, error))
            return false;
    }
    return send_tables(send, error) && send_statement(send, HPT_SQL_IMPORT_END, NULL, error);
}

/* The error of the statement that failed first of its own accord: those after it in the transaction
 * were not run. */
static bool take_answers(HptDb *db, GError **error)
{
    bool ok = true;
    for (;;) {
        g_auto(HptReply) reply = {0};
        if (!hpt_db_next(db, &reply))
            return ok;
        if (reply.error != NULL && ok) {
            g_propagate_error(error, g_steal_pointer(&reply.error));
            ok = false;
        }
    }
}

bool hpt_import_send(const HptImport *import, GError **error)
{
    if (!put_objects(import, error))
        return false;
    HptDb *db = import->db;
    Send send = {.import = import, .rows = g_string_new(NULL)};
    hpt_db_set_timeout(db, 0); /* nothing is answered before the end */
    hpt_db_begin_group(db);
    bool ok = send_all(&send, error);
    g_string_free(send.rows, TRUE);
    if (!ok)
        return false; /* the group is not ended: with the connection it is gone */
    hpt_db_end_group(db);
    if (!hpt_db_drain(db, -1, error))
        return false;
    return take_answers(db, error);
}
