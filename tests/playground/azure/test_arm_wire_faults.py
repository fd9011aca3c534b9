"""Faults below the service: the caller must not be able to tell whether the write took place; and the backend of one real cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from playground.realcluster import RealCluster

# aiohttp's client repeats a PUT by itself, once, where a kept-alive connection is dropped: a caller sees only the second drop.
TWICE = 2


async def test_connection_dropped_after_the_write_leaves_the_pool_being_created(arm: Any, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "PUT .*agentPools/gpu", "effect": "reset_after", "times": TWICE})
    with pytest.raises(aiohttp.ClientError):
        await arm.put_pool("gpu")
    assert (await arm.call("GET", arm.pool("gpu")))[1]["properties"]["provisioningState"] == "Creating"


async def test_connection_dropped_before_the_write_leaves_nothing(arm: Any, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "PUT .*agentPools/gpu", "effect": "reset_before", "times": TWICE})
    with pytest.raises(aiohttp.ClientError):
        await arm.put_pool("gpu")
    assert (await arm.call("GET", arm.pool("gpu")))[0] == 404


async def test_server_error_is_answered_before_anything_happens(arm: Any, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "PUT .*agentPools/gpu", "effect": "status", "status": 503, "retry_after": 2})
    status, _, headers = await arm.put_pool("gpu")
    assert (status, headers["Retry-After"]) == (503, "2")
    assert (await arm.call("GET", arm.pool("gpu")))[0] == 404


def test_real_cluster_hands_out_the_file_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("kind: Config\n")
    backend = RealCluster(file)
    with pytest.raises(KeyError):
        backend.kubeconfig("rg--demo")
    backend.create("rg--demo", kubernetes_version="1.35.3")
    file.write_text("kind: Config\nusers: []\n")
    assert backend.kubeconfig("rg--demo", admin=True) == "kind: Config\nusers: []\n"
    assert backend.pool_ready("rg--demo", "gpu")


def test_real_cluster_without_its_file_fails_at_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        RealCluster(tmp_path / "missing")
