"""Changing what exists: scale, stop, start, abort, adopt - asked for in chat, seen in Azure."""

from __future__ import annotations

import re

import pytest

from tests.faults.test_redis_wiped import arm, azure
from tests.playing import ALICE, BOB, CAROL, Playing, shown, wait_until


def approved(play: Playing, title: str, done: str = "Done") -> dict[str, object]:
    """Approve the newest card of that title if it asks for it; the card once it is done."""
    card = play.card(f"{title}(.|\n)*(Waiting for approval|{done})")
    if "Waiting for approval" in shown(card):
        play.click(card, "approve", BOB)
    return play.card(f"{title}(.|\n)*{done}", seconds=120)


@pytest.fixture(scope="module")
def cluster(play: Playing) -> str:
    """A cluster with a GPU pool of one node."""
    play.command("cluster create shop --size Standard_NC4as_T4_v3 --nodes 1 --for 2d")
    approved(play, "cluster shop with", "Done(.|\n)*ready until")
    return "shop"


def test_a_pool_is_scaled_and_the_new_price_is_shown(play: Playing, cluster: str) -> None:
    play.command(f"pool scale {cluster}/gpu --nodes 2")
    card = play.card("scale(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card("scale node pool shop/gpu(.|\n)*Done", seconds=90)
    play.reply(card["ts"], "✅ 2 `nvidia.com/gpu` on 2 nodes of pool `gpu` can be scheduled: Tesla T4, driver (.|\n)*nodes: 2 of 2 Ready")
    play.command("nodes shop")
    play.card("2 of 2 GPUs free on 2 nodes", seconds=60)
    play.command(f"pool scale {cluster}/gpu --nodes 9")
    assert "9 nodes" in play.command(f"pool scale {cluster}/gpu --nodes 9")


def test_a_pool_is_stopped_and_started(play: Playing, cluster: str) -> None:
    before = len(play.writes("azure", "^PUT.*agentPools/gpu"))
    play.command(f"pool stop {cluster}/gpu")
    approved(play, "stop node pool|stop .*gpu")
    play.command(f"pool show {cluster}/gpu")
    assert "stopped; $" in shown(play.card(r"shop/gpu\*: .*Stopped"))
    assert len(play.writes("azure", "^PUT.*agentPools/gpu")) == before + 1
    play.command(f"pool start {cluster}/gpu")
    approved(play, "start node pool|start .*gpu")
    wait_until(lambda: play.command(f"pool show {cluster}/gpu"))
    play.card(r"shop/gpu\*: .*Running")
    play.command(f"cluster show {cluster}")
    whole = shown(play.card("resource group `quartermaster-shop`"))
    for words in ("Kubernetes 1.", "Standard_NC4as_T4_v3", "driver-only", "<@U0ALICE>", "System"):
        assert words in whole, whole
    play.reply(play.card("start node pool|start .*gpu")["ts"], "✅ 2 `nvidia.com/gpu` on 2 nodes of pool `gpu` can be scheduled")


def test_a_cluster_made_by_hand_is_adopted_by_an_operator(play: Playing) -> None:
    refused = play.command("cluster adopt shop --group quartermaster-shop", ALICE)
    assert "operator" in refused or wait_until(lambda: any("operator" in one for one in play.whispers(ALICE)))
    play.command("cluster adopt nothere --group quartermaster-shop", CAROL)
    assert re.search("nothere", shown(play.card("adopt nothere(.|\n)*Not started")))


def test_aborting_where_nothing_runs_says_so(play: Playing, cluster: str) -> None:
    play.command(f"pool abort {cluster}/gpu")
    card = play.card("abort(.|\n)*(Not started|Done)")
    assert card


def test_what_azure_is_busy_with_can_be_aborted_and_what_was_left_behind_is_removed_on_request(play: Playing, cluster: str) -> None:
    play.command(f"pool add {cluster}/extra --size Standard_NC4as_T4_v3 --nodes 1 --for 8h")
    approved(play, "node pool shop/extra")
    path = "/resourceGroups/quartermaster-shop/providers/Microsoft.ContainerService/managedClusters/shop/agentPools/extra?api-version=2026-05-01"
    pool = azure(play, "GET", path)
    play.call("POST", "/clock", {"speed": 2})
    azure(play, "PUT", path, {"properties": {**pool["properties"], "count": 3}})  # by somebody else, and slow
    play.command(f"pool scale {cluster}/extra --nodes 2")
    asked = play.card("scale node pool shop/extra(.|\n)*Waiting for approval")
    play.click(asked, "approve", BOB)
    busy = play.card(r"scale node pool shop/extra(.|\n)*is busy \(\w+\); I go on when that is over")
    play.click(busy, "abort", ALICE)
    aborted = play.card("abort what runs on node pool shop/extra(.|\n)*(Done|Working)")
    wait_until(lambda: play.writes("azure", "^POST.*agentPools/extra/abort"))
    play.click(busy, "cancel", ALICE)
    play.call("POST", "/clock", {"speed": 200})
    play.reply(busy["ts"], "Cancelled", seconds=60)
    left = play.reply(aborted["ts"], "Aborted: Node pool `shop/extra` is Canceled with .* nodes?(.|\n)*stay and cost money", seconds=60)
    play.click(left, "suggest_delete", ALICE)
    play.click(play.card("delete node pool shop/extra(.|\n)*confirmation"), "confirm", ALICE)
    wait_until(lambda: play.writes("azure", "^DELETE.*agentPools/extra"), 30)
    play.reply(play.card("delete node pool shop/extra(.|\n)*Done", seconds=60)["ts"], "Node pool `shop/extra` is deleted")


def test_a_cluster_made_by_hand_is_priced_confirmed_approved_and_looked_after(play: Playing) -> None:
    group = "/resourceGroups/own-rg?api-version=2021-04-01"
    azure(play, "PUT", group, {"location": "eastus"})
    system = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5", "osType": "Linux", "type": "VirtualMachineScaleSets"}
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "own", "agentPoolProfiles": [system]}}
    arm(play, "PUT", "own-rg", "own", body)
    wait_until(lambda: arm(play, "GET", "own-rg", "own")["properties"]["provisioningState"] == "Succeeded")
    play.command("cluster adopt own --for 3d", CAROL)
    asked = play.card("adopt cluster own(.|\n)*confirmation")
    play.click(asked, "confirm", ALICE)
    wait_until(lambda: any("Only <@U0CAROL>" in one for one in play.whispers(ALICE)))
    play.click(asked, "confirm", CAROL)
    waiting = play.card("adopt cluster own(.|\n)*Waiting for approval")
    assert not play.writes("azure", "^PATCH.*managedClusters/own")
    play.click(waiting, "approve", BOB)
    play.reply(asked["ts"], "is looked after by me now, for <@U0CAROL>", seconds=60)
    assert arm(play, "GET", "own-rg", "own")["tags"]["quartermaster-owner"] == CAROL


def test_whatever_wants_a_stopped_cluster_to_answer_is_told_how_to_start_it(play: Playing, cluster: str) -> None:
    play.command(f"run mnist --on {cluster} --name early")
    play.card("job early|early on shop(.|\n)*Done", seconds=120)
    play.command(f"cluster stop {cluster}")
    approved(play, "stop cluster shop")
    asked = ("nodes shop", "plugin status shop", "plugin install shop", "check shop/gpu", "run mnist --on shop", "logs early", "clean early")
    for text in asked:
        before = len(told(play))
        play.command(text)
        wait_until(lambda before=before: len(told(play)) > before, 30, f"an answer to {text}")  # type: ignore[misc]
    assert all("`/gpu cluster start shop` starts it" in text for text in told(play))
    play.command(f"jobs --on {cluster}")
    play.card("Jobs(.|\n)*`shop` is stopped", seconds=30)


def told(play: Playing) -> list[str]:
    """Who was told that it is stopped."""
    return [shown(row) for row in play.messages() if "The cluster `shop` is stopped" in shown(row)]
