"""Ports of the loopback for what is started a moment later."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
from typing import Final

FIRST: Final = 15_000
SPAN: Final = 16_000
"""Below 32768: from there on Linux gives a port to every outgoing connection, and to who asks for port 0."""
BLOCK: Final = 16
_picks: Final = itertools.count()


def free_port() -> int:
    """A port that nobody uses at the moment, and that nobody else picks before it is bound: each process has a block of its own by its pid."""
    for pick in _picks:
        port = FIRST + (os.getpid() * BLOCK + pick) % SPAN
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError  # the picks do not end
