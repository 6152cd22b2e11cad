-- Population, density and range. Functions run with the rights of who asks, so that row-level security holds in them. What others
-- build on, as a dashboard's views, is beside the one that does the work, which is named `…_of`.

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

-- Planned for each area and its dates, whatever a session says: one plan for all took 18 s where its own takes 0.1. Where no
-- calibrated camera looked there is no area, which is not one of 0 m².
CREATE FUNCTION population(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, nodes_known integer, nodes integer, camera_nights integer, frames bigint, awake_s float8,
               saturated integer, count bigint, low bigint, high bigint, area_m2 float8, per_m2 float8,
               per_m2_low float8, per_m2_high float8)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    area := asked_area(area, of_unit);
    RETURN QUERY SELECT p.night, p.nodes_known, p.nodes, p.camera_nights, p.frames, p.awake_s, p.saturated, p.count, p.low,
                        p.high, nullif(p.area_m2, 0), p.per_m2, p.per_m2_low, p.per_m2_high
        FROM population_of(area, of_unit, of_label, of_stage, first, last) AS p;
END $$;

-- The nights that run now in an area, one for each of its nodes' time zones; null where no node has told a night.
CREATE FUNCTION running_nights(area text, OUT first date, OUT last date) LANGUAGE sql STABLE AS $$
    SELECT min(night), max(night)
    FROM (SELECT DISTINCT time_zone FROM node WHERE area_code ^@ area AND since IS NOT NULL) AS zones,
         night_of(now(), time_zone) AS night
$$;

-- Mean of seven nights with data, of the seven before, and where that stands against the station's threshold. Until a night
-- is over they are those of the last one that is, or of the running one where its mean is higher: at noon every night begins
-- with zero. Before its first record came it only takes the oldest night out of the seven, and is left out.
-- A trap that was off for three nights comes back with the catch of four: each camera's catch is divided by the nights in
-- which it came. In the means it stays one night of one camera: a trap that hung all winter must not thin out what others
-- catch beside it, nor the week after.
-- Of a disease the trend is its incidence, per cent of the frames looked at, since more looks at the same leaves find more
-- frames with it. A mean of nights is that of their frames: a night of three frames weighs less than one of thirty.
CREATE FUNCTION trend_of(area text, of_unit text, of_label text, of_stage text, first date, last date)
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
            WHERE (o.night < r.first OR o.per_camera_night IS NOT NULL)
              AND o.night BETWEEN r.first - 1 AND least(m.night, r.last) AND m.night < r.last + 7
            ORDER BY o.week_mean DESC NULLS LAST, o.night LIMIT 1
        ) AS high ON true
    )
    SELECT m.night, m.per_camera_night, m.week_mean, m.week_before,
           CASE WHEN t.label IS NULL OR m.week_mean IS NULL THEN NULL
                WHEN m.week_mean >= t.sure_at THEN 'act' WHEN m.week_mean >= t.start_at THEN 'look' ELSE 'calm' END
    FROM told m LEFT JOIN threshold t ON t.label = of_label AND t.unit = of_unit
    WHERE m.night >= first ORDER BY 1
$$;

-- A station's threshold is of a taxon, not of its larvae or adults: whichever stage is asked for, the level is of all of them.
CREATE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, per_camera_night float8, week_mean float8, week_before float8, level text)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    area := asked_area(area, of_unit);
    IF EXISTS (SELECT FROM threshold WHERE (label, unit) = (of_label, of_unit))
       AND EXISTS (SELECT FROM taxon WHERE label = of_label AND stage <> of_stage) THEN
        RETURN QUERY SELECT t.night, t.per_camera_night, t.week_mean, t.week_before, together.level
            FROM trend_of(area, of_unit, of_label, of_stage, first, last) AS t
            JOIN trend_of(area, of_unit, of_label, NULL, first, last) AS together USING (night);
    ELSE
        RETURN QUERY SELECT * FROM trend_of(area, of_unit, of_label, of_stage, first, last);
    END IF;
END $$;

