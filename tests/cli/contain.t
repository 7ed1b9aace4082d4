#!/bin/sh
# What trials are kept in and given: containment, limits, cores, GPUs, the prefix; and who ended them.
. "${0%/*}/lib.sh"

sql() {
    hpt-query -H "$1"
}
run() {
    hpt-run -q --print=none "$@"
}
# detail STUDY KEY: of its only trial.
detail() {
    sql "select details->>'$2' from trial where study = '$1'"
}
cause() {
    sql "select state, cause from trial where study = '$1'"
}
gone() {
    ! kill -0 "$1" 2>/dev/null
}
# followers_are N FILE: so many processes follow it.
followers_are() {
    test_is "$(pgrep -cf "^tail -f $2")" "$1"
}
test_need pgrep
test_ok 'a project' 'test_db'

# ---- --contain ----

cat >leaves <<'EOT'
#!/bin/sh
# Two processes that nobody waits for, known by what they follow.
setsid tail -f "$1" & setsid env -i tail -f "$1" &
until [ "$(pgrep -cf "^tail -f $1")" -ge 2 ]; do :; done
echo loss=1
EOT
chmod +x leaves
modes=
for mode in namespace subreaper cgroup; do
    : >"followed-$mode"
    if hpt-run -q --print=none --contain=$mode -s "try-$mode" -t 1 x=0.0..1.0 -- true 2>err; then
        modes="$modes $mode"
        test_ok "--contain=$mode is what the record says, and nothing is left" '
            run --contain=$mode -s "in-$mode" -t 3 -m loss x=0.0..1.0 -- ./leaves "$PWD/followed-$mode" &&
            test_is "$(sql "select distinct state, details->>'"'containment'"', details->>'"'processes_left_behind'"' from trial where study = '"'in-$mode'"'")" \
                "complete	$mode	2" &&
            followers_are 0 "$PWD/followed-$mode"
        '
    else
        test_skip "--contain=$mode" "$(sed 's/^hpt-run: //; 1q' err)"
    fi
done
test_ok '--contain=subreaper can be had everywhere' 'case $modes in *subreaper*) ;; *) false ;; esac'
test_ok '--contain takes one of four words' '
    test_exit 2 run --contain=jail -s no -t 1 x=0.0..1.0 -- true 2>err && test_grep "auto, namespace, subreaper, cgroup" err
'
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    # The ordinary user needs programs and a place that are open to everybody.
    open=$(mktemp -d /tmp/hpt-contain-t-XXXXXX) || exit 125
    finish() {
        rm -rf "$open"
        test_cleanup
    }
    trap finish EXIT
    chmod 755 "$open"
    for tool in hpt-run hpt-init hpt-query hpt-contain; do
        cp "$TEST_BUILD/$tool" "$open/" && chmod 755 "$open/$tool" || exit 125
    done
    mkdir "$open/plain" "$open/user" && chown 65534:65534 "$open/plain" "$open/user" || exit 125
    # In a folder of cgroups that it may not write to, or where there is none, it cannot have one.
    test_ok '--contain=cgroup where it cannot be had: said why, and nothing is recorded' '
        cd "$open/plain" && cat >try <<-EOT &&
		export HOME=\$PWD PATH="$open:$PATH"
		hpt-run -q --print=none --contain=cgroup -d "dbname=none host=/nowhere" -s no -t 1 x=0.0..1.0 -- true
		EOT
        test_exit 125 setpriv --reuid 65534 --regid 65534 --clear-groups sh try 2>err &&
        test_grep "cannot be contained by cgroup here: .*(ermission denied|version 2)" err
    '
    test_ok 'an ordinary user keeps the numbers of user and group in a namespace' '
        cd "$open/user" && cat >try <<-EOT &&
		export HOME=\$PWD PATH="$open:$PATH"
		hpt-init -q >/dev/null &&
		hpt-run -q --print=none -s ids -t 1 -m uid:track -m gid:track x=0.0..1.0 -- sh -c \
		    "echo uid=\\\$(id -u) gid=\\\$(id -g)" &&
		hpt-query -H "select uid, gid from ids" &&
		hpt-query -H "select details->>'"'containment'"' from trial" && hpt-init --stop
		EOT
        setpriv --reuid 65534 --regid 65534 --clear-groups sh try >out && cat out &&
        test_is "$(head -n 1 out)" "65534	65534"
    '
