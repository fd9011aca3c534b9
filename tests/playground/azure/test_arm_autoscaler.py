"""The cluster autoscaler that AKS runs: it follows what the pods need, within bounds, quota and capacity."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("quick")
Waiting = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
AUTO = {"enableAutoScaling": True, "minCount": 1, "maxCount": 3}


def grown(arm: Any, count: int, name: str = "gpu") -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        properties = (await arm.call("GET", arm.pool(name)))[1]["properties"]
        backend = arm.backend.pools["rg--demo"][name].count
        return (properties["count"], backend, properties["provisioningState"]) == (count, count, "Succeeded")

    return look


async def test_a_pool_grows_to_its_maximum_and_shrinks_to_its_minimum(arm: Any, wait_until: Waiting) -> None:
    _, body, headers = await arm.put_pool("gpu", **AUTO)
    await arm.until_done(headers)
    arm.backend.wanted["gpu"] = 2
    await wait_until(grown(arm, 2))
    assert (await arm.call("GET", arm.pool("gpu")))[1]["properties"]["eTag"] != body["properties"]["eTag"]
    arm.backend.wanted["gpu"] = 9
    await wait_until(grown(arm, 3))
    etag = (await arm.call("GET", arm.pool("gpu")))[1]["properties"]["eTag"]
    looked = len(arm.backend.asked)
    await wait_until(lambda: asked(arm, looked + 2))
    assert (await arm.call("GET", arm.pool("gpu")))[1]["properties"]["eTag"] == etag
    arm.backend.wanted["gpu"] = 0
    await wait_until(grown(arm, 1))


async def test_what_is_idle_goes_after_ten_minutes_only(arm: Any, wait_until: Waiting) -> None:
    await arm.until_done((await arm.put_pool("gpu", **AUTO | {"count": 3}))[2])
    arm.clock.speed = 20.0  # ten minutes are thirty seconds
    arm.backend.wanted["gpu"] = 1
    looked = len(arm.backend.asked)
    await wait_until(lambda: asked(arm, looked + 3))
    assert await grown(arm, 3)()
    arm.clock.advance(600)
    await wait_until(grown(arm, 1))


async def asked(arm: Any, times: int) -> bool:
    return len(arm.backend.asked) >= times


async def test_it_grows_neither_beyond_the_quota_nor_without_capacity(arm: Any, wait_until: Waiting) -> None:
    await arm.until_done((await arm.put_pool("gpu", **AUTO | {"maxCount": 40}))[2])
    arm.backend.wanted["gpu"] = 17
    looked = len(arm.backend.asked)
    await wait_until(lambda: asked(arm, looked + 2))
    assert await grown(arm, 1)()
    arm.faults.add({"service": "azure", "effect": "no_capacity", "match": "AUTOSCALE .*agentPools/gpu", "size": "Standard_NC4as_T4_v3"})
    arm.backend.wanted["gpu"] = 16
    await wait_until(grown(arm, 16))
    assert arm.faults.as_json() == []


async def test_pools_without_it_and_stopped_ones_stay_as_they_are(arm: Any, wait_until: Waiting) -> None:
    await arm.until_done((await arm.put_pool("gpu", **AUTO))[2])
    await arm.until_done((await arm.put_pool("gpu", **AUTO | {"powerState": {"code": "Stopped"}}))[2])
    await arm.until_done((await arm.put_pool("plain"))[2])
    await arm.until_done((await arm.put_pool("other", **AUTO))[2])
    arm.backend.wanted |= {"gpu": 2, "plain": 2}
    looked = len(arm.backend.asked)
    await wait_until(lambda: asked(arm, looked + 2))
    arm.backend.wanted["other"] = 2
    await wait_until(grown(arm, 2, "other"))
    assert await grown(arm, 1, "plain")()
    stopped = (await arm.call("GET", arm.pool("gpu")))[1]["properties"]
    assert (stopped["count"], arm.backend.pools["rg--demo"]["gpu"].count) == (1, 0)
