-- What was done about an alert, as a node's page says it, is more than that somebody has it in hand.
ALTER TABLE acknowledgement ADD COLUMN carried_out boolean NOT NULL DEFAULT false;
ALTER TABLE care ADD COLUMN carried_out boolean NOT NULL DEFAULT false;
GRANT UPDATE (carried_out) ON acknowledgement TO fieldeye_desk;
GRANT INSERT (carried_out) ON care TO fieldeye_desk;

-- Farmers' words and photographs, and who did what, are for the desk's people: not for whoever is given a map.
REVOKE SELECT ON question, acknowledgement, care FROM fieldeye_reader;
GRANT SELECT ON question, acknowledgement, care TO fieldeye_desk;
