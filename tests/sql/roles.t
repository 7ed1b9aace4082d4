#!/bin/sh
# What each role may do: every statement of the matrix, as every role, with the SQLSTATE it ends with.
. "${0%/*}/../cli/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

test_ok 'a project with two studies' '
    test_db && psql -qX -d "$TEST_DSN" -f "$TEST_SRC/tests/data/heart.sql" >/dev/null
'

# reader, writer, auditor, statement. 00000: done; 42501: not allowed.
{
    # Every view, the wide ones too.
    psql -XAtd "$TEST_DSN" -c "
        select format('00000 00000 00000 select * from %s', c.oid::regclass)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('hpt', 'hpt_study') and c.relkind = 'v' order by c.oid::regclass::text"
    # Every table: for the auditor to read, for nobody to write.
    psql -XAtd "$TEST_DSN" -c "
        select format(line, c.oid::regclass) from pg_class c join pg_namespace n on n.oid = c.relnamespace,
            (values ('42501 42501 00000 select count(*) from %s'), ('42501 42501 42501 delete from %s')) l (line)
        where n.nspname = 'hpt_record' and c.relkind = 'r' order by c.oid::regclass::text"
    cat <<'END'
42501 42501 42501 insert into hpt_record.trial_state values ('x', true)
42501 42501 42501 update hpt_record.trial set state = 'complete'
42501 42501 42501 truncate hpt_record.metric
42501 42501 42501 update hpt.wide_view set wide_view = 'x'
42501 42501 42501 insert into hpt.trial_state values ('x', true)
42501 42501 42501 delete from hpt.trial_state
42501 42501 42501 select nextval('hpt_record.trial_number_1')
42501 00000 42501 select hpt_record.study_set_total(1, 30)
42501 00000 42501 select hpt_record.study_create('new', 1, 1, convert_to('{"metrics": [], "parameters": []}', 'UTF8'))
42501 00000 42501 select hpt_record.study_extend(1, 9, convert_to('{}', 'UTF8'))
42501 00000 42501 select * from hpt_record.study_read('heart')
42501 00000 42501 select hpt_record.worker_end('10000000-0000-0000-0000-000000000001')
42501 00000 42501 select * from hpt_record.worker_peers(1, 'boot', 'ns')
42501 00000 42501 select * from hpt_record.trial_reserve(1, '10000000-0000-0000-0000-000000000001', gen_random_uuid(), 20, 60)
42501 00000 42501 select hpt_record.trial_start(gen_random_uuid(), 1, null, null, null, 1, 0, null, null)
42501 00000 42501 select * from hpt_record.lease_renew(1, '10000000-0000-0000-0000-000000000001', 60)
42501 00000 42501 select * from hpt_record.lease_reap(1, array[]::uuid[], 60, 3)
42501 00000 42501 select hpt_record.trial_retry(1, array['failed'])
42501 00000 42501 select hpt_record.worker_ask(gen_random_uuid(), 1, 'h', 'b', 'n', 1, 1, '{}', '0')
42501 00000 42501 select * from hpt_record.trial_ask(1, '10000000-0000-0000-0000-000000000001', array[gen_random_uuid()], 20, 60, 3, false)
42501 00000 42501 select hpt_record.trial_asked(gen_random_uuid(), 1, null, null, null, 1, null)
42501 00000 42501 select * from hpt_record.trial_tell(1, 0, 1, 'complete', 'told', array[]::text[], array[]::double precision[], 3)
42501 00000 42501 select hpt_record.lease_extend(1, 0, 1, 60)
42501 42501 42501 select * from hpt_record.trial_new(1, '10000000-0000-0000-0000-000000000001', gen_random_uuid(), 20, 60, null)
42501 00000 42501 select hpt_record.environment_add(convert_to('{"parts": {}}', 'UTF8'), array[]::bytea[])
42501 00000 42501 select hpt_record.inputs_put(convert_to('x', 'UTF8'), array[]::bytea[], array[]::bigint[], array[]::bytea[])
42501 00000 42501 select hpt_record.code_put(convert_to('x', 'UTF8'), array[]::bytea[], array[]::bigint[], array[]::bytea[])
42501 00000 42501 select * from hpt_record.digests_missing(array[]::bytea[])
42501 42501 42501 select hpt_record.study_make_view(1)
42501 42501 42501 create table public.mine (a integer)
42501 42501 42501 create table hpt.mine (a integer)
42501 42501 42501 create view hpt_study.mine as select 1
42501 42501 42501 create or replace view hpt.trial_state as select 1
42501 42501 42501 drop view hpt.trial
42501 42501 42501 drop view hpt_study.heart
42501 42501 42501 alter view hpt.trial rename to other
42501 42501 42501 create function hpt.mine() returns integer language sql return 1
42501 42501 42501 create trigger mine before insert on hpt_record.trial for each row execute function suppress_redundant_updates_trigger()
42501 42501 42501 set role hpt_owner
42501 42501 42501 create role mine
42501 42501 42501 create schema mine
42501 42501 42501 select rolpassword from pg_authid
42501 42501 42501 select pg_read_file('/etc/passwd')
42501 42501 42501 select pg_ls_dir('/')
42501 42501 42501 copy hpt.study to '/nowhere/file'
42501 42501 42501 copy (select 1) to program 'true'
42501 42501 42501 select hpt_record.plain_name('x')
END
} >matrix

test_ok 'the matrix has at least 60 cells' '
    cells=$(($(wc -l <matrix) * 3)) && echo "$cells cells" && test "$cells" -ge 60 &&
    test_grep "hpt_study.heart" matrix && test_grep "hpt_record.attempt" matrix
'

column=0
for role in hpt_reader hpt_writer hpt_auditor; do
    column=$((column + 1))
    while read -r reader writer auditor statement; do
        case $column in 1) wanted=$reader ;; 2) wanted=$writer ;; *) wanted=$auditor ;; esac
        echo "$wanted $statement" >&3
        # The SQLSTATE of the statement alone; each is undone.
        printf 'begin;\n%s;\n\\echo =:SQLSTATE\nrollback;\n' "$statement"
    done <matrix >"$role.sql" 3>"$role.wanted"
    test_ok "$role: $(wc -l <matrix) statements" '
        psql -qX -d "$TEST_DSN user=$role" -v ON_ERROR_STOP=0 -f "$role.sql" 2>messages | sed -n "s/^=//p" >states &&
        sed "s/^[^ ]* //" "$role.wanted" | paste -d " " states - >got &&
        test_cmp "$role.wanted" got
    '
done

cat >later.sql <<'END'
select hpt_record.study_create('later', 1, 1, convert_to('{"metrics": [], "parameters": []}', 'UTF8'));
END
test_ok 'a study made later is there for everybody' '
    psql -qX -d "$TEST_DSN user=hpt_writer" -v ON_ERROR_STOP=1 -f later.sql >/dev/null &&
    for role in hpt_reader hpt_writer hpt_auditor; do
        psql -qX -d "$TEST_DSN user=$role" -v ON_ERROR_STOP=1 -c "select * from hpt_study.later" >/dev/null || exit 1
    done
'
test_done
