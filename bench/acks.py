"""How long a person waits for an ack, against a bare Bolt app on the same machine in the same run."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import os
import subprocess
import sys
import time
from urllib.parse import urlencode

import aiohttp

from playground.__main__ import free_port
from tests.playing import ROOT, playing

CONCURRENCY = (1, 16, 64)
_triggers = itertools.count()


async def _one(session: aiohttp.ClientSession, url: str, secret: str) -> float:
    fields = {
        "command": "/gpu", "text": "nodes", "team_id": "T0PLAYGROUND", "user_id": "U0ALICE", "channel_id": "C0GPU",
        "trigger_id": f"b{next(_triggers)}",
    }  # fmt: skip
    body, stamp = urlencode(fields), str(int(time.time()))
    signature = "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    started = time.perf_counter()
    async with session.post(url, data=body, headers=headers) as answer:
        text = await answer.text()
        if answer.status != 200 or "On it" not in text:
            raise RuntimeError(f"{answer.status}: {text[:200]}")
    return time.perf_counter() - started


async def _closed_loop(url: str, secret: str, concurrency: int, seconds: float) -> list[float]:
    """Seconds of each ack, `concurrency` commands at a time."""
    async with aiohttp.ClientSession() as session:
        ends = time.perf_counter() + seconds

        async def person() -> list[float]:
            found = []
            while time.perf_counter() < ends:
                found.append(await _one(session, url, secret))
            return found

        return sorted(itertools.chain.from_iterable(await asyncio.gather(*(person() for _ in range(concurrency)))))


async def _open_loop(url: str, secret: str, per_second: float, seconds: float) -> list[float]:
    """Seconds of each ack where commands come at a steady rate, whatever the answers."""
    async with aiohttp.ClientSession() as session:
        tasks = []
        for number in range(int(per_second * seconds)):
            tasks.append(asyncio.create_task(_one(session, url, secret)))
            del number
            await asyncio.sleep(1 / per_second)
        return sorted(await asyncio.gather(*tasks))


def at(values: list[float], share: float) -> float:
    """A percentile, in milliseconds."""
    return values[min(len(values) - 1, int(len(values) * share))] * 1000


async def _listening(port: int) -> None:
    for _ in range(400):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise RuntimeError(f"nothing listens on {port}")


def measure(seconds: float) -> list[tuple[str, str]]:
    """Rows of the table."""
    rows = []
    with playing("--no-bot", speed=60) as play:
        secret, port, bare_port = play.ready["env"]["SLACK_SIGNING_SECRET"], int(play.ready["env"]["PORT"]), free_port()
        play.bot("web", SLACK_APP_TOKEN="")
        command = [sys.executable, "-m", "bench.bare", str(bare_port)]
        play.bots["bare"] = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "SLACK_SIGNING_SECRET": secret})
        ours, bare = (f"http://127.0.0.1:{one}/slack/events" for one in (port, bare_port))
        asyncio.run(_listening(port))
        asyncio.run(_listening(bare_port))
        for concurrency in CONCURRENCY:
            for url in (bare, ours):
                asyncio.run(_closed_loop(url, secret, concurrency, 0.3))
            base, mine = asyncio.run(_closed_loop(bare, secret, concurrency, seconds)), asyncio.run(_closed_loop(ours, secret, concurrency, seconds))
            for share, label in ((0.5, "p50"), (0.99, "p99")):
                ratio = at(mine, share) / at(base, share)
                rows.append((f"ack {label}, {concurrency} at once", f"{at(mine, share):.1f} ms; bare Bolt {at(base, share):.1f} ms; × {ratio:.2f}"))
        play.bot("worker")
        for service in ("slack", "azure"):
            play.fault(service, "hang", "", times=-1)
        mine = asyncio.run(_open_loop(ours, secret, 50, max(5.0, seconds)))
        rows.append(("ack p50 / p99, 50 a second, Azure and Slack hanging", f"{at(mine, 0.5):.1f} / {at(mine, 0.99):.1f} ms ({len(mine)} commands)"))
    return rows
