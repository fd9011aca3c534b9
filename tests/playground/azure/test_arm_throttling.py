"""AKS's buckets: burst, refill, scope; and Resource Manager's own."""

from __future__ import annotations

import asyncio
from typing import Any


async def test_twenty_puts_per_pool_then_one_a_minute(arm: Any, demo: str) -> None:
    answers = [(await arm.call("PUT", arm.pool("gpu"), {"properties": {"vmSize": "no"}}))[0] for _ in range(20)]
    assert set(answers) == {400}
    status, body, headers = await arm.put_pool("gpu")
    assert (status, body["code"]) == (429, "Throttled")
    assert 50 < int(headers["Retry-After"]) <= 60
    assert (await arm.put_pool("other"))[0] == 201
    arm.clock.advance(60)
    assert (await arm.put_pool("gpu"))[0] == 201
    assert (await arm.put_pool("gpu"))[0] == 429


async def test_twenty_puts_per_cluster(arm: Any, demo: str, cluster_body: Any) -> None:
    answers = [(await arm.call("PUT", arm.cluster(), {"location": "nowhere"}))[0] for _ in range(20)]
    assert answers[:18].count(400) == 18
    assert (await arm.call("PUT", arm.cluster(), cluster_body))[0] == 429


async def test_reads_have_buckets_by_kind_and_scope(arm: Any, demo: str) -> None:
    async def burst(path: str, times: int) -> list[int]:
        return [status for status, _, _ in await asyncio.gather(*(arm.call("GET", path) for _ in range(times)))]

    assert (await burst(arm.cluster(), 70)).count(429) >= 5
    assert (await arm.call("GET", arm.pool("system")))[0] == 200
    assert (await burst(arm.cluster().rpartition("/")[0], 70)).count(429) >= 5
    assert (await burst(f"{arm.root}/providers/Microsoft.ContainerService/managedClusters", 70)).count(429) == 0


async def test_operation_status_has_two_hundred_and_two_a_second(arm: Any, demo: str) -> None:
    _, _, headers = await arm.put_pool("gpu")
    url = headers["Azure-AsyncOperation"]
    answers = [status for status, _, _ in await asyncio.gather(*(arm.call("GET", url) for _ in range(230)))]
    assert answers.count(200) >= 180
    assert answers.count(429) >= 20


async def test_resource_manager_counts_writes_itself(arm: Any) -> None:
    arm.subscription.buckets._buckets.clear()
    answers = [
        answer
        for answer in await asyncio.gather(*(arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"}) for _ in range(260)))
        if answer[0] == 429
    ]
    assert answers
    assert answers[0][1]["error"]["code"] == "SubscriptionRequestsThrottled"
    assert "Retry-After" in answers[0][2]
