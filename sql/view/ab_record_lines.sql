-- The record, exactly, for bundles: every row of every table in bundle_table that belongs to some studies.

-- The columns of a table in a bundle, as its line in bundle_table has them. source: "json(X)", "sha256(X)", or NULL:
-- the column itself; refers: the table of which it names a row.
CREATE OR REPLACE FUNCTION hpt_record.bundle_columns(p_table text)
RETURNS TABLE (place bigint, name text, type text, key boolean, source text, refers text)
LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT w.place, m.part[1], coalesce(m.part[4], 'text'), m.part[2] IS NOT NULL, m.part[3], m.part[5]
    FROM hpt_record.bundle_table b,
         regexp_split_to_table(b.columns, ' ') WITH ORDINALITY w (word, place),
         regexp_match(w.word, '^(\w+)(\*)?(?:=(\w+\(\w+\))|:(\w+(?:\[\])?)[?]?(?:>(\w+))?)?$') m (part)
    WHERE b.name = p_table AND b.columns !~ '^!' AND w.word !~ '!$'
$$;

-- The digests of the files that a code snapshot or an input set has the bytes of, in hexadecimal.
CREATE OR REPLACE FUNCTION hpt_record.bundle_snapshot_files(p_canonical bytea) RETURNS SETOF text
LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT CASE WHEN l[1] = 'file' THEN l[5] ELSE l[4] END
    FROM string_to_table(convert_from(p_canonical, 'UTF8'), E'\n') s (line)
    CROSS JOIN LATERAL string_to_array(s.line, E'\t') l
    WHERE CASE WHEN starts_with(convert_from(p_canonical, 'UTF8'), E'hpt-inputs/1\n') THEN l[2] = 'stored'
          ELSE l[1] = 'file' END
$$;

-- A condition on the rows of a table, known as p_as, that says whether they belong to what is exported: the
-- studies $1 (ids), of those the trials $2 (NULL: all), with $3 only trials that have ended. Rows that are
-- named by their digest belong to it if a row that belongs to it names them, as bundle_table says.
CREATE OR REPLACE FUNCTION hpt_record.bundle_scope(p_table text, p_as text, p_all boolean) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = '' AS $$
DECLARE
    v_columns text[] := ARRAY(SELECT c.name FROM hpt_record.bundle_columns(p_table) c);
    v_keys    text[] := ARRAY(SELECT c.name FROM hpt_record.bundle_columns(p_table) c WHERE c.key);
    v_named   text;
BEGIN
    IF p_table = 'study' THEN
        RETURN format('%I.id = ANY ($1)', p_as);
    ELSIF 'number' = ANY (v_columns) THEN
        RETURN format('%1$I.study_id = ANY ($1) AND ($2 IS NULL OR %1$I.number = ANY ($2)) AND (NOT $3 OR EXISTS ('
            'SELECT FROM hpt_record.trial t JOIN hpt_record.trial_state f ON f.state = t.state'
            ' WHERE t.study_id = %1$I.study_id AND t.number = %1$I.number AND f.finished))', p_as);
    ELSIF 'study' = ANY (v_columns) AND (p_all OR 'study' = ANY (v_keys)) THEN
        RETURN format('%I.study_id = ANY ($1)', p_as);
    END IF;
    SELECT string_agg(format('%1$I.%2$I IN (SELECT %3$s FROM hpt_record.%4$I %5$I%6$s WHERE %7$s)', p_as, v_keys[1],
               CASE WHEN c.type IN ('canonical', 'bytes') THEN 'decode(p.value, ''hex'')' ELSE format('%I.%I', p_as || '_', c.name) END,
               b.name, p_as || '_',
               CASE c.type WHEN 'canonical'
                   THEN format(', jsonb_each_text(convert_from(%I.%I, ''UTF8'')::jsonb -> ''parts'') p', p_as || '_', c.name)
                   WHEN 'bytes'
                   THEN format(', hpt_record.bundle_snapshot_files(%I.%I) p (value)', p_as || '_', c.name)
                   ELSE '' END,
               hpt_record.bundle_scope(b.name, p_as || '_', p_all)), ' OR ')
    INTO v_named
    FROM hpt_record.bundle_table b, hpt_record.bundle_columns(b.name) c
    WHERE c.refers = p_table AND b.name <> p_table;
    RETURN '(' || coalesce(v_named, 'false') || ')';
END $$;

-- The rows as JSON, tables in the opposite order of bundle_table, rows by their keys. Bytes are hexadecimal,
-- reals text, times microseconds since 1970. It is one statement, and so shows one moment. p_studies NULL: all.
CREATE OR REPLACE FUNCTION hpt.record_lines(p_studies text[], p_trials bigint[], p_ended boolean)
RETURNS TABLE (table_name text, line json)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' SET extra_float_digits = 1 SET timezone = 'UTC'
SET bytea_output = 'hex' SET datestyle = 'ISO' SET intervalstyle = 'postgres' AS $$
DECLARE
    v_ids    bigint[] := ARRAY(SELECT s.id FROM hpt_record.study s
                               WHERE p_studies IS NULL OR s.name = ANY (p_studies));
    v_shown  text;
    v_order  text;
    v_study  boolean;
BEGIN
    FOR table_name IN SELECT b.name FROM hpt_record.bundle_table b WHERE b.columns !~ '^!' ORDER BY b.place DESC LOOP
        SELECT string_agg(CASE
                   WHEN c.name = 'study' THEN 's.name AS study'
                   WHEN c.type IN ('bytes', 'digest', 'canonical', 'content')
                       THEN format('encode(r.%1$I, ''hex'') AS %1$I', c.name)
                   WHEN c.type = 'bytes[]'
                       THEN format('CASE WHEN r.%1$I IS NOT NULL THEN ARRAY(SELECT encode(e.e, ''hex'')'
                                   ' FROM unnest(r.%1$I) WITH ORDINALITY e (e, n) ORDER BY e.n) END AS %1$I', c.name)
                   WHEN c.type = 'real' THEN format('r.%1$I::text', c.name)
                   WHEN c.type = 'real[]' THEN format('r.%1$I::text[]', c.name)
                   WHEN c.type = 'time'
                       THEN format('(extract(epoch FROM r.%1$I) * 1000000)::bigint AS %1$I', c.name)
                   ELSE format('r.%I', c.name) END, ', ' ORDER BY c.place),
               string_agg(CASE WHEN c.name = 'study' THEN 's.name COLLATE "C"'
                               WHEN c.type = 'text' THEN format('r.%I COLLATE "C"', c.name)
                               ELSE format('r.%I', c.name) END, ', ' ORDER BY c.place) FILTER (WHERE c.key),
               bool_or(c.name = 'study')
        INTO v_shown, v_order, v_study
        FROM hpt_record.bundle_columns(table_name) c WHERE c.source IS NULL;
        RETURN QUERY EXECUTE format('SELECT %L::text, row_to_json(q) FROM (SELECT %s FROM hpt_record.%I r%s WHERE %s ORDER BY %s) q',
            table_name, v_shown, table_name,
            CASE WHEN v_study THEN ' JOIN hpt_record.study s ON s.id = r.study_id' ELSE '' END,
            hpt_record.bundle_scope(table_name, 'r', p_trials IS NULL), v_order)
            USING v_ids, p_trials, p_ended;
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION hpt_record.bundle_columns(text), hpt_record.bundle_snapshot_files(bytea),
    hpt_record.bundle_scope(text, text, boolean),
    hpt.record_lines(text[], bigint[], boolean) FROM PUBLIC;
