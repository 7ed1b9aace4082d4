#!/bin/sh
# hpt-replay with real programs: what is run again is the same, byte for byte, and what was changed on purpose is
# the first cause that is named. A program that is not installed is skipped.
. "${0%/*}/fault.sh"
test_need psql
unset TZ OMP_NUM_THREADS OPENBLAS_NUM_THREADS OPENBLAS_CORETYPE MKL_NUM_THREADS

sql() { psql -qXAt -d "$TEST_DSN" -c "$*"; }
trials=$(scaled 10)
# The folder with the libblas.so.3 of an OpenBLAS.
: "${FAULT_OPENBLAS:=$(dirname "$(ls /usr/lib/*/openblas*/libblas.so.3 2>/dev/null | head -n 1)")}"
said=$PWD/said
# same STUDY: every trial of it is run again, and all is identical.
same() {
    same_trials=0
    for same_trial in $(sql "select trial from hpt.trial where study = '$1' and state = 'complete' order by 1"); do
        hpt-replay -q -H "$1/$same_trial" >same.out || { cat same.out && return 1; }
        cut -f 1-3 same.out | grep '^result' | grep -vE '	(identical|measured)$' && return 1
        same_trials=$((same_trials + 1))
    done
    echo "$1: $same_trials replays, all identical" >>"$said" && test "$same_trials" -eq "$trials"
}
# first_cause WANTED STUDY ARGUMENT...: its first trial differs now, and this is the first cause.
first_cause() {
    first_wanted=$1 && first_study=$2 && shift 2 && test_exit 1 hpt-replay "$@" "$first_study/0" >out 2>err &&
        grep '^cause' out >causes && test_is "$(head -n 1 causes | cut -f 6)" "$first_wanted" &&
        echo "$first_study $*: $(sed -n 's/.*likeliest/likeliest/p' err)" >>"$said"
}
have() {
    case $1 in
    svm) command -v svm-train >/dev/null ;;
    gcc) command -v gcc >/dev/null ;;
    R) command -v Rscript >/dev/null ;;
    sklearn) /usr/bin/python3 -c 'import sklearn, numpy' 2>/dev/null ;;
    blas) have sklearn && [ -e "$FAULT_OPENBLAS/libblas.so.3" ] ;;
    esac
}
# with PROGRAM TITLE BODY: a test, if the program is there.
with() {
    if have "$1"; then test_ok "$2" "$3"; else test_skip "$2" "$1 is not installed"; fi
}
run() { hpt-run -q --print=none -t "$trials" -j 2 "$@"; }

awk 'BEGIN { for (i = 0; i < 300; i++) { r = i % 2 ? 1 : 2; a = i * 0.7
    printf "%s 1:%.4f 2:%.4f 3:%.4f\n", (i % 2 ? "+1" : "-1"), r * cos(a), r * sin(a), (i * 37 % 101) / 101 } }' >data
cat >svm <<'END'
#!/bin/sh
svm-train -q -c "$1" -g "$2" data "$HPT_DIR/model" && svm-train -q -c "$1" -g "$2" -v 5 data
END
cat >program.c <<'END'
#include <math.h>
#include <stdio.h>
int main(void)
{
    double sum = 0;
    for (int i = 1; i < 100000; i++)
        sum += sin(i) * SCALE;
    printf("loss=%.17g\n", sum);
    return 0;
}
END
cat >compile <<'END'
#!/bin/sh
gcc -g -O"$1" -DSCALE="$2" -c program.c -o "$HPT_DIR/program.o" && gcc "$HPT_DIR/program.o" -lm -o "$HPT_DIR/program" && "$HPT_DIR/program"
END
cat >fit.R <<'END'
a <- as.numeric(commandArgs(TRUE))
set.seed(as.integer(Sys.getenv("HPT_SEED")))
x <- matrix(rnorm(4000), 400); y <- x[, 1] * a[1] + rnorm(400)
m <- lm(y ~ x)
saveRDS(coef(m), file.path(Sys.getenv("HPT_DIR"), "model.rds"))
cat(format(Sys.time(), "%H:%M"), file = "/dev/null")
cat(sprintf("loss=%.17g\n", sum(residuals(m)^2)))
END
cat >fit.py <<'END'
import os, pickle, sys
import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
rng = np.random.default_rng(int(os.environ["HPT_SEED"]))
x = rng.normal(size=(400, 60)); y = x @ rng.normal(size=60) + np.sin(x[:, 0])
forest = RandomForestRegressor(int(sys.argv[1]), random_state=1).fit(x, y)
ridge = Ridge(float(sys.argv[2])).fit(x, y)
pickle.dump((forest, ridge.coef_), open(os.environ["HPT_DIR"] + "/model.pickle", "wb"))
print("loss=%r" % float(np.mean((y - forest.predict(x)) ** 2) + np.mean((y - ridge.predict(x)) ** 2)))
END
# Sums in the order that the kernel of BLAS has.
cat >blas.py <<'END'
import numpy as np
rng = np.random.default_rng(1)
a = rng.normal(size=(300, 300)); b = np.linalg.solve(a @ a.T + np.eye(300), a)
print("loss=%r" % float(b.sum()))
END
cat >zone <<'END'
#!/bin/sh
date -d @86400 '+hour %H' >"$HPT_DIR/hour"
echo loss=1
END
chmod +x svm compile zone

