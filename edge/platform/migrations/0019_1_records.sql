-- Nodes, what of each has arrived, and the records themselves.

CREATE TABLE node (
    node_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL,
    node text NOT NULL,
    epoch uuid,                                           -- of its store now, from `info`
    area_code text NOT NULL DEFAULT '000000000000' CHECK (area_code ~ '^[0-9]{12}$'),  -- zeros: not told
    latitude_deg double precision CHECK (latitude_deg BETWEEN -90 AND 90),
    longitude_deg double precision CHECK (longitude_deg BETWEEN -180 AND 180),
    time_zone text NOT NULL DEFAULT 'UTC',
    crop text,
    since date,                                           -- its first night with an interval
    info jsonb,
    health jsonb,
    status jsonb,
    heard timestamptz NOT NULL DEFAULT now(),
    UNIQUE (site, node)
);
CREATE INDEX node_node ON node (node);

-- Which sequence numbers of a node's epoch have arrived: a row an epoch, whose size grows with gaps and not with
-- records. A batch locks the rows of its epochs, so that each record is counted once whatever its time says, and
-- months of records may be dropped without forgetting that they came.
CREATE TABLE ledger (
    ledger_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node_id integer NOT NULL REFERENCES node,
    epoch uuid NOT NULL,
    seen int8multirange NOT NULL DEFAULT '{}',
    gone int8multirange NOT NULL DEFAULT '{}',            -- the node said that these are lost
    asked timestamptz,                                    -- when a replay was last asked for
    node_name text NOT NULL,                              -- a record's key names no site
    UNIQUE (node_id, epoch)
) WITH (fillfactor = 50);                                 -- a batch rewrites its rows: leave room on their page
CREATE INDEX ledger_card ON ledger (epoch, node_name);  -- whose a card is, whatever its node is called

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

CREATE FUNCTION ensure_month(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'record_' || to_char(month, 'YYYY_MM');
    first timestamptz := (date_trunc('month', month)::timestamp AT TIME ZONE 'UTC');
    next timestamptz := ((date_trunc('month', month) + '1 month'::interval)::timestamp AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(7043001);               -- two workers may see the first record of a month at once
    -- to_regclass remembers that there was none
    IF EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = name) THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE %I (LIKE record INCLUDING ALL)', name);
    EXECUTE format('WITH moved AS (DELETE FROM record_undated WHERE at >= %L AND at < %L RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', first, next, name);
    EXECUTE format('ALTER TABLE record ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, next);
END $$;

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
    night date NOT NULL,                                  -- of its evening: noon to noon in the node's time zone
    revision bigint NOT NULL,                             -- of this key; a higher one takes its place
    frames bigint NOT NULL,
    awake_s double precision NOT NULL,
    no_data text,
    saturated boolean NOT NULL,
    area_mm2 bigint,                                      -- counted on, where calibrated
    exposed_s double precision,                           -- trap: when what is new has come
    PRIMARY KEY (ledger_id, seq)
);
CREATE INDEX interval_effort_night ON interval_effort (node_id, night);
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
    PRIMARY KEY (ledger_id, seq)
);
CREATE INDEX alert_cause ON alert (node_id, camera, label, at);

-- Nights and areas whose sums are to be made anew. Appended without looking, so that workers never wait here.
CREATE TABLE dirty_night (node_id integer NOT NULL, night date NOT NULL);
CREATE TABLE dirty_area (prefix text NOT NULL, night date NOT NULL);
