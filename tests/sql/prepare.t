#!/bin/sh
# Prepares every statement of sql/query on a real server and compares the arguments and columns that
# its head promises with those the server sees.
. "${0%/*}/../cli/lib.sh"
test_need psql

# What a head says: "param TYPE" and "column NAME TYPE" lines; short names of types written out.
cat >head.awk <<'END'
function full(type) {
    if (type == "timestamptz") return "timestamp with time zone"
    if (type == "timestamptz[]") return "timestamp with time zone[]"
    return type
}
!/^[ \t]*--/ && !/^[ \t]*$/ { exit }
{ sub(/^[ \t]*--[ \t]*/, "") }
/^\$[0-9]+[ \t]/ {
    sub(/^\$[0-9]+[ \t]+[a-z_0-9]+[ \t]+/, "")
    sub(/[ \t]*[(:;,].*$/, "")
    sub(/[ \t]+$/, "")
    print "param " full($0)
}
/^returns[ \t]+[a-z_0-9]+[ \t]+[a-z]/ {
    name = $2
    sub(/^returns[ \t]+[a-z_0-9]+[ \t]+/, "")
    sub(/[ \t]*[(:;,].*$/, "")
    sub(/[ \t]+$/, "")
    print "column " name " " full($0)
}
END
# Types that src/db knows how to write and read.
known='^(param|column [a-z_0-9]+) (boolean|smallint|integer|bigint|real|double precision|text|name|bytea|json|jsonb|uuid|timestamp with time zone)(\[\])?$'

test_ok 'a database with the schema' '
    test_db .
'

for file in "$TEST_SRC"/sql/query/*.sql; do
    name=${file##*/}
    name=${name%.sql}
    test_ok "$name is as its head says" '
        awk -f head.awk "$file" >head &&
        { grep -vE "$known" head >unknown || :; } && test_empty unknown &&
        grep -v "^[[:blank:]]*--" "$file" >text &&
        count=$(grep -c "^param" head || :) &&
        used=$(grep -oE "\\$[0-9]+" text | tr -d "\$" | sort -n | tail -n 1) &&
        test_is "${used:-0}" "$count" &&
        types=$(sed -n "s/^param //p" head | paste -sd, -) &&
        values=$(sed -n "s/^param .*/null/p" head | paste -sd, -) &&
        {
            echo "prepare statement ${types:+($types)} as" && cat text && echo ";" &&
            echo "execute statement ${values:+($values)} \\gdesc"
        } >script &&
        psql -qXAt -F " " -v ON_ERROR_STOP=1 -d "$TEST_DSN" -f script >described &&
        sed -nE "s/^column [^ ]+ //p" head >wanted &&
        { grep -v "^The command has no result" described | sed "s/^[^ ]* //" >got || :; } &&
        test_cmp wanted got
    '
done

test_ok 'no statement depends on the session' '
    cd "$TEST_SRC/sql" &&
    ! grep -rniE "^[^-]*(\blisten\b|\bnotify\b|pg_advisory_lock|temp table|\bset +session\b)" \
        query schema view
'

test_done
