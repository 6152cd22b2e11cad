"""A photograph from a phone: looked at, answered, and sent to the station."""
