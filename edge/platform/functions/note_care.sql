-- Keeps each step of `acknowledgement` in `care`.
CREATE OR REPLACE FUNCTION note_care() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO care (node_id, label, unit, level, since, who, at, given_back)
            VALUES (OLD.node_id, OLD.label, OLD.unit, OLD.level, OLD.since, '', now(), true);
        RETURN OLD;
    END IF;
    INSERT INTO care (node_id, label, unit, level, since, who, at, given_back, carried_out)
        VALUES (NEW.node_id, NEW.label, NEW.unit, NEW.level, NEW.since, NEW.who, NEW.at, NEW.given_back,
                NEW.carried_out);
    RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION note_care FROM PUBLIC;
CREATE OR REPLACE TRIGGER said AFTER INSERT ON acknowledgement FOR EACH ROW EXECUTE FUNCTION note_care();
CREATE OR REPLACE TRIGGER changed AFTER UPDATE ON acknowledgement FOR EACH ROW
    WHEN ((OLD.who, OLD.given_back, OLD.carried_out) IS DISTINCT FROM (NEW.who, NEW.given_back, NEW.carried_out))
    EXECUTE FUNCTION note_care();
CREATE OR REPLACE TRIGGER taken_back AFTER DELETE ON acknowledgement FOR EACH ROW
    WHEN (NOT OLD.given_back) EXECUTE FUNCTION note_care();
