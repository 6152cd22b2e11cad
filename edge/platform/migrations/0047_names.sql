-- What a node tells of its alerts in `health` has the name of who takes care of each: for the desk's people, not for whoever is
-- given a map. A column that `node` gets later is a reader's once it is named so, too.
REVOKE SELECT ON node FROM fieldeye_reader;
GRANT SELECT (node_id, site, node, epoch, area_code, latitude_deg, longitude_deg, time_zone, crop, since, info, status, heard,
    heard_epoch, former_epoch, card_since, card_back) ON node TO fieldeye_reader;
GRANT SELECT ON node TO fieldeye_desk;
