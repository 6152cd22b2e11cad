-- As before, in two thirds of the time: rows are grouped by a number and not by an array, as a square kilometre is known by
-- its first node.
CREATE OR REPLACE FUNCTION cells_of(area text, of_label text, first date, last date)
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
