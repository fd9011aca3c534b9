"""What can be asked and said in a job's thread, where nothing has to be named; and who may end a job."""

from __future__ import annotations

import re

from tests.journeys.jobs.acts import IMAGE, card_of, content, ran
from tests.journeys.looking import Looking
from tests.playing import ALICE, BOB, Playing, shown, wait_until


def test_the_thread_of_a_job_answers_for_its_job(play: Playing, lab: Looking) -> None:
    ran(play, "run mnist --on lab --set max_steps=60 --name asked", "asked")
    card, _ = card_of(play, "asked")
    play.mention(card["ts"], "curve")
    picture = play.reply(card["ts"], r"asked-\w+\.png")
    assert content(play, picture).startswith(b"\x89PNG\r\n\x1a\n")
    play.mention(card["ts"], "history")
    play.reply(card["ts"], r"\*asked\* on lab: succeeded(.|\n)*final accuracy")
    play.mention(card["ts"], "again --set max_steps=120")
    play.card(r"Done(.|\n)*`asked` again with max_steps 60 → 120", seconds=90)
    play.mention(card["ts"], "clean")
    play.reply(card["ts"], "Job `asked` and its pods are deleted")
    assert lab.job("asked") is None


def test_a_curve_is_drawn_while_the_job_still_runs(play: Playing) -> None:
    play.command("run mnist --on lab --set max_steps=90000 --name half-way")
    card, _ = card_of(play, "half-way")
    play.card(r"half-way on lab(.|\n)*so far: accuracy .* at step \d{2,}", seconds=60)
    play.mention(card["ts"], "status")
    play.mention(card["ts"], "curve")
    play.reply(card["ts"], r"\*half-way on lab\*: running on `aks-gpu")
    picture = play.reply(card["ts"], r"half-way-\w+\.png")
    assert re.search(r"the last value is 0\.\d+ at step \d+", picture["files"][0]["alt_txt"])
    play.mention(card["ts"], "stop")
    play.reply(card["ts"], "Cancelled by <@U0ALICE>")


def test_a_thread_without_a_job_says_so(play: Playing) -> None:
    cluster = play.card(r"cluster lab(.|\n)*Done")

    def told() -> int:
        thread = next(one for one in play.messages() if one["ts"] == cluster["ts"])["replies"]
        return sum("This thread is not about a job" in shown(reply) for reply in thread)

    for number, word in enumerate(("curve", "again", "clean", "history"), 1):
        play.mention(cluster["ts"], word)
        wait_until(lambda number=number: told() == number, what=word)  # type: ignore[misc]


def test_only_its_owner_and_operators_end_or_delete_a_job_by_name_too(play: Playing, lab: Looking) -> None:
    play.command(f"run {IMAGE} --on lab --name bobs --env PLAYGROUND_SECONDS=inf", BOB)
    card = play.card(r"\Abobs on lab - (.|\n)*running on")
    play.command("cancel bobs", ALICE)
    wait_until(lambda: any("Only <@U0BOB>, who asked for it, can do that" in text for text in play.whispers(ALICE)))
    play.command("clean bobs", ALICE)
    wait_until(lambda: sum("Only <@U0BOB>, who asked for it, can do that" in text for text in play.whispers(ALICE)) == 2)
    assert lab.job("bobs")["metadata"].get("deletionTimestamp") is None
    play.command("cancel bobs", BOB)
    play.reply(card["ts"], "Cancelled by <@U0BOB>")
