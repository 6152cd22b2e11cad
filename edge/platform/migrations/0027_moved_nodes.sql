-- A node that moves changes no night of its own: its areas, former and new, are summed in one turn, or the sums above them would
-- lack it meanwhile.
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
            SELECT night FROM interval_effort WHERE node_id = id UNION SELECT night FROM night_effort WHERE node_id = id
        ) AS told;
    END IF;
    IF old.time_zone <> zone THEN
        PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;
        PERFORM queue_nights(id);
        UPDATE interval_effort SET night = night_of(started, ended, zone) WHERE node_id = id;
        PERFORM queue_nights(id);
    END IF;
END $$;
