#!/bin/sh
# The states of a trial: what the database allows, what its table of transitions says, and what the
# manual says are the same.
. "${0%/*}/../cli/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }

test_ok 'a project' '
    test_db && sql -f "$TEST_SRC/tests/data/heart.sql"
'
# Tries every change of state on a trial of its own.
cat >try.sql <<'END'
begin;
create temp table tried (from_state text, to_state text, done boolean) on commit drop;
do $$
declare
    v_pair record;
    v_n    bigint := 1000;
begin
    for v_pair in select a.state as from_state, b.state as to_state
                  from hpt_record.trial_state a cross join hpt_record.trial_state b where a.state <> b.state loop
        v_n := v_n + 1;
        insert into hpt_record.trial (study_id, number, state, attempt)
        values ((select min(id) from hpt_record.study), v_n, v_pair.from_state, 1);
        begin
            update hpt_record.trial set state = v_pair.to_state where number = v_n;
            insert into tried values (v_pair.from_state, v_pair.to_state, true);
        exception when check_violation then
            insert into tried values (v_pair.from_state, v_pair.to_state, false);
        end;
    end loop;
end $$;
select from_state, to_state from tried where done order by 1, 2;
select 'tried', count(*) from tried;
rollback;
END
test_ok 'the database allows what its table says, of all changes' '
    sql -f try.sql >out && test_grep "^tried 42$" out && grep -v "^tried" out >allowed &&
    sql -c "select from_state, to_state from hpt_record.trial_transition order by 1, 2" | test_cmp - allowed
'
test_ok 'the manual says the same' '
    awk "/^\.Sh STATES/ { on = 1 } /^\.Sh ROLES/ { on = 0 } on && /^\.It/ { print \$2, \$4 }" \
        "$TEST_SRC/docs/man/hpt-schema.7" | sort >manual && sort allowed | test_cmp - manual
'
test_ok 'the reasons of the manual are those of the table' '
    awk "/^\.Sh STATES/ { on = 1 } /^\.Sh ROLES/ { on = 0 } on && /^\.It/" "$TEST_SRC/docs/man/hpt-schema.7" |
        sed "s/.* Ta //" | sort >manual &&
    sql -c "select reason from hpt_record.trial_transition" | sort | test_cmp - manual
'
test_ok 'a state that is none is refused' '
    test_exit 1 sql -c "update hpt_record.trial set state = '"'sleepy'"' where number = 9" 2>err &&
    test_grep "cannot go from running to sleepy" err
'
test_ok 'an update that keeps the state is allowed in every state' '
    sql -c "update hpt_record.trial set state = state"
'
test_done
