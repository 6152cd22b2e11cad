-- How often somebody logged out, which ends all log-ins of that name from before.
ALTER TABLE person ADD log_outs integer NOT NULL DEFAULT 0;
