-- `heard` is when a node spoke itself: what a broker keeps of it comes again at each subscription, and may be of long ago.
-- Null: not so far.

ALTER TABLE node ALTER heard DROP NOT NULL;

CREATE OR REPLACE FUNCTION holder_of(of_site text, of_node text, card uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT node_id FROM ledger l JOIN node USING (node_id) WHERE (node_name, l.epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code))
                     ORDER BY site = of_site DESC, ledger_id LIMIT 1),
                    (SELECT node_id FROM node WHERE (node, epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code)) ORDER BY heard DESC NULLS LAST LIMIT 1))
$$;

-- As before, but for `heard`, which is whoever calls it to say.
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
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
    IF old.time_zone <> zone THEN
        PERFORM FROM ledger WHERE node_id = id ORDER BY ledger_id FOR UPDATE;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
        UPDATE interval_effort SET night = night_of(started, ended, zone) WHERE node_id = id;
        INSERT INTO dirty_night SELECT DISTINCT id, night FROM interval_effort WHERE node_id = id;
    END IF;
END $$;
