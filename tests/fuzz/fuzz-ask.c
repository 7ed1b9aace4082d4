/* Lines as hpt-ask --serve gets them: each answer is a line of JSON that is an object, and a second
 * session that hears the same says the same. */
#include "base/json.h"
#include "search/session.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_LINES = 60 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(HptSession) one = hpt_session_new("random"), two = hpt_session_new("random");
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", MOST_LINES);
    for (char **line = lines; *line != NULL; line++) {
        g_autofree char *said = hpt_session_answer(one, *line, strlen(*line));
        g_autofree char *again = hpt_session_answer(two, *line, strlen(*line));
        g_assert_cmpstr(said, ==, again);
        if (said == NULL)
            break;
        g_assert(strchr(said, '\n') == NULL);
        g_autoptr(json_t) object = hpt_json_parse(said, strlen(said), NULL);
        g_assert(json_is_object(object));
    }
    return 0;
}
