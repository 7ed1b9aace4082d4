#!/bin/sh
# hpt-run --worker: one process for many trials. A worker in sh is always tested, those of the guide
# where their languages are.
. "${0%/*}/lib.sh"

run() {
    hpt-run -q --progress=none --pruner=none --print=none "$@"
}
sql() {
    hpt-query -H "$1"
}
# printed STUDY TRIAL: what is kept of its standard output.
printed() {
    sql "select convert_from(bytes, 'utf8') from artefact join object using (digest)
        where study = '$1' and trial = $2 and kind = 'stdout'" | sed 's/\\n/\
/g' | grep .
}
cat >worker.sh <<'EOS'
# A worker in plain sh; sourced with trial() defined. $x, $t, $seed, $dir are the trial's.
# A number or string of the message, which is written as hpt writes all JSON.
member() {
    printf '%s\n' "$job" | sed 's/.*"'"$1"'":"\{0,1\}\([^,"}]*\).*/\1/'
}
say() {
    printf '%s\n' "$1" >&4
}
done_with() {
    say '{"type":"done","trial":'"$t"',"state":"'"${2:-complete}"'","metrics":{"loss":'"$1"'}}'
}
serve() {
    say '{"type":"ready","protocol":1}'
    n=0
    while read -r job <&3; do
        case $job in *'"type":"bye"'*) exit 0 ;; esac
        x=$(member x) t=$(member trial) seed=$(member seed) dir=$(member dir) n=$((n + 1))
        trial
    done
}
EOS
# worker NAME BODY: a worker whose trial does that.
worker() {
    printf '#!/bin/sh\n. ./worker.sh\ntrial() {\n%s\n}\nserve\n' "$2" >"$1" && chmod +x "$1"
}
worker plain 'echo "trial $t of process $$"; echo "$seed" >"$dir/seed"; done_with "$x"'

test_ok 'a project' 'test_db'

test_ok '--worker: trials share a process, and the record says so' '
    run -s plain --worker -t 4 -m loss --seed=1 x=0.0..1.0 -- ./plain &&
    test_is "$(sql "select count(*), count(distinct loss) from plain where loss = x")" "4	4" &&
    test_is "$(sql "select trial, details - '"'trace'"' from attempt where study = '"'plain'"' order by trial")" \
