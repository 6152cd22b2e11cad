-- A node counts once, by what its cameras could tell together. `on_area` of a level above asks `area_effort` whether a
-- calibrated camera looked at all.
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

REVOKE EXECUTE ON FUNCTION roll_up_level FROM PUBLIC;
