"""Free ports on loopback."""

import random
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
RANGE: Final = range(20000, 32000)
"""Below the ports of outgoing connections: one of those could take the port of a server that restarts."""

_taken: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on, and that this process gives out once."""
    for port in random.sample(RANGE, len(RANGE)):
        if port in _taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        _taken.add(port)
        return port
    raise OSError(f"no free port from {RANGE.start} to {RANGE.stop}")
