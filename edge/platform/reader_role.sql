-- Whose rights the role of each area has. Run at each start, before the migrations: roles belong to the server, and a
-- backup of the database alone, restored on another one, has none of them.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fieldeye_reader') THEN
        CREATE ROLE fieldeye_reader NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this server is being made
END $$;
