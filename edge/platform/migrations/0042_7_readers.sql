-- Who may read what: a role sees its own subtree of the area code (0, 2, 4, 6, 9 or 12 digits) and nothing beside it. What goes out
-- to farmers, answers and who takes care of an alert, is written in the roles of the desk's people alone: one that was made to
-- read, as QGIS's, reads.

-- Whoever owns the database need not be a superuser: who may make roles takes those on that it makes. PostgreSQL 16 and
-- later give them to it only to hand on.
CREATE FUNCTION add_reader(new_role name, new_prefix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = new_role) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', new_role);
    END IF;
    EXECUTE format('GRANT fieldeye_reader TO %I', new_role);
    IF NOT pg_has_role(new_role, 'SET') THEN
        EXECUTE format('GRANT %I TO %I', new_role, current_user);
    END IF;
    INSERT INTO reader VALUES (new_role, new_prefix) ON CONFLICT (role) DO UPDATE SET prefix = excluded.prefix;
END $$;

CREATE FUNCTION add_desk_role(new_role name, new_prefix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_reader(new_role, new_prefix);
    EXECUTE format('GRANT fieldeye_desk TO %I', new_role);
END $$;
REVOKE EXECUTE ON FUNCTION add_reader, add_desk_role FROM PUBLIC;

ALTER TABLE reader ENABLE ROW LEVEL SECURITY;
ALTER TABLE node ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger ENABLE ROW LEVEL SECURITY;
ALTER TABLE record ENABLE ROW LEVEL SECURITY;
ALTER TABLE interval_effort ENABLE ROW LEVEL SECURITY;
ALTER TABLE interval_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE night_effort ENABLE ROW LEVEL SECURITY;
ALTER TABLE night_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE week_presence ENABLE ROW LEVEL SECURITY;
ALTER TABLE week_effort ENABLE ROW LEVEL SECURITY;
ALTER TABLE week_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_labels ENABLE ROW LEVEL SECURITY;
ALTER TABLE area_effort ENABLE ROW LEVEL SECURITY;
ALTER TABLE area_count ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON reader FOR SELECT USING (role = current_user);
CREATE POLICY subtree ON node FOR SELECT USING (area_code ^@ (SELECT my_area()));
CREATE POLICY subtree ON area_effort FOR SELECT USING (prefix ^@ (SELECT my_area()));
CREATE POLICY subtree ON area_count FOR SELECT USING (prefix ^@ (SELECT my_area()));
CREATE POLICY subtree ON ledger FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON interval_effort FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON alert FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON night_effort FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON night_count FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON week_presence FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON week_effort FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON week_count FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON model_labels FOR SELECT USING (node_id IN (SELECT node_id FROM node));
CREATE POLICY subtree ON record FOR SELECT USING (ledger_id IN (SELECT ledger_id FROM ledger));
CREATE POLICY subtree ON interval_count FOR SELECT USING (ledger_id IN (SELECT ledger_id FROM ledger));

GRANT SELECT ON reader, node, ledger, record, interval_effort, interval_count, alert, night_effort, night_count,
    week_presence, week_effort, week_count, area_effort, area_count, taxon, threshold, model_labels, vocabulary,
    area_name
    TO fieldeye_reader;
