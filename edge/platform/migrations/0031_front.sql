-- Life stages, and nodes of one square kilometre, share their nights: each is kept as a bit, so that none is counted twice.
-- Locked as 0030 says. Renamed at the end, since who reads waits from then on.
UPDATE week_presence p SET nights = b.bits FROM (
    SELECT taxon_id, date_trunc('week', night)::date AS week, node_id, bit_or(1 << extract(isodow FROM night)::integer - 1) AS bits
    FROM night_count WHERE count > 0 GROUP BY 1, 2, 3
) AS b WHERE (p.taxon_id, p.week, p.node_id) = (b.taxon_id, b.week, b.node_id);
ALTER TABLE week_presence RENAME nights TO night_bits;    -- of its week, 1 for Monday's

-- As before, but for the bits.
CREATE OR REPLACE FUNCTION roll_up_weeks() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS due_week (node_id integer, week date) ON COMMIT DELETE ROWS;
    INSERT INTO due_week SELECT DISTINCT node_id, date_trunc('week', night)::date FROM due;
    DELETE FROM week_presence USING due_week d WHERE (week_presence.node_id, week_presence.week) = (d.node_id, d.week);
    DELETE FROM week_effort USING due_week d WHERE (week_effort.node_id, week_effort.week) = (d.node_id, d.week);
    DELETE FROM week_count USING due_week d WHERE (week_count.node_id, week_count.week) = (d.node_id, d.week);
    INSERT INTO week_presence
        SELECT taxon_id, week, c.node_id, min(night), max(night), bit_or(1 << night - week)
        FROM due_week d JOIN night_count c ON c.node_id = d.node_id AND night >= week AND night < week + 7
        WHERE count > 0 GROUP BY taxon_id, week, c.node_id;
    INSERT INTO week_effort                               -- of all units together of everything, whoever could tell it
        SELECT coalesce(unit, ''), week, e.node_id, count(DISTINCT night) FILTER (WHERE frames > 0),
               bounded(sum(frames)), sum(saturated), coalesce(vocabulary_id, 0)
        FROM due_week d JOIN night_effort e ON e.node_id = d.node_id AND night >= week AND night < week + 7
        GROUP BY GROUPING SETS ((week, e.node_id, unit, vocabulary_id), (week, e.node_id));
    INSERT INTO week_count
        SELECT taxon_id, unit, week, c.node_id, camera, summed(unit, array_agg(count))
        FROM due_week d JOIN night_count c ON c.node_id = d.node_id AND night >= week AND night < week + 7
        WHERE count > 0 GROUP BY taxon_id, unit, week, c.node_id, camera;
    DELETE FROM due_week;
END $$;

-- As before, but that a cell's nights are those on which any of its nodes saw the taxon in any stage.
CREATE OR REPLACE FUNCTION cells_of(area text, of_label text, first date, last date)
RETURNS TABLE (x integer, y integer, latitude_deg float8, longitude_deg float8, nodes integer, nights integer,
               first_seen date, last_seen date, looked_since date)
LANGUAGE sql STABLE AS $$
    WITH seen AS MATERIALIZED (
        SELECT node_id, week, bit_or(bits) AS bits, min(first_night) AS since, max(last_night) AS until FROM (
            SELECT node_id, week, night_bits AS bits, first_night, last_night FROM week_presence
            WHERE taxon_id = ANY (ARRAY(SELECT taxon_id FROM taxon WHERE label = of_label))
              AND week BETWEEN first_monday(first) AND last_sunday(last)
            UNION ALL
            SELECT node_id, date_trunc('week', night)::date, 1 << extract(isodow FROM night)::integer - 1, night, night
            FROM night_count
            WHERE taxon_id = ANY (ARRAY(SELECT taxon_id FROM taxon WHERE label = of_label)) AND count > 0
              AND (night BETWEEN first AND least(first_monday(first) - 1, last)
                   OR night BETWEEN greatest(last_sunday(last) + 1, first) AND last)
        ) AS parts GROUP BY node_id, week
    ), placed AS MATERIALIZED (
        SELECT node_id, n.latitude_deg, n.longitude_deg, cell_of(n.latitude_deg, n.longitude_deg) AS cell, s.since, until
        FROM node n LEFT JOIN (
            SELECT node_id, min(seen.since) AS since, max(seen.until) AS until FROM seen GROUP BY node_id
        ) AS s USING (node_id)
        WHERE area_code ^@ area AND n.latitude_deg IS NOT NULL
    ), weekly AS (
        SELECT cell, bit_count(bit_or(bits)::bit(7)) AS many FROM placed JOIN seen USING (node_id) GROUP BY cell, week
    )
    SELECT cell[1], cell[2], avg(latitude_deg) FILTER (WHERE since IS NOT NULL), avg(longitude_deg) FILTER (WHERE since IS NOT NULL),
           count(since)::integer, min(many)::integer, min(since), max(until), min((
               SELECT min(week) FROM week_effort e
               WHERE e.node_id = placed.node_id AND unit <> '' AND e.nights > 0
                 AND vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(of_label)))))
    FROM placed JOIN (SELECT cell, sum(weekly.many) AS many FROM weekly GROUP BY cell) AS w USING (cell) GROUP BY cell
$$;

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
