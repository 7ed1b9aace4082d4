-- The states a trial can be in, and which of them are an end.
DROP VIEW IF EXISTS hpt.trial_state;
CREATE VIEW hpt.trial_state AS SELECT state, finished FROM hpt_record.trial_state;
