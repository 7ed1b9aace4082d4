#!/bin/sh
# Environments in the record: five parts, each stored once, that say what the machine and the software were.
. "${0%/*}/lib.sh"
test_need psql
test_ok 'a project' test_db
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" -c "$1"; }
run() { hpt-run -q --print=none --no-code --trace=off -m loss "$@"; }

test_ok 'a trial has an environment of five parts, and each is what its digest says' '
    run -s a -t 3 x=0.0..1.0 -- echo loss={x} &&
    test_is "$(sql "select count(distinct environment) from trial")" 1 &&
    test_is "$(sql "select string_agg(part, '"','"' order by part) from environment_part")" \
        host,interpreter,libraries,packages,variables &&
    test_is "$(sql "select bool_and(digest = encode(sha256(canonical), '"'hex'"')) from environment_part")" t &&
    test_is "$(sql "select bool_and(environment = encode(sha256(canonical), '"'hex'"')) from environment")" t
'
test_ok 'its items are facts about this machine and this process' '
    test_is "$(sql "select value from environment_item where kind = '"'host'"' and name = '"'kernel'"'")" "$(uname -r)" &&
    test_is "$(sql "select value from environment_item where name = '"'umask'"' and part = '"'variables'"'")" \
        "$(sed -n "s/^Umask:[[:blank:]]*//p" /proc/self/status)" &&
    test_is "$(sql "select value from environment_item where kind = '"'executable'"' and name = '"'sha256'"'")" \
        "$(sha256sum "$(command -v echo | grep / || echo /usr/bin/echo)" | cut -c1-64)"
'
test_ok 'another variable is another environment that shares four parts' '
    OMP_NUM_THREADS=3 run -s b -t 2 x=0.0..1.0 -- echo loss={x} &&
    test_is "$(sql "select count(distinct environment) from trial")" 2 &&
    test_is "$(sql "select count(*) from hpt_record.environment_part")" 6 &&
    sql "select part from (select distinct part, digest from environment_part) p group by part having count(*) > 1" >out &&
    test_is "$(cat out)" variables &&
    sql "select name, value from environment_item where environment = (select distinct environment from trial where study = '"'b'"')
        except select name, value from environment_item
        where environment = (select distinct environment from trial where study = '"'a'"')" >out &&
    test_is "$(cat out)" "OMP_NUM_THREADS 3"
'
test_ok 'the same again adds nothing' '
    run -s a -t 5 x=0.0..1.0 -- echo loss={x} &&
    test_is "$(sql "select count(*) from hpt_record.environment_part")" 6 &&
    test_is "$(sql "select count(*) from hpt_record.environment")" 2
'
cat >old.sql <<'END'
insert into hpt_record.environment (digest, canonical, body)
select sha256(c), c, convert_from(c, 'UTF8')::jsonb
from convert_to('{"format":"hpt-environment/1","items":[{"kind":"host","name":"kernel","value":"5.0"},'
    '{"kind":"os","name":"id","value":"debian"},{"kind":"variable","name":"LANG","value":"C"}]}', 'UTF8') c
END
test_ok 'an environment of the first format keeps its items, in the parts that have them now' '
    psql -qX -v ON_ERROR_STOP=1 -d "$TEST_DSN" -f old.sql &&
    old=$(sql "select encode(digest, '"'hex'"') from hpt_record.environment where body ? '"'items'"'") &&
    test_is "$(sql "select count(*) from environment_part where environment = '"'"'$old'"'"'")" 0 &&
    sql "select part, kind, name, value from environment_item where environment = '"'"'$old'"'"' order by part" >out &&
    printf "%s\n" "host host kernel 5.0" "packages os id debian" "variables variable LANG C" | test_cmp - out
'
test_ok 'hpt-verify: a part that is gone is found' '
    test_exit 0 hpt-verify -q && sql "delete from hpt_record.environment_part where part = '"'host'"'" &&
    test_exit 1 hpt-verify -q >out && test_grep "an environment names a part that has no row" out
'
test_ok 'the folder of a project: that of .hpt; with a database alone that where it is run' '
    mkdir -p sub alone/sub &&
    (cd sub && run -s below -t 1 x=0.0..1.0 -- echo loss={x}) &&
    (cd alone && XDG_DATA_HOME=$PWD/data HPT_DSN=$TEST_DSN run -s alone -t 1 x=0.0..1.0 -- echo loss={x}) &&
    for want in "below directory sub" "below project $(pwd -P)" "alone directory ." "alone project $(pwd -P)/alone"; do
        set -- $want &&
        test_is "$(sql "select value from environment_item join trial using (environment) where study = '"'"'$1'"'"'
            and kind = '"'process'"' and name = '"'"'$2'"'"'")" "$3" || return 1
    done
'

if command -v rpmbuild >/dev/null && command -v rpm >/dev/null; then
    test_ok 'a file of an RPM package: rpm itself is asked, of a database of its own' '
        owned=$(cd .. && pwd -P)/bin/owned && printf "%s\n" "Name: hpt-test" "Version: 1.5" "Release: 2" "Epoch: 3" "Summary: x" "License: none" "BuildArch: noarch" \
            "%description" x "%install" "mkdir -p %{buildroot}${owned%/*} && echo data >%{buildroot}$owned" "%files" "$owned" >x.spec &&
        rpmbuild -bb --quiet --define "_topdir $PWD/top" x.spec && rpm --dbpath "$PWD/db" -i --nodeps top/RPMS/noarch/hpt-test-1.5-2.noarch.rpm &&
        mkdir bin && printf "#!/bin/sh\nexec %s --dbpath %s \"\$@\"\n" "$(command -v rpm)" "$PWD/db" >bin/rpm && chmod +x bin/rpm &&
        PATH=$PWD/bin:$PATH hpt-run -q --print=none --no-code -s rpm -t 1 -m loss --allow-unused x=0.0..1.0 -- sh -c "cat $owned && echo loss=1" &&
        test_is "$(sql "select value from environment_item join trial using (environment) where study = '"'rpm'"' and kind = '"'package'"' and name = '"'hpt-test.noarch'"'")" 3:1.5-2
    '
else
    test_skip 'a file of an RPM package: rpm itself is asked, of a database of its own' 'rpmbuild is not installed'
fi
test_done
