"""``make tour``: the whole document, headless. Prints the thread as a person would read it; exits 0 only if every step was seen."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

CREATE = "cluster create demo --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h"


class Tour:
    """Plays the story and keeps count of what was seen."""

    def __init__(self, play: Playing) -> None:
        self.play = play
        self.failed: list[str] = []
        self.started = time.monotonic()

    def step(self, what: str, look: Callable[[], Any]) -> Any:
        """One step of the story."""
        try:
            found = look()
        except AssertionError as error:
            self.failed.append(what)
            print(f"✗ {what}\n  {error}", flush=True)
            return None
        print(f"✓ {what}  ({time.monotonic() - self.started:.0f} s)", flush=True)
        return found

    def said(self, message: dict[str, Any]) -> bool:
        """Print a message as it stands in the thread."""
        for line in shown(message).splitlines():
            print(f"    │ {line}")
        print("    ╵", flush=True)
        return True

    def typed(self, text: str, user: str = ALICE) -> str:
        """Type a command, and print it with its answer."""
        print(f"\n{user.removeprefix('U0').lower()} types: /gpu {text}")
        answer = self.play.command(text, user)
        print(f"    (only you) {answer}", flush=True)
        return answer

    def deleted(self, command: str, text: str) -> None:
        """A deletion: it asks back, is confirmed, and is seen to be done."""
        asked = self.step(f"{command} asks back", lambda: self.play.card(text + r"(.|\n)*confirmation"))
        if asked is not None:
            self.play.click(asked, "confirm", ALICE)
            self.step(f"{command} done", lambda: self.said(self.play.reply(asked["ts"], "deleted; |is deleted", seconds=120)))

    def run(self) -> int:
        """The story, from nothing to nothing."""
        play = self.play
        self.typed(CREATE)
        card = self.step("the card and the plan", lambda: play.card(r"cluster demo"))
        if card is None:
            return 1
        ts = card["ts"]
        self.step("the plan in the thread", lambda: self.said(play.reply(ts, "GPU node pool gpu")))
        self.step("it waits for approval", lambda: play.card("Waiting for approval"))
        play.click(card, "approve", ALICE)
        self.step(
            "own approval is refused, privately", lambda: wait_until(lambda: [one for one in play.whispers(ALICE) if "your own request" in one])
        )
        play.click(card, "approve", BOB)
        self.step("approved by another", lambda: self.said(play.reply(ts, "Approved by")))
        self.step("GPUs proven, node capacity shown", lambda: self.said(play.reply(ts, "Proven: ", seconds=150)))
        self.step("the card says ready", lambda: self.said(play.card(r"Done(.|\n)*ready until")))
        self.typed("nodes")
        self.step("nodes on request", lambda: self.said(play.card(r"demo: 1 of 1 GPUs free")))
        self.typed("run mnist --on demo")
        job = self.step("the job's card", lambda: play.card(r"mnist-\w+ on demo"))
        if job is None:
            return 1
        done = self.step("one completion message", lambda: play.reply(job["ts"], r"succeeded: final .*accuracy 0\.\d+", seconds=120))
        if done is not None:
            self.said(done)
        name = shown(job).split(" on demo")[0].split()[-1]
        self.typed(f"logs {name}")
        self.step("the end of the log", lambda: play.card(r"Accuracy at step 490"))
        self.typed("jobs")
        self.step("jobs on request", lambda: self.said(play.card(r"Jobs\n(.|\n)*" + name)))
        self.typed("status")
        self.step("status on request", lambda: play.card("Going on"))
        self.typed("digest now")
        self.step("the digest", lambda: self.said(play.card("GPU digest")))
        self.typed(f"clean {name}")
        self.step("the job is deleted", lambda: play.card(r"its pods are deleted"))
        for command, text in (("pool delete demo/gpu", "delete node pool demo/gpu"), ("cluster delete demo", "delete cluster demo")):
            self.typed(command)
            self.deleted(command, text)
        self.typed("cluster list")
        self.step("nothing is left", lambda: play.card("There is no cluster yet"))
        took = time.monotonic() - self.started
        print(f"\n{'every step was seen' if not self.failed else 'missing: ' + ', '.join(self.failed)} in {took:.0f} s (channel {GPU})")
        return 1 if self.failed else 0


def main() -> int:
    """Parse, play, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=float, default=60.0)
    options = parser.parse_args()
    with playing(speed=options.speed) as play:
        return Tour(play).run()


if __name__ == "__main__":
    sys.exit(main())
