-- Alerts that go out to people: who is told, and for which cause that was done. A cause is a taxon of a camera: it is told
-- when its level rises, and again only after it was calm.

CREATE TABLE recipient (
    recipient_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('webhook', 'email')),
    address text NOT NULL,
    prefix text NOT NULL CHECK (prefix ~ '^[0-9]*$' AND length(prefix) IN (0, 2, 4, 6, 9, 12)),
    quiet_from time,                                      -- in `zone`; both or none
    quiet_until time,
    zone text NOT NULL DEFAULT 'UTC',
    since timestamptz NOT NULL DEFAULT now(),             -- earlier alerts are no news
    language text NOT NULL DEFAULT 'en',                  -- of e-mails
    UNIQUE (kind, address),
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);
CREATE TABLE told (
    recipient_id integer NOT NULL REFERENCES recipient ON DELETE CASCADE,
    ledger_id integer NOT NULL,
    seq bigint NOT NULL,
    done timestamptz,                                     -- null: failed so far
    tries integer NOT NULL DEFAULT 0,
    next_try timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL DEFAULT '',
    PRIMARY KEY (recipient_id, ledger_id, seq)
);

-- Alerts whose level is above all since their cause was calm. An epoch begins calm: a node's new card knows of no level that the
-- one before had reached, and never ends it.
CREATE VIEW risen_alert WITH (security_invoker = true) AS
WITH ranked AS (
    SELECT a.*, n.site, n.node, n.area_code, array_position(ARRAY['calm', 'look', 'act'], level) AS rank,
           count(*) FILTER (WHERE level = 'calm') OVER cause AS calms
    FROM alert a JOIN node n USING (node_id)
    WINDOW cause AS (PARTITION BY a.node_id, ledger_id, camera, label ORDER BY at, seq)
), ordered AS (
    SELECT *, coalesce(max(rank) OVER (
        PARTITION BY node_id, ledger_id, camera, label, calms ORDER BY at, seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 1) AS highest FROM ranked
)
SELECT ledger_id, seq, node_id, at, camera, label, eppo, level, value, unit, start_at, sure_at, reason, look_at, source, site, node,
       area_code, (ARRAY['calm', 'look', 'act'])[highest] AS before, came FROM ordered
WHERE rank > highest;
GRANT SELECT ON risen_alert TO fieldeye_reader;
