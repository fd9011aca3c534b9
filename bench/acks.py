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
from collections.abc import Iterator
from urllib.parse import urlencode

import aiohttp

from bench.processes import busy
from bench.rows import Row, share
from playground.ports import free_port
from tests.playing import ROOT, Playing, playing

CONCURRENCY = (1, 16, 64)
TURNS = 6
HANGING_MS, TIMES_BARE = 300.0, 2.0
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

        return list(itertools.chain.from_iterable(await asyncio.gather(*(person() for _ in range(concurrency)))))


async def _open_loop(url: str, secret: str, per_second: float, seconds: float) -> list[float]:
    """Seconds of each ack where commands come at a steady rate, whatever the answers."""
    async with aiohttp.ClientSession() as session:
        tasks = []
        for _ in range(int(per_second * seconds)):
            tasks.append(asyncio.create_task(_one(session, url, secret)))
            await asyncio.sleep(1 / per_second)
        return sorted(await asyncio.gather(*tasks))


async def _asked(url: str, secret: str) -> None:
    async with aiohttp.ClientSession() as session:
        await _one(session, url, secret)


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


def measure(seconds: float, hanging: float) -> Iterator[Row]:
    """Rows of the table; the three servers take turns, so that whatever else the machine does hits them alike."""
    with playing("--no-bot", speed=60) as play:
        secret = play.ready["env"]["SLACK_SIGNING_SECRET"]
        urls = _serve(play, secret)
        # The worker has seen alice once, as it has seen everybody in a channel that is in use.
        play.bot("worker")
        asyncio.run(_asked(urls["web"], secret))
        play.card(".")
        play.bots["worker"].terminate()
        play.bots.pop("worker").wait()
        for concurrency in CONCURRENCY:
            yield from _compared(play, urls, secret, concurrency, seconds)
        play.bot("worker")
        for service in ("slack", "azure"):
            play.fault(service, "hang", "", times=-1)
        mine = asyncio.run(_open_loop(urls["web"], secret, 50, hanging))
        p50, p99 = share(mine, 0.5) * 1000, share(mine, 0.99) * 1000
        yield Row(
            f"ack, 50 a second for {hanging:.0f} s, Azure and Slack hanging: p50 / p99", f"{p50:.1f} / {p99:.1f} ms ({len(mine)} commands)",
            f"p99 ≤ {HANGING_MS:.0f} ms", p99 <= HANGING_MS,
        )  # fmt: skip


def _serve(play: Playing, secret: str) -> dict[str, str]:
    """Start the bot's web process, the bare app and the bare app that writes; their addresses."""
    ports = {"web": int(play.ready["env"]["PORT"]), "bare": free_port(), "written": free_port()}
    play.bot("web", SLACK_APP_TOKEN="", QUARTERMASTER_CLOCK_FILE="")  # as in production: no rehearsal's clock to look at
    for name, store in (("bare", ""), ("written", play.ready["redis"])):
        command = [sys.executable, "-m", "bench.bare", str(ports[name]), store]
        play.bots[name] = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "SLACK_SIGNING_SECRET": secret})
    for port in ports.values():
        asyncio.run(_listening(port))
    return {name: f"http://127.0.0.1:{port}/slack/events" for name, port in ports.items()}


def _compared(play: Playing, urls: dict[str, str], secret: str, concurrency: int, seconds: float) -> Iterator[Row]:
    taken: dict[str, list[float]] = {name: [] for name in urls}
    spent = dict.fromkeys(urls, 0.0)
    for turn in range(TURNS + 1):
        for name, url in urls.items():
            before = busy(play.bots[name].pid)
            found = asyncio.run(_closed_loop(url, secret, concurrency, seconds / TURNS if turn else 0.3))
            if turn:  # the first is for warming up
                taken[name] += found
                spent[name] += busy(play.bots[name].pid) - before
    for part, label in ((0.5, "p50"), (0.99, "p99")):
        ms = {name: share(sorted(values), part) * 1000 for name, values in taken.items()}
        ratio = ms["web"] / ms["bare"]
        goal = (f"≤ × {TIMES_BARE:.0f} of bare", ratio <= TIMES_BARE) if (concurrency, label) == (16, "p99") else ("", None)
        yield Row(
            f"ack {label}, {concurrency} at once",
            f"{ms['web']:.1f} ms; bare Bolt {ms['bare']:.1f} ms: **× {ratio:.2f}**; bare and one Redis write {ms['written']:.1f} ms: "
            f"× {ms['web'] / ms['written']:.2f}",
            *goal,
        )
    cpu = {name: spent[name] / max(1, len(taken[name])) * 1e6 for name in urls}
    yield Row(f"CPU for an ack, {concurrency} at once", f"{cpu['web']:.0f} µs; bare {cpu['bare']:.0f} µs; with one write {cpu['written']:.0f} µs")
