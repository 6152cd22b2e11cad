-- The records themselves, and what is read out of them.

-- Decoded records as docs/contract/records.schema.json has them, a partition a month; older months may be detached.
CREATE TABLE record (
    ledger_id integer NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX record_key ON record (ledger_id, seq);
CREATE TABLE record_undated PARTITION OF record DEFAULT;  -- clocks that were years off

-- A month's first record waits a second at most for whoever reads all records, as a backup does for hours: then it lies among
-- the undated ones, and a later call takes it in. What a batch that is still open has laid there is seen once its lock is had.
CREATE FUNCTION ensure_month(month date) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    name text := 'record_' || to_char(month, 'YYYY_MM');
    first timestamptz := (date_trunc('month', month)::timestamp AT TIME ZONE 'UTC');
    next timestamptz := ((date_trunc('month', month) + '1 month'::interval)::timestamp AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    LOCK TABLE ONLY record IN SHARE UPDATE EXCLUSIVE MODE;  -- one worker at a time, and first, as PostgreSQL itself does
    -- to_regclass remembers that there was none
    IF EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = name) THEN RETURN; END IF;
    LOCK TABLE record_undated IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE record INCLUDING ALL)', name);
    EXECUTE format('WITH moved AS (DELETE FROM record_undated WHERE at >= %L AND at < %L RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', first, next, name);
    EXECUTE format('ALTER TABLE record ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, next);
END $$;
REVOKE EXECUTE ON FUNCTION ensure_month FROM PUBLIC;

-- What breaks the contract, or what the database cannot hold, with the reason; once, however often it is delivered.
CREATE TABLE quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received timestamptz NOT NULL DEFAULT now(),
    topic text NOT NULL,
    reason text NOT NULL,
    payload bytea NOT NULL,
    digest bytea NOT NULL,
    UNIQUE (topic, digest)
);
-- Whose messages they are, to keep the newest of each node: fieldeye/v1/SITE/NODE, or nothing.
CREATE INDEX quarantine_sender ON quarantine (coalesce(substring(topic FROM '^(?:[^/]*/){3}[^/]*'), ''), quarantine_id);

CREATE TABLE taxon (
    taxon_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    label text NOT NULL,
    stage text NOT NULL DEFAULT '',                       -- life stage; empty: not told
    eppo text NOT NULL DEFAULT '',
    UNIQUE (label, stage)
);

-- What a batch writes from here on points at nodes and taxa whose numbers the same connection was just given, and `ledger`
-- and the sums keep those from being deleted: references would ask again for each row, two fifths of the server's time.
CREATE TABLE interval_effort (
    ledger_id integer NOT NULL,
    seq bigint NOT NULL,
    node_id integer NOT NULL,
    camera text NOT NULL,
    model text NOT NULL,
    mode text NOT NULL,
    unit text NOT NULL,
    started timestamptz NOT NULL,
    ended timestamptz NOT NULL,
    night date,                                           -- of its evening: noon to noon in the node's time zone;
                                                          -- null, and in no sum: its clock was never set
    revision bigint NOT NULL,                             -- of this key; a higher one takes its place
    frames bigint NOT NULL,
    awake_s double precision NOT NULL,                    -- in which frames came that showed something
    no_data text,
    saturated boolean NOT NULL,
    area_mm2 bigint,                                      -- counted on, where calibrated
    exposed_s double precision,                           -- trap: when what is new has come
    came timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (ledger_id, seq)
);
CREATE INDEX interval_effort_night ON interval_effort (node_id, night);
CREATE INDEX interval_effort_undated ON interval_effort (came) WHERE night IS NULL;
CREATE TABLE interval_count (
    ledger_id integer NOT NULL,
    seq bigint NOT NULL,
    taxon_id integer NOT NULL,
    count bigint NOT NULL,
    low bigint,
    high bigint
);
CREATE INDEX interval_count_key ON interval_count (ledger_id, seq);

-- What nodes say of thresholds, and what became of it.
CREATE TABLE alert (
    ledger_id integer NOT NULL,
    seq bigint NOT NULL,
    node_id integer NOT NULL,
    at timestamptz NOT NULL,
    camera text NOT NULL,
    label text NOT NULL,
    eppo text NOT NULL,
    level text NOT NULL,
    value double precision NOT NULL,
    unit text NOT NULL,
    start_at double precision NOT NULL,
    sure_at double precision,
    reason text NOT NULL,
    look_at text NOT NULL,
    source text NOT NULL,
    came timestamptz,                                     -- of a clock that was not set, whose own time says nothing; else null
    PRIMARY KEY (ledger_id, seq)
);
CREATE INDEX alert_cause ON alert (node_id, camera, label, at);

-- Nights and areas whose sums are to be made anew. Appended without looking, so that workers never wait here.
CREATE TABLE dirty_night (node_id integer NOT NULL, night date NOT NULL);
CREATE TABLE dirty_area (prefix text NOT NULL, night date NOT NULL);
CREATE INDEX dirty_night_node ON dirty_night (node_id);
