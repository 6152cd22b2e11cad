-- A station's threshold is of a taxon, not of its larvae or adults: whichever stage is asked for, the level is of all of them.
CREATE OR REPLACE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
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
