"""Takes the README's pictures: ``python -m tests.page.screenshots [FOLDER]`` plays the story on the page at 1280 and 390 px."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.page.browser import Browser, missing
from tests.playing import ALICE, BOB, Playing, playing

CREATE = "cluster create demo --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h"


def story(play: Playing, folder: Path) -> None:
    """A cluster asked for, approved and proven; a job run on it; each as it is seen on the page."""
    with Browser(play.ready["page"]) as desk, Browser(play.ready["page"], width=390, height=844, dark=True) as phone:
        desk.open(ALICE)
        desk.wait_for("/gpu run mnist --on demo")
        desk.screenshot(folder / "start-1280.png")
        desk.say(f"/gpu {CREATE}")
        card = play.card("Waiting for approval")
        play.reply(card["ts"], "Plan")
        desk.open_thread(card["ts"])
        desk.wait_for("Cannot be changed later", "thread")
        desk.screenshot(folder / "plan-1280.png")
        phone.open(BOB, thread=card["ts"])
        phone.wait_for("Cannot be changed later", "thread")
        phone.show("Approve", "thread")
        phone.screenshot(folder / "approve-390.png")
        phone.click("Approve", "thread")
        play.card("Approved by", seconds=60)
        desk.wait_for("Approved by", "channel")
        desk.screenshot(folder / "progress-1280.png")
        play.card("Done", seconds=120)
        desk.say("/gpu run mnist --on demo")
        job = play.card("final accuracy", seconds=120)
        play.reply(job["ts"], "succeeded")
        desk.open_thread(job["ts"])
        desk.wait_for("Final accuracy", "thread")
        desk.screenshot(folder / "result-1280.png")
        phone.open(ALICE, thread=job["ts"])
        phone.wait_for("Final accuracy", "thread")
        phone.screenshot(folder / "result-390.png")
        desk.home()
        desk.wait_for("demo", "home")
        desk.screenshot(folder / "home-1280.png")


def main() -> int:
    """Exit code 1 where there is no browser."""
    if missing():
        print(missing(), file=sys.stderr)
        return 1
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures")
    with playing(speed=30) as play:
        story(play, folder)
    print(*sorted(str(picture) for picture in folder.glob("*.png")), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