-- Of the whole weeks in some nights the first Monday and the last Sunday; where there are none, the Sunday is the earlier.
CREATE FUNCTION first_monday(first date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT first + (8 - extract(isodow FROM first)::integer) % 7
$$;

CREATE FUNCTION last_sunday(last date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT last - extract(isodow FROM last)::integer % 7
$$;

-- Occupied square kilometres, with when the taxon was first and last seen there in the nights that are asked for, on how many of
-- them any of the cell's nodes saw it in any stage, and the first week in which any looked for it: where nobody looked before, its
-- first sight is no spread. Rows are grouped by a number and not by an array, as a square kilometre is known by its first node, in
-- two thirds of the time.
CREATE FUNCTION cells_of(area text, of_label text, first date, last date)
RETURNS TABLE (x integer, y integer, latitude_deg float8, longitude_deg float8, nodes integer, nights integer,
               first_seen date, last_seen date, looked_since date)
LANGUAGE sql STABLE AS $$
    WITH seen AS MATERIALIZED (
        SELECT node_id, week, night_bits AS bits, first_night, last_night FROM week_presence
        WHERE taxon_id = ANY (ARRAY(SELECT taxon_id FROM taxon WHERE label = of_label))
          AND week BETWEEN first_monday(first) AND last_sunday(last)
        UNION ALL
        SELECT node_id, date_trunc('week', night)::date, 1 << extract(isodow FROM night)::integer - 1, night, night
        FROM night_count
        WHERE taxon_id = ANY (ARRAY(SELECT taxon_id FROM taxon WHERE label = of_label)) AND count > 0
          AND (night BETWEEN first AND least(first_monday(first) - 1, last)
               OR night BETWEEN greatest(last_sunday(last) + 1, first) AND last)
    ), placed AS MATERIALIZED (
        SELECT *, min(node_id) OVER (PARTITION BY cell) AS place FROM (
            SELECT node_id, n.latitude_deg, n.longitude_deg, cell_of(n.latitude_deg, n.longitude_deg) AS cell, s.since, until
            FROM node n LEFT JOIN (
                SELECT node_id, min(first_night) AS since, max(last_night) AS until FROM seen GROUP BY node_id
            ) AS s USING (node_id)
            WHERE area_code ^@ area AND n.latitude_deg IS NOT NULL
        ) AS of_area
    ), weekly AS (
        SELECT place, bit_count(bit_or(bits)::bit(7)) AS many FROM placed JOIN seen USING (node_id) GROUP BY place, week
    )
    SELECT min(cell[1]), min(cell[2]), avg(latitude_deg) FILTER (WHERE since IS NOT NULL),
           avg(longitude_deg) FILTER (WHERE since IS NOT NULL), count(since)::integer, min(many)::integer, min(since), max(until),
           min((
               SELECT min(week) FROM week_effort e
               WHERE e.node_id = placed.node_id AND unit <> '' AND e.nights > 0
                 AND vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(of_label)))))
    FROM placed JOIN (SELECT place, sum(weekly.many) AS many FROM weekly GROUP BY place) AS w USING (place) GROUP BY place
$$;

CREATE FUNCTION occupied_cells(area text, of_label text, first date, last date)
RETURNS TABLE (x integer, y integer, latitude_deg float8, longitude_deg float8, nodes integer, nights integer,
               first_seen date, last_seen date, looked_since date)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    area := asked_area(area);
    RETURN QUERY SELECT * FROM cells_of(area, of_label, first, last);
END $$;

-- Of each square kilometre where somebody could have seen the taxon by then, when it was first seen in the nights that are asked
-- for or the 13 weeks before them (null: not), the Monday of the first week in which somebody looked, and the last night of it.
-- What was not there for a quarter comes anew: a migrant's front is told in its second year, too.
CREATE FUNCTION looked_cells_of(area text, of_label text, first date, last date)
RETURNS TABLE (latitude_deg float8, longitude_deg float8, first_seen date, looked_since date, looked_until date)
LANGUAGE sql STABLE AS $$
    WITH seen AS MATERIALIZED (
        SELECT node_id, min(first_night) AS since FROM week_presence
        WHERE taxon_id = ANY (ARRAY(SELECT taxon_id FROM taxon WHERE label = of_label))
          AND week BETWEEN first - 97 AND last AND last_night >= first - 91 AND first_night <= last
        GROUP BY node_id
    ), placed AS MATERIALIZED (
        SELECT n.latitude_deg, n.longitude_deg, cell_of(n.latitude_deg, n.longitude_deg) AS cell, seen.since, looked_since, (
            SELECT max(night) FROM night_effort e WHERE e.node_id = n.node_id AND night BETWEEN looked_since AND last AND frames > 0
                AND vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(of_label)))
        ) AS looked_until
        FROM node n LEFT JOIN seen USING (node_id), LATERAL (
            SELECT min(week) AS looked_since FROM week_effort e WHERE e.node_id = n.node_id AND unit <> '' AND e.nights > 0
                AND vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(of_label)))
        ) AS began
        WHERE area_code ^@ area AND n.latitude_deg IS NOT NULL
    )
    SELECT coalesce(avg(latitude_deg) FILTER (WHERE since IS NOT NULL), avg(latitude_deg)),
           coalesce(avg(longitude_deg) FILTER (WHERE since IS NOT NULL), avg(longitude_deg)), min(since), min(looked_since),
           max(looked_until)
    FROM placed WHERE looked_until IS NOT NULL GROUP BY cell
$$;

CREATE FUNCTION looked_cells(area text, of_label text, first date, last date)
RETURNS TABLE (latitude_deg float8, longitude_deg float8, first_seen date, looked_since date, looked_until date)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    area := asked_area(area);
    RETURN QUERY SELECT * FROM looked_cells_of(area, of_label, first, last);
END $$;
