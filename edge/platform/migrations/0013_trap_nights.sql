-- A trap that was off for three nights comes back with the catch of four: a trend divides each camera's catch by the
-- nights in which it came. In the means it stays one night of one camera: a trap that hung all winter must not thin out
-- what others catch beside it, nor the week after.
-- A night's density is of one area: where a camera was calibrated meanwhile, its counts are of two, and it has none.

SELECT pg_advisory_xact_lock(7043002);                    -- a roll-up takes these tables the other way round

ALTER TABLE area_count ADD COLUMN IF NOT EXISTS per_night double precision NOT NULL DEFAULT 0;  -- of trap-nights
ALTER TABLE night_effort ADD COLUMN IF NOT EXISTS trap_nights double precision NOT NULL DEFAULT 1;  -- at least one
ALTER TABLE interval_effort ADD COLUMN IF NOT EXISTS exposed_s double precision;  -- trap: when what is new has come

UPDATE area_count SET per_night = count;
UPDATE interval_effort e SET exposed_s = (body->>'exposed_s')::double precision FROM record r
    WHERE (r.ledger_id, r.seq, r.at) = (e.ledger_id, e.seq, e.started) AND kind = 'interval' AND unit = 'new';

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
               greatest(1, sum(exposed_s) FILTER (WHERE frames > 0) / 86400)
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
                   CASE WHEN bool_and(low IS NOT NULL) FILTER (WHERE area_m2 > 0)
                        THEN bounded(sum(low) FILTER (WHERE area_m2 > 0)) END,
                   CASE WHEN bool_and(high IS NOT NULL) FILTER (WHERE area_m2 > 0)
                        THEN bounded(sum(high) FILTER (WHERE area_m2 > 0)) END,
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
        SELECT d.prefix, d.night, unit, taxon_id, sum(nodes), bounded(sum(count)),
               CASE WHEN bool_and(low IS NOT NULL) THEN bounded(sum(low)) END,
               CASE WHEN bool_and(high IS NOT NULL) THEN bounded(sum(high)) END,
               bounded(sum(on_area)),
               CASE WHEN bool_and(on_area = 0 OR on_area_low IS NOT NULL) THEN bounded(sum(on_area_low)) END,
               CASE WHEN bool_and(on_area = 0 OR on_area_high IS NOT NULL) THEN bounded(sum(on_area_high)) END,
               sum(per_night)
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_count a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        GROUP BY d.prefix, d.night, unit, taxon_id;
END $$;

-- Mean of seven nights with data, of the seven before, and where that stands against the station's threshold.
CREATE OR REPLACE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, per_camera_night float8, week_mean float8, week_before float8, level text)
LANGUAGE sql STABLE AS $$
    WITH nightly AS (
        SELECT p.night,
               CASE WHEN of_unit = 'affected_frames' OR p.count = 0 THEN p.count ELSE c.per_night END AS count,
               nullif(CASE WHEN of_unit = 'affected_frames' THEN p.frames / 100.0 ELSE p.camera_nights END, 0)::float8
                   AS effort
        FROM population(area, of_unit, of_label, of_stage, first - 13, last) p
        LEFT JOIN (
            SELECT a.night, sum(a.per_night) AS per_night FROM area_count a JOIN taxon USING (taxon_id)
            WHERE a.prefix = area AND a.unit = of_unit AND label = of_label AND (of_stage IS NULL OR stage = of_stage)
              AND a.night BETWEEN first - 13 AND last
            GROUP BY a.night
        ) c ON c.night = p.night
    ), means AS (
        SELECT n.night, n.count / n.effort AS per_camera_night,
               CASE WHEN of_unit = 'affected_frames' THEN sum(n.count) OVER this / sum(n.effort) OVER this
                    ELSE avg(n.count / n.effort) OVER this END AS week_mean,
               CASE WHEN of_unit = 'affected_frames' THEN sum(n.count) OVER former / sum(n.effort) OVER former
                    ELSE avg(n.count / n.effort) OVER former END AS week_before
        FROM nightly n
        WINDOW this AS (ORDER BY n.night ROWS 6 PRECEDING),
               former AS (ORDER BY n.night ROWS BETWEEN 13 PRECEDING AND 7 PRECEDING)
    )
    SELECT m.night, m.per_camera_night, m.week_mean, m.week_before,
           CASE WHEN t.label IS NULL OR m.week_mean IS NULL THEN NULL
                WHEN m.week_mean >= t.sure_at THEN 'act' WHEN m.week_mean >= t.start_at THEN 'look' ELSE 'calm' END
    FROM means m LEFT JOIN threshold t ON t.label = of_label AND t.unit = of_unit
    WHERE m.night >= first ORDER BY 1
$$;

-- Nights whose sums were of more than they said.
INSERT INTO dirty_night
    SELECT DISTINCT node_id, night FROM (
        SELECT node_id, night FROM interval_effort GROUP BY node_id, night, camera, unit
        HAVING sum(exposed_s) > 86400 OR min(coalesce(area_mm2, 0)) <> max(area_mm2)
    ) AS wrong;