else
    test_skip 'an ordinary user' 'needs root and setpriv'
fi
test_ok 'the way is part of the study; --extend changes it' '
    run -s way --contain=subreaper -t 1 x=0.0..1.0 -- true &&
    test_exit 2 run -s way -t 2 x=0.0..1.0 -- true 2>err && test_grep "contain .*- subreaper" err &&
    run -s way --extend -t 2 x=0.0..1.0 -- true && run -s way --more=1 &&
    test_is "$(sql "select trial, details->>'"'containment'"' = '"'subreaper'"' from trial where study = '"'way'"' and trial = 0")" "0	true"
'
cat >waits <<'EOT'
#!/bin/sh
test -e go || { setsid tail -f "$1" & tail -f "$1" & : >started; wait; }
echo loss=1
EOT
chmod +x waits
for mode in $modes; do
    rm -f started go
    test_ok "kill -9 of hpt-run, $mode: nothing of the trial is alive" '
        { hpt-run -q --contain=$mode -s "kill-$mode" -t 1 -m loss x=1..9 -- ./waits "$PWD/followed-$mode" >out 2>err & pid=$!; } &&
        test_wait 120 test -e started && test_wait 120 followers_are 2 "$PWD/followed-$mode" && kill -9 $pid &&
        { wait $pid; test_wait 120 followers_are 0 "$PWD/followed-$mode"; } &&
        touch go && run -s "kill-$mode" && test_is "$(sql "select state, attempt from trial where study = '"'kill-$mode'"'")" "complete	2"
    '
done

# ---- limits ----

# Holds 200 MB until it is ended.
cat >grows <<'EOT'
#!/bin/sh
(head -c 200000000 /dev/zero; exec tail -f /dev/null) | tail -n 1
EOT
chmod +x grows
test_ok '--limit-mem: the cause names limit and size' '
    test_exit 1 run -s mem --limit-mem=40M --timeout=60s -t 1 -m loss x=0.0..1.0 -- sh -c ./grows 2>err &&
    cause mem | grep -qE "^failed	memory limit 40M exceeded \([0-9.]+[MG]\)$"
'
test_ok '--limit-cpu counts all processes' '
    test_exit 1 run -s cpu --limit-cpu=200ms --timeout=60s -t 1 -m loss x=0.0..1.0 -- sh -c "(while :; do :; done) & while :; do :; done" 2>err &&
    test_is "$(cause cpu)" "failed	CPU limit 0.2s exceeded"
