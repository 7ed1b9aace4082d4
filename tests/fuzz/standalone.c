/* Main of a fuzz target that is built without libFuzzer: runs it over every file of the folders and
 * files given, in the order of their names, and prints TAP. With libFuzzer this file is empty. */
#ifndef HPT_LIBFUZZER

#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

static void add_path(GPtrArray *files, const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    if (dir == NULL) {
        g_ptr_array_add(files, g_strdup(path));
        return;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++)
        g_ptr_array_add(files, g_build_filename(path, names->pdata[i], NULL));
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    for (int i = 1; i < argc; i++)
        add_path(files, argv[i]);
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *text = NULL;
        gsize length = 0;
        if (!g_file_get_contents(files->pdata[i], &text, &length, NULL)) {
            printf("Bail out! cannot read %s\n", (char *)files->pdata[i]);
            return EXIT_FAILURE;
        }
        /* An exact copy, so that a sanitizer sees a read of the byte behind the end. */
        g_autofree uint8_t *exact = length > 0 ? g_memdup2(text, length) : NULL;
        LLVMFuzzerTestOneInput(exact, length);
        g_autofree char *base = g_path_get_basename(files->pdata[i]);
        printf("ok %u - %s\n", i + 1, base);
        fflush(stdout);
    }
    printf("1..%u\n", files->len);
    return EXIT_SUCCESS;
}

#endif
