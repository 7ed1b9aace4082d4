-- The record: studies, their definitions, trials, attempts, metrics, objects.
--
-- Tables and functions live in hpt_record and may change from step to step; the views of schema
-- hpt and the wide views of hpt_study are what users query and stay stable. Writers call functions
-- and touch no table. The study's id comes first in every key, so that one study's rows lie
-- together.
CREATE SCHEMA IF NOT EXISTS hpt_record;
CREATE SCHEMA IF NOT EXISTS hpt;
CREATE SCHEMA IF NOT EXISTS hpt_study;

CREATE TABLE hpt_record.study (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    view_name  text NOT NULL UNIQUE,
    seed       bigint NOT NULL CHECK (seed BETWEEN 0 AND 9007199254740991),
    -- The target total a joining worker takes over; NULL: none was given yet.
    total      bigint CHECK (total >= 0),
    -- What else ends it, for all workers: see study_set_limits. {}: nothing.
    limits     jsonb NOT NULL DEFAULT '{}',
    stopped    text, -- why no more is started, whatever the total says; NULL: it goes on
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What a study is, versioned and never edited. The bytes are what is hashed; body is for querying.
CREATE TABLE hpt_record.definition (
    study_id   bigint NOT NULL REFERENCES hpt_record.study,
    version    integer NOT NULL CHECK (version >= 1),
    canonical  bytea NOT NULL,
    digest     bytea NOT NULL,
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (study_id, version),
    CHECK (digest = sha256(canonical))
);

-- Which column of the wide view shows which parameter or metric (se: the standard error of that metric's
-- mean; part: budget or evaluations).
CREATE TABLE hpt_record.wide_column (
    study_id    bigint NOT NULL REFERENCES hpt_record.study,
    position    integer NOT NULL,
    column_name text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('param', 'metric', 'se', 'part')),
    name        text NOT NULL,
    PRIMARY KEY (study_id, kind, name),
    UNIQUE (study_id, column_name)
);

CREATE TABLE hpt_record.environment (
    digest    bytea PRIMARY KEY,
    canonical bytea NOT NULL,
    body      jsonb NOT NULL,
    CHECK (digest = sha256(canonical))
);

-- One hpt-run process. (host, boot_id, pid_namespace, pid, pid_started) name it beyond doubt, so
-- that a neighbour can see that it is dead without waiting for its leases.
CREATE TABLE hpt_record.worker (
    id            uuid PRIMARY KEY,
    study_id      bigint NOT NULL REFERENCES hpt_record.study,
    host          text NOT NULL,
    boot_id       text NOT NULL,
    pid_namespace text NOT NULL,
    pid           integer NOT NULL,
    pid_started   bigint NOT NULL,
    launcher      jsonb NOT NULL,
    tool_version  text NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at      timestamptz,
    -- What its trials have used, kept where the study has a limit on it: a row of its own for each
    -- worker, so that ends of trials share no lock.
    cpu_us        bigint NOT NULL DEFAULT 0,
    cost          double precision NOT NULL DEFAULT 0
);

CREATE TABLE hpt_record.trial_state (
    state    text PRIMARY KEY,
    finished boolean NOT NULL
);
INSERT INTO hpt_record.trial_state VALUES
    ('waiting', false), ('running', false), ('complete', true), ('pruned', true),
    ('failed', true), ('lost', true), ('cancelled', true);

