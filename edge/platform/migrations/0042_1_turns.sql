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

-- For a minute, and again where it is mine. False: it is another one's. One that was taken while the server's clock ran ahead, by
-- who ended since, is nobody's once the clock is set: it lasted until then, and nobody led or told anybody.
CREATE FUNCTION take_turn(what text, mine uuid) RETURNS boolean LANGUAGE sql AS $$
    WITH taken AS (
        UPDATE turn SET whose = mine, until = clock_timestamp() + '1 min'
        WHERE of_what = what
          AND (whose IS NULL OR whose = mine OR until NOT BETWEEN clock_timestamp() AND clock_timestamp() + '2 min')
        RETURNING 1
    ) SELECT EXISTS (SELECT FROM taken)
$$;

CREATE FUNCTION give_back_turn(what text, mine uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE turn SET whose = NULL WHERE (of_what, whose) = (what, mine)
$$;

-- One at a time for nodes of one name: whose a card is, and where.
CREATE FUNCTION lock_name(of_node text) RETURNS void LANGUAGE sql AS $$
    SELECT FROM turn WHERE (of_what, number) = ('name', hashtext(of_node) & 1023) FOR UPDATE
$$;
REVOKE EXECUTE ON FUNCTION take_turn, give_back_turn, lock_name FROM PUBLIC;
