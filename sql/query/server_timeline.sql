-- Is this server a standby, and on which timeline does it write? An ordinary user may ask.
-- returns standby boolean
-- returns wal_file text (NULL on a standby; its first 8 digits are the timeline)
select pg_catalog.pg_is_in_recovery() as standby,
       case when not pg_catalog.pg_is_in_recovery()
            then pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) end as wal_file
