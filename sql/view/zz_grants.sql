-- Readers see the views; writers also call the functions and touch no table.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hpt_reader') THEN
        GRANT USAGE ON SCHEMA hpt, hpt_study TO hpt_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA hpt, hpt_study TO hpt_reader;
        GRANT EXECUTE ON FUNCTION hpt.record_lines(text[], bigint[], boolean), hpt.object_bytes(text) TO hpt_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hpt_writer') THEN
        GRANT USAGE ON SCHEMA hpt, hpt_study, hpt_record TO hpt_writer;
        GRANT SELECT ON ALL TABLES IN SCHEMA hpt, hpt_study TO hpt_writer;
        GRANT EXECUTE ON FUNCTION hpt.record_lines(text[], bigint[], boolean), hpt.object_bytes(text) TO hpt_writer;
        FOR v_function IN
            SELECT p.oid::regprocedure FROM pg_proc p
            WHERE p.pronamespace = 'hpt_record'::regnamespace
              AND p.proname IN ('history', 'history_blocks', 'history_block_put', 'history_rest', 'trial_proposed', 'study_create', 'study_extend', 'study_set_total', 'worker_start', 'worker_end',
                                'trial_reserve', 'trial_start', 'trial_points', 'trial_finish', 'lease_renew', 'lease_reap',
                                'trial_retry', 'study_read', 'study_definition', 'worker_peers', 'prune_observe',
                                'prune_decide', 'rung_results', 'fold_values', 'study_set_limits', 'attempt_files', 'replay_record',
                                'import_seen', 'import_begin', 'import_rows', 'import_end',
                                'code_put', 'digests_missing', 'inputs_put', 'environment_add',
                                'worker_ask', 'trial_ask', 'trial_asked', 'trial_tell', 'trial_report', 'report_decide', 'lease_extend')
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hpt_writer', v_function);
        END LOOP;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'hpt_auditor') THEN
        GRANT USAGE ON SCHEMA hpt, hpt_study, hpt_record TO hpt_auditor;
        GRANT SELECT ON ALL TABLES IN SCHEMA hpt, hpt_study, hpt_record TO hpt_auditor;
        GRANT EXECUTE ON FUNCTION hpt.record_lines(text[], bigint[], boolean), hpt.object_bytes(text) TO hpt_auditor;
    END IF;
END $$;
