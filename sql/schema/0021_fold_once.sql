-- What is told again may come to the decision again, when other folds have ended meanwhile or the next rung has begun.

-- As before, but of kind fold there is one decision for each attempt, at the rung that its trial is at.
CREATE OR REPLACE FUNCTION hpt_record.prune_decide(p_study bigint, p_number bigint, p_attempt integer, p_kind text,
    p_place bigint, p_rule text, p_stop boolean, p_value double precision, p_threshold double precision,
    p_compared bigint, p_reason text, p_peers bigint[], p_peer_vals double precision[])
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_trial hpt_record.trial;
BEGIN
    IF p_kind = 'fold' THEN
        SELECT t.* INTO v_trial FROM hpt_record.trial t
        WHERE t.study_id = p_study AND t.number = p_number FOR UPDATE;
        IF EXISTS (SELECT FROM hpt_record.pruning p WHERE p.study_id = p_study AND p.number = p_number
                   AND p.attempt = p_attempt AND p.kind = 'fold')
           OR NOT EXISTS (SELECT FROM hpt_record.attempt a JOIN hpt_record.evaluation e USING (study_id, number, evaluation)
                          WHERE a.study_id = p_study AND a.number = p_number AND a.attempt = p_attempt
                            AND e.rung = v_trial.rung) THEN
            PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
            RETURN false;
        END IF;
    END IF;
    INSERT INTO hpt_record.pruning VALUES (p_study, p_number, p_attempt, p_kind, p_place, p_rule, p_stop,
        p_value, p_threshold, p_compared, p_reason, p_peers, p_peer_vals)
    ON CONFLICT DO NOTHING;
    IF p_kind <> 'fold' OR NOT FOUND THEN
        PERFORM pg_catalog.set_config('synchronous_commit', 'off', true);
        RETURN false;
    END IF;
    IF v_trial.state NOT IN ('running', 'waiting') THEN
        RETURN false;
    END IF;
    IF p_stop THEN
        PERFORM hpt_record.trial_end(p_study, p_number, 'pruned', split_part(p_rule, ':', 1) || ': ' || p_reason);
    ELSE
        PERFORM hpt_record.evaluation_release(p_study, p_number);
    END IF;
    RETURN p_stop;
END $$;
