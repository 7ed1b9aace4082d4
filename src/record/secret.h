/* What looks like a secret in bytes, so that it is not kept for ever.
 *
 * Three ways to know one:
 *   a form   tokens that begin with a word of their issuer's (a table of some eighty: GitHub, AWS, …), JSON
 *            web tokens, private keys in PEM
 *   a URL    scheme://user:SECRET@host; all before the @ counts
 *   a name   password, token, api_key and the like, then =, :, => or <name>, then a value of at least 8
 *            characters with a letter and a digit: WANDB_API_KEY=…, "client_secret": "…",
 *            Authorization: Bearer …, Cookie: …; in the query of a URL also key= and signature= (16
 *            characters); in arguments also --password VALUE and -u NAME:VALUE, in a text the same behind
 *            curl. It is certain where the name is that of a key and the value made by chance:
 *            aws_secret_access_key = …
 * A name must end there: num_memory_tokens=4096 is none, and no number is. Variables ($X, ${X}),
 * placeholders ({x}) and what is masked already are none.
 *
 * It is a filter, not a proof: a password that looks like a word in the middle of a sentence is not
 * seen. What is recorded without values by design (variables that are not on the list) needs no
 * filter.
 *
 * Cost: one pass; a table look-up for most bytes, a bounded look at what follows a name or a form.
 */
#ifndef HPT_RECORD_SECRET_H
#define HPT_RECORD_SECRET_H

#include "base/error.h"

typedef struct {
    const char *kind; /* "GitHub token", for people; static */
    size_t start;     /* the secret without the words in front by which it is known */
    size_t length;
    bool certain; /* false: by a name alone, which other things may have, too */
} HptSecret;

/* A window of a longer text should go on from so many bytes before its end; a private key may be
 * longer and is known by its beginning. */
#define HPT_SECRET_SPAN 4096

/* The first that begins at from or later. False: there is none. */
bool hpt_secret_find(const char *text, size_t length, size_t from, HptSecret *out) HPT_WARN_UNUSED;

/* The first in a whole file that is a reason not to keep it: one that is certain; of any kind where the
 * file's name says that it holds settings (.env, .env.local, train.env); or the file itself, where it is one
 * of passwords (.netrc, .pgpass …). Binary files (a NUL in the first 4096 bytes) have none. */
bool hpt_secret_in_file(const char *name, const char *bytes, size_t length,
                        HptSecret *out) HPT_WARN_UNUSED;

/* Is a certain one in a name of a file, a link's target, a metric? */
bool hpt_secret_in_name(const char *name) HPT_WARN_UNUSED;

/* Overwrites each with "*", so that offsets stay; how many there were. *kind (may be NULL): of the
 * first. */
size_t hpt_secret_mask(char *text, size_t length, const char **kind);

/* The same for the first size bytes of an open file, in constant memory. Fails HPT_ERROR_IO. */
bool hpt_secret_mask_fd(int fd, int64_t size, size_t *n, const char **kind,
                        GError **error) HPT_WARN_UNUSED;

/* text with "[cut]" for each; owned. */
char *hpt_secret_cut(const char *text);

/* Words of a command line with "[cut]" for each, the value after --password and the like too.
 * Owned. */
char **hpt_secret_cut_argv(const char *const *argv);

/* The first word of a command line that holds one; its index, or -1. *kind: what it is. */
int hpt_secret_in_argv(const char *const *argv, const char **kind);

#endif
