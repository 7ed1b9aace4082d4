-- Bytes as text: as they are where they are UTF-8, else with \ooo for what is not ASCII.
CREATE OR REPLACE FUNCTION hpt.bytes_text(p_bytes bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN convert_from(p_bytes, 'UTF8');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN encode(p_bytes, 'escape');
END $$;

-- A name of a file as text, no two alike: with \\ for a backslash and, where it is not UTF-8, \ooo.
CREATE OR REPLACE FUNCTION hpt.path_text(p_bytes bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN replace(convert_from(p_bytes, 'UTF8'), E'\\', E'\\\\');
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RETURN encode(p_bytes, 'escape');
END $$;

-- The last line that is not blank, of the last 4000 bytes, without what a carriage return hid.
CREATE OR REPLACE FUNCTION hpt.last_line(p_bytes bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
RETURN (SELECT (regexp_match(hpt.bytes_text(b.tail), '([^\r\n]*[^\s])\s*$'))[1]
        FROM (SELECT substring(p_bytes FROM greatest(length(p_bytes) - 3999, 1)) AS tail) b);
