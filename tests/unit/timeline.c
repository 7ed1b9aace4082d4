/* Which server may be written to: one system, and never a lower timeline than was seen. */
#include "db/timeline.h"

#include <string.h>

typedef struct {
    HptTimeline highest, now;
    const char *refused; /* words of the refusal; NULL: taken */
    bool risen;
} Case;

static const Case cases[] = {
    {{"", 0}, {"71", 3}, NULL, false},
    {{"71", 3}, {"71", 3}, NULL, false},
    {{"71", 3}, {"71", 4}, NULL, true},
    {{"71", 3}, {"71", 2}, "it is on timeline 2, and timeline 3 was seen before", false},
    {{"71", 3}, {"72", 3}, "it is system 72, and this study was on system 71", false},
    {{"71", 3}, {"72", 9}, "it is system 72, and this study was on system 71", false},
    /* Where one of the two is not told, the timeline decides. */
    {{"", 3}, {"72", 4}, NULL, true},
    {{"71", 3}, {"", 2}, "it is on timeline 2", false},
};

static void test_advance(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HptTimeline highest = cases[i].highest;
        bool risen = false;
        bool taken = hpt_timeline_advance(&highest, &cases[i].now, "db.example", &risen, &error);
        const HptTimeline *after = taken ? &cases[i].now : &cases[i].highest;
        g_assert_cmpint(taken, ==, cases[i].refused == NULL);
        g_assert_cmpint(risen, ==, cases[i].risen);
        g_assert_cmpint(highest.timeline, ==, after->timeline);
        g_assert_cmpstr(highest.system, ==, after->system);
        g_assert_cmpint(hpt_timeline_is_refusal(error), ==, !taken);
        if (taken)
            continue;
        g_assert_error(error, HPT_ERROR, HPT_ERROR_DB_CONNECT);
        g_assert_nonnull(strstr(error->message, cases[i].refused));
        g_assert_nonnull(strstr(error->message, "db.example"));
    }
}

static void test_text(void)
{
    static const char *const wrong[] = {"",
                                        "71",
                                        "71 0",
                                        "71 x",
                                        "71 3 4",
                                        "71 -1",
                                        "71  3",
                                        "71 4294967296",
                                        "123456789012345678901234 1"};
    static const HptTimeline known[] = {{"7123456789012345678", 4294967295u}, {"", 1}};
    HptTimeline back;
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        g_autofree char *text = hpt_timeline_text(&known[i]);
        g_assert_true(hpt_timeline_parse(text, &back));
        g_assert_cmpstr(back.system, ==, known[i].system);
        g_assert_cmpuint(back.timeline, ==, known[i].timeline);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_false(hpt_timeline_parse(wrong[i], &back));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timeline/advance", test_advance);
    g_test_add_func("/timeline/text", test_text);
    return g_test_run();
}
