-- One card that dates nights decades ahead, or tells another zone each second, keeps no other node's counts out of the sums.

CREATE INDEX dirty_night_node ON dirty_night (node_id);

-- Of a node, or of one of its models: those that wait already do not wait twice. `roll_up` takes none of those before this is
-- committed, and what it takes right now is queued anew.
CREATE FUNCTION queue_nights(id integer, of_model text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO dirty_night
        SELECT node_id, night FROM interval_effort WHERE node_id = id AND (of_model IS NULL OR model = of_model)
        EXCEPT SELECT * FROM (SELECT * FROM dirty_night WHERE node_id = id FOR SHARE SKIP LOCKED) AS waiting
$$;
REVOKE EXECUTE ON FUNCTION queue_nights FROM PUBLIC;

-- As before, but for how nights are queued.
CREATE OR REPLACE FUNCTION note_labels(id integer, of_model text, new_labels text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO model_labels VALUES (id, of_model, new_labels, clock_timestamp())
        ON CONFLICT (node_id, model) DO UPDATE SET labels = excluded.labels, told = excluded.told
        WHERE model_labels.labels <> excluded.labels;
    IF NOT FOUND THEN RETURN; END IF;
    PERFORM queue_nights(id, of_model);
    DELETE FROM model_labels WHERE node_id = id AND model IN (  -- as many as a node keeps itself
        SELECT model FROM model_labels WHERE node_id = id ORDER BY told DESC OFFSET 32
    );
END $$;

-- Here too; and `heard` is whoever calls it to say.
CREATE OR REPLACE FUNCTION place_node(id integer, new_info jsonb, new_epoch uuid, code text, latitude float8,
                                      longitude float8, zone text, new_crop text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old node%ROWTYPE;
BEGIN
    SELECT * INTO old FROM node WHERE node_id = id FOR NO KEY UPDATE;
    UPDATE node SET info = new_info, epoch = new_epoch, area_code = code, latitude_deg = latitude,
        longitude_deg = longitude, time_zone = zone, crop = new_crop,
        health = CASE WHEN old.epoch IS DISTINCT FROM new_epoch THEN NULL ELSE health END,
        status = CASE WHEN old.epoch <> new_epoch THEN NULL ELSE status END WHERE node_id = id;
    IF old.area_code <> code THEN
        INSERT INTO dirty_area SELECT old.area_code, night FROM interval_effort WHERE node_id = id
            UNION SELECT old.area_code, night FROM night_effort WHERE node_id = id;
        PERFORM queue_nights(id);
    END IF;
    IF old.time_zone <> zone THEN
        PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;
        PERFORM queue_nights(id);
        UPDATE interval_effort SET night = night_of(started, ended, zone) WHERE node_id = id;
        PERFORM queue_nights(id);
    END IF;
END $$;

-- As before, but for whose turn it is, and nights that no clock may tell yet come last.
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
        WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM dirty_night ORDER BY night > current_date + 1, night DESC LIMIT most
        )) RETURNING *
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