"0	{\"persistent_worker\": true, \"persistent_worker_trials\": 0}
1	{\"persistent_worker\": true, \"persistent_worker_trials\": 1}
2	{\"persistent_worker\": true, \"persistent_worker_trials\": 2}
3	{\"persistent_worker\": true, \"persistent_worker_trials\": 3}"
'
test_ok 'what it prints and leaves belongs to the trial' '
    printed plain 2 >out && test_grep "^trial 2 of process [0-9]+$" out &&
    test_is "$(wc -l <out)" 1 &&
    test_is "$(sql "select path from artefact where study = '"'plain'"' and trial = 2 order by path")" "seed
stdout"
'
test_ok 'the same line again is the same study, without --worker it is another' '
    run -s plain --worker -t 5 -m loss --seed=1 x=0.0..1.0 -- ./plain &&
    test_is "$(sql "select count(*) from plain")" 5 &&
    hpt-run -q --print=none -s plain -t 6 && test_is "$(sql "select count(*) from plain")" 6 &&
    test_exit 2 run -s plain -t 7 -m loss --seed=1 x=0.0..1.0 -- ./plain 2>err &&
    test_grep "^  worker   - yes" err
'
test_ok '--jobs: each slot has its worker' '
    worker slots '"'"'echo "$$ $HPT_SLOT $HPT_STUDY" >>pids; done_with 1'"'"' &&
    run -s slots --worker -j 3 -t 30 -m loss x=0.0..1.0 -- ./slots &&
    test "$(sort -u pids | wc -l)" -le 3 && test_is "$(wc -l <pids)" 30 &&
    test_is "$(awk "\$3 != \"slots\" || \$2 > 2" pids)" ""
'
test_ok 'placeholders: one of a trial is refused, one of the slot is not' '
    test_exit 2 run -s p --worker -t 1 -m loss x=0.0..1.0 -- ./plain {x} 2>err &&
    test_grep "argument 2 .\{x\}.: \{x\} is another one in each trial" err && test_grep "^hint: .*hpt-worker" err &&
    test_exit 2 run -s p --worker -t 1 -m loss x=0.0..1.0 -- ./plain {hpt.seed} 2>err &&
    test_grep "\{hpt.seed\} is another one" err &&
    run -s p --worker -t 1 -m loss x=0.0..1.0 -- ./plain {hpt.slot}
'
test_ok 'what a worker is given by its messages excludes what others are given by their start' '
    test_exit 2 run -s q --worker --stdin=json -t 1 -m loss x=0.0..1.0 -- ./plain 2>err &&
    test_grep "worker and --stdin=json exclude each other" err &&
    test_exit 2 run -s q --worker --chdir=trial -t 1 -m loss x=0.0..1.0 -- ./plain 2>err &&
    test_grep "worker and --chdir=trial exclude each other" err &&
    test_exit 2 run --worker -s plain -t 9 2>err && test_grep "worker without a command" err
'
test_ok '--max-restarts: a worker that dies fails its trial alone, and is not started for ever' '
    worker dies '"'"'[ $((t % 3)) -ne 1 ] || exit 3; done_with 1'"'"' &&
    test_exit 5 run -s dies --worker --max-restarts=0 -t 6 -m loss x=0.0..1.0 -- ./dies 2>err &&
    test_grep "ended 1 times in a row without finishing a trial: the worker ended \(exit status 3\)" err &&
    run -s dies --worker --max-restarts=1 -t 6 -m loss x=0.0..1.0 -- ./dies &&
    test_is "$(sql "select trial, state from dies order by trial" | tr "\n" " ")" \
        "0	complete 1	failed 2	complete 3	complete 4	failed 5	complete " &&
    test_exit 2 run -s other -t 1 --max-restarts=x --worker -m loss x=0.0..1.0 -- ./plain 2>err &&
    test_grep "max-restarts takes a whole number" err
'
test_ok '--max-restarts without --worker' '
    test_exit 2 run -s none -t 1 --max-restarts=2 -m loss x=0.0..1.0 -- echo {x} 2>err &&
    test_grep "max-restarts without --worker" err
'
test_ok 'a command that is no worker is told so' '
    test_exit 5 run -s true --worker --max-restarts=0 -t 2 -m loss x=0.0..1.0 -- true 2>err &&
    test_grep "before it said .\"type\":\"ready\",\"protocol\":1. on descriptor 4" err
'
test_ok '--timeout: for being ready, and for each trial' '
    test_exit 5 run -s slow --worker --timeout=0.2s --max-failures=1 -t 1 -m loss x=0.0..1.0 -- sleep 100 &&
    test_is "$(sql "select cause from slow")" \
        "the worker did not say {\"type\":\"ready\",\"protocol\":1} on descriptor 4 in time" &&
    worker sleeper '"'"'[ "$t" -ne 1 ] || exec tail -f /dev/null; done_with 1'"'"' &&
    run -s timeout --worker --timeout=20s --max-restarts=0 -t 3 -m loss x=0.0..1.0 -- ./sleeper &&
    test_is "$(sql "select state, cause from timeout order by trial" | sed -n 2p)" "failed	timeout"
'
test_ok 'states of the protocol: failed with its reason, pruned' '
    worker states '"'"'case $t in 0) done_with 1;; 1) say "{\"type\":\"done\",\"trial\":1,\"state\":\"failed\",\"error\":\"no data\"}";;
        *) done_with 3 pruned;; esac'"'"' &&
    run -s states --worker -t 3 -m loss x=0.0..1.0 -- ./states &&
    test_is "$(sql "select state, cause from states order by trial" | tr "\n" ";")" \
        "complete	exit status 0;failed	no data;pruned	the worker stopped early by itself;"
'
test_ok 'a pruner stops a trial by the answer to its report' '
    worker steps '"'"'i=0; state=complete; while [ $i -lt 5 ]; do
        say "{\"type\":\"report\",\"trial\":$t,\"step\":$i,\"metrics\":{\"loss\":$t}}"; read -r go <&3
        case $go in *"\"continue\":false"*) state=pruned; break;; esac; i=$((i + 1)); done
        echo "$i steps"; done_with "$t" $state'"'"' &&
    hpt-run -q --print=none -s steps --worker --pruner=threshold:upper=2.5 -t 5 -m loss x=0.0..1.0 -- ./steps &&
    test_is "$(sql "select state from steps order by trial" | tr "\n" " ")" "complete complete complete pruned pruned " &&
    test_is "$(sql "select count(distinct details->>'"'persistent_worker_trials'"') from attempt where study = '"'steps'"'")" 5 &&
    printed steps 4 >out && test_grep "^[0-4] steps" out
'
test_ok 'an interrupt ends a trial, and its worker' '
    worker hangs '"'"'echo "$$" >waiting; exec tail -f /dev/null'"'"' && rm -f waiting &&
    { perl -e "\$SIG{INT} = \"DEFAULT\"; exec @ARGV" hpt-run -q --print=none -s hangs --contain=subreaper --worker -t 2 -m loss x=0.0..1.0 -- ./hangs & } &&
    pid=$! && test_wait 120 test -s waiting && kill -TERM $pid && { wait $pid; test_is $? 143; } &&
    test_is "$(kill -0 "$(cat waiting)" 2>&1 | grep -c "No such process")" 1 &&
    test_is "$(sql "select state from hangs")" waiting
'
test_ok 'garbage is counted and kept, and does no harm' '
    worker garbage '"'"'say hello; say "{\"type\":\"done\",\"trial\":99}"; say "{\"type\":\"dance\"}"; done_with 1'"'"' &&
    run -s garbage --worker -t 1 -m loss x=0.0..1.0 -- ./garbage &&
    test_is "$(sql "select state, details->>'"'report_lines_bad'"' from garbage join attempt using (trial) where study = '"'garbage'"'")" "complete	3" &&
    sql "select details->'"'report_events'"' from attempt where study = '"'garbage'"'" >out &&
    test_grep "about trial 99, not 0" out
'
test_ok 'a message that cannot be read: the report is answered, the done fails the trial' '
    worker unread '"'"'say "{\"type\":\"report\",\"metrics\":{"; read -r line <&3; echo "$line"; say "{\"type\":\"done\",\"error\":\"\\ud800\"}"'"'"' &&
    test_exit 1 run -s unread --worker -t 1 -m loss x=0.0..1.0 -- ./unread && printed unread 0 >out && test_grep "\"continue\":true" out &&
    test_is "$(sql "select state, cause from unread")" "failed	the worker'"'"'s '"'"'done'"'"': half a surrogate pair"
'
test_ok '--dry-run shows the command' '
    test_is "$(hpt-run -n -q --worker -t 1 -m loss x=0.0..1.0 -- ./plain 2>/dev/null)" ./plain
'

# guide LANGUAGE FILE: the block of the guide that is in this language.
guide() {
    awk -v begin="\`\`\`$1" '$0 == begin {on = 1; next} /^```/ {on = 0} on' \
        "$TEST_SRC/docs/guide/persistent-workers.md" >"$2"
}
# learns STUDY COMMAND...: the example runs, steps and all.
learns() {
    study=$1 && shift &&
    run -s "$study" --worker -t 5 -m loss x=-1.0..1.0 -- "$@" &&
    test_is "$(sql "select count(*) from \"$study\" where state = '"'complete'"' and loss between 0 and 1.01")" 5 &&
    test "$(sql "select count(*) from metric_point where study = '$study'")" -ge 5 &&
    test_is "$(sql "select max((details->>'persistent_worker_trials')::int) from attempt where study = '$study'")" 4
}
worker stays 'if [ -e go ]; then done_with 1; else echo $$ >stays.pid; read -r line <never; fi'
test_ok 'what is left when hpt-run and its helper were killed at once is gone before the next one begins' '
    mkfifo never && { hpt-run -q --progress=none --pruner=none --print=none -s stays --contain=subreaper --worker -t 1 -m loss x=0.0..1.0 -- sh ./stays & pid=$!; } &&
    test_wait 120 test -s stays.pid && left=$(cat stays.pid) && helper=$(sed -n "s/^PPid:.//p" "/proc/$left/status") &&
    kill -STOP $pid && kill -9 "$helper" && kill -9 $pid && { wait $pid; test $? -eq 137; } && kill -0 "$left" &&
    : >go && hpt-run -q --print=none -s stays -t 1 && test_is "$(sql "select count(*) from attempt where study = '"'stays'"'")" 2 &&
    ! grep -q "^State:.[^Z]" "/proc/$left/status" 2>/dev/null
'
test_ok 'a worker that ends at once: exit 5, as when trials fail' '
    test_exit 5 run -s ends --worker --max-restarts=1 -t 3 -m loss x=0.0..1.0 -- false 2>err && test_grep "ended 2 times in a row" err
'
if command -v python3 >/dev/null; then
    test_ok 'the Python helper: five lines' '
        guide python five.py && test "$(grep -c . five.py)" -le 12 &&
        PYTHONPATH=$TEST_SRC/docs/guide learns helper python3 five.py
    '
    cat >deep.py <<'EOP'
import os, random, hpt_worker
def train(params, seed, report):
    print("in", os.path.basename(os.environ["HPT_DIR"]), report.trial["trial"], flush=False)
    n = report.trial["trial"]
    if n == 1: raise ValueError("bad é luck")
    if n == 2: return None
    if n == 3: return random.random()
    if n == 4: return {"value": random.random(), "more": {"deep": True}}
    if n == 5: return "text"
    if n == 6: return {"value": float("nan")}
    return 0.5 if report(1, value=2) and report(value=3) else 0.7
hpt_worker.serve(train)
EOP
    test_ok 'the Python helper: numbers, dicts, seeds, exceptions, prints, stopping' '
        PYTHONPATH=$TEST_SRC/docs/guide run -s deep --worker -t 8 -m value --seed=3 x=0.0..1.0 -- python3 deep.py &&
        test_is "$(sql "select trial, state, cause from deep where state = '"'failed'"' order by trial")" \
"1	failed	ValueError: bad é luck
2	failed	no value for '"'value'"': no report, and nothing like '"'value: 0.5'"' or '"'value=0.5'"' in the output
5	failed	ValueError: could not convert string to float: '"'text'"'
6	failed	'"'value'"' is not a number (NaN)" &&
        seed=$(sql "select seed from trial where study = '"'deep'"' and trial = 3") &&
        test_is "$(sql "select value from deep where trial = 3")" \
            "$(python3 -c "import random; random.seed($seed); print(random.random())")" &&
        test_is "$(sql "select value from deep where trial = 0")" 0.5 &&
        printed deep 7 >out && test_grep "^in [0-9]+-7\.1 7$" out
    '
    test_ok 'the Python helper outside hpt-run says what it needs' '
        PYTHONPATH=$TEST_SRC/docs/guide test_exit 1 python3 -c "import hpt_worker; hpt_worker.serve(print)" 2>err &&
        test_grep "not started by hpt-run --worker" err
    '
else
    test_skip 'the Python helper' 'python3 is not installed'
fi
if command -v Rscript >/dev/null && Rscript -e 'library(jsonlite)' >/dev/null 2>&1; then
    test_ok 'the R example of the guide' '
        guide r worker.R && learns r Rscript worker.R
    '
else
    test_skip 'the R example of the guide' 'Rscript or jsonlite is not installed'
fi

test_done
