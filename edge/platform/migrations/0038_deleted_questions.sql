-- Of a question that somebody deleted at the desk only that, when and by whom: by its key no repeat and no replay brings it back.
ALTER TABLE question ADD deleted timestamptz, ADD deleted_by text;
GRANT UPDATE (jpeg, utc, who, note, guess, eppo, deleted, deleted_by) ON question TO fieldeye_desk;
