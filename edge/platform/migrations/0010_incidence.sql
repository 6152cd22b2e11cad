-- Of a disease the trend is its incidence, per cent of the frames looked at, since more looks at the same leaves find more
-- frames with it. A mean of nights is that of their frames: a night of three frames weighs less than one of thirty.

CREATE OR REPLACE FUNCTION trend(area text, of_unit text, of_label text, of_stage text, first date, last date)
RETURNS TABLE (night date, per_camera_night float8, week_mean float8, week_before float8, level text)
LANGUAGE sql STABLE AS $$
    WITH nightly AS (
        SELECT p.night, p.count::float8 AS count,
               nullif(CASE WHEN of_unit = 'affected_frames' THEN p.frames / 100.0 ELSE p.camera_nights END, 0)::float8
                   AS effort
        FROM population(area, of_unit, of_label, of_stage, first - 13, last) p
    ), means AS (
        SELECT n.night, n.count / n.effort AS per_camera_night,
               CASE WHEN of_unit = 'affected_frames' THEN sum(n.count) OVER this / sum(n.effort) OVER this
                    ELSE avg(n.count / n.effort) OVER this END AS week_mean,
               CASE WHEN of_unit = 'affected_frames' THEN sum(n.count) OVER former / sum(n.effort) OVER former
                    ELSE avg(n.count / n.effort) OVER former END AS week_before
        FROM nightly n
        WINDOW this AS (ORDER BY n.night ROWS 6 PRECEDING),
               former AS (ORDER BY n.night ROWS BETWEEN 13 PRECEDING AND 7 PRECEDING)
    )
    SELECT m.night, m.per_camera_night, m.week_mean, m.week_before,
           CASE WHEN t.label IS NULL OR m.week_mean IS NULL THEN NULL
                WHEN m.week_mean >= t.sure_at THEN 'act' WHEN m.week_mean >= t.start_at THEN 'look' ELSE 'calm' END
    FROM means m LEFT JOIN threshold t ON t.label = of_label AND t.unit = of_unit
    WHERE m.night >= first ORDER BY 1
$$;
