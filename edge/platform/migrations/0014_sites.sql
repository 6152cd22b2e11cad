-- A record's key names no site: the ledger of an epoch is one, wherever its node stood when it first came. A node whose
-- `info` comes under another site takes that name, and all that it told goes along.
-- A range of what calibrated cameras counted is null where one is not known, and zero where none listed the taxon.
-- A trap's nights are whole ones: that one ends some seconds later, or an hour with summer time, is no more nights.

SELECT pg_advisory_xact_lock(7043002);                    -- a roll-up takes these tables the other way round

ALTER TABLE ledger ADD COLUMN IF NOT EXISTS node_name text;
UPDATE ledger l SET node_name = node FROM node n WHERE n.node_id = l.node_id AND node_name IS NULL;

CREATE OR REPLACE FUNCTION ensure_month(month date) RETURNS void LANGUAGE plpgsql AS $$
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

-- One at a time for nodes of one name: whose a card is, and where.
CREATE OR REPLACE FUNCTION lock_name(of_node text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(7043004, hashtext(of_node))
$$;

-- The node that told of a card before: its records came, or its `info`.
CREATE OR REPLACE FUNCTION holder_of(of_node text, card uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT node_id FROM ledger WHERE (node_name, epoch) = (of_node, card)),
                    (SELECT node_id FROM node WHERE (node, epoch) = (of_node, card) ORDER BY heard DESC LIMIT 1))
$$;
CREATE INDEX IF NOT EXISTS node_node ON node (node);

-- Gives a node the site under which its card's `info` came. Null for an `info` of before, as brokers keep them and sticks
-- carry them: it holds only if nothing else told of the node, or the card was started anew at that site since. Whoever has
-- the name gets the former one, or goes if nothing hangs on it. State and health tell no card: they stay behind, but for
-- those of a name without a card, which are this one's.
CREATE OR REPLACE FUNCTION move_node(id integer, card uuid, new_site text, is_live boolean) RETURNS integer
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
REVOKE EXECUTE ON FUNCTION move_node, lock_name FROM PUBLIC;

