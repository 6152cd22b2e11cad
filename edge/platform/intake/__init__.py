"""From brokers and files into the database, and what is asked of nodes for it."""
