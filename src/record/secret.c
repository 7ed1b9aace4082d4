#include "record/secret.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PRIVATE_KEY "private key"
#define NAMED "value with a secret's name"

/* ---- classes of characters ---- */

enum {
    LOWER_HEX = 1, /* 0-9 a-f */
    LETTER = 2,
    DIGIT = 4,
    DASH = 8, /* - _ */
    DOT = 16,
    BASE64 = 32, /* + / = */
    UPPER = 64,
    WORD = LETTER | DIGIT,
    TOKEN = WORD | DASH,
};
static bool is_in(char c, int class)
{
    return ((class & LETTER) && g_ascii_isalpha(c)) || ((class & UPPER) && g_ascii_isupper(c)) ||
           ((class & DIGIT) && g_ascii_isdigit(c)) ||
           ((class & LOWER_HEX) && g_ascii_isxdigit(c) && !g_ascii_isupper(c)) ||
           ((class & DASH) && (c == '-' || c == '_')) || ((class & DOT) && c == '.') ||
           ((class & BASE64) && (c == '+' || c == '/' || c == '='));
}

/* ---- forms ---- */

/* The forms are those that the issuers publish, for scanners among others. */
typedef struct {
    const char *kind, *prefix;
    int class;
    uint16_t min, max; /* of characters behind the prefix; max 0: no end */
    bool mixed; /* has an upper and a lower letter and a digit, or it is a word like any other */
} Form;

/* What does not look like a secret within so many characters is none, however long it is: the time
 * is linear whatever a trial prints. */
enum { HEAD = 128 };

