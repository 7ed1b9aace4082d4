/* Patches: their text, and that patch(1) makes the second file out of the first from them. */
#include "show/patch.h"

#include <stdio.h>
#include <string.h>

static char *patch_of(const char *path, const char *a, const char *b)
{
    GString *out = g_string_new(NULL);
    HptPatchFile x = {a, a != NULL ? strlen(a) : 0, 0644, false};
    HptPatchFile y = {b, b != NULL ? strlen(b) : 0, 0644, false};
    hpt_patch_append(out, path, &x, &y);
    return g_string_free(out, FALSE);
}

static void test_forms(void)
{
    static const struct {
        const char *path, *a, *b, *patch;
    } cases[] = {
        {"f", "a\n", "a\n", ""},
        {"f", NULL, NULL, ""},
        {"f", "a\nb\nc\n", "a\nB\nc\n",
         "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
        {"f", NULL, "a\n",
         "diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n"},
        {"f", "a\nb\n", NULL,
         "diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n@@ -1,2 +0,0 "
         "@@\n-a\n-b\n"},
        {"f", NULL, "", "diff --git a/f b/f\nnew file mode 100644\n"},
        {"f", "a", "a\n",
         "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of "
         "file\n+a\n"},
        {"a b", "", "x\n", "diff --git a/a b b/a b\n--- a/a b\t\n+++ b/a b\t\n@@ -0,0 +1 @@\n+x\n"},
        {"q\"\t\xff", "", "x\n",
         "diff --git \"a/q\\\"\\t\\377\" \"b/q\\\"\\t\\377\"\n--- \"a/q\\\"\\t\\377\"\n"
         "+++ \"b/q\\\"\\t\\377\"\n@@ -0,0 +1 @@\n+x\n"},
        {"f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n5\n6\n7\n8\n9\n",
         "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+x\n 5\n 6\n 7\n"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *patch = patch_of(cases[i].path, cases[i].a, cases[i].b);
        g_assert_cmpstr(patch, ==, cases[i].patch);
    }
}

static void test_kinds(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    HptPatchFile plain = {"a\n", 2, 0640, false}, program = {"a\n", 2, 0755, false};
    g_assert_cmpint(hpt_patch_append(out, "f", &plain, &program), ==, HPT_PATCH_TEXT);
    g_assert_cmpstr(out->str, ==, "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n");
    g_string_truncate(out, 0);
    HptPatchFile binary = {"a\0b", 3, 0644, false};
    g_assert_cmpint(hpt_patch_append(out, "f", &plain, &binary), ==, HPT_PATCH_BINARY);
    g_assert_cmpstr(out->str, ==, "diff --git a/f b/f\nBinary files a/f and b/f differ\n");
    g_string_truncate(out, 0);
    HptPatchFile link = {"to", 2, 0777, true};
    g_assert_cmpint(hpt_patch_append(out, "f", &plain, &link), ==, HPT_PATCH_TEXT);
    g_assert_cmpstr(out->str, ==,
                    "diff --git a/f b/f\ndeleted file mode 100644\n--- a/f\n+++ /dev/null\n"
                    "@@ -1 +0,0 @@\n-a\n"
                    "diff --git a/f b/f\nnew file mode 120000\n--- /dev/null\n+++ b/f\n"
                    "@@ -0,0 +1 @@\n+to\n\\ No newline at end of file\n");
    HptPatchFile same = {"a\n", 2, 0600, false};
    g_assert_cmpint(hpt_patch_append(out, "f", &plain, &same), ==, HPT_PATCH_SAME);
}

/* ---- round trips ---- */

/* Lines of few letters, so that many are alike; sometimes without a newline at the end. */
static GString *random_text(GRand *rand, int lines)
{
    GString *text = g_string_new(NULL);
    for (int i = 0; i < lines; i++)
        g_string_append_printf(text, "%.*s\n", g_rand_int_range(rand, 0, 3),
                               &"ab"[g_rand_int_range(rand, 0, 2)]);
    if (text->len > 0 && g_rand_int_range(rand, 0, 4) == 0)
        g_string_truncate(text, text->len - 1);
    return text;
}

/* Some lines gone, some put in. */
static GString *edited(GRand *rand, const GString *text)
{
    g_auto(GStrv) lines = g_strsplit(text->str, "\n", -1);
    GString *out = g_string_new(NULL);
    for (char **line = lines; *line != NULL; line++) {
        if (g_rand_int_range(rand, 0, 10) == 0)
            g_string_append(out, "new\n");
        if (g_rand_int_range(rand, 0, 10) != 0)
            g_string_append_printf(out, "%s%s", *line, line[1] != NULL ? "\n" : "");
    }
    return out;
}

/* Applies a patch to a file, without patch(1): what hunks say is checked against what is there. */
static char *apply(const char *a, const char *patch)
{
    GString *out = g_string_new(NULL);
    const char *at = a, *hunk = strstr(patch, "@@ ");
    size_t line = 1;
    while (hunk != NULL && *hunk == '@') {
        size_t begin = 0, length = 1;
        g_assert_cmpint(sscanf(hunk, "@@ -%zu,%zu", &begin, &length), >=, 1);
        begin += length == 0;
        for (; line < begin; line++) {
            const char *end = strchr(at, '\n');
            g_assert_nonnull(end);
            g_string_append_len(out, at, end + 1 - at);
            at = end + 1;
        }
        hunk = strchr(hunk, '\n') + 1;
        while (*hunk == ' ' || *hunk == '-' || *hunk == '+') {
            const char *end = strchr(hunk, '\n');
            bool open = g_str_has_prefix(end + 1, "\\ No newline");
            size_t n = (size_t)(end - hunk) - (open ? 1 : 0);
            if (*hunk != '+') {
                g_assert_cmpint(strncmp(at, hunk + 1, n), ==, 0);
                at += n;
                line++;
            }
            if (*hunk != '-')
                g_string_append_len(out, hunk + 1, (gssize)n);
            hunk = open ? strchr(end + 1, '\n') + 1 : end + 1;
        }
    }
    g_string_append(out, at);
    return g_string_free(out, FALSE);
}

static void test_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    for (int i = 0; i < 3000; i++) {
        g_autoptr(GString) a = random_text(rand, g_rand_int_range(rand, 0, 40));
        g_autoptr(GString) b =
            i % 2 ? edited(rand, a) : random_text(rand, g_rand_int_range(rand, 0, 40));
        g_autofree char *patch = patch_of("f", a->str, b->str);
        g_autofree char *made = apply(a->str, patch);
        g_assert_cmpstr(made, ==, b->str);
    }
}

/* More edits than are looked for: replaced as a whole. */
static void test_large(void)
{
    g_autoptr(GString) a = g_string_new("first\n"), b = g_string_new("first\n");
    for (int i = 0; i < 3000; i++) {
        g_string_append_printf(a, "a%d\n", i);
        g_string_append_printf(b, "b%d\n", i);
    }
    g_string_append(a, "last\n");
    g_string_append(b, "last\n");
    g_autofree char *patch = patch_of("f", a->str, b->str);
    g_assert_nonnull(strstr(patch, "\n@@ -1,3002 +1,3002 @@\n first\n-a0\n"));
    g_autofree char *made = apply(a->str, patch);
    g_assert_cmpstr(made, ==, b->str);
}

/* The shortest: one line in a thousand. */
static void test_short(void)
{
    g_autoptr(GString) a = g_string_new(NULL), b = g_string_new(NULL);
    for (int i = 0; i < 1000; i++) {
        g_string_append_printf(a, "%d\n", i);
        if (i != 500)
            g_string_append_printf(b, "%d\n", i == 20 ? -1 : i);
    }
    g_autofree char *patch = patch_of("f", a->str, b->str);
    g_assert_cmpstr(strstr(patch, "@@"), ==,
                    "@@ -18,7 +18,7 @@\n 17\n 18\n 19\n-20\n+-1\n 21\n 22\n 23\n"
                    "@@ -498,7 +498,6 @@\n 497\n 498\n 499\n-500\n 501\n 502\n 503\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/patch/forms", test_forms);
    g_test_add_func("/patch/kinds", test_kinds);
    g_test_add_func("/patch/random", test_random);
    g_test_add_func("/patch/large", test_large);
    g_test_add_func("/patch/short", test_short);
    return g_test_run();
}
