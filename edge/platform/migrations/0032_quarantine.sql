-- Whose messages they are, to keep the newest of each node: fieldeye/v1/SITE/NODE, or nothing.
CREATE INDEX quarantine_sender ON quarantine (coalesce(substring(topic FROM '^(?:[^/]*/){3}[^/]*'), ''), quarantine_id);
