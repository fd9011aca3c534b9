"""The image itself (`make image`), run by a container runtime as the Deployments ask for it: a whole story passes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import PROCESSES
from playground.ports import free_port
from tests.playing import ROOT, Playing, playing
from tests.security.test_deployment import DEPLOYMENTS, container
from tests.security.test_read_only import whole_story

IMAGE = ROOT / ".tools" / "image"


def bundle(place: Path, name: str, settings: dict[str, str]) -> Path:
    """An OCI bundle of the image for one process, locked down as its Deployment says, with the files that the settings name."""
    folder = place / name
    folder.mkdir()
    subprocess.run(["runc", "spec", "--bundle", folder], check=True)
    spec: dict[str, Any] = json.loads((folder / "config.json").read_text())
    image = json.loads((IMAGE / "config.json").read_text())
    (deployment,) = (one for one in DEPLOYMENTS if one["metadata"]["name"] == name)
    rules, who = container(deployment)["securityContext"], deployment["spec"]["template"]["spec"]["securityContext"]
    user, group = (int(part) for part in image["User"].split(":"))
    assert (user, group) == (who["runAsUser"], who["runAsGroup"])
    assert rules["capabilities"] == {"drop": ["ALL"]}
    environment = {**dict(pair.split("=", 1) for pair in image["Env"]), **settings}
    spec["process"].update(
        terminal=False, user={"uid": user, "gid": group}, cwd=image["WorkingDir"], args=[*image["Entrypoint"], *container(deployment)["args"]],
        env=[f"{key}={value}" for key, value in environment.items()], noNewPrivileges=not rules["allowPrivilegeEscalation"],
        capabilities={kind: [] for kind in spec["process"]["capabilities"]},
    )  # fmt: skip
    spec["root"] = {"path": str((IMAGE / "rootfs").resolve()), "readonly": rules["readOnlyRootFilesystem"]}
    spec["linux"]["namespaces"] = [one for one in spec["linux"]["namespaces"] if one["type"] != "network"]  # the playground is on the loopback
    paths = [Path(value.removeprefix("unix://").partition("?")[0]) for value in settings.values()]
    spec["mounts"] += [
        {"destination": str(one), "source": str(one), "type": "bind", "options": ["rbind", "ro"]}
        for one in sorted({path.parent for path in paths if path.is_absolute() and path.exists()})
    ]
    (folder / "config.json").write_text(json.dumps(spec))
    return folder


def identity(name: str) -> str:
    """The container of a process."""
    return f"quartermaster-{os.getpid()}-{name}"


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Playing]:
    with playing("--no-bot", speed=200) as running:
        Path(str(running.ready["redis"]).removeprefix("unix://").partition("?")[0]).chmod(0o777)
        for folder in {Path(value).parent for value in running.ready["env"].values() if Path(value).is_file()}:
            folder.chmod(0o755)
        for name in PROCESSES:
            # One network for all three, where a cluster gives each a port 3000 of its own.
            made = bundle(tmp_path, name, {**running.ready["env"], "QUARTERMASTER_PROBE_PORT": str(free_port())})
            running.bots[name] = subprocess.Popen(["runc", "run", "--bundle", made, identity(name)], cwd=made)
        yield running
        for name in PROCESSES:
            subprocess.run(["runc", "delete", "--force", identity(name)], check=True)


@pytest.mark.skipif(not (IMAGE / "config.json").exists(), reason="`make image` builds it")
def test_a_whole_story_passes_in_containers_of_the_image(play: Playing) -> None:
    whole_story(play)
    for name in PROCESSES:
        state = json.loads(subprocess.run(["runc", "state", identity(name)], check=True, capture_output=True).stdout)
        status = Path(f"/proc/{state['pid']}/status").read_text()
        assert re.search(r"^Uid:\s+65532\s+65532\s", status, re.MULTILINE), name
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE), name
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE), name
        root = next(line for line in Path(f"/proc/{state['pid']}/mountinfo").read_text().splitlines() if line.split()[4] == "/")
        assert "ro" in root.split()[5].split(","), name
        assert os.readlink(f"/proc/{state['pid']}/cwd") == "/app"
