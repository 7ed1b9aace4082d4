/* SHA-256, its text, and random identifiers. */
#include "base/digest.h"

#include <string.h>

static void assert_same(const HptDigest *a, const HptDigest *b)
{
    g_assert_true(memcmp(a->bytes, b->bytes, HPT_DIGEST_SIZE) == 0);
}

/* FIPS 180-4 examples: "abc", the empty message, and the 56-byte one. */
static void test_known(void)
{
    static const struct {
        const char *text, *hex;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[HPT_DIGEST_HEX_SIZE];
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        HptDigest digest = hpt_digest(cases[i].text, strlen(cases[i].text));
        g_assert_cmpstr(hpt_digest_hex(&digest, hex), ==, cases[i].hex);
    }
}

static void test_stream(void)
{
    g_autoptr(HptDigester) digester = hpt_digester_new();
    HptDigest empty = hpt_digest("", 0), got = hpt_digester_get(digester);
    assert_same(&got, &empty);
    hpt_digester_add(digester, "a", 1);
    HptDigest one = hpt_digest("a", 1);
    got = hpt_digester_get(digester);
    assert_same(&got, &one);
    hpt_digester_add(digester, "bc", 2); /* asking in between changed nothing */
    HptDigest three = hpt_digest("abc", 3);
    for (int i = 0; i < 2; i++) {
        got = hpt_digester_get(digester);
        assert_same(&got, &three);
    }
}

static void test_text(void)
{
    HptDigest digest = hpt_digest("abc", 3), back = {{0}}, before;
    char hex[HPT_DIGEST_HEX_SIZE];
    g_assert_true(hpt_digest_parse(hpt_digest_hex(&digest, hex), &back));
    assert_same(&back, &digest);
    before = back;
    g_assert_false(hpt_digest_parse("", &back));
    hex[63] = 'g';
    g_assert_false(hpt_digest_parse(hex, &back));
    hex[63] = 'D';
    g_assert_false(hpt_digest_parse(hex, &back));
    hex[63] = '\0';
    g_assert_false(hpt_digest_parse(hex, &back));
    assert_same(&back, &before);
}

static void test_uuid(void)
{
    g_autofree char *a = hpt_uuid_new();
    g_autofree char *b = hpt_uuid_new();
    g_assert_cmpuint(strlen(a), ==, 36);
    for (size_t i = 0; i < 36; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23)
            g_assert_true(a[i] == '-');
        else
            g_assert_true(g_ascii_isxdigit(a[i]) && !g_ascii_isupper(a[i]));
    g_assert_true(a[14] == '4');
    g_assert_nonnull(strchr("89ab", a[19]));
    g_assert_cmpstr(a, !=, b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/digest/known", test_known);
    g_test_add_func("/digest/stream", test_stream);
    g_test_add_func("/digest/text", test_text);
    g_test_add_func("/digest/uuid", test_uuid);
    return g_test_run();
}
