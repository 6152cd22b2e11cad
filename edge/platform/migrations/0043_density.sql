-- Density: of a trap a night, as its mean is, or a trap that was off for a week is seven times as dense on the night that it comes
-- back. None of visits: an insect that comes back is another visit.
ALTER TABLE area_count
    ALTER COLUMN on_area TYPE double precision,           -- of calibrated cameras: each one's count by its trap-nights
    ALTER COLUMN on_area_low TYPE double precision,
    ALTER COLUMN on_area_high TYPE double precision;

-- As in 42, but for `on_area`.
CREATE OR REPLACE FUNCTION roll_up_level(digits integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM area_effort a USING due_area d
        WHERE length(d.prefix) = digits AND (a.prefix, a.night) = (d.prefix, d.night);
    DELETE FROM area_count a USING due_area d
        WHERE length(d.prefix) = digits AND (a.prefix, a.night) = (d.prefix, d.night);
    IF digits = 12 THEN
        INSERT INTO area_effort
            WITH cameras AS (
                SELECT area_code, node_id, night, unit, frames, awake_s, saturated, area_m2, vocabulary_id
                FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = 12) d
                JOIN node ON area_code = prefix JOIN night_effort USING (node_id, night)
            ), looked AS (
                SELECT area_code, night, unit, together(array_agg(DISTINCT vocabulary_id)) AS vocabulary_id
                FROM cameras WHERE frames > 0 GROUP BY area_code, night, unit, node_id
            )
            SELECT area_code, night, unit, sum(nodes), count(*) FILTER (WHERE frames > 0),
                   bounded(coalesce(sum(frames), 0)), coalesce(sum(awake_s), 0),
                   count(*) FILTER (WHERE saturated > 0), coalesce(sum(area_m2) FILTER (WHERE frames > 0), 0), vocabulary_id
            FROM (
                SELECT area_code, night, unit, vocabulary_id, 0 AS nodes, frames, awake_s, saturated, area_m2 FROM cameras
                UNION ALL SELECT area_code, night, unit, vocabulary_id, 1, NULL, NULL, NULL, NULL FROM looked
            ) AS each GROUP BY area_code, night, unit, vocabulary_id;
        INSERT INTO area_count
            SELECT area_code, night, unit, taxon_id, count(DISTINCT node_id) FILTER (WHERE count > 0),
                   bounded(sum(count)),
                   CASE WHEN bool_and(low IS NOT NULL) THEN bounded(sum(low)) END,
                   CASE WHEN bool_and(high IS NOT NULL) THEN bounded(sum(high)) END,
                   coalesce(sum(count / trap_nights) FILTER (WHERE area_m2 > 0), 0),
                   CASE WHEN coalesce(bool_and(low IS NOT NULL) FILTER (WHERE area_m2 > 0), true)
                        THEN coalesce(sum(low / trap_nights) FILTER (WHERE area_m2 > 0), 0) END,
                   CASE WHEN coalesce(bool_and(high IS NOT NULL) FILTER (WHERE area_m2 > 0), true)
                        THEN coalesce(sum(high / trap_nights) FILTER (WHERE area_m2 > 0), 0) END,
                   sum(count / trap_nights)
            FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = 12) d
            JOIN node ON area_code = prefix JOIN night_count USING (node_id, night)
            JOIN night_effort USING (node_id, night, camera, unit)
            GROUP BY area_code, night, unit, taxon_id;
        RETURN;
    END IF;
    INSERT INTO area_effort
        SELECT d.prefix, d.night, unit, sum(nodes), sum(camera_nights), bounded(sum(frames)), sum(awake_s),
               sum(saturated), sum(area_m2), vocabulary_id
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_effort a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        GROUP BY d.prefix, d.night, unit, vocabulary_id;
    INSERT INTO area_count
        SELECT d.prefix, d.night, a.unit, taxon_id, sum(a.nodes), bounded(sum(count)),
               CASE WHEN bool_and(low IS NOT NULL) THEN bounded(sum(low)) END,
               CASE WHEN bool_and(high IS NOT NULL) THEN bounded(sum(high)) END,
               sum(on_area),
               CASE WHEN bool_and(on_area_low IS NOT NULL OR has_no_area)
                    THEN coalesce(sum(on_area_low), 0) END,
               CASE WHEN bool_and(on_area_high IS NOT NULL OR has_no_area)
                    THEN coalesce(sum(on_area_high), 0) END,
               sum(per_night)
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_count a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        CROSS JOIN LATERAL (
            SELECT NOT EXISTS (SELECT FROM area_effort e WHERE (e.prefix, e.unit, e.night) = (a.prefix, a.unit, a.night)
                               AND area_m2 > 0) AS has_no_area
        ) AS calibrated
        GROUP BY d.prefix, d.night, a.unit, taxon_id;
