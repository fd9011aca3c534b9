"""Takes a picture of every kind of message and writes docs/cards.md: ``python -m tests.page.cards``.

Everything is brought about over the playground's control API and photographed where a person reads it, at the width of a large phone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journeys.test_money import counting
from tests.page.browser import Browser, missing
from tests.playing import ALICE, BOB, CAROL, GPU, ROOT, Playing, playing, shown, wait_until

HOUR = 3600
T4 = "Standard_NC4as_T4_v3"
Card = dict[str, Any]
WIDTH, HEIGHT = 560, 2600


@dataclass
class Gallery:
    """One playground, one window; `pages` is what docs/cards.md will show: heading or picture, and what it says."""

    play: Playing
    window: Browser
    folder: Path
    page: list[str]

    def part(self, heading: str) -> None:
        """A new section of the page."""
        self.page.append(f"\n## {heading}\n")

    def take(self, name: str, words: str, message: Card, *, thread: str = "", user: str = ALICE) -> Card:
        """Photograph one message: in the channel, or in the thread whose parent is `thread`."""
        self.window.open(user, thread=thread)
        element = self.window.find(f"{'[data-testid=thread-panel] ' if thread else 'main '}[data-testid='message-{message['ts']}']")
        element.screenshot(str(self.folder / f"{name}.png"))
        self.note(name, words)
        return message

    def note(self, name: str, words: str) -> None:
        """Put a picture on the page."""
        self.page.append(f"{words}\n\n![{words}](pictures/cards/{name}.png)\n")

    def modal(self, name: str, words: str, card: Card, action: str, user: str) -> None:
        """Photograph the form that a button opens, and close it."""
        self.window.open(user)
        self.play.click(card, action, user)
        self.window.find("[data-testid=modal]").screenshot(str(self.folder / f"{name}.png"))
        self.note(name, words)
        view = self.play.call("GET", f"/views?user={user}")["views"][-1]
        self.play.call("POST", "/views/close", {"user": user, "view_id": view["id"]})

    def asked(self, command: str, text: str = "", user: str = ALICE) -> Card:
        """Type a command; its newest card that shows `text`."""
        before = {one["ts"] for one in self.play.messages(GPU, ALICE)}
        self.play.command(command, user)
        return wait_until(
            lambda: next(
                (
                    one
                    for one in self.play.messages(GPU, ALICE)
                    if one["ts"] not in before and not shown(one).startswith("On it") and re.search(text, shown(one))
                ),
                None,
            ),
            60,
            command,
        )


def asking(one: Gallery) -> None:
    """From the command to the proven pool."""
    play = one.play
    one.part("A request: plan, approval, progress, proof")
    card = one.asked(f"cluster create demo --region eastus --size {T4} --nodes 2 --for 8h", "Waiting for approval")
    one.take("asked", "What was asked for, what it costs, and who has to agree", card)
    one.take("plan", "The plan, in its thread; the whole of it is attached as a file", play.reply(card["ts"], "Plan"), thread=card["ts"])
    one.modal("deny", "Deny asks why", card, "deny", BOB)
    one.modal("break-glass", "An emergency needs a reason, and every approver is told", card, "break_glass", CAROL)
    play.click(card, "approve", BOB)
    one.take("approved", "Approved: each step as it happens", play.card("cluster demo(.|\n)*Approved by"))
    one.take("proven", "The proof: only now is it called ready", play.reply(card["ts"], "Proven: ", seconds=120), thread=card["ts"])
    one.take("done", "Done", play.card("cluster demo(.|\n)*Done", seconds=60))


def refusing(one: Gallery) -> None:
    """What is not started, and why."""
    play = one.play
    one.part("Not started, or not finished")
    one.take(
        "refused",
        "What cannot work is refused before anything is made",
        one.asked("pool add demo/big --size Standard_ND96isr_H100_v5 --for 2h", "Not (started|possible)|Refused"),
    )
    one.take(
        "mended",
        "Where something else can be had, a button asks for that",
        one.asked(f"cluster create older --size {T4} --kubernetes-version 1.29 --for 8h", "Ask for Kubernetes"),
    )
    denied = one.asked(f"pool add demo/extra --size {T4} --nodes 2 --for 2d", "Waiting for approval")
    play.click(denied, "deny", BOB)
    view = play.view('"reason"', BOB)
    play.call("POST", "/views/submit", {"user": BOB, "view_id": view["id"], "values": {"reason": "use demo/gpu, it has two free nodes"}})
    one.take("denied", "Denied, with the reason", play.card("demo/extra(.|\n)*Denied"))
    play.fault("azure", "lro_failed", match="agentPools/gpu", code="AllocationFailed", message="Allocation failed.")
    moved = one.asked(f"cluster create full --region eastus --size {T4} --nodes 1 --for 8h", "Waiting for approval")
    play.click(moved, "approve", BOB)
    one.take(
        "fallback",
        "No capacity: the next place that the policy permits is tried",
        play.reply(moved["ts"], "no free machines", seconds=90),
        thread=moved["ts"],
    )
    play.reply(moved["ts"], "Proven: ", seconds=120)
    play.fault("azure", "lro_failed", match="^PUT.*agentPools/gpu3", times=-1, code="AllocationFailed", message="Allocation failed.")
    unlucky = one.asked(f"pool add demo/gpu3 --size {T4} --nodes 1 --for 8h", "Waiting for approval")
    play.click(unlucky, "approve", BOB)
    one.take("failed", "Failed: the cause, what to do, and buttons that do it", play.card("demo/gpu3(.|\n)*Failed", seconds=150))
    play.call("DELETE", "/faults")


def running(one: Gallery) -> None:
    """Jobs."""
    play = one.play
    one.part("A job")
    one.asked("run mnist --on demo --name long --set max_steps=90000")
    one.take("running", "While it runs: the newest number, and what is left", play.card("long on demo(.|\n)*so far", seconds=60))
    job = one.asked("run mnist --on demo --name mnist")
    one.take(
        "completed",
        "One message when it is over: metric, curve, device, duration, cost",
        play.reply(job["ts"], r"mnist\*? succeeded", seconds=90),
        thread=job["ts"],
    )
    play.mention(job["ts"], "logs")
    one.take(
        "logs", "Its log: the tail, and the whole as a file; secrets are masked", play.reply(job["ts"], r"last \d+ of", seconds=60), thread=job["ts"]
    )
    failed = one.asked("run ghcr.io/team/train:1.2 --on demo --name broken --env PLAYGROUND_EXIT_CODE=3")
    one.take("job-failed", "A program that fails", play.reply(failed["ts"], r"broken\*? failed", seconds=60), thread=failed["ts"])
    large = one.asked("run mnist --on demo --gpus 4 --name large", "Not started")
    one.take(
        "no-room", "No node is large enough: pools that would do, cheapest first", play.reply(large["ts"], "was not started"), thread=large["ts"]
    )


def cancelling(one: Gallery) -> None:
    """A job is ended by hand."""
    card = one.play.card(r"\Along on demo - ")
    one.play.click(card, "cancel")
    one.take("cancelled", "Cancelled: what was seen last is kept", one.play.reply(card["ts"], "Cancelled by"), thread=card["ts"])


ANSWERS = (
    ("menu", "", "`/gpu`: the menu"),
    ("nodes", "nodes demo", "`/gpu nodes`: who holds which GPU, and what fits now"),
    ("check", "check demo", "`/gpu check`: the proof, or the cause why not"),
    ("status", "status", "`/gpu status`: what is there, for how much, until when"),
    ("jobs", "jobs", "`/gpu jobs`"),
    ("sizes", "sizes --region eastus --under 5", "`/gpu sizes`: GPU, price, and what the quota still permits"),
    ("price", f"price {T4}", "`/gpu price`"),
    ("quota", "quota eastus", "`/gpu quota`"),
    ("budget", "budget", "`/gpu budget`: set aside, spent, left"),
    ("audit", "audit", "`/gpu audit`: who asked, who agreed, what happened"),
    ("digest", "digest now", "The digest"),
)


def answering(one: Gallery) -> None:
    """Questions."""
    one.part("Questions")
    for name, command, words in ANSWERS:
        found = one.asked(command, user=CAROL if name == "audit" else ALICE)
        if name == "check":
            found = one.play.card("check demo(.|\\n)*Done")
        one.take(name, words, found)
    one.play.call("POST", "/home", {"user": ALICE})
    one.window.open(ALICE, home=True)
    one.window.size(WIDTH, 560)
    one.window.wait_for("demo", "home")
    one.window.find("[data-testid=home]").screenshot(str(one.folder / "home.png"))
    one.window.size(WIDTH, HEIGHT)
    one.note("home", "The app's Home")


def ending(one: Gallery) -> None:
    """Reminders, idling, expiry, deletion."""
    play = one.play
    one.part("Time and money")
    pending = one.asked(f"pool add demo/later --size {T4} --nodes 2 --for 2d", "Waiting for approval")
    play.advance(15 * 60 + 5)
    one.take("reminder", "A pending approval is reminded of", play.reply(pending["ts"], "Still waiting for", seconds=30), thread=pending["ts"])
    play.click(pending, "cancel", ALICE)
    demo = play.card("cluster demo(.|\n)*Done")
    wait_until(lambda: counting(play, "demo"), 30, "the idle time to be counted")
    play.advance(HOUR + 60)
    one.take("idle", "Nobody uses it: warned, with ways out", play.reply(demo["ts"], "no pod has asked", seconds=60), thread=demo["ts"])
    play.advance(6 * HOUR - 15 * 60)
    one.take("expiry", "Before it expires", play.reply(demo["ts"], "expires in", seconds=60), thread=demo["ts"])
    deletion = one.asked("cluster delete demo", "(?i)confirm")
    one.take("deletion", "Deletion asks back", deletion)


PARTS: tuple[Callable[[Gallery], None], ...] = (asking, running, answering, cancelling, refusing, ending)


def pictures(folder: Path) -> Iterator[str]:
    """Play everything; the lines of docs/cards.md."""
    folder.mkdir(parents=True, exist_ok=True)
    with playing(speed=30) as play, Browser(play.ready["page"], width=WIDTH, height=HEIGHT) as window:
        gallery = Gallery(play, window, folder, [])
        for part in PARTS:
            part(gallery)
        yield from gallery.page


def main() -> int:
    """Exit code 1 where there is no browser."""
    if missing():
        print(missing(), file=sys.stderr)
        return 1
    head = "# What is posted\n\nEvery kind of message as it stands on the playground's page; written by `python -m tests.page.cards`.\n"
    text = head + "\n".join(pictures(ROOT / "docs" / "pictures" / "cards"))
    (ROOT / "docs" / "cards.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
