-- A fold that has just ended is about to be decided about, whoever looks meanwhile.

-- As before, but for what waits for a decision.
CREATE OR REPLACE FUNCTION hpt_record.lease_reap(p_study bigint, p_dead uuid[], p_lease_s integer, p_max_lost integer)
RETURNS TABLE (trial bigint, attempt_number integer, requeued boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_found   hpt_record.lease;
    v_lease   hpt_record.lease;
    v_attempt hpt_record.attempt;
BEGIN
    FOR v_found IN
        SELECT l.* FROM hpt_record.lease l
        WHERE l.study_id = p_study
          AND (l.worker_id = ANY (p_dead)
               OR l.until < clock_timestamp()
                  AND (l.seconds IS NOT NULL
                       OR pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => p_lease_s)))
        ORDER BY l.number, l.evaluation
    LOOP
        PERFORM FROM hpt_record.trial t
        WHERE t.study_id = p_study AND t.number = v_found.number AND t.rung IS NOT NULL FOR UPDATE;
        SELECT * INTO v_lease FROM hpt_record.lease l
        WHERE l.study_id = p_study AND l.number = v_found.number AND l.evaluation = v_found.evaluation
          AND l.attempt = v_found.attempt AND (l.worker_id = ANY (p_dead) OR l.until < clock_timestamp())
        FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND; -- it ends, or was renewed, at this moment
        UPDATE hpt_record.attempt a
        SET outcome = 'lost', cause = CASE WHEN v_lease.seconds IS NULL THEN 'worker died' ELSE 'lease ran out' END,
            ended_at = clock_timestamp()
        WHERE a.study_id = p_study AND a.number = v_lease.number AND a.attempt = v_lease.attempt
          AND a.outcome IS NULL
        RETURNING a.* INTO v_attempt;
        SELECT count(*) < p_max_lost INTO requeued FROM hpt_record.attempt a
        WHERE a.study_id = p_study AND a.number = v_lease.number AND a.evaluation = v_lease.evaluation
          AND a.outcome = 'lost';
        DELETE FROM hpt_record.lease l
        WHERE l.study_id = p_study AND l.number = v_lease.number AND l.evaluation = v_lease.evaluation;
        IF requeued THEN
            INSERT INTO hpt_record.queue VALUES (p_study, v_lease.number, v_lease.evaluation);
        END IF;
        UPDATE hpt_record.trial t SET state = CASE WHEN requeued THEN 'waiting' ELSE 'lost' END
        WHERE t.study_id = p_study AND t.number = v_lease.number AND t.rung IS NULL;
        IF NOT FOUND THEN
            PERFORM hpt_record.evaluation_end(v_attempt, requeued);
        END IF;
        trial := v_lease.number;
        attempt_number := v_lease.attempt;
        RETURN NEXT;
    END LOOP;
    -- What waits for a decision that nobody makes any more: whoever told of a fold, or ran it, needs a moment for it, and
    -- one that is made after this lets out one fold more.
    PERFORM hpt_record.evaluation_release(p_study, h.number)
    FROM (SELECT DISTINCT e.number FROM hpt_record.evaluation e WHERE e.study_id = p_study AND e.held) h
    WHERE NOT EXISTS (SELECT FROM hpt_record.lease l WHERE l.study_id = p_study AND l.number = h.number)
      AND NOT EXISTS (SELECT FROM hpt_record.queue q WHERE q.study_id = p_study AND q.number = h.number)
      AND NOT EXISTS (SELECT FROM hpt_record.attempt a WHERE a.study_id = p_study AND a.number = h.number
                      AND a.ended_at > clock_timestamp() - interval '10 seconds');
END $$;
