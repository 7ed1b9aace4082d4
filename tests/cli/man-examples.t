#!/bin/sh
# Runs the EXAMPLES of the manual pages: in each literal block, the lines that begin with "$ " (and
# those they go on in). A page has one project, so its blocks may build on one another.
. "${0%/*}/lib.sh"

[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

# blocks PAGE: writes block-1, block-2, … with the commands of the page; prints their names.
blocks() {
    rm -f block-*
    awk '
        /^\.Sh/ { examples = /^\.Sh EXAMPLES/ }
        !examples { next }
        /^\.Bd -literal/ { block++; literal = 1; going = 0; next }
        /^\.Ed/ { literal = 0; next }
        literal {
            if (!going && sub(/^\$ /, "") == 0)
                next
            gsub(/\\e/, "\\"); gsub(/\\-/, "-"); gsub(/\\&/, "")
            gsub(/\\\(aq/, "\047"); gsub(/\\\(dq/, "\""); gsub(/\\\(ti/, "~"); gsub(/\\\(ha/, "^")
            print > ("block-" block)
            going = /\\$/
        }' "$1"
    ls block-* 2>/dev/null | sort -t - -k 2n
}

# Things that examples may count on: a learner, a program of the reader, and data.
stand_ins() {
    mkdir -p bin
    cat >bin/svm-train.stand-in <<'END'
#!/bin/sh
echo 'Cross Validation Accuracy = 81.25%'
END
    cat >train <<'END'
#!/bin/sh
# Prints a loss that depends on the arguments and so on the trial.
printf '%s ' "$@" | cksum | awk '{ printf "loss=%.6f acc=%.6f\n", $1 % 1000 / 1000, 1 - $1 % 1000 / 1000 }'
END
    chmod +x bin/svm-train.stand-in train
    command -v svm-train >/dev/null || cp bin/svm-train.stand-in bin/svm-train
    awk 'BEGIN { for (i = 0; i < 60; i++) { r = i % 2 ? 1 : 2; a = i * 0.7
        printf "%s 1:%.4f 2:%.4f\n", (i % 2 ? "+1" : "-1"), r * cos(a), r * sin(a) } }' >heart_scale
    printf 'C real [1e-3, 1e3] [1] log\ngamma real [1e-5, 10] log\n' >space.pcs
    PATH=$PWD/bin:$PATH
}

# What readers type into.
shell=sh
command -v bash >/dev/null && shell=bash

for page in "$TEST_SRC"/docs/man/*.[157]; do
    name=${page##*/}
    mkdir -p "$name"
    cd "$name" || exit 125
    found=$(blocks "$page")
    [ -n "$found" ] || { cd .. && continue; }
    folder=$PWD
    (stand_ins)
    test_ok "$name: a project for its examples" '
        cd "$folder" && hpt-init
    '
    for block in $found; do
        missing=
        for program in jq parallel ssh scp sbatch srun xdg-open gnuplot gzip zstd psql man bash column python3; do
            grep -qE "(^|[ |;&(])$program( |$)" "$folder/$block" && ! command -v "$program" >/dev/null && missing=$program
        done
        title="$name: $(head -n 1 "$folder/$block")"
        if [ -n "$missing" ]; then
            test_skip "$title" "$missing is not installed"
        else
            test_ok "$title" '
                cd "$folder" && cat "$block" &&
                PATH="$folder/bin:$PATH" PAGER=cat $shell -e "$block"
            '
        fi
    done
    (cd "$folder" && hpt-init --stop >/dev/null 2>&1)
    cd "$TEST_ROOT/work" || exit 125
done

test_done
