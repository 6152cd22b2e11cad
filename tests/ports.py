"""Free ports of this machine, each kept for who asked."""

import socket
from collections import deque

_KEPT = 100  # so many descriptors of a process are spent on it
_holders: deque[socket.socket] = deque()


def free_port() -> int:
    """One of 127.0.0.1 that no other process is given: a socket that never listens holds it.

    A server may listen there as if it were free, and once more after its end; until it does, callers are refused.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _holders.append(holder)
    if len(_holders) > _KEPT:
        _holders.popleft().close()
    return int(holder.getsockname()[1])
