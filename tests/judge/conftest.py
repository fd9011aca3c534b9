"""What judges share: playgrounds without the bot, and the foreign clients that ``scripts/judge`` installs under .tools/."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.judge.clients import Az, Kubectl, kubeconfig_of, signed_in, tool
from tests.playing import Playing, playing

QUICK = 1_000_000.0


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    """A playground of the module's own; the cloud works so fast that whoever waits is served at the first look."""
    with playing("--no-bot", speed=QUICK) as running:
        yield running


@pytest.fixture(autouse=True)
def _as_found(request: pytest.FixtureRequest) -> Iterator[None]:
    """No fault and no slowness outlives its test."""
    yield
    if "play" in request.fixturenames:
        running: Playing = request.getfixturevalue("play")
        running.call("DELETE", "/faults")
        running.call("POST", "/clock", {"speed": QUICK})


@pytest.fixture(scope="module")
def az(play: Playing, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """azure-cli, unmodified, signed in with the playground's managed identity."""
    return signed_in(tool("azure-cli/bin/az"), play, tmp_path_factory.mktemp("azure"))


@pytest.fixture(scope="module")
def kubectl(play: Playing, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """kubectl, unmodified, with the credentials that ARM hands out for a cluster ``demo`` with a GPU pool."""
    binary, folder = tool("kubectl/kubectl"), tmp_path_factory.mktemp("kube")
    return Kubectl(binary, folder, kubeconfig_of(play, folder))