'
cat >burns <<'EOT'
#!/bin/sh
used=0
while [ "$used" -lt 60 ]; do # hundredths of a second
    read -r stat </proc/self/stat
    # shellcheck disable=SC2086 # fields
    set -- ${stat##*) }
    used=$((${12} + ${13}))
done
echo loss=1
EOT
chmod +x burns
test_ok '--limit-cpu is each trial its own: those before it do not count' '
    run -s cpus --limit-cpu=2s --timeout=60s -t 4 -m loss --allow-unused x=0.0..1.0 -- ./burns 2>err &&
    test_is "$(sql "select count(*) from trial where study = '"'cpus'"' and state = '"'complete'"'")" 4
'
test_ok 'the peak of memory is that of the process that had it, left behind or not' '
    test_exit 1 run -s peak --limit-mem=60M --timeout=60s -t 1 -m loss x=0.0..1.0 -- sh -c "./grows; :" 2>err &&
    test_is "$(sql "select max_rss_bytes > 40000000 from trial where study = '"'peak'"'")" true
'
test_ok 'limits are part of the study: another is a difference, and --extend changes it' '
    test_exit 2 run -s mem --limit-mem=50M --timeout=60s -t 2 -m loss x=0.0..1.0 -- sh -c ./grows 2>err &&
    test_grep "memory .*- 41943040" err && test_grep "extend makes it a new version" err &&
    test_exit 2 run -s cpu --limit-cpu=1s 2>err && test_grep "limit-cpu without a command" err
'
test_ok 'a study of limits, resumed by its name, has them still' '
    test_exit 1 run -s cpu --more=1 2>err && test_is "$(sql "select count(*) from trial where study = '"'cpu'"' and cause = '"'CPU limit 0.2s exceeded'"'")" 2
'
test_ok '--limit-mem and --limit-cpu take a size and a duration' '
    test_exit 2 run --limit-mem=lots -s no -t 1 x=0.0..1.0 -- true 2>err && test_grep "^hpt-run: --limit-mem: " err &&
    test_exit 2 run --limit-cpu=lots -s no -t 1 x=0.0..1.0 -- true 2>err && test_grep "^hpt-run: --limit-cpu: " err
'

# ---- who ended it ----

cat >stays <<'EOT'
#!/bin/sh
test -e go || { echo $$ >started.new && mv started.new started && exec tail -f /dev/null; }
echo loss=1
EOT
chmod +x stays
# hpt-run waits a second for a signal of its own: here it has it within that, or it is tried again.
dies_before() {
    rm -f started
    { hpt-run -q --contain=subreaper -s "$1" -t 1 -m loss x=1..9 -- ./stays >out 2>err & pid=$!; }
    test_wait 120 test -s started && trial=$(cat started) && begun=$(date +%s%N) && kill -TERM "$trial" && test_wait 120 gone "$trial" && kill -TERM $pid &&
        took=$((($(date +%s%N) - begun) / 1000000))
    wait $pid
    test_is "$?" 143 && echo "$took ms"
}
rm -f go
test_ok 'a trial that dies of TERM when hpt-run gets it a moment later is interrupted, not lost' '
    try=0 && until try=$((try + 1)) && dies_before "slurm$try" && [ $took -lt 800 ]; do [ $try -lt 100 ] || return 1; done &&
    test_is "$(sql "select outcome, cause from attempt where study = '"'slurm\$try'"'")" "cancelled	interrupted by SIGTERM from pid $$ (uid $(id -u))" &&
    test_is "$(sql "select state from trial where study = '"'slurm\$try'"'")" waiting
'
rm -f started go
test_ok 'somebody else'"'"'s TERM alone: lost, and run again' '
    { hpt-run -q --contain=subreaper -s other -t 1 -m loss x=1..9 -- ./stays >out 2>err & pid=$!; } &&
    test_wait 120 test -s started && touch go && kill -TERM "$(cat started)" && wait $pid &&
    test_is "$(sql "select outcome, cause from attempt where study = '"'other'"' order by attempt")" \
"lost	signal 15 (SIGTERM)
complete	exit status 0"
'

# ---- cores and GPUs ----

cpus=$(nproc)
test_ok '--cores: each slot its own, in the record and in the environment' '
    run -s cores -j "$cpus" --cores=1 -t $((4 * cpus)) -m n:track -m omp:track x=0.0..1.0 -- sh -c \
        "echo n=\$(nproc) omp=\$OMP_NUM_THREADS" &&
    test_is "$(sql "select distinct n, omp from cores")" "1	1" &&
    sql "select count(distinct details->>'"'cores'"') = count(distinct slot), bool_and(details->>'"'cores'"' ~ '"'^[0-9]+$'"') from trial where study = '"'cores'"'" >out &&
    test_is "$(cat out)" "true	true"
'
test_ok '--cores beyond what there is names both' '
    test_exit 2 run -s no -j 2 --cores="$cpus" -t 1 x=0.0..1.0 -- true 2>err &&
    test_grep "jobs=2 with --cores=$cpus needs $((2 * cpus)) CPUs, and this process may use $cpus" err
'
test_ok '--cores leaves a number of threads that was given' '
    OMP_NUM_THREADS=7 run -s omp --cores=1 -t 1 -m omp:track -m mkl:track x=0.0..1.0 -- sh -c "echo omp=\$OMP_NUM_THREADS mkl=\$MKL_NUM_THREADS" &&
    test_is "$(sql "select omp, mkl from omp")" "7	1"
'
a=cli$$a b=cli$$b
cat >gpu <<'EOT'
#!/bin/sh
# Two at a time never have the same: mkdir is the judge.
mkdir "gpu-$HPT_GPUS" || exit 7
test "$CUDA_VISIBLE_DEVICES" = "$HPT_GPUS" && test "$ROCR_VISIBLE_DEVICES" = "$HPT_GPUS" &&
    test "$HIP_VISIBLE_DEVICES" = 0 && env | grep -c ^CUDA_VISIBLE_DEVICES= | grep -qx 1 && echo loss=1
rmdir "gpu-$HPT_GPUS"
EOT
chmod +x gpu
test_ok '--gpus: handed out, one for each trial, never shared, not between two hpt-run either' '
    { CUDA_VISIBLE_DEVICES=$a,$b hpt-run -q --print=none -s gpus -j 2 --gpus=all -t 40 -m loss x=0.0..1.0 -- ./gpu 2>err1 & pid=$!; } &&
    CUDA_VISIBLE_DEVICES=$a,$b hpt-run -q --print=none -s gpus2 -j 1 --gpus=$b, -t 20 -m loss x=0.0..1.0 -- ./gpu 2>err2 && wait $pid &&
    test_is "$(sql "select study, count(*), min(state), max(state) from trial where study in ('"'gpus', 'gpus2'"') group by 1 order by 1")" \
"gpus	40	complete	complete
gpus2	20	complete	complete" &&
    test_is "$(sql "select distinct details->>'"'gpus'"' from attempt where study = '"'gpus2'"'")" $b
'
test_ok '--gpus-per-trial' '
    CUDA_VISIBLE_DEVICES=$a,$b run -s both --gpus=all --gpus-per-trial=2 -t 1 x=0.0..1.0 -- true &&
    test_is "$(detail both gpus)" "$a,$b" &&
    CUDA_VISIBLE_DEVICES=$a,$b test_exit 2 run -s no -j 2 --gpus=all --gpus-per-trial=2 -t 1 x=0.0..1.0 -- true 2>err &&
    test_grep "needs 4 GPUs, and CUDA_VISIBLE_DEVICES shows 2" err &&
    test_exit 2 run -s no --gpus-per-trial=2 -t 1 x=0.0..1.0 -- true 2>err && test_grep "gpus-per-trial needs --gpus" err
'
if command -v flock >/dev/null; then
    lock=/run/lock/hpt-gpu-$a
    [ -e "$lock" ] || lock=/tmp/hpt-gpu-$a
    test_ok 'a GPU that is held by others is waited for' '
        mkfifo release && { flock "$lock" sh -c "read -r line <release" & holder=$!; } &&
        test_wait 120 sh -c "! flock -n $lock true" &&
        { CUDA_VISIBLE_DEVICES=$a hpt-run --print=none -s late --gpus=all -t 1 x=0.0..1.0 -- true 2>err & pid=$!; } &&
        test_wait 120 test_grep "waiting for a GPU" err && test_is "$(sql "select count(*) from trial where study = '"'late'"'")" 0 &&
        echo go >release && wait $holder && wait $pid && test_is "$(detail late gpus)" $a
    '
else
    test_skip 'a GPU that is held by others is waited for' 'flock is not installed'
fi
rm -f /run/lock/hpt-gpu-cli$$? /tmp/hpt-gpu-cli$$?

# ---- --via ----

test_ok '--via: a prefix for every trial, its words as in a shell; the record keeps the trial'"'"'s own' '
    run -s via2 --via "nice -n 5" -t 1 -m n:track x=3..4 -- sh -c "echo n=\$(nice)" &&
    test_is "$(sql "select n from via2")" "$(nice -n 5 nice)" && test_is "$(detail via2 via)" "nice -n 5" &&
    run -s via3 --via "env '"'A=c d'"'" -t 1 -m n:track x=3..4 -- sh -c "test \"\$A\" = \"c d\" && echo n=1" &&
    test_is "$(sql "select n from via3")" 1 &&
    sql "select argv from trial where study = '"'via2'"'" >out && test_no_grep nice out
'
test_ok '--via: its first word must be there, and its quotes closed' '
    test_exit 127 run -s no --via "no-such-launcher -n1" -t 1 x=0.0..1.0 -- true 2>err && test_grep "via: .*no-such-launcher" err &&
    test_exit 2 run -s no --via " " -t 1 x=0.0..1.0 -- true 2>err && test_grep "via: no words" err &&
    test_exit 127 run -s no -t 1 x=0.0..1.0 --quiet -- true 2>err && test_grep "options stand before the first" err &&
    test_exit 2 run -s no --via "env '"'"'x" -t 1 x=0.0..1.0 -- true 2>err && test_grep "via: " err
'
test_done
