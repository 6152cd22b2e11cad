-- Parts go with their photograph, also one that another worker adds while it makes room: that had ended the worker.
ALTER TABLE question_part DROP CONSTRAINT question_part_node_id_id_fkey,
    ADD FOREIGN KEY (node_id, id) REFERENCES question ON DELETE CASCADE;
