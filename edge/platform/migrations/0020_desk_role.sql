-- What goes out to farmers, answers and who takes care of an alert, is written in the roles of the desk's people alone: one
-- that was made to read, as QGIS's, reads.

REVOKE UPDATE (answer, answer_who, answer_label, answered, told, command, outcome) ON question FROM fieldeye_reader;
REVOKE INSERT (node_id, label, unit, level, since, who) ON acknowledgement FROM fieldeye_reader;
GRANT UPDATE (answer, answer_who, answer_label, answered, told, command, outcome) ON question TO fieldeye_desk;
GRANT INSERT (node_id, label, unit, level, since, who) ON acknowledgement TO fieldeye_desk;

CREATE FUNCTION add_desk_role(new_role name, new_prefix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM add_reader(new_role, new_prefix);
    EXECUTE format('GRANT fieldeye_desk TO %I', new_role);
END $$;
REVOKE EXECUTE ON FUNCTION add_desk_role FROM PUBLIC;
