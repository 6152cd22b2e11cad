"""The smallest platform: records of nodes in files, without a database."""
