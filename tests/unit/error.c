/* Error codes, exit statuses and suggestions. */
#include "base/error.h"

#include <errno.h>

static void test_exit(void)
{
    static const struct {
        int code;
        HptExit status;
    } cases[] = {
        {HPT_ERROR_USAGE, HPT_EXIT_USAGE},
        {HPT_ERROR_DATA, HPT_EXIT_USAGE},
        {HPT_ERROR_NO_ROOM, HPT_EXIT_USAGE},
        {HPT_ERROR_NOT_FOUND, HPT_EXIT_NOT_FOUND},
        {HPT_ERROR_DB_CONNECT, HPT_EXIT_DATABASE},
        {HPT_ERROR_INTEGRITY, HPT_EXIT_INTEGRITY},
        {HPT_ERROR_EXHAUSTED, HPT_EXIT_NO},
        {HPT_ERROR_NO_COMMAND, HPT_EXIT_NO_COMMAND},
        {HPT_ERROR_NOT_EXECUTABLE, HPT_EXIT_NOT_EXECUTABLE},
        {HPT_ERROR_IO, HPT_EXIT_TOOL},
        {HPT_ERROR_DB, HPT_EXIT_TOOL},
        {HPT_ERROR_PERMISSION, HPT_EXIT_TOOL},
        {HPT_ERROR_UNSUPPORTED, HPT_EXIT_TOOL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = g_error_new(HPT_ERROR, cases[i].code, "x");
        g_assert_cmpint(hpt_error_exit(error), ==, cases[i].status);
    }
    g_autoptr(GError) option = g_error_new(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "x");
    g_assert_cmpint(hpt_error_exit(option), ==, HPT_EXIT_USAGE);
    g_autoptr(GError) other = g_error_new(G_FILE_ERROR, G_FILE_ERROR_IO, "x");
    g_assert_cmpint(hpt_error_exit(other), ==, HPT_EXIT_TOOL);
}

static void test_errno(void)
{
    g_autoptr(GError) error = NULL;
    hpt_error_set_errno(&error, ENOENT, "cannot read %s", "x.pcs");
    g_assert_error(error, HPT_ERROR, HPT_ERROR_IO);
    g_assert_cmpstr(error->message, ==, "cannot read x.pcs: No such file or directory");
    g_clear_error(&error);
    hpt_error_set_errno(&error, EACCES, "cannot read");
    g_assert_error(error, HPT_ERROR, HPT_ERROR_PERMISSION);
}

static void test_suggest(void)
{
    static const char *const names[] = {"kernel", "gamma", "degree", "C", NULL};
    g_assert_cmpstr(hpt_suggest("kernal", names), ==, "kernel");
    g_assert_cmpstr(hpt_suggest("gmama", names), ==, "gamma"); /* a transposition costs one */
    g_assert_cmpstr(hpt_suggest("degre", names), ==, "degree");
    g_assert_null(hpt_suggest("momentum", names));
    g_assert_null(hpt_suggest("D", names));
    g_assert_null(hpt_suggest("x", (const char *const[]){NULL}));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/exit", test_exit);
    g_test_add_func("/error/errno", test_errno);
    g_test_add_func("/error/suggest", test_suggest);
    return g_test_run();
}
