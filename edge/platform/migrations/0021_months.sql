-- A month's first record waits a second at most for whoever reads all records, as a backup does for hours: then it lies among
-- the undated ones, and a later call takes it in. What a batch that is still open has laid there is seen once its lock is had.
CREATE OR REPLACE FUNCTION ensure_month(month date) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    name text := 'record_' || to_char(month, 'YYYY_MM');
    first timestamptz := (date_trunc('month', month)::timestamp AT TIME ZONE 'UTC');
    next timestamptz := ((date_trunc('month', month) + '1 month'::interval)::timestamp AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(7043001);               -- two workers may see the first record of a month at once
    -- to_regclass remembers that there was none
    IF EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = name) THEN RETURN; END IF;
    LOCK TABLE ONLY record IN SHARE UPDATE EXCLUSIVE MODE;  -- in the order in which PostgreSQL itself takes them
    LOCK TABLE record_undated IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE record INCLUDING ALL)', name);
    EXECUTE format('WITH moved AS (DELETE FROM record_undated WHERE at >= %L AND at < %L RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', first, next, name);
    EXECUTE format('ALTER TABLE record ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, next);
END $$;
