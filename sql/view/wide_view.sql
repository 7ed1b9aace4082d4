-- The wide view of each study: a table of schema hpt_study. active is when something happened there
-- last; it is read from one row of each index, not from all trials.
DROP VIEW IF EXISTS hpt.wide_view;
CREATE VIEW hpt.wide_view AS
SELECT s.name AS study, s.view_name AS wide_view, s.created_at AS created,
       greatest(s.created_at,
                (SELECT max(greatest(w.started_at, w.ended_at)) FROM hpt_record.worker w
                 WHERE w.study_id = s.id),
                (SELECT coalesce(a.ended_at, a.started_at) FROM hpt_record.attempt a
                 WHERE a.study_id = s.id
                 ORDER BY a.study_id DESC, a.number DESC, a.attempt DESC LIMIT 1)) AS active
FROM hpt_record.study s;
