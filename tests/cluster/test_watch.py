"""Watching: changes wake, and whatever breaks the stream only delays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from prometheus_client import REGISTRY

from bot.cluster import jobs
from bot.cluster.watch import Watcher
from bot.errors import Temporary
from tests.cluster.conftest import Rig, wait_until
from tests.cluster.test_jobs_http import manifest


class Seen:
    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def __call__(self, kind: str, op: str) -> None:
        with self._lock:
            self.changes.append((kind, op))

    async def has(self, kind: str, op: str, seconds: float = 15.0) -> None:
        async def look() -> list[tuple[str, str]]:
            return list(self.changes)

        await wait_until(look, lambda changes: (kind, op) in changes, seconds)


@pytest.fixture
async def seen(rig: Rig) -> AsyncIterator[Seen]:
    """A running watcher's memory; the watcher must end cleanly."""
    memory = Seen()
    watcher = Watcher(rig.access, memory, watch_seconds=30)
    watcher.start()
    yield memory
    assert await asyncio.to_thread(watcher.stop)  # the simulated server answers in this loop
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch-") and thread.is_alive()]


async def test_a_job_and_its_pod_wake_their_operation(rig: Rig, seen: Seen) -> None:
    await jobs.apply(rig.access, manifest("w1", op="op-w1"))
    await seen.has("jobs", "op-w1")
    await seen.has("pods", "op-w1")
    await jobs.delete(rig.access, "default", "w1")


async def test_objects_of_others_do_not_wake(rig: Rig, seen: Seen) -> None:
    theirs = manifest("theirs", op="op-x")
    del theirs["metadata"]["labels"]["quartermaster-op"]
    del theirs["spec"]["template"]["metadata"]["labels"]["quartermaster-op"]
    await jobs.apply(rig.access, theirs)
    await jobs.apply(rig.access, manifest("ours", op="op-o"))
    await seen.has("pods", "op-o")
    assert {op for kind, op in seen.changes if kind in ("jobs", "pods")} == {"op-o"}
    for name in ("theirs", "ours"):
        await jobs.delete(rig.access, "default", name)


async def test_what_was_there_before_wakes_once_at_the_start(rig: Rig) -> None:
    await jobs.apply(rig.access, manifest("before", op="op-b", args=("sleep", "3000")))
    memory = Seen()
    watcher = Watcher(rig.access, memory)
    watcher.start()
    await memory.has("jobs", "op-b")
    assert await asyncio.to_thread(watcher.stop)
    await jobs.delete(rig.access, "default", "before")


async def test_nodes_wake_without_an_operation_when_their_gpus_change(rig: Rig, seen: Seen) -> None:
    rig.simulated()
    rig.pool()
    await seen.has("nodes", "")


@pytest.mark.parametrize("effect", ["watch_drop", "watch_410"])
async def test_a_broken_or_expired_watch_loses_nothing(rig: Rig, effect: str) -> None:
    rig.fault("GET .*jobs.*watch=", effect, times=2, events=0)
    memory = Seen()
    watcher = Watcher(rig.access, memory)
    watcher.start()
    await wait_until(lambda: _count(rig, "jobs?"), lambda count: count >= 3)
    await jobs.apply(rig.access, manifest("after", op="op-a"))
    await memory.has("jobs", "op-a")
    assert await asyncio.to_thread(watcher.stop)
    assert len([row for row in rig.requests("/apis/batch/v1/jobs?") if "watch=" not in row["path"]]) >= 2


async def test_an_absent_server_is_asked_less_and_less_often(rig: Rig) -> None:
    clusters, _ = rig.simulated()
    memory = Seen()
    watcher = Watcher(rig.access, memory)
    watcher.start()
    await wait_until(lambda: _synced(watcher), bool)
    before = len(rig.requests("/jobs?"))
    clusters.stop("group--demo")
    await wait_until(lambda: _troubles(watcher), lambda troubles: len(troubles) == 4)
    assert len(rig.requests("/jobs?")) - before < 6
    with pytest.raises(Temporary):
        await rig.access.get("/version")
    clusters.start("group--demo")
    await wait_until(lambda: _troubles(watcher), lambda troubles: not troubles)
    await jobs.apply(rig.access, manifest("back", op="op-back"))
    await memory.has("jobs", "op-back")
    assert await asyncio.to_thread(watcher.stop)


async def test_a_missing_right_is_told_and_not_hammered(rig: Rig) -> None:
    watcher = Watcher(rig.access_as("nobody"), Seen())
    watcher.start()
    troubles = await wait_until(lambda: _troubles(watcher), lambda troubles: len(troubles) == 4)
    assert "may not list nodes" in troubles["nodes"]
    assert len(rig.requests("/nodes?")) <= 2
    assert await asyncio.to_thread(watcher.stop)


async def test_an_odd_object_delays_and_does_not_end_the_watch(rig: Rig) -> None:
    failed = REGISTRY.get_sample_value("quartermaster_rounds_failed_total", {"name": "feed"}) or 0.0
    rig.fault("GET .*/jobs\\?", "status", status=200, body={"items": [5]})
    await jobs.apply(rig.access, manifest("odd", op="op-odd"))
    memory = Seen()
    watcher = Watcher(rig.access, memory)
    watcher.start()
    await memory.has("jobs", "op-odd")
    assert REGISTRY.get_sample_value("quartermaster_rounds_failed_total", {"name": "feed"}) == failed + 1
    await wait_until(lambda: _troubles(watcher), lambda troubles: not troubles)
    assert await asyncio.to_thread(watcher.stop)


async def _count(rig: Rig, part: str) -> int:
    return len(rig.requests(part))


async def _synced(watcher: Watcher) -> bool:
    return watcher.synced


async def _troubles(watcher: Watcher) -> dict[str, str]:
    return watcher.troubles