CREATE TABLE hpt_record.trial_transition (
    from_state text NOT NULL REFERENCES hpt_record.trial_state,
    to_state   text NOT NULL REFERENCES hpt_record.trial_state,
    reason     text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO hpt_record.trial_transition VALUES
    ('waiting', 'running', 'a worker took it'),
    ('waiting', 'cancelled', 'withdrawn before it ran'),
    ('running', 'complete', 'the command delivered its metrics'),
    ('running', 'pruned', 'stopped early by a rule'),
    ('running', 'failed', 'the command said no'),
    ('running', 'lost', 'the machine, a signal or the worker died once too often'),
    ('running', 'waiting', 'lost or interrupted, to be run again'),
    ('waiting', 'pruned', 'the rest of its evaluations is not worth it'),
    ('pruned', 'running', 'promoted to a larger budget'),
    ('failed', 'waiting', 'to be run again on request'),
    ('lost', 'waiting', 'to be run again on request');

CREATE TABLE hpt_record.trial (
    study_id    bigint NOT NULL REFERENCES hpt_record.study,
    number      bigint NOT NULL CHECK (number >= 0),
    state       text NOT NULL REFERENCES hpt_record.trial_state,
    attempt     integer NOT NULL CHECK (attempt >= 1), -- the newest, which counts in the end
    definition  integer, -- version that proposed it
    origin      text,    -- default, point, or the sampler's name
    reason      text,
    config      bytea,   -- canonical JSON of the active parameters: the bytes that are hashed
    config_hash bytea CHECK (config_hash = sha256(config)),
    params      jsonb,
    seed        bigint,
    rung        integer, -- of its evaluations that count now; NULL: one evaluation, no row of it
    parent      bigint,  -- the trial whose configuration and checkpoint it began from
    replaces    bigint,  -- the trial whose place in the population it took
    cause       text,    -- of the end of a trial with evaluations; else the attempt says it
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (study_id, number),
    FOREIGN KEY (study_id, definition) REFERENCES hpt_record.definition
) WITH (fillfactor = 80);

CREATE TABLE hpt_record.attempt (
    study_id       bigint NOT NULL,
    number         bigint NOT NULL,
    attempt        integer NOT NULL,
    id             uuid NOT NULL UNIQUE, -- made by the client: sending again is harmless
    evaluation     integer NOT NULL DEFAULT 0,
    worker_id      uuid NOT NULL REFERENCES hpt_record.worker,
    environment    bytea REFERENCES hpt_record.environment,
    slot           integer,
    argv           bytea[],
    started_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at       timestamptz,
    outcome        text REFERENCES hpt_record.trial_state, -- NULL: running
    cause          text,  -- why it ended: exit 0, signal 9, timeout, missing metric acc …
    exit_status    integer,
    signal         integer,
    wall_us        bigint,
    user_us        bigint,
    system_us      bigint,
    max_rss_bytes  bigint,
    details        jsonb, -- counts of what was dropped, left behind, cut
    PRIMARY KEY (study_id, number, attempt),
    FOREIGN KEY (study_id, number) REFERENCES hpt_record.trial
) WITH (fillfactor = 80);

-- The moving part: narrow, live rows only, no index on until, so that renewals stay HOT.
CREATE TABLE hpt_record.lease (
    study_id  bigint NOT NULL,
    number    bigint NOT NULL,
    evaluation integer NOT NULL DEFAULT 0,
    attempt   integer NOT NULL,
    worker_id uuid NOT NULL,
    until     timestamptz NOT NULL,
    PRIMARY KEY (study_id, number, evaluation)
) WITH (fillfactor = 50);

-- Trials, or evaluations of them, that exist and wait for a worker: a table of its own, so that a
-- claim never walks the finished ones.
CREATE TABLE hpt_record.queue (
    study_id   bigint NOT NULL,
    number     bigint NOT NULL,
    evaluation integer NOT NULL DEFAULT 0,
    PRIMARY KEY (study_id, number, evaluation),
    FOREIGN KEY (study_id, number) REFERENCES hpt_record.trial
);

-- The number of a metric that counts, with the rule that found it and where its text began.
CREATE TABLE hpt_record.metric (
    study_id    bigint NOT NULL,
    number      bigint NOT NULL,
    attempt     integer NOT NULL,
    name        text NOT NULL,
    value       double precision NOT NULL,
    rule        text NOT NULL,
    source      text NOT NULL, -- stdout, report, file:PATH, usage
    byte_offset bigint,        -- NULL: measured, not read
    n           integer,          -- evaluations that it is the mean of; NULL: read as it is
    se          double precision, -- the standard error of that mean; NULL: fewer than two
    PRIMARY KEY (study_id, number, attempt, name),
    FOREIGN KEY (study_id, number, attempt) REFERENCES hpt_record.attempt
);

-- Points of a curve, many in a row: 27 bytes a point instead of 109.
CREATE TABLE hpt_record.metric_chunk (
    study_id bigint NOT NULL,
    number   bigint NOT NULL,
    attempt  integer NOT NULL,
    name     text NOT NULL,
    chunk    integer NOT NULL,
    steps    bigint[] NOT NULL,
    vals     double precision[] NOT NULL,
    PRIMARY KEY (study_id, number, attempt, name, chunk),
    FOREIGN KEY (study_id, number, attempt) REFERENCES hpt_record.attempt,
    CHECK (cardinality(steps) = cardinality(vals))
);

-- Bytes by digest. Small ones lie here, so that a worker without a shared disk loses nothing;
-- bytes is NULL for those in the project's object folder.
CREATE TABLE hpt_record.object (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    size   bigint NOT NULL CHECK (size >= 0),
    bytes  bytea,
    CHECK (bytes IS NULL OR digest = sha256(bytes) AND size = length(bytes))
);

CREATE TABLE hpt_record.artefact (
    study_id    bigint NOT NULL,
    number      bigint NOT NULL,
    attempt     integer NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('stdout', 'stderr', 'file', 'link', 'special')),
    path        bytea NOT NULL, -- relative to the trial's folder; a name is bytes, not text
    digest      bytea REFERENCES hpt_record.object, -- of what is stored; NULL: nothing is
    full_digest bytea, -- of all bytes, where more came than was stored
    full_size   bigint NOT NULL,
    mode        integer,
    target      bytea, -- of a link
    note        text,
    PRIMARY KEY (study_id, number, attempt, kind, path),
    FOREIGN KEY (study_id, number, attempt) REFERENCES hpt_record.attempt
);

-- A state changes only as trial_transition says, whoever asks.
CREATE FUNCTION hpt_record.check_transition() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM hpt_record.trial_transition
                   WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'trial % cannot go from % to %', OLD.number, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transition BEFORE UPDATE OF state ON hpt_record.trial
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION hpt_record.check_transition();
