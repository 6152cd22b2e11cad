"""A technician's visit: the checklist, each of its steps, and what is kept of them."""
