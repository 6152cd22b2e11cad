-- Where no calibrated camera looked there is no area, which is not one of 0 m².
CREATE OR REPLACE FUNCTION population(area text, of_unit text, of_label text, of_stage text, first date, last date)
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
