/* A random forest of regression trees over the rows of a cube, categories and inactive parameters included.
 *
 * Breiman, "Random forests", Machine Learning 45, 2001; as a model of a search: Hutter, Hoos & Leyton-Brown,
 * "Sequential model-based optimization for general algorithm configuration" (SMAC), LION 5, 2011, §4.1; its mean and
 * variance: Hutter, Xu, Hoos & Leyton-Brown, "Algorithm runtime prediction: methods & evaluation", Artificial
 * Intelligence 206, 2014, §4.3.
 *
 * A split of a number is at a place drawn between two neighbours; of a category into two sets, those with the lower
 * means and the others, which is the best of all such splits (Fisher, "On grouping for maximum homogeneity", JASA 53,
 * 1958). Where rows differ in which parameters they have, "inactive" goes to that side of a number's split where it
 * fits better, or to a side of its own; of a category it is one more value. What a split has not seen, an
 * unseen value or "inactive", goes to a side that is drawn for each split.
 */
#ifndef HPT_SEARCH_FOREST_H
#define HPT_SEARCH_FOREST_H

#include "search/cube.h"

typedef struct HptForest HptForest;

typedef struct {
    int trees;
    int least_leaf;  /* rows in a leaf at least; one that is drawn twice counts twice */
    double features; /* share of the parameters that are looked at for a split, above 0 and up to 1 */
} HptForestSettings;

/* Inputs   rows   n × cube->n, n ≥ 1; each tree is given n of them, drawn with replacement
 *          y      n, finite; |y| below 1e100
 * Outputs  unseen n, or NULL: of each row the mean of the trees that were not given it; NaN: there is none
 * Cost     O(trees · n · depth · parameters), depth about 2 log n; memory O(n · (trees + parameters))
 * cube is borrowed. Categories of more than 64 values are split like numbers. */
HptForest *hpt_forest_new(const HptCube *cube, const double *rows, const double *y, size_t n,
                          const HptForestSettings *settings, HptDraws *draws, double *unseen);
void hpt_forest_free(HptForest *forest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptForest, hpt_forest_free)

/* The mean of the leaf in which the row lies; variance, if not NULL, that of the y in it. tree from 0. */
double hpt_forest_tree(const HptForest *forest, size_t tree, const double *row, double *variance);

/* Mean and variance over trees and leaves: the mean of the trees' means; the mean of their variances plus the
 * variance of their means (the law of total variance). */
void hpt_forest_predict(const HptForest *forest, const double *row, double *mean, double *variance);

#endif