static const Form forms[] = {
    {"age secret key", "AGE-SECRET-KEY-1", UPPER | DIGIT, 50, 0, false},
    {"AWS access key", "ABIA", UPPER | DIGIT, 16, 16, false},
    {"AWS access key", "AKIA", UPPER | DIGIT, 16, 16, false},
    {"AWS access key", "ASIA", UPPER | DIGIT, 16, 16, false},
    {"Atlassian token", "ATATT3x", TOKEN | BASE64, 50, 0, false},
    {"Azure storage key", "AccountKey=", WORD | BASE64, 40, 0, false},
    {"Azure shared key", "SharedAccessKey=", WORD | BASE64, 30, 0, false},
    {"bearer token", "Bearer ", TOKEN | DOT | BASE64, 20, 0, true},
    {"CircleCI token", "CCIPAT_", TOKEN, 30, 0, false},
    {"Clojars token", "CLOJARS_", WORD, 60, 0, false},
    {"Databricks token", "dapi", LOWER_HEX | DASH, 32, 0, false},
    {"DigitalOcean token", "dop_v1_", LOWER_HEX, 64, 0, false},
    {"DigitalOcean token", "doo_v1_", LOWER_HEX, 64, 0, false},
    {"Discord web hook", "discord.com/api/webhooks/", TOKEN | BASE64, 60, 0, false},
    {"Discord web hook", "discordapp.com/api/webhooks/", TOKEN | BASE64, 60, 0, false},
    {"Docker Hub token", "dckr_pat_", TOKEN, 20, 0, false},
    {"Doppler token", "dp.pt.", WORD, 40, 0, false},
    {"Dynatrace token", "dt0c01.", WORD | DOT, 80, 0, false},
    {"Figma token", "figd_", TOKEN, 36, 0, false},
    {"Firebase key", "APA91b", TOKEN, 100, 0, false},
    {"GitHub token", "ghp_", WORD, 36, 0, false},
    {"GitHub token", "gho_", WORD, 36, 0, false},
    {"GitHub token", "ghu_", WORD, 36, 0, false},
    {"GitHub token", "ghs_", WORD, 36, 0, false},
    {"GitHub token", "ghr_", WORD, 36, 0, false},
    {"GitHub token", "github_pat_", WORD | DASH, 50, 0, false},
    {"GitLab token", "glpat-", TOKEN | DOT, 20, 0, false},
    {"GitLab token", "glagent-", TOKEN, 40, 0, false},
    {"GitLab token", "glcbt-", TOKEN, 20, 0, false},
    {"GitLab token", "glft-", TOKEN, 20, 0, false},
    {"GitLab token", "glptt-", WORD, 40, 0, false},
    {"GitLab token", "gldt-", TOKEN, 20, 0, false},
    {"GitLab token", "glrt-", TOKEN | DOT, 20, 0, false},
    {"Google API key", "AIza", TOKEN, 35, 0, false},
    {"Google OAuth token", "ya29.", TOKEN | DOT, 20, 0, false},
    {"Google client secret", "GOCSPX-", TOKEN, 20, 0, false},
    {"Grafana token", "glsa_", TOKEN, 32, 0, false},
    {"Grafana token", "glc_", WORD | BASE64, 40, 0, false},
    {"Groq key", "gsk_", WORD, 40, 0, false},
    {"Heroku key", "HRKU-", TOKEN, 30, 0, false},
    {"Hugging Face token", "hf_", WORD, 30, 0, false},
    {"JSON web token", "eyJ", TOKEN | DOT | BASE64, 36, 0, true},
    {"Linear key", "lin_api_", WORD, 30, 0, false},
    {"Mailgun key", "key-", LOWER_HEX, 32, 32, false},
    {"New Relic key", "NRAK-", WORD, 27, 0, false},
    {"Notion token", "ntn_", WORD, 40, 0, false},
    {"npm token", "npm_", WORD, 36, 0, false},
    {"NVIDIA key", "nvapi-", TOKEN, 60, 0, false},
    {"Perplexity key", "pplx-", WORD, 40, 0, false},
    {"PlanetScale token", "pscale_", TOKEN | DOT, 32, 0, false},
    {"Postman key", "PMAK-", TOKEN, 40, 0, false},
    {"Pulumi token", "pul-", LOWER_HEX, 40, 40, false},
    {"PyPI token", "pypi-AgE", TOKEN, 50, 0, false},
    {"Replicate token", "r8_", WORD, 37, 0, false},
    {"RubyGems key", "rubygems_", LOWER_HEX, 48, 0, false},
    {"SendGrid key", "SG.", TOKEN | DOT, 60, 0, false},
    {"Sentry token", "sntrys_", TOKEN | BASE64, 40, 0, false},
    {"Sentry token", "sntryu_", LOWER_HEX, 64, 0, false},
    {"Shopify token", "shpat_", WORD, 32, 0, false},
    {"Shopify token", "shpss_", WORD, 32, 0, false},
    {"Slack token", "xoxb-", TOKEN, 20, 0, false},
    {"Slack token", "xoxp-", TOKEN, 20, 0, false},
    {"Slack token", "xoxa-", TOKEN, 20, 0, false},
    {"Slack token", "xoxs-", TOKEN, 20, 0, false},
    {"Slack token", "xoxr-", TOKEN, 20, 0, false},
    {"Slack token", "xoxe-", TOKEN, 20, 0, false},
    {"Slack token", "xapp-", TOKEN, 20, 0, false},
    {"Slack web hook", "hooks.slack.com/services/", WORD | BASE64, 30, 0, false},
    {"Square token", "sq0atp-", TOKEN, 22, 0, false},
    {"Square secret", "sq0csp-", TOKEN, 30, 0, false},
    {"Stripe key", "sk_live_", WORD, 20, 0, false},
    {"Stripe key", "rk_live_", WORD, 20, 0, false},
    {"Stripe key", "rk_test_", WORD, 20, 0, false},
    {"Stripe key", "sk_test_", WORD, 20, 0, false},
    {"Stripe secret", "whsec_", WORD | BASE64, 30, 0, false},
    {"Supabase token", "sbp_", LOWER_HEX, 40, 40, false},
    {"Tailscale key", "tskey-", TOKEN, 20, 0, false},
    {"Terraform token", "atlasv1.", TOKEN, 60, 0, false},
    {"Twilio key", "SK", LOWER_HEX, 32, 32, false},
    {"Vault token", "hvs.", TOKEN, 24, 0, false},
    {"Vault token", "hvb.", TOKEN, 24, 0, false},
    {"xAI key", "xai-", WORD, 60, 0, false},
    {"OpenAI or Anthropic key", "sk-", TOKEN, 32, 0, true},
};

static bool is_mixed(const char *text, size_t length)
{
    bool upper = false, lower = false, digit = false;
    for (size_t i = 0; i < length; i++) {
        upper |= g_ascii_isupper(text[i]);
        lower |= g_ascii_islower(text[i]);
        digit |= g_ascii_isdigit(text[i]);
    }
    return upper && lower && digit;
}

static bool starts(const char *text, size_t length, const char *with)
{
    size_t n = strlen(with);
    return length >= n && memcmp(text, with, n) == 0;
}

