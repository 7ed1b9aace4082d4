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
test_ok 'what hpt-export wrote is no code, whatever its name' '
    cd repo && hpt-export -q -s small -o one.tar && hpt-export -q -s small -f ro-crate -o crate.tar.zst && cp crate.tar.zst other && head -c 20000000 /dev/urandom >>one.tar && hpt-export -q -s small -f csv -o rows.csv &&
    run -s exported -t 1 x=0..1 -- sh t.sh && entries exported >../got && test_no_grep "^(one.tar|crate.tar.zst|other) " ../got &&
    test_grep "^rows.csv file new" ../got && hpt-replay exported/0 >../out 2>../err && test_no_grep "other in the project" ../out && rm one.tar crate.tar.zst other rows.csv
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

# ---- what a repository could do ----

trap_config() {
    git config core.fsmonitor "$1" && git config core.pager "$1" && git config core.sshCommand "$1" &&
        git config core.askPass "$1" && git config credential.helper "!$1" && git config core.gitProxy "$1" &&
        git config filter.x.clean "$1" && git config filter.x.smudge "$1" && git config filter.x.required true &&
        git config filter.x.process "$1" && git config diff.external "$1" && git config diff.x.textconv "$1" &&
        git config alias.ls-files "!$1" && git config alias.ls-tree "!$1" && git config protocol.ext.allow always &&
        git config remote.origin.url "ext::$1" && git config remote.origin.uploadpack "$1" &&
        git config remote.origin.promisor true && git config extensions.partialClone origin &&
        git config core.repositoryFormatVersion 1 && git config core.worktree "$2"
}
test_ok 'nothing that the configuration names is run, and the work tree is ours' '
    mkdir -p elsewhere && printf "#!/bin/sh\n: >\"%s/trapped\"\nexit 1\n" "$PWD" >trap.sh && chmod +x trap.sh && echo x >elsewhere/secret &&
    mkdir evil && cd evil && git init -q . && test_db . && printf ".hpt\n" >.gitignore && echo "echo loss=1" >t.sh && mkdir sub && echo y >sub/y &&
    echo "* filter=x diff=x" >.gitattributes && as add . && as commit -q -m x && touch t.sh &&
    cp ../trap.sh .git/hooks/post-index-change && cp ../trap.sh .git/hooks/fsmonitor-watchman &&
    trap_config "$PWD/../trap.sh" "$PWD/../elsewhere" && find .git -type f -exec sha256sum {} + | sort >../before &&
    GIT_TRACE="$PWD/../trapped" GIT_DIR=/nowhere run -s evil -t 1 x=0..1 -- sh t.sh && test_exit 1 test -e ../trapped && find .git -type f -exec sha256sum {} + | sort | test_cmp ../before - &&
    entries evil >../got && printf "%s\n" ".gitattributes file same" ".gitignore file same" "sub/y file same" "t.sh file same" | test_cmp - ../got &&
    tree=$(git --work-tree=. rev-parse HEAD:sub) && rm -f ".git/objects/$(echo "$tree" | cut -c 1-2)/$(echo "$tree" | cut -c 3-)" ../trapped &&
    run -s missing -t 1 x=0..1 -- sh t.sh && test_exit 1 test -e ../trapped && test_grep "^repo.*git refused: " - <<END &&
$(sql "select convert_from(canonical, '"'UTF8') from code c where code = (select code from trial where study = 'missing'"')")
END
    { GIT_ALLOW_PROTOCOL=ext git --work-tree=. status >../said 2>&1 || :; } && test -e ../trapped
'
test_ok 'no commit yet, a submodule with changes, a linked work tree' '
    mkdir inner && cd inner && git init -q -b main . && echo 1 >f && as add f && as commit -q -m x && inner=$(git rev-parse HEAD) && cd .. &&
    mkdir outer && cd outer && git init -q -b trunk . && test_db . && printf ".hpt\n" >.gitignore && echo "echo loss=1" >t.sh &&
    run -s unborn -t 1 x=0..1 -- sh t.sh && test_is "$(of unborn "head is null, branch, dirty")" "t trunk t" && as add . &&
    git -c protocol.file.allow=always submodule --quiet add ../inner mod >../said 2>&1 && as commit -q -m y && echo 2 >mod/f && echo n >mod/new &&
    run -s module -t 1 x=0..1 -- sh t.sh && entries module >../got && test_grep "^mod/f file modified" ../got && test_grep "^mod/new file new" ../got &&
    test_grep "^.gitmodules file same" ../got && test_grep "^repo	$inner	main	[^	]*	0	mod	$" - <<END &&
$(sql "select convert_from(canonical, '"'UTF8') from code c where code = (select code from trial where study = 'module'"')")
END
    git worktree add -q ../linked 2>../said && cd ../linked && cp -r ../outer/.hpt . && echo z >z &&
    run -s linked -t 1 x=0..1 -- sh t.sh && test_is "$(of linked "head, branch, dirty")" "$(git rev-parse HEAD) linked t"
'
test_ok 'a file beyond 8 KiB lies in the store' '
    mkdir large && cd large && test_db . && head -c 20000 /dev/urandom >big && echo "echo loss=1" >t.sh &&
    run -s fine -t 1 x=0..1 -- sh t.sh && entries fine >../got && test_grep "^big file" ../got && hpt-verify >../verified
'
test_ok '20 trials by 5 workers in a dirty repository that changes: each has its output and the code it ran' '
    mkdir many && cd many && git init -q . && test_db . && printf ".hpt\n" >.gitignore && printf "cat model new >\"\$HPT_DIR/out\"; echo loss=1\n" >t.sh && echo 0 >model &&
    as add . && as commit -q -m x && for round in 1 2 3 4; do
        echo "version $round" >model && echo "new $round" >new && pids= &&
        for worker in 1 2 3 4 5; do run -s many -t $((round * 5)) x=0.0..1.0 -- sh t.sh & pids="$pids $!"; done &&
        for pid in $pids; do wait "$pid" || exit 1; done || exit 1
    done && test_is "$(sql "
        select count(*), count(distinct t.code) from trial t
        join artefact a on a.study = t.study and a.trial = t.trial and a.path = '"'out'"' join object o on o.digest = a.digest
        join code_file m on m.code = t.code and m.path = '"'model'"' join object mo on mo.digest = m.digest
        join code_file n on n.code = t.code and n.path = '"'new'"' join object no on no.digest = n.digest
        where t.study = '"'many'"' and o.bytes = mo.bytes || no.bytes
          and mo.bytes = convert_to(format(E'"'version %s\\n'"', t.trial / 5 + 1), '"'UTF8'"')")" "20 4"
'
test_done
