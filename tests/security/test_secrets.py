"""A seeded scan: after a whole story, none of the secrets that went in is found in Redis, logs, Slack or metrics."""

from __future__ import annotations

import base64
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.looking import Looking
from tests.playing import ALICE, BOB, GPU, Playing, shown, wait_until
from tests.security.conftest import IDENTITY_HEADER, LOGS, PORTS, REDIS_PASSWORD

TYPED = {  # what careless people type
    "a Hugging Face token": "hf_QmSeedAbCdEfGhIjKlMnOpQrStUvWxYz0123",
    "a GitHub token": "ghp_QmSeed0123456789abcdefABCDEF01234567",
    "an AWS key": "AKIAQMSEED0123456789",
    "a Slack token": "xoxb-123456789012-QmSeedAbCdEfGhIjKlMn",
    "an OpenAI key": "sk-proj-QmSeedAbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
}
SHAPES = {  # what only the bot holds
    "a private key": r"PRIVATE KEY",
    "a certificate or key as a kubeconfig holds it": r"LS0tLS1CRUdJTiB",
    "a kubeconfig": r"client-key-data|client-certificate-data|certificate-authority-data",
    "a bearer token": r"(?i)bearer\s+[A-Za-z0-9._-]{16,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
}


HELD = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SLACK_CONFIG_TOKEN")
BESIDE = {  # by another way than a command
    "a token in a field of a form": "hf_QmFormAbCdEfGhIjKlMnOpQrStUvWxYz0123",
    "a token in the manifest of a shortcut": "ghp_QmManifest456789abcdefABCDEF01234567",
    "a token in a job's log": "hf_QmLoggedAbCdEfGhIjKlMnOpQrStUvWxYz01",
    "a password in a job's log": "QmLoggedPassword0123456789",
}
MANIFEST = """```
apiVersion: batch/v1
kind: Job
metadata: {name: careless}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: ghcr.io/team/train:1.2
          env: [{name: GITHUB_TOKEN, value: SEED}]
          resources: {limits: {nvidia.com/gpu: 1}}
```"""


