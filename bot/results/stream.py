"""Cuts a stream of bytes into blocks of whole lines; memory does not grow with the stream, nor with its longest line."""

from __future__ import annotations

from typing import Final

BLOCK: Final = 1 << 18
LINE_LIMIT: Final = 4_096
"""Bytes of one line that are read; the rest of a longer line is passed over."""


class Blocks:
    """Collects pieces cut anywhere and gives back blocks that end with a line end."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._dropping = False

    def feed(self, piece: bytes) -> bytes:
        """The next block, or nothing while too little has come."""
        self._held.append(piece)
        self._size += len(piece)
        return self._cut(last=False) if self._size >= BLOCK else b""

    def close(self) -> bytes:
        """What is left."""
        return self._cut(last=True)

    def _cut(self, *, last: bool) -> bytes:
        data = b"".join(self._held)
        self._held, self._size = [], 0
        if self._dropping:
            cut = _first_end(data)
            if cut < 0:
                return b""
            # The kept head of the long line was handed over as a line of its own.
            data, self._dropping = data[cut + 1 :], False
        cut = len(data) if last else max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        block, rest = data[:cut], data[cut:]
        if len(rest) > LINE_LIMIT:
            block, rest, self._dropping = block + rest[:LINE_LIMIT] + b"\n", b"", True
        if rest:
            self._held, self._size = [rest], len(rest)
        return block


def _first_end(data: bytes) -> int:
    found = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
    return min(found, default=-1)


def shortened(block: bytes) -> bytes:
    """The block with every line cut at :data:`LINE_LIMIT`."""
    lines = block.split(b"\n")
    if max(map(len, lines)) <= LINE_LIMIT:
        return block
    return b"\n".join(line[:LINE_LIMIT] for line in lines)
