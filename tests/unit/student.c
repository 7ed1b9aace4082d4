/* atan and Student's t against libm, tables and closed forms. */
#include "num/student.h"

#include <glib.h>
#include <math.h>

static void test_atan(void)
{
    for (int i = -200000; i <= 200000; i++) {
        double x = i / 7919.0;
        g_assert_cmpfloat(fabs(hpt_atan(x) - atan(x)), <, 5e-16);
    }
    for (int k = -300; k <= 300; k++) {
        double x = ldexp(1.37, k);
        g_assert_cmpfloat(fabs(hpt_atan(x) - atan(x)), <, 5e-16);
    }
    g_assert_true(isnan(hpt_atan((double)NAN)));
    g_assert_cmpfloat(hpt_atan((double)INFINITY), ==, atan((double)INFINITY));
    g_assert_cmpfloat(hpt_atan(-(double)INFINITY), ==, -atan((double)INFINITY));
    g_assert_cmpfloat(hpt_atan(0), ==, 0);
}

/* Abramowitz & Stegun 1964, table 26.10: t with P(|T| ≤ t) = A, to three decimals. */
static void test_table(void)
{
    static const struct {
        double t, above;
        int nu;
    } rows[] = {
        {6.314, 0.05, 1},    {12.706, 0.025, 1}, {63.657, 0.005, 1}, {2.920, 0.05, 2},
        {4.303, 0.025, 2},   {9.925, 0.005, 2},  {3.182, 0.025, 3},  {5.841, 0.005, 3},
        {2.776, 0.025, 4},   {2.571, 0.025, 5},  {2.228, 0.025, 10}, {3.169, 0.005, 10},
        {2.131, 0.025, 15},  {2.042, 0.025, 30}, {2.750, 0.005, 30}, {1.980, 0.025, 120},
        {318.309, 0.001, 1}, {22.327, 0.001, 2}, {10.215, 0.001, 3},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        /* Half a unit of the table's last place on either side. */
        double low = hpt_student_above(rows[i].t + 0.0005, rows[i].nu);
        double high = hpt_student_above(rows[i].t - 0.0005, rows[i].nu);
        g_assert_cmpfloat(low, <=, rows[i].above);
        g_assert_cmpfloat(high, >=, rows[i].above);
    }
}

/* nu = 1 is Cauchy's, nu = 2 and 4 are algebraic; far tails to the promised absolute error. */
static void test_closed_forms(void)
{
    for (int i = -4000; i <= 4000; i++) {
        double t = i / 100.0, s = t / sqrt(2 + t * t), u = t / sqrt(4 + t * t);
        g_assert_cmpfloat(fabs(hpt_student_above(t, 1) - (0.5 - atan(t) / G_PI)), <, 1e-14);
        g_assert_cmpfloat(fabs(hpt_student_above(t, 2) - (1 - s) / 2), <, 1e-14);
        double four = (1 - u * (1 + 2 / (4 + t * t))) / 2;
        g_assert_cmpfloat(fabs(hpt_student_above(t, 4) - four), <, 1e-14);
    }
}

static void test_shape(void)
{
    for (int nu = 1; nu <= 200; nu++) {
        double before = 1;
        for (int i = -50; i <= 50; i++) {
            double p = hpt_student_above(i / 5.0, nu);
            g_assert_true(p >= 0 && p <= before + 1e-14);
            g_assert_cmpfloat(fabs(p + hpt_student_above(-i / 5.0, nu) - 1), <, 1e-14);
            before = p;
        }
        g_assert_cmpfloat(hpt_student_above(0, nu), ==, 0.5);
        g_assert_cmpfloat(hpt_student_above((double)INFINITY, nu), ==, 0);
        g_assert_cmpfloat(hpt_student_above(1e200, nu), <, 1e-14); /* of which the square is infinite */
        g_assert_cmpfloat(hpt_student_above(-(double)INFINITY, nu), ==, 1);
        g_assert_true(isnan(hpt_student_above((double)NAN, nu)));
    }
    /* Towards the normal: Φ(−1.96) = 0.0249979. */
    g_assert_cmpfloat(fabs(hpt_student_above(1.96, 1000000) - 0.0249979), <, 1e-6);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/student/atan", test_atan);
    g_test_add_func("/student/table", test_table);
    g_test_add_func("/student/closed-forms", test_closed_forms);
    g_test_add_func("/student/shape", test_shape);
    return g_test_run();
}
