#!/bin/sh
# A worker that was declared dead comes back with its result while its successor takes the trial: one of
# them counts, never both. 1,000 races in SQL, two sessions side by side, and some with stopped processes.
. "${0%/*}/fault.sh"
test_need psql

races=$(scaled 1000)
stops=$(scaled 5)

cat >learner <<'EOT'
#!/bin/sh
echo "$HPT_TRIAL" >>"$1/running"
until [ -e "$1/go" ]; do timeout 0.05 tail -f /dev/null; done
echo "loss=$HPT_TRIAL"
EOT
chmod +x learner
learner=$PWD/learner

# Each race has a worker of its own. Two sessions meet at a barrier, a sequence, which they see change at
# once; then one sends the end of the trial and the other declares the worker dead and takes the trial.
cat >race.sql <<'END'
create temp table done (n bigint, said text);
do $$
declare
    s bigint := (select id from hpt_record.study where name = 'race');
    z record; said text; t0 timestamptz;
begin
    for z in select n, worker, attempt from public.racer order by n loop
        perform nextval('public.barrier');
        while (select last_value from public.barrier) < 2 * z.n loop perform pg_sleep(0.0002); end loop;
        if current_setting('race.side') = 'zombie' then
            select f.finished into said from hpt_record.trial_finish(s, z.worker, z.attempt, 'complete', 3, 1, 'exit 0',
                0, null, 1, 1, 1, 1, '{}', 1, 'random', null, '{"x":0.5}', 1, 0, '{}', (select digest from hpt_record.environment limit 1),
                '{loss}', array[z.n], '{key}', '{stdout}', '{0}', 1, '{}', '{}', '{}', '{}', '{}', '{}', '{}',
                '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', null, null, 60) f;
        else
            select count(*)::text into said from hpt_record.lease_reap(s, array[z.worker], 60, 3);
        end if;
        insert into done values (z.n, said);
        commit;
    end loop;
end $$;
END

test_ok 'a server of our own, a study and a trial for each race' '
    own_server && cd project && hpt-run -q --print=none -s race -t 1 -m loss --seed=1 --allow-unused x=0.0..1.0 -- echo loss=1 &&
    ask "create table public.racer (n bigint, worker uuid, attempt uuid); create sequence public.barrier;
        update hpt_record.study set total = null where name = '"'race'"';
        insert into public.racer select n, gen_random_uuid(), gen_random_uuid() from generate_series(1, $races) n;
        select hpt_record.worker_start(worker, (select id from hpt_record.study where name = '"'race'"'), '"'h', 'b', 'p'"', 1, 1, '"'{}', '0'"', (select canonical from hpt_record.environment limit 1)) from public.racer;
        select hpt_record.trial_reserve((select id from hpt_record.study where name = '"'race'"'), worker, attempt, null, 60) from public.racer order by n" >out
'
race() {
    for side in zombie successor; do
        {
            PGOPTIONS="-c race.side=$side" timeout 300 psql -qXAt -v ON_ERROR_STOP=1 -d "$ADMIN" -f ../race.sql \
                -c 'select said, count(*) from done group by 1 order by 1' >"$side" 2>&1
            echo $? >"$side.status"
        } &
        [ $side = zombie ] && first=$! || second=$!
    done
    wait "$first" "$second"
    cat zombie successor zombie.status successor.status
    [ "$(cat zombie.status successor.status | tr -d '\n')" = 00 ]
}
test_ok "$races races" '
    cd project && race
'
field() { awk -F'|' -v w="$1" '$1 == w { n = $2 } END { print n + 0 }' "project/$2"; }
test_ok 'each was won by one of them, and the record agrees' '
    won=$(field done zombie) && fenced=$(field fenced zombie) && reaped=$(field 1 successor) && late=$(field 0 successor) &&
    test_is $((won + fenced)) "$races" && test_is $((reaped + late)) "$races" && test_is "$won" "$late" && test_is "$fenced" "$reaped" &&
    test_is "$(ask "select count(*) from hpt.trial where study = '"'race'"' and trial > 0 and state = '"'complete'"'")" "$won" &&
    test_is "$(ask "select count(*) from hpt.trial where study = '"'race'"' and state = '"'waiting'"'")" "$fenced" &&
    test_is "$(ask "select count(*) from hpt_record.metric m join hpt_record.attempt a using (study_id, number, attempt) where a.outcome = '"'lost'"'")" 0 && cd project && sound
'
say "races: $races; won by the one that came back: $won; by its successor: $fenced"
test_ok 'the successor runs what was taken over; each trial is complete once' '
    cd project && hpt-run -q --progress=none --print=none -j 2 -s race -t $((races + 1)) -m loss --seed=1 --allow-unused x=0.0..1.0 -- echo loss=1 &&
    whole race $((races + 1)) && sound
'
running_is() { [ -e running ] && [ "$(wc -l <running)" -eq "$1" ]; }
test_ok "$stops stopped processes come back after their trial was taken" '
    cd project && n=0 && while [ $n -lt "$stops" ]; do
        n=$((n + 1)) && name=stop_$n && rm -f running go &&
        { hpt-run -q --progress=none --print=none -s $name -t 1 -m loss --seed=1 --allow-unused x=0.0..1.0 -- "$learner" "$PWD" 2>zombie.err & zombie=$!; } &&
        test_wait 20 running_is 1 && kill -STOP $zombie &&
        ask "select hpt_record.lease_reap((select id from hpt_record.study where name = '"'"'$name'"'"'), (select array_agg(worker_id) from hpt_record.lease), 60, 3)" >out &&
        : >go && hpt-run -q --progress=none --print=none -s $name -t 1 -m loss --seed=1 --allow-unused x=0.0..1.0 -- "$learner" "$PWD" &&
        kill -CONT $zombie && { wait $zombie || { cat zombie.err; return 1; }; } &&
        whole $name 1 && test_is "$(ask "select attempt from hpt.trial where study = '"'"'$name'"'"'")" 2 || return 1
    done && sound
'
server_down
test_done