-- What an area summed stands in night_effort, also under nights of a zone of before; what was not summed yet, in
-- interval_effort.
CREATE OR REPLACE FUNCTION place_node(id integer, new_info jsonb, new_epoch uuid, code text, latitude float8,
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
        UPDATE interval_effort SET night = night_of(started, zone) WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION roll_up(most integer DEFAULT 2000) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    done integer;
    digits integer;
BEGIN
    PERFORM pg_advisory_xact_lock(7043002);
    CREATE TEMP TABLE IF NOT EXISTS due (node_id integer, night date) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS due_area (prefix text, night date) ON COMMIT DELETE ROWS;
    WITH taken AS (
        DELETE FROM dirty_night WHERE ctid = ANY (ARRAY(SELECT ctid FROM dirty_night LIMIT most)) RETURNING *
    ), kept AS (INSERT INTO due SELECT DISTINCT node_id, night FROM taken)
    SELECT count(*) INTO done FROM taken;
    DELETE FROM night_effort USING due WHERE (night_effort.node_id, night_effort.night) = (due.node_id, due.night);
    DELETE FROM night_count USING due WHERE (night_count.node_id, night_count.night) = (due.node_id, due.night);
    INSERT INTO night_effort
        SELECT i.node_id, i.night, camera, unit, least(sum(frames), 9223372036854775807)::bigint, sum(awake_s),
               count(*), count(*) FILTER (WHERE frames = 0), count(*) FILTER (WHERE saturated),
               CASE WHEN unit <> 'affected_frames' AND min(coalesce(area_mm2, 0)) FILTER (WHERE frames > 0)
                    = max(area_mm2) FILTER (WHERE frames > 0) THEN max(area_mm2) FILTER (WHERE frames > 0) / 1e6 END,
               greatest(1, round(sum(exposed_s) FILTER (WHERE frames > 0) / 86400))
        FROM interval_effort i JOIN due USING (node_id, night) GROUP BY i.node_id, i.night, camera, unit;
    INSERT INTO night_count
        SELECT i.node_id, i.night, camera, unit, taxon_id, summed(unit, array_agg(count)),
               CASE WHEN bool_and(low IS NOT NULL) THEN summed(unit, array_agg(low)) END,
               CASE WHEN bool_and(high IS NOT NULL) THEN summed(unit, array_agg(high)) END
        FROM interval_effort i JOIN due USING (node_id, night) JOIN interval_count USING (ledger_id, seq)
        GROUP BY i.node_id, i.night, camera, unit, taxon_id;
    UPDATE node SET since = first FROM (
        SELECT node_id, (SELECT min(night) FROM night_effort e WHERE e.node_id = d.node_id) AS first
        FROM (SELECT DISTINCT node_id FROM due) AS d
    ) AS begun WHERE node.node_id = begun.node_id AND since IS DISTINCT FROM first;
    PERFORM roll_up_weeks();
    WITH taken AS (DELETE FROM dirty_area RETURNING *)
    INSERT INTO due_area
        SELECT area_code, night FROM due JOIN node USING (node_id) UNION SELECT prefix, night FROM taken;
    FOREACH digits IN ARRAY ARRAY[12, 9, 6, 4, 2, 0] LOOP
        PERFORM roll_up_level(digits);
        INSERT INTO due_area SELECT DISTINCT area_above(prefix), night FROM due_area
            WHERE length(prefix) = digits AND digits > 0;
    END LOOP;
    DELETE FROM due; DELETE FROM due_area;
    RETURN done;
END $$;

CREATE OR REPLACE FUNCTION roll_up_level(digits integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM area_effort a USING due_area d
        WHERE length(d.prefix) = digits AND (a.prefix, a.night) = (d.prefix, d.night);
    DELETE FROM area_count a USING due_area d
        WHERE length(d.prefix) = digits AND (a.prefix, a.night) = (d.prefix, d.night);
    IF digits = 12 THEN
        INSERT INTO area_effort
            SELECT area_code, night, unit, count(DISTINCT node_id) FILTER (WHERE frames > 0),
                   count(*) FILTER (WHERE frames > 0), bounded(sum(frames)), sum(awake_s),
                   count(*) FILTER (WHERE saturated > 0), coalesce(sum(area_m2) FILTER (WHERE frames > 0), 0)
            FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = 12) d
            JOIN node ON area_code = prefix JOIN night_effort USING (node_id, night)
            GROUP BY area_code, night, unit;
        INSERT INTO area_count
            SELECT area_code, night, unit, taxon_id, count(DISTINCT node_id) FILTER (WHERE count > 0),
                   bounded(sum(count)),
                   CASE WHEN bool_and(low IS NOT NULL) THEN bounded(sum(low)) END,
                   CASE WHEN bool_and(high IS NOT NULL) THEN bounded(sum(high)) END,
                   coalesce(bounded(sum(count) FILTER (WHERE area_m2 > 0)), 0),
                   CASE WHEN coalesce(bool_and(low IS NOT NULL) FILTER (WHERE area_m2 > 0), true)
                        THEN coalesce(bounded(sum(low) FILTER (WHERE area_m2 > 0)), 0) END,
                   CASE WHEN coalesce(bool_and(high IS NOT NULL) FILTER (WHERE area_m2 > 0), true)
                        THEN coalesce(bounded(sum(high) FILTER (WHERE area_m2 > 0)), 0) END,
                   sum(count / trap_nights)
            FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = 12) d
            JOIN node ON area_code = prefix JOIN night_count USING (node_id, night)
            JOIN night_effort USING (node_id, night, camera, unit)
            GROUP BY area_code, night, unit, taxon_id;
        RETURN;
    END IF;
    INSERT INTO area_effort
        SELECT d.prefix, d.night, unit, sum(nodes), sum(camera_nights), bounded(sum(frames)), sum(awake_s),
               sum(saturated), sum(area_m2)
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_effort a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        GROUP BY d.prefix, d.night, unit;
    INSERT INTO area_count
        SELECT d.prefix, d.night, a.unit, taxon_id, sum(a.nodes), bounded(sum(count)),
               CASE WHEN bool_and(low IS NOT NULL) THEN bounded(sum(low)) END,
               CASE WHEN bool_and(high IS NOT NULL) THEN bounded(sum(high)) END,
               bounded(sum(on_area)),
               CASE WHEN bool_and(e.area_m2 = 0 OR on_area_low IS NOT NULL)
                    THEN coalesce(bounded(sum(on_area_low)), 0) END,
               CASE WHEN bool_and(e.area_m2 = 0 OR on_area_high IS NOT NULL)
                    THEN coalesce(bounded(sum(on_area_high)), 0) END,
               sum(per_night)
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_count a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        JOIN area_effort e ON (e.prefix, e.unit, e.night) = (a.prefix, a.unit, a.night)
        GROUP BY d.prefix, d.night, a.unit, taxon_id;
