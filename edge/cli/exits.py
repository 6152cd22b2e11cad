"""Exit codes of every command."""

DONE = 0
NOT_WELL = 1  # the thing that was looked at is not well
WRONG_USE = 2  # wrong arguments or configuration
STOPPED = 130  # Ctrl-C before it was done; what runs until it is told to stop is DONE then
