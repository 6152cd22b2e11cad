-- A night that is not over raises a mean by what came in it. While nothing has come it only took the oldest night out of the
-- seven: from noon to the first record of the day calm stood as a warning.
DO $$
BEGIN
    EXECUTE replace(pg_get_functiondef('trend_of(text,text,text,text,date,date)'::regprocedure),
        'WHERE o.night BETWEEN r.first - 1',
        'WHERE (o.night < r.first OR o.per_camera_night IS NOT NULL) AND o.night BETWEEN r.first - 1');
END $$;
