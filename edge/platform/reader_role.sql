-- Whose rights the role of each area has: to read, and for the desk's people to answer. Run at each start, before the
-- migrations: roles belong to the server, and a backup of the database alone, restored on another one, has none of them.
DO $$
DECLARE
    one name;
BEGIN
    FOREACH one IN ARRAY ARRAY['fieldeye_reader', 'fieldeye_desk'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = one) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', one);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this server is being made
        END;
    END LOOP;
END $$;
