-- The area that a code means: zeros down to a village, a township or a county stand for the area above, as 330106000000 for
-- the county 330106. The zeros of a node that stands nowhere are no area's.
-- In both functions names are bound here: a reader's own `left` or temporary `reader` would stand before ours in a search_path
-- of its own, and show it all.
CREATE FUNCTION as_area(code text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT left(code, min(digits)) FROM unnest(ARRAY[2, 4, 6, 9, 12]) AS digits WHERE digits >= length(rtrim(code, '0'));
END;

CREATE OR REPLACE FUNCTION my_area() RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC
    SELECT as_area(prefix) FROM reader WHERE role = current_user;
END;

INSERT INTO site_area SELECT site, as_area(prefix) FROM site_area ON CONFLICT DO NOTHING;
DELETE FROM site_area WHERE prefix <> as_area(prefix);
UPDATE recipient SET prefix = as_area(prefix) WHERE prefix <> as_area(prefix);

-- The area to ask for. What a role may not see, and a unit in which nobody counts, would read as no data.
CREATE FUNCTION asked_area(code text, unit text DEFAULT 'new') RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF (code ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12})?$') IS NOT TRUE THEN
        RAISE 'area % is no area code; give 2, 4, 6, 9 or 12 digits of it', code USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF row_security_active('node') AND (as_area(code) ^@ my_area()) IS NOT TRUE THEN
        RAISE 'area %: % reads % and nothing beside it; give an area within that', code, current_user,
            coalesce(my_area(), 'none') USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (unit IN ('max_per_frame', 'visits', 'new', 'affected_frames')) IS NOT TRUE THEN
        RAISE 'nodes count in no unit %; give max_per_frame, visits, new or affected_frames', unit
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN as_area(code);
END $$;

-- What they do moves to names beside: what others have built on these two, as a dashboard's views, asks the new ones.
DO $$
BEGIN
    EXECUTE replace(pg_get_functiondef('population(text,text,text,text,date,date)'::regprocedure), '.population(', '.population_of(');
    EXECUTE replace(pg_get_functiondef('trend(text,text,text,text,date,date)'::regprocedure), '.trend(', '.trend_of(');
END $$;

-- Planned for each area and its dates, whatever a session says: one plan for all took 18 s where its own takes 0.1.
CREATE OR REPLACE FUNCTION population(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, nodes_known integer, nodes integer, camera_nights integer, frames bigint, awake_s float8,
               saturated integer, count bigint, low bigint, high bigint, area_m2 float8, per_m2 float8,
               per_m2_low float8, per_m2_high float8)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    area := asked_area(area, of_unit);
    RETURN QUERY SELECT * FROM population_of(area, of_unit, of_label, of_stage, first, last);
END $$;

CREATE OR REPLACE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, per_camera_night float8, week_mean float8, week_before float8, level text)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    area := asked_area(area, of_unit);
    RETURN QUERY SELECT * FROM trend_of(area, of_unit, of_label, of_stage, first, last);
END $$;

-- Alerts whose level is above all since their cause was calm.
CREATE OR REPLACE VIEW risen_alert WITH (security_invoker = true) AS
WITH ranked AS (
    SELECT a.*, n.site, n.node, n.area_code, array_position(ARRAY['calm', 'look', 'act'], level) AS rank,
           count(*) FILTER (WHERE level = 'calm') OVER cause AS calms
    FROM alert a JOIN node n USING (node_id)
    WINDOW cause AS (PARTITION BY a.node_id, ledger_id, camera, label ORDER BY at, seq)
), ordered AS (
    SELECT *, coalesce(max(rank) OVER (
        PARTITION BY node_id, ledger_id, camera, label, calms ORDER BY at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 1) AS highest FROM ranked
)
SELECT ledger_id, seq, node_id, at, camera, label, eppo, level, value, unit, start_at, sure_at, reason, look_at, source, site, node,
       area_code, (ARRAY['calm', 'look', 'act'])[highest] AS before, came FROM ordered
WHERE rank > highest;
