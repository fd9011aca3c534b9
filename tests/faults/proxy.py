"""A proxy in front of Redis that knows where commands begin and end, and calls out before or after the one that is asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path


class Cut(Exception):
    """Nothing passes any more."""


class Proxy:
    """Listens on `path`, speaks to `upstream`; `interesting` says which commands are counted.

    At the `at`-th of those (1 is the first) `kill` is called: before Redis sees it, or (`after`) once Redis has answered and
    before the client knows. From then on nothing passes.
    """

    def __init__(self, path: Path, upstream: str, interesting: Callable[[bytes], bool], *, at: int, after: bool, kill: Callable[[], None]) -> None:
        self.path, self.upstream, self.interesting = path, upstream, interesting
        self.at, self.after, self.kill = at, after, kill
        self.seen: list[bytes] = []
        self.struck = asyncio.Event()
        self.strikes = 0
        self._server: asyncio.AbstractServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_unix_server(self._take, str(self.path))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(self.upstream)
        since, answered, struck_here = self.strikes, asyncio.Event(), asyncio.Event()
        back = asyncio.create_task(self._back(up_reader, writer, answered, struck_here))
        try:
            while True:
                command = await _command(reader)
                if self._over(since):
                    raise Cut
                strikes = self._counted(command)
                if strikes and not self.after:
                    self._strike()
                    raise Cut
                if strikes:
                    struck_here.set()
                up_writer.write(command)
                if strikes:
                    await answered.wait()
                    self._strike()
                    raise Cut
        except (Cut, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            back.cancel()
            for one in (writer, up_writer):
                with contextlib.suppress(OSError):
                    one.close()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: asyncio.Event, struck_here: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if struck_here.is_set():
                    answered.set()
                    return
                writer.write(data)
            writer.close()

    def _counted(self, command: bytes) -> bool:
        if not self.interesting(command):
            return False
        self.seen.append(command)
        return len(self.seen) == self.at

    def _over(self, since: int) -> bool:
        """Whether nothing passes any more on a connection that was opened after `since` strikes."""
        return self.struck.is_set()

    def _strike(self) -> None:
        self.strikes += 1
        self.struck.set()
        self.kill()


class EachOnce(Proxy):
    """Strikes at every command to which `label` gives a name that it has not given before ('' never); whoever connects afterwards is served.

    So what `kill` starts again does the same once more, and gets as far as the next name: all edges of a run, one after the other.
    """

    def __init__(self, path: Path, upstream: str, label: Callable[[bytes], str], *, after: bool, kill: Callable[[], None]) -> None:
        super().__init__(path, upstream, lambda command: bool(label(command)), at=0, after=after, kill=kill)
        self.label = label
        self.names: dict[str, None] = {}
        self.armed = False

    def _counted(self, command: bytes) -> bool:
        name = self.label(command) if self.armed else ""
        if not name or name in self.names:
            return False
        self.names[name] = None
        return True

    def _over(self, since: int) -> bool:
        return self.strikes != since


async def _command(reader: asyncio.StreamReader) -> bytes:
    """One whole command in the protocol's array form. Raises IncompleteReadError at the end."""
    head = await reader.readuntil(b"\r\n")
    parts = [head]
    for _ in range(int(head[1:])):
        size = await reader.readuntil(b"\r\n")
        parts += [size, await reader.readexactly(int(size[1:]) + 2)]
    return b"".join(parts)
