"""Points 1, 2 and 6, done by a person with eyes, keyboard and mouse in headless Chromium."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.page.browser import Browser, missing
from tests.playing import ALICE, BOB, GPU, Playing, shown

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
IMAGES = os.environ.get("QUARTERMASTER_IMAGES")  # a folder: the screenshots of the README are made by this test


def kept(browser: Browser, name: str, width: int, height: int) -> None:
    if IMAGES:
        browser.screenshot(Path(IMAGES) / name, width, height)


def test_a_person_asks_has_it_approved_and_reads_the_accuracy(play: Playing) -> None:
    with Browser(play.ready["page"]) as browser:
        browser.open(ALICE, GPU)
        browser.say("/gpu cluster create seen --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h")
        browser.wait_for("Waiting for approval")
        card = play.card("cluster seen(.|\n)*Waiting for approval")
        browser.click("Approve")
        browser.wait_for("You cannot decide about your own request")
        browser.open(BOB, GPU, thread=card["ts"])
        browser.wait_for("Cannot be changed later", "thread")
        kept(browser, "approval-1280.png", 1280, 1000)
        browser.click("Approve", "thread")
        browser.wait_for("can be scheduled", "thread", 90)
        play.card("cluster seen(.|\n)*Done")
        browser.open(ALICE, GPU, thread=card["ts"])
        browser.wait_for("can be scheduled", "thread")
        kept(browser, "thread-1280.png", 1280, 1300)
        browser.say("/gpu run mnist --on seen")
        job = play.card(r"mnist-\w+ on seen")
        play.reply(job["ts"], "succeeded: final", seconds=90)
        browser.open(ALICE, GPU, thread=job["ts"])
        text = browser.wait_for("Final", "thread")
        assert re.search(r"final \S*\s?accuracy 0\.\d{4}", text), text
        kept(browser, "result-1280.png", 1280, 1000)
        kept(browser, "result-390.png", 390, 844)
        browser.open(ALICE, GPU)
        kept(browser, "channel-390.png", 390, 844)
        browser.home()
        browser.wait_for("GPU digest", "home")
        kept(browser, "home-1280.png", 1280, 900)
        assert browser.complaints() == []
    assert "seen" in shown(card)
