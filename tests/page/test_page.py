"""The page in a real browser against the local Slack: what a person does must reach the app, and what it says must be seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from playground import pageserver
from tests.page import blocks
from tests.page.browser import Browser, missing
from tests.page.scripted import Scripted, scripted
from tests.playing import ALICE, BOB, wait_until

REASON = missing() or ("" if (pageserver.DIST / "index.html").exists() else "the page has not been built: make page")
pytestmark = [pytest.mark.skipif(bool(REASON), reason=REASON), pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def room() -> Iterator[Scripted]:
    with scripted() as opened:
        yield opened


@pytest.fixture(scope="module")
def window(room: Scripted) -> Iterator[Browser]:
    with Browser(room.url) as opened:
        yield opened


@pytest.fixture
def browser(window: Browser, room: Scripted) -> Iterator[Browser]:
    window.size(1280)
    window.open(ALICE)
    room.heard.clear()
    yield window
    assert window.complaints() == [], "the page's console must stay empty: no error, nothing refused by its own policy"


def test_a_button_reaches_the_app_with_its_value(browser: Browser, room: Scripted) -> None:
    room.post("card", blocks.CARD)
    browser.click("Approve")
    assert wait_until(lambda: room.heard, 10)[0]["value"] == "7"


def test_a_dangerous_button_asks_back_before_anything_is_sent(browser: Browser, room: Scripted) -> None:
    room.post("card", blocks.CARD)
    browser.click("Deny")
    browser.wait_for("Nothing has been made yet", "confirm")
    browser.click("Keep it", "confirm")
    browser.wait_gone("confirm")
    assert room.heard == []
    browser.click("Deny")
    browser.click("Yes, deny", "confirm")
    assert [heard["action_id"] for heard in wait_until(lambda: room.heard, 10)] == ["deny"]


def test_selects_and_overflow_menus_send_what_was_chosen(browser: Browser, room: Scripted) -> None:
    room.post("card", blocks.CARD)
    browser.choose("size", "A100")
    assert wait_until(lambda: room.heard, 10)[0]["selected_option"]["value"] == "A100"
    browser.click("More actions")
    browser.click("Cancel")
    assert wait_until(lambda: room.heard[1:], 10)[0]["selected_option"]["value"] == "Cancel"


def test_mentions_emoji_and_every_kind_of_block_are_drawn(browser: Browser, room: Scripted) -> None:
    ts = room.post("card", blocks.CARD)
    room.post("kinds", [block for kind in blocks.KINDS.values() for block in kind], ts)
    room.upload("mnist.log", "\n".join(f"line {number}" for number in range(40)), ts)
    browser.open_thread(ts)
    for text in (*blocks.KINDS, "@bob", "📦", "mnist.log", "line 7", "Show 32 more lines"):
        browser.wait_for(text, "thread")
    assert ":package:" not in browser.text("thread")
    browser.click("Show 32 more lines", "thread")
    browser.wait_for("line 39", "thread")
    browser.click("Steps", "thread")
    assert browser.text("thread").index("c 1") < browser.text("thread").index("a 3"), "numbers sort as numbers"


def test_a_refused_modal_says_why_and_keeps_what_was_typed(browser: Browser, room: Scripted) -> None:
    browser.say("/gpu modal")
    browser.wait_for("Add a GPU pool", "modal")
    browser.submit()
    browser.wait_for("Please complete this required field", "modal")
    browser.fill("Pool", "GPU!")
    browser.fill("Size", "T4")
    browser.submit()
    browser.wait_for("such as gpu", "modal")
    browser.fill("Pool", "gpu")
    browser.submit()
    browser.wait_gone("modal")
    assert room.heard[-1]["size"]["v"]["selected_option"]["value"] == "T4"
    assert room.heard[-1]["nodes"]["v"]["value"] == "1"


def test_an_ack_is_seen_only_by_who_typed_the_command(browser: Browser, room: Scripted) -> None:
    browser.say("/gpu nodes")
    browser.wait_for("Heard /gpu nodes")
    browser.wait_for("Only visible to you")
    browser.act_as(BOB)
    browser.wait_for("#gpu")
    assert "Heard /gpu nodes" not in browser.text("channel")


def test_a_command_in_a_thread_never_reaches_the_app_but_a_mention_does(browser: Browser, room: Scripted) -> None:
    ts = room.post("card", blocks.CARD)
    room.post("reply", [], ts)
    browser.open_thread(ts)
    browser.say("/gpu nodes", thread=True)
    browser.wait_for("is not supported in threads", "thread")
    assert room.heard == []
    browser.say("@quartermaster status", thread=True)
    assert wait_until(lambda: room.heard, 10)[0] == {"mention": "<@U0QM> status", "thread_ts": ts}


def test_an_app_that_does_not_answer_is_told_as_operation_timeout(browser: Browser, room: Scripted) -> None:
    browser.say("/gpu slow")
    browser.wait_for('/gpu failed with the error "operation_timeout"')


def test_reading_further_up_is_not_disturbed_by_news(browser: Browser, room: Scripted) -> None:
    for number in range(30):
        room.control("messages", {"user": BOB, "channel": "C0GPU", "text": f"old news {number}"})
    browser.wait_for("old news 29")
    browser.driver.execute_script("document.querySelector('main .list').scrollTop = 40")
    wait_until(lambda: browser.driver.execute_script("return document.querySelector('main .list').scrollTop") == 40, 5)
    room.control("messages", {"user": BOB, "channel": "C0GPU", "text": "fresh news"})
    browser.wait_for("New messages")
    assert browser.driver.execute_script("return document.querySelector('main .list').scrollTop") == 40
    browser.click("New messages", "page")
    wait_until(lambda: "New messages" not in browser.text(), 5)


def test_a_message_elsewhere_marks_its_channel_unread(browser: Browser, room: Scripted) -> None:
    room.control("messages", {"user": BOB, "channel": "C0ML", "text": "over here"})
    browser.find("[data-testid=channel-C0ML].unread")
    browser.channel("C0ML")
    browser.wait_for("over here", "channel")
    wait_until(lambda: not browser.driver.find_elements("css selector", ".channel.unread"), 5)


def test_home_and_the_message_shortcut(browser: Browser, room: Scripted) -> None:
    browser.home()
    browser.wait_for("1 GPU is free", "home")
    browser.channel("C0GPU")
    browser.say("kind: Job")
    browser.wait_for("kind: Job", "channel")
    browser.shortcut("Run on GPU")
    assert wait_until(lambda: room.heard, 10)[0] == {"shortcut": "kind: Job"}


def test_arrow_keys_pick_a_suggestion_and_a_command_shown_in_a_message_can_be_taken(browser: Browser, room: Scripted) -> None:
    room.post("card", blocks.CARD)
    box = browser.find("[data-testid=composer]")
    box.send_keys("/g", "\ue007")  # Enter completes what is begun
    wait_until(lambda: box.get_attribute("value") == "/gpu ", 5)
    box.send_keys("cluster", "\ue015", "\ue004")  # down, Tab
    wait_until(lambda: (box.get_attribute("value") or "").startswith("/gpu cluster create demo --region"), 5)
    browser.press(browser.driver.find_elements("xpath", "//main//code[text()='/gpu help pool']")[-1])
    wait_until(lambda: box.get_attribute("value") == "/gpu help pool", 5)


def test_on_a_phone_nothing_overflows_and_the_composer_is_in_reach(browser: Browser, room: Scripted) -> None:
    ts = room.post("card", blocks.CARD)
    room.post("kinds", [block for kind in blocks.KINDS.values() for block in kind], ts)
    browser.size(390, 844)
    browser.open_thread(ts)
    box = browser.find("[data-testid=thread-composer]").rect
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] + box["height"] <= 844
    assert browser.driver.execute_script("return document.documentElement.scrollWidth") <= 390
    browser.act_as(BOB)
    browser.wait_for("Creating the cluster", "thread")
