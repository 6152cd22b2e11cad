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