def everything(play: Playing, logs: Path) -> dict[str, str]:
    """All that is kept or shown, by place. What people themselves wrote into the channel is theirs, and left out."""
    seen = []
    for channel in (GPU, "C0ML", "G0OPS"):
        for user in ("", "U0ALICE", "U0BOB", "U0CAROL"):
            rows = [message for one in play.messages(channel, user) for message in (one, *one["replies"])]
            seen += [shown(one) + repr({**one, "replies": []}) + files(one) for one in rows if one.get("bot") or one.get("ephemeral_to")]
    told = []
    for port in (play.ready["env"]["PORT"], PORTS["worker"], PORTS["clock"]):
        for path in ("/metrics", "/readyz"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                told.append(answer.read().decode())
    return {
        "Redis": "".join(file.read_bytes().decode(errors="replace") for file in ever_written(play)),
        "logs": "".join(file.read_text(errors="replace") for file in logs.glob("*.log")),
        "Slack": "\n".join(seen), "metrics and probes": "\n".join(told),
    }  # fmt: skip


def files(message: dict[str, Any]) -> str:
    """What stands in the files of a message."""
    found = []
    for file in message.get("files") or []:
        with urllib.request.urlopen(file["url"], timeout=10) as answer:
            found.append(answer.read().decode(errors="replace"))
    return "\n".join(found)


def ever_written(play: Playing) -> list[Path]:
    """The append-only files: each command that ever wrote to Redis, word for word."""
    folder = Path(str(play.ready["redis"]).rpartition("@")[2].removeprefix("unix://")).parent
    return [file for file in folder.rglob("*.aof") if file.is_file()]


@pytest.fixture(scope="module")
def places(play: Playing) -> dict[str, str]:
    """Everything that was kept or shown, after a story in which people and servers were careless with secrets."""
    play.command("cluster create vault --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster vault(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card("cluster vault(.|\n)*Done", seconds=90)
    for secret in TYPED.values():
        for text in (f"run mnist --on vault --env TOKEN={secret}", f"run mnist --on vault -- --token {secret}", f"pool add vault/{secret}", secret):
            assert secret not in play.command(text)
        play.mention(card["ts"], f"logs {secret}")
    filled_in(play, BESIDE["a token in a field of a form"])
    manifest = MANIFEST.replace("SEED", BESIDE["a token in the manifest of a shortcut"])
    posted = play.call("POST", "/messages", {"user": ALICE, "channel": GPU, "text": manifest})
    assert play.call("POST", "/shortcuts", {"user": ALICE, "channel": GPU, "ts": posted["ts"], "callback_id": "run_on_gpu"})["ok"]
    # A cluster that refuses and a cloud that fails: error texts are where secrets leak.
    play.fault("kubernetes", "status", "GET", status=401)
    leaking = {"error": {"code": "InternalServerError", "message": "Bearer abcdefghijklmnopqrstuvwx"}}
    play.fault("azure", "status", "GET", times=2, status=500, body=leaking)
    play.command("nodes vault")
    play.command("run mnist --on vault --gpus 1 -- --max_steps 20")
    play.card("mnist-.* on vault(.|\n)*Done", seconds=90)
    logged(play)
    wait_until(lambda: play.command("jobs"), 10)
    found = everything(play, LOGS)
    assert all(found.values()), {place: len(text) for place, text in found.items()}
    assert 'quartermaster_requests_total{call="PUT"' in found["metrics and probes"]
    return found


def filled_in(play: Playing, secret: str) -> None:
    """The form for a job, with a token among the arguments."""
    play.command("")
    menu = wait_until(lambda: next((one for one in reversed(play.messages(GPU, ALICE)) if one.get("ephemeral_to") and one["blocks"]), None))
    play.click(menu, "menu_run")
    view = wait_until(lambda: play.call("GET", f"/views?user={ALICE}")["views"])[-1]
    values = {"work": "vector-add", "on": "vault", "gpus": "1", "pods": "", "timeout": "2h", "args": f"--token {secret}"}
    assert secret not in str(play.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": values}))


def logged(play: Playing) -> None:
    """A job that prints what a Secret of its namespace holds; its log is asked for as well."""
    token, password = BESIDE["a token in a job's log"], BESIDE["a password in a job's log"]
    held = {"TOKEN": token, "URL": f"postgres://trainer:{password}@db.internal/runs"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "vaulted"}, "stringData": held}
    Looking(play, "vault").create("/api/v1/namespaces/default/secrets", secret)
    play.command("run ghcr.io/team/train:1.2 --on vault --name loud --secret vaulted -- echo token $(TOKEN) url $(URL)")
    card = play.card("loud on vault(.|\n)*Done", seconds=90)
    play.mention(card["ts"], "logs")
    play.reply(card["ts"], r"echo token \[masked\]", seconds=30)


@pytest.mark.timeout(170)
@pytest.mark.parametrize("name", [*TYPED, *BESIDE, *HELD, "the password of Redis", "what is asked for in the identity's header"])
def test_no_secret_is_kept_or_shown_anywhere(play: Playing, places: dict[str, str], name: str) -> None:
    given = TYPED | BESIDE | {"the password of Redis": REDIS_PASSWORD, "what is asked for in the identity's header": IDENTITY_HEADER}
    secret = given.get(name) or str(play.ready["env"][name])
    shapes = (secret, base64.b64encode(secret.encode()).decode().rstrip("="))
    found = [(place, text.index(shape), text) for place, text in places.items() for shape in shapes if shape in text]
    assert [f"{place}: …{text[max(0, at - 160) : at]}" for place, at, text in found] == []


def test_no_key_certificate_kubeconfig_or_bearer_token_is_kept_or_shown_anywhere(places: dict[str, str]) -> None:
    found = [(name, place, match[0][:60]) for name, shape in SHAPES.items() for place, text in places.items() if (match := re.search(shape, text))]
    assert found == []
