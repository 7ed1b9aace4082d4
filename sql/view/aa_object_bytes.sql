-- The bytes of an object by its digest, in hexadecimal; NULL: there is none, or it lies in the folder of objects. The view
-- hpt.object shows the same, and has to look at all of them.
CREATE OR REPLACE FUNCTION hpt.object_bytes(p_digest text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = '' AS $$
    SELECT o.bytes FROM hpt_record.object o WHERE o.digest = decode(p_digest, 'hex')
$$;
REVOKE ALL ON FUNCTION hpt.object_bytes(text) FROM PUBLIC;