END $$;

-- As in 42, but for `on_area` and visits.
CREATE OR REPLACE FUNCTION population_of(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, nodes_known integer, nodes integer, camera_nights integer, frames bigint, awake_s float8,
               saturated integer, count bigint, low bigint, high bigint, area_m2 float8, per_m2 float8,
               per_m2_low float8, per_m2_high float8)
LANGUAGE sql STABLE AS $$
    WITH known AS MATERIALIZED (  -- once, not once a night
        SELECT since, count(*) AS many FROM node WHERE area_code ^@ area AND since <= last GROUP BY since
    )
    SELECT n.night::date, coalesce((SELECT sum(many) FROM known WHERE since <= n.night), 0)::integer,
           coalesce(e.nodes, 0)::integer, coalesce(e.camera_nights, 0)::integer, coalesce(e.frames, 0),
           coalesce(e.awake_s, 0), coalesce(e.saturated, 0)::integer,
           CASE WHEN e.frames > 0 THEN coalesce(c.count, 0) END,
           CASE WHEN e.frames > 0 AND c.count IS NULL THEN 0 ELSE c.low END,
           CASE WHEN e.frames > 0 AND c.count IS NULL THEN 0 ELSE c.high END,
           e.area_m2,
           coalesce(c.on_area, 0) / e.counted_m2,
           CASE WHEN c.count IS NULL THEN 0 ELSE c.on_area_low END / e.counted_m2,
           CASE WHEN c.count IS NULL THEN 0 ELSE c.on_area_high END / e.counted_m2
    FROM generate_series(first::timestamp, last::timestamp, '1 day') AS n (night)
    LEFT JOIN (
        SELECT a.night, sum(a.nodes) AS nodes, sum(a.camera_nights) AS camera_nights, bounded(sum(a.frames)) AS frames,
               sum(a.awake_s) AS awake_s, sum(a.saturated) AS saturated, sum(a.area_m2) AS area_m2,
               nullif(sum(a.area_m2) FILTER (WHERE of_unit <> 'visits'), 0) AS counted_m2
        FROM area_effort a
        WHERE a.prefix = area AND a.unit = of_unit AND a.night BETWEEN first AND last
          AND a.vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(of_label)))
        GROUP BY a.night
    ) e ON e.night = n.night::date
    LEFT JOIN (
        SELECT a.night, bounded(sum(a.count)) AS count,
               CASE WHEN bool_and(a.low IS NOT NULL) THEN bounded(sum(a.low)) END AS low,
               CASE WHEN bool_and(a.high IS NOT NULL) THEN bounded(sum(a.high)) END AS high,
               sum(a.on_area) AS on_area,
               CASE WHEN bool_and(a.on_area_low IS NOT NULL) THEN sum(a.on_area_low) END AS on_area_low,
               CASE WHEN bool_and(a.on_area_high IS NOT NULL) THEN sum(a.on_area_high) END AS on_area_high
        FROM area_count a JOIN taxon USING (taxon_id)
        WHERE a.prefix = area AND a.unit = of_unit AND label = of_label AND (of_stage IS NULL OR stage = of_stage)
          AND a.night BETWEEN first AND last
        GROUP BY a.night
    ) c ON c.night = n.night::date
    ORDER BY 1
$$;

-- From the nights' own sums: the intervals of old ones may be gone.
INSERT INTO dirty_area
    SELECT DISTINCT area_code, night FROM night_effort JOIN node USING (node_id) WHERE trap_nights > 1 AND area_m2 > 0;
