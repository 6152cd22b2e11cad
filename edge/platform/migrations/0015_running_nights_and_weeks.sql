-- A night that is not over only raises a trend, as on the node: at noon every night begins with zero.

-- The nights that run now in an area, one for each of its nodes' time zones; null where no node has told a night.
CREATE OR REPLACE FUNCTION running_nights(area text, OUT first date, OUT last date) LANGUAGE sql STABLE AS $$
    SELECT min(night), max(night)
    FROM (SELECT DISTINCT time_zone FROM node WHERE area_code ^@ area AND since IS NOT NULL) AS zones,
         night_of(now(), time_zone) AS night
$$;

-- Mean of seven nights with data, of the seven before, and where that stands against the station's threshold. Until a night
-- is over they are those of the last one that is, or of the running one where its mean is higher.
CREATE OR REPLACE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
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

-- Whole weeks of a node, since the desk asks over seasons: a year of 1,000 nodes is 365,000 nights.
SELECT pg_advisory_xact_lock(7043002);                    -- a roll-up takes these tables the other way round

CREATE TABLE IF NOT EXISTS week_effort (
    unit text NOT NULL,                                   -- empty: of all units together
    week date NOT NULL,                                   -- its Monday
    node_id integer NOT NULL REFERENCES node,
    nights integer NOT NULL,                              -- with a frame
    frames bigint NOT NULL,
    saturated bigint NOT NULL,
    PRIMARY KEY (unit, week, node_id) INCLUDE (nights, frames, saturated)
);
CREATE INDEX IF NOT EXISTS week_effort_node ON week_effort (node_id, week);
CREATE TABLE IF NOT EXISTS week_count (
    taxon_id integer NOT NULL REFERENCES taxon,
    unit text NOT NULL,
    week date NOT NULL,
    node_id integer NOT NULL REFERENCES node,
    camera text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (taxon_id, unit, week, node_id, camera) INCLUDE (count)
);
CREATE INDEX IF NOT EXISTS week_count_node ON week_count (node_id, week);
ALTER TABLE week_effort ENABLE ROW LEVEL SECURITY;
ALTER TABLE week_count ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS subtree ON week_effort;
DROP POLICY IF EXISTS subtree ON week_count;
CREATE POLICY subtree ON week_effort FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON week_count FOR SELECT USING (node_id IN (SELECT node_id FROM node));
GRANT SELECT ON week_effort, week_count TO fieldeye_reader;

-- Of the whole weeks in some nights the first Monday and the last Sunday; where there are none, the Sunday is the earlier.
CREATE OR REPLACE FUNCTION first_monday(first date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT first + (8 - extract(isodow FROM first)::integer) % 7
$$;
CREATE OR REPLACE FUNCTION last_sunday(last date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT last - extract(isodow FROM last)::integer % 7
$$;

CREATE OR REPLACE FUNCTION roll_up_weeks() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS due_week (node_id integer, week date) ON COMMIT DELETE ROWS;
    INSERT INTO due_week SELECT DISTINCT node_id, date_trunc('week', night)::date FROM due;
    DELETE FROM week_presence USING due_week d WHERE (week_presence.node_id, week_presence.week) = (d.node_id, d.week);
    DELETE FROM week_effort USING due_week d WHERE (week_effort.node_id, week_effort.week) = (d.node_id, d.week);
    DELETE FROM week_count USING due_week d WHERE (week_count.node_id, week_count.week) = (d.node_id, d.week);
    INSERT INTO week_presence
        SELECT taxon_id, week, c.node_id, min(night), max(night), count(DISTINCT night)
        FROM due_week d JOIN night_count c ON c.node_id = d.node_id AND night >= week AND night < week + 7
        WHERE count > 0 GROUP BY taxon_id, week, c.node_id;
    INSERT INTO week_effort
        SELECT coalesce(unit, ''), week, e.node_id, count(DISTINCT night) FILTER (WHERE frames > 0),
               bounded(sum(frames)), sum(saturated)
        FROM due_week d JOIN night_effort e ON e.node_id = d.node_id AND night >= week AND night < week + 7
        GROUP BY GROUPING SETS ((week, e.node_id, unit), (week, e.node_id));
    INSERT INTO week_count
        SELECT taxon_id, unit, week, c.node_id, camera, summed(unit, array_agg(count))
        FROM due_week d JOIN night_count c ON c.node_id = d.node_id AND night >= week AND night < week + 7
        WHERE count > 0 GROUP BY taxon_id, unit, week, c.node_id, camera;
    DELETE FROM due_week;
END $$;

DELETE FROM week_effort;
DELETE FROM week_count;
INSERT INTO week_effort
    SELECT coalesce(unit, ''), date_trunc('week', night)::date AS week, node_id,
           count(DISTINCT night) FILTER (WHERE frames > 0), bounded(sum(frames)), sum(saturated)
    FROM night_effort GROUP BY GROUPING SETS ((week, node_id, unit), (week, node_id));
INSERT INTO week_count
    SELECT taxon_id, unit, date_trunc('week', night)::date AS week, node_id, camera, summed(unit, array_agg(count))
    FROM night_count WHERE count > 0 GROUP BY taxon_id, unit, week, node_id, camera;
