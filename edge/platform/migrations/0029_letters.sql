-- In which language somebody gets letters.
ALTER TABLE recipient ADD language text NOT NULL DEFAULT 'en';
