"""The image's content, run as the container runs it: as nobody, without a home, every file system read-only. A whole story passes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.playing import BOB, ROOT, Playing, playing, wait_until

NOBODY = "65532"
READS = "0000000000000004"  # CAP_DAC_READ_SEARCH and no other: the Python of whoever runs the tests may lie in a private folder
LOCKED = r"""
set -eu
mount --make-rprivate /
cut -d' ' -f2 /proc/self/mounts | while read -r place; do
    case $place in /proc|/proc/*|/sys|/sys/*) ;; *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;; esac
done
for place in / /tmp /var/tmp /dev/shm "$PWD"; do
    if touch "$place/.written" 2>/dev/null; then echo "$place can be written to" >&2; exit 9; fi
done
unset HOME
exec setpriv --reuid "$NOBODY" --regid "$NOBODY" --clear-groups --no-new-privs \
    --bounding-set=-all,+dac_read_search --inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search "$@"
"""


def can_lock() -> bool:
    """Whether a mount namespace of our own can be had here."""
    there = os.geteuid() == 0 and shutil.which("unshare") and shutil.which("setpriv")
    return bool(there) and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0


def copied() -> list[tuple[str, str]]:
    """What the last stage of the Dockerfile copies from the source, and where to."""
    last = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    return [(source, target) for source, target in re.findall(r"^COPY (\S+) (\S+)$", last, re.MULTILINE) if not source.startswith("--")]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Playing]:
    app = tmp_path / "app"
    for source, target in copied():
        shutil.copytree(ROOT / source, app / target, ignore=shutil.ignore_patterns("__pycache__"))
    with playing("--no-bot", speed=200) as running:
        Path(str(running.ready["redis"]).removeprefix("unix://").partition("?")[0]).chmod(0o777)
        for name in ("web", "worker", "clock"):
            env = {**os.environ, **running.ready["env"], "NOBODY": NOBODY}
            command = ["unshare", "-m", "sh", "-c", LOCKED, "sh", sys.executable, "-m", "bot", name]
            running.bots[name] = subprocess.Popen(command, cwd=app, env=env)
        yield running


def whole_story(play: Playing) -> None:
    """A cluster, approved and proven, and a job on it; none of the bot's processes ends."""

    def up() -> bool:
        assert [name for name, process in play.bots.items() if process.poll() is not None] == []
        return "On it" in play.command("sizes")

    wait_until(up, 40, "web to answer")
    play.command("cluster create locked --size Standard_NC4as_T4_v3 --for 8h")
    play.click(play.card("cluster locked(.|\n)*Waiting for approval"), "approve", BOB)
    play.card("cluster locked(.|\n)*Done", seconds=90)
    play.command("run vector-add --on locked")
    play.card("vector-add(.|\n)*Done", seconds=90)


@pytest.mark.skipif(not can_lock(), reason="needs root and mount namespaces")
def test_a_whole_story_passes_as_nobody_on_read_only_file_systems(play: Playing) -> None:
    whole_story(play)
    for name, process in play.bots.items():
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(rf"^Uid:\s+{NOBODY}\s+{NOBODY}\s", status, re.MULTILINE), name
        assert re.search(rf"^CapEff:\s+{READS}$", status, re.MULTILINE), name
        assert os.readlink(f"/proc/{process.pid}/cwd").endswith("/app")
