-- Whoever owns the database need not be a superuser: who may make roles takes those on that it makes. PostgreSQL 16 and later
-- give them to it only to hand on.

CREATE OR REPLACE FUNCTION add_reader(new_role name, new_prefix text) RETURNS void LANGUAGE plpgsql AS $$
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
