"""From a job's completion to the message in its thread, against ``kubectl wait --for=condition=complete`` on the same job."""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.rows import Row, share
from tests.judge.clients import Arm
from tests.playing import BOB, ROOT, Playing, playing, shown

KUBECTL = ROOT / ".tools" / "kubectl" / "kubectl"
CLUSTER = "/resourceGroups/quartermaster-lab/providers/Microsoft.ContainerService/managedClusters/lab"
LATER_SECONDS = 1.0


def completed(runs: int) -> Iterator[Row]:
    """The median difference over some runs of ``mnist``."""
    what, goal = "job completion: the bot's message after `kubectl wait` returned, median", f"≤ {LATER_SECONDS:.0f} s"
    if not KUBECTL.exists():
        yield Row(what, "skipped: kubectl is not in .tools (`make bench` and `make judge` install it)", goal)
        return
    with playing(speed=60) as play, tempfile.TemporaryDirectory(prefix="kubectl-") as folder:
        play.command("cluster create lab --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h")
        card = play.card("cluster lab(.|\n)*Waiting for approval")
        play.click(card, "approve", BOB)
        play.reply(card["ts"], "Proven: ", seconds=120)
        config = Path(folder) / "config"
        _, answer = Arm(play)("POST", f"{CLUSTER}/listClusterUserCredential")
        config.write_bytes(base64.b64decode(answer["kubeconfigs"][0]["value"]))
        later = sorted(_one(play, config) for _ in range(runs))
    middle = share(later, 0.5)
    yield Row(what, f"{middle:+.2f} s (from {later[0]:+.2f} to {later[-1]:+.2f}, {runs} runs)", goal, middle <= LATER_SECONDS)


def _one(play: Playing, config: Path) -> float:
    """Seconds by which the message came after kubectl's answer."""
    known = {one["ts"] for one in play.messages()}
    play.command("run mnist --on lab")
    card = next(iter(_new(play, known)))
    found = re.match(r"(mnist[-\w]*) on lab - ", shown(card))
    assert found
    ended, name = list[float](), found[1]

    def wait() -> None:
        while True:
            command: list[str | Path] = [KUBECTL, "--kubeconfig", config, "wait", "--for=condition=complete", f"job/{name}", "--timeout=120s"]
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode == 0:
                ended.append(time.monotonic())
                return

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not _told(play, card["ts"]):
        time.sleep(0.02)
    told = time.monotonic()
    waiting.join(120)
    return told - ended[0]


def _new(play: Playing, known: set[str]) -> Iterator[dict[str, Any]]:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        yield from (one for one in play.messages() if one["ts"] not in known and re.match(r"mnist[-\w]* on lab - ", shown(one)))
        time.sleep(0.05)
    raise AssertionError("no card of a job")


def _told(play: Playing, ts: str) -> bool:
    card = next(one for one in play.messages() if one["ts"] == ts)
    return any(re.search(r"succeeded", shown(reply)) for reply in card["replies"])
