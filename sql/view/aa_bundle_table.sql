-- What a bundle holds of the record: a line for every table of hpt_record, in the order in which rows can be
-- inserted. hpt-export, hpt-import and the functions record_lines and import_rows know a table by its line here
-- alone; tests/sql/bundle.t compares them with the tables there are.
--
-- A line is the table's name and its columns: NAME[*][:TYPE[?]][>TABLE].
--   *      part of the key by which rows are ordered and compared; study* is study_id, by the study's name
--   TYPE   int4 int8 real text bool time uuid json; bytes; digest (a SHA-256); canonical (bytes that are canonical
--          JSON); content (the bytes of an object, which are a file of the bundle); int8[] real[] bytes[]
--   ?      may be NULL; a column that is added to a table later must have it, so that older bundles can be read
--   >      names a row of that table; a canonical column names one by each of its "parts", bytes one by
--          each of its files: they are a code snapshot or an input set
--   =json(X), =sha256(X)  made from column X; nothing of it is in a bundle
--   !      of this database alone; nothing of it is in a bundle
-- A table of which nothing is in a bundle has '!' and the reason.
DROP VIEW IF EXISTS hpt_record.bundle_table;
CREATE VIEW hpt_record.bundle_table AS
SELECT row_number() OVER () AS place, b.* FROM (VALUES
('study', 'name*:text id! view_name! seed:int8 total:int8? limits:json stopped:text? created_at:time'),
('definition', 'study* version*:int4 canonical:canonical digest=sha256(canonical) body=json(canonical) created_at:time'),
('environment_part', 'digest*:digest part:text canonical:canonical body=json(canonical)'),
('environment', 'digest*:digest canonical:canonical>environment_part body=json(canonical)'),
('object', 'digest*:digest size:int8 bytes:content'),
('code', 'digest*:digest canonical:bytes>object facts!'),
('input_set', 'digest*:digest canonical:bytes>object'),
('worker', 'id*:uuid study host:text boot_id:text pid_namespace:text pid:int4 pid_started:int8 launcher:json tool_version:text started_at:time ended_at:time? cpu_us:int8 cost:real kind:text?'),
('trial', 'study* number*:int8 state:text attempt:int4 definition:int4? origin:text? reason:text? config:canonical? config_hash=sha256(config) params=json(config) seed:int8? rung:int4? parent:int8? replaces:int8? cause:text? created_at:time proposal:canonical?'),
('result', 'study* number*:int8 turn*:int4 state:text objectives:real[]? constraints:real[]? xact!'),
('attempt', 'study* number*:int8 attempt*:int4 id:uuid evaluation:int4 worker_id:uuid>worker environment:digest?>environment slot:int4? argv:bytes[]? started_at:time ended_at:time? outcome:text? cause:text? exit_status:int4? signal:int4? wall_us:int8? user_us:int8? system_us:int8? max_rss_bytes:int8? details:json? code:digest?>code inputs:digest?>input_set common_inputs:digest?>input_set trace:text? trace_missing:text?'),
('evaluation', 'study* number*:int8 evaluation*:int4 rung:int4 budget:real? last:bool fold:int4 repeat:int4 seed:int8? state:text held:bool attempt:int4? resume_number:int8? resume_attempt:int4?'),
('evaluation_metric', 'study* number*:int8 attempt*:int4 name*:text value:real rule:text source:text byte_offset:int8?'),
('metric', 'study* number*:int8 attempt*:int4 name*:text value:real rule:text source:text byte_offset:int8? n:int4? se:real?'),
('metric_chunk', 'study* number*:int8 attempt*:int4 name*:text chunk*:int4 steps:int8[] vals:real[]'),
('artefact', 'study* number*:int8 attempt*:int4 kind*:text path*:bytes digest:digest?>object full_digest:digest? full_size:int8 mode:int4? target:bytes? note:text?'),
('rung', 'study* number*:int8 rung*:int4 vals:real[]? ended_at:time'),
('observation', 'study* level*:int8 part*:int4 number*:int8 attempt:int4 step:int8 vals:real[] best:real[]'),
('pruning', 'study* number*:int8 attempt*:int4 kind*:text place*:int8 rule:text stop:bool value:real? threshold:real? compared:int8 reason:text? peers:int8[] peer_vals:real[] decided_at:time'),
('replay', 'id*:uuid study number:int8 attempt:int4 environment:digest?>environment host:text tool_version:text verdict:text runs:int4 deterministic:bool? outcome:text cause:text exit_status:int4? signal:int4? wall_us:int8 user_us:int8 system_us:int8 max_rss_bytes:int8 causes:json started_at:time ended_at:time'),
('replay_result', 'replay_id*:uuid>replay study number:int8 position*:int4 kind:text name:text verdict:text value_then:real? value_now:real? tolerance:real? digest_then:digest? digest_now:digest? note:text?'),
('import', '! of this database'),
('history_block', '! a copy of results'),
('input_file', '! made from its input set when that is inserted'),
('wide_column', '! made from the definition by study_make_view'),
('lease', '! of trials that run now'),
('queue', '! of trials that wait now'),
('trial_state', '! the same everywhere'),
('trial_transition', '! the same everywhere')
) b (name, columns);
