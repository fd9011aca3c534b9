"""One playground with a cluster of two GPUs, for all journeys about jobs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests.journeys.looking import Looking
from tests.playing import BOB, ROOT, Playing, playing

PAGE = ROOT / "docs" / "job-templates.md"


@pytest.fixture(scope="package")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """A playground with a cluster of two GPUs on it, and the job template that the page on templates shows as one's own."""
    own = tmp_path_factory.mktemp("templates")
    shown = next(body for body in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE) if body.startswith("template:"))
    (own / "finetune.yaml").write_text(shown)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("QUARTERMASTER_TEMPLATES", str(own))
        running = stack.enter_context(playing(speed=200))
        patch.undo()
        running.command("cluster create lab --region eastus --size Standard_NC4as_T4_v3 --nodes 2 --for 14d")
        card = running.card("cluster lab(.|\n)*Waiting for approval")
        running.click(card, "approve", BOB)
        running.reply(card["ts"], "Proven: ", seconds=90)
        yield running


@pytest.fixture
def lab(play: Playing) -> Looking:
    return Looking(play, "lab")
