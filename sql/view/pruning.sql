-- Decisions of pruners, with the values that each compared (of many those nearest the threshold).
DROP VIEW IF EXISTS hpt.pruning;
CREATE VIEW hpt.pruning AS
SELECT s.name AS study, p.number AS trial, p.attempt, p.kind, p.place, p.rule, p.stop, p.value, p.threshold,
       p.compared, p.reason, p.peers, p.peer_vals AS peer_values, p.decided_at AS decided
FROM hpt_record.pruning p
JOIN hpt_record.study s ON s.id = p.study_id;
