#!/bin/sh
# Calls that have no place in hpt, and what the library leaves to the tools.
. "${0%/*}/lint.sh"

lint 'no unbounded, locale-bound or shell-calling function' '
    calls "v?sprintf|strn?cpy|strn?cat|strtok(_r)?|ato[ifl]|atoll|gets|gmtime|localtime|ctime|asctime" src tools
    calls "system|popen|setlocale|tmpnam|tempnam|mktemp|g?_?alloca|usleep" src tools
    calls "signal" src tools | grep -vE "SIG_(IGN|DFL)"
'

lint 'doubles are read by base/number alone' '
    calls "strto(d|f|ld)|[fs]?scanf|g_ascii_strtod|g_strtod" src tools |
        grep -v "^src/base/number.c:"
'

lint 'the library never prints' '
    calls "v?printf|puts|putchar|perror|g_print|g_printerr|g_message|g_warning|g_critical|warnx?|errx?" src
    grep -rnE "(fprintf|fputs|fwrite|fputc|putc|fflush)\(.*(stdout|stderr)" src
'

lint 'the library never exits; a child of fork may, by _exit' '
    calls "exit|g_message|g_log" src
'

lint 'a double becomes text by hpt_number_text alone' '
    grep -rnE "\(.*\"[^\"]*%[-+ 0#]*[0-9.*]*[efgEFGaA]([^a-zA-Z]|\")" src tools --include="*.[ch]" |
        grep -vE "^src/base/(number|text)\.c"
'

lint 'no way out by goto' '
    grep -rnE "^ *goto " src tools
'

test_done
