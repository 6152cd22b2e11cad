-- Nodes, what of each has arrived, and what a node tells of itself: its site, its place, its card, its time zone.

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
    heard timestamptz DEFAULT now(),                      -- when it spoke itself, not what a broker kept of it; null: not so far
    -- Two devices under one name are told by their cards, which come in turn.
    heard_epoch uuid,                                     -- the card by which it last said that it is there
    former_epoch uuid,                                    -- the one before,
    card_since timestamptz,                               -- when that gave way,
    card_back timestamptz,                                -- and when a card last came back, by epoch or by numbers
    UNIQUE (site, node)
);
CREATE INDEX node_node ON node (node);
CREATE INDEX node_epoch ON node (epoch);

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

-- The night of a moment is dated by its evening: noon to noon. An interval belongs to the night in which its middle lies, as
-- on the node: a rest of less than a sixth joins the next one, so one that starts just before noon, or in the hour that the
-- end of summer time gives, is of the night to come.
CREATE FUNCTION night_of(at timestamptz, zone text) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ((at AT TIME ZONE zone) - '12 hours'::interval)::date
$$;

CREATE FUNCTION night_of(started timestamptz, ended timestamptz, zone text) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT night_of(started + (ended - started) / 2, zone)
$$;

-- Where a site's nodes may count, as its operator says; a site without rows may anywhere. Who sends for such a site takes
-- over no node of another one that stands elsewhere, whatever card it names: it is a node of its own, with its own ledger.
-- One that stands nowhere yet (zeros) it may have.
CREATE TABLE site_area (
    site text NOT NULL,
    prefix text NOT NULL CHECK (prefix ~ '^[0-9]+$' AND length(prefix) IN (2, 4, 6, 9, 12)),
    PRIMARY KEY (site, prefix)
);

CREATE FUNCTION may_count_in(of_site text, code text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT code = '000000000000' OR coalesce(bool_or(code ^@ prefix), true) FROM site_area WHERE site = of_site
$$;

-- The node that told of a card before: its records came, or its `info`. By the card first: nodes of one name are many.
CREATE FUNCTION holder_of(of_site text, of_node text, card uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT node_id FROM ledger l JOIN node USING (node_id) WHERE (node_name, l.epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code))
                     ORDER BY site = of_site DESC, ledger_id LIMIT 1),
                    (SELECT node_id FROM node WHERE (node, epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code)) ORDER BY heard DESC NULLS LAST LIMIT 1))
$$;

-- Gives a node the site under which its card's `info` came. Null for an `info` of before, as brokers keep them and sticks
-- carry them: it holds only if nothing else told of the node, or the card was started anew at that site since. Whoever has
-- the name gets the former one, or goes if nothing hangs on it. State and health tell no card: they stay behind, but for
-- those of a name without a card, which are this one's.
CREATE FUNCTION move_node(id integer, card uuid, new_site text, is_live boolean) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    old node%ROWTYPE;
    there node%ROWTYPE;
BEGIN
    PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;  -- before the node, as a batch does
    SELECT * INTO old FROM node WHERE node_id = id FOR UPDATE;
    IF old.site = new_site THEN RETURN id; END IF;        -- another worker was told, too
    SELECT * INTO there FROM node WHERE (site, node) = (new_site, old.node) FOR UPDATE;
    IF NOT is_live AND (there.status->>'session')::numeric < (old.status->>'session')::numeric THEN RETURN NULL; END IF;
    IF NOT is_live AND coalesce(old.info ?| ARRAY['models', 'capabilities'], false) AND (
        old.epoch = card AND there.epoch IS NULL
        AND (there.status->>'session')::numeric > (old.status->>'session')::numeric
    ) IS NOT TRUE THEN RETURN NULL; END IF;
    UPDATE node SET site = '' WHERE node_id = there.node_id;  -- for now: no topic has this site
    UPDATE node SET site = new_site, status = CASE WHEN there.epoch IS NULL THEN there.status END,
        health = CASE WHEN there.epoch IS NULL THEN there.health END WHERE node_id = id;
    UPDATE node SET site = old.site, status = NULL, health = NULL WHERE node_id = there.node_id;
    DELETE FROM node n WHERE node_id = there.node_id AND info IS NULL
        AND NOT EXISTS (SELECT FROM ledger WHERE node_id = n.node_id)
        AND NOT EXISTS (SELECT FROM question WHERE node_id = n.node_id)
        AND NOT EXISTS (SELECT FROM acknowledgement WHERE node_id = n.node_id);
    RETURN id;
END $$;

-- What a node tells of itself. A new place or time zone moves all of its nights: what an area summed stands in night_effort,
-- also under nights of a zone of before; what was not summed yet, in interval_effort. A new place changes no night of the node's
-- own: its areas, former and new, are summed in one turn, or the sums above them would lack it meanwhile.
-- A batch dates its nights by the zone that it reads while it holds the rows of its ledgers. A new zone waits for
-- these rows: what a worker kept before is dated anew, what one keeps afterwards is dated by it. The node's own row is
-- not locked against what a batch refers to it by, or the two would wait for each other.
-- A new epoch is a new card, whose sessions are counted from one: the state that the former left says nothing of it.
CREATE FUNCTION place_node(id integer, new_info jsonb, new_epoch uuid, code text, latitude float8,
                                      longitude float8, zone text, new_crop text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old node%ROWTYPE;
BEGIN
    SELECT * INTO old FROM node WHERE node_id = id FOR NO KEY UPDATE;
    UPDATE node SET info = new_info, epoch = new_epoch, area_code = code, latitude_deg = latitude,
        longitude_deg = longitude, time_zone = zone, crop = new_crop,
        health = CASE WHEN old.epoch IS DISTINCT FROM new_epoch THEN NULL ELSE health END,
        status = CASE WHEN old.epoch <> new_epoch THEN NULL ELSE status END WHERE node_id = id;
    IF old.area_code <> code THEN
        INSERT INTO dirty_area SELECT area, night FROM unnest(ARRAY[old.area_code, code]) AS area, (
            SELECT night FROM interval_effort WHERE node_id = id AND night IS NOT NULL
            UNION SELECT night FROM night_effort WHERE node_id = id
        ) AS told;
    END IF;
    IF old.time_zone <> zone THEN
        PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;
        PERFORM queue_nights(id);
        UPDATE interval_effort SET night = night_of(started, ended, zone) WHERE node_id = id AND night IS NOT NULL;
        PERFORM queue_nights(id);
    END IF;
END $$;

-- Was its card heard under another name since, also under one that the reader does not see? Not where both names told one
-- number: copies of a card did, or a node that sent a record again under its new name. It runs in the owner's rights, so its
-- names are bound here: a reader's own temporary `node` would stand before ours in any search_path.
CREATE FUNCTION is_renamed(id integer) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM node old JOIN node named ON (named.site, named.epoch) = (old.site, old.epoch) AND named.heard > old.heard
        WHERE old.node_id = id AND NOT EXISTS (
            SELECT FROM ledger a JOIN ledger b USING (epoch)
            WHERE (a.node_id, b.node_id, a.epoch) = (old.node_id, named.node_id, old.epoch) AND a.seen && b.seen));
END;
REVOKE EXECUTE ON FUNCTION may_count_in, holder_of, move_node, place_node, is_renamed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_renamed TO fieldeye_reader;
