"""What several rooms of tests share: a real Redis, and nothing pretended."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from playground import valkey

ROOM = Path(__file__).parent
LONGEST = (
    *(f"faults/test_{name}.py" for name in ("schedules", "every_edge_of_a_pool", "kills", "redis_wiped", "every_effect", "sick_cloud", "replicas")),
    *(f"journeys/test_{name}.py" for name in ("money", "money_and_memory")), "slack/test_outbox.py", "journeys",
)  # fmt: skip
"""What takes minutes: begun last, one of these would be waited for alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first."""

    def place(item: pytest.Item) -> int:
        return next((number for number, name in enumerate(LONGEST) if item.path.is_relative_to(ROOM / name)), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a real Valkey on a unix socket, for the whole session."""
    with tempfile.TemporaryDirectory(prefix="valkey-") as folder:

        async def start() -> tuple[int, str]:
            process, url = await valkey.start(Path(folder))
            return process.pid, url

        pid, url = asyncio.run(start())
        yield url
        subprocess.run(["kill", str(pid)], check=False)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client with an empty database."""
    client = Redis.from_url(redis_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.aclose()
