/* Sobol points with nested uniform (Owen) scrambling, addressed by index and dimension. */
#ifndef HPT_NUM_SOBOL_H
#define HPT_NUM_SOBOL_H

#include <stddef.h>
#include <stdint.h>

size_t hpt_sobol_dimensions(void); /* how many dimensions the direction numbers cover */

/* The index-th point's coordinate in dimension (0-based), scrambled by a hash keyed on key (which
 * the caller derives from study seed and parameter name), in [0, 1).
 *
 * Source: see sobol.c for the direction numbers and the scrambling, with their papers. */
double hpt_sobol(uint64_t index, size_t dimension, uint64_t key);

#endif
