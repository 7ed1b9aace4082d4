/* Foreign bytes: what is printable is valid UTF-8 on one line, cannot act on a terminal, and is left
 * alone the second time. A quoted word holds the word between its quotes. */
#include "base/text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *printable = hpt_text_printable((const char *)data, (gssize)size);
    g_assert_true(g_utf8_validate(printable, -1, NULL));
    for (const char *p = printable; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        g_assert_true(c >= 0x20 && !(c >= 0x7f && c < 0xa0));
        g_assert_true(!(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069));
    }
    g_autofree char *again = hpt_text_printable(printable, -1);
    g_assert_cmpstr(again, ==, printable);
    g_assert_cmpuint(hpt_text_width(printable), <=, 2 * strlen(printable));

    g_autofree char *word = g_strndup((const char *)data, size);
    g_autofree char *quoted = hpt_text_shell_quote(word);
    g_autofree char *unquoted = g_shell_unquote(quoted, NULL);
    g_assert_cmpstr(unquoted, ==, word);
    return 0;
}
