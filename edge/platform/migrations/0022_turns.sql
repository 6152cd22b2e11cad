-- What one does at a time waits for rows that nobody else may lock: advisory locks are anybody's who may log in, and a role
-- made to read could hold up all intake.

CREATE TABLE turn (
    of_what text NOT NULL,
    number integer NOT NULL DEFAULT 0,
    whose uuid,                                           -- to lead or to tell, which outlast a transaction
    until timestamptz,                                    -- renewed by whoever has it, so that the dead give it back
    PRIMARY KEY (of_what, number)
);
INSERT INTO turn (of_what) VALUES ('sums'), ('lead'), ('tell');
INSERT INTO turn SELECT 'name', number FROM generate_series(0, 1023) AS number;

-- For a minute, and again where it is mine. False: it is another one's.
CREATE FUNCTION take_turn(what text, mine uuid) RETURNS boolean LANGUAGE sql AS $$
    WITH taken AS (
        UPDATE turn SET whose = mine, until = clock_timestamp() + '1 min'
        WHERE of_what = what AND (whose IS NULL OR whose = mine OR until < clock_timestamp()) RETURNING 1
    ) SELECT EXISTS (SELECT FROM taken)
$$;
CREATE FUNCTION give_back_turn(what text, mine uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE turn SET whose = NULL WHERE (of_what, whose) = (what, mine)
$$;
REVOKE EXECUTE ON FUNCTION take_turn, give_back_turn FROM PUBLIC;

CREATE OR REPLACE FUNCTION lock_name(of_node text) RETURNS void LANGUAGE sql AS $$
    SELECT FROM turn WHERE (of_what, number) = ('name', hashtext(of_node) & 1023) FOR UPDATE
$$;

-- A month's first record waits a second at most for whoever reads all records, as a backup does for hours: then it lies among
-- the undated ones, and a later call takes it in. What a batch that is still open has laid there is seen once its lock is had.
CREATE OR REPLACE FUNCTION ensure_month(month date) RETURNS void LANGUAGE plpgsql SET lock_timeout = '1s' AS $$
DECLARE
    name text := 'record_' || to_char(month, 'YYYY_MM');
    first timestamptz := (date_trunc('month', month)::timestamp AT TIME ZONE 'UTC');
    next timestamptz := ((date_trunc('month', month) + '1 month'::interval)::timestamp AT TIME ZONE 'UTC');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    LOCK TABLE ONLY record IN SHARE UPDATE EXCLUSIVE MODE;  -- one worker at a time, and first, as PostgreSQL itself does
    -- to_regclass remembers that there was none
    IF EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename = name) THEN RETURN; END IF;
    LOCK TABLE record_undated IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE record INCLUDING ALL)', name);
    EXECUTE format('WITH moved AS (DELETE FROM record_undated WHERE at >= %L AND at < %L RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', first, next, name);
    EXECUTE format('ALTER TABLE record ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, next);
END $$;
