-- The first results of trials 1024 k to 1024 k + 1023, once all are there, packed by a worker for those that come
-- later: a copy of rows that never change, so that a new process need not read each of them. What replays and
-- verifies reads the rows.
CREATE TABLE hpt_record.history_block (
    study_id bigint NOT NULL REFERENCES hpt_record.study,
    space    bytea NOT NULL, -- digest of the space whose values it has
    block    bigint NOT NULL CHECK (block >= 0),
    body     bytea NOT NULL, -- see src/study/history-block.c
    PRIMARY KEY (study_id, space, block)
);
ALTER TABLE hpt_record.history_block ALTER body SET STORAGE EXTERNAL;

-- The results that no block has: of trials that were run again.
CREATE INDEX result_again ON hpt_record.result (study_id, number) WHERE turn > 1;

-- false: it is there, or something of it is not.
CREATE FUNCTION hpt_record.history_block_put(p_study bigint, p_space bytea, p_block bigint, p_body bytea)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    IF (SELECT count(*) FROM hpt_record.result r
        WHERE r.study_id = p_study AND r.number >= p_block * 1024 AND r.number < (p_block + 1) * 1024
          AND r.turn = 1) < 1024 THEN
        RETURN false;
    END IF;
    INSERT INTO hpt_record.history_block (study_id, space, block, body)
    VALUES (p_study, p_space, p_block, p_body)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE FUNCTION hpt_record.history_blocks(p_study bigint, p_space bytea, p_from bigint, p_most integer)
RETURNS TABLE (block bigint, body bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT b.block, b.body FROM hpt_record.history_block b
    WHERE b.study_id = p_study AND b.space = p_space AND b.block >= p_from
    ORDER BY b.block LIMIT p_most
$$;

-- As history with mark 0, without what runs: results of the p_most blocks from p_from on that are not among
-- p_known, of which only those of trials that were run again come. One row at least, without a trial if there is
-- nothing. last: the last block that has a result; -1: there is none.
CREATE FUNCTION hpt_record.history_rest(p_study bigint, p_known bigint[], p_from bigint, p_most integer)
RETURNS TABLE (trial bigint, turn integer, config bytea, objectives double precision[],
               constraints double precision[], mark bigint, last bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    WITH m AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS mark,
                      coalesce((SELECT max(x.number) / 1024 FROM hpt_record.result x WHERE x.study_id = p_study), -1) AS last),
    r AS (SELECT f.number, f.turn, f.objectives, f.constraints
          FROM m, generate_series(p_from, least(p_from + p_most - 1, m.last)) k
          CROSS JOIN LATERAL (SELECT x.number, x.turn, x.objectives, x.constraints FROM hpt_record.result x
                              WHERE x.study_id = p_study AND x.number >= k * 1024 AND x.number < (k + 1) * 1024) f
          WHERE k <> ALL (p_known)
          UNION ALL
          SELECT x.number, x.turn, x.objectives, x.constraints FROM hpt_record.result x
          WHERE x.study_id = p_study AND x.turn > 1 AND x.number >= p_from * 1024
            AND x.number < (p_from + p_most) * 1024 AND x.number / 1024 = ANY (p_known))
    SELECT t.number, r.turn, t.config, r.objectives, r.constraints, m.mark, m.last
    FROM m LEFT JOIN (r JOIN hpt_record.trial t ON t.study_id = p_study AND t.number = r.number) ON true
    ORDER BY r.number, r.turn
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
