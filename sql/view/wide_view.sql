-- The wide view of each study: a table of schema hpt_study.
DROP VIEW IF EXISTS hpt.wide_view;
CREATE VIEW hpt.wide_view AS
SELECT s.name AS study, s.view_name AS wide_view, s.created_at AS created
FROM hpt_record.study s;
