/* JSON seen as a stream of leaves with their byte offsets. Internal to run/.
 *
 * Metrics need what a tree does not keep: where in the text a number stood. Strict RFC 8259 but for
 * NaN, Infinity and -Infinity, which Python writes. Depth at most 32. No allocation but the path.
 */
#ifndef HPT_RUN_JSONSCAN_H
#define HPT_RUN_JSONSCAN_H

#include "base/error.h"

typedef enum {
    HPT_LEAF_OBJECT, /* its beginning; its members follow */
    HPT_LEAF_ARRAY,
    HPT_LEAF_NUMBER,
    HPT_LEAF_STRING,
    HPT_LEAF_BOOL,
    HPT_LEAF_NULL,
} HptLeafKind;

typedef struct {
    HptLeafKind kind;
    const char *path;      /* JSON pointer (RFC 6901): "" is the whole, "/a/b", "/a/0" */
    double number;         /* NUMBER; BOOL: 1 or 0 */
    bool whole;            /* NUMBER: written as digits alone */
    const char *string;    /* STRING: decoded, valid UTF-8, NUL-terminated */
    size_t offset, length; /* of its text */
} HptLeaf;

/* Returns false to end the scan, *reason set or not. */
typedef bool (*HptLeafFunc)(const HptLeaf *leaf, void *user);

/* True when the whole text is one JSON value. Else *reason is a static sentence, or NULL when leaf
 * ended the scan. A string with \u0000 is refused. */
bool hpt_json_scan(const char *text, size_t length, HptLeafFunc leaf, void *user,
                   const char **reason) HPT_WARN_UNUSED;

/* A path below prefix as a name: "/a/b" is "a.b". Escapes are undone. Owned. */
char *hpt_json_path_name(const char *path, const char *prefix);

/* A number as text of length bytes, as people and programs print it: an optional sign, digits or
 * "inf", "infinity", "nan" in any case; a number beyond range is infinite. */
bool hpt_number_read(const char *text, size_t length, double *out) HPT_WARN_UNUSED;

#endif
