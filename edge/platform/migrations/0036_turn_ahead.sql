-- A turn that was taken while the server's clock ran ahead, by who ended since, is nobody's once the clock is set: it lasted
-- until then, and nobody led or told anybody.
CREATE OR REPLACE FUNCTION take_turn(what text, mine uuid) RETURNS boolean LANGUAGE sql AS $$
    WITH taken AS (
        UPDATE turn SET whose = mine, until = clock_timestamp() + '1 min'
        WHERE of_what = what
          AND (whose IS NULL OR whose = mine OR until NOT BETWEEN clock_timestamp() AND clock_timestamp() + '2 min')
        RETURNING 1
    ) SELECT EXISTS (SELECT FROM taken)
$$;
