"""Ports of the loopback for what is started a moment later."""

from __future__ import annotations

import contextlib
import socket
from random import SystemRandom
from typing import Final

BELOW_EPHEMERAL: Final = range(15_000, 32_000)
"""Linux gives outgoing connections, and who asks for port 0, one from 32768 on: such a port may be another's before it is bound."""


def free_port() -> int:
    """A port that nobody uses at the moment, nor is likely to before it is bound: many are started side by side."""
    while True:
        port = SystemRandom().choice(BELOW_EPHEMERAL)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
