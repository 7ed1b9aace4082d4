/* Sessions: what comes of lines, and that only lines matter. */
#include "search/session.h"

#include <string.h>

static char *answer(HptSession *session, const char *line)
{
    return hpt_session_answer(session, line, strlen(line));
}

static void check(HptSession *session, const char *line, const char *expected)
{
    g_autofree char *said = answer(session, line);
    g_assert_cmpstr(said, ==, expected);
}

static void check_error(HptSession *session, const char *line, const char *part)
{
    g_autofree char *said = answer(session, line);
    g_assert_true(g_str_has_prefix(said, "{\"error\":\""));
    g_assert_nonnull(strstr(said, part));
}

#define INIT "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"sampler\":\"grid\"}"

static void test_lines(void)
{
    g_autoptr(HptSession) session = hpt_session_new("random");
    check(session, INIT, "{\"ok\":true}");
    check(session, "{\"op\":\"ask\"}", "{\"config\":{\"n\":1},\"id\":1}");
    check(session, "{\"op\":\"ask\",\"other\":[{}]}", "{\"config\":{\"n\":2},\"id\":2}");
    check(session, "{\"op\":\"tell\",\"id\":2,\"values\":[0.5]}", "{\"ok\":true}");
    check(session, "{\"op\":\"tell\",\"id\":1,\"values\":null}", "{\"ok\":true}");
    check(session, "{\"op\":\"best\"}", "{\"id\":2}");
    check(session, "{\"op\":\"ask\"}", "{\"config\":{\"n\":3},\"id\":3}");
    check_error(session, "{\"op\":\"ask\"}", "3");
    check_error(session, "{\"op\":\"tell\",\"id\":3,\"values\":[1,2]}", "1 number\"");
    check_error(session, "{\"op\":\"tell\",\"id\":3,\"values\":[true]}", "1 number\"");
    check_error(session, "{\"op\":\"tell\",\"id\":3}", "1 number\"");
    check_error(session, "{\"op\":\"tell\",\"id\":0,\"values\":[1]}", "no trial 0");
    check_error(session, "{\"op\":\"tell\",\"id\":\"3\",\"values\":[1]}", "whole number");
    check_error(session, "{\"op\":\"tell\",\"id\":2,\"values\":[1]}", "already");
    check_error(session, "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"objectives\":[]}", "objectives");
    check_error(session, "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"objectives\":[1]}", "objectives");
    check_error(session, "{\"op\":\"init\",\"space\":\"n=1..3\"}", "array of statements");
    check_error(session, "{\"op\":\"init\",\"space\":[1]}", "array of statements");
    check_error(session, "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"seed\":-1}", "'seed'");
    check_error(session, "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"sampler\":\"gird\"}", "did you mean");
    check_error(session, "{\"op\":\"init\",\"space\":[\"n=1..3\"],\"sampler\":1}", "'sampler'");
    check_error(session, "{\"op\":1}", "'op'");
    check_error(session, "\xff", "error");
    /* None of these has changed anything. */
    check(session, "{\"op\":\"tell\",\"id\":3,\"values\":[0.25]}", "{\"ok\":true}");
    check(session, "{\"op\":\"best\"}", "{\"id\":3}");
    check(session, INIT, "{\"ok\":true}");
    check_error(session, "{\"op\":\"best\"}", "no trial");
    g_assert_null(answer(session, "{\"op\":\"quit\"}"));
}

/* The rest is proposed; what cannot be fixed is refused and changes nothing. */
static void test_fixed(void)
{
    g_autoptr(HptSession) session = hpt_session_new("random");
    check(session, INIT, "{\"ok\":true}");
    check(session, "{\"op\":\"ask\",\"fixed\":{\"n\":3}}", "{\"config\":{\"n\":3},\"id\":1}");
    check_error(session, "{\"op\":\"ask\",\"fixed\":{\"n\":4}}", "outside");
    check_error(session, "{\"op\":\"ask\",\"fixed\":{\"m\":1}}", "unknown parameter");
    check_error(session, "{\"op\":\"ask\",\"fixed\":3}", "'fixed'");
    check(session, "{\"op\":\"ask\"}", "{\"config\":{\"n\":2},\"id\":2}");
}

static void test_directions(void)
{
    g_autoptr(HptSession) session = hpt_session_new("random");
    check(session, "{\"op\":\"init\",\"space\":[\"x=0.0..1.0\"],\"objectives\":[\"max\",\"min\"]}",
          "{\"ok\":true}");
    for (int i = 0; i < 3; i++)
        g_free(answer(session, "{\"op\":\"ask\"}"));
    check(session, "{\"op\":\"tell\",\"id\":1,\"values\":[1,-7]}", "{\"ok\":true}");
    check(session, "{\"op\":\"tell\",\"id\":3,\"values\":[2,7]}", "{\"ok\":true}");
    check(session, "{\"op\":\"tell\",\"id\":2,\"values\":[2,0]}", "{\"ok\":true}");
    check(session, "{\"op\":\"best\"}", "{\"id\":2}"); /* equal: the one asked for first */
}

static void test_constraints(void)
{
    g_autoptr(HptSession) session = hpt_session_new("random");
    check(session,
          "{\"op\":\"init\",\"space\":[\"x=0.0..1.0\"],\"constraints\":[\"le=10\",\"ge=0.5\"]}",
          "{\"ok\":true}");
    for (int i = 0; i < 6; i++)
        g_free(answer(session, "{\"op\":\"ask\"}"));
    static const struct {
        const char *line, *best;
    } told[] = {
        {"{\"op\":\"tell\",\"id\":1,\"values\":[1]}", "{\"id\":1}"},
        {"{\"op\":\"tell\",\"id\":2,\"values\":[5],\"constraints\":[13,0.5]}", "{\"id\":2}"},
        {"{\"op\":\"tell\",\"id\":3,\"values\":[6],\"constraints\":[12,0.5]}", "{\"id\":3}"},
        {"{\"op\":\"tell\",\"id\":4,\"values\":[4],\"constraints\":[1,null]}", "{\"id\":3}"},
        {"{\"op\":\"tell\",\"id\":5,\"values\":[9],\"constraints\":[10,0.5]}", "{\"id\":5}"},
        {"{\"op\":\"tell\",\"id\":6,\"values\":[8],\"constraints\":[9,0.6]}", "{\"id\":6}"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
        check(session, told[i].line, "{\"ok\":true}");
        check(session, "{\"op\":\"best\"}", told[i].best);
    }
    g_free(answer(session, "{\"op\":\"ask\"}"));
    static const char *const bad[] = {"1", "[1]", "[1,2,3]", "[1,true]", "{}", "\"le=1\""};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *line =
            g_strdup_printf("{\"op\":\"tell\",\"id\":7,\"values\":[1],\"constraints\":%s}", bad[i]);
        check_error(session, line, "'constraints' must be null or an array of 2 numbers or null");
    }
    static const char *const bounds[] = {"2", "[2]", "[\"lt=2\"]", "[\"le=x\"]", "[\"le=inf\"]", "{}"};
    for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
        g_autofree char *line = g_strdup_printf(
            "{\"op\":\"init\",\"space\":[\"x=0.0..1.0\"],\"constraints\":%s}", bounds[i]);
        check_error(session, line, "'constraints' must be an array of texts");
    }
    check(session, "{\"op\":\"tell\",\"id\":7,\"values\":null,\"constraints\":null}", "{\"ok\":true}");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/session/lines", test_lines);
    g_test_add_func("/session/fixed", test_fixed);
    g_test_add_func("/session/directions", test_directions);
    g_test_add_func("/session/constraints", test_constraints);
    return g_test_run();
}
