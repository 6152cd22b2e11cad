-- Population, density and range. Functions run with the rights of who asks, so that row-level security holds in them.

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

-- A row a night, those without data too, as is one on which nobody could tell the taxon: their count is null, never zero.
CREATE FUNCTION population(area text, of_unit text, of_label text, of_stage text, first date, last date)
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
           coalesce(c.on_area, 0) / nullif(e.area_m2, 0),
           CASE WHEN c.count IS NULL THEN 0 ELSE c.on_area_low END / nullif(e.area_m2, 0),
           CASE WHEN c.count IS NULL THEN 0 ELSE c.on_area_high END / nullif(e.area_m2, 0)
    FROM generate_series(first::timestamp, last::timestamp, '1 day') AS n (night)
    LEFT JOIN (
        SELECT a.night, sum(a.nodes) AS nodes, sum(a.camera_nights) AS camera_nights, bounded(sum(a.frames)) AS frames,
               sum(a.awake_s) AS awake_s, sum(a.saturated) AS saturated, sum(a.area_m2) AS area_m2
        FROM area_effort a
        WHERE a.prefix = area AND a.unit = of_unit AND a.night BETWEEN first AND last
          AND a.vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(of_label)))
        GROUP BY a.night
    ) e ON e.night = n.night::date
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

-- The nights that run now in an area, one for each of its nodes' time zones; null where no node has told a night.
CREATE FUNCTION running_nights(area text, OUT first date, OUT last date) LANGUAGE sql STABLE AS $$
    SELECT min(night), max(night)
    FROM (SELECT DISTINCT time_zone FROM node WHERE area_code ^@ area AND since IS NOT NULL) AS zones,
         night_of(now(), time_zone) AS night
$$;

-- Mean of seven nights with data, of the seven before, and where that stands against the station's threshold. Until a night
-- is over they are those of the last one that is, or of the running one where its mean is higher: at noon every night begins
-- with zero.
-- A trap that was off for three nights comes back with the catch of four: each camera's catch is divided by the nights in
-- which it came. In the means it stays one night of one camera: a trap that hung all winter must not thin out what others
-- catch beside it, nor the week after.
-- Of a disease the trend is its incidence, per cent of the frames looked at, since more looks at the same leaves find more
-- frames with it. A mean of nights is that of their frames: a night of three frames weighs less than one of thirty.
CREATE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, per_camera_night float8, week_mean float8, week_before float8, level text)
LANGUAGE sql STABLE AS $$
    WITH running AS MATERIALIZED (SELECT * FROM running_nights(area)), nightly AS (
        SELECT p.night,
               CASE WHEN of_unit = 'affected_frames' OR p.count = 0 THEN p.count ELSE c.per_night END AS count,
               nullif(CASE WHEN of_unit = 'affected_frames' THEN p.frames / 100.0 ELSE p.camera_nights END, 0)::float8
                   AS effort
        FROM population(area, of_unit, of_label, of_stage, first - 21, last) p
        LEFT JOIN (
            SELECT a.night, sum(a.per_night) AS per_night FROM area_count a JOIN taxon USING (taxon_id)
            WHERE a.prefix = area AND a.unit = of_unit AND label = of_label AND (of_stage IS NULL OR stage = of_stage)
              AND a.night BETWEEN first - 21 AND last
            GROUP BY a.night
        ) c ON c.night = p.night
    ), means AS MATERIALIZED (
        SELECT n.night, n.count / n.effort AS per_camera_night,
               CASE WHEN of_unit = 'affected_frames' THEN sum(n.count) OVER this / sum(n.effort) OVER this
                    ELSE avg(n.count / n.effort) OVER this END AS week_mean,
               CASE WHEN of_unit = 'affected_frames' THEN sum(n.count) OVER former / sum(n.effort) OVER former
                    ELSE avg(n.count / n.effort) OVER former END AS week_before
        FROM nightly n
        WINDOW this AS (ORDER BY n.night ROWS 6 PRECEDING),
               former AS (ORDER BY n.night ROWS BETWEEN 13 PRECEDING AND 7 PRECEDING)
    ), told AS (
        SELECT m.night, m.per_camera_night, m.week_mean, m.week_before
        FROM means m WHERE (m.night >= (SELECT r.first FROM running r)) IS NOT TRUE
        UNION ALL
        SELECT m.night, m.per_camera_night, high.week_mean, high.week_before
        FROM running r JOIN means m ON m.night >= r.first LEFT JOIN LATERAL (
            SELECT o.week_mean, o.week_before FROM means o
            WHERE o.night BETWEEN r.first - 1 AND least(m.night, r.last) AND m.night < r.last + 7
            ORDER BY o.week_mean DESC NULLS LAST, o.night LIMIT 1
        ) AS high ON true
    )
    SELECT m.night, m.per_camera_night, m.week_mean, m.week_before,
           CASE WHEN t.label IS NULL OR m.week_mean IS NULL THEN NULL
                WHEN m.week_mean >= t.sure_at THEN 'act' WHEN m.week_mean >= t.start_at THEN 'look' ELSE 'calm' END
    FROM told m LEFT JOIN threshold t ON t.label = of_label AND t.unit = of_unit
    WHERE m.night >= first ORDER BY 1
$$;

-- Of the whole weeks in some nights the first Monday and the last Sunday; where there are none, the Sunday is the earlier.
CREATE FUNCTION first_monday(first date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT first + (8 - extract(isodow FROM first)::integer) % 7
$$;

CREATE FUNCTION last_sunday(last date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT last - extract(isodow FROM last)::integer % 7
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
