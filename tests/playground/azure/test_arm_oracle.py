"""Requests that azure-cli really sent (kept in oracle/) are accepted: the judge agrees with a client that we did not write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ORACLE = Path(__file__).parent / "oracle"
BEFORE = {
    "pool-scale": ["pool-add"],
    "pool-update-labels": ["pool-add"],
    "pool-stop": ["pool-add"],
    "pool-start": ["pool-add", "pool-stop"],
    "pool-update-autoscaler": ["pool-add-autoscaler"],
    "pool-update-spot-labels": ["pool-add-spot"],
    "cluster-update-tags": ["cluster-create-default-size"],
}


def load(name: str) -> Any:
    return json.loads((ORACLE / f"{name}.json").read_text())


async def play(arm: Any, name: str) -> int:
    request = load(name)
    path = {"pool": arm.pool, "cluster": arm.cluster, "group": lambda group: f"{arm.root}/resourcegroups/{group}"}[name.partition("-")[0]](
        request["name"]
    )
    status, _, headers = await arm.call("PUT", path, request["body"], **{key.replace("-", "_"): value for key, value in request["headers"].items()})
    if "Azure-AsyncOperation" in headers:
        assert (await arm.until_done(headers))["status"] == "Succeeded"
    return int(status)


@pytest.mark.parametrize("name", sorted(path.stem for path in ORACLE.glob("*.json")))
async def test_request_of_azure_cli_is_answered_as_it_was(arm: Any, name: str) -> None:
    arm.clock.speed = 20_000
    await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"}) if name != "group-create" else None
    if name.startswith("pool-"):
        await play(arm, "cluster-create")
    for earlier in BEFORE.get(name, []):
        await play(arm, earlier)
    assert await play(arm, name) == load(name)["status"]
