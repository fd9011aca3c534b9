"""A seeded scan: after a whole story, none of the secrets that went in is found in Redis, logs, Slack or metrics."""

from __future__ import annotations

import base64
import re
import urllib.request
from pathlib import Path

import pytest

from tests.playing import BOB, GPU, Playing, shown, wait_until
from tests.security.conftest import PORTS

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


def everything(play: Playing, logs: Path) -> dict[str, str]:
    """All that is kept or shown, by place."""
    seen = []
    for channel in (GPU, "C0ML", "G0OPS"):
        for user in ("", "U0ALICE", "U0BOB", "U0CAROL"):
            for one in play.messages(channel, user):
                seen += [shown(message) + repr(message) for message in (one, *one["replies"])]
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


def ever_written(play: Playing) -> list[Path]:
    """The append-only files: each command that ever wrote to Redis, word for word."""
    folder = Path(str(play.ready["redis"]).removeprefix("unix://")).parent
    return [file for file in folder.rglob("*.aof") if file.is_file()]


@pytest.mark.timeout(150)
def test_no_secret_is_kept_or_shown_anywhere(play: Playing, logs: Path) -> None:
    play.command("cluster create vault --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster vault(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card("cluster vault(.|\n)*Done", seconds=90)
    for secret in TYPED.values():
        for text in (f"run mnist --on vault --env TOKEN={secret}", f"run mnist --on vault -- --token {secret}", f"pool add vault/{secret}", secret):
            assert secret not in play.command(text)
        play.mention(card["ts"], f"logs {secret}")
    # A cluster that refuses and a cloud that fails: error texts are where secrets leak.
    play.fault("kubernetes", "status", "GET", status=401)
    leaking = {"error": {"code": "InternalServerError", "message": "Bearer abcdefghijklmnopqrstuvwx"}}
    play.fault("azure", "status", "GET", times=2, status=500, body=leaking)
    play.command("nodes vault")
    play.command("run mnist --on vault --gpus 1 -- --max_steps 20")
    play.card("mnist-.* on vault(.|\n)*Done", seconds=90)
    wait_until(lambda: play.command("jobs"), 10)
    places = everything(play, logs)
    assert all(places.values()), {place: len(text) for place, text in places.items()}
    assert 'quartermaster_requests_total{call="PUT"' in places["metrics and probes"]
    env = play.ready["env"]
    seeds = TYPED | {name: env[name] for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN")}
    mention = "logs "  # a person's own message in the channel is the person's; the bot's are looked at
    found = []
    for place, text in places.items():
        kept = "\n".join(line for line in text.splitlines() if place != "Slack" or mention not in line or "U0QM" not in line)
        for name, secret in seeds.items():
            for shape in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")):
                if shape in kept:
                    found.append(f"{name} in {place}: …{kept[max(0, kept.index(shape) - 120):kept.index(shape)]}")
        found += [f"{name} in {place}: {match.group(0)[:60]}" for name, shape in SHAPES.items() if (match := re.search(shape, text))]
    assert found == []
