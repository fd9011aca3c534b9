"""Who the bot is to a cluster: tokens are asked for afresh, rights are the server's to give."""

from __future__ import annotations

import pytest
import yaml

from bot.cluster.access import Access
from bot.errors import Failed, Temporary
from playground.azure.identity import issue
from tests.cluster.conftest import ID, Rig

AKS_SERVER_APP = "6dae42f8-4368-4678-94ff-3960e28e3630"


def _token(audience: str) -> str:
    return issue(audience)[0]


async def test_an_entra_cluster_is_entered_with_a_token_of_the_bots_own(rig: Rig) -> None:
    clusters, _ = rig.simulated()
    asked: list[int] = []

    def provider() -> str:
        asked.append(1)
        return _token(AKS_SERVER_APP)

    access = Access.from_kubeconfig(yaml.safe_load(clusters.kubeconfig(ID, entra=True)), cluster="demo", token_provider=provider)
    assert await access.get("/version")
    before = len(asked)
    await access.get("/version")
    assert len(asked) > before
    access.close()


async def test_a_token_for_somebody_else_is_refused(rig: Rig) -> None:
    clusters, _ = rig.simulated()
    access = Access.from_kubeconfig(yaml.safe_load(clusters.kubeconfig(ID, entra=True)), cluster="demo", token_provider=lambda: _token("other"))
    with pytest.raises(Failed) as caught:
        await access.get("/api/v1/nodes")
    assert caught.value.code == "cluster.unauthorized"
    access.close()


async def test_a_provider_that_fails_speaks_for_itself(rig: Rig) -> None:
    clusters, _ = rig.simulated()

    def provider() -> str:
        raise Temporary("cluster.unavailable", cluster="identity", status=503)

    access = Access.from_kubeconfig(yaml.safe_load(clusters.kubeconfig(ID, entra=True)), cluster="demo", token_provider=provider)
    with pytest.raises(Temporary, match="identity"):
        await access.get("/version")
    access.close()


async def test_a_closed_connection_is_a_passing_trouble_and_no_crash(rig: Rig) -> None:
    clusters, _ = rig.simulated()
    access = Access.from_kubeconfig(yaml.safe_load(clusters.kubeconfig(ID)), cluster="demo")
    await access.get("/version")
    access.close()
    with pytest.raises(Temporary):
        await access.get("/version")


@pytest.mark.parametrize(("status", "code"), [(429, "cluster.unavailable"), (500, "cluster.unavailable"), (410, "cluster.expired")])
async def test_a_busy_server_is_a_passing_trouble_and_nothing_sleeps(rig: Rig, status: int, code: str) -> None:
    rig.fault("GET .*/nodes", "status", status=status, retry_after=30)
    with pytest.raises(Temporary) as caught:
        await rig.access.list("/api/v1/nodes")
    assert caught.value.code == code
    if status == 429:
        assert caught.value.retry_after == 30.0
    assert await rig.access.list("/api/v1/nodes") is not None


async def test_a_connection_that_breaks_under_a_read_is_repeated_once(rig: Rig) -> None:
    rig.fault("GET .*/nodes", "reset_before")
    assert await rig.access.list("/api/v1/nodes") is not None


async def test_an_answer_cut_in_its_middle_is_no_answer(rig: Rig) -> None:
    rig.fault("GET .*/nodes", "truncate", times=2)
    with pytest.raises(Temporary):
        await rig.access.list("/api/v1/nodes")
