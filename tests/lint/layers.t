#!/bin/sh
# Who may include whom. A layer that is not in the table may include nothing.
. "${0%/*}/lint.sh"

cat >allowed <<'END'
base: base
num: base num
space: base num space
search: base num space search
prune: base num space prune
db: base db
store: base store
record: base record
run: base run
show: base show
study: base num space search prune db store record run show study
END
table=$PWD/allowed

lint 'every include of ours names its layer, and one that is below' '
    grep -rnE "^ *# *include \"" src --include="*.[ch]" |
        awk -F: -v table="$table" "
            BEGIN {
                while ((getline line < table) > 0) {
                    split(line, part, \":\")
                    allowed[part[1]] = part[2] \" \"
                }
            }
            {
                split(\$1, from, \"/\")
                match(\$0, /\"[^\"]*\"/)
                header = substr(\$0, RSTART + 1, RLENGTH - 2)
                split(header, to, \"/\")
                if (header != \"config.h\" &&
                    (header !~ /\// || index(allowed[from[2]], \" \" to[1] \" \") == 0))
                    print \$1 \":\" \$2 \": \" from[2] \" may not include \" header
            }"
'

lint 'tools include layers and what is in tools' '
    grep -nE "^ *# *include \"" tools/*.[ch] |
        grep -vE "\"((tools/)?[a-z_-]+\.h|(base|num|space|search|prune|db|store|record|run|show|study)/[a-z_-]+\.h)\""
'

pure=
for layer in num space search prune; do
    [ ! -d "$TEST_SRC/src/$layer" ] || pure="$pure src/$layer"
done

lint 'the pure layers read no clock, environment, file, process or socket' '
    grep -rnE "^ *# *include <(time|unistd|fcntl|poll|signal|pthread|dirent|spawn|sys/|netinet/|libpq)" $pure
    calls "getenv|g_getenv|g_get_[a-z_]*time|g_file_[a-z_]*|g_dir_[a-z_]*|g_spawn[a-z_]*|hpt_time_[a-z_]*" $pure
    calls "clock_gettime|clock|time|fopen|open|read|write|socket|s?rand|random|g_random_[a-z_]*" $pure
'

lint 'only the core of GLib is used' '
    grep -rnE "# *include <(gio|glib-object|glib-unix|gmodule|glib/)" src tools
    calls "g_(random|main_loop|main_context|object|signal|ascii_dtostr|ascii_formatd)[a-z_]*" src tools
'

if [ -x "$TEST_BUILD/hpt-report" ] && command -v ldd >/dev/null; then
    lint 'hpt-report is libc alone' '
        ldd "$TEST_BUILD/hpt-report" |
            grep -vE "linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|asan|ubsan|gcov|gcc_s|stdc\+\+)\."
    '
fi

test_done
