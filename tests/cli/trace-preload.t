#!/bin/sh
# --trace=preload: what a library that is loaded before others sees of trials, and what it leaves alone.
. "${0%/*}/lib.sh"

sql() {
    hpt-query -H "$1"
}
run() {
    hpt-run -q --print=none --allow-unused --no-code --trace=preload -m loss "$@"
}
# trace STUDY KEY: of its only trial.
trace() {
    sql "select details->'trace'->>'$2' from trial where study = '$1'"
}
# roles STUDY FILE: what its only trial did with a file of the project.
roles() {
    sql "select coalesce(string_agg(role, ' ' order by role), 'unseen') from input where study = '$1' and path = '$2'"
}
missing='preload: static programs, direct system calls and what clears LD_PRELOAD are not seen'

# program NAME [OPTION]...: of the text on stdin, if it can be made.
program() {
    name=$1
    shift
    gcc -O1 "$@" -o "$name" -x c - 2>"$name.log"
}
reader='#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {char *text = malloc(9); FILE *file = fopen(argv[1], "r");
    int fine = argc == 2 && file != NULL && fgets(text, 9, file) != NULL && open(argv[1], O_RDONLY) >= 0;
    free(text); puts("loss=1"); return !fine;}'
echo given >given
echo before >changed

test_ok 'a project' 'test_db'
test_ok '--trace=preload: what was read, written and kept is recorded, and it is never complete' '
    printf "%s\n" "#!/bin/sh" "cat given >\"\$HPT_DIR/copy\" && echo more >>changed && echo loss=1" >reads && chmod +x reads &&
    run -s plain -t 1 x=0.0..1.0 -- ./reads &&
    test_is "$(trace plain state): $(trace plain reason)" "incomplete: $missing" &&
    test_is "$(trace plain written) $(trace plain kept) $(roles plain given) $(roles plain changed)" "2 1 read changed written"
'
test_ok 'a pipeline: every part of it' '
    printf "b\na\n" >one && printf "c\n" >two &&
    run -s pipe -t 1 x=0.0..1.0 -- sh -c "cat one | sort - two | tee three >/dev/null; echo loss=1" &&
    test_is "$(roles pipe one) $(roles pipe two)" "read read" && test_is "$(cat three | tr -d "\n")" abc
'
if command -v gcc >/dev/null && echo 'int main(void) {return 0;}' | program probe; then
    test_ok 'a compiler: the source, the header, what it calls' '
        echo "#define N 1" >n.h && printf "#include \"n.h\"\nint n = N;\n" >n.c &&
        run -s gcc -t 1 x=0.0..1.0 -- sh -c "gcc -c -o n.o n.c && echo loss=1" &&
        test_is "$(roles gcc n.c) $(roles gcc n.h) $(roles gcc n.o)" "read read written"
    '
else
    test_skip 'a compiler' 'no gcc'
fi
if echo "$reader" | program fixed -static; then
    test_ok 'a static program runs and is not seen' '
        run -s fixed -t 1 x=0.0..1.0 -- ./fixed given && test_is "$(trace fixed state) $(roles fixed given)" "incomplete unseen"
    '
else
    test_skip 'a static program is not seen' 'none can be made here'
fi
# With its runtime as a library, as gcc has it, which wants to be the first one.
if echo "$reader" | program asan -fsanitize=address -g; then
    # What looks for leaks wants to be a tracer, which not everybody may.
    test_ok 'AddressSanitizer: its programs run, and are seen' '
        ASAN_OPTIONS=detect_leaks=0 run -s asan -t 1 x=0.0..1.0 -- ./asan given && test_is "$(roles asan given)" read
    '
    test_ok 'AddressSanitizer: and they find what they find' '
        echo "#include <stdlib.h>
            int main(int argc, char **argv) {char *text = malloc(1); return text[argc] + (argv == 0);}" | program faulty -fsanitize=address &&
        run -s faulty -t 1 x=0.0..1.0 -- sh -c "./faulty 2>found || echo loss=1" && test_grep heap-buffer-overflow found
    '
else
    test_skip 'AddressSanitizer: its programs run' 'gcc has none here'
fi
for python in python3 /usr/bin/python3; do
    "$python" -c 'import ctypes, multiprocessing' 2>/dev/null || continue
    test_ok "$python: modules, files, threads, other processes, and what it loads later" '
        cat >use.py <<-"END" &&
			import concurrent.futures, ctypes, multiprocessing, os, subprocess, tempfile, own
			def read(name):
			    return open(name).read()
			with concurrent.futures.ThreadPoolExecutor(4) as pool:
			    list(pool.map(read, ["t1", "t2", "t3"]))
			with multiprocessing.Pool(1) as pool:
			    pool.map(read, ["p1"])
			subprocess.run(["cat", "s1"], stdout=subprocess.DEVNULL, check=True)
			subprocess.run("cat s2", shell=True, stdout=subprocess.DEVNULL, check=True)
			os.replace("old", "new")
			with tempfile.NamedTemporaryFile() as file:
			    file.write(b"x")
			ctypes.CDLL("libutil.so.1")
			print("loss=1")
			END
        echo "x = 1" >own.py && for i in t1 t2 t3 p1 s1 s2 old; do echo $i >$i; done &&
        run -s python -t 1 x=0.0..1.0 -- "$python" use.py &&
        for i in own.py t1 t2 t3 p1 s1 s2; do test_is "$i $(roles python $i)" "$i read" || return; done &&
        test_is "$(test -e new && test ! -e old && echo moved)" moved
    '
    break
