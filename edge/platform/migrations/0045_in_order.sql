-- Alerts whose level is above all since their cause was calm. An epoch begins calm: a node's new card knows of no level that the
-- one before had reached, and never ends it. In an epoch `seq` rises, which a clock does not: one that ran ahead, or wakes on the same date
-- after each power cut, would hide what rises next.
CREATE OR REPLACE VIEW risen_alert WITH (security_invoker = true) AS
WITH ranked AS (
    SELECT a.*, n.site, n.node, n.area_code, array_position(ARRAY['calm', 'look', 'act'], level) AS rank,
           count(*) FILTER (WHERE level = 'calm') OVER cause AS calms
    FROM alert a JOIN node n USING (node_id)
    WINDOW cause AS (PARTITION BY a.node_id, ledger_id, camera, label ORDER BY seq)
), ordered AS (
    SELECT *, coalesce(max(rank) OVER (
        PARTITION BY node_id, ledger_id, camera, label, calms ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 1) AS highest FROM ranked
)
SELECT ledger_id, seq, node_id, at, camera, label, eppo, level, value, unit, start_at, sure_at, reason, look_at, source, site, node,
       area_code, (ARRAY['calm', 'look', 'act'])[highest] AS before, came FROM ordered
WHERE rank > highest;
