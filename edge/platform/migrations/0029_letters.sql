-- In which language somebody gets e-mails.
ALTER TABLE recipient ADD language text NOT NULL DEFAULT 'en';
