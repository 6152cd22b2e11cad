-- Nobody knows the night of an interval whose clock was never set: null, and no sum holds it. `came` says when it did; of what was
-- there before, which is taken out of the sums, that it was now.

-- Locked as 0030 says.
SELECT FROM turn WHERE of_what = 'sums' FOR UPDATE;
ALTER TABLE interval_effort ALTER night DROP NOT NULL, ADD came timestamptz NOT NULL DEFAULT now();
CREATE INDEX interval_effort_undated ON interval_effort (came) WHERE night IS NULL;

WITH guessed AS (
    SELECT ledger_id, seq, i.node_id, night FROM interval_effort i JOIN record USING (ledger_id, seq)
    WHERE kind = 'interval' AND 'unsynced' IN (body->'start'->>'clock', body->'end'->>'clock')
), undated AS (
    UPDATE interval_effort i SET night = NULL FROM guessed WHERE (i.ledger_id, i.seq) = (guessed.ledger_id, guessed.seq)
) INSERT INTO dirty_night SELECT DISTINCT node_id, night FROM guessed;

-- As before, but for those without a night, here and in `place_node`.
CREATE OR REPLACE FUNCTION queue_nights(id integer, of_model text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO dirty_night
        SELECT node_id, night FROM interval_effort
        WHERE node_id = id AND night IS NOT NULL AND (of_model IS NULL OR model = of_model)
        EXCEPT SELECT * FROM (SELECT * FROM dirty_night WHERE node_id = id FOR SHARE SKIP LOCKED) AS waiting
$$;

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
        INSERT INTO dirty_area SELECT area, night FROM unnest(ARRAY[old.area_code, code]) AS area, (
            SELECT night FROM interval_effort WHERE node_id = id AND night IS NOT NULL
            UNION SELECT night FROM night_effort WHERE node_id = id
        ) AS told;
    END IF;
    IF old.time_zone <> zone THEN
        PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;
        PERFORM queue_nights(id);
        UPDATE interval_effort SET night = night_of(started, ended, zone) WHERE node_id = id AND night IS NOT NULL;
        PERFORM queue_nights(id);
    END IF;
END $$;