static size_t run_of(const char *text, size_t length, int class)
{
    size_t n = 0;
    while (n < length && is_in(text[n], class))
        n++;
    return n;
}

/* How far a secret goes on, where the text that it was found in ends within it. */
typedef struct {
    int class; /* as long as these come; 0: as a value does */
    char quote;
} Ending;

static bool find_form(const char *text, size_t length, size_t at, HptSecret *out, Ending *ending)
{
    if (at > 0 && (g_ascii_isalnum(text[at - 1]) || text[at - 1] == '_'))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++) {
        const Form *form = &forms[i];
        /* The first byte tells most of them apart, without a call. */
        if (text[at] != form->prefix[0] || !starts(text + at, length - at, form->prefix))
            continue;
        size_t start = at + strlen(form->prefix);
        size_t n = run_of(text + start, MIN(length - start, HEAD), form->class);
        if (n < form->min || (form->max > 0 && n > form->max) ||
            (form->mixed && !is_mixed(text + start, n)))
            continue;
        n += run_of(text + start + n, length - start - n, form->class);
        *out = (HptSecret){form->kind, start, n, true};
        *ending = (Ending){.class = form->class};
        return true;
    }
    return false;
}

/* From the line of dashes that begins it to the one that ends it, or to the end of the text. */
static bool find_pem(const char *text, size_t length, size_t at, HptSecret *out)
{
    static const char begin[] = "-----BEGIN ", end[] = "-----END ", key[] = "PRIVATE KEY";
    if (!starts(text + at, length - at, begin))
        return false;
    const char *line = text + at + strlen(begin);
    size_t left = length - at - strlen(begin);
    const char *dashes = memmem(line, MIN(left, 80), "-----", 5);
    if (dashes == NULL || memmem(line, (size_t)(dashes - line), key, strlen(key)) == NULL)
        return false;
    size_t start = (size_t)(dashes - text) + 5;
    const char *stop = memmem(text + start, length - start, end, strlen(end));
    *out = (HptSecret){PRIVATE_KEY, start, (stop == NULL ? length : (size_t)(stop - text)) - start,
                       true};
    return out->length > 0;
}

/* RFC 3986: scheme "://" [userinfo "@"] host …; userinfo ends at the last @ before the first of
 * "/?#" or a blank or quote. A password may hold any of those wrongly unescaped but for these. */
static bool find_url(const char *text, size_t length, size_t at, HptSecret *out)
{
    if (at == 0 || !g_ascii_isalnum(text[at - 1]) || !starts(text + at, length - at, "://"))
        return false;
    size_t start = at + 3, user = 0;
    for (size_t i = start; i < length && strchr("/?# \t\r\n\"'<>", text[i]) == NULL; i++)
        if (text[i] == '@')
            user = i;
    bool masked = user > start;
    for (size_t i = start; i < user; i++)
        masked &= text[i] == '*';
    if (user <= start || masked ||
        (text[start] == '[' && starts(text + start, length - start, "[cut]@")))
        return false;
    *out = (HptSecret){"password in a URL", start, user - start, true};
    return true;
}

/* at: the ":" of a Telegram bot's token, which stands between its number and 35 characters. */
static bool find_telegram(const char *text, size_t length, size_t at, HptSecret *out)
{
    size_t digits = 0;
    while (digits < 11 && digits < at && g_ascii_isdigit(text[at - digits - 1]))
        digits++;
    if (digits < 8 || digits > 10 || !starts(text + at + 1, length - at - 1, "AA") ||
        run_of(text + at + 1, MIN(length - at - 1, 36), TOKEN) != 35)
        return false;
    *out = (HptSecret){"Telegram token", at + 1, 35, true};
    return true;
}

/* ---- names ---- */

/* DB_PASS, but not forward_pass and not the PASS of a test's log. */
static const char *const names[] = {
    "password",    "passwd",         "passphrase",  "secret",      "token",      "api_key",
    "apikey",      "app_key",        "auth_key",    "access_key",  "secret_key", "signing_key",
    "private_key", "client_secret",  "account_key", "credential",  "_PASS",      "credentials",
    "master_key",  "encryption_key", "pwd",
};

/* Names of what nobody makes up for a model or a table: a long value of random letters is certain. */
static const char *const certain_names[] = {
    "secret_access_key", "access_token", "refresh_token", "auth_token", "api_key",
    "apikey",            "client_secret", "account_key",
};

