#!/bin/sh
# One option table: what a tool's --help says, its manual page says too, and the completion knows.
. "${0%/*}/lint.sh"

# Options of a page: "-x" and "--long" of the items of its lists.
man_options() {
    sed -nE '/^\.It Fl/{s/\\-/-/g;s/Fl Fl /Fl -/g;p;}' "$1" | tr -s ' ,' '\n\n' |
        awk 'last == "Fl" { print "-" $0 } { last = $0 }' | sort -u
}
help_options() {
    "$1" --dump-options | awk -F'\t' '{ if ($1 != "-") print "-" $1; print "--" $2 }' | sort -u
}

for tool in $TEST_TOOLS; do
    page=$TEST_SRC/docs/man/$tool.1
    if [ ! -e "$page" ]; then
        test_ok "$tool has a manual page" 'false'
        continue
    fi
    test_ok "$tool.1 and $tool --help have the same options" '
        help_options "$tool" >help && man_options "$page" >man && test_cmp help man
    '
    test_ok "$tool.1 has the usual sections" '
        for section in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" EXAMPLES "SEE ALSO"; do
            grep -qx "\.Sh $section" "$page" || { echo "no section $section" && return 1; }
        done
    '
    test_ok "$tool is completed with all its options" '
        for kind in hpt.bash _hpt; do
            for option in $(help_options "$tool" | grep "^--"); do
                grep -qE -e "(^|[^a-z-])$option([^a-z-]|$)" "$TEST_BUILD/completion/$kind" ||
                    { echo "$kind does not know $option" && return 1; }
            done
        done
    '
done

if command -v mandoc >/dev/null; then
    lint 'mandoc has no warning about a manual page' '
        for page in docs/man/*.[157]; do mandoc -Tlint -W warning "$page"; done
    '
else
    test_skip 'mandoc has no warning about a manual page' 'mandoc is not installed'
fi

lint 'pages refer to pages that exist' '
    grep -hoE "Xr hpt[a-z-]* [157]" docs/man/*.[157] | sed "s/Xr /docs\/man\//; s/ /./" | sort -u |
        while read -r page; do test -e "$page" || echo "$page"; done
'

test_done
