#!/bin/sh
# The views: the manual lists their columns, wide views have names that need no quotes and the right
# types, and what is feasible and best is the same everywhere.
. "${0%/*}/../cli/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'

sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }

test_ok 'a project with two studies' '
    test_db && sql -f "$TEST_SRC/tests/data/heart.sql" >/dev/null
'
test_ok 'hpt-schema(7) lists exactly the views, columns and types there are' '
    awk "/^\.Sh / { on = \$2 == \"VIEWS\" } on && /^\.Ss/ { view = \$2 }
         on && /^\.It/ { type = \$4; if (\$5 != \"Ta\") type = type \" \" \$5; print view, \$2, type }" \
        "$TEST_SRC/docs/man/hpt-schema.7" >manual &&
    sql >catalog -c "
        select c.relname, a.attname, replace(format_type(a.atttypid, null), '"'timestamp with time zone', 'timestamptz'"')
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = '"'hpt'"'::regnamespace and c.relkind = '"'v'"' and a.attnum > 0 order by c.relname, a.attnum" &&
    test "$(wc -l <catalog)" -gt 150 && sort manual >manual.sorted && sort catalog | test_cmp - manual.sorted &&
    for view in $(cut -d " " -f 1 catalog | sort -u); do
        grep "^$view " manual >one && grep "^$view " catalog | test_cmp - one || exit 1
    done
'

# A study whose names are as awkward as can be.
cat >awkward.sql <<'END'
select hpt_record.study_create('Order', 1, 1, convert_to('{"metrics":
    [{"name": "acc", "direction": "max"}, {"name": "Acc", "direction": "track"}, {"name": "trial", "direction": "track"}],
  "parameters":
    [{"name": "limit", "type": "integer"}, {"name": "user", "type": "text"}, {"name": "lr.start", "type": "real"},
     {"name": "lr-start", "type": "real"}, {"name": "2nd", "type": "text"}, {"name": "ACC", "type": "text"},
     {"name": "naïve", "type": "text"}, {"name": "a''b\"c", "type": "text"}, {"name": "x%s$1", "type": "real"},
     {"name": "averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongname1", "type": "real"},
     {"name": "averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongname2", "type": "real"}]}', 'UTF8'));
select hpt_record.study_create('trial', 1, 1, convert_to('{"metrics": [], "parameters": []}', 'UTF8'));
select hpt_record.study_create('my-study', 1, 1, convert_to('{"metrics": [], "parameters": []}', 'UTF8'));
select hpt_record.study_create('my_study', 1, 1, convert_to('{"metrics": [], "parameters": []}', 'UTF8'));
END
test_ok 'names of wide views need no quotes and hide no view of hpt' '
    sql -f awkward.sql >/dev/null &&
    sql -c "select study, wide_view from wide_view order by created" >out &&
    printf "%s\n" "heart heart" "pair pair" "Order order_2" "trial trial_2" "my-study my_study" "my_study my_study_2" |
        test_cmp - out &&
    for view in $(cut -d " " -f 2 out); do sql -c "select * from $view" >/dev/null || exit 1; done
'
test_ok 'names of their columns need no quotes' '
    sql -c "select name, column_name from wide_column where study = '"'Order'"' order by position" >out &&
    cat >wanted <<END &&
acc acc
Acc m_acc
trial m_trial
limit p_limit
user p_user
lr.start lr_start
lr-start p_lr_start
2nd _2nd
ACC p_acc
naïve na_ve
a'"'"'b"c a_b_c
x%s\$1 x_s_1
averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongname1 averyveryveryveryveryveryveryveryveryveryveryveryveryver
averyveryveryveryveryveryveryveryveryveryveryveryveryveryverylongname2 p_averyveryveryveryveryveryveryveryveryveryveryveryveryver
END
    test_cmp wanted out && sql -c "select $(cut -d " " -f 2 out | paste -sd ,) from order_2"
'
test_ok 'columns of wide views have the types of their parameters' '
    sql -c "select a.attname, format_type(a.atttypid, null) from pg_attribute a
        where a.attrelid = '"'hpt_study.heart'"'::regclass and a.attnum between 3 and 11 order by a.attnum" >out &&
    printf "%s\n" "acc double precision" "latency double precision" "loss double precision" "kernel text" \
        "c double precision" "gamma double precision" "degree bigint" "p_c bigint" "fixed text" | test_cmp - out
'
cat >extend.sql <<'END'
select hpt_record.study_extend(study_id, 2, convert_to(
    jsonb_set(body, '{parameters,9}', '{"name": "more", "type": "real"}')::text, 'UTF8'))
from hpt_record.definition where study_id = (select id from hpt_record.study where name = 'pair')
END
test_ok 'a definition that is extended has its new columns, for readers too' '
    test_is "$(sql -f extend.sql)" t && test_is "$(sql -c "select count(*), count(more) from pair")" "40 0" &&
    TEST_DSN="$TEST_DSN user=hpt_reader" sql -c "select more from pair" >/dev/null
'
test_ok 'what breaks a constraint, or has no value for it, is not feasible' '
    sql -c "select trial, feasible from heart where trial in (0, 7, 9, 10) order by 1" >out &&
    printf "%s\n" "0 t" "7 " "9 " "10 f" | test_cmp - out &&
    sql -c "begin" -c "delete from hpt_record.metric where name = '"'latency'"' and number = 4" \
        -c "select feasible from heart where trial = 4" -c "select trial from ranking where study = '"'heart'"' and place = 1" \
        -c "rollback" >out && printf "f\n1\n" | test_cmp - out
'
test_ok 'ranking and the wide view agree about the best' '
    sql -c "select trial from ranking where study = '"'heart'"' order by place" >ranking &&
    sql -c "select trial from heart where feasible order by acc desc, trial" | test_cmp ranking - &&
    sql -c "select trial from ranking where study = '"'pair'"' order by place" >ranking &&
    sql -c "select trial from pair where feasible order by err, trial" | test_cmp ranking - && test_is "$(wc -l <ranking)" 40
'
test_ok 'the counts of a study are those of its trials' '
    test_is "$(sql -c "select trials, complete, failed, lost, running, waiting from study where study = '"'heart'"'")" "12 9 1 1 1 0"
'
test_ok 'names of files stay different as text' '
    test_is "$(sql -c "select hpt.path_text(convert_to(t, \$\$UTF8\$\$)) from (values (\$\$\\377\$\$), (\$\$ä/b\$\$)) v (t)
        union all select hpt.path_text(decode(\$\$ff5c\$\$, \$\$hex\$\$))" | tr "\n" " ")" "\\\\377 ä/b \\377\\\\ "
'
test_ok 'bytes become text whatever they are' '
    test_is "$(sql -c "select hpt.bytes_text('"'\\xc3a4'"'), hpt.bytes_text('"'\\xff41'"'), hpt.bytes_text('"'\\x4100'"')")" \
        "ä \\377A A\\000" &&
    test_is "$(sql -c "select hpt.last_line(convert_to(E'"'one\\ntwo\\r\\n \\n'"', '"'UTF8'"'))")" two &&
    test_is "$(sql -c "select hpt.last_line(convert_to(repeat('"'x', 9000) || E'\\rdone'"', '"'UTF8'"'))")" done &&
    test_is "$(sql -c "select coalesce(hpt.last_line('"''"'), '"'none'"')")" none
'
test_ok 'the views come last in the search path of a database that is ours' '
    test_is "$(sql -c "show search_path")" "\"\$user\", public, hpt, hpt_study"
'
test_ok 'a search path that was set before is left alone' '
    database=$(sql -c "select current_database()") && sql -c "alter database $database set search_path = public" &&
    sql -f "$TEST_SRC/sql/view/zz_search_path.sql" && test_is "$(sql -c "show search_path")" public
'
test_done
