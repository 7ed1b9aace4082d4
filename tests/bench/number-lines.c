/* number-lines [COUNT]: the first COUNT lines (1000000) of the number sequence that goes with
 * RFC 8785 on standard output; their SHA-256, and what one number cost, on standard error. */
#include "../unit/number-sequence.h"

#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    int64_t count = 1000000;
    if (argc > 2 || (argc == 2 && (!hpt_integer_parse(argv[1], &count) || count < 1))) {
        fprintf(stderr, "usage: number-lines [COUNT]\n");
        return 2;
    }
    g_autoptr(HptDigester) digester = hpt_digester_new();
    g_autofree double *values = g_new(double, (size_t)count);
    NumberSequence sequence = number_sequence_begin(), copy = sequence;
    char line[64], hex[HPT_DIGEST_HEX_SIZE];
    for (int64_t i = 0; i < count; i++) {
        size_t length = (size_t)number_sequence_line(&sequence, line);
        hpt_digester_add(digester, line, length);
        fwrite(line, 1, length, stdout);
        values[i] = number_sequence_next(&copy);
    }
    HptDigest digest = hpt_digester_get(digester);
    size_t ours = 0, plain = 0; /* so that no call is left out */
    double start = seconds();
    for (int64_t i = 0; i < count; i++)
        ours += (size_t)hpt_number_text(values[i], line)[0];
    double middle = seconds();
    for (int64_t i = 0; i < count; i++)
        plain += (size_t)snprintf(line, sizeof line, "%.17g", values[i]);
    double end = seconds();
    for (int64_t i = 0; i < count; i++)
        values[i] = (double)(i % 100000) / 1000;
    double again = seconds();
    for (int64_t i = 0; i < count; i++)
        ours += (size_t)hpt_number_text(values[i], line)[0];
    double last = seconds();
    fprintf(stderr, "sha256 %s\n", hpt_digest_hex(&digest, hex));
    fprintf(stderr, "random %.0f ns, short decimals %.0f ns, printf %%.17g %.0f ns (%zu)\n",
            (middle - start) * 1e9 / (double)count, (last - again) * 1e9 / (double)count,
            (end - middle) * 1e9 / (double)count, (ours + plain) % 10);
    return fflush(stdout) == 0 ? 0 : 125;
}
