"""Points 8 and 9: digests at set times, once; expiry that warns, can be extended, and deletes."""

from __future__ import annotations

from tests.playing import ALICE, BOB, GPU, Playing, shown, wait_until

HOUR, DAY = 3600, 86400


def test_a_digest_is_set_shown_posted_at_its_time_and_ended(play: Playing) -> None:
    play.command('digest set "daily 09:00 Europe/Berlin"')
    play.card("digest will be posted here daily 09:00 Europe/Berlin")
    play.command("digest show")
    play.card("daily 09:00 Europe/Berlin, set by")
    play.advance(7 * DAY)
    play.card("GPU digest", seconds=30)
    play.command("digest now")
    wait_until(lambda: sum("GPU digest" in shown(one) for one in play.messages(GPU)) == 2)
    play.command("digest off")
    play.card("No more digests here")
    play.advance(7 * DAY)
    play.command("digest show")
    play.card("No digest is set here")
    assert sum("GPU digest" in shown(one) for one in play.messages(GPU)) == 2


def test_a_pool_warns_is_extended_and_is_deleted_when_it_expires(play: Playing) -> None:
    play.command("cluster create base --for 3d")
    base = play.card("cluster base(.|\n)*Waiting for approval")
    play.click(base, "approve", BOB)
    play.card("cluster base(.|\n)*Done", seconds=90)
    play.command("pool add base/gpu --size Standard_NC4as_T4_v3 --for 8h")
    asked = play.card("node pool base/gpu(.|\n)*Waiting for approval")
    play.click(asked, "approve", BOB)
    play.card("node pool base/gpu(.|\n)*Done", seconds=90)
    owner = next(line for line in play.writes("azure", "^PUT.*agentPools/gpu"))
    assert owner
    play.advance(7 * HOUR + 100)
    warning = play.reply(asked["ts"], "expires in (.|\n)*is deleted then", seconds=30)
    play.click(warning, "extend", ALICE)
    play.reply(asked["ts"], "now runs until", seconds=30)
    play.advance(2 * HOUR)
    play.command("pool show base/gpu")
    play.card(r"\*base/gpu\*: 1 ×")
    play.advance(3 * HOUR)
    play.reply(asked["ts"], "has expired and is being deleted", seconds=30)
    play.reply(asked["ts"], "Node pool `base/gpu` is deleted", seconds=60)
    deletions = play.writes("azure", "^DELETE.*agentPools/gpu")
    assert len(deletions) == 1


def test_a_thread_needs_no_names(play: Playing) -> None:
    play.command("cluster create plain --for 2h")
    card = play.card("cluster plain(.|\n)*Done", seconds=60)
    play.mention(card["ts"], "status")
    play.reply(card["ts"], "cluster plain(.|\n)*succeeded")
    play.mention(card["ts"], "extend 3h")
    play.reply(card["ts"], "now runs until")
    play.mention(card["ts"], "what is this")
    play.reply(card["ts"], "Here I understand|Type:")


def test_an_extension_that_crosses_a_tier_is_approved_anew_and_none_goes_beyond_the_policys_longest(play: Playing) -> None:
    play.command("cluster create tiny --for 2h")
    card = play.card("cluster tiny(.|\n)*Done", seconds=60)
    assert not [reply for reply in card["replies"] if "Approved" in shown(reply)]
    play.mention(card["ts"], "extend 3d")
    play.reply(card["ts"], "extending `tiny` until .* needs an approval .*in total is above")
    asked = play.card("extend tiny(.|\n)*Waiting for approval")
    play.reply(asked["ts"], "in all since it was made")
    play.click(asked, "approve", ALICE)
    wait_until(lambda: any("your own request" in one for one in play.whispers(ALICE)))
    assert not play.writes("azure", "^PATCH.*managedClusters/tiny")
    play.click(asked, "approve", BOB)
    play.reply(asked["ts"], "`tiny` now runs until", seconds=30)
    assert len(play.writes("azure", "^PATCH.*managedClusters/tiny")) == 1
    play.mention(card["ts"], "extend 14d")
    play.reply(card["ts"], "`tiny` now runs until(.|\n)*Capped: the policy allows at most 14d from now")
    play.mention(card["ts"], "extend 1d")
    play.reply(card["ts"], "the policy allows at most 14d from now. Extend it later")


def test_api_servers_that_hang_cost_their_own_lines_and_not_the_digest_the_home_tab_or_the_list_of_nodes(play: Playing) -> None:
    for name in ("mute", "deaf"):
        play.command(f"cluster create {name} --for 2h")
        play.card(f"cluster {name}(.|\n)*Done", seconds=60)
    play.fault("kubernetes", "hang", times=-1)
    try:
        play.command("digest now")
        play.command("nodes")
        play.call("POST", "/home", {"user": ALICE})
        digest = shown(play.card("GPU digest(.|\n)*Could not be read"))
        assert all(f"`{name}` did not answer" in digest for name in ("mute", "deaf"))
        play.card(r"\*mute\*: `mute` did not answer")
        wait_until(lambda: "`deaf` did not answer" in str(play.call("GET", f"/home?user={ALICE}")["view"]))
    finally:
        play.call("DELETE", "/faults")
