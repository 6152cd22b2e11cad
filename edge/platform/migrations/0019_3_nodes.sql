-- What a node tells of itself: its site, its place, its card, its time zone.

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

-- One at a time for nodes of one name: whose a card is, and where.
CREATE FUNCTION lock_name(of_node text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(7043004, hashtext(of_node))
$$;

-- The node that told of a card before: its records came, or its `info`. By the card first: nodes of one name are many.
CREATE FUNCTION holder_of(of_site text, of_node text, card uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT node_id FROM ledger l JOIN node USING (node_id) WHERE (node_name, l.epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code))
                     ORDER BY site = of_site DESC, ledger_id LIMIT 1),
                    (SELECT node_id FROM node WHERE (node, epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code)) ORDER BY heard DESC LIMIT 1))
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
-- also under nights of a zone of before; what was not summed yet, in interval_effort.
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
        longitude_deg = longitude, time_zone = zone, crop = new_crop, heard = now(),
        health = CASE WHEN old.epoch IS DISTINCT FROM new_epoch THEN NULL ELSE health END,
        status = CASE WHEN old.epoch <> new_epoch THEN NULL ELSE status END WHERE node_id = id;
    IF old.area_code <> code THEN
        INSERT INTO dirty_area SELECT old.area_code, night FROM interval_effort WHERE node_id = id
            UNION SELECT old.area_code, night FROM night_effort WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
    IF old.time_zone <> zone THEN
        PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
        UPDATE interval_effort SET night = night_of(started, ended, zone) WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
END $$;
