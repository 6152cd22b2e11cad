-- Who takes care of an alert may be taken over, or given back: that is told to the node as the first word was, and who did
-- what when is kept.
ALTER TABLE acknowledgement
    ADD given_back boolean NOT NULL DEFAULT false,        -- by `who`, at `at`: nobody takes care of it
    ADD former text[] NOT NULL DEFAULT '{}';              -- who did before: what the node still tells of them is no news
CREATE POLICY subtree_changes ON acknowledgement FOR UPDATE USING (node_id IN (SELECT node_id FROM node));
GRANT UPDATE (who, at, sent, command, outcome, given_back, former) ON acknowledgement TO fieldeye_desk;

-- An empty `who`: it was open again at the node, taken back on its page or since it asks again.
CREATE TABLE care (
    care_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    node_id integer NOT NULL REFERENCES node ON DELETE CASCADE,
    label text NOT NULL,
    unit text NOT NULL,
    level text NOT NULL,
    since timestamptz NOT NULL,
    who text NOT NULL,
    at timestamptz NOT NULL,
    given_back boolean NOT NULL
);
CREATE INDEX care_of ON care (node_id, label, unit, level, since);
ALTER TABLE care ENABLE ROW LEVEL SECURITY;
CREATE POLICY subtree ON care FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree_says ON care FOR INSERT WITH CHECK (node_id IN (SELECT node_id FROM node));
GRANT SELECT ON care TO fieldeye_reader;
GRANT INSERT (node_id, label, unit, level, since, who, at, given_back) ON care TO fieldeye_desk;

INSERT INTO care (node_id, label, unit, level, since, who, at, given_back)
    SELECT node_id, label, unit, level, since, who, at, false FROM acknowledgement ORDER BY at;

CREATE FUNCTION note_care() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO care (node_id, label, unit, level, since, who, at, given_back)
            VALUES (OLD.node_id, OLD.label, OLD.unit, OLD.level, OLD.since, '', now(), true);
        RETURN OLD;
    END IF;
    INSERT INTO care (node_id, label, unit, level, since, who, at, given_back)
        VALUES (NEW.node_id, NEW.label, NEW.unit, NEW.level, NEW.since, NEW.who, NEW.at, NEW.given_back);
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION note_care FROM PUBLIC;
CREATE TRIGGER said AFTER INSERT ON acknowledgement FOR EACH ROW EXECUTE FUNCTION note_care();
CREATE TRIGGER changed AFTER UPDATE ON acknowledgement FOR EACH ROW
    WHEN ((OLD.who, OLD.given_back) IS DISTINCT FROM (NEW.who, NEW.given_back)) EXECUTE FUNCTION note_care();
CREATE TRIGGER taken_back AFTER DELETE ON acknowledgement FOR EACH ROW
    WHEN (NOT OLD.given_back) EXECUTE FUNCTION note_care();
