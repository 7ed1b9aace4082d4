#!/bin/sh
# hpt-space: each option by its name, both spellings, files and arguments, bad input.
. "${0%/*}/lib.sh"

cat >svm.pcs <<'END'
# a support vector machine
kernel=linear,rbf,poly
C=0.01..1000:log
gamma real [1e-5, 10] log | kernel in {rbf, poly}
degree=2..5:if=kernel=poly
{kernel=poly, degree > 4}
END
cat >svm.canonical <<'END'
C real [0.01, 1000] log
degree integer [2, 5]
degree | kernel == poly
gamma real [0.00001, 10] log
gamma | kernel in {rbf, poly}
kernel categorical {linear, rbf, poly}
{degree > 4 && kernel == poly}
END

test_ok 'the canonical form of a file' '
    hpt-space svm.pcs >out 2>err &&
    test_cmp svm.canonical out &&
    test_empty err
'
test_ok 'the canonical form of standard input, with and without -' '
    hpt-space <svm.pcs >out && test_cmp svm.canonical out &&
    hpt-space - <svm.pcs >out && test_cmp svm.canonical out
'
test_ok 'the canonical form is its own' '
    hpt-space svm.canonical >out && test_cmp svm.canonical out
'
test_ok 'the canonical form of arguments, in any order' '
    hpt-space "{kernel=poly && degree > 4}" degree=2..5:if=kernel=poly kernel=linear,rbf,poly \
        "gamma real [1e-5, 10] log" "gamma | kernel != linear && kernel != linear" \
        C=0.01..1000.0:log >out 2>err &&
    sed "s/^gamma |.*/gamma | kernel != linear/" svm.canonical | test_cmp - out &&
    test_empty err
'
test_ok 'a file and arguments together; a file wins over a statement of its name' '
    echo "a=1..2" >b=1 &&
    hpt-space b=1 c=3..4 >out &&
    printf "a integer [1, 2]\nc integer [3, 4]\n" | test_cmp - out
'
test_ok 'arguments after -- are statements and files too' '
    hpt-space --hash -- a=1..2 >one && hpt-space --hash a=1..2 >two && test_cmp one two
'
test_ok 'notes go to standard error, with their place' '
    hpt-space dropout=0..1 y=0..10:step=3 >out 2>err &&
    test_is "$(wc -l <out)" 2 &&
    test_is "$(sed -n 1p err)" "hpt-space: note: argument 1 '\''dropout=0..1'\'': '\''dropout=0..1'\'' searches the integers 0 and 1; write 0.0..1.0 for a real" &&
    test_is "$(sed -n 2p err)" "hpt-space: note: argument 2 '\''y=0..10:step=3'\'': parameter '\''y'\'': step 3 does not reach 10; largest value is 9"
'

# ---- options ----

test_ok '--param and -p' '
    hpt-space --param "a real [0, 1]" -p b=x,y --param="a | b == x" >out &&
    printf "a real [0, 1]\na | b == x\nb categorical {x, y}\n" | test_cmp - out &&
    test_exit 2 hpt-space -p a=5..1 >out 2>err &&
    test_empty out &&
    test_is "$(cat err)" "hpt-space: --param '\''a=5..1'\'': parameter '\''a'\'': lower bound 5 is above upper bound 1"
'
test_ok '--check' '
    test_exit 0 hpt-space --check svm.pcs >out 2>err &&
    test_empty out && test_empty err &&
    test_exit 2 hpt-space --check C=5..1 >out 2>err &&
    test_empty out &&
    test_is "$(cat err)" "hpt-space: argument 2 '\''C=5..1'\'': parameter '\''C'\'': lower bound 5 is above upper bound 1"
'
test_ok '--hash' '
    test_is "$(hpt-space --hash svm.pcs)" "$(sha256sum <svm.canonical | cut -c 1-64)" &&
    test_is "$(hpt-space --hash a=1..2 b=x,y)" "$(hpt-space --hash "b categorical {x, y}" "a int [1,2]")" &&
    test "$(hpt-space --hash a=1..2)" != "$(hpt-space --hash a=1..3)"
'
test_ok '--sample' '
    hpt-space --sample=200 svm.pcs >out 2>err &&
    test_empty err &&
    test_is "$(wc -l <out)" 200 &&
    test_is "$(sort -u out | wc -l)" 200 &&
    test_no_grep "linear.*(gamma|degree)|(gamma|degree).*linear" out &&
    test_no_grep "degree.*rbf" out &&
    test_no_grep "\"degree\":5" out &&
    test_grep "\"kernel\":\"linear\"" out && test_grep "\"degree\":4.*\"kernel\":\"poly\"" out &&
    hpt-space --sample=0 svm.pcs >out && test_empty out
