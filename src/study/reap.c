#include "study/reap.h"

#include "run/workdir.h"

HptArgs *hpt_reap_peers_args(int64_t study_id, const HptIdentity *identity)
{
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, study_id);
    hpt_args_text(args, identity->boot_id);
    hpt_args_text(args, identity->pid_namespace);
    return args;
}

HptArgs *hpt_reap_dead(int64_t study_id, const HptRows *peers, int lease_s, int max_lost)
{
    g_autoptr(GString) dead = g_string_new("{");
    for (size_t i = 0; i < hpt_rows_count(peers); i++) {
        const char *worker = hpt_rows_peek_text(peers, i, 0);
        if (hpt_process_lives(hpt_rows_int4(peers, i, 1), hpt_rows_int8(peers, i, 2)))
            continue;
        g_string_append_printf(dead, "%s%s", dead->len > 1 ? "," : "", worker);
        g_autofree char *marker = g_strdup_printf("HPT_WORKER=%s.", worker);
        hpt_child_kill_marked(marker, true);
    }
    g_string_append_c(dead, '}');
    HptArgs *args = hpt_args_new();
    hpt_args_int8(args, study_id);
    hpt_args_text(args, dead->str);
    hpt_args_int4(args, lease_s);
    hpt_args_int4(args, max_lost);
    return args;
}

void hpt_reap_clear(const HptSlotContext *context, int64_t number, int attempt)
{
    g_autofree char *directory = hpt_slot_directory(context, number, attempt);
    if (!g_file_test(directory, G_FILE_TEST_IS_DIR))
        return;
    g_autofree char *marker = g_strconcat("HPT_DIR=", directory, NULL);
    hpt_child_kill_marked(marker, false);
    g_autoptr(GError) ignored = NULL; /* best effort: it is in nobody's way */
    if (!hpt_workdir_remove(directory, &ignored))
        g_debug("%s", ignored->message);
}
