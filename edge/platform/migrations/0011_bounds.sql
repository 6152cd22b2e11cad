-- What one node tells, however large, breaks no sum: sums end at the largest integer that JSON readers keep exactly.

CREATE OR REPLACE FUNCTION bounded(total numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN total > 9007199254740991 THEN 9007199254740991 ELSE total END::bigint
$$;

CREATE OR REPLACE FUNCTION summed(unit text, each bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN unit = 'max_per_frame' THEN max(one) ELSE bounded(sum(one)) END FROM unnest(each) AS one
$$;

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
                        THEN bounded(sum(high) FILTER (WHERE area_m2 > 0)) END
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
               CASE WHEN bool_and(on_area = 0 OR on_area_high IS NOT NULL) THEN bounded(sum(on_area_high)) END
        FROM (SELECT DISTINCT * FROM due_area WHERE length(prefix) = digits) d
        JOIN area_count a ON a.night = d.night AND area_above(a.prefix) = d.prefix AND length(a.prefix) > digits
        GROUP BY d.prefix, d.night, unit, taxon_id;
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
           CASE WHEN c.on_area > 0 THEN c.on_area_low ELSE 0 END / nullif(e.area_m2, 0),
           CASE WHEN c.on_area > 0 THEN c.on_area_high ELSE 0 END / nullif(e.area_m2, 0)
    FROM generate_series(first::timestamp, last::timestamp, '1 day') AS n (night)
    LEFT JOIN area_effort e ON e.prefix = area AND e.unit = of_unit AND e.night = n.night::date
    LEFT JOIN (
        SELECT a.night, bounded(sum(a.count)) AS count,
               CASE WHEN bool_and(a.low IS NOT NULL) THEN bounded(sum(a.low)) END AS low,
               CASE WHEN bool_and(a.high IS NOT NULL) THEN bounded(sum(a.high)) END AS high,
               bounded(sum(a.on_area)) AS on_area,
               CASE WHEN bool_and(a.on_area = 0 OR a.on_area_low IS NOT NULL) THEN bounded(sum(a.on_area_low)) END
                   AS on_area_low,
               CASE WHEN bool_and(a.on_area = 0 OR a.on_area_high IS NOT NULL) THEN bounded(sum(a.on_area_high)) END
                   AS on_area_high
        FROM area_count a JOIN taxon USING (taxon_id)
        WHERE a.prefix = area AND a.unit = of_unit AND label = of_label AND (of_stage IS NULL OR stage = of_stage)
          AND a.night BETWEEN first AND last
        GROUP BY a.night
    ) c ON c.night = n.night::date
    ORDER BY 1
$$;

-- Numbers that no node reaches, from before `health` was held to them.
UPDATE node SET health = NULL
    WHERE greatest((health->'store'->>'waiting')::numeric, (health->'store'->>'last_seq')::numeric) > 9007199254740991
       OR least((health->'store'->>'waiting')::numeric, (health->'store'->>'last_seq')::numeric) < 0;
