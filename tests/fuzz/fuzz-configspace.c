/* Any bytes as ConfigSpace's JSON. What is accepted can be written, and what is written is read
 * again; writing that once more gives the same bytes. */
#include "space/configspace.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static HptSpace *read_space(const char *text, size_t length, GPtrArray *losses)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HptSpaceBuilder) builder = hpt_space_builder_new();
    HptSpace *space = NULL;
    if (hpt_configspace_read(builder, "f", text, length, losses, &error)) {
        space = hpt_space_builder_end(builder, &error);
    }
    g_assert((space == NULL) == (error != NULL));
    g_assert(error == NULL || g_str_has_prefix(error->message, "f:"));
    return space;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) losses = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(HptSpace) space = read_space((const char *)data, size, losses);
    if (space == NULL) {
        return 0;
    }
    g_autofree char *text = hpt_configspace_write(space, losses);
    g_ptr_array_set_size(losses, 0);
    g_autoptr(HptSpace) again = read_space(text, strlen(text), losses);
    g_assert(again != NULL);
    g_assert(losses->len == 0);
    g_assert(hpt_space_size(again) == hpt_space_size(space));
    g_autofree char *second = hpt_configspace_write(again, losses);
    g_autoptr(HptSpace) third = read_space(second, strlen(second), losses);
    g_assert(third != NULL);
    g_assert(strcmp(hpt_space_get_canonical(again), hpt_space_get_canonical(third)) == 0);
    return 0;
}
