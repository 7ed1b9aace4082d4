/* What is seen as a secret and what is not. Tokens are made here, so that no scanner finds one in
 * the tree. */
#include "record/secret.h"

#include <string.h>
#include <unistd.h>

/* "A16" becomes 16 upper letters and digits, "x" hexadecimal, "w" letters and digits, "-" those of
 * tokens; other characters stand for themselves behind "=". */
static char *make(const char *pattern, GRand *random)
{
    static const struct {
        char name;
        const char *set;
    } sets[] = {
        {'A', "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
        {'x', "0123456789abcdef"},
        {'w', "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"},
    };
    GString *out = g_string_new(NULL);
    g_auto(GStrv) parts = g_strsplit(pattern, "|", -1);
    for (char **part = parts; *part != NULL; part++) {
        if ((*part)[0] == '=') {
            g_string_append(out, *part + 1);
            continue;
        }
        for (size_t s = 0; s < G_N_ELEMENTS(sets); s++)
            for (int n = sets[s].name == (*part)[0] ? atoi(*part + 1) : 0; n > 0; n--)
                g_string_append_c(
                    out, sets[s].set[g_rand_int_range(random, 0, (gint32)strlen(sets[s].set))]);
    }
    return g_string_free(out, FALSE);
}

/* Issuers' forms; what stands before the secret part is in the first piece. */
static const char *const forms[] = {
    "=AGE-SECRET-KEY-1|A58",
    "=AKIA|A16",
    "=ASIA|A16",
    "=AccountKey=|w86|===",
    "=dapi|x32",
    "=dop_v1_|x64",
    "=dckr_pat_|w27",
    "=dp.pt.|w43",
    "=figd_|w40",
    "=ghp_|w36",
    "=gho_|w36",
    "=ghs_|w36",
    "=github_pat_|w22|=_|w59",
    "=glpat-|w20",
    "=AIza|w35",
    "=ya29.|w60",
    "=GOCSPX-|w28",
    "=glsa_|w32|=_|x8",
    "=gsk_|w52",
    "=hf_|w34",
    "=eyJ|w20|=.eyJ|w30|=.|w43|=aA0",
    "=lin_api_|w40",
    "=key-|x32",
    "=NRAK-|A27",
    "=ntn_|w43",
    "=npm_|w36",
    "=pplx-|w48",
    "=PMAK-|x24|=-|x34",
    "=pul-|x40",
    "=pypi-AgE|w80",
    "=r8_|w37",
    "=SG.|w22|=.|w43",
    "=sntryu_|x64",
    "=shpat_|x32",
    "=xoxb-|x12|=-|w24",
    "=hooks.slack.com/services/|A9|=/|A11|=/|w24",
    "=sq0atp-|w22",
    "=sk_live_|w24",
    "=tskey-|w12|=-|w20",
    "=SK|x32",
    "=hvs.|w24",
    "=xai-|w80",
    "=sk-|w48|=aA0",
    "=sk-ant-|w40|=aA0",
    "=ABIA|A16",
    "=discord.com/api/webhooks/123456789012345678/|w68",
    "=discordapp.com/api/webhooks/123456789012345678/|w68",
    "=APA91b|w134",
    "=glcbt-|w20",
    "=glft-|w20",
    "=glptt-|x40",
    "=dt0c01.|A24|=.|A64",
    "=pscale_tkn_|w43",
    "=sbp_|x40",
    "=x.atlasv1.|w64",
    "=rubygems_|x48",
    "=CLOJARS_|x60",
    "=nvapi-|w64",
    "=xoxr-|w24",
    "=xoxe-1-|w120",
    "=rk_test_|w24",
    "=1234567890:AA|w33",
    "=Bearer |w40|=aA0",
};

static const char *const around[][2] = {
    {"", ""},    {"token is ", " ok"}, {"\"", "\","},  {"api_token=", "\n"},
    {"x:", ";"}, {"(", ")"},           {"\n", "\r\n"},
};

static void test_forms(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    int planted = 0;
    for (size_t f = 0; f < G_N_ELEMENTS(forms); f++)
        for (size_t a = 0; a < G_N_ELEMENTS(around); a++, planted++) {
            g_autofree char *token = make(forms[f], random);
            g_autofree char *text = g_strconcat(around[a][0], token, around[a][1], NULL);
            g_autofree char *cut = hpt_secret_cut(text);
            const char *secret = token + strcspn(forms[f] + 1, "|");
            HptSecret found;
            g_test_message("%s", text);
            g_assert_true(hpt_secret_find(text, strlen(text), 0, &found));
            g_assert_true(found.certain);
            g_assert_null(strstr(cut, secret));
            g_assert_nonnull(strstr(cut, "[cut]"));
            size_t length = strlen(text);
            g_assert_cmpuint(hpt_secret_mask(text, length, NULL), >=, 1);
            g_assert_cmpuint(strlen(text), ==, length);
            g_assert_null(strstr(text, secret));
            g_assert_cmpuint(hpt_secret_mask(text, length, NULL), ==, 0);
        }
    g_assert_cmpint(planted, >=, 300);
}

static void test_texts(void)
{
    static const struct {
        const char *in, *out; /* NULL: as it was */
    } cases[] = {
        {"postgres://u:p@h/db", "postgres://[cut]@h/db"},
        {"https://token@github.com/x", "https://[cut]@github.com/x"},
        {"--url=http://a:b@c@d/e?f=g@h", "--url=http://[cut]@d/e?f=g@h"},
        {"x://a@b y://c:d@e", "x://[cut]@b y://[cut]@e"},
        {"http://host/path@x", NULL},
        {"mail me@x", NULL},
        {"://a@b", NULL},
        {"http://[cut]@h", NULL},
        {"", NULL},
        {"WANDB_API_KEY=0a1b2c3d4e5f", "WANDB_API_KEY=[cut]"},
        {"export DB_PASSWORD='hunter2hunter2'", "export DB_PASSWORD='[cut]'"},
        {"{\"client_secret\": \"a1b2c3d4e5\"}", "{\"client_secret\": \"[cut]\"}"},
        {"password: s3cr3t-w0rd # yaml", "password: [cut] # yaml"},
        {"apiKey = abcdef123456", "apiKey = [cut]"},
        {"Authorization: Bearer abc123def456", "Authorization: Bearer [cut]"},
        {"authorization: Basic dXNlcjpwYXNzMTIz", "authorization: Basic [cut]"},
        {"Cookie: a=b1; sessionid=z7a46t92gb\r\nx", "Cookie: [cut]\r\nx"},
        {"https://h/c?sv=2022&sig=6snRoUYA4fXr6nzrv%3D&se=1", "https://h/c?sv=2022&sig=[cut]&se=1"},
        {"https://h/?X-Amz-Signature=66a02402f6d2c624", "https://h/?X-Amz-Signature=[cut]"},
        {"https://h/api?key=Gx93JxiQskS14qbd", "https://h/api?key=[cut]"},
        {"MYSQL_PWD=oCXim9oghdhe DB_PASS=8PfxgVbDOHmx", "MYSQL_PWD=[cut] DB_PASS=[cut]"},
        {"Uid=u;Pwd=4Ixb9vmhzMpt;", "Uid=u;Pwd=[cut];"},
        {"ENCRYPTION_KEY=gpgeA1YI signing-key: gpgeA1YI", "ENCRYPTION_KEY=[cut] signing-key: [cut]"},
        {"{\\\"api_key\\\": \\\"cvY8fJce\\\"}", "{\\\"api_key\\\": \\\"[cut]\\\"}"},
        {"{'token': u'5mYoeR3kt8'}", "{'token': u'[cut]'}"},
        {":token => 'm9kBwmEP7D'", ":token => '[cut]'"},
        {"<password>X8V1rUyEf</password>", "<password>[cut]</password>"},
        {"+ curl -sS -u me:abc12345 https://h/x", "+ curl -sS -u me:[cut] https://h/x"},
        {"/usr/bin/curl -fsu 'me:abc 12345' h", "/usr/bin/curl -fsu 'me:[cut]' h"},
        {"curl \\\n-u me:abc12345", "curl \\\n-u me:[cut]"},
        {"curl -ume:abc12345 h && curl -X POST --user=you:xyz98765", "curl -ume:[cut] h && curl -X POST --user=you:[cut]"},
        {"$ curl https://h/api \\\n    --user \"me:abc12345\"; ls", "$ curl https://h/api \\\n    --user \"me:[cut]\"; ls"},
        {"['curl', '-u', 'me:abc12345', 'h']", "['curl', '-u', 'me:[cut]', 'h']"},
        {"curl -x proxy:3128a --proxy-user me:abc12345 -U me:abc12345", "curl -x proxy:3128a --proxy-user me:[cut] -U me:[cut]"},
        /* No secrets. */
        {"docker run -u app:group123 image", NULL},
        {"rsync -u host1:dir/file2.txt .", NULL},
        {"curl -o x https://h\nsort -u me:abc12345", NULL},
        {"curl -u me:$PASS1word -u you:{password1} -u he:****1234", NULL},
        {"curl -v me:abc12345 -u https://h/abc12345", NULL},
        {"libcurl -u me:abc12345", NULL},
        {"curl -u me h:abc12345", NULL},
        {"num_memory_tokens=4096", NULL},
        {"forward_pass: 123.45ms", NULL},
        {"PASS: tests/unit/name1.t", NULL},
        {"PWD=/srv/a/project1", NULL},
        {"https://h/?key=mnist_v2", NULL},
        {"bypass=abcdefg1", NULL},
        {"a<b1>c234567890", NULL},
        {"score=>abcdefg1", NULL},
        {"12:30:45 12345678:AAcd", NULL},
        {"cookie_size=abcdefg1", NULL},
        {"num_memory_tokens: 1e-3abc", NULL},
        {"tokens=123456789", NULL},
        {"max_token=123456789", NULL},
        {"token: 12345678", NULL},
        {"token=-1.25e-10", NULL},
        {"pad_token: <pad>", NULL},
        {"password=$PASSWORD1", NULL},
        {"--token={hpt.seed}a1", NULL},
        {"password_file=/etc/secret1", NULL},
        {"password=/etc/secret1", NULL},
        {"the secret: nobody knows", NULL},
        {"broken_1=abcdefg1", NULL},
        {"sk-learn-baseline-run-of-november-2026", NULL},
        {"hf_hub", NULL},
        {"disk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaA1", NULL},
        {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", NULL},
        {"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
         "-----BEGIN PRIVATE KEY-----[cut]-----END PRIVATE KEY-----"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb", "-----BEGIN OPENSSH PRIVATE KEY-----[cut]"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *out = hpt_secret_cut(cases[i].in);
        g_assert_cmpstr(out, ==, cases[i].out == NULL ? cases[i].in : cases[i].out);
    }
}

static void test_argv(void)
{
    static const char *const argv[] = {"./train",      "--password",         "abc12345",
                                       "--token-size", "abc12345",           "--api-key",
                                       "{key}",        "--url=http://u:p@h", NULL};
    const char *kind = NULL;
    g_auto(GStrv) cut = hpt_secret_cut_argv(argv);
    g_autofree char *joined = g_strjoinv(" ", cut);
    g_assert_cmpstr(
        joined, ==,
        "./train --password [cut] --token-size abc12345 --api-key {key} --url=http://[cut]@h");
    g_assert_cmpint(hpt_secret_in_argv(argv, &kind), ==, 2);
    g_assert_cmpint(hpt_secret_in_argv(argv + 3, &kind), ==, 4);
    g_assert_cmpstr(kind, ==, "password in a URL");
    g_assert_cmpint(hpt_secret_in_argv(argv + 8, &kind), ==, -1);
    static const char *const login[] = {"curl", "-u", "me:abc12345", "-u", "http://h:8080a1/", "-u", "x:y", NULL};
    g_auto(GStrv) shown = hpt_secret_cut_argv(login);
    g_autofree char *line = g_strjoinv(" ", shown);
    g_assert_cmpstr(line, ==, "curl -u [cut] -u http://h:8080a1/ -u x:y");
}

/* Names that are enough for a file not to be kept, and those that are not. */
static void test_certain(void)
{
    static const struct {
        const char *text;
        bool certain;
    } cases[] = {
        {"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz+1aA0abc", true},
        {"{\"access_token\": \"Zx81mQ0pLr5TtVw3Yb7N\"}", true},
        {"DD_API_KEY=0a1b2c3d4e5f60718293a4b5c6d7e8f9", true},
        {"api_key: my-key-for-tests-1", false},
        {"{\"pad_token\": \"Zx81mQ0pLr5TtVw3Yb7N\"}", false},
        {"password = \"correct-h0rse\"", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        HptSecret found;
        g_test_message("%s", cases[i].text);
        g_assert_true(hpt_secret_find(cases[i].text, strlen(cases[i].text), 0, &found));
        g_assert_cmpint(found.certain, ==, cases[i].certain);
        g_assert_cmpint(hpt_secret_in_file("x.txt", cases[i].text, strlen(cases[i].text), &found), ==, cases[i].certain);
    }
}

/* A token, a named value and a private key at every place around the seams of what is read at once.
 */
static void test_file(void)
{
    enum { SIZE = 200000 };
    g_autoptr(GRand) random = g_rand_new_with_seed(8);
    g_autofree char *token = make("=ghp_|w36", random);
    g_autofree char *key = make("w4000", random);
    g_autofree char *pem = g_strconcat("-----BEGIN RSA PRIVATE KEY-----\n", key,
                                       "\n-----END RSA PRIVATE KEY-----", NULL);
    g_autofree char *named = g_strdup("password = \"correct-h0rse\"");
    const struct {
        const char *text, *secret;
    } plants[] = {{token, token + 4}, {named, "correct-h0rse"}, {pem, key}};
    g_autofree char *name = NULL;
    int fd = g_file_open_tmp("hpt-secret-XXXXXX", &name, NULL);
    g_assert_cmpint(fd, >=, 0);
    unlink(name);
    g_autofree char *text = g_malloc(SIZE + 1);
    for (size_t p = 0; p < G_N_ELEMENTS(plants); p++)
        for (size_t at = 65536 - 4300; at < 65536 + 100; at += p == 2 ? 97 : 13) {
            g_autoptr(GError) error = NULL;
            size_t n = 0;
            const char *kind = NULL;
            memset(text, ' ', SIZE);
            memcpy(text + at, plants[p].text, strlen(plants[p].text));
            g_assert_cmpint(pwrite(fd, text, SIZE, 0), ==, SIZE);
            g_assert_true(hpt_secret_mask_fd(fd, SIZE, &n, &kind, &error));
            g_assert_no_error(error);
            g_assert_cmpuint(n, ==, 1);
            g_assert_cmpint(pread(fd, text, SIZE, 0), ==, SIZE);
            g_assert_null(memmem(text, SIZE, plants[p].secret, strlen(plants[p].secret)));
            g_assert_cmpint(text[at + strlen(plants[p].text)], ==, ' '); /* and no more than that */
            if (p == 2) /* the last line of the key is found again */
                g_assert_nonnull(memmem(text, SIZE, "-----END RSA", 12));
        }
    /* A key that is longer than what is read at once. */
    memset(text, 'k', SIZE);
    memcpy(text + 10, "-----BEGIN PRIVATE KEY-----", 27);
    memcpy(text + 190000, "-----END PRIVATE KEY-----", 25);
    memset(text + 190025, ' ', SIZE - 190025);
    g_assert_cmpint(pwrite(fd, text, SIZE, 0), ==, SIZE);
    size_t n = 0;
    g_assert_true(hpt_secret_mask_fd(fd, SIZE, &n, NULL, NULL));
    g_assert_cmpint(pread(fd, text, SIZE, 0), ==, SIZE);
    text[SIZE] = '\0';
    g_assert_cmpuint(strspn(text + 37, "*"), ==, 190000 - 37);
    g_assert_true(strncmp(text + 190000, "-----END PRIVATE KEY----- ", 26) == 0);
    /* A value that is longer than what is looked at twice. */
    enum { VALUE = 9000 };
    for (size_t at = 65536 - 2 * VALUE; at < 65536 + 100; at += 997) {
        memset(text, ' ', SIZE);
        memset(text + at, 'k', VALUE);
        memcpy(text + at, "token=1", 7);
        g_assert_cmpint(pwrite(fd, text, SIZE, 0), ==, SIZE);
        g_assert_true(hpt_secret_mask_fd(fd, SIZE, &n, NULL, NULL));
        g_assert_cmpuint(n, ==, 1);
        g_assert_cmpint(pread(fd, text, SIZE, 0), ==, SIZE);
        g_assert_cmpuint(strspn(text + at + 6, "*"), ==, VALUE - 6);
    }
    /* Values that are longer than what is read at once, and another one behind them. */
    static const struct {
        const char *begin, *end;
    } values[] = {{"token=1", " "}, {"x ghp_", ";"}, {"{\"api_key\": \"1 ", "\"}"}, {"Cookie: 1 ", "\n"}, {"Bearer aA1", ","}};
    for (size_t v = 0; v < G_N_ELEMENTS(values); v++)
        for (size_t at = 0; at < 180000 - 131000; at += 9973) {
            const char *next = "password=abc12345 ";
            size_t begin = strlen(values[v].begin), end = at + 131000 + v;
            memset(text, ' ', SIZE);
            memset(text + at, 'q', end - at);
            memcpy(text + at, values[v].begin, begin);
            memcpy(text + end, values[v].end, strlen(values[v].end));
            memcpy(text + end + strlen(values[v].end), next, strlen(next));
            g_assert_cmpint(pwrite(fd, text, SIZE, 0), ==, SIZE);
            g_assert_true(hpt_secret_mask_fd(fd, SIZE, &n, NULL, NULL));
            g_assert_cmpint(pread(fd, text, SIZE, 0), ==, SIZE);
            g_test_message("%s at %zu", values[v].begin, at);
            g_assert_null(memchr(text, 'q', SIZE));
            g_assert_cmpuint(n, ==, 2);
            g_assert_true(strncmp(text + end, values[v].end, strlen(values[v].end)) == 0);
            g_assert_true(strncmp(text + end + strlen(values[v].end), "password=******** ", strlen(next)) == 0);
        }
    close(fd);
}

/* What is none, again and again: as long as the text, not as long as its square. */
static void test_repeated(void)
{
    enum { SIZE = 1 << 20 };
    static const char *const bits[] = {"sk-", "eyJ.", "token=", "token:x", "://a", "x://a@", "AKIA_", "<token>", "12345678:AA",
                                       "cookie:", " -u a:b1c2d3e4", "--user ", "curl -u ", "-uuuuu"};
    g_autofree char *text = g_malloc(SIZE);
    for (size_t b = 0; b < G_N_ELEMENTS(bits); b++) {
        size_t n = strlen(bits[b]);
        for (size_t i = 0; i < SIZE; i++)
            text[i] = bits[b][i % n];
        gint64 begun = g_get_monotonic_time();
        size_t found = hpt_secret_mask(text, SIZE, NULL);
        g_test_message("%s: %zu in %" G_GINT64_FORMAT " us", bits[b], found,
                       g_get_monotonic_time() - begun);
        g_assert_cmpuint(found, ==, b == 5 ? (SIZE + 1) / n : 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/secret/forms", test_forms);
    g_test_add_func("/secret/texts", test_texts);
    g_test_add_func("/secret/repeated", test_repeated);
    g_test_add_func("/secret/argv", test_argv);
    g_test_add_func("/secret/certain", test_certain);
    g_test_add_func("/secret/file", test_file);
    return g_test_run();
}
