-- Records that come from another project: what was brought in when, from which bundle.
CREATE TABLE hpt_record.import (
    id          uuid PRIMARY KEY,
    study_id    bigint NOT NULL REFERENCES hpt_record.study,
    bundle      bytea NOT NULL CHECK (length(bundle) = 32), -- the identity: SHA-256 of its manifest
    name        text NOT NULL,                              -- of the study there
    fresh       bigint NOT NULL,                            -- trials that were not here
    gone_on     bigint NOT NULL,                            -- trials that were further there
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    imported_by text NOT NULL DEFAULT session_user,
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX import_study ON hpt_record.import (study_id);

-- How far a study is, to see whether it has changed since it was compared with a bundle; NULL: there is none.
CREATE FUNCTION hpt_record.import_seen(p_study text) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT ARRAY[(SELECT count(*) FROM hpt_record.trial t WHERE t.study_id = s.id),
                 (SELECT count(*) FROM hpt_record.attempt a WHERE a.study_id = s.id),
                 (SELECT count(*) FROM hpt_record.attempt a WHERE a.study_id = s.id AND a.outcome IS NULL),
                 (SELECT count(*) FROM hpt_record.definition d WHERE d.study_id = s.id)]
    FROM hpt_record.study s WHERE s.name = p_study
$$;

-- A time of a bundle, in microseconds since 1970: whole ones are exact in the product up to 2^53.
CREATE FUNCTION hpt_record.import_time(p_us bigint) RETURNS timestamptz
LANGUAGE sql STABLE
RETURN timestamptz '1970-01-01 00:00:00+00' + p_us * interval '1 microsecond';

-- Begins to import a study, or more of one, in this transaction, which import_end has to end. p_row and p_definitions
-- are rows of a bundle (those of definitions that are not here). p_seen: what import_seen said when the
-- bundle was compared.
CREATE FUNCTION hpt_record.import_begin(p_import uuid, p_bundle bytea, p_name text, p_row jsonb, p_definitions jsonb,
    p_seen bigint[], p_fresh bigint, p_gone_on bigint)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_id   bigint;
    v_name text := p_row ->> 'name';
    v_new  jsonb;
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(1752199284, 1);
    IF hpt_record.import_seen(v_name) IS DISTINCT FROM p_seen THEN
        RAISE EXCEPTION 'the study ''%'' has changed while it was compared: import again', v_name
            USING ERRCODE = 'unique_violation';
    END IF;
    IF p_seen IS NULL THEN
        PERFORM hpt_record.study_create(v_name, (p_row ->> 'seed')::bigint, NULL,
                                        decode(p_definitions -> 0 ->> 'canonical', 'hex'));
        UPDATE hpt_record.definition d SET created_at = hpt_record.import_time((p_definitions -> 0 ->> 'created_at')::bigint)
        FROM hpt_record.study s WHERE s.name = v_name AND d.study_id = s.id;
        p_definitions := p_definitions - 0;
    END IF;
    UPDATE hpt_record.study s
    SET total = (p_row ->> 'total')::bigint, limits = p_row -> 'limits', stopped = p_row ->> 'stopped',
        created_at = hpt_record.import_time((p_row ->> 'created_at')::bigint)
    WHERE s.name = v_name RETURNING s.id INTO STRICT v_id;
    FOR v_new IN SELECT d FROM jsonb_array_elements(p_definitions) d LOOP
        IF NOT hpt_record.study_extend(v_id, (v_new ->> 'version')::integer, decode(v_new ->> 'canonical', 'hex')) THEN
            RAISE EXCEPTION 'version % of the definition of ''%'' does not follow the one before', v_new ->> 'version', v_name
                USING ERRCODE = 'data_exception';
        END IF;
        UPDATE hpt_record.definition d SET created_at = hpt_record.import_time((v_new ->> 'created_at')::bigint)
        WHERE d.study_id = v_id AND d.version = (v_new ->> 'version')::integer;
    END LOOP;
    INSERT INTO hpt_record.import (id, study_id, bundle, name, fresh, gone_on)
    VALUES (p_import, v_id, p_bundle, p_name, p_fresh, p_gone_on);
END $$;

-- Adds rows of a table of a bundle, as record_lines gives them. Rows of studies are taken only if import_begin began to
-- import the study in this transaction. What is here stays, but a trial may go on: its row, its evaluations
-- and what pruners observed of it are then those of the bundle.
CREATE FUNCTION hpt_record.import_rows(p_table text, p_rows jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_columns text;
    v_values  text;
    v_keys    text;
    v_sets    text;
    v_study   boolean;
BEGIN
    SELECT string_agg(format('%I', c.col), ', ' ORDER BY c.place),
           string_agg(CASE
               WHEN c.name = 'study' THEN 's.id'
               WHEN c.source LIKE 'sha256%' THEN format('sha256(decode(r.r ->> %L, ''hex''))', c.made)
               WHEN c.source LIKE 'json%' THEN format('convert_from(decode(r.r ->> %L, ''hex''), ''UTF8'')::jsonb', c.made)
               WHEN c.type IN ('bytes', 'digest', 'canonical', 'content') THEN format('decode(r.r ->> %L, ''hex'')', c.name)
               WHEN c.type = 'time' THEN format('hpt_record.import_time((r.r ->> %L)::bigint)', c.name)
               WHEN c.type = 'json' THEN format('r.r -> %L', c.name)
               WHEN c.type LIKE '%[]' THEN format('CASE WHEN r.r ? %1$L THEN ARRAY(SELECT %2$s'
                   ' FROM jsonb_array_elements_text(r.r -> %1$L) WITH ORDINALITY e (e, n) ORDER BY e.n) END', c.name,
                   CASE c.type WHEN 'bytes[]' THEN 'decode(e.e, ''hex'')' WHEN 'real[]' THEN 'e.e::double precision'
                               ELSE 'e.e::bigint' END)
               ELSE format('(r.r ->> %L)::%s', c.name,
                           CASE c.type WHEN 'int4' THEN 'integer' WHEN 'int8' THEN 'bigint' WHEN 'real' THEN 'double precision'
                                       WHEN 'bool' THEN 'boolean' WHEN 'uuid' THEN 'uuid' ELSE 'text' END) END,
               ', ' ORDER BY c.place),
           string_agg(format('%I', c.col), ', ' ORDER BY c.place) FILTER (WHERE c.key),
           string_agg(format('%1$I = excluded.%1$I', c.col), ', ' ORDER BY c.place) FILTER (WHERE NOT c.key),
           bool_or(c.name = 'study')
    INTO v_columns, v_values, v_keys, v_sets, v_study
    FROM (SELECT b.*, CASE b.name WHEN 'study' THEN 'study_id' ELSE b.name END AS col,
                 substring(b.source FROM '\((\w+)\)') AS made
          FROM hpt_record.bundle_columns(p_table) b) c
    WHERE p_table NOT IN ('study', 'definition');
    IF v_columns IS NULL THEN
        RAISE EXCEPTION 'nothing is imported into the table ''%''', p_table USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF v_study AND EXISTS (
        SELECT FROM jsonb_array_elements(p_rows) r LEFT JOIN hpt_record.study s ON s.name = r ->> 'study'
        WHERE NOT EXISTS (SELECT FROM hpt_record.import i
                          WHERE i.study_id = s.id AND i.transaction = pg_current_xact_id())) THEN
        RAISE EXCEPTION 'rows of a study that is not being imported' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF p_table = 'trial' THEN
        PERFORM hpt_record.import_trials(p_rows);
    END IF;
    EXECUTE format('INSERT INTO hpt_record.%I (%s) SELECT %s FROM jsonb_array_elements($1) r (r)%s ON CONFLICT (%s) DO %s',
        p_table, v_columns, v_values,
        CASE WHEN v_study THEN ' JOIN hpt_record.study s ON s.name = r.r ->> ''study''' ELSE '' END, v_keys,
        CASE WHEN p_table = 'worker' THEN 'UPDATE SET ended_at = coalesce(excluded.ended_at, worker.ended_at),'
                 ' cpu_us = greatest(excluded.cpu_us, worker.cpu_us), cost = greatest(excluded.cost, worker.cost)'
                 ' WHERE worker.study_id = excluded.study_id'
             WHEN p_table IN ('trial', 'evaluation', 'observation') THEN 'UPDATE SET ' || v_sets
             ELSE 'NOTHING' END)
        USING p_rows;
END $$;

-- Trials that are here and go on: through the states that lead to theirs in the bundle, so that no transition is
-- made that a worker could not make.
CREATE FUNCTION hpt_record.import_trials(p_rows jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_row hpt_record.trial;
    v_to  record;
BEGIN
    FOR v_to IN SELECT s.id, r ->> 'study' AS study, (r ->> 'number')::bigint AS number, r ->> 'state' AS state,
                       (r ->> 'attempt')::integer AS attempt
                FROM jsonb_array_elements(p_rows) r JOIN hpt_record.study s ON s.name = r ->> 'study'
                ORDER BY 1, 3 LOOP
        SELECT * INTO v_row FROM hpt_record.trial t WHERE t.study_id = v_to.id AND t.number = v_to.number FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        IF v_row.attempt >= v_to.attempt
           OR NOT (SELECT f.finished FROM hpt_record.trial_state f WHERE f.state = v_row.state) THEN
            RAISE EXCEPTION 'trial % of ''%'' has changed while it was compared: import again', v_to.number, v_to.study
                USING ERRCODE = 'unique_violation';
        END IF;
        IF v_row.state IN ('failed', 'lost') THEN
            UPDATE hpt_record.trial t SET state = 'waiting' WHERE t.study_id = v_to.id AND t.number = v_to.number;
        END IF;
        UPDATE hpt_record.trial t SET state = 'running' WHERE t.study_id = v_to.id AND t.number = v_to.number;
    END LOOP;
END $$;

-- Ends the imports of this transaction: what was brought in must hold together as the record of a worker does
-- (hpt.finding), else nothing of it is kept.
CREATE FUNCTION hpt_record.import_end() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    v_wrong record;
    v_study record;
BEGIN
    SELECT f.* INTO v_wrong FROM hpt.finding f
    WHERE f.kind = 'error'
      AND f.study IN (SELECT s.name FROM hpt_record.import i JOIN hpt_record.study s ON s.id = i.study_id
                      WHERE i.transaction = pg_current_xact_id())
    ORDER BY f.study, f.trial, f.attempt, f.finding LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%', concat_ws(', ', format('study ''%s''', v_wrong.study), 'trial ' || v_wrong.trial,
                                       'attempt ' || v_wrong.attempt) || ': ' || v_wrong.finding
            USING ERRCODE = 'data_exception';
    END IF;
    FOR v_study IN SELECT i.study_id, max(t.number) AS last
                   FROM hpt_record.import i JOIN hpt_record.trial t ON t.study_id = i.study_id
                   WHERE i.transaction = pg_current_xact_id() GROUP BY 1 LOOP
        PERFORM setval(format('hpt_record.trial_number_%s', v_study.study_id)::regclass,
                       greatest(v_study.last, coalesce(pg_sequence_last_value(
                           format('hpt_record.trial_number_%s', v_study.study_id)::regclass), 0)));
    END LOOP;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA hpt_record FROM PUBLIC;
