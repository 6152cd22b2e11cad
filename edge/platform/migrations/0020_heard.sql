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
