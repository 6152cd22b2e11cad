-- A batch dates its nights by the zone that it reads while it holds the rows of its ledgers. A new zone waits for
-- these rows: what a worker kept before is dated anew, what one keeps afterwards is dated by it. The node's own row is
-- not locked against what a batch refers to it by, or the two would wait for each other.
-- A new epoch is a new card, whose sessions are counted from one: the state that the former left says nothing of it.
CREATE OR REPLACE FUNCTION place_node(id integer, new_info jsonb, new_epoch uuid, code text, latitude float8,
                                      longitude float8, zone text, new_crop text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    old node%ROWTYPE;
BEGIN
    SELECT * INTO old FROM node WHERE node_id = id FOR NO KEY UPDATE;
    UPDATE node SET info = new_info, epoch = new_epoch, area_code = code, latitude_deg = latitude,
        longitude_deg = longitude, time_zone = zone, crop = new_crop, heard = now(),
        health = CASE WHEN old.epoch IS DISTINCT FROM new_epoch THEN NULL ELSE health END,
        status = CASE WHEN old.epoch <> new_epoch THEN NULL ELSE status END WHERE node_id = id;
    IF old.time_zone <> zone THEN
        PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
        UPDATE interval_effort SET night = night_of(started, zone) WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
    IF old.area_code <> code THEN
        INSERT INTO dirty_area SELECT DISTINCT old.area_code, night FROM interval_effort WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
END $$;

-- Nights that a worker dated by a zone of before.
WITH placed AS MATERIALIZED (
    SELECT node_id, time_zone FROM node WHERE time_zone IN (SELECT name FROM pg_timezone_names)
), wrong AS (
    SELECT ledger_id, seq, node_id, night AS told, night_of(started, time_zone) AS right_one
    FROM interval_effort JOIN placed USING (node_id) WHERE night <> night_of(started, time_zone)
), mended AS (
    UPDATE interval_effort e SET night = right_one FROM wrong WHERE (e.ledger_id, e.seq) = (wrong.ledger_id, wrong.seq)
    RETURNING e.node_id, told, right_one
)
INSERT INTO dirty_night SELECT node_id, told FROM mended UNION SELECT node_id, right_one FROM mended;
