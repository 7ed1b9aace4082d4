/* The command template: words with placeholders in, the argv of a trial out.
 *
 *   {name}            the value's text, anywhere in a word
 *   {-g gamma}        a word of its own: the two words "-g" VALUE when active, else no word
 *   {--gamma= gamma}  a word of its own: the one word "--gamma=VALUE" when active, else no word
 *   {name:-TEXT}      the value, or TEXT when inactive
 *   {{ and }}         literal braces
 * name is a parameter or one of hpt.trial hpt.seed hpt.dir hpt.params hpt.fold hpt.budget
 * hpt.resume hpt.worker hpt.slot. In {FLAG name} the flag begins with "-" or ends with "=".
 *
 * Braces whose content has none of these forms pass untouched: awk '{print $1}', {}, {a,b}, JSON.
 * One plain word in braces that names nothing is an error, never text: write {{print}}.
 * "}}" is two closing braces where foreign braces are open, so {"a":{"b":{x}}} works as it reads.
 * ${name} is left to the shell; it is refused when name is a parameter, since either may be meant.
 *
 * Without a shell (the rule) a value is always part of exactly one word and nothing reads it again.
 * A value that begins with "-" is passed as it is: it comes from the domain that the user wrote
 * (-1.5, or '-O3' in a list of compiler flags), and no value from outside a domain gets here.
 * The hpt.* texts never begin with "-"; expanding one that does fails.
 *
 * With a shell (-S) the words, joined by blanks, are one script for sh -c, and {-g gamma} may stand
 * anywhere in it. A value of safe characters (hpt_text_shell_quote leaves it alone) is put in its
 * place; any other is assigned, quoted, to a variable in front of the script and referred to as
 * "$hpt_1", so that the shell never parses it, whatever quotes or substitutions surround it.
 */
#ifndef HPT_RUN_TEMPLATE_H
#define HPT_RUN_TEMPLATE_H

#include "base/error.h"

typedef struct HptTemplate HptTemplate;

typedef struct {
    const char *const *names; /* the parameters, NULL-terminated (hpt_space_get_names) */
    const bool *conditional;  /* one a name: may be inactive; NULL: none is */
    const bool *constant;     /* one a name: need not be used; NULL: none is */
    bool folds, repeats, budget; /* is there a {hpt.fold}, {hpt.repeat}, {hpt.budget}? hpt.resume is
                                    conditional, and comes with a budget */
    bool allow_unused;
    bool shell;
    bool worker; /* the command runs many trials: only hpt.slot and hpt.worker are known to it */
} HptTemplateRules;

/* Parses the words of a command, NULL-terminated, at least one. Fails HPT_ERROR_USAGE, message with
 * "argument N 'WORD': " (N counts from 1 = the command itself):
 *   - an unknown placeholder, with a suggestion; a fold or budget that the study does not have,
 *     anything of one trial in the command of a persistent worker
 *   - a bare {gamma} of a conditional parameter: an empty word or "--gamma=" would be left behind
 *   - {-g gamma} inside a longer word (without shell)
 *   - a placeholder in a here-document (with shell), unless that is inside "$(…)"
 *   - a parameter, not constant, that is never used although another one is. HPT_PARAM_name (or
 *     HPT_PARAMS, which holds them all) in a word counts as use. A command that names no parameter
 *     at all is taken to read the environment or the JSON file: see hpt_template_get_note.
 *   - a word that is not UTF-8: the record is text */
HptTemplate *hpt_template_parse(const char *const *words, const HptTemplateRules *rules,
                                GError **error) HPT_WARN_UNUSED;
void hpt_template_free(HptTemplate *template);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HptTemplate, hpt_template_free)

/* A note for people, or NULL. Borrowed. */
const char *hpt_template_get_note(const HptTemplate *template);

/* The record's text: a canonical JSON array of the words as written, or for a shell template
 * {"shell":true,"words":[…]}. Borrowed. */
const char *hpt_template_get_canonical(const HptTemplate *template);

/* The text of a parameter or hpt.* name, NULL when inactive; borrowed until the next call. */
typedef const char *(*HptTemplateValue)(const char *name, void *user);

/* The argv of one trial, owned (g_strfreev). Fails HPT_ERROR_DATA if a bare placeholder's value is
 * missing, or an hpt.* text begins with "-". */
char **hpt_template_expand(const HptTemplate *template, HptTemplateValue value, void *user,
                           GError **error) HPT_WARN_UNUSED;

/* "HPT_PARAM_" and name with every byte but letters, digits and "_" turned to "_"; owned. */
char *hpt_template_env_name(const char *name);

/* The study's name when none is given: the base name of the command's first word. Owned. */
char *hpt_template_study_name(const char *const *words);

#endif