END $$;

-- A row a night, those without data too: their count is null, never zero.
CREATE OR REPLACE FUNCTION population(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, nodes_known integer, nodes integer, camera_nights integer, frames bigint, awake_s float8,
               saturated integer, count bigint, low bigint, high bigint, area_m2 float8, per_m2 float8,
               per_m2_low float8, per_m2_high float8)
LANGUAGE sql STABLE AS $$
    WITH known AS MATERIALIZED (  -- once, not once a night
        SELECT since, count(*) AS many FROM node WHERE area_code ^@ area AND since <= last GROUP BY since
    )
    SELECT n.night::date, coalesce((SELECT sum(many) FROM known WHERE since <= n.night), 0)::integer,
           coalesce(e.nodes, 0), coalesce(e.camera_nights, 0), coalesce(e.frames, 0), coalesce(e.awake_s, 0),
           coalesce(e.saturated, 0),
           CASE WHEN e.frames > 0 THEN coalesce(c.count, 0) END,
           CASE WHEN e.frames > 0 AND c.count IS NULL THEN 0 ELSE c.low END,
           CASE WHEN e.frames > 0 AND c.count IS NULL THEN 0 ELSE c.high END,
           e.area_m2,
           coalesce(c.on_area, 0) / nullif(e.area_m2, 0),
           CASE WHEN c.count IS NULL THEN 0 ELSE c.on_area_low END / nullif(e.area_m2, 0),
           CASE WHEN c.count IS NULL THEN 0 ELSE c.on_area_high END / nullif(e.area_m2, 0)
    FROM generate_series(first::timestamp, last::timestamp, '1 day') AS n (night)
    LEFT JOIN area_effort e ON e.prefix = area AND e.unit = of_unit AND e.night = n.night::date
    LEFT JOIN (
        SELECT a.night, bounded(sum(a.count)) AS count,
               CASE WHEN bool_and(a.low IS NOT NULL) THEN bounded(sum(a.low)) END AS low,
               CASE WHEN bool_and(a.high IS NOT NULL) THEN bounded(sum(a.high)) END AS high,
               bounded(sum(a.on_area)) AS on_area,
               CASE WHEN bool_and(a.on_area_low IS NOT NULL) THEN bounded(sum(a.on_area_low)) END AS on_area_low,
               CASE WHEN bool_and(a.on_area_high IS NOT NULL) THEN bounded(sum(a.on_area_high)) END AS on_area_high
        FROM area_count a JOIN taxon USING (taxon_id)
        WHERE a.prefix = area AND a.unit = of_unit AND label = of_label AND (of_stage IS NULL OR stage = of_stage)
          AND a.night BETWEEN first AND last
        GROUP BY a.night
    ) c ON c.night = n.night::date
    ORDER BY 1
$$;

-- What stands wrong from before. Of a card that told under two sites there are two ledgers: the one that went furthest
-- takes in what only the other has. The former name stays, a node without records.
DO $$
DECLARE
    twice record;
    one text;
