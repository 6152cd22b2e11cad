-- Was its card heard since as another node: under another name, or at another site, whose areas may not have this one? Also as
-- one that the reader does not see. Who sends for another site may name any card: there it counts once this node was silent for
-- a day, as one that sleeps is not. Not where both told one number: copies of a card did, or a node that sent a record again
-- under its new name. It runs in the owner's rights, so its names are bound here: a reader's own temporary `node` would stand
-- before ours in any search_path.
CREATE OR REPLACE FUNCTION is_renamed(id integer) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM node old JOIN node named ON named.epoch = old.epoch AND named.heard > old.heard
            AND (named.site = old.site OR old.heard < now() - interval '1 day')
        WHERE old.node_id = id AND NOT EXISTS (
            SELECT FROM ledger a JOIN ledger b USING (epoch)
            WHERE (a.node_id, b.node_id, a.epoch) = (old.node_id, named.node_id, old.epoch) AND a.seen && b.seen));
END;
