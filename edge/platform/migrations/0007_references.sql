-- What a batch writes points at nodes and taxa whose numbers the same connection was just given, and `ledger` and the sums
-- keep those from being deleted: asking again for each row took two fifths of the server's time.
ALTER TABLE interval_effort DROP CONSTRAINT interval_effort_node_id_fkey;
ALTER TABLE interval_count DROP CONSTRAINT interval_count_taxon_id_fkey;
ALTER TABLE alert DROP CONSTRAINT alert_node_id_fkey;
