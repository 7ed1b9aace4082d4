/* The code of a trial: what the folder that its command runs in held when it began.
 *
 * A snapshot is a list of the tree's entries, each with the SHA-256 of its bytes. It is made by our own
 * walk: git is asked only which files are ignored and what HEAD holds, and nothing is written where git
 * could see it. Whatever the repository's configuration says, nothing of it is run (record/codegit.h).
 *
 * The tree is the work tree of git around the folder, if there is one; else the project's folder if the
 * command runs in or below it; else the folder itself. Submodules and repositories within it are part of
 * it. Passed over without a word, because hpt or others make them from the rest: .git, .hpt,
 * __pycache__, what HptCodeSpec.pass knows, and with git what is ignored. Everything else is an entry, or stands there as missing with the
 * reason: nothing is left out in silence.
 *
 * Canonical form, version 1: UTF-8 lines of fields between tabs; in a field a backslash is \\, and control
 * characters and bytes that are not UTF-8 are \ooo.
 *
 *   hpt-code/1
 *   directory   where the command runs, from the tree's root; "." for the root
 *   repo        HEAD, branch, remote, deleted, path, note      of each repository, by path; "." is the root.
 *                 Empty: none; deleted: files of HEAD that are not there; note: why git said nothing
 *   KIND        state, mode, size, SHA-256, path, text         of each entry, by the bytes of path
 *
 *   kind     file, link (text: its target), folder (an empty one), missing (text: why it is not captured)
 *   state    "=" as in HEAD, byte for byte and in its mode; "M" otherwise; "+" not in HEAD; empty: no git
 *   mode     octal, three digits; of files and folders
 * Its SHA-256 is the snapshot's digest.
 */
#ifndef HPT_RECORD_CODE_H
#define HPT_RECORD_CODE_H

#include "base/digest.h"
#include "base/error.h"

#define HPT_CODE_MAX (INT64_C(64) << 20) /* bytes of a snapshot, unless somebody says otherwise */
#define HPT_CODE_PARTS 8                 /* no file may have more than the eighth part of it */
#define HPT_CODE_HEAD ((size_t)1 << 18)
#define HPT_CODE_ENTRIES_MAX 100000

/* ---- taking ---- */

/* Bytes that a snapshot names, before it is there; each digest is given as often as it is read. False:
 * they cannot be kept, and the entry becomes missing with the error's message. */
typedef bool (*HptCodeKeep)(const HptDigest *digest, const void *bytes, size_t length, void *user,
                            GError **error);

typedef struct {
    const char *directory; /* where the command runs, absolute */
    const char *project;   /* the folder that holds .hpt, absolute; NULL: there is none */
    int64_t max_bytes;     /* of all files; 0: the usual. Small files go first */
    bool off;              /* take nothing: a snapshot that says so */
    bool allow_secrets;    /* else files that hold one are missing, see record/secret.h */
    const char *const *environ; /* for git; NULL-terminated; NULL: empty */
    /* Is it something that was made from the record? Asked about a file, or its first HPT_CODE_HEAD bytes. NULL:
     * nothing is. */
    bool (*pass)(const void *bytes, size_t length);
    HptCodeKeep keep;
    void *user;
} HptCodeSpec;

typedef struct {
    char *canonical; /* NUL-terminated */
    size_t length;
    HptDigest digest;
} HptCode;

/* A tree, and what was seen of it last. */
typedef struct HptCodeTree HptCodeTree;
HptCodeTree *hpt_code_tree_new(const HptCodeSpec *spec); /* copied; touches no disk */
void hpt_code_tree_free(HptCodeTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptCodeTree, hpt_code_tree_free)

/* The tree as it is now; borrowed until the next look. Never fails: what cannot be read is missing.
 *
 * Cost: a stat of each entry; nothing is read and git is not run while nothing has changed. A file whose
 * time of change is too near to that of its reading is read again. After a change: git, four times, and
 * the files that changed. */
const HptCode *hpt_code_tree_look(HptCodeTree *tree);

/* The next look reads everything anew. */
void hpt_code_tree_forget(HptCodeTree *tree);

/* ---- reading ---- */

typedef enum { HPT_CODE_FILE, HPT_CODE_LINK, HPT_CODE_FOLDER, HPT_CODE_MISSING } HptCodeKind;

typedef struct {
    HptCodeKind kind;
    char state; /* '=', 'M', '+'; 0: no git */
    int mode;   /* FILE, FOLDER; else -1 */
    int64_t size; /* FILE, and where it is known of what is missing; else -1 */
    HptDigest digest;  /* FILE */
    const char *path;  /* relative, never absolute and without "." or ".." among its parts; bytes. Only
                          MISSING may be ".", the whole tree */
    const char *text;  /* LINK: the target; MISSING: the reason; else NULL */
} HptCodeEntry;

typedef struct {
    const char *head; /* hexadecimal; NULL: no commit yet, or not known */
    const char *branch, *remote, *note; /* NULL: none */
    int64_t deleted;
    const char *path; /* "." is the root */
} HptCodeRepo;

/* Walks through the canonical form, which is checked on the way. */
typedef struct HptCodeReader HptCodeReader;
/* canonical is borrowed until free. Fails HPT_ERROR_DATA. */
HptCodeReader *hpt_code_reader_new(const void *canonical, size_t length,
                                   GError **error) HPT_WARN_UNUSED;
void hpt_code_reader_free(HptCodeReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptCodeReader, hpt_code_reader_free)
/* Borrowed from the reader. */
const char *hpt_code_reader_peek_directory(const HptCodeReader *reader);
const HptCodeRepo *hpt_code_reader_peek_repos(const HptCodeReader *reader, size_t *n);
/* The next entry; its strings live until the next call. False: the end, or *error HPT_ERROR_DATA. */
bool hpt_code_next(HptCodeReader *reader, HptCodeEntry *out, GError **error) HPT_WARN_UNUSED;

#endif
