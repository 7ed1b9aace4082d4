# Writes the C tables of embedded SQL.
#
#     awk -v what=header|source -f embed.awk FILE.sql…
#
# Files of sql/query become one statement each: the comments of the head give the types, the rest
# is the text that is sent (comment lines left out). Files of sql/schema and sql/view are kept
# byte for byte, because their digest is recorded.

function quoted(s) {
    gsub(/\\/, "&&", s)
    gsub(/"/, "\\\"", s)
    gsub(/\t/, "\\t", s)
    return s
}

function base(path) {
    sub(/.*\//, "", path)
    sub(/\.sql$/, "", path)
    return path
}

function fail(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
    failed = 1
    exit 1
}

# The part of a head line after its first n words, or up to a remark in parentheses or after ":".
function type_after(line, n,    i) {
    for (i = 0; i < n; i++)
        sub(/^[ \t]*[^ \t]+/, "", line)
    sub(/^[ \t]+/, "", line)
    sub(/[ \t]*[(:;,].*$/, "", line)
    sub(/[ \t]+$/, "", line)
    return line
}

FNR == 1 {
    files++
    path[files] = FILENAME
    name[files] = base(FILENAME)
    kind[files] = FILENAME ~ /(^|\/)sql\/query\// ? "query" : FILENAME ~ /(^|\/)sql\/schema\// ? "schema" : "view"
    in_head = kind[files] == "query"
    if (kind[files] == "query" && name[files] !~ /^[a-z][a-z0-9_]*$/)
        fail("a statement's file name is lower case letters, digits and _")
    if (kind[files] == "schema" && name[files] !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+$/)
        fail("a schema step is named NNNN_words.sql")
}

kind[files] == "query" && /^[ \t]*--/ {
    if (in_head) {
        line = $0
        sub(/^[ \t]*--[ \t]*/, "", line)
        if (line ~ /^\$[0-9]+[ \t]/) {
            n = line
            sub(/^\$/, "", n)
            if (n + 0 != params[files] + 1)
                fail("arguments are listed in order, $1 first")
            params[files]++
            param_type[files, params[files]] = type_after(line, 2)
        } else if (line ~ /^returns[ \t]+[a-z_0-9]+[ \t]+[a-z]/) {
            columns[files]++
            column_type[files, columns[files]] = type_after(line, 2)
        }
    }
    next
}

{
    if (kind[files] == "query") {
        if ($0 ~ /^[ \t]*$/)
            next
        in_head = 0
        sub(/[ \t]+$/, "")
    }
    text[files] = text[files] "\n        \"" quoted($0) "\\n\""
}

function types(kind_of, file, count,    i, out) {
    for (i = 1; i <= count; i++)
        out = out "\"" (kind_of == "param" ? param_type[file, i] : column_type[file, i]) "\", "
    return "(const char *const[]){" out "NULL}"
}

function table(of, type, symbol,    i) {
    printf "\nconst %s %s[] = {\n", type, symbol
    for (i = 1; i <= files; i++) {
        if (kind[i] != of)
            continue
        if (of == "query")
            printf "    {\"%s\",%s,\n     %d, %s,\n     %d, %s},\n", name[i], text[i], params[i], types("param", i, params[i]), columns[i], types("column", i, columns[i])
        else
            printf "    {%d, \"%s\",%s},\n", name[i] + 0, name[i], text[i]
    }
    print of == "query" ? "    {NULL, NULL, 0, NULL, 0, NULL},\n};" : "    {0, NULL, NULL},\n};"
}

END {
    if (failed)
        exit 1
    print "/* Made from sql by src/db/embed.awk: do not edit. */"
    if (what == "header") {
        print "#ifndef HPT_DB_SQL_H\n#define HPT_DB_SQL_H\n\n#include <stddef.h>\n\ntypedef enum {"
        for (i = 1; i <= files; i++)
            if (kind[i] == "query")
                print "    HPT_SQL_" toupper(name[i]) ","
        print "    HPT_SQL_COUNT\n} HptSql;\n"
        print "typedef struct {\n    const char *name, *text;\n    size_t params;\n    const char *const *param_types;\n    size_t columns;\n    const char *const *column_types;\n} HptSqlStatement;\n"
        print "typedef struct {\n    int number;\n    const char *name, *text;\n} HptSqlScript;\n"
        print "/* Indexed by HptSql, and lists that end with a NULL name. */"
        print "extern const HptSqlStatement hpt_sql_statements[];"
        print "extern const HptSqlScript hpt_sql_steps[];\nextern const HptSqlScript hpt_sql_views[];\n\n#endif"
        exit 0
    }
    print "#include \"db/sql.h\""
    table("query", "HptSqlStatement", "hpt_sql_statements")
    table("schema", "HptSqlScript", "hpt_sql_steps")
    table("view", "HptSqlScript", "hpt_sql_views")
}
