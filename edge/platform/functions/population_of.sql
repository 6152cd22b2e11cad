-- A row a night, those without data too, as is one on which nobody could tell the taxon: their count is null, never zero.
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
