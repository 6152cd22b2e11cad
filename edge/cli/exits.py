"""Exit codes of every command."""

DONE = 0
NOT_WELL = 1  # the thing that was looked at is not well
WRONG_USE = 2  # wrong arguments or configuration
