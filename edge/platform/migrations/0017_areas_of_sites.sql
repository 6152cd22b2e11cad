-- Where a site's nodes may count, as its operator says; a site without rows may anywhere. Who sends for such a site takes
-- over no node of another one that stands elsewhere, whatever card it names: it is a node of its own, with its own ledger.
-- One that stands nowhere yet (zeros) it may have. And what came before texts had a length.

SELECT pg_advisory_xact_lock(7043002);                    -- a roll-up takes these tables the other way round

CREATE TABLE IF NOT EXISTS site_area (
    site text NOT NULL,
    prefix text NOT NULL CHECK (prefix ~ '^[0-9]+$' AND length(prefix) IN (2, 4, 6, 9, 12)),
    PRIMARY KEY (site, prefix)
);

CREATE OR REPLACE FUNCTION may_count_in(of_site text, code text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT code = '000000000000' OR coalesce(bool_or(code ^@ prefix), true) FROM site_area WHERE site = of_site
$$;

-- The node that told of a card before: its records came, or its `info`. By the card first: nodes of one name are many.
DROP FUNCTION IF EXISTS holder_of(text, uuid);
CREATE OR REPLACE FUNCTION holder_of(of_site text, of_node text, card uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT node_id FROM ledger l JOIN node USING (node_id) WHERE (node_name, l.epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code))
                     ORDER BY site = of_site DESC, ledger_id LIMIT 1),
                    (SELECT node_id FROM node WHERE (node, epoch) = (of_node, card)
                     AND (site = of_site OR may_count_in(of_site, area_code)) ORDER BY heard DESC LIMIT 1))
$$;
REVOKE EXECUTE ON FUNCTION may_count_in, holder_of FROM PUBLIC;
DROP INDEX IF EXISTS ledger_key;                          -- of one card there may be a second ledger
CREATE INDEX IF NOT EXISTS ledger_card ON ledger (node_name, epoch);

-- An index of nights takes no long name of a camera: one ended each roll-up. A year of 2,000 nodes is looked through in 6 s;
-- what is found goes row by row, since a plan for many would read all records, too.
DO $$
DECLARE
    long interval_effort%ROWTYPE;
BEGIN
    FOR long IN DELETE FROM interval_effort WHERE length(camera) > 200 RETURNING * LOOP
        DELETE FROM interval_count WHERE (ledger_id, seq) = (long.ledger_id, long.seq);
        WITH gone AS (
            DELETE FROM record WHERE (ledger_id, seq) = (long.ledger_id, long.seq)
            RETURNING convert_to(body::text, 'UTF8') AS payload
        )
        INSERT INTO quarantine (topic, reason, payload, digest)
            SELECT 'fieldeye/v1/' || site || '/' || node || '/records', 'cameras: must be text of at most 200 letters',
                   payload, sha256(payload)
            FROM gone, node WHERE node_id = long.node_id ON CONFLICT DO NOTHING;
        INSERT INTO dirty_night VALUES (long.node_id, long.night);
    END LOOP;
END $$;

-- What would close the desk's pages; a node tells which alerts stand with its next `health`.
UPDATE node SET health = health - 'alerts' WHERE EXISTS (
    SELECT FROM jsonb_array_elements(health->'alerts') AS one
    WHERE greatest(length(one->>'label'), length(one->>'unit'), length(one->>'who')) > 80
       OR least((one->>'value')::numeric, (one->>'start_at')::numeric) < 0
       OR greatest((one->>'value')::numeric, (one->>'start_at')::numeric) > 9007199254740991
       OR concat(one->>'since', ' ', one->>'done') ~ '(^| )(0001|9999)|T[^ ]*[+-](14:0[1-9]|14:[1-5]|1[5-9]|2)'
);
UPDATE question SET utc = NULL WHERE utc NOT BETWEEN '0002-01-01' AND '9998-12-31';
DELETE FROM acknowledgement
    WHERE since NOT BETWEEN '0002-01-01' AND '9998-12-31' OR at NOT BETWEEN '0002-01-01' AND '9998-12-31';
