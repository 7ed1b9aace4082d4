-- One row per study, with counts by state and the newest definition.
DROP VIEW IF EXISTS hpt.study;
CREATE VIEW hpt.study AS
SELECT s.name AS study, s.view_name AS wide_view, s.seed, s.total,
       t.trials, t.complete, t.pruned, t.failed, t.lost, t.running, t.waiting, t.cancelled,
       d.version, d.body ->> 'sampler' AS sampler, d.body -> 'command' AS command,
       d.body ->> 'space' AS space, d.body ->> 'space_hash' AS space_hash,
       encode(d.digest, 'hex') AS definition_hash, s.created_at AS created,
       (SELECT max(coalesce(a.ended_at, a.started_at)) FROM hpt_record.attempt a WHERE a.study_id = s.id)
           AS last_activity,
       s.limits, s.stopped
FROM hpt_record.study s
JOIN LATERAL (SELECT * FROM hpt_record.definition d WHERE d.study_id = s.id
              ORDER BY d.version DESC LIMIT 1) d ON true
CROSS JOIN LATERAL (SELECT count(*) AS trials,
                           count(*) FILTER (WHERE t.state = 'complete') AS complete,
                           count(*) FILTER (WHERE t.state = 'pruned') AS pruned,
                           count(*) FILTER (WHERE t.state = 'failed') AS failed,
                           count(*) FILTER (WHERE t.state = 'lost') AS lost,
                           count(*) FILTER (WHERE t.state = 'running') AS running,
                           count(*) FILTER (WHERE t.state = 'waiting') AS waiting,
                           count(*) FILTER (WHERE t.state = 'cancelled') AS cancelled
                    FROM hpt_record.trial t WHERE t.study_id = s.id) t;
