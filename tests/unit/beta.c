/* log Γ, the beta and F distributions: against mpmath, symmetries and what they reduce to. */
#include "num/beta.h"

#include "num/random.h"
#include "num/student.h"

#include <glib.h>
#include <math.h>

#include "tests/unit/beta-table.h"

static void near(double got, double want, double error)
{
    if (!(fabs(got - want) <= error * fabs(want)))
        g_error("%.17g is not %.17g", got, want);
}

static void test_table(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(log_gamma_table); i++) {
        double want = log_gamma_table[i].value;
        g_assert_cmpfloat(fabs(hpt_log_gamma(log_gamma_table[i].x) - want), <=, 1e-14 * (1 + fabs(want)));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(below_table); i++) {
        const BetaRow *row = &below_table[i];
        near(hpt_beta_below(row->x, row->a, row->b), row->value, 1e-12);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(f_table); i++) {
        const BetaRow *row = &f_table[i];
        near(hpt_f_above(row->x, row->a, row->b), row->value, 1e-12);
    }
}

static void test_ends(void)
{
    g_assert_true(isnan(hpt_log_gamma(0)) && isnan(hpt_log_gamma(-1)) && isnan(hpt_log_gamma((double)NAN)));
    g_assert_cmpfloat(hpt_log_gamma((double)INFINITY), ==, (double)INFINITY);
    g_assert_cmpfloat(hpt_beta_below(0, 2, 3), ==, 0);
    g_assert_cmpfloat(hpt_beta_below(1, 2, 3), ==, 1);
    g_assert_true(isnan(hpt_beta_below(0.5, 0, 1)) && isnan(hpt_beta_below((double)NAN, 1, 1)));
    g_assert_cmpfloat(hpt_f_above(0, 2, 3), ==, 1);
    g_assert_cmpfloat(hpt_f_above((double)INFINITY, 2, 3), ==, 0);
    g_assert_cmpfloat(hpt_f_above(1e308, 200, 3), <, 1e-300);
    g_assert_true(isnan(hpt_f_above(1, -1, 3)) && isnan(hpt_f_quantile(0, 1, 1)));
}

/* I_x(a, b) + I_(1−x)(b, a) = 1; I_x(1, b) = 1 − (1−x)^b; t² with ν is F with 1 and ν. */
static void test_identities(void)
{
    HptStream stream = hpt_stream(1, 0, "test", "beta");
    for (uint64_t i = 0; i < 3000; i += 3) {
        double x = hpt_stream_uniform(&stream, i), a = 40 * hpt_stream_uniform(&stream, i + 1) + 0.01;
        double b = 40 * hpt_stream_uniform(&stream, i + 2) + 0.01, y = 1 - x;
        g_assert_cmpfloat(fabs(hpt_beta_below(x, a, b) + hpt_beta_below(y, b, a) - 1), <, 1e-12);
        g_assert_cmpfloat(fabs(hpt_beta_below(x, 1, b) - (1 - pow(y, b))), <, 1e-13);
        g_assert_cmpfloat(fabs(hpt_log_gamma(a + 1) - hpt_log_gamma(a) - log(a)), <, 1e-13);
        int nu = 1 + (int)i % 50;
        double t = 5 * x;
        g_assert_cmpfloat(fabs(hpt_f_above(t * t, 1, nu) - 2 * hpt_student_above(t, nu)), <, 3e-14);
        double f = hpt_f_quantile(y / 2 + 0.001, a, b);
        near(hpt_f_above(f, a, b), y / 2 + 0.001, 1e-11);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/beta/table", test_table);
    g_test_add_func("/beta/ends", test_ends);
    g_test_add_func("/beta/identities", test_identities);
    return g_test_run();
}
