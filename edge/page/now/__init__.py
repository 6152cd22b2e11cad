"""The farmer's first page: what was seen, fourteen days of it, and what to do."""
