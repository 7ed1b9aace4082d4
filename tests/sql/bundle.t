#!/bin/sh
# The list of what a bundle holds (sql/view/aa_bundle_table.sql) against the tables there are: every table of
# hpt_record is in it, exported or deliberately left out, with every column and its type.
. "${0%/*}/../cli/lib.sh"
test_need psql
[ -x "$TEST_BUILD/hpt-init" ] || test_skip_all 'hpt-init is not built'
sql() { psql -qXAt -F ' ' -v ON_ERROR_STOP=1 -d "$TEST_DSN" "$@"; }

test_ok 'a project' test_db

# The line that a table should have, as far as the catalogue tells.
cat >lines.sql <<'END'
select c.relname, format('(''%s'', ''%s''),', c.relname, string_agg(
    case when a.attname = 'study_id' then 'study' else a.attname end
    || case when a.attnum = any (k.conkey) then '*' else '' end
    || case when a.attname = 'study_id' then '' else ':' || case format_type(a.atttypid, null)
         when 'integer' then 'int4' when 'bigint' then 'int8' when 'double precision' then 'real' when 'text' then 'text'
         when 'boolean' then 'bool' when 'timestamp with time zone' then 'time' when 'uuid' then 'uuid' when 'bytea' then 'bytes'
         when 'jsonb' then 'json' when 'bigint[]' then 'int8[]' when 'double precision[]' then 'real[]' when 'bytea[]' then 'bytes[]'
         else '(no type of the list: ' || format_type(a.atttypid, null) || ')' end end
    || case when a.attnotnull or a.attname = 'study_id' then '' else '?' end
    || coalesce((select '>' || r.relname from pg_constraint f join pg_class r on r.oid = f.confrelid
                 where f.conrelid = c.oid and f.contype = 'f' and f.conkey = array[a.attnum]
                   and r.relname not in ('study', 'trial_state')), ''), ' ' order by a.attnum))
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where c.relnamespace = 'hpt_record'::regnamespace and c.relkind = 'r' and c.relname <> 'schema_step'
group by 1 order by 1
END
test_ok 'every table of hpt_record is exported or left out on purpose: one line in sql/view/aa_bundle_table.sql' '
    sql -f lines.sql >lines && test "$(wc -l <lines)" -gt 15 && : >missing &&
    while read -r table line; do
        test_is "$(sql -c "select count(*) from hpt_record.bundle_table where name = \$\$$table\$\$")" 1 >/dev/null ||
            echo "table $table is not in sql/view/aa_bundle_table.sql. Add, after the tables that it refers to: $line
or, if nothing of it belongs into a bundle: ('"'$table', '! the reason'"')," >>missing
    done <lines && cat missing && test_empty missing >/dev/null
'
# A listed column with the type that its values must have in the database; =… and ! as they are.
cat >listed.sql <<'END'
select b.name, case when m[1] = 'study' then 'study_id' else m[1] end,
    case when m[1] = 'study' then 'bigint'
         when m[2] in ('!', '=') then (select format_type(a.atttypid, null) from pg_attribute a
             where a.attrelid = format('hpt_record.%I', b.name)::regclass and a.attname = m[1])
         else t.db || coalesce(m[5], '') end,
    m[2] is not null or m[1] = 'study' or m[6] is null
from hpt_record.bundle_table b, regexp_split_to_table(b.columns, ' ') w,
    regexp_match(w, '^(\w+)(!|=)?(\*)?(?::(\w+)(\[\])?([?])?)?') m
    left join (values ('int4', 'integer'), ('int8', 'bigint'), ('real', 'double precision'), ('text', 'text'), ('bool', 'boolean'),
        ('time', 'timestamp with time zone'), ('uuid', 'uuid'), ('bytes', 'bytea'), ('digest', 'bytea'), ('canonical', 'bytea'),
        ('content', 'bytea'), ('json', 'jsonb')) t (type, db) on t.type = m[4]
where b.columns !~ '^!' order by 1, 2
END
cat >columns.sql <<'END'
select c.relname, a.attname, format_type(a.atttypid, null),
    a.attnotnull or w.word ~ '=|!|content'
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join hpt_record.bundle_table b on b.name = c.relname and b.columns !~ '^!'
left join regexp_split_to_table(b.columns, ' ') w (word) on w.word ~ ('^' || a.attname || '\M')
where c.relnamespace = 'hpt_record'::regnamespace and c.relkind = 'r' order by 1, 2
END
test_ok 'every column is there, with its type, and may be NULL as in the table' '
    sql -f listed.sql >listed && sql -f columns.sql >columns &&
    test "$(wc -l <columns)" -gt 100 && test_cmp columns listed
'
test_ok 'keys are the primary keys' '
    sql -c "select b.name, string_agg(replace(rtrim(split_part(w, '"':', 1), '*'), 'study', 'study_id'), ' ' order by w)
        from hpt_record.bundle_table b, regexp_split_to_table(b.columns, ' ') w where w ~ '^\w+[*]' and b.columns !~ '^!' and b.name <> 'study'"' group by 1 order by 1" >listed &&
    sql -c "select c.relname, string_agg(a.attname, '"' ' order by case a.attname when 'study_id' then 'study*' else a.attname || '*'"' end)
        from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
        join hpt_record.bundle_table b on b.name = c.relname and b.columns !~ '"'^!' where k.contype = 'p' and c.relname <> 'study'"' group by 1 order by 1" | test_cmp - listed
'
test_ok 'tables come after those that they refer to' '
    sql -c "select r.relname, f.relname from pg_constraint k join pg_class r on r.oid = k.conrelid join pg_class f on f.oid = k.confrelid
        join hpt_record.bundle_table x on x.name = r.relname and x.columns !~ '"'^!' join hpt_record.bundle_table y on y.name = f.relname and y.columns !~ '^!' where k.contype = 'f' and y.place >= x.place"'" >late && test_empty late
'
test_ok 'columns that refer to content or to a worker say so' '
    sql -c "select r.relname, a.attname, f.relname from pg_constraint k join pg_class r on r.oid = k.conrelid join pg_class f on f.oid = k.confrelid
        join pg_attribute a on a.attrelid = k.conrelid and k.conkey = array[a.attnum] join hpt_record.bundle_table x on x.name = r.relname and x.columns !~ '"'^!'
        join hpt_record.bundle_table y on y.name = f.relname and y.columns !~ '^!' where k.contype = 'f' and f.relname <> 'study' order by 1, 2"'" >keys &&
    test_is "$(wc -l <keys)" "$(sort -u keys | wc -l)" && test "$(wc -l <keys)" -ge 2 &&
    sql -c "select b.name, c.name, c.refers from hpt_record.bundle_table b, hpt_record.bundle_columns(b.name) c where c.refers is not null and c.type not in ('"'canonical', 'bytes'"') and c.refers not in ('"'code', 'input_set'"') and c.name || b.name <> '"'environmentattempt'"' order by 1, 2" | test_cmp keys -
'
test_ok 'a table that is forgotten is found' '
    sql -c "create table hpt_record.forgotten (digest bytea primary key)" && sql -f lines.sql | test_grep "^forgotten .*digest\*:bytes" - &&
    test_is "$(sql -c "select count(*) from hpt_record.bundle_table where name = '"'forgotten'"'")" 0
'
test_done
