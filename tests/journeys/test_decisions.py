"""Points 2 and 10: who may ask and who may decide, and what they are told before they do."""

from __future__ import annotations

import re

import pytest

from tests.playing import ALICE, BOB, CAROL, GINA, RANDOM, Playing, shown, wait_until


@pytest.fixture
def pending(play: Playing, request: pytest.FixtureRequest) -> dict[str, object]:
    """The card of a request that waits for approval."""
    name = "c" + str(abs(hash(request.node.name)))[:8]
    play.command(f"cluster create {name} --size Standard_NC4as_T4_v3 --for 8h")
    return play.card(f"cluster {name}(.|\n)*Waiting for approval")


def thread(play: Playing, ts: object) -> str:
    return "\n".join(shown(reply) for one in play.messages() if one["ts"] == ts for reply in one["replies"])


def test_the_requesters_own_click_and_a_guests_very_first_one_are_refused_in_private(play: Playing, pending: dict[str, object]) -> None:
    play.click(pending, "approve", GINA)
    wait_until(lambda: any("Guests" in one for one in play.whispers(GINA)))
    play.click(pending, "approve", ALICE)
    wait_until(lambda: any("your own request" in one for one in play.whispers(ALICE)))
    assert "Approved" not in thread(play, pending["ts"])
    play.click(pending, "cancel", ALICE)
    play.reply(str(pending["ts"]), "Cancelled")


def test_deny_ends_it_with_a_reason_and_nothing_is_made(play: Playing, pending: dict[str, object]) -> None:
    play.click(pending, "deny", BOB)
    views = wait_until(lambda: play.call("GET", f"/views?user={BOB}")["views"])
    answer = play.call("POST", "/views/submit", {"user": BOB, "view_id": views[-1]["id"], "values": {"reason": "no budget this week"}})
    assert answer["ok"], answer
    play.reply(str(pending["ts"]), "denied by <@U0BOB>: no budget this week")
    card = next(one for one in play.messages() if one["ts"] == pending["ts"])
    assert "Denied" in shown(card)
    assert not [block for block in card["blocks"] if block["type"] == "actions"]
    assert play.writes("azure", "^PUT") == []


def test_two_clicks_of_two_people_start_it_once(play: Playing, pending: dict[str, object]) -> None:
    play.click(pending, "approve", BOB)
    play.click(pending, "approve", BOB)
    play.click(pending, "approve", "U0CAROL")
    play.reply(str(pending["ts"]), "Approved by")
    play.click(next(one for one in play.messages() if one["ts"] == pending["ts"]), "cancel", ALICE)
    play.reply(str(pending["ts"]), "Cancelled", seconds=90)
    assert thread(play, pending["ts"]).count("Approved by") == 1


def test_a_guest_may_not_ask_and_learns_why_in_private(play: Playing) -> None:
    play.command("cluster create guests --size Standard_NC4as_T4_v3", GINA)
    wait_until(lambda: any("Guests" in one for one in play.whispers(GINA)))
    assert not any("guests" in shown(one) for one in play.messages())
    # Once known, she is told in the ack.
    assert "Guests" in play.command("cluster create guests --size Standard_NC4as_T4_v3", GINA)


def test_without_the_role_it_is_refused_by_name_of_the_role(play: Playing) -> None:
    first = play.command("feature register ManagedGPUExperiencePreview", ALICE)
    assert "operator" in first or wait_until(lambda: any("operator" in one for one in play.whispers(ALICE)))


def test_where_the_bot_is_not_a_member_it_says_how_to_invite_it(play: Playing) -> None:
    play.command("cluster create elsewhere --size Standard_NC4as_T4_v3", ALICE, RANDOM)
    wait_until(lambda: any("/invite" in one for one in play.whispers(ALICE, RANDOM)))
    assert not play.writes("azure", "managedClusters/elsewhere")
    play.command("nodes", ALICE, RANDOM)
    wait_until(lambda: sum("/invite" in one for one in play.whispers(ALICE, RANDOM)) >= 2)


def test_a_channel_that_takes_no_cards_is_said_in_private_and_nothing_is_started(play: Playing) -> None:
    play.fault("slack", "error", "chat.postMessage", times=-1, error="restricted_action_thread_only_channel")
    play.command("cluster create nowhere --size Standard_NC4as_T4_v3 --for 1h")
    wait_until(lambda: any("restricted_action_thread_only_channel" in one for one in play.whispers(ALICE)))
    play.call("DELETE", "/faults")
    assert not any("nowhere" in shown(one) for one in play.messages())


def test_what_is_dear_needs_two_people_and_everybody_sees_who_has_agreed(play: Playing) -> None:
    play.command("cluster create quick --for 2h")
    play.card("cluster quick(.|\n)*Done", seconds=60)
    play.command("cluster create dear --size Standard_ND96asr_v4 --for 2h")
    card = play.card("cluster dear(.|\n)*Waiting for approval(.|\n)*2 approvals needed")
    plan = shown(play.reply(card["ts"], "Per hour"))
    for words in (
        r"resource group quartermaster-dear", r"cluster dear\*? - \$0\.19/h", "8 × A100 40 GB each", "Cannot be changed later", "Usually takes",
        r"Azure retail prices of \d{4}-\d\d-\d\d", r"\$27\.\d\d",
    ):  # fmt: skip
        assert re.search(words, plan), (words, plan)
    file = play.reply(card["ts"], r"plan-\w+\.txt")["files"][0]
    assert file["name"].startswith("plan-")
    play.click(card, "approve", BOB)
    play.card("cluster dear(.|\n)*Waiting for approval(.|\n)*So far: <@U0BOB>")
    play.click(card, "approve", BOB)
    assert not play.writes("azure", "^PUT.*managedClusters/dear")
    play.click(card, "approve", CAROL)
    play.reply(card["ts"], "Approved by <@U0BOB> and <@U0CAROL>")
    play.click(next(one for one in play.messages() if one["ts"] == card["ts"]), "cancel", ALICE)
    play.reply(card["ts"], "Cancelled", seconds=90)


def test_sizes_prices_and_quotas_are_the_same_knowledge_that_plans_use(play: Playing) -> None:
    play.command("sizes --region eastus --gpu A100 --under 5")
    told = shown(play.card("GPU sizes in eastus"))
    for words in ("NC24ads_A100_v4", "1 × A100 80 GB", "3.67", "Quota for", "nodes"):
        assert words in told, told
    assert "NC96ads" not in told
    assert "T4" not in told
    play.command("price Standard_NC4as_T4_v3")
    play.card(r"Standard_NC4as_T4_v3\*? in eastus: \*?\$0\.53/h\*? on demand")
    play.command("quota eastus")
    quota = shown(play.card("vCPU quotas in eastus"))
    assert re.search("NCAS", quota), quota
    assert re.search("(?i)spot", quota), quota
