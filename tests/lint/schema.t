#!/bin/sh
# Schema steps: each has a number of its own, and no number is left out but those that are named here.
. "${0%/*}/lint.sh"

# Numbers that no step has: they were taken and came to nothing before there was a release. None is added to these.
unused='0011 0012 0013'
there=$PWD/there

lint 'a step is called NNNN_name.sql' '
    ls sql/schema | grep -vE "^[0-9]{4}_[a-z][a-z0-9_]*\.sql$"
'
lint 'no two steps have one number, nor one that is unused on purpose' '
    { ls sql/schema | cut -c 1-4 && printf "%s\n" $unused; } | sort >"$there" && uniq -d "$there"
'
lint 'numbers follow each other from 0001, but for those' '
    seq -f %04g "$(wc -l <"$there")" | diff - "$there"
'
lint 'no two steps have one name' '
    ls sql/schema | cut -c 6- | sort | uniq -d
'
lint 'no step begins or ends a transaction: each is one already' '
    grep -niE "^ *(begin|commit|rollback|vacuum)\b *;|concurrently" sql/schema/*.sql
'
test_done
