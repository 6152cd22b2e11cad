-- That somebody takes care of what stands above its action level, said at the desk or at the node. `health` of a node says
-- what stands; a row here is on its way until `outcome` is done, and goes when the node's page has taken it back.
CREATE TABLE acknowledgement (
    node_id integer NOT NULL REFERENCES node,
    label text NOT NULL,
    unit text NOT NULL,
    level text NOT NULL,
    since timestamptz NOT NULL,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    sent timestamptz,                                     -- to the node, the last time
    command text,                                         -- with which it was sent
    outcome text,                                         -- what the node replied: done, or why not
    PRIMARY KEY (node_id, label, unit, level, since)
);
ALTER TABLE acknowledgement ENABLE ROW LEVEL SECURITY;
CREATE POLICY subtree ON acknowledgement FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree_says ON acknowledgement FOR INSERT WITH CHECK (node_id IN (SELECT node_id FROM node));
GRANT SELECT ON acknowledgement TO fieldeye_reader;
GRANT INSERT (node_id, label, unit, level, since, who) ON acknowledgement TO fieldeye_reader;