'
test_ok '--sample is repeated exactly, and adding a parameter leaves the others as they were' '
    hpt-space --sample=20 a=0.0..1.0 >one && hpt-space --sample=20 a=0.0..1.0 >two &&
    test_cmp one two &&
    hpt-space --sample=20 a=0.0..1.0 b=1..9 | sed "s/,\"b\":.//" >three &&
    test_cmp one three
'
test_ok '--seed' '
    hpt-space --sample=5 a=0.0..1.0 >zero && hpt-space --seed=0 --sample=5 a=0.0..1.0 >also &&
    test_cmp zero also &&
    hpt-space --seed=1 --sample=5 a=0.0..1.0 >one &&
    test_exit 1 cmp -s zero one
'
test_ok '--sample when the clauses leave no room' '
    test_exit 2 hpt-space --sample=1 a=x,y "{a in {x, y}}" >out 2>err &&
    test_empty out &&
    test_grep "^hpt-space: the forbidden clauses leave no room or too little: none of 200000 .*{a in {x, y}}" err
'
test_ok '--output and -o' '
    hpt-space --output=one svm.pcs >out && test_empty out && test_cmp svm.canonical one &&
    hpt-space -o two --sample=3 svm.pcs >out && test_empty out && test_is "$(wc -l <two)" 3 &&
    echo kept >three && test_exit 2 hpt-space -o three C=5..1 2>err && test_is "$(cat three)" kept &&
    test_exit 125 hpt-space -o no/such/folder a=1 2>err && test_grep "^hpt-space: no/such/folder: " err &&
    test_exit 125 hpt-space -o /dev/full a=1 2>err && test_grep "^hpt-space: /dev/full: No space" err
'
test_ok '--to=configspace and --from=configspace' '
    hpt-space --to=configspace svm.pcs >svm.json 2>err && test_empty err &&
    test_grep "\"type\":\"uniform_float\"" svm.json &&
    hpt-space --from=configspace svm.json >out 2>err && test_empty err &&
    sed "s/^{.*/{degree == 5 \&\& kernel == poly}/" svm.canonical | test_cmp - out &&
    hpt-space --from=configspace <svm.json >again && test_cmp out again
'
test_ok '--to=pcs and --from=pcs' '
    hpt-space --from=pcs --to=pcs svm.pcs >out && test_cmp svm.canonical out
'
test_ok 'a form that is not known' '
    test_exit 2 hpt-space --to=confgspace a=1 >out 2>err && test_empty out &&
    test_is "$(cat err)" "hpt-space: --to=confgspace: pcs and configspace are known; did you mean '\''configspace'\''?" &&
    test_exit 2 hpt-space --from=xml a=1 2>err && test_grep "^hpt-space: --from=xml: pcs and configspace are known$" err
'
test_ok 'what a conversion loses is said, and refused with --strict' '
    test_exit 0 hpt-space --to=configspace a=0..10:step=2 >out 2>err && test_grep sequence out &&
    test_is "$(cat err)" "hpt-space: note: parameter '\''a'\'': the range with its step becomes an ordinal of 6 values" &&
    test_exit 1 hpt-space --strict --to=configspace a=0..10:step=2 >out 2>err && test_empty out &&
    test_grep "becomes an ordinal" err &&
    test_exit 0 hpt-space --strict --to=configspace a=0..10 >out 2>err && test_empty err &&
    echo "{\"hyperparameters\":[{\"name\":\"a b\",\"type\":\"constant\",\"value\":1}]}" >odd.json &&
    test_exit 0 hpt-space --from=configspace odd.json >out 2>err && test_is "$(cat out)" "a_b ordinal {1}" &&
    test_is "$(cat err)" "hpt-space: note: parameter '\''a b'\'' is renamed '\''a_b'\''" &&
    test_exit 1 hpt-space --strict --from=configspace odd.json >out 2>err && test_empty out
'
test_ok 'outputs exclude each other' '
    test_exit 2 hpt-space --check --hash a=1 2>err && test_grep exclude err &&
    test_exit 2 hpt-space --sample=1 --to=pcs a=1 2>err && test_grep exclude err
