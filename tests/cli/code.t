#!/bin/sh
# The code of a trial: what the tree of the command held when it began, in the record; the user's repository is
# not touched, and nothing that its configuration names is run.
. "${0%/*}/lib.sh"
test_need git psql sha256sum
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "$1"; }
run() { hpt-run -q --progress=none --print=none --allow-unused -m loss "$@"; }
as() { git -c user.name=a -c user.email=a@b -c commit.gpgsign=false "$@"; }
# newest STUDY: the code of its last trial.
newest() { sql "select code from trial where study = '$1' order by trial desc limit 1"; }
# of STUDY COLUMNS: of its row in the view code.
of() { sql "select $2 from code where code = '$(newest "$1")'"; }
# files STUDY: the digests of its files.
files() { sql "select digest from code_file where code = '$(newest "$1")' and kind = 'file'"; }
# entries STUDY: "path kind state reason" of that.
entries() {
    sql "select f.path, f.kind, coalesce(f.state, '-'), coalesce(f.target, f.reason, '')
         from code_file f where f.code = '$(newest "$1")' order by f.path collate \"C\"" | sed 's/ *$//'
}

test_ok 'a folder without git' '
    test_db && echo "echo loss=1" >t.sh && mkdir -p sub/empty && ln -s t.sh link && mkfifo fifo && echo x >sub/x &&
    run -s plain -t 2 x=0..1 -- sh t.sh && entries plain >got &&
    printf "%s\n" "fifo missing - a FIFO" "link link - t.sh" "sub/empty folder -" "sub/x file -" "t.sh file -" | test_cmp - got &&
    test_is "$(sql "select count(distinct code) || '"' '"' || count(*) from trial where study = '"'plain'"'")" "1 2" &&
    test_is "$(of plain "head is null and dirty is null")" t
'
test_ok 'the digests are those of the files, and the bytes are in the record' '
    test_is "$(sql "select digest from code_file where path = '"'t.sh'"'")" "$(sha256sum <t.sh | cut -d " " -f 1)" &&
    test_is "$(sql "select convert_from(o.bytes, '"'UTF8'"') from object o join code_file f using (digest) where path = '"'t.sh'"'")" "echo loss=1"
'

test_ok 'a dirty repository: same, modified, new; what is ignored is passed over' '
    mkdir repo && cd repo && git init -q -b main . && test_db . && printf ".hpt\n*.log\n/out/\n" >.gitignore &&
    echo "echo loss=1" >t.sh && echo a >a && echo gone >gone && as add . && as commit -q -m x &&
    git remote add origin https://me:s3cr3tpassw0rd@example.org/r.git &&
    rm gone && echo b >>a && echo new >new && echo log >x.log && mkdir out && echo o >out/o && chmod +x t.sh &&
    find .git -type f -exec sha256sum {} + | sort >../before && run -s dirty -t 1 x=0..1 -- sh t.sh && find .git -type f -exec sha256sum {} + | sort | test_cmp ../before - &&
    entries dirty >../got && printf "%s\n" ".gitignore file same" "a file modified" "new file new" "t.sh file modified" | test_cmp - ../got &&
    test_is "$(of dirty "head, branch, remote, dirty, files, missing")" \
        "$(git rev-parse HEAD) main https://[cut]@example.org/r.git t 4 0"
'
test_ok 'a clean one' '
    cd repo && as add -A && as commit -q -m y && run -s clean -t 1 x=0..1 -- sh t.sh &&
    test_is "$(of clean dirty)" f
'
test_ok '--no-code, --code-max' '
    cd repo && run -s off --no-code -t 1 x=0..1 -- sh t.sh && entries off >../got &&
    echo ". missing - it was not wanted (--no-code)" | test_cmp - ../got &&
    head -c 3000 /dev/zero >data && run -s small --code-max=8K -t 1 x=0..1 -- sh t.sh && entries small >../got &&
    test_grep "^data missing new too large" ../got && test_grep "^a file" ../got &&
    test_exit 2 run -s both --no-code --code-max=1K -t 1 x=0..1 -- sh t.sh
'
test_ok 'files with secrets are missing, settings by a mere name' '
    cd repo && { printf "ghp_" && head -c 400 /dev/urandom | LC_ALL=C tr -dc a-zA-Z0-9 | head -c 36; } >token &&
    echo "DB_PASSWORD=hunter22xyz1" >.env && echo "DB_PASSWORD=hunter22xyz1" >named.py && echo "m:x" >.netrc &&
    run -s secret -t 1 x=0..1 -- sh t.sh && entries secret >../got &&
    test_grep "^token missing new holds a secret .GitHub token" ../got && test_grep "^.env missing new holds a secret" ../got &&
    test_grep "^.netrc missing" ../got && test_grep "^named.py file new" ../got
'
test_ok 'hpt-verify finds a snapshot that is gone' '
    cd repo && hpt-verify >../out && sql "create table kept as select * from hpt_record.code where digest = (select code from hpt_record.attempt limit 1)" &&
    sql "delete from hpt_record.code where digest in (select digest from kept)" && test_exit 1 hpt-verify >../out &&
    test_grep "names a code snapshot that has no row" ../out && sql "insert into hpt_record.code (digest, canonical) select digest, canonical from kept" && hpt-verify >../out
'
test_ok 'hpt-export: a bundle has the snapshots of its trials and their files' '
    cd repo && hpt-export -q -s dirty -o ../out.tar && cd .. && rm -rf out && mkdir out && tar -xf out.tar -C out && cd out &&
    sha256sum --quiet -c SHA256SUMS && grep -o "\"canonical\":\"[^\"]*\"" record/code.jsonl >../got && test_is "$(wc -l <../got)" 1 &&
    files dirty >../digests && test_is "$(wc -l <../digests)" 4 &&
    while read -r digest; do
        test_is "$(cat "objects/sha256/$(echo "$digest" | cut -c 1-2)/$(echo "$digest" | cut -c 3-)" | sha256sum | cut -d " " -f 1)" "$digest" || exit 1
    done <../digests &&
    cd ../repo && hpt-export -q -s dirty --with=none -o ../none.tar && tar -tf ../none.tar | test_no_grep "record/code.jsonl" -
'
test_ok 'hpt-import: another project has them then, and the same bundle' '
    cd repo && sql "copy (select code, canonical from code where code = (select code from trial where study = '"'dirty'"')) to stdout" >../before && mkdir ../other && cd ../other && test_db . &&
    hpt-import -q ../out.tar && sql "copy (select code, canonical from code) to stdout" | test_cmp ../before - &&
    test_is "$(sql "select dirty, files from code")" "t 4" && hpt-verify >../verified && hpt-export -q -s dirty -f tar | cmp - ../out.tar
'
test_done
