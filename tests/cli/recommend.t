#!/bin/sh
# The trial to prefer where values are noisy: the same wherever a user meets it.
. "${0%/*}/lib.sh"
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'
test_need python3
test_need psql

# loop.py NOISE LINES ARGUMENT...: asks for trials of a random design and tells what a function with that noise gives; the
# number of the best at the end, from 0. LINES: plain, max, failing (some fail) or breaking (some break a constraint).
cat >loop.py <<'END'
import json, random, subprocess, sys
noise, lines, arguments = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
alone = "-s" not in arguments
child = subprocess.Popen(["hpt-ask", "--serve"] + arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
def say(line):
    child.stdin.write(json.dumps(line) + "\n")
    child.stdin.flush()
    answer = json.loads(child.stdout.readline())
    if "error" in answer:
        sys.exit(answer["error"])
    return answer
if alone:
    say({"op": "init", "space": ["x real [0, 1]", "y real [0, 1]"], "objectives": ["max" if lines == "max" else "min"],
         "constraints": ["le=0.5"] * (lines == "breaking")})
g = random.Random(1)
for i in range(40):
    x, y, z = g.random(), g.random(), g.gauss(0, 1)
    trial = say({"op": "ask", "fixed": {"x": x, "y": y}})
    value = (x - 0.3) ** 2 + (y - 0.6) ** 2 + noise * z
    told = {"op": "tell", "id": trial["id"]}
    if lines == "failing" and i % 9 == 4:
        told.update({"values": None} if alone else {"failed": "no"})
    elif lines == "breaking" and not alone:
        told["metrics"] = {"loss": value, "size": y}
    else:
        told.update({"values": [-value if lines == "max" else value], "constraints": [y] * (lines == "breaking")})
    say(told)
say({"op": "ask"}) # it runs
best = say({"op": "best"})["id"]
print(best - 1 if alone else best.split("/")[1])
child.stdin.close()
child.wait()
END
# study NAME NOISE LINES SAMPLER
study() {
    metrics='-m loss'
    [ "$3" != max ] || metrics='-m loss:max'
    [ "$3" != breaking ] || metrics='-m loss -m size:le=0.5'
    # shellcheck disable=SC2086 # several words
    python3 loop.py "$2" "$3" -s "$1" -p x=0.0..1.0 -p y=0.0..1.0 $metrics --sampler="$4" --no-default-trial
}
sql() { psql -qXAt -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "$1"; }
lowest() { hpt-query -H -s "$1" --best -c trial; }
recommended() { hpt-query -q -H -s "$1" --recommend -c trial; }
# same NAME NOISE LINES: one trial is preferred, with a study and without, and by hpt-query
same() {
    python3 loop.py "$2" "$3" >alone && study "$1" "$2" "$3" auto >with && test_cmp alone with &&
        recommended "$1" >recommended && test_cmp with recommended && lowest "$1" >lowest
}

test_ok 'a project' 'test_db'
test_ok 'one trial is preferred, with a study and without' 'same noisy 0.1 plain && ! cmp recommended lowest'
test_ok 'also to maximise' 'cp recommended before && same high 0.1 max && test_cmp before recommended'
test_ok 'also where some trials fail' 'same holes 0.1 failing'
test_ok 'also with constraints' 'same bounds 0.1 breaking && ! cmp recommended lowest &&
    test_is "$(hpt-query -H -s bounds -c feasible -w "trial = $(cat recommended)")" true'
test_ok 'without noise it is the best value' 'same exact 0 plain && test_cmp lowest recommended &&
    hpt-query -s exact --recommend -f json >out 2>err && test_grep "\"expected\":null,\"expected_low\":null" out &&
    test_grep "note: loss does not look noisy: trial $(cat lowest) has the best value" err'
test_ok 'of samplers that do not learn hpt-ask answers with the best value, and hpt-query still asks the model' '
    python3 loop.py 0.1 plain --sampler=random >alone && study any 0.1 plain random >with && test_cmp alone with &&
    lowest any | test_cmp - with && recommended any >out && recommended noisy | test_cmp - out'

test_ok '--recommend: what is expected, and what of the best value' '
    hpt-query -s noisy --recommend -c expected -c expected_low -c expected_high -c loss -f jsonl >out 2>err &&
    test_grep "note: loss looks noisy \(standard deviation 0\.[01][0-9]+\): trial $(recommended noisy) is preferred, of which" err &&
    test_grep "; of trial $(lowest noisy), which has the best value, .* so either may be the better one" err &&
    python3 -c "
import json
q = json.load(open(\"out\"))
assert q[\"expected_low\"] < q[\"expected\"] < q[\"expected_high\"] and q[\"expected_low\"] < 0.1
" && hpt-query -s high --recommend -c expected -c expected_low -c expected_high -c loss -f jsonl 2>/dev/null | python3 -c "
import json, sys
q, h = json.load(open(\"out\")), json.load(sys.stdin)
assert h == {\"expected\": -q[\"expected\"], \"expected_low\": -q[\"expected_high\"], \"expected_high\": -q[\"expected_low\"], \"loss\": -q[\"loss\"]}
"'
test_ok '--recommend in a shell' '
    eval "$(hpt-query -q -s noisy --recommend -f env)" && test_is "$trial" "$(recommended noisy)" &&
    test_is "$(hpt-query -H -s noisy -c x -w "trial = $trial")" "$x"'
test_ok '--recommend with -w: one of these' '
    hpt-query -q -H -s noisy --recommend -w "trial <> $(recommended noisy)" -c trial >out && recommended noisy >before &&
    ! cmp -s out before && test_is "$(wc -l <out)" 1 && hpt-query -q -H -s noisy --recommend -w "trial = 7" -c trial >out &&
    test_is "$(cat out)" 7 && test_exit 1 hpt-query -s noisy --recommend -w false 2>err &&
    test_grep "no trial that -w takes is complete and feasible" err && test_exit 2 hpt-query -s noisy --recommend -w "loss <" 2>err &&
    test_grep "syntax error" err'
test_ok 'recommended names it' '
    hpt-query -s noisy --curve recommended --show-sql >out && test_grep "q?.?trial = $(recommended noisy)$" out &&
    hpt-query -s noisy --curve noisy/recommended --show-sql | test_cmp out - &&
    test_exit 1 hpt-diff noisy/best noisy/recommended >out && hpt-diff noisy/recommended "noisy/$(recommended noisy)" &&
    test_exit 2 hpt-query -s noisy --curve recommende 2>err && test_grep "did you mean .recommended." err &&
    hpt-ask -s empty -p x=0.0..1.0 -m v >out && test_exit 4 hpt-query --curve empty/recommended 2>err &&
    test_grep "no trial .recommended.: none is complete and feasible" err &&
    hpt-ask -s pair -p x=0.0..1.0 -m v -m w >out && test_exit 4 hpt-query --curve pair/recommended 2>err &&
    test_grep "no trial .recommended.: it has not one objective" err'
test_ok '--recommend --show-sql: the row' '
    hpt-query -s noisy --recommend --show-sql >show.sql && hpt-query -s noisy --recommend >wanted 2>/dev/null &&
    hpt-query -F show.sql >out && test_cmp wanted out'
test_ok 'a parameter that is called expected keeps its name' '
    hpt-ask -s named -p expected=0.0..1.0 -m expected_low >/dev/null && hpt-tell named/0 expected_low=2 &&
    hpt-query -q -s named --recommend -f json >out &&
    test_grep "\"expected_low\":2,\"expected_\":null,\"expected_low_\":null,\"expected_high\":null,\"expected\":0.5," out'
test_ok 'a trial whose newest result was pruned is not preferred' '
    study pruned 0.1 plain auto >out && sql "insert into hpt_record.result (study_id, number, turn, state, objectives)
        select study_id, number, 2, '"'pruned'"', objectives from hpt_record.result
        where study_id = (select id from hpt_record.study where name = '"'pruned'"') and number = $(cat out)" &&
    recommended pruned >again && ! cmp -s out again'
test_ok 'elsewhere the same' '
    shown() { hpt-query -q -s bounds --recommend -c trial -c expected -c expected_low -c expected_high; } && shown >wanted &&
    hpt-export -s bounds -o bounds.tar 2>err && mkdir elsewhere && (cd elsewhere && test_db >/dev/null &&
        hpt-import ../bounds.tar 2>err && shown) >out && test_cmp wanted out'

cat >noisy <<'END'
#!/bin/sh
echo "$1 $2 $3 $HPT_TRIAL" | awk '{ for (i = 1; i <= 12; i++) { v = sin($4 * 78.233 + i * 12.9898) * 43758.5453; s += v - int(v) + (v < 0) }
    print "loss:", ($1 - 0.3) ^ 2 + ($2 - 0.6) ^ 2 + $3 * (s - 6) }'
END
chmod +x noisy
# run NAME NOISE OPTION...
run() {
    name=$1 noise=$2
    shift 2
    hpt-run -s "$name" -t 40 -m loss --seed=3 "$@" x=0.0..1.0 y=0.0..1.0 -- ./noisy '{x}' '{y}' "$noise" >out 2>err
}
test_ok 'hpt-run says that its best value may be luck' '
    run luck 0.1 && test_grep "note: loss looks noisy \(standard deviation 0[.][0-9]+\): trial $(recommended luck) is preferred; see hpt-query -s luck --recommend" err &&
    run luck 0.1 -q && test_empty err && run luck 0.1 --print=none && test_no_grep "looks noisy" err'
test_ok 'and nothing where there is no noise, or of samplers that do not learn' '
    run still 0 && test_no_grep "looks noisy" err && run drawn 0.1 --sampler=random && test_no_grep "looks noisy" err'

test_done
