-- Of the nights that are asked for and no others, and with the first week in which any of a cell's nodes looked for the taxon:
-- where nobody looked before, its first sight is no spread.
DROP FUNCTION occupied_cells(text, text, date, date);
CREATE FUNCTION cells_of(area text, of_label text, first date, last date)
RETURNS TABLE (x integer, y integer, latitude_deg float8, longitude_deg float8, nodes integer, nights integer,
               first_seen date, last_seen date, looked_since date)
LANGUAGE sql STABLE AS $$
    WITH seen AS MATERIALIZED (
        SELECT node_id, sum(nights) AS many, min(first_night) AS since, max(last_night) AS until FROM (
            SELECT node_id, nights, first_night, last_night FROM week_presence
            WHERE taxon_id = ANY (ARRAY(SELECT taxon_id FROM taxon WHERE label = of_label))
              AND week BETWEEN first_monday(first) AND last_sunday(last)
            UNION ALL
            SELECT node_id, count(DISTINCT night), min(night), max(night) FROM night_count
            WHERE taxon_id = ANY (ARRAY(SELECT taxon_id FROM taxon WHERE label = of_label)) AND count > 0
              AND (night BETWEEN first AND least(first_monday(first) - 1, last)
                   OR night BETWEEN greatest(last_sunday(last) + 1, first) AND last)
            GROUP BY node_id, taxon_id
        ) AS parts GROUP BY node_id
    ), placed AS MATERIALIZED (
        SELECT node_id, n.latitude_deg, n.longitude_deg, cell_of(n.latitude_deg, n.longitude_deg) AS cell, many, seen.since, until
        FROM node n LEFT JOIN seen USING (node_id)
        WHERE area_code ^@ area AND n.latitude_deg IS NOT NULL
    )
    SELECT cell[1], cell[2], avg(latitude_deg) FILTER (WHERE many > 0), avg(longitude_deg) FILTER (WHERE many > 0),
           count(many)::integer, sum(many)::integer, min(since), max(until), min((
               SELECT min(week) FROM week_effort e
               WHERE e.node_id = placed.node_id AND unit <> '' AND e.nights > 0
                 AND vocabulary_id = ANY (ARRAY(SELECT vocabulary_id FROM telling(of_label)))))
    FROM placed WHERE cell IN (SELECT cell FROM placed WHERE many > 0) GROUP BY cell
$$;

CREATE FUNCTION occupied_cells(area text, of_label text, first date, last date)
RETURNS TABLE (x integer, y integer, latitude_deg float8, longitude_deg float8, nodes integer, nights integer,
               first_seen date, last_seen date, looked_since date)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    area := asked_area(area);
    RETURN QUERY SELECT * FROM cells_of(area, of_label, first, last);
END $$;