/* Names in the query of a URL ("?" or "&" before them). */
static const char *const query_names[] = {"sig", "signature", "key", "auth"};

static const char *const cookie_name = "cookie";

/* Capitals of a name want capitals. */
static bool is_same(const char *text, const char *name, size_t n)
{
    size_t same = 0;
    while (same < n && (text[same] == name[same] || g_ascii_tolower(text[same]) == name[same] ||
                        (text[same] == '-' && name[same] == '_')))
        same++;
    return same == n;
}

/* Does text end in one of the names, whatever the case and with - for _? */
static bool ends_in(const char *text, size_t length, const char *const *list, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++) {
        size_t n = strlen(list[i]);
        if (length < n || (length > n && list[i][0] != '_' && g_ascii_islower(text[length - n - 1]) &&
                           !g_ascii_isupper(text[length - n])))
            continue;
        if (is_same(text + length - n, list[i], n))
            return true;
    }
    return false;
}

static bool is_name(const char *text, size_t length)
{
    return ends_in(text, length, names, G_N_ELEMENTS(names));
}

/* A value that can be a secret: a letter and a digit in it, no variable, no placeholder, no path.
 */
static bool is_value(const char *text, size_t length)
{
    bool letter = false, digit = false, dots = true;
    if (length < 8 || strchr("$/<{[", text[0]) != NULL || starts(text, length, "./"))
        return false;
    for (size_t i = 0; i < length; i++) {
        letter |= g_ascii_isalpha(text[i]);
        digit |= g_ascii_isdigit(text[i]);
        dots &= g_ascii_isdigit(text[i]) || strchr(".eE+-", text[i]) != NULL;
    }
    return letter && digit && !dots;
}

/* What chance makes and people do not: as many letters as a key has, of all sorts, or hexadecimal. */
static bool is_random(const char *text, size_t n)
{
    return (n >= 20 && is_mixed(text, n) && run_of(text, n, TOKEN | DOT | BASE64) == n) ||
           (n >= 32 && run_of(text, n, LOWER_HEX) == n);
}

static bool is_header_value(const char *text, size_t length) /* base64, of any letters */
{
    return length >= 8 && strchr("*[<${", text[0]) == NULL;
}

/* quote: where it ends; a blank: at whatever ends a word. */
static size_t value_length(const char *text, size_t length, char quote)
{
    size_t n = 0;
    while (n < length && text[n] != '\n' && text[n] != '\0' &&
           (quote != '\0' ? text[n] != quote
                          : !g_ascii_isspace(text[n]) && strchr(",;&\"'`)}]\\", text[n]) == NULL))
        n++;
    return n;
}

/* at: a "=" or ":" that follows a name, with quotes and blanks as JSON (within a string, too), YAML,
 * Python, Ruby and shells have; or the ">" of <name>. */
