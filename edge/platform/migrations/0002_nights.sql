-- Sums of a night, a node and an area. Tables that `roll_up` keeps, since materialised views know no row-level
-- security and are made anew as a whole.
--
-- Rules of summing. `visits`, `new` and `affected_frames` of a night are sums over its intervals; `max_per_frame` is
-- the night's largest, for two looks at one crowd must not be added. The range of a sum runs from the sum of the lows to
-- the sum of the highs: a model makes the same mistakes on each node, so ranges do not shrink as independent errors
-- would. One part without a range leaves the sum without one.

CREATE TABLE night_effort (
    node_id integer NOT NULL REFERENCES node,
    night date NOT NULL,
    camera text NOT NULL,
    unit text NOT NULL,
    frames bigint NOT NULL,
    awake_s double precision NOT NULL,
    intervals integer NOT NULL,
    without_data integer NOT NULL,
    saturated integer NOT NULL,
    area_m2 double precision,                             -- counted on; null unless all intervals were calibrated
    PRIMARY KEY (node_id, night, camera, unit)
);
CREATE INDEX night_effort_night ON night_effort (night);
CREATE TABLE night_count (
    node_id integer NOT NULL REFERENCES node,
    night date NOT NULL,
    camera text NOT NULL,
    unit text NOT NULL,
    taxon_id integer NOT NULL REFERENCES taxon,
    count bigint NOT NULL,
    low bigint,
    high bigint,
    PRIMARY KEY (node_id, night, camera, unit, taxon_id)
);
CREATE INDEX night_count_taxon ON night_count (taxon_id, night) INCLUDE (node_id, unit, count) WHERE count > 0;
CREATE TABLE area_effort (
    prefix text NOT NULL,                                 -- 0, 2, 4, 6, 9 or 12 digits of the area code
    night date NOT NULL,
    unit text NOT NULL,
    nodes integer NOT NULL,                               -- that looked
    camera_nights integer NOT NULL,                       -- cameras with at least one frame
    frames bigint NOT NULL,
    awake_s double precision NOT NULL,
    saturated integer NOT NULL,                           -- cameras whose trap was too full to count on
    area_m2 double precision NOT NULL,                    -- of the calibrated cameras
    PRIMARY KEY (prefix, unit, night)
);
CREATE TABLE area_count (
    prefix text NOT NULL,
    night date NOT NULL,
    unit text NOT NULL,
    taxon_id integer NOT NULL REFERENCES taxon,
    nodes integer NOT NULL,                               -- that saw it
    count bigint NOT NULL,
    low bigint,
    high bigint,
    on_area bigint NOT NULL,                              -- of count: by calibrated cameras, and its range
    on_area_low bigint,
    on_area_high bigint,
    PRIMARY KEY (prefix, unit, taxon_id, night)
);