BEGIN
    FOR twice IN
        SELECT * FROM (
            SELECT ledger_id, first_value(ledger_id) OVER furthest AS whole,
                   first_value(node_id) OVER furthest AS owner, first_value(name) OVER furthest AS zone
            FROM ledger l JOIN node n USING (node_id) LEFT JOIN pg_timezone_names ON name = time_zone
            WINDOW furthest AS (PARTITION BY node_name, l.epoch ORDER BY upper(seen) DESC NULLS LAST, ledger_id DESC)
        ) AS each WHERE ledger_id <> whole
    LOOP
        INSERT INTO dirty_night SELECT DISTINCT node_id, night FROM interval_effort WHERE ledger_id = twice.ledger_id;
        FOREACH one IN ARRAY ARRAY['record', 'interval_effort', 'interval_count', 'alert', 'told'] LOOP
            EXECUTE format('DELETE FROM %I t USING ledger l WHERE t.ledger_id = $1 AND l.ledger_id = $2 AND seq <@ seen',
                           one) USING twice.ledger_id, twice.whole;
            EXECUTE format('UPDATE %I SET ledger_id = $2 WHERE ledger_id = $1', one) USING twice.ledger_id, twice.whole;
        END LOOP;
        UPDATE interval_effort SET node_id = twice.owner, night = coalesce(night_of(started, twice.zone), night)
            WHERE ledger_id = twice.whole AND node_id <> twice.owner;
        UPDATE alert SET node_id = twice.owner WHERE ledger_id = twice.whole AND node_id <> twice.owner;
        INSERT INTO dirty_night SELECT DISTINCT node_id, night FROM interval_effort WHERE ledger_id = twice.whole;
        UPDATE ledger SET seen = ledger.seen + l.seen, gone = ledger.gone + l.gone FROM ledger l
            WHERE ledger.ledger_id = twice.whole AND l.ledger_id = twice.ledger_id;
        DELETE FROM ledger WHERE ledger_id = twice.ledger_id;
    END LOOP;
END $$;
ALTER TABLE ledger ALTER COLUMN node_name SET NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS ledger_key ON ledger (node_name, epoch);

-- Nodes known a night before their first; sums of areas that a node has left under nights of another zone, which are those
-- that the nights of their nodes do not give; ranges that may be of cameras or of none; and trap-nights that were none. Of
-- the last only those are summed anew that change a catch by more than a hundredth, or that a week's mean may hold: all
-- would be every night of every trap. 2,000 nodes take 6 s a year of nights here, and a minute of summing afterwards.
UPDATE node SET since = first
    FROM (SELECT node_id, (SELECT min(night) FROM night_effort e WHERE e.node_id = n.node_id) AS first FROM node n) AS begun
    WHERE node.node_id = begun.node_id AND since IS DISTINCT FROM first;
INSERT INTO dirty_area
    SELECT DISTINCT prefix, night FROM area_effort a LEFT JOIN (
        SELECT area_code AS prefix, night, unit, count(*) FILTER (WHERE frames > 0) AS camera_nights,
               bounded(sum(frames)) AS frames, count(*) FILTER (WHERE saturated > 0) AS saturated, sum(awake_s) AS awake_s
        FROM night_effort JOIN node USING (node_id) GROUP BY area_code, night, unit
    ) AS now USING (prefix, night, unit)
    WHERE length(prefix) = 12 AND (a.camera_nights, a.frames, a.saturated, round(a.awake_s))
          IS DISTINCT FROM (now.camera_nights, now.frames, now.saturated, round(now.awake_s));
INSERT INTO dirty_area
    SELECT DISTINCT a.prefix, a.night FROM area_count a JOIN area_effort e USING (prefix, unit, night)
    WHERE e.area_m2 > 0 AND on_area = 0 AND (on_area_low IS NULL OR on_area_high IS NULL);
INSERT INTO dirty_night
    SELECT DISTINCT node_id, night FROM night_effort
    WHERE trap_nights <> round(trap_nights)
      AND (abs(trap_nights - round(trap_nights)) > 0.01 OR night > current_date - 15);