static bool find_named(const char *text, size_t length, size_t at, HptSecret *out, Ending *ending)
{
    size_t name_end = at;
    while (name_end > 0 && (text[name_end - 1] == ' ' || text[name_end - 1] == '\t'))
        name_end--;
    if (name_end > 0 && (text[name_end - 1] == '"' || text[name_end - 1] == '\''))
        name_end -= name_end > 1 && text[name_end - 2] == '\\' ? 2 : 1;
    size_t name = name_end;
    while (name > 0 && name_end - name < 64 && is_in(text[name - 1], TOKEN))
        name--;
    char before = name > 0 ? text[name - 1] : '\0', quote = '\0';
    size_t value = at + 1;
    if (text[at] == '>' && before != '<')
        return false;
    while (value < length && value - at < 8 && text[at] != '>' && text[value] != '\0' &&
           strchr(text[at] == '=' ? " \t=>" : " \t=", text[value]) != NULL)
        value++;
    if (value + 1 < length && strchr("bru", text[value]) != NULL &&
        (text[value + 1] == '"' || text[value + 1] == '\''))
        value++;
    if (value + 1 < length && text[value] == '\\' && text[value + 1] == '"')
        value++;
    if (text[at] == '>')
        quote = '<';
    else if (value < length && (text[value] == '"' || text[value] == '\''))
        quote = text[value++];
    if (quote != '\0' && value > 1 && text[value - 2] == '\\')
        quote = '\\';
    bool header = false, known = is_name(text + name, name_end - name),
         query = (before == '?' || before == '&') &&
                 ends_in(text + name, name_end - name, query_names, G_N_ELEMENTS(query_names)),
         cookie = text[at] == ':' && ends_in(text + name, name_end - name, &cookie_name, 1);
    if (!known && name_end - name >= 13 &&
        g_ascii_strncasecmp(text + name_end - 13, "authorization", 13) == 0) {
        size_t scheme = run_of(text + value, length - value, LETTER);
        known = value + scheme < length && text[value + scheme] == ' ';
        value += scheme + 1;
        header = true;
    }
    if (!(known || query || cookie) || value >= length)
        return false;
    if (cookie && quote == '\0')
        quote = '\r'; /* all that the line has */
    size_t n = value_length(text + value, MIN(length - value, HEAD), quote);
    if (header ? !is_header_value(text + value, n)
               : !is_value(text + value, n) || (query && !known && n < 16))
        return false;
    bool certain = is_random(text + value, n) && ends_in(text + name, name_end - name, certain_names,
                                                         G_N_ELEMENTS(certain_names));
    n += value_length(text + value + n, length - value - n, quote);
    *out = (HptSecret){header ? "authorization header" : NAMED, value, n, certain};
    *ending = (Ending){.quote = quote};
    HptSecret inside; /* tells more, and is certain */
    Ending its_own;
    for (size_t i = value; i < value + n && !out->certain; i++)
        if (find_form(text, value + n, i, &inside, &its_own) ||
            (text[i] == ':' && (find_url(text, value + n, i, &inside) || find_telegram(text, value + n, i, &inside))))
            *out = (HptSecret){inside.kind, value, n, true};
    return true;
}

/* ---- curl -u NAME:VALUE in running text ---- */

/* CONTEXT: how far before a secret the words may stand by which it is known. */
enum { CONTEXT = 256 };

/* Is curl run, in this line and before at? A line goes on behind a backslash. */
static bool is_curls(const char *text, size_t at)
{
    static const char program[] = "curl";
    size_t n = strlen(program), least = at > CONTEXT ? at - CONTEXT : 0;
    for (size_t i = at;; i--) {
        if (i + n < at && starts(text + i, at - i, program) && (i == 0 || !is_in(text[i - 1], TOKEN)) &&
            !is_in(text[i + n], TOKEN))
            return true;
        if (i == least || (text[i - 1] == '\n' && (i == 1 || text[i - 2] != '\\')))
            return false;
    }
}

/* The length of an option that is followed by a login: -u, -U, behind others too (-sSu), and what they are short for; 0:
 * it is none. */
static size_t login_option(const char *text, size_t length)
{
    static const char *const options[] = {"--user", "--proxy-user"};
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
        if (starts(text, length, options[i]))
            return strlen(options[i]);
    size_t n = 1;
    while (n < MIN(length, 8) && g_ascii_isalpha(text[n]) && text[n] != 'u' && text[n] != 'U')
        n++;
    return n < length && (text[n] == 'u' || text[n] == 'U') ? n + 1 : 0;
}

/* at: the "-" of the option. */
static bool find_login(const char *text, size_t length, size_t at, HptSecret *out, Ending *ending)
{
    size_t option = at > 0 && (is_in(text[at - 1], TOKEN) || text[at - 1] == '.') ? 0 : login_option(text + at, length - at);
    size_t user = at + option;
    while (option > 0 && user < length && user - at - option < 8 && text[user] != '\0' &&
           strchr(" \t'\",=", text[user]) != NULL)
        user++;
    size_t colon = user;
    while (option > 0 && colon < length && colon - user < 64 && is_in(text[colon], TOKEN | DOT))
        colon++;
    if (colon == user || colon >= length || text[colon] != ':')
        return false;
    char quote = text[user - 1] == '\'' || text[user - 1] == '"' ? text[user - 1] : '\0';
    size_t value = colon + 1, n = value_length(text + value, MIN(length - value, HEAD), quote);
    if (!is_value(text + value, n) || text[value] == '*' || !is_curls(text, at))
        return false;
    n += value_length(text + value + n, length - value - n, quote);
    *out = (HptSecret){"password of a login", value, n, false};
    *ending = (Ending){.quote = quote};
    return true;
}

/* ---- all of them ---- */

