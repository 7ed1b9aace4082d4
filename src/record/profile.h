/* The determinism profile: what makes most programs give the same bits every time on one machine.
 *
 * One thread for OpenMP, OpenBLAS, MKL, BLIS and NumExpr and a fixed kernel of OpenBLAS, so that sums
 * are added in one order; a fixed hash seed of Python; UTC, the C locale (with UTF-8), a fixed build
 * time; deterministic kernels of cuBLAS and TensorFlow; addresses that are not randomised
 * (record/process.h).
 */
#ifndef HPT_RECORD_PROFILE_H
#define HPT_RECORD_PROFILE_H

/* "NAME=VALUE", NULL-terminated; for a machine of this kind. */
extern const char *const hpt_profile_variables[];

/* env with its variables set to what sets says, in the order of env and then of sets. Owned. Both
 * NULL-terminated; sets may be NULL. */
char **hpt_environment_with(const char *const *env, const char *const *sets);

#endif
