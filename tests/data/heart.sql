-- A small finished study, made through the functions that hpt-run calls: for tests of the readers.
--
-- heart: 12 trials; objective acc (max), constraint latency <= 10, tracked loss; parameters kernel,
-- C (real), gamma (only rbf), degree (only poly, integer), c (a second name that folds to c), seeded
-- with plain arithmetic. Trial 7 failed, 8 is lost, 9 runs, 10 and 11 broke the constraint.
-- pair: 40 trials with two objectives, err (min) and size (min), and no constraint.
\set QUIET on
\set ON_ERROR_STOP on
set client_min_messages = warning;

select hpt_record.study_create('heart', 7, 20, convert_to('{
  "command": ["svm-train", "-t", "{kernel}", "-c", "{C}"],
  "metrics": [{"name": "acc", "direction": "max", "source": "auto"},
              {"name": "latency", "direction": "le", "bound": 10, "source": "auto"},
              {"name": "loss", "direction": "track", "source": "report"}],
  "parameters": [{"name": "kernel", "type": "text"}, {"name": "C", "type": "real"},
                 {"name": "gamma", "type": "real"}, {"name": "degree", "type": "integer"},
                 {"name": "c", "type": "integer"}, {"name": "fixed", "type": "text", "constant": true}],
  "sampler": "random", "sampler_version": 1, "seed": 7, "space": "x", "space_hash": "00",
  "timeout_us": null, "retry": "lost", "chdir": false, "stdin": null}', 'UTF8')) as heart \gset
select hpt_record.study_create('pair', 8, 40, convert_to('{
  "command": ["./fit"],
  "metrics": [{"name": "err", "direction": "min", "source": "auto"},
              {"name": "size", "direction": "min", "source": "auto"}],
  "parameters": [{"name": "lr.start", "type": "real"}, {"name": "state", "type": "text"}],
  "sampler": "grid", "sampler_version": 1, "seed": 8, "space": "y", "space_hash": "01"}', 'UTF8')) as pair \gset

\set hw '''10000000-0000-0000-0000-000000000001'''
\set pw '''10000000-0000-0000-0000-000000000002'''
select hpt_record.worker_start(:hw, :heart, 'node1', 'boot', 'ns', 11, 1, '{}', '0.1.0',
                               convert_to('{"host":{"name":"node1"}}', 'UTF8')) \g /dev/null
select hpt_record.worker_start(:pw, :pair, 'node2', 'boot', 'ns', 12, 1, '{}', '0.1.0',
                               convert_to('{"host":{"name":"node2"}}', 'UTF8')) \g /dev/null

-- Runs one trial from reservation to end.
create function pg_temp.trial(p_study bigint, p_worker uuid, p_n bigint, p_config jsonb, p_outcome text,
                              p_cause text, p_status integer, p_signal integer, p_metrics text[],
                              p_values float8[], p_stderr text) returns void
language plpgsql as $$
declare
    v_attempt uuid := format('20000000-0000-0000-%s-%s', lpad(p_study::text, 4, '0'), lpad(p_n::text, 12, '0'));
    v_config  bytea := convert_to(replace(p_config::text, ' ', ''), 'UTF8');
    v_stderr  bytea := convert_to(p_stderr, 'UTF8');
    v_points  boolean := p_outcome = 'complete';
begin
    perform hpt_record.trial_reserve(p_study, p_worker, v_attempt, null, 60);
    perform hpt_record.trial_start(v_attempt, 1, 'random', null, v_config, p_n, 0, array['x']::bytea[], null);
    if p_outcome is null then
        return;
    end if;
    perform hpt_record.trial_finish(p_study => p_study, p_worker => p_worker, p_attempt => v_attempt,
        p_outcome => p_outcome, p_max_lost => 1, p_max_failed => 1, p_cause => p_cause, p_exit_status => p_status,
        p_signal => p_signal, p_wall_us => 1500000 + p_n, p_user_us => 1000000, p_system_us => 10000,
        p_max_rss_bytes => 4096, p_details => '{}', p_definition => 1, p_origin => 'random', p_reason => null,
        p_config => v_config, p_seed => p_n, p_slot => 0, p_argv => array['x']::bytea[], p_environment => null,
        p_metric_names => p_metrics, p_metric_values => p_values,
        p_metric_rules => array_fill('auto'::text, array[cardinality(p_metrics)]),
        p_metric_sources => array_fill('stdout'::text, array[cardinality(p_metrics)]),
        p_metric_offsets => array_fill(0::bigint, array[cardinality(p_metrics)]),
        p_batch => 0, p_superseded => array[]::text[], p_point_names => case when v_points then array['loss', 'loss'] else array[]::text[] end,
        p_point_steps => case when v_points then array[1, 2]::bigint[] else array[]::bigint[] end,
        p_point_values => case when v_points then array[1.5, 1.0 / (p_n + 1)] else array[]::float8[] end,
        p_object_digests => array[sha256(v_stderr)], p_object_sizes => array[length(v_stderr)],
        p_object_bytes => array[v_stderr],
        p_artefact_kinds => array['stderr'], p_artefact_paths => array['stderr'::bytea],
        p_artefact_digests => array[sha256(v_stderr)], p_artefact_full_digests => array[null::bytea],
        p_artefact_full_sizes => array[length(v_stderr)], p_artefact_modes => array[null::bigint],
        p_artefact_targets => array[null::bytea], p_artefact_notes => array[null::text],
        p_next => null, p_total => null, p_lease_s => 60);
end $$;

select pg_temp.trial(:heart, :hw, n,
    case n % 3 when 0 then jsonb_build_object('kernel', 'linear')
               when 1 then jsonb_build_object('kernel', 'rbf', 'gamma', 0.125 * n)
               else jsonb_build_object('kernel', 'poly', 'degree', n) end
    || jsonb_build_object('C', (0.1 * (n + 1))::float8, 'c', 20 - n, 'fixed', 'f'),
    case n when 7 then 'failed' when 8 then 'lost' when 9 then null else 'complete' end,
    case n when 7 then 'exit 3' when 8 then 'signal 9' else 'exit 0' end,
    case n when 7 then 3 when 8 then null else 0 end, case n when 8 then 9 end,
    case when n in (7, 8) then '{}'::text[] else array['acc', 'latency', 'loss'] end,
    case when n in (7, 8) then '{}'::float8[]
         else array[80 + (n * 5) % 7 + 0.1, case when n >= 10 then 11 else n end, 1.0 / (n + 1)] end,
    case n when 7 then E'reading\nout of memory: ä\n' else '' end)
from generate_series(0, 11) n \g /dev/null

select pg_temp.trial(:pair, :pw, n, jsonb_build_object('lr.start', n / 8.0, 'state', 's' || n), 'complete',
                     'exit 0', 0, null, array['err', 'size'],
                     array[(n * 17) % 40, (n * 23 + 5) % 40]::float8[], '')
from generate_series(0, 39) n \g /dev/null