/* Bytes that one can begin at: the first of a form, or the mark in front of a value. */
static const bool *beginnings(void)
{
    static bool table[256];
    static gsize made;
    if (g_once_init_enter(&made)) {
        for (size_t i = 0; i < G_N_ELEMENTS(forms); i++)
            table[(unsigned char)forms[i].prefix[0]] = true;
        table['-'] = table[':'] = table['='] = table['>'] = true;
        g_once_init_leave(&made, 1);
    }
    return table;
}

static bool find_any(const char *text, size_t length, size_t from, HptSecret *out, Ending *ending)
{
    const bool *begins = beginnings();
    for (size_t at = from; at < length; at++) {
        char c = text[at];
        if (!begins[(unsigned char)c])
            continue;
        bool found = (c == '-' && (find_pem(text, length, at, out) || find_login(text, length, at, out, ending))) ||
                     (c == ':' && (find_url(text, length, at, out) || find_telegram(text, length, at, out))) ||
                     ((c == ':' || c == '=' || c == '>') && find_named(text, length, at, out, ending)) ||
                     find_form(text, length, at, out, ending);
        if (found && out->start >= from)
            return true;
    }
    return false;
}

bool hpt_secret_find(const char *text, size_t length, size_t from, HptSecret *out)
{
    Ending ending;
    return find_any(text, length, from, out, &ending);
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

bool hpt_secret_in_file(const char *name, const char *bytes, size_t length, HptSecret *out)
{
    static const char *const passwords[] = {".netrc", "_netrc", ".pgpass", ".git-credentials", ".htpasswd", NULL};
    static const char *const examples[] = {".env.example", ".env.sample", ".env.template", NULL};
    if (length > 0 && is_one_of(name, passwords)) {
        *out = (HptSecret){.kind = "file of passwords, by its name", .length = length, .certain = true};
        return true;
    }
    bool settings = (g_str_has_prefix(name, ".env.") || g_str_has_suffix(name, ".env")) && !is_one_of(name, examples);
    if (memchr(bytes, '\0', MIN(length, 4096)) != NULL)
        return false;
    for (size_t from = 0; hpt_secret_find(bytes, length, from, out); from = out->start + out->length)
        if (out->certain || settings)
            return true;
    return false;
}

bool hpt_secret_in_name(const char *name)
{
    HptSecret secret;
    size_t length = strlen(name);
    for (size_t from = 0; hpt_secret_find(name, length, from, &secret); from = secret.start + secret.length)
        if (secret.certain)
            return true;
    return false;
}

static void stars(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\n' && text[i] != '\r')
            text[i] = '*';
}

size_t hpt_secret_mask(char *text, size_t length, const char **kind)
{
    size_t n = 0;
    HptSecret secret;
    for (size_t from = 0; hpt_secret_find(text, length, from, &secret);
         from = secret.start + secret.length) {
        stars(text + secret.start, secret.length);
        if (n++ == 0 && kind != NULL)
            *kind = secret.kind;
    }
    return n;
}

/* ---- files ---- */

enum { WINDOW = 1 << 16, PEM_END = 16 };

static bool read_window(int fd, char *buffer, size_t n, int64_t offset, GError **error)
{
    for (size_t got = 0; got < n;) {
        ssize_t r = pread(fd, buffer + got, n - got, offset + (int64_t)got);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            hpt_error_set_errno(error, r < 0 ? errno : EIO, "cannot read what a trial printed");
            return false;
        }
        got += (size_t)r;
    }
    return true;
}

static bool write_window(int fd, const char *buffer, size_t n, int64_t offset, GError **error)
{
    for (size_t put = 0; put < n;) {
        ssize_t r = pwrite(fd, buffer + put, n - put, offset + (int64_t)put);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            hpt_error_set_errno(error, errno, "cannot mask a secret in what a trial printed");
            return false;
        }
        put += (size_t)r;
    }
    return true;
}

/* The rest of a private key that began before; how much of the window it takes. */
static size_t mask_key(char *text, size_t length, bool last, bool *open)
{
    char *stop = memmem(text, length, "-----END ", 9);
    size_t n = stop != NULL ? (size_t)(stop - text) : last ? length : length - MIN(length, PEM_END);
    *open = stop == NULL;
    stars(text, n);
    return n;
}

/* The same of any other. */
static size_t mask_rest(char *text, size_t length, const Ending *ending, bool *goes_on)
{
    size_t n = ending->class != 0 ? run_of(text, length, ending->class) : value_length(text, length, ending->quote);
    *goes_on = n == length;
    stars(text, n);
    return n;
}