'
test_ok 'negative numbers' '
    test_exit 2 hpt-space --sample=-1 a=1 >out 2>err && test_empty out && test_grep "sample must not be negative" err &&
    test_exit 2 hpt-space --seed=-1 --sample=1 a=1 >out 2>err && test_grep "seed must not be negative" err
'

# ---- wrong input: status 2, the place, nothing on standard output ----

refused() { # STATUS MESSAGE ARGUMENT...
    refused_status=$1 refused_message=$2
    shift 2
    test_exit "$refused_status" hpt-space "$@" >out 2>err &&
        test_empty out &&
        test_is "$(cat err)" "hpt-space: $refused_message"
}
test_ok 'wrong statements' '
    refused 2 "argument 2 '\''gamma=1..2:if=kernal=rbf'\'': condition of '\''gamma'\'' names unknown parameter '\''kernal'\''; did you mean '\''kernel'\''?" \
        kernel=rbf,poly gamma=1..2:if=kernal=rbf &&
    refused 2 "argument 1 '\''C=[1,2]'\'': a range is written C=LOW..HIGH and a list C=A,B,C (or use the long form in quotes)" "C=[1,2]" &&
    printf "kernel=rbf,poly\n\na reel [1, 5]\n" >bad.pcs &&
    refused 2 "bad.pcs:3: parameter '\''a'\'': unknown type '\''reel'\''; did you mean '\''real'\''?" bad.pcs
'
test_ok 'a place on standard input' '
    printf "a=1..2\na=1..2\n" | test_exit 2 hpt-space >out 2>err &&
    test_empty out &&
    test_is "$(cat err)" "hpt-space: standard input:2: parameter '\''a'\'' is declared twice"
'
test_ok 'a file that is not there, a folder, an option too late' '
    refused 2 "no-such-file: No such file or directory" no-such-file &&
    test_exit 125 hpt-space . >out 2>err && test_empty out && test_grep "^hpt-space: \.: Is a directory" err &&
    test_exit 2 hpt-space a=1 --check >out 2>err && test_empty out && test_grep "^hint: options come before" err
'
test_ok 'NUL bytes, other bytes, control characters' '
    printf "a=1\0..2\n" | test_exit 2 hpt-space >out 2>err && test_empty out &&
    test_grep "standard input: holds a NUL byte" err &&
    printf "a=\377\n" | test_exit 2 hpt-space 2>err && test_grep "standard input:1: byte 3 is not valid UTF-8" err &&
    test_exit 2 hpt-space "$(printf "a=\033[2J")" 2>err && test_no_grep "$(printf "\033")" err
'
test_ok 'JSON without --from is recognised' '
    test_exit 2 hpt-space svm.json >out 2>err && test_empty out &&
    test_grep "^hint: this looks like JSON; ConfigSpace.s is read with --from=configspace" err
'
test_ok 'ConfigSpace JSON that means nothing' '
    echo "{" >bad.json && refused 2 "bad.json: line 2, column 0: string or '\''}'\'' expected near end of file" --from=configspace bad.json &&
    echo "{\"a\":1}" >bad.json &&
    refused 2 "bad.json: no ConfigSpace JSON: '\''hyperparameters'\'' is missing or no list" --from=configspace bad.json
'
test_ok 'no space at all is legal' '
    hpt-space </dev/null >out && test_empty out && test_is "$(hpt-space --sample=1 </dev/null)" "{}"
'
test_ok 'a full standard output' '
    test_exit 125 hpt-space a=1..2 >/dev/full 2>err && test_grep "standard output: No space" err &&
    test_exit 125 hpt-space --sample=100000 a=1..2 >/dev/full 2>err && test_grep "standard output: No space" err
'

# ---- no shell touches the short spelling ----

cat >quote-free <<'END'
hpt-space C=0.01..1e3:log gamma=1e-5..10:log:if=kernel=rbf,poly kernel=rbf,poly x=-1.5..2 n=1..9:step=2
END
cat >wanted <<'END'
C real [0.01, 1000] log
gamma real [0.00001, 10] log
gamma | kernel in {rbf, poly}
kernel categorical {rbf, poly}
n integer [1, 9] step=2
x real [-1.5, 2]
END
for shell in sh dash bash zsh fish; do
    if command -v $shell >/dev/null; then
        test_ok "$shell leaves the short spelling alone" '
            $shell quote-free >out && test_cmp wanted out
        '
    else
        test_skip "$shell leaves the short spelling alone" "$shell is not installed"
    fi
done

test_done
