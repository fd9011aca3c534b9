"""Clients that we did not write, as processes: azure-cli, kubectl; and a bare ARM client for what only prepares a test."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from playground.kubernetes.rbac import token_of
from tests.playing import ROOT, Playing, wait_until

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
TENANT = "00000000-0000-4000-8000-00000000000a"
SECONDS = 120.0


def tool(path: str) -> Path:
    """A client below .tools/; where it is not installed the test is skipped, unless ``make judge`` runs, which installs it."""
    found = ROOT / ".tools" / path
    if not found.exists():
        _lacks(f".tools/{path} is not installed: `make judge` does that")
    return found


def node() -> str:
    """Node, the system's or the one in .venv; see :func:`tool` where there is none."""
    found = shutil.which("node") or shutil.which("node", path=str(ROOT / ".venv" / "bin"))
    if found is None:
        _lacks("there is no Node: `make judge` installs one")
    return found


def _lacks(what: str) -> NoReturn:
    if os.environ.get("JUDGING"):
        pytest.fail(what)
    pytest.skip(what)


class Failed(AssertionError):
    """A client ended with an error; `said` is what it wrote about it."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"{command}\n{said[-3000:]}")
        self.said = said


@dataclass
class Az:
    """azure-cli with a configuration folder of its own."""

    binary: Path
    env: dict[str, str]
    folder: Path

    def __call__(self, command: str, *, debug: bool = False) -> Any:
        """``az command``: its JSON, or None where it printed none; with `debug` what it logged instead. Raises Failed."""
        words = [*command.split(), "--output", "json", *(["--debug"] if debug else [])]
        done = subprocess.run([self.binary, *words], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS, check=False)
        if done.returncode:
            raise Failed(f"az {command}", done.stderr)
        if debug:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, command: str) -> str:
        """What ``az command`` says when it fails."""
        with pytest.raises(Failed) as failed:
            self(command)
        return failed.value.said


def az_configured(binary: Path, play: Playing, folder: Path) -> Az:
    """azure-cli told of the playground as a cloud of its own, signed in as nobody yet."""
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "AZURE_CONFIG_DIR": str(folder / "config"), "AZURE_CORE_COLLECT_TELEMETRY": "0",
        "AZURE_CORE_NO_COLOR": "1", "REQUESTS_CA_BUNDLE": play.ready["env"]["SSL_CERT_FILE"],
        "IDENTITY_ENDPOINT": play.ready["env"]["IDENTITY_ENDPOINT"], "IDENTITY_HEADER": play.ready["env"]["IDENTITY_HEADER"],
    }  # fmt: skip
    az, arm = Az(binary, env, folder), play.ready["azure"]
    az(
        f"cloud register -n playground --skip-endpoint-discovery --endpoint-resource-manager {arm}/ --endpoint-active-directory {arm} "
        "--endpoint-active-directory-resource-id https://management.core.windows.net/ --endpoint-management https://management.core.windows.net/"
    )
    az("cloud set -n playground")
    return az


def signed_in(binary: Path, play: Playing, folder: Path) -> Az:
    """azure-cli signed in with a managed identity."""
    az = az_configured(binary, play, folder)
    az("login --identity")
    return az


@dataclass
class Arm:
    """Resource Manager without a client library, for what a test needs before it begins."""

    play: Playing

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """(status, JSON or None). Raises OSError where the connection breaks."""
        context = ssl.create_default_context(cafile=self.play.ready["ca"])
        request = urllib.request.Request(
            f"{self.play.ready['azure']}/subscriptions/{SUBSCRIPTION}{path}{'&' if '?' in path else '?'}api-version=2026-08-01",
            data=None if body is None else json.dumps(body).encode(), method=method,
            headers={"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, context=context, timeout=30) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, status = error.read(), error.code
        return status, json.loads(text) if text.strip() else None

    def token(self) -> str:
        """A token of the managed identity."""
        env = self.play.ready["env"]
        url = f"{env['IDENTITY_ENDPOINT']}?resource=https://management.azure.com/&api-version=2019-08-01"
        request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(json.loads(answer.read())["access_token"])

    def settled(self, path: str) -> dict[str, Any]:
        """The resource once nothing runs on it."""

        def look() -> dict[str, Any] | None:
            status, body = self("GET", path)
            done = status == 200 and body["properties"]["provisioningState"] in ("Succeeded", "Failed", "Canceled")
            return body if done else None

        return wait_until(look, 30, f"{path} settled")

    def made(self, path: str, body: Any) -> dict[str, Any]:
        """PUT, and wait until it is there."""
        status, answer = self("PUT", path, body)
        assert status in (200, 201), answer
        found = self.settled(path)
        assert found["properties"]["provisioningState"] == "Succeeded", found
        return found


CLUSTERS = "/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters"
DEMO = f"{CLUSTERS}/demo"
GPU_POOL = {"properties": {"vmSize": "Standard_NC4as_T4_v3", "count": 1, "mode": "User", "nodeTaints": ["sku=gpu:NoSchedule"]}}


def with_cluster(play: Playing) -> Arm:
    """A cluster ``demo`` in the group ``rg`` with one T4 node in the pool ``gpu``."""
    arm = Arm(play)
    arm("PUT", "/resourceGroups/rg", {"location": "eastus"})
    system = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5", "osType": "Linux"}
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "demo", "agentPoolProfiles": [system]}}
    arm.made(DEMO, body)
    arm.made(f"{DEMO}/agentPools/gpu", GPU_POOL)
    return arm


def kubeconfig_of(play: Playing, folder: Path) -> Path:
    """The kubeconfig of a new cluster ``demo`` (see :func:`with_cluster`), in a file."""
    _, answer = with_cluster(play)("POST", f"{DEMO}/listClusterUserCredential")
    path = folder / "kubeconfig"
    path.write_bytes(base64.b64decode(answer["kubeconfigs"][0]["value"]))
    return path


@dataclass
class Kubectl:
    """kubectl with a home of its own."""

    binary: Path
    folder: Path
    config: Path

    def __call__(self, command: str, *, stdin: str = "", ok: bool = True) -> str:
        """``kubectl command``: what it printed, on both channels where it fails as told. Raises Failed."""
        done = subprocess.run(
            [self.binary, *command.split()], input=stdin, env=self.env, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        if (done.returncode == 0) is not ok:
            raise Failed(f"kubectl {command}", done.stdout + done.stderr)
        return done.stdout if ok else done.stdout + done.stderr

    def begun(self, command: str) -> subprocess.Popen[str]:
        """``kubectl command``, still running; the caller ends it."""
        return subprocess.Popen([self.binary, *command.split()], env=self.env, stdout=subprocess.PIPE, text=True)

    @property
    def env(self) -> dict[str, str]:
        """The process's environment."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(self.config)}

    def as_role(self, role: str) -> Kubectl:
        """The same with the token of a reader or a nobody."""
        config = yaml.safe_load(self.config.read_text())
        config["users"][0]["user"] = {"token": token_of("rg--demo", role)}
        path = self.folder / role
        path.write_text(yaml.safe_dump(config))
        return Kubectl(self.binary, self.folder, path)
