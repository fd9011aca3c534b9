"""What Azure answers when it cannot: the cause, what to do and a button that does it, in the thread of whoever asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.test_redis_wiped import azure
from tests.playing import ALICE, BOB, CAROL, GPU, Playing, shown, wait_until

FAMILY = (
    "Operation could not be completed as it results in exceeding approved Standard NCASv3_T4 Family Cores quota. Additional details - "
    "Deployment Model: Resource Manager, Location: eastus, Current Limit: 8, Current Usage: 4, Additional Required: 16"
)
SYNC: dict[str, dict[str, Any]] = {
    "g1": {"code": "OperationNotAllowed", "message": FAMILY, "status": 409},
    "g4": {"code": "VMSizeNotSupported"},
    "g5": {"code": "RequestDisallowedByPolicy", "status": 403},
    "g3": {"code": "MissingSubscriptionRegistration", "status": 409},
    "zonal": {"code": "AvailabilityZoneNotSupported", "status": 400},
}
LATER: dict[str, dict[str, Any]] = {
    "l1": {"code": "QuotaExceeded", "message": FAMILY.replace("Standard NCASv3_T4 Family", "Total Regional")},
    "l2": {"code": "VMExtensionError_OutBoundConnFail"},
}
TOLD: dict[str, tuple[str, set[str]]] = {
    "g1": ("Standard NCASv3_T4 Family(.|\n)*4 vCPUs are left and 16 more are needed", {"sizes", "quota"}),
    "g4": ("does not offer that VM size", {"sizes"}),
    "g5": ("Azure Policy", set()),
    "g3": ("has not registered the resource provider", {"register"}),
    "zonal": ("does not have the zone", {"suggest_mend0", "sizes"}),
    "l1": ("Total Regional", {"sizes", "quota"}),
    "l2": ("<@U0ALICE>", {"retry"}),
}


@pytest.fixture(scope="module")
def asked(play: Playing) -> Iterator[dict[str, dict[str, Any]]]:
    """A cluster, and a pool for each way to fail, all asked for at once."""
    play.command("cluster create base --for 8h")
    card = play.card("cluster base(.|\n)*(Waiting for approval|Done)", seconds=60)
    if "Waiting" in shown(card):
        play.click(card, "approve", BOB)
    play.card("cluster base(.|\n)*Done", seconds=60)
    for name, options in SYNC.items():
        play.fault("azure", "sync_error", f"PUT .*agentPools/{name}", times=1 if name == "zonal" else -1, **options)
    for name, options in LATER.items():
        play.fault("azure", "lro_failed", f"PUT .*agentPools/{name}", times=-1, **options)
    cards = {}
    wanted = (*TOLD, "held", "late")
    for name in wanted:
        play.command(f"pool add base/{name} --size Standard_NC4as_T4_v3 --nodes 1 --for 1h{' --zone 2' if name == 'zonal' else ''}")
    for name in wanted:
        cards[name] = play.card(f"node pool base/{name}:(.|\n)*Waiting for approval")
        play.click(cards[name], "approve", BOB)
    yield cards
    play.call("DELETE", "/faults")


def now(play: Playing, card: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in play.messages(GPU) if one["ts"] == card["ts"])


def buttons(message: dict[str, Any]) -> set[str]:
    elements = [element for block in message["blocks"] if block["type"] == "actions" for element in block["elements"]]
    return {element["action_id"].partition(":")[0] for element in elements}


@pytest.mark.parametrize("name", TOLD)
def test_the_thread_says_what_was_wrong_and_the_card_offers_what_helps(play: Playing, asked: dict[str, dict[str, Any]], name: str) -> None:
    words, offered = TOLD[name]
    card = asked[name]
    over = wait_until(lambda: one if any(end in shown(one := now(play, card)) for end in ("Failed", "Not started")) else None, 90)
    said = shown(over) + "\n".join(shown(reply) for reply in now(play, card)["replies"])


    assert re.search(words, said), said
    assert buttons(over) == offered
    assert not [row for row in azure_pools(play) if row == name], "nothing half-made is left"


def azure_pools(play: Playing) -> list[str]:
    path = "/resourceGroups/quartermaster-base/providers/Microsoft.ContainerService/managedClusters/base/agentPools?api-version=2026-05-01"
    return [row["name"] for row in azure(play, "GET", path)["value"]]


def test_a_provider_that_is_not_registered_is_registered_by_the_button_of_an_operator(play: Playing, asked: dict[str, dict[str, Any]]) -> None:
    card = wait_until(lambda: one if "register" in buttons(one := now(play, asked["g3"])) else None, 60)
    play.click(card, "register", ALICE)
    wait_until(lambda: any("operator" in one for one in play.whispers(ALICE)))
    assert not play.writes("azure", "POST.*providers/Microsoft.ContainerService/register")
    play.click(card, "register", CAROL)
    play.card("`Microsoft.ContainerService` is registered")
    assert len(play.writes("azure", "POST.*providers/Microsoft.ContainerService/register")) == 1


def test_what_cannot_be_had_is_asked_for_by_one_click_as_it_can_be(play: Playing, asked: dict[str, dict[str, Any]]) -> None:
    play.command("cluster create older --size Standard_NC4as_T4_v3 --kubernetes-version 1.29")
    play.command("cluster create retro --size Standard_NC6 --for 8h")
    failed = play.card("Not started(.|\n)*1.29 is not supported(.|\n)*Ask for Kubernetes 1.36")
    assert play.click(failed, "suggest_mend0")["ok"]
    assert "1.36" in shown(play.reply(play.card("cluster older with(.|\n)*Waiting for approval")["ts"], "Per hour"))
    told = wait_until(lambda: next((one for one in play.messages(GPU, ALICE) if "was retired by Azure" in shown(one)), None))
    assert play.click(told, "menu_instead")["ok"]
    assert "NC4as_T4_v3" in shown(play.card("cluster retro with(.|\n)*Waiting for approval"))


def test_a_zone_that_azure_refuses_is_left_out_by_one_click_and_the_pool_is_made(play: Playing, asked: dict[str, dict[str, Any]]) -> None:
    play.click(play.card("node pool base/zonal:(.|\n)*does not have the zone(.|\n)*Ask without the zone"), "suggest_mend0", CAROL)
    asked_again = play.card("node pool base/zonal:(.|\n)*Waiting for approval(.|\n)*asked by <@U0CAROL>")
    play.click(asked_again, "approve", CAROL)
    wait_until(lambda: any("your own request" in one for one in play.whispers(CAROL)))
    play.click(asked_again, "approve", BOB)
    wait_until(lambda: "zonal" in azure_pools(play), 60)
    path = "/resourceGroups/quartermaster-base/providers/Microsoft.ContainerService/managedClusters/base/agentPools/zonal"
    assert "availabilityZones" not in azure(play, "GET", f"{path}?api-version=2026-05-01")["properties"]


def test_a_deletion_that_a_disruption_budget_holds_up_fails_in_words_and_can_be_forced(play: Playing, asked: dict[str, dict[str, Any]]) -> None:
    play.card("node pool base/held:(.|\n)*Done", seconds=90)
    play.fault("azure", "lro_failed", "DELETE .*agentPools/held", times=1, code="UnsatisfiablePDB")
    play.command("pool delete base/held")
    play.click(play.card("delete node pool base/held(.|\n)*confirmation"), "confirm")
    failed = play.card("delete node pool base/held(.|\n)*Failed", seconds=60)
    assert "PodDisruptionBudget" in shown(failed)
    assert "held" in azure_pools(play)
    play.click(failed, "force")
    again = play.card("delete node pool base/held(.|\n)*confirmation(.|\n)*whatever a PodDisruptionBudget says")
    assert again["ts"] != failed["ts"]
    play.click(again, "confirm")
    play.reply(again["ts"], "Node pool `base/held` is deleted", seconds=60)
    assert play.writes("azure", "DELETE.*agentPools/held.*ignore-pod-disruption-budget=true")


def test_what_expired_is_deleted_although_azure_could_not_at_first_and_the_owner_is_told(play: Playing, asked: dict[str, dict[str, Any]]) -> None:
    card = asked["late"]
    play.card("node pool base/late:(.|\n)*Done", seconds=90)
    play.fault("azure", "lro_failed", "DELETE .*agentPools/late", times=1, code="UnsatisfiablePDB")
    play.advance(3700)
    play.reply(card["ts"], "has expired, but Azure could not delete it(.|\n)*PodDisruptionBudget(.|\n)*I go on trying", seconds=60)
    play.reply(card["ts"], "Node pool `base/late` is deleted", seconds=90)
    assert play.writes("azure", "DELETE.*agentPools/late.*ignore-pod-disruption-budget=true")
