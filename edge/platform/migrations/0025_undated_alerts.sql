-- When an alert came whose clock was not set: its own time says nothing of when it was. Null of all others.
ALTER TABLE alert ADD came timestamptz;

-- As before, with that.
CREATE OR REPLACE VIEW risen_alert WITH (security_invoker = true) AS
SELECT ledger_id, seq, node_id, at, camera, label, eppo, level, value, unit, start_at, sure_at, reason, look_at, source, site, node,
       area_code, before, came FROM (
    SELECT a.*, n.site, n.node, n.area_code,
           lag(level, 1, 'calm') OVER (PARTITION BY a.node_id, ledger_id, camera, label ORDER BY at, seq) AS before
    FROM alert a JOIN node n USING (node_id)
) AS ordered
WHERE array_position(ARRAY['calm', 'look', 'act'], level) > array_position(ARRAY['calm', 'look', 'act'], before);

CREATE INDEX node_epoch ON node (epoch);

-- Was its card heard under another name since, also under one that the reader does not see? Not where both names told one
-- number: copies of a card did, or a node that sent a record again under its new name. It runs in the owner's rights, so its
-- names are bound here: a reader's own temporary `node` would stand before ours in any search_path.
CREATE FUNCTION is_renamed(id integer) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM node old JOIN node named ON (named.site, named.epoch) = (old.site, old.epoch) AND named.heard > old.heard
        WHERE old.node_id = id AND NOT EXISTS (
            SELECT FROM ledger a JOIN ledger b USING (epoch)
            WHERE (a.node_id, b.node_id, a.epoch) = (old.node_id, named.node_id, old.epoch) AND a.seen && b.seen));
END;
REVOKE EXECUTE ON FUNCTION is_renamed(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_renamed(integer) TO fieldeye_reader;
