-- Lets plain psql find the views without a prefix: they come last in the database's search path, so
-- that nothing else that lives in it is hidden. Left alone where a path was set before, and where
-- whoever migrates does not own the database.
DO $$
DECLARE
    v_role text := current_user;
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_database d
               WHERE d.datname = current_database()
                 AND pg_has_role(session_user, d.datdba, 'MEMBER')
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c
                                 WHERE s.setdatabase = d.oid AND s.setrole = 0
                                   AND c LIKE 'search\_path=%')) THEN
        EXECUTE 'SET LOCAL ROLE NONE';
        EXECUTE format('ALTER DATABASE %I SET search_path = "$user", public, hpt, hpt_study',
                       current_database());
        EXECUTE format('SET LOCAL ROLE %I', v_role);
    END IF;
END $$;
