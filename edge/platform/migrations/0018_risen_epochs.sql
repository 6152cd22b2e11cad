-- An epoch begins calm: a node's new card knows of no level that the one before had reached, and never ends it.

CREATE OR REPLACE VIEW risen_alert WITH (security_invoker = true) AS
SELECT * FROM (
    SELECT a.*, n.site, n.node, n.area_code,
           lag(level, 1, 'calm') OVER (PARTITION BY a.node_id, ledger_id, camera, label ORDER BY at, seq) AS before
    FROM alert a JOIN node n USING (node_id)
) AS ordered
WHERE array_position(ARRAY['calm', 'look', 'act'], level) > array_position(ARRAY['calm', 'look', 'act'], before);

-- Of the alerts that have risen only by that, those that another one has followed since are no news, nor what is older than
-- a week.
INSERT INTO told (recipient_id, ledger_id, seq, done)
SELECT recipient_id, ledger_id, seq, now()
FROM recipient CROSS JOIN risen_alert JOIN (
    SELECT ledger_id, seq, lag(level, 1, 'calm') OVER cause AS level_before, lead(seq) OVER cause AS seq_after
    FROM alert WINDOW cause AS (PARTITION BY node_id, camera, label ORDER BY at, ledger_id, seq)
) AS ordered USING (ledger_id, seq)
WHERE array_position(ARRAY['calm', 'look', 'act'], level) <= array_position(ARRAY['calm', 'look', 'act'], level_before)
  AND (seq_after IS NOT NULL OR at < now() - interval '7 days')
ON CONFLICT DO NOTHING;
