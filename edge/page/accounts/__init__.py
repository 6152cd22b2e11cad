"""Who may come in: log-in, claim, passwords, and who changed what."""