done
test_ok 'what clears LD_PRELOAD is not seen, and who has one of his own keeps it' '
    run -s cleared -t 1 x=0.0..1.0 -- env -u LD_PRELOAD sh -c "cat given; echo loss=1" && test_is "$(roles cleared given)" unseen &&
    ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 LD_PRELOAD=libm.so.6 run -s own -t 1 x=0.0..1.0 -- sh -c "case \$LD_PRELOAD in */hpt-trace.so:libm.so.6) cat given; echo loss=1 ;; esac" &&
    test_is "$(roles own given)" read
'
test_ok 'the environment that is recorded is the one of --trace=on' '
    run -s env -t 1 x=0.0..1.0 -- sh -c "echo loss=1" && run --trace=on -s env2 -t 1 x=0.0..1.0 -- sh -c "echo loss=1" &&
    { test "$(trace env2 state)" != complete || test_is "$(sql "select count(distinct environment) from trial where study in ('"'env', 'env2'"')")" 1; } &&
    test_is "$(sql "select count(*) from environment_item join trial using (environment) where study = '"'env'"' and name ~ '"'HPT_TRACE|LD_PRELOAD'"'")" 0
'
test_ok '--via: what the launcher starts here is seen' '
    run --via=env -s via -t 1 x=0.0..1.0 -- sh -c "cat given; echo loss=1" && test_is "$(trace via state) $(roles via given)" "incomplete read"
'
printf '%s\n' '#!/bin/sh' 'say() { printf "%s\n" "$1" >&4; }' 'say '"'"'{"type":"ready","protocol":1}'"'" \
    'while read -r job <&3; do' 'case $job in *\"bye\"*) exit ;; esac' \
    'trial=${job##*\"trial\":} trial=${trial%%[,\}]*}' 'read -r x <given$trial' \
    'say "{\"type\":\"done\",\"trial\":$trial,\"metrics\":{\"loss\":1}}"' 'done' >served
chmod +x served
test_ok '--worker: each trial has what was done since the one before' '
    echo 0 >given0 && echo 1 >given1 && run --worker -s served -t 2 x=0.0..1.0 -- ./served &&
    test_is "$(sql "select trial, path, role from input where study = '"'served'"' and path ~ '"'^given'"' order by 1, 2")" "0	given0	read
1	given0	read
1	given1	read"
'
test_ok 'a trial whose tracer is killed is lost' '
    test_exit 1 run --contain=subreaper --retry=none -s killed -t 1 x=0.0..1.0 -- \
        sh -c "kill -9 \$PPID; while :; do read -r x <given; done" 2>err &&
    test_is "$(sql "select state from trial where study = '"'killed'"'")" lost
'
test_ok 'hpt-replay: it is run as one of which the record does not say what it read' '
    hpt-run -q --print=none --allow-unused --trace=preload -s again -t 1 -m loss x=0.0..1.0 -- sh -c "cat given >\$HPT_DIR/copy; echo loss=1" &&
    hpt-replay again/0 >out && test_grep identical out
'
test_ok 'without its library, or where LD_PRELOAD cannot name it, the trials run and a line says so' '
    mkdir bare "a b" && cp "$TEST_BUILD/hpt-trace.so" "a b" &&
    for folder in bare "a b"; do
        cp "$TEST_BUILD/hpt-run" "$TEST_BUILD/hpt-contain" "$folder" &&
        "$folder/hpt-run" --print=none --allow-unused --no-code --trace=preload -s "in$folder" -t 2 -m loss x=0.0..1.0 -- sh -c "echo loss=1" 2>>err || return
    done &&
    test_is "$(grep -c "^hint" err) $(grep "are not recorded" err | sed "s/.*so: //")" "0 No such file or directory)
a space or colon in its name)"
'
# An hpt-run in a trial of another one, which has the only filter there can be.
test_ok 'where the kernel does not let trials be traced a hint says what does' '
    inner="hpt-run --print=none --allow-unused --no-code -m loss -t 1" cat="x=0.0..1.0 -- sh -c \"cat given; echo loss=1\"" &&
    hpt-run -q --print=none --allow-unused --no-code -s outer -t 1 -m loss x=0.0..1.0 -- sh -c \
        "$inner -s in1 $cat 2>err1; $inner --trace=preload -s in2 $cat 2>err2; echo loss=1" &&
    if test "$(trace outer state)" = complete; then
        test_grep "^hint: --trace=preload" err1 && ! grep -q "not recorded" err2 && test_is "$(roles in1 given) $(roles in2 given)" "unseen read"
    fi
'
test_done
