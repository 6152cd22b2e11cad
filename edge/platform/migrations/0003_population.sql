-- Population, density and range. Functions run with the rights of who asks, so that row-level security holds in them.

-- Where a taxon was seen, a row a node and week: range is asked for over seasons, and nights would be seven times as many.
CREATE TABLE week_presence (
    taxon_id integer NOT NULL REFERENCES taxon,
    week date NOT NULL,                                   -- its Monday
    node_id integer NOT NULL REFERENCES node,
    first_night date NOT NULL,
    last_night date NOT NULL,
    nights integer NOT NULL,
    PRIMARY KEY (taxon_id, week, node_id) INCLUDE (first_night, last_night, nights)  -- read from the index alone
);
CREATE INDEX week_presence_node ON week_presence (node_id, week);

CREATE FUNCTION roll_up_weeks() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS due_week (node_id integer, week date) ON COMMIT DELETE ROWS;
    INSERT INTO due_week SELECT DISTINCT node_id, date_trunc('week', night)::date FROM due;
    DELETE FROM week_presence USING due_week d WHERE (week_presence.node_id, week_presence.week) = (d.node_id, d.week);
    INSERT INTO week_presence
        SELECT taxon_id, week, c.node_id, min(night), max(night), count(DISTINCT night)
        FROM due_week d JOIN night_count c ON c.node_id = d.node_id AND night >= week AND night < week + 7
        WHERE count > 0 GROUP BY taxon_id, week, c.node_id;
    DELETE FROM due_week;
END $$;

-- Square kilometres of a sinusoidal (equal-area) grid on a sphere of 6371.0088 km: 111.195 km a degree.
CREATE FUNCTION cell_of(latitude float8, longitude float8) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY[floor(longitude * 111.195 * cos(radians((floor(latitude * 111.195) + 0.5) / 111.195)))::integer,
                 floor(latitude * 111.195)::integer]
$$;

-- Where a station starts to act, a figure a camera and night of that unit; in its own words, since regions differ.
CREATE TABLE threshold (
    label text NOT NULL,
    unit text NOT NULL,
    start_at double precision NOT NULL,
    sure_at double precision,
    source text NOT NULL,
    PRIMARY KEY (label, unit)
);

-- A row a night, those without data too: their count is null, never zero.
CREATE FUNCTION population(area text, of_unit text, of_label text, of_stage text, first date, last date)
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
        SELECT a.night, sum(a.count)::bigint AS count,
               CASE WHEN bool_and(a.low IS NOT NULL) THEN sum(a.low)::bigint END AS low,
               CASE WHEN bool_and(a.high IS NOT NULL) THEN sum(a.high)::bigint END AS high,
               sum(a.on_area)::bigint AS on_area,
               CASE WHEN bool_and(a.on_area = 0 OR a.on_area_low IS NOT NULL) THEN sum(a.on_area_low)::bigint END
                   AS on_area_low,
               CASE WHEN bool_and(a.on_area = 0 OR a.on_area_high IS NOT NULL) THEN sum(a.on_area_high)::bigint END
                   AS on_area_high
        FROM area_count a JOIN taxon USING (taxon_id)
        WHERE a.prefix = area AND a.unit = of_unit AND label = of_label AND (of_stage IS NULL OR stage = of_stage)
          AND a.night BETWEEN first AND last
        GROUP BY a.night
    ) c ON c.night = n.night::date
    ORDER BY 1
$$;

-- Mean of seven nights with data, of the seven before, and where that stands against the station's threshold.
CREATE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, per_camera_night float8, week_mean float8, week_before float8, level text)
LANGUAGE sql STABLE AS $$
    WITH nightly AS (
        SELECT p.night, p.count::float8 / nullif(p.camera_nights, 0) AS per_camera_night
        FROM population(area, of_unit, of_label, of_stage, first - 13, last) p
    ), means AS (
        SELECT n.night, n.per_camera_night,
               avg(n.per_camera_night) OVER (ORDER BY n.night ROWS 6 PRECEDING) AS week_mean,
               avg(n.per_camera_night) OVER (ORDER BY n.night ROWS BETWEEN 13 PRECEDING AND 7 PRECEDING) AS week_before
        FROM nightly n
    )
    SELECT m.night, m.per_camera_night, m.week_mean, m.week_before,
           CASE WHEN t.label IS NULL OR m.week_mean IS NULL THEN NULL
                WHEN m.week_mean >= t.sure_at THEN 'act' WHEN m.week_mean >= t.start_at THEN 'look' ELSE 'calm' END
    FROM means m LEFT JOIN threshold t ON t.label = of_label AND t.unit = of_unit
    WHERE m.night >= first ORDER BY 1
$$;

-- Occupied square kilometres, with when the taxon was first and last seen there. Weeks that touch first..last.
CREATE FUNCTION occupied_cells(area text, of_label text, first date, last date)
RETURNS TABLE (x integer, y integer, latitude_deg float8, longitude_deg float8, nodes integer, nights integer,
               first_seen date, last_seen date)
LANGUAGE sql STABLE AS $$
    SELECT cell[1], cell[2], avg(latitude_deg), avg(longitude_deg), count(*)::integer, sum(many)::integer, min(since),
           max(until)
    FROM (
        SELECT n.latitude_deg, n.longitude_deg, cell_of(n.latitude_deg, n.longitude_deg) AS cell, many, w.since, until
        FROM (
            SELECT node_id, sum(nights) AS many, min(first_night) AS since, max(last_night) AS until
            FROM week_presence
            WHERE taxon_id IN (SELECT taxon_id FROM taxon WHERE label = of_label)
              AND week BETWEEN date_trunc('week', first)::date AND last
            GROUP BY node_id
        ) AS w JOIN node n USING (node_id)
        WHERE area_code ^@ area AND n.latitude_deg IS NOT NULL
    ) AS placed
    GROUP BY cell
$$;