bool hpt_secret_mask_fd(int fd, int64_t size, size_t *n, const char **kind, GError **error)
{
    g_autofree char *buffer = g_malloc(WINDOW);
    bool open = false, goes_on = false; /* in a private key; in another one, which fills windows */
    Ending ending;
    *n = 0;
    for (int64_t offset = 0; offset < size;) {
        size_t length = (size_t)MIN(size - offset, WINDOW);
        bool last = offset + (int64_t)length == size;
        if (!read_window(fd, buffer, length, offset, error))
            return false;
        bool changed = open || goes_on;
        size_t from = open      ? mask_key(buffer, length, last, &open)
                      : goes_on ? mask_rest(buffer, length, &ending, &goes_on)
                                : 0;
        /* One that begins near the end may be cut there: the next window has it whole. */
        size_t sure = last ? length : length - HPT_SECRET_SPAN;
        HptSecret secret;
        while (!open && !goes_on && find_any(buffer, length, from, &secret, &ending) && secret.start < sure) {
            bool to_the_end = secret.start + secret.length == length && !last;
            bool key = strcmp(secret.kind, PRIVATE_KEY) == 0;
            if (to_the_end && !key && secret.start > CONTEXT) {
                sure = secret.start; /* the next window has more of it */
                break;
            }
            from = secret.start + secret.length;
            /* A key that goes on: its last line may begin in the bytes that are left for later. */
            open = to_the_end && key;
            goes_on = to_the_end && !key;
            stars(buffer + secret.start, secret.length - (open ? PEM_END : 0));
            changed = true;
            if ((*n)++ == 0 && kind != NULL)
                *kind = secret.kind;
        }
        if (changed && !write_window(fd, buffer, length, offset, error))
            return false;
        if (last)
            break;
        offset += (int64_t)(open ? length - PEM_END : goes_on ? length : MAX(from, sure) - CONTEXT);
    }
    return true;
}

/* ---- arguments ---- */

enum { MOST_PASSES = 8 };

static char *cut_once(const char *text)
{
    size_t length = strlen(text), from = 0;
    HptSecret secret;
    GString *out = g_string_new(NULL);
    while (hpt_secret_find(text, length, from, &secret)) {
        g_string_append_len(out, text + from, (gssize)(secret.start - from));
        g_string_append(out, "[cut]");
        from = secret.start + secret.length;
    }
    g_string_append(out, text + from);
    return g_string_free(out, FALSE);
}

/* Where one is cut, another may be seen that began in it. */
char *hpt_secret_cut(const char *text)
{
    char *cut = cut_once(text);
    for (int pass = 1; pass < MOST_PASSES; pass++) {
        char *before = cut;
        cut = cut_once(before);
        bool same = strcmp(cut, before) == 0;
        g_free(before);
        if (same)
            break;
    }
    return cut;
}

/* curl -u NAME:VALUE, --user NAME:VALUE */
static bool is_login(const char *word, const char *next)
{
    const char *colon = next != NULL ? strchr(next, ':') : NULL;
    return colon != NULL && colon > next && strpbrk(next, "/ ") == NULL &&
           (strcmp(word, "-u") == 0 || strcmp(word, "--user") == 0 ||
            strcmp(word, "--proxy-user") == 0) &&
           is_value(colon + 1, strlen(colon + 1));
}

/* --password VALUE, -password VALUE: does the word name a secret that the next one is? */
static bool names_next(const char *word, const char *next)
{
    return is_login(word, next) ||
           (word[0] == '-' && next != NULL && strpbrk(word, "=: ") == NULL &&
           is_name(word, strlen(word)) && is_value(next, strlen(next)));
}

char **hpt_secret_cut_argv(const char *const *argv)
{
    size_t n = argv == NULL ? 0 : g_strv_length((char **)argv);
    char **out = g_new0(char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] =
            i > 0 && names_next(argv[i - 1], argv[i]) ? g_strdup("[cut]") : hpt_secret_cut(argv[i]);
    return out;
}

int hpt_secret_in_argv(const char *const *argv, const char **kind)
{
    HptSecret secret;
    for (int i = 0; argv[i] != NULL; i++) {
        if (i > 0 && names_next(argv[i - 1], argv[i])) {
            *kind = NAMED;
            return i;
        }
        if (hpt_secret_find(argv[i], strlen(argv[i]), 0, &secret)) {
            *kind = secret.kind;
            return i;
        }
    }
    return -1;
}