CREATE FUNCTION summed(unit text, each bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN unit = 'max_per_frame' THEN max(one) ELSE sum(one)::bigint END FROM unnest(each) AS one
$$;

CREATE FUNCTION area_above(prefix text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(prefix, CASE length(prefix) WHEN 12 THEN 9 WHEN 9 THEN 6 WHEN 6 THEN 4 WHEN 4 THEN 2 ELSE 0 END)
$$;

-- Makes the sums of changed nights anew, from the intervals up to the country; says how many changes. One at a time.
CREATE FUNCTION roll_up(most integer DEFAULT 2000) RETURNS integer LANGUAGE plpgsql AS $$
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
        SELECT i.node_id, i.night, camera, unit, least(sum(frames), 9223372036854775807)::bigint, sum(awake_s), count(*),
               count(*) FILTER (WHERE frames = 0), count(*) FILTER (WHERE saturated),
               CASE WHEN unit <> 'affected_frames' AND bool_and(area_mm2 > 0) THEN max(area_mm2) / 1e6 END
        FROM interval_effort i JOIN due USING (node_id, night) GROUP BY i.node_id, i.night, camera, unit;
    INSERT INTO night_count
        SELECT i.node_id, i.night, camera, unit, taxon_id, summed(unit, array_agg(count)),
               CASE WHEN bool_and(low IS NOT NULL) THEN summed(unit, array_agg(low)) END,
               CASE WHEN bool_and(high IS NOT NULL) THEN summed(unit, array_agg(high)) END
        FROM interval_effort i JOIN due USING (node_id, night) JOIN interval_count USING (ledger_id, seq)
        GROUP BY i.node_id, i.night, camera, unit, taxon_id;
    UPDATE node SET since = least(since, first) FROM (SELECT node_id, min(night) AS first FROM due GROUP BY 1) AS d
        WHERE node.node_id = d.node_id AND (since IS NULL OR first < since);
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

CREATE FUNCTION roll_up_level(digits integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM area_effort a USING due_area d
        WHERE length(d.prefix) = digits AND (a.prefix, a.night) = (d.prefix, d.night);
    DELETE FROM area_count a USING due_area d
        WHERE length(d.prefix) = digits AND (a.prefix, a.night) = (d.prefix, d.night);
    IF digits = 12 THEN
        INSERT INTO area_effort
            SELECT area_code, night, unit, count(DISTINCT node_id) FILTER (WHERE frames > 0),
                   count(*) FILTER (WHERE frames > 0), sum(frames), sum(awake_s), count(*) FILTER (WHERE saturated > 0),
                   coalesce(sum(area_m2) FILTER (WHERE frames > 0), 0)
            FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = 12) d
            JOIN node ON area_code = prefix JOIN night_effort USING (node_id, night)
            GROUP BY area_code, night, unit;
        INSERT INTO area_count
            SELECT area_code, night, unit, taxon_id, count(DISTINCT node_id) FILTER (WHERE count > 0), sum(count),
                   CASE WHEN bool_and(low IS NOT NULL) THEN sum(low) END,
                   CASE WHEN bool_and(high IS NOT NULL) THEN sum(high) END,
                   coalesce(sum(count) FILTER (WHERE area_m2 > 0), 0),
                   CASE WHEN bool_and(low IS NOT NULL) FILTER (WHERE area_m2 > 0)
                        THEN sum(low) FILTER (WHERE area_m2 > 0) END,
                   CASE WHEN bool_and(high IS NOT NULL) FILTER (WHERE area_m2 > 0)
                        THEN sum(high) FILTER (WHERE area_m2 > 0) END
            FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = 12) d
            JOIN node ON area_code = prefix JOIN night_count USING (node_id, night)
            JOIN night_effort USING (node_id, night, camera, unit)
            GROUP BY area_code, night, unit, taxon_id;
        RETURN;
    END IF;
    INSERT INTO area_effort
        SELECT d.prefix, d.night, unit, sum(nodes), sum(camera_nights), sum(frames), sum(awake_s), sum(saturated),
               sum(area_m2)
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_effort a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        GROUP BY d.prefix, d.night, unit;
    INSERT INTO area_count
        SELECT d.prefix, d.night, unit, taxon_id, sum(nodes), sum(count),
               CASE WHEN bool_and(low IS NOT NULL) THEN sum(low) END,
               CASE WHEN bool_and(high IS NOT NULL) THEN sum(high) END,
               sum(on_area), CASE WHEN bool_and(on_area = 0 OR on_area_low IS NOT NULL) THEN sum(on_area_low) END,
               CASE WHEN bool_and(on_area = 0 OR on_area_high IS NOT NULL) THEN sum(on_area_high) END
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_count a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        GROUP BY d.prefix, d.night, unit, taxon_id;
END $$;
CREATE INDEX area_effort_below ON area_effort (night, area_above(prefix));
CREATE INDEX area_count_below ON area_count (night, area_above(prefix));

-- What a node tells of itself. A new place or time zone moves all of its nights.
CREATE FUNCTION place_node(id integer, new_info jsonb, new_epoch uuid, code text, latitude float8, longitude float8,
                           zone text, new_crop text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old node%ROWTYPE;
BEGIN
    SELECT * INTO old FROM node WHERE node_id = id FOR UPDATE;
    UPDATE node SET info = new_info, epoch = new_epoch, area_code = code, latitude_deg = latitude,
        longitude_deg = longitude, time_zone = zone, crop = new_crop, heard = now(),
        health = CASE WHEN old.epoch IS DISTINCT FROM new_epoch THEN NULL ELSE health END WHERE node_id = id;
    IF old.time_zone <> zone THEN
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
        UPDATE interval_effort SET night = night_of(started, zone) WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
    IF old.area_code <> code THEN
        INSERT INTO dirty_area SELECT DISTINCT old.area_code, night FROM interval_effort WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
END $$;

CREATE FUNCTION night_of(at timestamptz, zone text) RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ((at AT TIME ZONE zone) - '12 hours'::interval)::date
$$;
