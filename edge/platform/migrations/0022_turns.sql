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

-- As before, but for whose turn it is.
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

CREATE OR REPLACE FUNCTION roll_up(most integer DEFAULT 2000) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    done integer;
    digits integer;
BEGIN
    PERFORM FROM turn WHERE of_what = 'sums' FOR UPDATE;
    CREATE TEMP TABLE IF NOT EXISTS due (node_id integer, night date) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS due_area (prefix text, night date) ON COMMIT DELETE ROWS;
    WITH taken AS (                                       -- tonight first: a fleet's new labels bring its whole history
        DELETE FROM dirty_night
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM dirty_night ORDER BY night DESC LIMIT most)) RETURNING *
    ), kept AS (INSERT INTO due SELECT DISTINCT node_id, night FROM taken)
    SELECT count(*) INTO done FROM taken;
    DELETE FROM night_effort USING due WHERE (night_effort.node_id, night_effort.night) = (due.node_id, due.night);
    DELETE FROM night_count USING due WHERE (night_count.node_id, night_count.night) = (due.node_id, due.night);
    PERFORM roll_up_nights();
    UPDATE node SET since = first FROM (
        SELECT node_id, (SELECT min(night) FROM night_effort e WHERE e.node_id = d.node_id) AS first
        FROM (SELECT DISTINCT node_id FROM due) AS d
    ) AS begun WHERE node.node_id = begun.node_id AND since IS DISTINCT FROM first;
    PERFORM roll_up_weeks();
    WITH taken AS (DELETE FROM dirty_area RETURNING *)
    INSERT INTO due_area
        SELECT area_code, night FROM due JOIN node USING (node_id) UNION SELECT prefix, night FROM taken;
    FOREACH digits IN ARRAY ARRAY[12, 9, 6, 4, 2, 0] LOOP
        PERFORM roll_up_level(digits);
        INSERT INTO due_area SELECT DISTINCT area_above(prefix), night FROM due_area
            WHERE length(prefix) = digits AND digits > 0;
    END LOOP;
    IF done BETWEEN 1 AND most - 1 THEN                   -- all are summed; a node may tell other labels without end
        DELETE FROM vocabulary v WHERE NOT EXISTS (
            SELECT FROM area_effort WHERE prefix = '' AND vocabulary_id = v.vocabulary_id
        );
    END IF;
    DELETE FROM due; DELETE FROM due_area;
    RETURN done;
END $$;