test_ok 'a project' test_db
with svm 'svm-train' 'run -s svm -m "acc:max:re=Accuracy = ([0-9.]+)%" C=0.1..100:log g=0.01..10:log -- ./svm {C} {g} && same svm'
with gcc 'a compilation by gcc' 'run -s gcc -m loss O=0,1,2,3:cat s=0.5..2.0 -- ./compile {O} {s} && same gcc'
with R 'a script of R' 'run -s r -m loss a=0.5..2.0 -- Rscript fit.R {a} && same r'
with sklearn 'a fit of scikit-learn' 'run -s sklearn -m loss n=5..50 alpha=0.01..10:log -- /usr/bin/python3 fit.py {n} {alpha} && same sklearn'
with blas 'OpenBLAS: the kernel and the number of threads' '
    LD_LIBRARY_PATH="$FAULT_OPENBLAS" OPENBLAS_CORETYPE=Haswell OPENBLAS_NUM_THREADS=1 \
        hpt-run -q --print=none -t 1 -s blas -m loss --allow-unused x=0.0..1.0 -- /usr/bin/python3 blas.py &&
    OPENBLAS_CORETYPE=Prescott OPENBLAS_NUM_THREADS=4 hpt-replay -q blas/0 >out &&
    first_cause "threads and BLAS" blas --set=OPENBLAS_CORETYPE=Prescott && first_cause "threads and BLAS" blas --set=OPENBLAS_NUM_THREADS=2 &&
    hpt-replay -q --tolerance=loss=1e-10 --tolerance=stdout=1e-10 --set=OPENBLAS_NUM_THREADS=2 blas/0
'
cat >library.c <<'END'
double scale(void) { return SCALE; }
END
cat >uses.c <<'END'
#include <stdio.h>
double scale(void);
int main(void) { printf("loss=%g\n", scale()); return 0; }
END
with gcc 'a library that was upgraded' '
    mkdir -p "$TEST_ROOT/lib" && gcc -shared -fPIC -DSCALE=1 library.c -o "$TEST_ROOT/lib/libscale.so" &&
    gcc uses.c -L"$TEST_ROOT/lib" -Wl,-rpath,"$TEST_ROOT/lib" -lscale -o uses && hpt-run -q --print=none -t 1 -s library -m loss --allow-unused x=0.0..1.0 -- ./uses &&
    hpt-replay -q library/0 >out && gcc -shared -fPIC -DSCALE=2 library.c -o "$TEST_ROOT/lib/libscale.so" && first_cause library library
'
test_ok 'an input that was edited' '
    echo 5 >"$TEST_ROOT/table" && hpt-run -q --print=none -t 1 -s edited -m loss --allow-unused x=0.0..1.0 -- sh -c "echo loss=\$(cat ../table)" &&
    hpt-replay -q edited/0 >out && echo 6 >"$TEST_ROOT/table" && first_cause input edited
'
test_ok 'a time zone' '
    TZ=UTC hpt-run -q --print=none -t 1 -s zone -m loss --allow-unused x=0.0..1.0 -- ./zone && TZ=Asia/Tokyo hpt-replay -q zone/0 >out &&
    first_cause "locale and time zone" zone --set=TZ=Asia/Tokyo
'
while read -r line; do say "$line"; done <"$said"
test_done
